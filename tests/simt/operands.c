#include "operands.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BLOCKS 256

static struct {
    void *memory;
    size_t size;
} blocks[MAX_BLOCKS];
static int block_count;
static caviar_device *device;
static uint64_t random_state;

uint32_t random_word(void) {
    /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static double uniform(double low, double high) {
    return low + (high - low) * ((double)random_word() + 0.5) / 4294967296.0;
}

void *bytes(size_t size) {
    cr_assert(block_count < MAX_BLOCKS);
    void *memory = NULL;
    SUCCEEDS(device->table->allocate(&memory, device, size));
    blocks[block_count].memory = memory;
    blocks[block_count++].size = size;
    return memory;
}

float *reals(int64_t count, double low, double high) {
    float *const f = bytes((size_t)count * sizeof *f);
    for (int64_t i = 0; i < count; ++i) f[i] = (float)uniform(low, high);
    return f;
}

int32_t *integers(int64_t count, int32_t low, int32_t high) {
    int32_t *const n = bytes((size_t)count * sizeof *n);
    for (int64_t i = 0; i < count; ++i) n[i] = low + (int32_t)(random_word() % (uint32_t)(high - low + 1));
    return n;
}

int64_t *longs(int64_t count, int64_t value) {
    int64_t *const n = bytes((size_t)count * sizeof *n);
    for (int64_t i = 0; i < count; ++i) n[i] = value;
    return n;
}

caviar_tensor tensor(int64_t models, int64_t count, double low, double high) {
    const int64_t stride = (count + 7) / 4 * 4;
    const caviar_tensor t = { reals(models * stride, low, high), stride };
    return t;
}

/* The block that holds the memory. */
static int find_block(const void *memory) {
    for (int i = 0; i < block_count; ++i) {
        const char *const start = blocks[i].memory;
        if ((const char *)memory >= start && (const char *)memory < start + blocks[i].size) return i;
    }
    abort(); /* a mistake of the test */
}

static float *copy_of(const float *data) {
    const int i = find_block(data);
    char *const copy = bytes(blocks[i].size);
    memcpy(copy, blocks[i].memory, blocks[i].size);
    return (float *)(copy + ((const char *)data - (const char *)blocks[i].memory));
}

caviar_tensor tensor_copy(const caviar_tensor *t) {
    const caviar_tensor copy = { copy_of(t->data), t->model_stride };
    return copy;
}

/* FNV-1a over all memory of the case. */
static uint64_t hash_and_free(void) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < block_count; ++i) {
        const unsigned char *const start = blocks[i].memory;
        for (size_t at = 0; at < blocks[i].size; ++at) hash = (hash ^ start[at]) * 0x100000001b3u;
        device->table->free(device, blocks[i].memory);
    }
    block_count = 0;
    return hash;
}

void run_case(op_case run, const shape *s) {
    static const struct {
        simt_schedule order;
        uint64_t seed;
    } schedules[] = {
        { SIMT_FIRST_IN_FIRST_OUT, 0 }, { SIMT_REVERSE, 0 }, { SIMT_RANDOM, 1 }, { SIMT_RANDOM, 2 }, { SIMT_RANDOM, 3 }
    };
    SUCCEEDS(caviar_simt_open(&device));
    uint64_t first = 0;
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; ++i) {
        simt_set_schedule(schedules[i].order, schedules[i].seed);
        random_state = 1000003 * (uint64_t)s->models + 1009 * (uint64_t)s->batch + (uint64_t)s->width;
        run(device, s);
        const uint64_t hash = hash_and_free();
        cr_assert_str_eq(simt_diagnosis(), "");
        if (i == 0) first = hash;
        cr_assert(hash == first, "%s: schedule %d (seed %llu) leaves other bits", s->why, (int)schedules[i].order,
                  (unsigned long long)schedules[i].seed);
    }
    device->table->close(device);
    cr_assert(simt_live_objects() == 0, "%s: %lld objects were not given back", s->why, (long long)simt_live_objects());
}
