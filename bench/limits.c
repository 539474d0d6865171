/*
 * The two ceilings of the roofline. Copy: a buffer far larger than the last cache into another, by all threads or by
 * the faster of a kernel and the runtime on a GPU. Peak: the product of two square matrices as the device
 * computes products, with all threads. Each is the median of its windows.
 */
#include "limits.h"

#include "host/cpu/cpu.h"
#include "host/cpu/product.h"
#include "host/status.h"
#include "statistics.h"
#include "system.h"

#include <stdio.h>
#include <string.h>

typedef struct copy_state {
    bench_clock *clock;
    char *to, *from;
    size_t bytes;
    int by_runtime;
} copy_state;

/* A thread's part each. */
static void copy_parts(void *state, int64_t first, int64_t last) {
    const copy_state *s = state;
    const size_t part = s->bytes / (size_t)s->clock->threads;
    for (int64_t t = first; t < last; t++) memcpy(s->to + (size_t)t * part, s->from + (size_t)t * part, part);
}

static caviar_status run_copy(void *state, int64_t times) {
    const copy_state *s = state;
    const int threads = s->clock->threads;
    for (int64_t i = 0; i < times; i++) {
        if (s->clock->timer) {
            CAVIAR_TRY(bench_gpu_copy(s->clock->device, s->to, s->from, s->bytes, s->by_runtime));
            continue;
        }
        caviar_team_run(caviar_cpu_team(s->clock->device), threads, threads, 1, copy_parts, state);
    }
    return CAVIAR_OK;
}

static caviar_status time_copy(bench_samples *samples, copy_state *state, int windows) {
    const bench_work work = { run_copy, state, 1 };
    return bench_time_warm(samples, state->clock, &work, windows, 0.005);
}

static caviar_status measure_copy(bench_limits *limits, bench_limits_samples *samples, copy_state *state) {
    const double bytes = 2 * (double)state->bytes;
    CAVIAR_TRY(time_copy(&samples->copy, state, samples->windows));
    samples->copy_by = state->clock->timer ? "kernel" : "memcpy";
    limits->copy = bytes / bench_summarise(samples->copy.seconds, samples->copy.count).median;
    if (!state->clock->timer) return CAVIAR_OK;
    bench_samples other = { 0 };
    state->by_runtime = 1;
    caviar_status status = time_copy(&other, state, samples->windows);
    const double rate = status ? 0 : bytes / bench_summarise(other.seconds, other.count).median;
    if (rate > limits->copy) {
        const bench_samples slower = samples->copy;
        samples->copy = other;
        other = slower;
        samples->copy_by = "cudaMemcpyAsync";
        limits->copy = rate;
    }
    bench_samples_free(&other);
    return status;
}

typedef struct product_state {
    bench_clock *clock;
    float *a, *b, *c;
    int64_t size;
    int tf32;
} product_state;

static void multiply_rows(void *state, int64_t first, int64_t last) {
    const product_state *s = state;
    const int64_t n = s->size;
    caviar_cpu_product(s->c + first * n, n, (caviar_cpu_factor){ s->a + first * n, n, 1 },
                       (caviar_cpu_factor){ s->b, n, 1 }, last - first, n, n);
}

static caviar_status run_product(void *state, int64_t times) {
    const product_state *s = state;
    const int n = (int)s->size;
    if (s->clock->timer) {
        const bench_gpu_product product = { .models = 1,
                                            .m = n,
                                            .n = n,
                                            .depth = n,
                                            .a = { s->a, n, 0, 0 },
                                            .b = { s->b, n, 0, 0 },
                                            .c = { s->c, n, 0, 0 },
                                            .tf32 = s->tf32 };
        for (int64_t i = 0; i < times; i++) CAVIAR_TRY(bench_gpu_multiply(s->clock->device, &product));
        return CAVIAR_OK;
    }
    const int threads = s->clock->threads;
    for (int64_t i = 0; i < times; i++)
        caviar_team_run(caviar_cpu_team(s->clock->device), threads, n, (n + threads - 1) / threads, multiply_rows,
                        state);
    return CAVIAR_OK;
}

static caviar_status measure_products(bench_limits *limits, bench_limits_samples *samples, product_state *state) {
    const double operations = 2 * (double)state->size * (double)state->size * (double)state->size;
    const bench_work work = { run_product, state, 1 };
    CAVIAR_TRY(bench_time_warm(&samples->fp32, state->clock, &work, samples->windows, 0.005));
    limits->fp32 = operations / bench_summarise(samples->fp32.seconds, samples->fp32.count).median;
    if (!state->clock->timer || bench_tf32_override()) return CAVIAR_OK;
    state->tf32 = 1;
    CAVIAR_TRY(bench_time_warm(&samples->tf32, state->clock, &work, samples->windows, 0.005));
    limits->tf32 = operations / bench_summarise(samples->tf32.seconds, samples->tf32.count).median;
    return CAVIAR_OK;
}

