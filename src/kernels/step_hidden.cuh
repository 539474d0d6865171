/* The whole-step engine's hidden layers: product, batch norm or bias, activation and dropout, forward and backward. */
#ifndef CAVIAR_KERNELS_STEP_HIDDEN_CUH
#define CAVIAR_KERNELS_STEP_HIDDEN_CUH

#include "activation.cuh"
#include "step_update.cuh"

/* A thread's four columns of a hidden layer. */
struct step_columns {
    int first;      /* of the four */
    bool exist;     /* in shared memory and among the parameters */
    unsigned units; /* which of them are not padding, as bits */
};

template <class Model>
__device__ static __forceinline__ step_columns find_columns(const Model &m, int l, int tile_column) {
    step_columns columns;
    columns.first = tile_column + thread_x<wide_across>() * 4;
    columns.exist = columns.first < m.layer(l).out;
    columns.units = (1u << min(max(m.facts().widths[l] - columns.first, 0), 4)) - 1;
    return columns;
}

__device__ static __forceinline__ quad load_columns(const float *vector, const step_columns &columns) {
    return columns.exist ? load_quad(vector + columns.first) : quad{};
}

/* Without batch norm gamma is 1, and the bias is in the place of beta. */
template <class Model>
__device__ static __forceinline__ quad load_gamma(const Model &m, int l, const step_columns &columns) {
    if (m.args().batch_norm != 0) return load_columns(m.parameters() + m.layer(l).gamma, columns);
    return { { 1.0f, 1.0f, 1.0f, 1.0f } };
}

/*
 * Adds the threads' parts of their columns, in an order that is always the same; every thread gets its columns' sums.
 * It has one barrier of the block; `shared` [column_sums] may be used again after another one.
 */
__device__ static __forceinline__ quad sum_columns(quad part, float *shared) {
    const int x = thread_x<wide_across>(), warp = thread_y<warp_lanes>();
#pragma unroll
    for (int i = 0; i < 4; ++i) part.v[i] += __shfl_xor_sync(0xffffffffu, part.v[i], wide_across);
    if (thread_x<warp_lanes>() < wide_across) store_shared_quad(shared + warp * wide_columns + x * 4, part);
    __syncthreads();
    quad sum = {};
#pragma unroll
    for (int w = 0; w < step_warps; ++w) {
        const quad other = load_quad(shared + w * wide_columns + x * 4);
#pragma unroll
        for (int i = 0; i < 4; ++i) sum.v[i] += other.v[i];
    }
    return sum;
}

/* Calls body(r, row) for the thread's rows of a tile. */
template <int rows, class Body>
__device__ static __forceinline__ void for_each_row(Body body) {
#pragma unroll
    for (int r = 0; r < rows; ++r) body(r, thread_y<wide_across>() + r * rows_down<wide_across>());
}

/* What batch norm keeps of a minibatch, by the threads of the first row. */
template <class Model>
__device__ static __forceinline__ void keep_statistics(const Model &m, int l, const step_columns &columns,
                                                       const quad &mean, const quad &variance, const quad &inverse) {
    const caviar_train_layer &layer = m.layer(l);
    float *const state = m.state() + columns.first;
    const float count = (float)m.batch(), unbiased = count / (count - 1.0f), momentum = m.args().momenta[m.k()];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if ((columns.units >> i & 1) == 0) continue;
        state[layer.mean + i] = mean.v[i];
        state[layer.inverse_deviation + i] = inverse.v[i];
        state[layer.running_mean + i] += momentum * (mean.v[i] - state[layer.running_mean + i]);
        state[layer.running_variance + i] += momentum * (variance.v[i] * unbiased - state[layer.running_variance + i]);
    }
}

