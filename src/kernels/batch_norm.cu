/*
 * Batch norm with activation and dropout: forward, backward and inference.
 *
 * A minibatch of up to 256 examples stays in registers between the passes (`held` examples a thread); a larger one is
 * read again from memory. Both add in the same order.
 */
#include "activation.cuh"
#include "columns.cuh"
#include "device.cuh"

/* y = dropout(act(gamma * xhat + beta)) for one quad of one example; padding becomes 0. */
__device__ static inline quad finish_quad(const quad &z, const quad &mean, const quad &inverse, const quad &gamma,
                                          const quad &beta, int activation, unsigned kept, float scale, int live) {
    quad y;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float a = gamma.v[i] * ((z.v[i] - mean.v[i]) * inverse.v[i]) + beta.v[i];
        y.v[i] = i < live && (kept >> i & 1) ? activate(activation, a) * scale : 0.0f;
    }
    return y;
}

/*
 * mean = sum z / batch, then variance = sum (z - mean)^2 / batch, each by sum_over_batch; then y.
 */
template <int held, bool aligned>
__global__ static void __launch_bounds__(column_threads, 2)
    batch_norm_forward_kernel(caviar_batch_norm_forward_args a) {
    CAVIAR_SHARED(quad, first_sums, sum_quads);
    CAVIAR_SHARED(quad, second_sums, sum_quads);
    const column_quad place = find_quad(a.models, a.width, a.widths);
    const float count = (float)a.batch;
    quad z[held > 0 ? held : 1];

    quad mean = { { 0.0f, 0.0f, 0.0f, 0.0f } };
    for_each_example<held>(a.batch, [&](int i, int64_t b) {
        z[i] = load_quad<aligned>(matrix_at(a.z, place, b), place.stored);
#pragma unroll
        for (int j = 0; j < 4; ++j) mean.v[j] += z[i].v[j];
    });
    mean = sum_over_batch(mean, first_sums);
#pragma unroll
    for (int j = 0; j < 4; ++j) mean.v[j] /= count;

    quad variance = { { 0.0f, 0.0f, 0.0f, 0.0f } };
    for_each_example<held>(a.batch, [&](int i, int64_t b) {
        if (held == 0) z[i] = load_quad<aligned>(matrix_at(a.z, place, b), place.stored);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const float deviation = z[i].v[j] - mean.v[j];
            variance.v[j] += deviation * deviation;
        }
    });
    variance = sum_over_batch(variance, second_sums);
    quad inverse;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        variance.v[j] /= count;
        inverse.v[j] = 1.0f / sqrtf(variance.v[j] + a.epsilon);
    }

    if (threadIdx.y == 0) {
        const bool active = a.active == nullptr || a.active[place.model] != 0;
        float *const running_mean = tensor_at(a.running_mean, place);
        float *const running_variance = tensor_at(a.running_variance, place);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            if (j >= place.live) continue;
            tensor_at(a.mean, place)[j] = mean.v[j];
            tensor_at(a.inverse_deviation, place)[j] = inverse.v[j];
            if (!active) continue;
            const float unbiased = variance.v[j] * (count / (count - 1.0f));
            running_mean[j] += a.momentum * (mean.v[j] - running_mean[j]);
            running_variance[j] += a.momentum * (unbiased - running_variance[j]);
        }
    }

    const quad gamma = load_quad<false>(tensor_at(a.gamma, place), place.live);
    const quad beta = load_quad<false>(tensor_at(a.beta, place), place.live);
    const int activation = a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model];
    const model_dropout dropout = load_dropout(a.dropout, place.model);
    for_each_example<held>(a.batch, [&](int i, int64_t b) {
        if (held == 0) z[i] = load_quad<aligned>(matrix_at(a.z, place, b), place.stored);
        const unsigned kept = dropout_kept(dropout, b, place.unit);
        store_quad<aligned>(matrix_at(a.y, place, b),
                            finish_quad(z[i], mean, inverse, gamma, beta, activation, kept, dropout.scale, place.live),
                            place.stored);
    });
}

