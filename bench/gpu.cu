/* The suite's own work on a GPU, all of it on the device's own stream. */
#include "gpu.h"

#include "kernels/device.cuh"
#include "kernels/launch.cuh"

#include <cstring>
#include <new>
#include <vector>

int bench_is_gpu(const caviar_device *device) {
    caviar_device_info info;
    return caviar_device_get_info(&info, device) == CAVIAR_OK && strncmp(info.name, "cuda", 4) == 0;
}

/* ----------------------------------------------------------------------------------------------------------- events */

struct bench_gpu_timer {
    caviar_device *device;
    cudaEvent_t begin, end;
};

caviar_status bench_gpu_timer_create(bench_gpu_timer **timer, caviar_device *device) {
    caviar_cuda_scope scope(device, nullptr, { "bench timer", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    bench_gpu_timer *const made = new (std::nothrow) bench_gpu_timer();
    if (made == nullptr) return caviar_fail_memory("a timer", sizeof *made);
    made->device = device;
    caviar_status status = scope.check(cudaEventCreate(&made->begin));
    if (status == CAVIAR_OK) status = scope.check(cudaEventCreate(&made->end));
    if (status != CAVIAR_OK) {
        bench_gpu_timer_destroy(made);
        return status;
    }
    *timer = made;
    return CAVIAR_OK;
}

void bench_gpu_timer_destroy(bench_gpu_timer *timer) {
    if (timer == nullptr) return;
    const caviar_cuda_current current(static_cast<caviar_cuda_device *>(timer->device)->index);
    if (timer->begin != nullptr) (void)cudaEventDestroy(timer->begin);
    if (timer->end != nullptr) (void)cudaEventDestroy(timer->end);
    delete timer;
}

static caviar_status record(bench_gpu_timer *timer, cudaEvent_t event) {
    caviar_cuda_scope scope(timer->device, nullptr, { "bench timer", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    return scope.check(cudaEventRecord(event, scope.stream));
}

caviar_status bench_gpu_timer_begin(bench_gpu_timer *timer) {
    return record(timer, timer->begin);
}

caviar_status bench_gpu_timer_end(bench_gpu_timer *timer) {
    return record(timer, timer->end);
}

caviar_status bench_gpu_timer_elapsed(double *seconds, bench_gpu_timer *timer) {
    caviar_cuda_scope scope(timer->device, nullptr, { "bench timer", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    float milliseconds = 0;
    CAVIAR_TRY(scope.check(cudaEventSynchronize(timer->end)));
    CAVIAR_TRY(scope.check(cudaEventElapsedTime(&milliseconds, timer->begin, timer->end)));
    *seconds = 1e-3 * (double)milliseconds;
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- copy */

constexpr int copy_threads = 512, copies_a_thread = 4;

/* Each block copies a stretch of neighbours, a thread four float4 that lie a block's width apart. */
__global__ static void copy_kernel(float4 *to, const float4 *from, size_t count) {
    const size_t first = (size_t)blockIdx.x * (copy_threads * copies_a_thread) + threadIdx.x;
    float4 held[copies_a_thread];
#pragma unroll
    for (int i = 0; i < copies_a_thread; ++i)
        if (first + (size_t)i * copy_threads < count) held[i] = from[first + (size_t)i * copy_threads];
#pragma unroll
    for (int i = 0; i < copies_a_thread; ++i)
        if (first + (size_t)i * copy_threads < count) to[first + (size_t)i * copy_threads] = held[i];
}

caviar_status bench_gpu_copy(caviar_device *device, void *to, const void *from, size_t bytes, int by_runtime) {
    caviar_cuda_scope scope(device, nullptr, { "bench copy", 0, 0, (int64_t)bytes });
    CAVIAR_TRY(scope.status);
    if (by_runtime) return scope.check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, scope.stream));
    const size_t count = bytes / sizeof(float4);
    return scope.check(CAVIAR_LAUNCH(copy_kernel, dim3(blocks_x((int64_t)count, copy_threads * copies_a_thread)),
                                     dim3(copy_threads), scope.stream, (float4 *)to, (const float4 *)from, count));
}

/* --------------------------------------------------------------------------------------------------------- products */

caviar_status bench_gpu_multiply(caviar_device *device, const bench_gpu_product *p) {
    caviar_cuda_scope scope(device, nullptr, { "bench product", p->models, p->n, p->m });
    CAVIAR_TRY(scope.status);
    const cublasHandle_t cublas = scope.device->cublas;
    CAVIAR_TRY(scope.check(cublasSetStream(cublas, scope.stream)));
    CAVIAR_TRY(scope.check(cublasSetWorkspace(cublas, scope.device->branch[0].workspace, caviar_cuda_workspace_bytes)));
    const float one = 1.0f, zero = 0.0f;
    return scope.check(cublasGemmStridedBatchedEx_64(
        cublas, p->a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N, p->b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N, p->m, p->n,
        p->depth, &one, p->a.data, CUDA_R_32F, p->a.leading, p->a.stride, p->b.data, CUDA_R_32F, p->b.leading,
        p->b.stride, &zero, p->c.data, CUDA_R_32F, p->c.leading, p->c.stride, p->models,
        p->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
}

/* ------------------------------------------------------------------------------------------------------------ facts */

static caviar_status enqueue(caviar_device *device, const caviar_call &call) {
    switch (call.op) {
#define BENCH_ENQUEUE(name)                                                                                            \
    case CAVIAR_OP_##name: return device->table->name(device, &call.args.name, nullptr);
        CAVIAR_FOR_EACH_OP(BENCH_ENQUEUE)
#undef BENCH_ENQUEUE
    case CAVIAR_OP_train_step: return caviar_cuda_train_step(device, &call.args.train_step, nullptr);
    default: return CAVIAR_OK;
    }
}

caviar_status bench_gpu_count_launches(int64_t *launches, caviar_device *device, const caviar_call *calls,
                                       size_t count) {
    caviar_cuda_scope scope(device, nullptr, { "bench launches", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    CAVIAR_TRY(scope.check(cudaStreamBeginCapture(scope.stream, cudaStreamCaptureModeThreadLocal)));
    caviar_status status = CAVIAR_OK;
    for (size_t i = 0; i < count && status == CAVIAR_OK; ++i) status = enqueue(device, calls[i]);
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(scope.stream, &graph);
    if (status == CAVIAR_OK) status = scope.check(ended);
    size_t nodes = 0;
    if (status == CAVIAR_OK) status = scope.check(cudaGraphGetNodes(graph, nullptr, &nodes));
    if (graph != nullptr) (void)cudaGraphDestroy(graph);
    *launches = (int64_t)nodes;
    return status;
}

caviar_status bench_gpu_describe(bench_gpu_facts *facts, caviar_device *device) {
    caviar_cuda_scope scope(device, nullptr, { "bench facts", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    const int index = scope.device->index;
    int l2 = 0;
    *facts = {};
    CAVIAR_TRY(scope.check(cudaDeviceGetPCIBusId(facts->bus, (int)sizeof facts->bus, index)));
    CAVIAR_TRY(scope.check(cudaDriverGetVersion(&facts->driver)));
    CAVIAR_TRY(scope.check(cudaRuntimeGetVersion(&facts->runtime)));
    CAVIAR_TRY(scope.check(cudaDeviceGetAttribute(&facts->major, cudaDevAttrComputeCapabilityMajor, index)));
    CAVIAR_TRY(scope.check(cudaDeviceGetAttribute(&facts->minor, cudaDevAttrComputeCapabilityMinor, index)));
    CAVIAR_TRY(scope.check(cudaDeviceGetAttribute(&facts->multiprocessors, cudaDevAttrMultiProcessorCount, index)));
    CAVIAR_TRY(scope.check(cudaDeviceGetAttribute(&l2, cudaDevAttrL2CacheSize, index)));
    CAVIAR_TRY(scope.check(cudaDeviceGetAttribute(&facts->clock_khz, cudaDevAttrClockRate, index)));
    CAVIAR_TRY(scope.check(cudaDeviceGetAttribute(&facts->memory_clock_khz, cudaDevAttrMemoryClockRate, index)));
    facts->l2_bytes = l2;
    return CAVIAR_OK;
}
