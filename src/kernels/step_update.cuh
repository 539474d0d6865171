/* The whole-step engine's updates: parameters and moments come from memory and go back once. */
#ifndef CAVIAR_KERNELS_STEP_UPDATE_CUH
#define CAVIAR_KERNELS_STEP_UPDATE_CUH

#include "step_model.cuh"

/* Of a thread, before and while a gradient is worked out. */
constexpr int most_under_way = 2;

/* Where `count` times four parameters of a thread are: the first `exist` exist, `apart` floats from each other. */
struct parameter_place {
    int offset, exist, apart;
};

/* Four parameters and their moments. */
struct parameter_quad {
    quad p, u, v;
};

/* On their way from memory until they are used. What does not exist keeps its value. */
template <class Model>
__device__ static __forceinline__ void load_parameters(const Model &m, const parameter_place &place, int r,
                                                       parameter_quad &four) {
    if (r >= place.exist) return;
    const int optimizer = m.facts().optimizer, at = place.offset + r * place.apart;
    four.p = load_streamed(m.parameters() + at);
    if (has_first_moment(optimizer)) four.u = load_streamed(m.facts().first_moment + at);
    if (has_second_moment(optimizer)) four.v = load_streamed(m.facts().second_moment + at);
}

/* Updates what was loaded from a place with gradient[r], and loads from the next place. */
template <int count, class Model, int rows, int under_way>
__device__ static __forceinline__ void update_parameters(const Model &m, const parameter_place &place,
                                                         const float (&gradient)[rows][4], const parameter_place &next,
                                                         parameter_quad (&quads)[under_way]) {
    const update_rule rule = m.facts().rule;
    with_optimizer(m.facts().optimizer, [&](auto optimizer) {
        constexpr bool first = has_first_moment(optimizer.value), second = has_second_moment(optimizer.value);
#pragma unroll
        for (int r = 0; r < count; ++r) {
            parameter_quad &four = quads[r % under_way];
            const int at = place.offset + r * place.apart;
#pragma unroll
            for (int i = 0; i < 4; ++i)
                update_one<optimizer.value, false>(rule, at < m.args().update.decayed, &four.p.v[i], gradient[r][i],
                                                   &four.u.v[i], &four.v.v[i]);
            if (r < place.exist) {
                store_streamed(m.parameters() + at, four.p);
                if (first) store_streamed(m.facts().first_moment + at, four.u);
                if (second) store_streamed(m.facts().second_moment + at, four.v);
            }
            if (r + under_way < count)
                load_parameters(m, place, r + under_way, four);
            else
                load_parameters(m, next, r + under_way - count, four);
        }
    });
}

/* Four parameters, of those threads that call it. */
template <class Model>
__device__ static __forceinline__ void update_quad(const Model &m, int64_t offset, const quad &gradient) {
    const parameter_place place = { (int)offset, 1, {} };
    const float gradients[][4] = { { gradient.v[0], gradient.v[1], gradient.v[2], gradient.v[3] } };
    parameter_quad quads[] = { {} };
    load_parameters(m, place, 0, quads[0]);
    update_parameters<1>(m, place, gradients, {}, quads);
}

/*
 * dw = x^T dz of the rows from `first` to before `end`, a tile at a time, which then updates its weights. dz lies with
 * this stride, its tiles one `tile_floats` behind the other.
 */
template <int across, int groups, class Model>
__device__ static __forceinline__ void update_weights(const Model &m, int l, const float *dz, int stride,
                                                      int tile_floats, int first, int end) {
    constexpr int count = together(across), rows = groups * count, columns = across * 4;
    const caviar_train_layer &layer = m.layer(l);
    const int in = (int)layer.in, out = (int)layer.out;
    for (int row = first; row < end; row += groups * gradient_rows) {
        for_each_tile<columns>(out, [&](int tile) {
            const int column = tile + thread_x<across>() * 4;
            const auto place_of = [&](int group) -> parameter_place {
                const int mine = gradient_row<across>(row, group * count);
                return { (int)layer.weight + mine * out + column, column < out ? in - mine : 0, out };
            };
            constexpr int under_way = count < most_under_way ? count : most_under_way;
            parameter_quad quads[under_way] = {};
#pragma unroll
            for (int r = 0; r < under_way; ++r) load_parameters(m, place_of(0), r, quads[r]);
            float dw[rows][4] = {};
            const float *const of_tile = dz + tile / columns * tile_floats;
            if (l == 0)
                multiply_transposed<across, groups>(dw, m.minibatch(), in, row, of_tile, stride, out - tile, m.stage());
            else
                multiply_transposed<across, groups>(dw, m.outputs(), in, row, of_tile, stride, out - tile, m.stage());
#pragma unroll 1
            for (int group = 0; group < groups; ++group) {
                const parameter_place next = group + 1 < groups ? place_of(group + 1) : parameter_place{};
                update_parameters<count>(m, place_of(group), dw, next, quads);
#pragma unroll
                for (int r = 0; r + count < rows; ++r)
#pragma unroll
                    for (int i = 0; i < 4; ++i) dw[r][i] = dw[r + count][i];
            }
        });
    }
}

#endif