/*
 * dgamma = sum da * xhat and dbeta = sum da by sum_over_batch, then
 * dz = gamma * inverse_deviation * (da - dbeta / batch - xhat * dgamma / batch).
 */
template <int held, bool aligned>
__global__ static void __launch_bounds__(column_threads, 2)
    batch_norm_backward_kernel(caviar_batch_norm_backward_args a) {
    CAVIAR_SHARED(quad, first_sums, sum_quads);
    CAVIAR_SHARED(quad, second_sums, sum_quads);
    const column_quad place = find_quad(a.models, a.width, a.widths);
    const quad mean = load_quad<false>(tensor_at(a.mean, place), place.live);
    const quad inverse = load_quad<false>(tensor_at(a.inverse_deviation, place), place.live);
    const quad gamma = load_quad<false>(tensor_at(a.gamma, place), place.live);
    const quad beta = load_quad<false>(tensor_at(a.beta, place), place.live);
    const int activation = a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model];
    const model_dropout dropout = load_dropout(a.dropout, place.model);

    quad xhat[held > 0 ? held : 1], da[held > 0 ? held : 1];
    const auto load_example = [&](int i, int64_t b) {
        xhat[i] = load_quad<aligned>(matrix_at(a.z, place, b), place.stored);
        da[i] = load_quad<aligned>(matrix_at(a.dy, place, b), place.stored);
        const unsigned kept = dropout_kept(dropout, b, place.unit);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            xhat[i].v[j] = (xhat[i].v[j] - mean.v[j]) * inverse.v[j];
            const float slope = activation_slope(activation, gamma.v[j] * xhat[i].v[j] + beta.v[j]);
            da[i].v[j] = kept >> j & 1 ? da[i].v[j] * dropout.scale * slope : 0.0f;
        }
    };

    quad dgamma = { { 0.0f, 0.0f, 0.0f, 0.0f } }, dbeta = { { 0.0f, 0.0f, 0.0f, 0.0f } };
    for_each_example<held>(a.batch, [&](int i, int64_t b) {
        load_example(i, b);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            dgamma.v[j] += da[i].v[j] * xhat[i].v[j];
            dbeta.v[j] += da[i].v[j];
        }
    });
    dgamma = sum_over_batch(dgamma, first_sums);
    dbeta = sum_over_batch(dbeta, second_sums);
    if (threadIdx.y == 0) {
        store_quad<false>(tensor_at(a.dgamma, place), dgamma, place.live);
        store_quad<false>(tensor_at(a.dbeta, place), dbeta, place.live);
    }

    const float count = (float)a.batch;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        dgamma.v[j] /= count;
        dbeta.v[j] /= count;
    }
    for_each_example<held>(a.batch, [&](int i, int64_t b) {
        if (held == 0) load_example(i, b);
        quad dz;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const float centred = da[i].v[j] - dbeta.v[j] - xhat[i].v[j] * dgamma.v[j];
            dz.v[j] = j < place.live ? gamma.v[j] * inverse.v[j] * centred : 0.0f;
        }
        store_quad<aligned>(matrix_at(a.dz, place, b), dz, place.stored);
    });
}

template <bool aligned>
__global__ static void __launch_bounds__(column_threads)
    batch_norm_inference_kernel(caviar_batch_norm_inference_args a) {
    const column_quad place = find_quad(a.models, a.width, a.widths);
    const quad mean = load_quad<false>(tensor_at(a.running_mean, place), place.live);
    quad inverse = load_quad<false>(tensor_at(a.running_variance, place), place.live);
    const quad gamma = load_quad<false>(tensor_at(a.gamma, place), place.live);
    const quad beta = load_quad<false>(tensor_at(a.beta, place), place.live);
    const int activation = a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model];
