/*
 * How the kernels that work on columns (k, j) of [batch, models, width] are laid over threads. A thread has a *quad*:
 * four neighbouring units of one model, which are one 16-byte access and one philox block of dropout. A block has 8
 * quads across (a row of it is a full 128-byte line) and 16 or 32 examples down; a thread takes every 16th or 32nd.
 *
 * A sum over the batch is made in an order that depends on the batch size only: each thread adds its examples in turn,
 * the four threads of a warp that share a column are added pairwise, and the warps in turn. What a model has one of for
 * each unit, the first warp works out, a unit a lane, and leaves in shared memory.
 */
#ifndef CAVIAR_KERNELS_COLUMNS_CUH
#define CAVIAR_KERNELS_COLUMNS_CUH

#include "activation.cuh"
#include "launch.cuh"
#include "quad.cuh"

#include <caviar/ops.h>

constexpr int quads_across = 8;
constexpr int most_examples_down = 32; /* blockDim.y */
constexpr int column_threads = quads_across * most_examples_down;
constexpr int sum_quads = column_threads / warp_lanes * quads_across; /* shared memory of one sum_over_batch */

/* The place of a thread's quad. */
struct column_quad {
    int model, unit;   /* sizes are below 2^31 */
    int stored;        /* how many units lie within the row from this one on; 0 for a thread past the last quad */
    int live;          /* how many of those are not padding; may be negative */
    unsigned units;    /* the same for the quad's four as bits */
    unsigned examples; /* how many the minibatch has; 0 for a thread past the last quad */
};

__device__ static inline column_quad find_quad(int64_t models, int64_t batch, int64_t width, const int32_t *widths) {
    const int64_t across = divide_up(width, 4);
    const int64_t index = (int64_t)blockIdx.x * quads_across + threadIdx.x;
    column_quad place = {};
    if (index >= models * across) return place;
    place.model = (int)(index / across);
    place.unit = (int)(index % across * 4);
    place.stored = (int)(width - place.unit);
    place.examples = (unsigned)batch;
    place.live = (int)((widths == nullptr ? width : widths[place.model]) - place.unit);
    place.units = (1u << min(max(place.live, 0), 4)) - 1;
    return place;
}

/* The quad's part of a vector that each model has. */
__device__ static inline const float *tensor_at(const caviar_tensor &tensor, const column_quad &place) {
    return tensor.data + place.model * tensor.model_stride + place.unit;
}

__device__ static inline float *tensor_at(caviar_tensor &tensor, const column_quad &place) {
    return tensor.data + place.model * tensor.model_stride + place.unit;
}

/* The quad's part of a matrix: at(n) is that of example(n), the thread's n-th one. */
struct column {
    float *first;
    const caviar_matrix &matrix;

    __device__ column(const caviar_matrix &matrix, const column_quad &place)
        : first(matrix.data + threadIdx.y * matrix.example_stride + place.model * matrix.model_stride + place.unit),
          matrix(matrix) {
    }

    __device__ float *at(unsigned n) const {
        return first + (int64_t)(n * blockDim.y) * matrix.example_stride;
    }
};

__device__ static inline unsigned example(unsigned n) {
    return threadIdx.y + n * blockDim.y;
}

/*
 * Calls body(i, n) for the thread's examples n. With held > 0 there are at most `held` of them and the loop unrolls, so
 * that i, which is n, may index registers; with held == 0 there are any number and i is 0.
 */
template <int held, class Body>
__device__ static inline void for_each_example(const column_quad &place, Body body) {
    if constexpr (held > 0) {
#pragma unroll
        for (int i = 0; i < held; ++i)
            if (example(i) < place.examples) body(i, i);
    } else {
        for (int n = 0; example(n) < place.examples; ++n) body(0, n);
    }
}

/*
 * Calls body(load(n), n, i, lot) for the thread's examples n, where the grid's y dimension goes over the examples as
 * well: some at a time, so that several loads are under way before the first is waited for. Of each such lot, whose
 * i-th example n + i is, `lot` is what begin(n) returned.
 */
constexpr int loaded_examples = 4;

template <class Load, class Begin, class Body>
__device__ static inline void for_each_loaded(const column_quad &place, Load load, Begin begin, Body body) {
    for (unsigned first = blockIdx.y * loaded_examples; example(first) < place.examples;
         first += gridDim.y * loaded_examples) {
        quad loaded[loaded_examples] = {};
#pragma unroll
        for (int i = 0; i < loaded_examples; ++i)
            if (example(first + i) < place.examples) loaded[i] = load(first + i);
        const auto lot = begin(first);
#pragma unroll
        for (int i = 0; i < loaded_examples; ++i)
            if (example(first + i) < place.examples) body(loaded[i], first + i, i, lot);
    }
}

/*
 * Which units of examples first to first + count - 1 are neither dropped nor padding, four bits an example. Not
 * unrolled: that would take registers from what the thread holds.
 */
