/* Initial values of parameters. */
#include "device.cuh"
#include "launch.cuh"
#include "randomness.h"

constexpr int initialize_threads = 256;

/* A thread has four neighbouring columns of a row: one philox block. See initialize in caviar/ops.h. */
__global__ static void __launch_bounds__(initialize_threads) initialize_kernel(caviar_initialize_args a) {
    const int64_t across = divide_up(a.columns, 4);
    const int64_t index = (int64_t)blockIdx.x * initialize_threads + threadIdx.x;
    if (index >= a.rows * across) return;
    const int64_t i = index / across, first = index % across * 4;
    for (int64_t k = blockIdx.y; k < a.models; k += gridDim.y) {
        if (a.selected != nullptr && a.selected[k] == 0) continue;
        const int64_t rows = a.row_widths == nullptr ? a.rows : a.row_widths[k];
        const int64_t columns = a.column_widths == nullptr ? a.columns : a.column_widths[k];
        const bool random = a.kind == CAVIAR_INITIALIZE_UNIFORM_FAN_IN;
        float size = a.value; /* the constant, or the bound of random numbers */
        caviar_words words = {};
        if (random) {
            const float gain = a.activation != nullptr && a.activation[k] == CAVIAR_RELU ? 2.0f : 1.0f;
            size = sqrtf(3.0f * gain / (float)rows);
            words = caviar_philox(a.seed, caviar_subsequence(CAVIAR_PURPOSE_WEIGHTS, a.layer, a.stream[k]),
                                  (uint64_t)i * 1024 + (uint64_t)first / 4);
        }
        float *const row = a.tensor.data + k * a.tensor.model_stride + i * a.columns;
#pragma unroll
        for (int lane = 0; lane < 4; ++lane) {
            const int64_t j = first + lane;
            if (j >= a.columns) break;
            const float value = random ? size * caviar_uniform_symmetric(words.word[lane]) : size;
            row[j] = i < rows && j < columns ? value : 0.0f;
        }
    }
}

caviar_status caviar_cuda_initialize(caviar_device *device, const caviar_initialize_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "initialize", args->models, args->rows, args->columns });
    CAVIAR_TRY(scope.status);
    const dim3 grid(blocks_x(args->rows * divide_up(args->columns, 4), initialize_threads), blocks_y(args->models, 1));
    return scope.check(CAVIAR_LAUNCH(initialize_kernel, grid, dim3(initialize_threads), scope.stream, *args));
}
