/*
 * Batch norm with activation and dropout: forward, backward and inference.
 *
 * A minibatch of up to 256 examples stays in registers between the passes (`held` examples a thread); a larger one is
 * read again from memory. Both add in the same order.
 */
#include "activation.cuh"
#include "columns.cuh"
#include "device.cuh"

__device__ static inline quad normalised(const quad &z, const quad &mean, const quad &inverse) {
    quad xhat;
#pragma unroll
    for (int i = 0; i < 4; ++i) xhat.v[i] = (z.v[i] - mean.v[i]) * inverse.v[i];
    return xhat;
}

/* How many blocks an SM is to hold: as many as go without spilling, which `with_eight` says for eight examples a
 * thread. */
constexpr int blocks_of(int held, int with_eight) {
    return held == 8 ? with_eight : held == 0 ? 2 : 3;
}

/* y = dropout(act(gamma * xhat + beta)) for one quad of one example; what is not kept becomes 0. */
template <int activation>
__device__ static inline quad finish_quad(const quad &xhat, const quad &gamma, const quad &beta, unsigned kept,
                                          float scale) {
    quad y;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float value = activate(activation, gamma.v[i] * xhat.v[i] + beta.v[i]) * scale;
        y.v[i] = kept >> i & 1 ? value : 0.0f;
    }
    return y;
}

/* Mean and variance by moments_over_batch of what each thread works out in two passes; then y. */
template <int held, bool aligned>
__global__ static void __launch_bounds__(column_threads, blocks_of(held, aligned ? 3 : 2))
    batch_norm_forward_kernel(caviar_batch_norm_forward_args a) {
    CAVIAR_SHARED(quad, warp_means, sum_quads);
    CAVIAR_SHARED(quad, warp_squares, sum_quads);
    CAVIAR_SHARED(float, warp_counts, column_threads / warp_lanes);
    CAVIAR_SHARED(quad, means, quads_across);
    CAVIAR_SHARED(quad, inverses, quads_across);
    CAVIAR_SHARED(quad, gammas, quads_across);
    CAVIAR_SHARED(quad, betas, quads_across);
    const column_quad place = find_quad(a.models, a.batch, a.width, a.widths);
    const int x = (int)threadIdx.x, j = (int)threadIdx.y;
    const column z_column(a.z, place);
    quad z[held > 0 ? held : 1];
    const auto load = [&](int i, unsigned n) { z[i] = load_quad<aligned>(z_column.at(n), place.stored); };

    if (held > 0) for_each_example<held>(place, load);
    const int model_activation = a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model];
    const model_dropout dropout = load_dropout(a.dropout, place.model);
    const unsigned kept = kept_units<held>(a.dropout, dropout, place, 0);
    if (j == 0) {
        gammas[x] = load_quad<aligned>(tensor_at(a.gamma, place), place.stored);
        betas[x] = load_quad<aligned>(tensor_at(a.beta, place), place.stored);
    }
    column_moments part = {};
    for_each_example<held>(place, [&](int i, unsigned n) {
        if (held == 0) load(i, n);
        part.count += 1.0f;
#pragma unroll
        for (int u = 0; u < 4; ++u) part.mean.v[u] += z[i].v[u];
    });
    const float share = 1.0f / fmaxf(part.count, 1.0f);
#pragma unroll
    for (int u = 0; u < 4; ++u) part.mean.v[u] *= share;
    for_each_example<held>(place, [&](int i, unsigned n) {
        if (held == 0) load(i, n);
#pragma unroll
        for (int u = 0; u < 4; ++u) {
            const float deviation = z[i].v[u] - part.mean.v[u];
            part.squares.v[u] += deviation * deviation;
        }
    });
    float column_mean, squares;
    moments_over_batch(&column_mean, &squares, part, warp_means, warp_squares, warp_counts);
    if (j < 4) {
        const float count = (float)a.batch, variance = squares / count, inverse = 1.0f / sqrtf(variance + a.epsilon);
        means[x].v[j] = column_mean;
        inverses[x].v[j] = inverse;
        const bool live = j < place.live;
        if (live) {
            tensor_at(a.mean, place)[j] = column_mean;
            tensor_at(a.inverse_deviation, place)[j] = inverse;
        }
        if (live && (a.active == nullptr || a.active[place.model] != 0)) {
            float &running_mean = tensor_at(a.running_mean, place)[j];
            float &running_variance = tensor_at(a.running_variance, place)[j];
            const float unbiased = variance * (count / (count - 1.0f));
            const float momentum = a.momenta == nullptr ? a.momentum : a.momenta[place.model];
            running_mean += momentum * (column_mean - running_mean);
            running_variance += momentum * (unbiased - running_variance);
        }
    }
    __syncthreads();

    const quad mean = means[x], inverse = inverses[x];
    const auto normalise = [&](int i, unsigned) { z[i] = normalised(z[i], mean, inverse); };
    if (held > 0) for_each_example<held>(place, normalise);
    const quad gamma = gammas[x], beta = betas[x];
    const column y_column(a.y, place);
    with_activation(model_activation, [&](auto activation) {
        for_each_example<held>(place, [&](int i, unsigned n) {
            if (held == 0) {
                load(i, n);
                normalise(i, n);
            }
            const unsigned units = held > 0 ? kept >> 4 * i : kept_units<1>(a.dropout, dropout, place, n);
            store_quad<aligned>(y_column.at(n), finish_quad<activation.value>(z[i], gamma, beta, units, dropout.scale),
                                place.stored);
        });
    });
}