template <int count>
__device__ static inline unsigned kept_units(const caviar_dropout &dropout, const model_dropout &of_model,
                                             const column_quad &place, unsigned first) {
    static_assert(count <= 8, "32 bits");
    if (of_model.threshold == 0) return place.units * 0x11111111u;
    const dropout_bits random(dropout, place.model, of_model.threshold);
    unsigned bits = 0;
#pragma unroll 1
    for (int i = 0; i < count; ++i) bits |= (random.kept(example(first + i), place.unit) & place.units) << 4 * i;
    return bits;
}

/* The warp of a thread, and whether it is the one of its warp that has a column's sum. */
__device__ static inline int warp_of_thread() {
    return (int)threadIdx.y / (warp_lanes / quads_across);
}

__device__ static inline bool has_warps_sum() {
    return threadIdx.y % (warp_lanes / quads_across) == 0;
}

/*
 * Adds the threads' parts of their columns. The thread (x, j) with j below 4, all of the first warp, gets the sum of
 * unit j of quad x, and others 0. `shared` may be used again after the block's next barrier.
 */
__device__ static inline float sum_over_batch(quad part, quad *shared) {
#pragma unroll
    for (int offset = quads_across; offset < warp_lanes; offset += offset)
#pragma unroll
        for (int i = 0; i < 4; ++i) part.v[i] += __shfl_xor_sync(0xffffffffu, part.v[i], offset);
    if (has_warps_sum()) shared[warp_of_thread() * quads_across + threadIdx.x] = part;
    __syncthreads();
    float sum = 0.0f;
    if (warp_of_thread() != 0) return sum;
#pragma unroll 4
    for (int w = 0; w < (int)blockDim.y / 4; ++w) sum += shared[w * quads_across + threadIdx.x].v[threadIdx.y];
    return sum;
}

/*
 * How many numbers of a column there are, their mean, and the sum of their squared deviations from it. Two such are
 * added without cancellation (Chan, Golub and LeVeque 1979), so that one barrier does for mean and variance.
 */
struct column_moments {
    quad mean, squares;
    float count;
};

/* As sum_over_batch. The result is that of unit j in all four numbers of a quad for the first warp's (x, j). */
__device__ static inline void moments_over_batch(float *mean, float *squares, column_moments part, quad *shared_means,
                                                 quad *shared_squares, float *shared_counts) {
#pragma unroll
    for (int offset = quads_across; offset < warp_lanes; offset += offset) {
        const float other = __shfl_xor_sync(0xffffffffu, part.count, offset), total = part.count + other;
        const float weight = other / fmaxf(total, 1.0f);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float away = __shfl_xor_sync(0xffffffffu, part.mean.v[i], offset) - part.mean.v[i];
            part.squares.v[i] += __shfl_xor_sync(0xffffffffu, part.squares.v[i], offset);
            part.squares.v[i] += away * away * (part.count * weight);
            part.mean.v[i] += away * weight;
        }
        part.count = total;
    }
    if (has_warps_sum()) {
        shared_means[warp_of_thread() * quads_across + threadIdx.x] = part.mean;
        shared_squares[warp_of_thread() * quads_across + threadIdx.x] = part.squares;
        if (threadIdx.x == 0) shared_counts[warp_of_thread()] = part.count;
    }
    __syncthreads();
    *mean = *squares = 0.0f;
    if (warp_of_thread() != 0) return;
    const int warps = (int)blockDim.y / 4, x = (int)threadIdx.x, j = (int)threadIdx.y;
    float count = 0.0f;
#pragma unroll 4
    for (int w = 0; w < warps; ++w) {
        *mean += shared_counts[w] * shared_means[w * quads_across + x].v[j];
        count += shared_counts[w];
    }
    *mean /= count;
#pragma unroll 4
    for (int w = 0; w < warps; ++w) {
        const float away = shared_means[w * quads_across + x].v[j] - *mean;
        *squares += shared_squares[w * quads_across + x].v[j] + shared_counts[w] * (away * away);
    }
}

/* The grid of blocks that cover all columns, once. */
inline dim3 column_grid(int64_t models, int64_t width) {
    return dim3(blocks_x(models * divide_up(width, 4), quads_across));
}

/* Of a small minibatch, where threads have little to do beside the sums, fewer threads have more examples each. */
inline dim3 column_block(int64_t batch) {
    return dim3(quads_across, batch <= 128 ? most_examples_down / 2 : most_examples_down);
}

/* Whether every quad of the matrix is whole and lies on 16 bytes. */
inline bool quads_aligned(const caviar_matrix &matrix, int64_t width) {
    return (uintptr_t)matrix.data % 16 == 0 && (matrix.example_stride | matrix.model_stride | width) % 4 == 0;
}

/* The same for a vector that each model has. */
inline bool quads_aligned(const caviar_tensor &tensor) {
    return (uintptr_t)tensor.data % 16 == 0 && tensor.model_stride % 4 == 0;
}

#endif
