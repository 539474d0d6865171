/* What the suite does itself on a GPU: events, a copy, matrix products, facts. gpu.cu, or no_gpu.c without CUDA. */
#ifndef CAVIAR_BENCH_GPU_H
#define CAVIAR_BENCH_GPU_H

#include "kernels/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 1: the device is a CUDA device, and the functions below may be called with it. */
int bench_is_gpu(const caviar_device *device);

/* A pair of events on the device's own stream. elapsed waits for the second. */
typedef struct bench_gpu_timer bench_gpu_timer;
caviar_status bench_gpu_timer_create(bench_gpu_timer **timer, caviar_device *device);
void bench_gpu_timer_destroy(bench_gpu_timer *timer);
caviar_status bench_gpu_timer_begin(bench_gpu_timer *timer);
caviar_status bench_gpu_timer_end(bench_gpu_timer *timer);
caviar_status bench_gpu_timer_elapsed(double *seconds, bench_gpu_timer *timer);

/* A copy of `bytes` (a multiple of 16): by a kernel of 16-byte accesses, or by the runtime's own cudaMemcpyAsync. */
caviar_status bench_gpu_copy(caviar_device *device, void *to, const void *from, size_t bytes, int by_runtime);

/* c[k] = op(a[k]) op(b[k]) in column-major terms as cuBLAS has them; op transposes where asked. */
typedef struct bench_gpu_operand {
    float *data;
    int64_t leading, stride;
    int transposed;
} bench_gpu_operand;
typedef struct bench_gpu_product {
    int64_t models, m, n, depth;
    bench_gpu_operand a, b, c;
    int tf32;
} bench_gpu_product;
caviar_status bench_gpu_multiply(caviar_device *device, const bench_gpu_product *product);

/* How many graph nodes (launches) a list of calls becomes. */
caviar_status bench_gpu_count_launches(int64_t *launches, caviar_device *device, const caviar_call *calls,
                                       size_t count);

typedef struct bench_gpu_facts {
    char bus[32];
    int driver, runtime; /* CUDA versions, 13000 is 13.0 */
    int major, minor, multiprocessors;
    int64_t l2_bytes;
    int clock_khz, memory_clock_khz; /* the highest */
} bench_gpu_facts;
caviar_status bench_gpu_describe(bench_gpu_facts *facts, caviar_device *device);

#ifdef __cplusplus
}
#endif

#endif