/* gamma * inverse_deviation, read again rather than kept. */
template <bool aligned>
__device__ static inline quad factor_of(const caviar_batch_norm_backward_args &a, const column_quad &place) {
    quad factor = load_quad<aligned>(tensor_at(a.gamma, place), place.stored);
    const quad inverse = load_quad<aligned>(tensor_at(a.inverse_deviation, place), place.stored);
#pragma unroll
    for (int i = 0; i < 4; ++i) factor.v[i] *= inverse.v[i];
    return factor;
}

/*
 * dgamma = sum da * xhat and dbeta = sum da by sum_over_batch, then
 * dz = gamma * inverse_deviation * (da - dbeta / batch - xhat * dgamma / batch).
 */
template <int held, bool aligned>
__global__ static void __launch_bounds__(column_threads, blocks_of(held, 2))
    batch_norm_backward_kernel(caviar_batch_norm_backward_args a) {
    CAVIAR_SHARED(quad, first_sums, sum_quads);
    CAVIAR_SHARED(quad, second_sums, sum_quads);
    CAVIAR_SHARED(quad, dgammas, quads_across);
    CAVIAR_SHARED(quad, dbetas, quads_across);
    CAVIAR_SHARED(quad, factors, quads_across);
    const column_quad place = find_quad(a.models, a.batch, a.width, a.widths);
    const quad mean = load_quad<aligned>(tensor_at(a.mean, place), place.stored);
    const quad inverse = load_quad<aligned>(tensor_at(a.inverse_deviation, place), place.stored);
    const int model_activation = a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model];
    const float count = (float)a.batch;
    const int x = (int)threadIdx.x, j = (int)threadIdx.y;
    const column z_column(a.z, place), dy_column(a.dy, place);

    quad xhat[held > 0 ? held : 1], da[held > 0 ? held : 1];
    const auto load_example = [&](int i, unsigned n) {
        xhat[i] = load_quad<aligned>(z_column.at(n), place.stored);
        da[i] = load_quad<aligned>(dy_column.at(n), place.stored);
    };
    const auto normalise = [&](int i, unsigned) { xhat[i] = normalised(xhat[i], mean, inverse); };
    if (held > 0) for_each_example<held>(place, load_example);
    const model_dropout dropout = load_dropout(a.dropout, place.model);
    const unsigned kept = kept_units<held>(a.dropout, dropout, place, 0);
    if (held > 0) for_each_example<held>(place, normalise);

    const quad gamma = load_quad<aligned>(tensor_at(a.gamma, place), place.stored);
    const quad beta = load_quad<aligned>(tensor_at(a.beta, place), place.stored);
    const auto differentiate = [&](auto activation, int i, unsigned n) {
        const unsigned units = held > 0 ? kept >> 4 * i : kept_units<1>(a.dropout, dropout, place, n);
#pragma unroll
        for (int u = 0; u < 4; ++u) {
            const float slope = activation_slope(activation.value, gamma.v[u] * xhat[i].v[u] + beta.v[u]);
            da[i].v[u] = units >> u & 1 ? da[i].v[u] * dropout.scale * slope : 0.0f;
        }
    };
    quad dgamma_part = {}, dbeta_part = {};
    with_activation(model_activation, [&](auto activation) {
        for_each_example<held>(place, [&](int i, unsigned n) {
            if (held == 0) {
                load_example(i, n);
                normalise(i, n);
            }
            differentiate(activation, i, n);
#pragma unroll
            for (int u = 0; u < 4; ++u) {
                dgamma_part.v[u] += da[i].v[u] * xhat[i].v[u];
                dbeta_part.v[u] += da[i].v[u];
            }
        });
    });
    const float dgamma = sum_over_batch(dgamma_part, first_sums), dbeta = sum_over_batch(dbeta_part, second_sums);
    if (j < 4) {
        if (j < place.live) {
            tensor_at(a.dgamma, place)[j] = dgamma;
            tensor_at(a.dbeta, place)[j] = dbeta;
        }
        dgammas[x].v[j] = dgamma / count;
        dbetas[x].v[j] = dbeta / count;
    }
    if (j == 0) {
        const quad factor = factor_of<aligned>(a, place);
        factors[x] = factor;
    }
    __syncthreads();

    const column dz_column(a.dz, place);
    const quad mean_dgamma = dgammas[x], mean_dbeta = dbetas[x], factor = factors[x];
    const auto write_example = [&](int i, unsigned n) {
        quad dz;
#pragma unroll
        for (int u = 0; u < 4; ++u) {
            const float centred = da[i].v[u] - mean_dbeta.v[u] - xhat[i].v[u] * mean_dgamma.v[u];
            dz.v[u] = place.units >> u & 1 ? factor.v[u] * centred : 0.0f;
        }
        store_quad<aligned>(dz_column.at(n), dz, place.stored);
    };
    if (held > 0) {
        for_each_example<held>(place, write_example);
        return;
    }
    with_activation(model_activation, [&](auto activation) {
        for_each_example<held>(place, [&](int i, unsigned n) {
            load_example(i, n);
            normalise(i, n);
            differentiate(activation, i, n);
            write_example(i, n);
        });
    });
}

