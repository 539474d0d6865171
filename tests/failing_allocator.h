/*
 * Running out of memory, for tests of it: the n-th allocation fails. The linker sends the program's own calls here
 * (tests/CMakeLists.txt), jansson's come by json_set_alloc_funcs, libyaml's because its functions for it can be
 * replaced. What is not given back is counted, so that a leak shows in every build.
 *
 * Parsing by jansson (2.14) is one allocation here and not each of its own: it takes no notice when it could not grow
 * the text of a string, goes on without that character, and without the last one reads beyond the end. Not failed at
 * all are allocations within the C library and Zstandard.
 */
#ifndef CAVIAR_TESTS_FAILING_ALLOCATOR_H
#define CAVIAR_TESTS_FAILING_ALLOCATOR_H

#include <caviar/caviar.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

enum { MOST_BLOCKS = 1 << 15 };

static int64_t allocations, failing_allocation = INT64_MAX; /* how many were made, and which fails, from 0 */
static const char *failed_allocation;                       /* the name of the function that failed */
static int parsing;
static void *blocks[MOST_BLOCKS]; /* what was allocated since fail_allocation and is not given back */
static int block_count;

static inline int allocation_fails(const char *name) {
    if (parsing || allocations++ != failing_allocation) return 0;
    failed_allocation = name;
    errno = ENOMEM;
    return 1;
}

static inline void *note_block(void *block) {
    if (block && block_count < MOST_BLOCKS) blocks[block_count++] = block;
    return block;
}

/* The latest blocks are the first to go, mostly. */
static inline void forget_block(const void *block) {
    for (int i = block_count - 1; block && i >= 0; i--) {
        if (blocks[i] != block) continue;
        blocks[i] = blocks[--block_count];
        return;
    }
}

#define FAILING(result, name, parameters, arguments)                                                                   \
    result __real_##name parameters;                                                                                   \
    result __wrap_##name parameters;                                                                                   \
    result __wrap_##name parameters {                                                                                  \
        return allocation_fails(#name) ? NULL : note_block(__real_##name arguments);                                   \
    }

FAILING(void *, malloc, (size_t size), (size))
FAILING(void *, calloc, (size_t count, size_t size), (count, size))
FAILING(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
FAILING(char *, strdup, (const char *text), (text))

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size) {
    if (allocation_fails("realloc")) return NULL;
    forget_block(memory);
    return note_block(__real_realloc(memory, size));
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory) {
    forget_block(memory);
    __real_free(memory);
}

/* What these allocate is the C library's or Zstandard's own until it is given out. */
FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size) {
    return allocation_fails("open_memstream") ? NULL : __real_open_memstream(text, size);
}

int __real_vasprintf(char **text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
int __wrap_vasprintf(char **text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
int __wrap_vasprintf(char **text, const char *format, va_list arguments) {
    const int length = allocation_fails("vasprintf") ? -1 : __real_vasprintf(text, format, arguments);
    if (length >= 0) note_block(*text);
    return length;
}

ZSTD_DCtx *__real_ZSTD_createDCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void) {
    return allocation_fails("ZSTD_createDCtx") ? NULL : __real_ZSTD_createDCtx();
}

/* jansson leaves no message when memory runs out. */
json_t *__real_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error) {
    memset(error, 0, sizeof *error);
    if (allocation_fails("json_loads")) return NULL;
    parsing = 1;
    json_t *value = __real_json_loads(text, flags, error);
    parsing = 0;
    return value;
}

json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error) {
    memset(error, 0, sizeof *error);
    if (allocation_fails("json_loadb")) return NULL;
    parsing = 1;
    json_t *value = __real_json_loadb(text, size, flags, error);
    parsing = 0;
    return value;
}

/* libyaml, a shared library, must find these. */
#define REPLACES __attribute__((visibility("default")))
REPLACES void *yaml_malloc(size_t size);
REPLACES void *yaml_realloc(void *memory, size_t size);
REPLACES void yaml_free(void *memory);
REPLACES char *yaml_strdup(const char *text);

REPLACES void *yaml_malloc(size_t size) {
    return allocation_fails("yaml_malloc") ? NULL : note_block(__real_malloc(size ? size : 1));
}

REPLACES void *yaml_realloc(void *memory, size_t size) {
    if (allocation_fails("yaml_realloc")) return NULL;
    forget_block(memory);
    return note_block(__real_realloc(memory, size ? size : 1));
}

REPLACES void yaml_free(void *memory) {
    __wrap_free(memory);
}

REPLACES char *yaml_strdup(const char *text) {
    return !text || allocation_fails("yaml_strdup") ? NULL : note_block(__real_strdup(text));
}

#ifndef CAVIAR_TESTS_FAILING_FILES_H /* which has its own */
/* Files need not last, and synchronising them would take most of the time. */
REPLACES int fsync(int descriptor);
REPLACES int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}
#endif

#ifdef CAVIAR_SIMT /* new (std::nothrow) and delete of the kernels' host code */
FAILING(void *, _ZnwmRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow))

void __real__ZdlPvm(void *memory, size_t size);
void __wrap__ZdlPvm(void *memory, size_t size);
void __wrap__ZdlPvm(void *memory, size_t size) {
    forget_block(memory);
    __real__ZdlPvm(memory, size);
}
#endif

/* Makes allocation `n` from now on fail, counted from 0, and begins to count what is kept. */
static inline void fail_allocation(int64_t n) {
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    allocations = block_count = 0;
    failed_allocation = "none";
    failing_allocation = n;
}

/* From now on none fails. Says whether the one that was to fail was reached. */
static inline int stop_failing(void) {
    const int reached = allocations > failing_allocation;
    failing_allocation = INT64_MAX;
    return reached;
}

/*
 * Fails allocation 0, 1, ... of `attempt` until none is left: each time it must say that memory ran out, and keep none.
 * `harmless`, where there is one, says of a success that it is right in spite of the failure. Returns how many failed.
 */
static inline int exhaust_allocations(const char *what, int at_least, caviar_status (*attempt)(void),
                                      int (*harmless)(void)) {
    for (int n = 0;; n++) {
        (void)caviar_model_load(NULL, NULL); /* so that the message afterwards is no earlier one */
        fail_allocation(n);
        const caviar_status status = attempt();
        const int failed = stop_failing();
        cr_assert_eq(block_count, 0, "%s, allocation %d (%s): %d blocks are not given back", what, n, failed_allocation,
                     block_count);
        if (!failed) {
            cr_assert_eq(status, CAVIAR_OK, "%s: %s", what, caviar_last_error());
            cr_assert_geq(n, at_least, "%s: only %d allocations", what, n);
            return n;
        }
        if (!status && harmless && harmless()) continue;
        cr_assert(status == CAVIAR_OUT_OF_MEMORY || status == CAVIAR_OUT_OF_DEVICE_MEMORY,
                  "%s, allocation %d (%s): status %d: %s", what, n, failed_allocation, (int)status,
                  caviar_last_error());
        cr_assert(strstr(caviar_last_error(), status == CAVIAR_OUT_OF_MEMORY ? "out of memory" : "not be allocated"),
                  "%s, allocation %d (%s): %s", what, n, failed_allocation, caviar_last_error());
    }
}

#endif
