/* The whole-step engine's updates: parameters and moments come from memory and go back once. */
#ifndef CAVIAR_KERNELS_STEP_UPDATE_CUH
#define CAVIAR_KERNELS_STEP_UPDATE_CUH

#include "optimizer.cuh"
#include "step_model.cuh"

/*
 * Updates `count` times four parameters at offset(r) with gradient(r); those at offsets below 0 do not exist. All are
 * loaded first, then ready() is called.
 */
template <int count, class Model, class Offset, class Ready, class Gradient>
__device__ static __forceinline__ void update_quads(const Model &m, const update_rule &rule, Offset offset, Ready ready,
                                                    Gradient gradient) {
    const caviar_optimizer_update_args &a = m.args().update;
    float *const parameters = m.parameters();
    float *const first_moment = a.first_moment.data + m.k * a.first_moment.model_stride;
    float *const second_moment = a.second_moment.data + m.k * a.second_moment.model_stride;
    with_optimizer(a.optimizer[m.k], [&](auto optimizer) {
        constexpr bool first = has_first_moment(optimizer.value), second = has_second_moment(optimizer.value);
        quad p[count], u[count] = {}, v[count] = {};
#pragma unroll
        for (int r = 0; r < count; ++r) {
            const int at = offset(r);
            p[r] = at < 0 ? quad{} : load_quad<true>(parameters + (unsigned)at);
            if (first && at >= 0) u[r] = load_quad<true>(first_moment + (unsigned)at);
            if (second && at >= 0) v[r] = load_quad<true>(second_moment + (unsigned)at);
        }
        ready();
#pragma unroll
        for (int r = 0; r < count; ++r) {
            const int at = offset(r);
            if (at < 0) continue;
            const quad g = gradient(r);
#pragma unroll
            for (int i = 0; i < 4; ++i)
                update_one<optimizer.value>(rule, at + i < a.decayed, &p[r].v[i], g.v[i], &u[r].v[i], &v[r].v[i]);
            store_quad<true>(parameters + (unsigned)at, p[r]);
            if (first) store_quad<true>(first_moment + (unsigned)at, u[r]);
            if (second) store_quad<true>(second_moment + (unsigned)at, v[r]);
        }
    });
}

/* Four parameters, of those threads that call it. */
template <class Model>
__device__ static __forceinline__ void update_quad(const Model &m, int64_t offset, const quad &gradient) {
    update_quads<1>(
        m, load_rule(m.args().update, m.k), [&](int) { return (int)offset; }, [] {}, [&](int) { return gradient; });
}

/* Parameters and moments of a tile of weights are on their way from memory while their gradient is worked out. */
template <class Model>
__device__ static __forceinline__ void prefetch_weights(const Model &m, int64_t offset, int64_t count) {
    const caviar_optimizer_update_args &a = m.args().update;
    const int optimizer = a.optimizer[m.k];
    constexpr int line = 128 / (int)sizeof(float);
    for (int64_t i = (int64_t)threadIdx.x * line; i < count; i += step_threads * line) {
        prefetch(m.parameters() + offset + i);
        if (has_first_moment(optimizer)) prefetch(a.first_moment.data + m.k * a.first_moment.model_stride + offset + i);
        if (has_second_moment(optimizer))
            prefetch(a.second_moment.data + m.k * a.second_moment.model_stride + offset + i);
    }
}

/*
 * Updates a tile of weights from its gradient. By way of shared memory neighbouring threads get neighbouring
 * parameters, and few at a time.
 */
template <int across, int groups, class Model, int rows>
__device__ static __forceinline__ void update_tile(const Model &m, const caviar_train_layer &layer, int row, int tile,
                                                   const float (&dw)[rows][4]) {
    const int in = (int)layer.in, out = (int)layer.out, x = thread_x<across>(), y = thread_y<across>();
    const auto offset_of = [&](int i) {
        return i < in && tile + x * 4 < out ? (int)layer.weight + i * out + tile + x * 4 : -1;
    };
    if constexpr (rows == 1) {
        const int offset = offset_of(row + y);
        if (offset >= 0) update_quad(m, offset, { { dw[0][0], dw[0][1], dw[0][2], dw[0][3] } });
    } else {
        constexpr int part_rows = gradient_rows / 2, down = rows_down<across>(), at_once = part_rows / down;
        static_assert(part_rows * wide_columns <= staged_right && rows == 4 * groups, "a part lies in scratch memory");
        const update_rule rule = load_rule(m.args().update, m.k);
        float *const part = m.scratch() + x * 4;
#pragma unroll 1
        for (int n = 0; n < 2 * groups; ++n) {
            const auto exchange = [&] {
                __syncthreads();
                if (y / (down / 2) == n % 2)
#pragma unroll
                    for (int j = 0; j < 4; ++j) {
                        quad four;
#pragma unroll
                        for (int i = 0; i < 4; ++i) four.v[i] = n < 2 ? dw[j][i] : dw[rows - 4 + j][i];
                        store_quad<true>(part + (y % (down / 2) * 4 + j) * wide_columns, four);
                    }
                __syncthreads();
            };
            update_quads<at_once>(
                m, rule, [&](int i) { return offset_of(row + n * part_rows + y + i * down); }, exchange,
                [&](int i) { return load_quad<true>(part + (y + i * down) * wide_columns); });
        }
    }
}

/*
 * dw = x^T dz, a tile at a time, which then updates its weights. dz lies with this stride, its tiles one `tile_floats`
 * behind the other.
 */
template <int across, int groups, class Model>
__device__ static __forceinline__ void update_weights(const Model &m, int l, const float *dz, int stride,
                                                      int tile_floats) {
    constexpr int rows = groups * together(across), columns = across * 4;
    const caviar_train_layer &layer = m.layer(l);
    const int in = (int)layer.in, out = (int)layer.out;
    for (int row = 0; row < in; row += groups * gradient_rows) {
        prefetch_weights(m, layer.weight + (int64_t)row * out, (int64_t)min(groups * gradient_rows, in - row) * out);
        for (int tile = 0; tile < out; tile += columns) {
            float dw[rows][4] = {};
            const float *const of_tile = dz + tile / columns * tile_floats;
            if (l == 0)
                multiply_transposed<across, groups>(dw, m.minibatch(), in, row, of_tile, stride, out - tile, m.stage());
            else
                multiply_transposed<across, groups>(dw, m.outputs(), in, row, of_tile, stride, out - tile, m.stage());
            update_tile<across, groups>(m, layer, row, tile, dw);
        }
    }
}

#endif