template <bool aligned>
__global__ static void __launch_bounds__(column_threads, 3)
    batch_norm_inference_kernel(caviar_batch_norm_inference_args a) {
    const column_quad place = find_quad(a.models, a.batch, a.width, a.widths);
    const quad mean = load_quad<aligned>(tensor_at(a.running_mean, place), place.stored);
    quad inverse = load_quad<aligned>(tensor_at(a.running_variance, place), place.stored);
    const quad gamma = load_quad<aligned>(tensor_at(a.gamma, place), place.stored);
    const quad beta = load_quad<aligned>(tensor_at(a.beta, place), place.stored);
#pragma unroll
    for (int j = 0; j < 4; ++j) inverse.v[j] = 1.0f / sqrtf(inverse.v[j] + a.epsilon);
    const column z_column(a.z, place), y_column(a.y, place);
    with_activation(a.activation == nullptr ? CAVIAR_IDENTITY : a.activation[place.model], [&](auto activation) {
        const auto load = [&](unsigned n) { return load_quad<aligned>(z_column.at(n), place.stored); };
        for_each_loaded(
            place, load, [&](unsigned) { return place.units; },
            [&](const quad &z, unsigned n, int, unsigned units) {
                const quad xhat = normalised(z, mean, inverse);
                store_quad<aligned>(y_column.at(n), finish_quad<activation.value>(xhat, gamma, beta, units, 1.0f),
                                    place.stored);
            });
    });
}

/* Chooses how many examples a thread holds in registers. */
template <bool aligned>
static cudaError_t launch_forward(const caviar_batch_norm_forward_args &a, cudaStream_t stream) {
    const dim3 grid = column_grid(a.models, a.width), block = column_block(a.batch);
    const int64_t held = divide_up(a.batch, block.y);
    if (held <= 1) return CAVIAR_LAUNCH((batch_norm_forward_kernel<1, aligned>), grid, block, stream, a);
    if (held <= 2) return CAVIAR_LAUNCH((batch_norm_forward_kernel<2, aligned>), grid, block, stream, a);
    if (held <= 4) return CAVIAR_LAUNCH((batch_norm_forward_kernel<4, aligned>), grid, block, stream, a);
    if (held <= 8) return CAVIAR_LAUNCH((batch_norm_forward_kernel<8, aligned>), grid, block, stream, a);
    return CAVIAR_LAUNCH((batch_norm_forward_kernel<0, aligned>), grid, block, stream, a);
}

template <bool aligned>
static cudaError_t launch_backward(const caviar_batch_norm_backward_args &a, cudaStream_t stream) {
    const dim3 grid = column_grid(a.models, a.width), block = column_block(a.batch);
    const int64_t held = divide_up(a.batch, block.y);
    if (held <= 1) return CAVIAR_LAUNCH((batch_norm_backward_kernel<1, aligned>), grid, block, stream, a);
    if (held <= 2) return CAVIAR_LAUNCH((batch_norm_backward_kernel<2, aligned>), grid, block, stream, a);
    if (held <= 4) return CAVIAR_LAUNCH((batch_norm_backward_kernel<4, aligned>), grid, block, stream, a);
    if (held <= 8) return CAVIAR_LAUNCH((batch_norm_backward_kernel<8, aligned>), grid, block, stream, a);
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
                         quads_aligned(args->dz, args->width) && quads_aligned(args->mean) &&
                         quads_aligned(args->inverse_deviation) && quads_aligned(args->gamma) &&
                         quads_aligned(args->beta);
    return scope.check(aligned ? launch_backward<true>(*args, scope.stream)
                               : launch_backward<false>(*args, scope.stream));
}

caviar_status caviar_cuda_batch_norm_inference(caviar_device *device, const caviar_batch_norm_inference_args *args,
                                               void *stream) {
    caviar_cuda_scope scope(device, stream, { "batch_norm_inference", args->models, args->batch, args->width });
    CAVIAR_TRY(scope.status);
    dim3 grid = column_grid(args->models, args->width);
    grid.y = blocks_y(args->batch, loaded_examples * column_block(args->batch).y);
    const bool aligned = quads_aligned(args->z, args->width) && quads_aligned(args->y, args->width) &&
                         quads_aligned(args->running_mean) && quads_aligned(args->running_variance) &&
                         quads_aligned(args->gamma) && quads_aligned(args->beta);
    return scope.check(
        aligned
            ? CAVIAR_LAUNCH(batch_norm_inference_kernel<true>, grid, column_block(args->batch), scope.stream, *args)
            : CAVIAR_LAUNCH(batch_norm_inference_kernel<false>, grid, column_block(args->batch), scope.stream, *args));
}
