/* Running sums of loss and hits. */
#include "device.cuh"
#include "launch.cuh"

constexpr int metrics_down = 8;

/*
 * loss_sum[k] += sum over b of losses[b, k] in double, and likewise correct. Eight threads a model take every eighth
 * example in turn; their sums are added in turn.
 */
__global__ static void __launch_bounds__(32 * metrics_down) metrics_kernel(caviar_metrics_args a) {
    CAVIAR_SHARED(double, losses, 32 * metrics_down);
    CAVIAR_SHARED(int64_t, hits, 32 * metrics_down);
    const int64_t model = (int64_t)blockIdx.x * 32 + threadIdx.x;
    double loss = 0.0;
    int64_t correct = 0;
    if (model < a.models)
        for (int64_t b = threadIdx.y; b < a.batch; b += metrics_down) {
            const int64_t at = b * a.losses.example_stride + model * a.losses.model_stride;
            loss += (double)a.losses.data[at];
            correct += a.predictions[at] == a.labels[b];
        }
    losses[threadIdx.y * 32 + threadIdx.x] = loss;
    hits[threadIdx.y * 32 + threadIdx.x] = correct;
    __syncthreads();
    if (threadIdx.y != 0 || model >= a.models || (a.active != nullptr && a.active[model] == 0)) return;
    for (int i = 1; i < metrics_down; ++i) {
        loss += losses[i * 32 + threadIdx.x];
        correct += hits[i * 32 + threadIdx.x];
    }
    a.loss_sum[model] += loss;
    a.correct[model] += correct;
}

caviar_status caviar_cuda_metrics(caviar_device *device, const caviar_metrics_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "metrics", args->models, args->batch, 0 });
    CAVIAR_TRY(scope.status);
    return scope.check(
        CAVIAR_LAUNCH(metrics_kernel, dim3(blocks_x(args->models, 32)), dim3(32, metrics_down), scope.stream, *args));
}