/* A tile of z becomes (z - mean) * inverse_deviation; rows beyond the minibatch 0. */
template <class Model, int rows>
__device__ static __forceinline__ void normalise(const Model &m, int l, const step_columns &columns,
                                                 float (&z)[rows][4]) {
    const float count = (float)m.batch();
    quad mean, variance, inverse, part = {};
    for_each_row<rows>([&](int r, int row) {
        if (row < m.batch())
#pragma unroll
            for (int i = 0; i < 4; ++i) part.v[i] += z[r][i];
    });
    mean = sum_columns(part, m.scratch());
    part = {};
#pragma unroll
    for (int i = 0; i < 4; ++i) mean.v[i] /= count;
    for_each_row<rows>([&](int r, int row) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            z[r][i] = row < m.batch() ? z[r][i] - mean.v[i] : 0.0f;
            part.v[i] += z[r][i] * z[r][i];
        }
    });
    variance = sum_columns(part, m.scratch() + column_sums);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        variance.v[i] /= count;
        inverse.v[i] = 1.0f / sqrtf(variance.v[i] + m.args().epsilon);
    }
    if (thread_y<wide_across>() == 0) keep_statistics(m, l, columns, mean, variance, inverse);
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
        for (int i = 0; i < 4; ++i) z[r][i] *= inverse.v[i];
}

/* Which of the thread's units are neither padding nor beyond the minibatch, four bits a row of the tile. */
template <class Model>
__device__ static __forceinline__ unsigned live_units(const Model &m, const step_columns &columns) {
    static_assert(Model::rows <= 8, "32 bits");
    unsigned bits = 0;
    for_each_row<Model::rows>([&](int r, int row) { bits |= (row < m.batch() ? columns.units : 0) << 4 * r; });
    return bits;
}

/* Which of those are not dropped either. */
template <class Model>
__device__ static __forceinline__ unsigned kept_units(const Model &m, const caviar_dropout &dropout, uint32_t threshold,
                                                      const step_columns &columns, unsigned live) {
    if (threshold == 0 || live == 0) return live;
    const dropout_bits random(dropout, m.k(), threshold);
    unsigned kept = 0;
#pragma unroll 1
    for (int r = 0; r < Model::rows; ++r)
        kept |= random.kept(thread_y<wide_across>() + r * rows_down<wide_across>(), columns.first) << 4 * r;
    return live & kept;
}

/* The dropout of a layer. */
template <class Model>
__device__ static __forceinline__ caviar_dropout dropout_of(const Model &m, int l) {
    caviar_dropout dropout = m.args().dropout;
    dropout.layer = l;
    return dropout;
}

/* h = dropout(act(gamma * xhat + beta)), 0 where there is padding or no example. A thread reads what it has written. */
template <class Model>
__device__ static __forceinline__ void activate_layer(const Model &m, int l) {
    constexpr int down = rows_down<wide_across>();
    const int out = (int)m.layer(l).out, x = thread_x<wide_across>(), y = thread_y<wide_across>();
    const caviar_dropout dropout = dropout_of(m, l);
    const model_dropout rate = m.facts().dropout;
    for_each_tile<wide_columns>(out, [&](int tile) {
        const step_columns columns = find_columns(m, l, tile);
        if (!columns.exist) return;
        const quad gamma = load_gamma(m, l, columns), beta = load_columns(m.parameters() + m.layer(l).beta, columns);
        const unsigned live = live_units(m, columns);
        const unsigned kept = kept_units(m, dropout, rate.threshold, columns, live);
        const float *const xhat = m.xhat(l, tile) + y * block_stride + x * 4;
        float *const h = m.h(tile) + y * outputs_stride + x * 4;
        with_activation(m.facts().activation, [&](auto activation) {
#pragma unroll 2
            for (int r = 0; r < Model::rows; ++r) {
                quad four = load_quad(xhat + r * down * block_stride);
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const float value = activate(activation.value, gamma.v[i] * four.v[i] + beta.v[i]) * rate.scale;
                    four.v[i] = kept >> (4 * r + i) & 1 ? value : 0.0f;
                }
                store_shared_quad(h + r * down * outputs_stride, four);
            }
        });
    });
}

