/*
 * How the kernels that work on columns (k, j) of [batch, models, width] are laid over threads. A thread has a *quad*:
 * four neighbouring units of one model, which are one 16-byte access and one philox block of dropout. A block has 8
 * quads across (a row of it is a full 128-byte line) and 32 examples down; a thread takes every 32nd example.
 *
 * A sum over the batch is made in an order that depends on the batch size only: each thread adds its examples in
 * turn, the four threads of a warp that share a column are added pairwise, and the eight warps in turn.
 */
#ifndef CAVIAR_KERNELS_COLUMNS_CUH
#define CAVIAR_KERNELS_COLUMNS_CUH

#include "launch.cuh"
#include "quad.cuh"

#include <caviar/ops.h>

constexpr int quads_across = 8;
constexpr int examples_down = 32;
constexpr int column_threads = quads_across * examples_down;
constexpr int column_warps = column_threads / warp_lanes;
constexpr int sum_quads = column_warps * quads_across; /* shared memory of one sum_over_batch */

/* The place of a thread's quad. */
struct column_quad {
    int64_t model, unit;
    int stored; /* how many units lie within the row from this one on; 0 for a thread past the last quad */
    int live;   /* how many of those are not padding; may be negative */
};

__device__ static inline column_quad find_quad(int64_t models, int64_t width, const int32_t *widths) {
    const int64_t across = divide_up(width, 4);
    const int64_t index = (int64_t)blockIdx.x * quads_across + threadIdx.x;
    column_quad place = {};
    if (index >= models * across) return place;
    place.model = index / across;
    place.unit = index % across * 4;
    place.stored = (int)(width - place.unit); /* sizes are below 2^31 */
    place.live = (int)((widths == nullptr ? width : widths[place.model]) - place.unit);
    return place;
}

/* The quad's part of a vector that each model has, and of example b of a matrix. */
__device__ static inline const float *tensor_at(const caviar_tensor &tensor, const column_quad &place) {
    return tensor.data + place.model * tensor.model_stride + place.unit;
}

__device__ static inline float *tensor_at(caviar_tensor &tensor, const column_quad &place) {
    return tensor.data + place.model * tensor.model_stride + place.unit;
}

__device__ static inline float *matrix_at(const caviar_matrix &matrix, const column_quad &place, int64_t b) {
    return matrix.data + b * matrix.example_stride + place.model * matrix.model_stride + place.unit;
}

/* Calls body(i, b) for the thread's examples b, of which it holds at most `held`, or any number if that is 0. */
template <int held, class Body>
__device__ static inline void for_each_example(int64_t batch, Body body) {
    for_each_held<held>((int)threadIdx.y, examples_down, batch, body);
}

/* Adds the threads' parts of their columns; all threads get the sums. `shared` is used once between barriers. */
__device__ static inline quad sum_over_batch(quad part, quad *shared) {
    const int warp = (int)(threadIdx.y * quads_across + threadIdx.x) / warp_lanes;
#pragma unroll
    for (int offset = quads_across; offset < warp_lanes; offset += offset)
#pragma unroll
        for (int i = 0; i < 4; ++i) part.v[i] += __shfl_xor_sync(0xffffffffu, part.v[i], offset);
    if (threadIdx.y % (warp_lanes / quads_across) == 0) shared[warp * quads_across + threadIdx.x] = part;
    __syncthreads();
    quad sum = { { 0.0f, 0.0f, 0.0f, 0.0f } };
#pragma unroll
    for (int w = 0; w < column_warps; ++w)
#pragma unroll
        for (int i = 0; i < 4; ++i) sum.v[i] += shared[w * quads_across + threadIdx.x].v[i];
    return sum;
}

/* The grid of blocks that cover all columns, once. */
inline dim3 column_grid(int64_t models, int64_t width) {
    return dim3(blocks_x(models * divide_up(width, 4), quads_across));
}

inline dim3 column_block() {
    return dim3(quads_across, examples_down);
}

/* Whether every quad of the matrix is whole and lies on 16 bytes. */
inline bool quads_aligned(const caviar_matrix &matrix, int64_t width) {
    return (uintptr_t)matrix.data % 16 == 0 && (matrix.example_stride | matrix.model_stride | width) % 4 == 0;
}

#endif
