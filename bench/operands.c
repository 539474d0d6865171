/* Allocating, filling and reading back operands. */
#include "operands.h"

#include "host/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values repeat after this many elements, a prime, so that no row or model is like its neighbour. */
enum { PERIOD = 1048573 };

static size_t size_of(bench_kind kind) {
    switch (kind) {
    case BENCH_UINT8: return 1;
    case BENCH_FLOAT:
    case BENCH_INT32: return 4;
    case BENCH_DOUBLE:
    case BENCH_INT64: return 8;
    }
    return 0;
}

/* 32 well-mixed bits (the finaliser of MurmurHash3). */
static uint32_t mix(uint32_t x) {
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* Uniform on (0, 1) */
static double uniform(const bench_operand *o, int64_t i) {
    return ((double)mix((uint32_t)(i % PERIOD) * 2654435761u + o->salt) + 0.5) * 0x1p-32;
}

static double value(const bench_operand *o, int64_t i) {
    const double u = uniform(o, i);
    if (o->kind == BENCH_FLOAT) return (float)(o->low + (o->high - o->low) * u);
    if (o->kind == BENCH_DOUBLE) return o->low + (o->high - o->low) * u;
    return o->low + floor((o->high - o->low + 1) * u);
}

static double read_value(const void *memory, bench_kind kind, int64_t i) {
    switch (kind) {
    case BENCH_FLOAT: return ((const float *)memory)[i];
    case BENCH_DOUBLE: return ((const double *)memory)[i];
    case BENCH_INT32: return ((const int32_t *)memory)[i];
    case BENCH_UINT8: return ((const uint8_t *)memory)[i];
    case BENCH_INT64: return (double)((const int64_t *)memory)[i];
    }
    return NAN;
}

static void write_value(void *memory, bench_kind kind, int64_t i, double x) {
    switch (kind) {
    case BENCH_FLOAT: ((float *)memory)[i] = (float)x; break;
    case BENCH_DOUBLE: ((double *)memory)[i] = x; break;
    case BENCH_INT32: ((int32_t *)memory)[i] = (int32_t)x; break;
    case BENCH_UINT8: ((uint8_t *)memory)[i] = (uint8_t)x; break;
    case BENCH_INT64: ((int64_t *)memory)[i] = (int64_t)x; break;
    }
}

/* One period is made on the host and uploaded as often as it takes. */
static caviar_status fill(caviar_device *device, const bench_operand *o) {
    const size_t size = size_of(o->kind);
    const int64_t period = o->count < PERIOD ? o->count : PERIOD;
    void *values = malloc((size_t)period * size);
    if (!values) return caviar_fail_memory("values of an operand", (size_t)period * size);
    for (int64_t i = 0; i < period; i++) write_value(values, o->kind, i, value(o, i));
    caviar_status status = CAVIAR_OK;
    for (int64_t i = 0; i < o->count && !status; i += period) {
        const int64_t left = o->count - i;
        status = caviar_device_upload(device, (char *)o->device + (size_t)i * size, values,
                                      (size_t)(left < period ? left : period) * size);
    }
    free(values);
    return status;
}

void *bench_operand_add(bench_operands *operands, bench_kind kind, int64_t count, double low, double high) {
    const size_t bytes = (size_t)count * size_of(kind);
    operands->bytes += bytes;
    if (operands->measures) return (void *)(uintptr_t)(256 * operands->bytes);
    if (operands->status) return NULL;
    if (operands->count == BENCH_MOST_OPERANDS) {
        operands->status =
            caviar_fail(CAVIAR_INVALID_ARGUMENT, "a case has more than %d operands", BENCH_MOST_OPERANDS);
        return NULL;
    }
    bench_operand *o = &operands->items[operands->count];
    *o = (bench_operand){
        .count = count, .kind = kind, .low = low, .high = high, .salt = mix((uint32_t)operands->count + 1)
    };
    operands->status = caviar_device_allocate(&o->device, operands->device, bytes);
    if (operands->status) return NULL;
    operands->count++;
    operands->status = fill(operands->device, o);
    return o->device;
}

float *bench_floats(bench_operands *operands, int64_t count, double low, double high) {
    return bench_operand_add(operands, BENCH_FLOAT, count, low, high);
}

int32_t *bench_integers(bench_operands *operands, int64_t count, int32_t low, int32_t high) {
    return bench_operand_add(operands, BENCH_INT32, count, low, high);
}

caviar_matrix bench_matrix(bench_operands *operands, int64_t models, int64_t batch, int64_t width, double low,
                           double high) {
    float *data = bench_floats(operands, models * batch * width, low, high);
    return (caviar_matrix){ data, width, batch * width };
}

caviar_tensor bench_tensor(bench_operands *operands, int64_t models, int64_t count, double low, double high) {
    return (caviar_tensor){ bench_floats(operands, models * count, low, high), count };
}

void bench_operands_free(bench_operands *operands) {
    for (int i = 0; i < operands->count; i++) {
        bench_operand *o = &operands->items[i];
        if (o->after != o->device) free(o->after);
        caviar_device_free(operands->device, o->device);
    }
    operands->count = 0;
}

static int on_cpu(const caviar_device *device) {
    caviar_device_info info;
    return caviar_device_get_info(&info, device) == CAVIAR_OK && !strcmp(info.name, "cpu");
}

caviar_status bench_operands_read(bench_operands *operands) {
    CAVIAR_TRY(caviar_device_wait(operands->device));
    for (int i = 0; i < operands->count; i++) {
        bench_operand *o = &operands->items[i];
        if (on_cpu(operands->device)) {
            o->after = o->device;
            continue;
        }
        const size_t bytes = (size_t)o->count * size_of(o->kind);
        if (!o->after) o->after = malloc(bytes ? bytes : 1);
        if (!o->after) return caviar_fail_memory("a result", bytes);
        CAVIAR_TRY(caviar_device_download(operands->device, o->after, o->device, bytes));
    }
    return CAVIAR_OK;
}

/* The operand that an address lies in and the element's index. */
static const bench_operand *find(const bench_operands *operands, const void *address, int64_t *index) {
    for (int i = 0; i < operands->count; i++) {
        const bench_operand *o = &operands->items[i];
        const uintptr_t offset = (uintptr_t)address - (uintptr_t)o->device;
        if ((uintptr_t)address < (uintptr_t)o->device || offset >= (uintptr_t)o->count * size_of(o->kind)) continue;
        *index = (int64_t)(offset / size_of(o->kind));
        return o;
    }
    return NULL;
}

double bench_before(const bench_operands *operands, const void *address) {
    int64_t i = 0;
    const bench_operand *o = find(operands, address, &i);
    return o ? value(o, i) : NAN;
}

double bench_after(const bench_operands *operands, const void *address) {
    int64_t i = 0;
    const bench_operand *o = find(operands, address, &i);
    return o && o->after ? read_value(o->after, o->kind, i) : NAN;
}

void bench_expect(bench_check *check, double got, double want, double scale) {
    const double error = fabs(got - want) / scale;
    check->compared++;
    if (!(error <= check->worst)) check->worst = isnan(error) ? INFINITY : error;
}
