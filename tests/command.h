/* Runs the command `caviar` in a folder of its own and keeps what it says, for the tests of the command. */
#ifndef CAVIAR_TESTS_COMMAND_H
#define CAVIAR_TESTS_COMMAND_H

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct command_result {
    int code; /* the exit code; 128 + the signal's number when a signal ended it */
    char *out, *err;
} command_result;

/* The folder that the commands run in; removed by command_leave. */
static char command_folder[64];

static inline void command_enter(void) {
    strcpy(command_folder, "/tmp/caviar-test-XXXXXX");
    cr_assert_not_null(mkdtemp(command_folder));
    cr_assert_eq(chdir(command_folder), 0);
}

static inline void command_leave(void) {
    char line[128];
    snprintf(line, sizeof line, "rm -rf %s", command_folder);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(line), 0);
}

/* The whole file as text (malloc'ed); "" when there is none. */
static inline char *file_text(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1);
    size_t size = 0;
    int character;
    while (file && (character = fgetc(file)) != EOF) {
        text = realloc(text, size + 2);
        text[size++] = (char)character;
        text[size] = 0;
    }
    if (file) fclose(file);
    return text;
}

static inline void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

static inline int file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

static inline int line_count(const char *text) {
    int count = 0;
    for (; *text; text++) count += *text == '\n';
    return count;
}

/* The last line, without its end. */
static inline const char *last_line(const char *text) {
    static char line[256];
    const size_t length = strlen(text);
    const char *begin = text + length;
    while (begin > text && (begin == text + length || begin[-1] != '\n')) begin--;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(begin, "\n"), begin);
    return line;
}

/* Runs `caviar ARGUMENTS` through the shell (printf format), without a terminal. */
static inline command_result command_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline command_result command_run(const char *format, ...) {
    char arguments[2048], line[4096];
    va_list values;
    va_start(values, format);
    vsnprintf(arguments, sizeof arguments, format, values);
    va_end(values);
    snprintf(line, sizeof line, "'%s' %s >.out 2>.err </dev/null", CAVIAR_COMMAND, arguments);
    const int status = system(line);
    command_result result = { .out = file_text(".out"), .err = file_text(".err") };
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

static inline void command_free(command_result *result) {
    free(result->out);
    free(result->err);
}

static inline json_t *parse_json(const char *text) {
    json_error_t error;
    json_t *document = json_loads(text, 0, &error);
    cr_assert_not_null(document, "line %d: %s\n%s", error.line, error.text, text);
    return document;
}

static inline double number_in(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_number(value), "%s is no number", key);
    return json_number_value(value);
}

#define assert_contains(text, part) cr_assert(strstr(text, part) != NULL, "this has no \"%s\":\n%s", part, text)

/* Fails with what the command said unless it ended with this exit code. */
#define assert_code(result, expected)                                                                                  \
    cr_assert_eq((result).code, expected, "exit code %d, not %d\n%s%s", (result).code, expected, (result).out,         \
                 (result).err)

/*
 * Writes a CSV file of `count` examples of three classes, "low", "middle" and "größer", that four features tell apart
 * well but not perfectly. The examples depend on `seed`.
 */
static inline void write_examples(const char *path, int count, unsigned seed, int labels) {
    static const char *const names[] = { "low", "middle", "größer" };
    FILE *file = fopen(path, "w");
    uint64_t state = seed * UINT64_C(2654435761) + 12345;
    fputs(labels ? "a,b,c,d,label\n" : "a,b,c,d\n", file);
    for (int i = 0; i < count; i++) {
        for (int f = 0; f < 4; f++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const double noise = (double)(state >> 40) / 16777216.0 - 0.5;
            fprintf(file, f ? ",%.4f" : "%.4f", (i % 3) * (f % 2 ? 1.0 : -0.5) + 2.0 * noise);
        }
        fprintf(file, labels ? ",%s\n" : "\n", names[i % 3]);
    }
    fclose(file);
}

#endif
