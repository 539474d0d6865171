/* Layers without batch norm: bias, activation and dropout, forward and backward. */
#include "activation.cuh"
#include "columns.cuh"
#include "device.cuh"

/* y = dropout(act(z + bias)) */
template <bool aligned>
__global__ static void __launch_bounds__(column_threads, 3) bias_forward_kernel(caviar_bias_forward_args a) {
    const column_quad place = find_quad(a.models, a.batch, a.width, a.widths);
    const quad bias = load_quad<false>(tensor_at(a.bias, place), place.live);
    const model_dropout dropout = load_dropout(a.dropout, place.model);
    const column z_column(a.z, place), y_column(a.y, place);
    with_activation(a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model], [&](auto activation) {
        const auto load = [&](unsigned n) { return load_quad<aligned>(z_column.at(n), place.stored); };
        const auto begin = [&](unsigned n) { return kept_units<loaded_examples>(a.dropout, dropout, place, n); };
        for_each_loaded(place, load, begin, [&](quad y, unsigned n, int i, unsigned kept) {
#pragma unroll
            for (int u = 0; u < 4; ++u) {
                const float value = activate(activation.value, y.v[u] + bias.v[u]) * dropout.scale;
                y.v[u] = kept >> (4 * i + u) & 1 ? value : 0.0f;
            }
            store_quad<aligned>(y_column.at(n), y, place.stored);
        });
    });
}

/* dz = dy * dropout mask * act'(z + bias),  dbias = sum dz by sum_over_batch */
template <bool aligned>
__global__ static void __launch_bounds__(column_threads, 3) bias_backward_kernel(caviar_bias_backward_args a) {
    CAVIAR_SHARED(quad, sums, sum_quads);
    const column_quad place = find_quad(a.models, a.batch, a.width, a.widths);
    const quad bias = load_quad<false>(tensor_at(a.bias, place), place.live);
    const model_dropout dropout = load_dropout(a.dropout, place.model);
    const column z_column(a.z, place), dy_column(a.dy, place), dz_column(a.dz, place);
    quad part = {};
    with_activation(a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model], [&](auto activation) {
        for (unsigned n = 0; example(n) < place.examples; ++n) {
            quad dz = load_quad<aligned>(dy_column.at(n), place.stored);
            /* The identity has one slope everywhere, and z may be left out. */
            quad z = {};
            if (activation.value != CAVIAR_IDENTITY) z = load_quad<aligned>(z_column.at(n), place.stored);
            const unsigned kept = kept_units<1>(a.dropout, dropout, place, n);
#pragma unroll
            for (int u = 0; u < 4; ++u) {
                const float value = dz.v[u] * dropout.scale * activation_slope(activation.value, z.v[u] + bias.v[u]);
                dz.v[u] = kept >> u & 1 ? value : 0.0f;
                part.v[u] += dz.v[u];
            }
            store_quad<aligned>(dz_column.at(n), dz, place.stored);
        }
    });
    const float dbias = sum_over_batch(part, sums);
    if ((int)threadIdx.y < min(4, place.live)) tensor_at(a.dbias, place)[threadIdx.y] = dbias;
}

caviar_status caviar_cuda_bias_forward(caviar_device *device, const caviar_bias_forward_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "bias_forward", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    dim3 grid = column_grid(args->models, args->width);
    grid.y = blocks_y(args->batch, loaded_examples * column_block(args->batch).y);
    const bool aligned = quads_aligned(args->z, args->width) && quads_aligned(args->y, args->width);
    return scope.check(
        aligned ? CAVIAR_LAUNCH(bias_forward_kernel<true>, grid, column_block(args->batch), scope.stream, *args)
                : CAVIAR_LAUNCH(bias_forward_kernel<false>, grid, column_block(args->batch), scope.stream, *args));
}

caviar_status caviar_cuda_bias_backward(caviar_device *device, const caviar_bias_backward_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "bias_backward", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    const dim3 grid = column_grid(args->models, args->width);
    const bool aligned = (args->z.data == nullptr || quads_aligned(args->z, args->width)) &&
                         quads_aligned(args->dy, args->width) && quads_aligned(args->dz, args->width);
    return scope.check(
        aligned ? CAVIAR_LAUNCH(bias_backward_kernel<true>, grid, column_block(args->batch), scope.stream, *args)
                : CAVIAR_LAUNCH(bias_backward_kernel<false>, grid, column_block(args->batch), scope.stream, *args));
}
