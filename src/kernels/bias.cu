/* Layers without batch norm: bias, activation and dropout, forward and backward. */
#include "activation.cuh"
#include "columns.cuh"
#include "device.cuh"

/* y = dropout(act(z + bias)) */
template <bool aligned>
__global__ static void __launch_bounds__(column_threads) bias_forward_kernel(caviar_bias_forward_args a) {
    const column_quad place = find_quad(a.models, a.width, a.widths);
    const quad bias = load_quad<false>(tensor_at(a.bias, place), place.live);
    const int activation = a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model];
    const model_dropout dropout = load_dropout(a.dropout, place.model);
    for (int64_t b = threadIdx.y + (int64_t)blockIdx.y * examples_down; b < a.batch;
         b += (int64_t)gridDim.y * examples_down) {
        quad y = load_quad<aligned>(matrix_at(a.z, place, b), place.stored);
        const unsigned kept = dropout_kept(dropout, b, place.unit);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float value = activate(activation, y.v[i] + bias.v[i]) * dropout.scale;
            y.v[i] = i < place.live && (kept >> i & 1) ? value : 0.0f;
        }
        store_quad<aligned>(matrix_at(a.y, place, b), y, place.stored);
    }
}

/* dz = dy * dropout mask * act'(z + bias),  dbias = sum dz by sum_over_batch */
template <bool aligned>
__global__ static void __launch_bounds__(column_threads) bias_backward_kernel(caviar_bias_backward_args a) {
    CAVIAR_SHARED(quad, sums, sum_quads);
    const column_quad place = find_quad(a.models, a.width, a.widths);
    const quad bias = load_quad<false>(tensor_at(a.bias, place), place.live);
    const int activation = a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model];
    const model_dropout dropout = load_dropout(a.dropout, place.model);
    quad dbias = { { 0.0f, 0.0f, 0.0f, 0.0f } };
    for (int64_t b = threadIdx.y; b < a.batch; b += examples_down) {
        quad dz = load_quad<aligned>(matrix_at(a.dy, place, b), place.stored);
        /* The identity has one slope everywhere, and z may be left out. */
        quad z = {};
        if (activation != CAVIAR_IDENTITY) z = load_quad<aligned>(matrix_at(a.z, place, b), place.stored);
        const unsigned kept = dropout_kept(dropout, b, place.unit);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float value = dz.v[i] * dropout.scale * activation_slope(activation, z.v[i] + bias.v[i]);
            dz.v[i] = i < place.live && (kept >> i & 1) ? value : 0.0f;
            dbias.v[i] += dz.v[i];
        }
        store_quad<aligned>(matrix_at(a.dz, place, b), dz, place.stored);
    }
    dbias = sum_over_batch(dbias, sums);
    if (threadIdx.y == 0) store_quad<false>(tensor_at(a.dbias, place), dbias, place.live);
}

caviar_status caviar_cuda_bias_forward(caviar_device *device, const caviar_bias_forward_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "bias_forward", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    dim3 grid = column_grid(args->models, args->width);
    grid.y = blocks_y(args->batch, 4 * examples_down);
    const bool aligned = quads_aligned(args->z, args->width) && quads_aligned(args->y, args->width);
    return scope.check(aligned ? CAVIAR_LAUNCH(bias_forward_kernel<true>, grid, column_block(), scope.stream, *args)
                               : CAVIAR_LAUNCH(bias_forward_kernel<false>, grid, column_block(), scope.stream, *args));
}

caviar_status caviar_cuda_bias_backward(caviar_device *device, const caviar_bias_backward_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "bias_backward", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    const dim3 grid = column_grid(args->models, args->width);
    const bool aligned = (args->z.data == nullptr || quads_aligned(args->z, args->width)) &&
                         quads_aligned(args->dy, args->width) && quads_aligned(args->dz, args->width);
    return scope.check(aligned ? CAVIAR_LAUNCH(bias_backward_kernel<true>, grid, column_block(), scope.stream, *args)
                               : CAVIAR_LAUNCH(bias_backward_kernel<false>, grid, column_block(), scope.stream, *args));
}