#pragma unroll
    for (int j = 0; j < 4; ++j) inverse.v[j] = 1.0f / sqrtf(inverse.v[j] + a.epsilon);
    for (int64_t b = threadIdx.y + (int64_t)blockIdx.y * examples_down; b < a.batch;
         b += (int64_t)gridDim.y * examples_down) {
        const quad z = load_quad<aligned>(matrix_at(a.z, place, b), place.stored);
        store_quad<aligned>(matrix_at(a.y, place, b),
                            finish_quad(z, mean, inverse, gamma, beta, activation, 15, 1.0f, place.live), place.stored);
    }
}

/* Chooses how many examples a thread holds in registers. */
template <bool aligned>
static cudaError_t launch_forward(const caviar_batch_norm_forward_args &a, cudaStream_t stream) {
    const dim3 grid = column_grid(a.models, a.width), block = column_block();
    if (a.batch <= 1 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_forward_kernel<1, aligned>), grid, block, stream, a);
    if (a.batch <= 2 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_forward_kernel<2, aligned>), grid, block, stream, a);
    if (a.batch <= 4 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_forward_kernel<4, aligned>), grid, block, stream, a);
    if (a.batch <= 8 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_forward_kernel<8, aligned>), grid, block, stream, a);
    return CAVIAR_LAUNCH((batch_norm_forward_kernel<0, aligned>), grid, block, stream, a);
}

template <bool aligned>
static cudaError_t launch_backward(const caviar_batch_norm_backward_args &a, cudaStream_t stream) {
    const dim3 grid = column_grid(a.models, a.width), block = column_block();
    if (a.batch <= 1 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_backward_kernel<1, aligned>), grid, block, stream, a);
    if (a.batch <= 2 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_backward_kernel<2, aligned>), grid, block, stream, a);
    if (a.batch <= 4 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_backward_kernel<4, aligned>), grid, block, stream, a);
    if (a.batch <= 8 * examples_down)
        return CAVIAR_LAUNCH((batch_norm_backward_kernel<8, aligned>), grid, block, stream, a);
    return CAVIAR_LAUNCH((batch_norm_backward_kernel<0, aligned>), grid, block, stream, a);
}

caviar_status caviar_cuda_batch_norm_forward(caviar_device *device, const caviar_batch_norm_forward_args *args,
                                             void *stream) {
    caviar_cuda_scope scope(device, stream, { "batch_norm_forward", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    const bool aligned = quads_aligned(args->z, args->width) && quads_aligned(args->y, args->width);
    return scope.check(aligned ? launch_forward<true>(*args, scope.stream)
                               : launch_forward<false>(*args, scope.stream));
}

caviar_status caviar_cuda_batch_norm_backward(caviar_device *device, const caviar_batch_norm_backward_args *args,
                                              void *stream) {
    caviar_cuda_scope scope(device, stream, { "batch_norm_backward", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    const bool aligned = quads_aligned(args->z, args->width) && quads_aligned(args->dy, args->width) &&
                         quads_aligned(args->dz, args->width);
    return scope.check(aligned ? launch_backward<true>(*args, scope.stream)
                               : launch_backward<false>(*args, scope.stream));
}

caviar_status caviar_cuda_batch_norm_inference(caviar_device *device, const caviar_batch_norm_inference_args *args,
                                               void *stream) {
    caviar_cuda_scope scope(device, stream, { "batch_norm_inference", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    dim3 grid = column_grid(args->models, args->width);
    grid.y = blocks_y(args->batch, 4 * examples_down);
    const bool aligned = quads_aligned(args->z, args->width) && quads_aligned(args->y, args->width);
    return scope.check(
        aligned ? CAVIAR_LAUNCH(batch_norm_inference_kernel<true>, grid, column_block(), scope.stream, *args)
                : CAVIAR_LAUNCH(batch_norm_inference_kernel<false>, grid, column_block(), scope.stream, *args));
}