template <class Model>
__device__ static __forceinline__ void forward_hidden(const Model &m, int l) {
    constexpr int rows = Model::rows;
    const caviar_train_layer &layer = m.layer(l);
    const int out = (int)layer.out;
    const right_operand weights = { m.parameters() + layer.weight, (int)layer.in, out, false };
    for_each_tile<wide_columns>(out, [&](int tile) {
        float z[rows][4] = {};
        if (l == 0)
            multiply<wide_across, Model::tile_rows>(z, m.minibatch(), weights, tile, m.stage());
        else
            multiply<wide_across, Model::tile_rows>(z, m.outputs(), weights, tile, m.stage());
        const step_columns columns = find_columns(m, l, tile);
        if (m.args().batch_norm != 0) normalise(m, l, columns, z);
        for_each_row<rows>([&](int r, int row) {
            const quad xhat = { { z[r][0], z[r][1], z[r][2], z[r][3] } };
            const int x = thread_x<wide_across>();
            if (columns.exist) store_shared_quad(m.xhat(l, tile) + row * block_stride + x * 4, xhat);
        });
    });
    activate_layer(m, l);
}

/*
 * From the gradient of a tile of the layer's outputs: dz in the place of xhat, and the updates of gamma and beta.
 *     da = dh * dropout mask * act'(a),  dgamma = sum da * xhat,  dbeta = sum da
 *     dz = gamma * inverse_deviation * (da - dbeta / batch - xhat * dgamma / batch)
 */
template <class Model, int rows>
__device__ static __forceinline__ void backward_hidden(const Model &m, int l, int tile, float (&da)[rows][4]) {
    const caviar_train_layer &layer = m.layer(l);
    constexpr int stride = rows_down<wide_across>() * block_stride;
    const int x = thread_x<wide_across>(), y = thread_y<wide_across>();
    const bool batch_norm = m.args().batch_norm != 0;
    const step_columns columns = find_columns(m, l, tile);
    float *const xhat_column = m.xhat(l, tile) + y * block_stride + x * 4;
    const quad gamma = load_gamma(m, l, columns), beta = load_columns(m.parameters() + layer.beta, columns);
    const caviar_dropout dropout = dropout_of(m, l);
    const model_dropout rate = m.facts().dropout;
    const unsigned live = live_units(m, columns);
    const unsigned kept = kept_units(m, dropout, rate.threshold, columns, live);
    quad dgamma = {}, dbeta = {};
    with_activation(m.facts().activation, [&](auto activation) {
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const quad xhat = columns.exist ? load_quad(xhat_column + r * stride) : quad{};
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const float slope = activation_slope(activation.value, gamma.v[i] * xhat.v[i] + beta.v[i]);
                da[r][i] = kept >> (4 * r + i) & 1 ? da[r][i] * rate.scale * slope : 0.0f;
                dgamma.v[i] += da[r][i] * xhat.v[i];
                dbeta.v[i] += da[r][i];
            }
        }
    });
    dbeta = sum_columns(dbeta, m.scratch());
    if (batch_norm) dgamma = sum_columns(dgamma, m.scratch() + column_sums);

    const float count = (float)m.batch();
    quad factor = {}, mean_dgamma, mean_dbeta;
    if (batch_norm) factor = load_columns(m.state() + layer.inverse_deviation, columns);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        factor.v[i] *= gamma.v[i];
        mean_dgamma.v[i] = dgamma.v[i] / count;
        mean_dbeta.v[i] = dbeta.v[i] / count;
    }
#pragma unroll
    for (int r = 0; r < rows; ++r) {
        const quad xhat = columns.exist ? load_quad(xhat_column + r * stride) : quad{};
        quad dz;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float centred = da[r][i] - mean_dbeta.v[i] - xhat.v[i] * mean_dgamma.v[i];
            dz.v[i] = batch_norm ? factor.v[i] * centred : da[r][i];
            dz.v[i] = live >> (4 * r + i) & 1 ? dz.v[i] : 0.0f;
        }
        if (columns.exist) store_shared_quad(xhat_column + r * stride, dz);
    }
    const bool updates_gamma = batch_norm && y == 0, updates_beta = y == 1;
    if (!columns.exist || !(updates_gamma || updates_beta)) return;
    quad gradient;
#pragma unroll
    for (int i = 0; i < 4; ++i) gradient.v[i] = updates_beta ? dbeta.v[i] : dgamma.v[i];
    update_quad(m, (updates_beta ? layer.beta : layer.gamma) + columns.first, gradient);
}

#endif