/* Matrices of small numbers: zeros would take less power, and clocks would be higher than in earnest. */
static caviar_status fill(caviar_device *device, float *matrix, int64_t count) {
    float values[1024];
    for (int i = 0; i < 1024; i++) values[i] = (float)((i * 2654435761u) % 2001u) / 1000.0f - 1;
    caviar_status status = CAVIAR_OK;
    for (int64_t i = 0; i < count && !status; i += 1024)
        status = caviar_device_upload(device, matrix + i, values,
                                      sizeof(float) * (size_t)(count - i < 1024 ? count - i : 1024));
    return status;
}

caviar_status bench_measure_limits(bench_limits *limits, bench_limits_samples *samples, bench_clock *clock, int windows,
                                   int scale) {
    caviar_device *device = clock->device;
    /* On the CPU factors that the second cache holds: larger ones reach half of what products of a step do. */
    const int64_t size = (clock->timer ? 8192 : 256) / scale;
    /* A copy must not fit the caches: each side is twice as large as the last one. */
    const size_t bytes = (clock->timer ? ((size_t)1 << 30) / (size_t)scale : clock->flush_bytes) / 256 * 256;
    copy_state copy = { clock, NULL, NULL, bytes, 0 };
    product_state product = { clock, NULL, NULL, NULL, size, 0 };
    *limits = (bench_limits){ 0 };
    *samples = (bench_limits_samples){ .copy_bytes = 2 * bytes, .product_size = size, .windows = windows };
    const size_t matrix = (size_t)(size * size) * sizeof(float);
    caviar_status status = caviar_device_allocate((void **)&copy.to, device, bytes);
    if (!status) status = caviar_device_allocate((void **)&copy.from, device, bytes);
    if (!status) status = measure_copy(limits, samples, &copy);
    caviar_device_free(device, copy.to);
    caviar_device_free(device, copy.from);
    if (!status) status = caviar_device_allocate((void **)&product.a, device, matrix);
    if (!status) status = caviar_device_allocate((void **)&product.b, device, matrix);
    if (!status) status = caviar_device_allocate((void **)&product.c, device, matrix);
    if (!status) status = fill(device, product.a, size * size);
    if (!status) status = fill(device, product.b, size * size);
    if (!status) status = measure_products(limits, samples, &product);
    caviar_device_free(device, product.a);
    caviar_device_free(device, product.b);
    caviar_device_free(device, product.c);
    return status;
}

static int moved(double before, double after) {
    return after > 1.1 * before || before > 1.1 * after;
}

void bench_limits_drift(char *text, size_t size, const bench_limits *before, const bench_limits *after) {
    text[0] = 0;
    if (!moved(before->copy, after->copy) && !moved(before->fp32, after->fp32) && !moved(before->tf32, after->tf32))
        return;
    const int written =
        snprintf(text, size,
                 "the machine's speed changed while the cases ran, and the higher ceilings are taken: copy "
                 "%.4g GB/s before and %.4g after them, fp32 %.4g and %.4g GFLOP/s",
                 1e-9 * before->copy, 1e-9 * after->copy, 1e-9 * before->fp32, 1e-9 * after->fp32);
    if (before->tf32 > 0 && written > 0 && (size_t)written < size)
        snprintf(text + written, size - (size_t)written, ", TF32 %.4g and %.4g GFLOP/s", 1e-9 * before->tf32,
                 1e-9 * after->tf32);
}

static void take_higher(double *rate, bench_samples *samples, double *other, bench_samples *other_samples) {
    if (*other <= *rate) return;
    const double lower = *rate;
    const bench_samples of_lower = *samples;
    *rate = *other;
    *samples = *other_samples;
    *other = lower;
    *other_samples = of_lower;
}

void bench_limits_raise(bench_limits *limits, bench_limits_samples *samples, bench_limits *other,
                        bench_limits_samples *other_samples) {
    if (other->copy > limits->copy) samples->copy_by = other_samples->copy_by;
    take_higher(&limits->copy, &samples->copy, &other->copy, &other_samples->copy);
    take_higher(&limits->fp32, &samples->fp32, &other->fp32, &other_samples->fp32);
    take_higher(&limits->tf32, &samples->tf32, &other->tf32, &other_samples->tf32);
}

void bench_limits_samples_free(bench_limits_samples *samples) {
    bench_samples_free(&samples->copy);
    bench_samples_free(&samples->fp32);
    bench_samples_free(&samples->tf32);
}
