/* The CPU as a device: its table, memory and description. */
#include "cpu.h"

#include "host/limits.h"
#include "host/status.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct cpu_device {
    caviar_device base;
    int threads;
    caviar_team *team;
} cpu_device;

int caviar_cpu_threads(const caviar_device *device) {
    return ((const cpu_device *)device)->threads;
}

caviar_team *caviar_cpu_team(const caviar_device *device) {
    return ((const cpu_device *)device)->team;
}

/* The processors that this process may run on, and no more than its control groups give it time of. */
static int usable_processors(void) {
    cpu_set_t set;
    const int quota = caviar_limits_processors("");
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    int processors = online > 0 ? (int)online : 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) processors = CPU_COUNT(&set);
    return processors < quota ? processors : quota;
}

/* Copies what follows `key` and a colon in a file of "key : value" lines; leaves `value` as it was when it is not
 * there. */
static void read_value(const char *path, const char *key, char *value, size_t size) {
    FILE *file = fopen(path, "re");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    if (file) fclose(file);
}

static void describe(caviar_device_info *info, int threads) {
    memset(info, 0, sizeof *info);
    snprintf(info->name, sizeof info->name, "cpu");
    snprintf(info->description, sizeof info->description, "CPU");
    read_value("/proc/cpuinfo", "model name", info->description, sizeof info->description);
    info->threads = threads;
    info->memory_total = caviar_limits_memory_total("");
    info->memory_free = caviar_limits_memory("");
}

caviar_status caviar_cpu_describe(caviar_device_info *info) {
    describe(info, usable_processors());
    return CAVIAR_OK;
}

static caviar_status cpu_get_info(caviar_device_info *info, const caviar_device *device) {
    describe(info, caviar_cpu_threads(device));
    return CAVIAR_OK;
}

/* With fewer than four for each thread, threads would wait for one another too often. */
static int32_t cpu_enough_models(const caviar_device *device) {
    return 4 * caviar_cpu_threads(device);
}

static void cpu_close(caviar_device *device) {
    caviar_team_destroy(caviar_cpu_team(device));
    free(device);
}

/*
 * A large block gets pages of 2 MiB where the system has them: a training step goes through several arrays of every
 * model, and would wait for the page table.
 */
static void *allocate_pages(size_t bytes) {
    const size_t huge = (size_t)2 << 20, alignment = bytes >= 4 * huge ? huge : 256;
    void *block = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (block && alignment == huge) madvise(block, bytes, MADV_HUGEPAGE);
    return block;
}

static caviar_status cpu_allocate(void **memory, caviar_device *device, size_t bytes) {
    (void)device;
    const size_t rounded = (bytes + 255) / 256 * 256;
    /* Looking it up takes longer than a small allocation. */
    const uint64_t available = bytes < (1 << 20) ? UINT64_MAX : caviar_limits_memory("");
    /* Linux hands out memory that it has not got and kills the process that then writes to it. */
    const int possible = rounded >= bytes && bytes <= available;
    void *block = possible ? allocate_pages(rounded ? rounded : 256) : NULL;
    if (!block)
        return caviar_fail(CAVIAR_OUT_OF_DEVICE_MEMORY,
                           "cpu: %zu bytes could not be allocated, of %llu available; use fewer models at once", bytes,
                           (unsigned long long)available);
    memset(block, 0, rounded);
    *memory = block;
    return CAVIAR_OK;
}

static void cpu_free(caviar_device *device, void *memory) {
    (void)device;
    free(memory);
}

static caviar_status cpu_copy(caviar_device *device, void *to, const void *from, size_t bytes) {
    (void)device;
    memcpy(to, from, bytes);
    return CAVIAR_OK;
}

static caviar_status cpu_clear(caviar_device *device, void *memory, size_t bytes) {
    (void)device;
    memset(memory, 0, bytes);
    return CAVIAR_OK;
}

static caviar_status cpu_wait(caviar_device *device) {
    (void)device;
    return CAVIAR_OK;
}

/* An operation on its own is a list of one call. */
#define CAVIAR_DEFINE_CPU_OP(op_name)                                                                                  \
    static caviar_status cpu_##op_name(caviar_device *device, const caviar_##op_name##_args *args, void *stream) {     \
        (void)stream;                                                                                                  \
        const caviar_call call = { .op = CAVIAR_OP_##op_name, .args.op_name = *args };                                 \
        caviar_cpu_run_call(&call, device);                                                                            \
        return CAVIAR_OK;                                                                                              \
    }
CAVIAR_FOR_EACH_OP(CAVIAR_DEFINE_CPU_OP)
#undef CAVIAR_DEFINE_CPU_OP

static const caviar_device_table cpu_table = { .branches = 1,
                                               .enough_models = cpu_enough_models,
                                               .close = cpu_close,
                                               .get_info = cpu_get_info,
                                               .allocate = cpu_allocate,
                                               .free = cpu_free,
                                               .upload = cpu_copy,
                                               .download = cpu_copy,
                                               .clear = cpu_clear,
                                               .wait = cpu_wait,
                                               .program_create = caviar_cpu_program_create,
                                               .program_run = caviar_cpu_program_run,
                                               .program_destroy = caviar_cpu_program_destroy,
#define CAVIAR_CPU_ENTRY(name) .name = cpu_##name,
                                               CAVIAR_FOR_EACH_OP(CAVIAR_CPU_ENTRY)
#undef CAVIAR_CPU_ENTRY
};

caviar_status caviar_cpu_open(caviar_device **device, int threads) {
    cpu_device *d = malloc(sizeof *d);
    if (!d) return caviar_fail_memory("the CPU device", sizeof *d);
    d->base.table = &cpu_table;
    d->threads = threads > 0 ? threads : usable_processors();
    d->team = caviar_team_create(d->threads);
    if (!d->team) {
        free(d);
        return caviar_fail_memory("the threads of the CPU device", (size_t)threads * sizeof(void *));
    }
    *device = &d->base;
    return CAVIAR_OK;
}
