/* Hyperparameters of all trials at once. */
#include "device.cuh"
#include "launch.cuh"
#include "randomness.h"

constexpr int sample_threads = 128;

/* A thread has one axis of one trial; the arithmetic is that of randomness.h, the same on every device. */
__global__ static void __launch_bounds__(sample_threads) sample_kernel(caviar_sample_args a) {
    const int64_t index = (int64_t)blockIdx.x * sample_threads + threadIdx.x;
    if (index >= a.trials * a.axis_count) return;
    const int64_t trial = index / a.axis_count, i = index % a.axis_count;
    const double position = caviar_axis_sample(&a.axes[i], a.seed, (uint32_t)(a.first_trial + trial), 0, i);
    a.positions[index] = position;
    a.values[index] = caviar_axis_value(&a.axes[i], position);
}

caviar_status caviar_cuda_sample(caviar_device *device, const caviar_sample_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "sample", args->trials, 0, args->axis_count });
    CAVIAR_TRY(scope.status);
    return scope.check(CAVIAR_LAUNCH(sample_kernel, dim3(blocks_x(args->trials * args->axis_count, sample_threads)),
                                     dim3(sample_threads), scope.stream, *args));
}
