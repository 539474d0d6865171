/*
 * Matrix products of one block of threads for the whole-step engine, on operands in shared memory.
 *
 * A block makes a tile of the result: `across` threads have four columns each, and each of the others below them has
 * rows of its own, in registers. The left operand lies in shared memory or comes there a slab of the sum at a time, the
 * right one always does; the next slab is on its way from memory while the threads multiply this one.
 */
#ifndef CAVIAR_KERNELS_PRODUCT_CUH
#define CAVIAR_KERNELS_PRODUCT_CUH

#include "launch.cuh"
#include "quad.cuh"

constexpr int step_threads = 256;
constexpr int slab = 16;                           /* of the sum, that is staged at a time */
constexpr int wide_across = 16, narrow_across = 4; /* threads for tiles of 64 and of 16 columns */
constexpr int wide_columns = wide_across * 4;
constexpr int staged_left_stride = slab + 4;          /* neighbouring rows begin in different banks */
constexpr int staged_right = 2 * slab * wide_columns; /* floats */
constexpr int gradient_rows = 64;                     /* of a group of rows of a weight's gradient */
constexpr int most_groups = 2;

__host__ __device__ constexpr int staged_left(int tile_rows) {
    const int rows = 2 * tile_rows * staged_left_stride, gradient = 2 * slab * gradient_rows * most_groups;
    return rows > gradient ? rows : gradient;
}

/* How many rows of a tile a thread has: every down-th one. */
template <int across>
__host__ __device__ constexpr int rows_down() {
    return step_threads / across;
}

template <int across, int tile_rows>
__host__ __device__ constexpr int rows_of_thread() {
    return tile_rows > rows_down<across>() ? tile_rows / rows_down<across>() : 1;
}

template <int across>
__device__ static __forceinline__ int thread_x() {
    return (int)(threadIdx.x % (unsigned)across);
}

template <int across>
__device__ static __forceinline__ int thread_y() {
    return (int)(threadIdx.x / (unsigned)across);
}

/*
 * Activations in shared memory lie in blocks of 64 columns, [rows, 64] with a stride that is known when the kernel is
 * compiled; the stride of outputs of a layer lets neighbouring rows begin in different banks.
 */
constexpr int block_stride = wide_columns, outputs_stride = wide_columns + 4;

/*
 * A matrix with the `rows` examples as rows. With stride `fixed` it lies in blocks, one `block` floats behind the
 * other; with 0 its stride is `stride`. `staged`: it lies in global memory, else in shared memory.
 */
template <bool staged, int fixed>
struct left_operand {
    const float *data;
    int rows, stride, block;
};
using minibatch_operand = left_operand<true, 0>;
using outputs_operand = left_operand<false, outputs_stride>;
using block_operand = left_operand<false, block_stride>;
using logits_operand = left_operand<false, 0>;

/* Weights [in, out] in global memory, or their transpose as the right operand. */
struct right_operand {
    const float *data;
    int in, out;
    bool transposed;

    __device__ int depth() const {
        return transposed ? out : in;
    }
};

/* Shared memory for both. */
struct product_stage {
    float *left, *right;
};

template <int rows>
__device__ static __forceinline__ void add_products(float (&sum)[rows][4], const float (&left)[rows],
                                                    const quad &right) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) sum[r][c] = fmaf(left[r], right.v[c], sum[r][c]);
}

/* A thread's part of the next slab of both operands, on its way through registers. */
template <bool staged, int fixed, int across, int tile_rows>
struct slab_loads {
    static constexpr int columns = across * 4, left_loads = tile_rows > 64 ? tile_rows / 64 : 1;
    quad left[left_loads], right;

    __device__ __forceinline__ void load(const left_operand<staged, fixed> &a, const right_operand &b, int first,
                                         int column) {
        if (staged) {
            const int at = first + thread_x<4>() * 4;
#pragma unroll
            for (int i = 0; i < left_loads; ++i) {
                const int row = thread_y<4>() + i * 64;
                const bool exists = row < a.rows && at < b.depth();
                left[i] = exists ? load_quad<true>(a.data + (unsigned)(row * a.stride + at)) : quad{};
            }
        }
        const int i = b.transposed ? column + thread_x<columns>() : first + thread_y<across>();
        const int j = b.transposed ? first + thread_y<columns>() * 4 : column + thread_x<across>() * 4;
        const bool exists = i < b.in && j < b.out && (b.transposed || thread_y<across>() < slab);
        right = exists ? load_quad<true>(b.data + (unsigned)(i * b.out + j)) : quad{};
    }

    __device__ __forceinline__ void store(const right_operand &b, const product_stage &stage, int half) const {
        if (staged)
#pragma unroll
            for (int i = 0; i < left_loads; ++i) {
                const int row = thread_y<4>() + i * 64;
                float *const to = stage.left + (half * tile_rows + row) * staged_left_stride + thread_x<4>() * 4;
                if (row < tile_rows) store_quad<true>(to, left[i]);
            }
        float *const to = stage.right + half * slab * columns;
        const int y = thread_y<columns>() * 4;
        if (b.transposed) {
#pragma unroll
            for (int i = 0; i < 4; ++i)
                if (y < slab) to[(y + i) * columns + thread_x<columns>()] = right.v[i];
        } else if (thread_y<across>() < slab) {
            store_quad<true>(to + threadIdx.x * 4, right);
        }
    }
};

/* Four terms of the sum. `left` is the thread's first row of the left operand, `right` its columns of the right one. */
template <int across, int rows>
__device__ static __forceinline__ void add_four(float (&sum)[rows][4], const float *left, int stride,
                                                const float *right) {
    quad columns[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) columns[i] = load_quad<true>(right + i * across * 4);
#pragma unroll
    for (int r = 0; r < rows; ++r) {
        const quad four = load_quad<true>(left + r * rows_down<across>() * stride);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
            for (int c = 0; c < 4; ++c) sum[r][c] = fmaf(four.v[i], columns[i].v[c], sum[r][c]);
    }
}

/*
 * Adds a[rows, :] b[:, column + ...] to the tile, of which the thread has rows y, y + down, ... and columns
 * column + 4 x to column + 4 x + 3. Begins and ends with the block's barrier.
 */
template <int across, int tile_rows, bool staged, int fixed, int rows>
__device__ static __forceinline__ void multiply(float (&sum)[rows][4], const left_operand<staged, fixed> &a,
                                                const right_operand &b, int column, const product_stage &stage) {
    static_assert(rows == rows_of_thread<across, tile_rows>(), "the tile's rows");
    constexpr int columns = across * 4;
    const int y = thread_y<across>(), depth = b.depth();
    const int stride = staged ? staged_left_stride : fixed > 0 ? fixed : a.stride;
    slab_loads<staged, fixed, across, tile_rows> next = {};
    next.load(a, b, 0, column);
    __syncthreads();
    next.store(b, stage, 0);
    __syncthreads();
    int half = 0;
    for (int first = 0; first < depth; first += slab, half ^= 1) {
        const bool more = first + slab < depth;
        if (more) next.load(a, b, first + slab, column);
        const float *left = staged ? stage.left + half * tile_rows * staged_left_stride : a.data + first;
        if (!staged && fixed > 0) left = a.data + first / wide_columns * a.block + first % wide_columns;
        left += y * stride;
        const float *const right = stage.right + half * slab * columns + thread_x<across>() * 4;
        const int here = rows_down<across>() > tile_rows && y >= tile_rows ? 0 : min(slab, depth - first);
        if ((staged || fixed > 0) && here == slab) {
#pragma unroll
            for (int d = 0; d < slab; d += 4) add_four<across>(sum, left + d, stride, right + d * columns);
        } else {
#pragma unroll 1
            for (int d = 0; d < here; d += 4) add_four<across>(sum, left + d, stride, right + d * columns);
        }
        if (more) next.store(b, stage, half ^ 1);
        __syncthreads();
    }
}

/*
 * How the rows of a weight's gradient are laid over threads: `groups` groups of 64, of each of which a thread has
 * together(across) following ones.
 */
__host__ __device__ constexpr int together(int across) {
    return gradient_rows * across / step_threads;
}

template <int across>
__device__ static __forceinline__ int gradient_row(int row, int r) {
    return row + r / together(across) * gradient_rows + thread_y<across>() * together(across) + r % together(across);
}

/*
 * Adds a[:, row + ...]^T g, a sum over the examples of a, of whose columns `in` exist. g lies in shared memory, with
 * its stride, from the tile's first column on; `out` of its columns exist. The thread's rows are those of gradient_row;
 * what comes of those that do not exist means nothing. Begins with the block's barrier.
 */
template <int across, int groups, bool staged, int fixed, int rows>
__device__ static __forceinline__ void multiply_transposed(float (&sum)[rows][4], const left_operand<staged, fixed> &a,
                                                           int in, int row, const float *g, int g_stride, int out,
                                                           const product_stage &stage) {
    static_assert(rows == groups * together(across), "the groups' rows");
    constexpr int width = groups * gradient_rows, quads = width / 4, stride = staged ? width : fixed;
    const int mine = thread_x<across>() * 4;
    quad next[groups];
    const auto load = [&](int first) {
#pragma unroll
        for (int i = 0; i < groups; ++i) {
            const int b = first + thread_y<quads>() + i * (step_threads / quads), j = row + thread_x<quads>() * 4;
            next[i] = b < a.rows && j < in ? load_quad<true>(a.data + (unsigned)(b * a.stride + j)) : quad{};
        }
    };
    const auto store = [&](int half) {
#pragma unroll
        for (int i = 0; i < groups; ++i)
            store_quad<true>(stage.left + half * slab * width + (threadIdx.x + i * step_threads) * 4, next[i]);
    };
    int group[groups]; /* where the thread's rows of each begin */
#pragma unroll
    for (int i = 0; i < groups; ++i) {
        const int first = gradient_row<across>(0, i * together(across));
        group[i] = first;
        if (!staged) group[i] = row + first < in ? (row + first) / wide_columns * a.block + first % wide_columns : 0;
    }

    if (staged) load(0);
    __syncthreads();
    if (staged) {
        store(0);
        __syncthreads();
    }
    int half = 0;
    const float *right = g + mine;
    for (int first = 0; first < a.rows; first += slab, half ^= 1) {
        const bool more = staged && first + slab < a.rows;
        if (more) load(first + slab);
        const int here = mine < out ? min(slab, a.rows - first) : 0;
        const float *left = staged ? stage.left + half * slab * width : a.data + first * stride;
#pragma unroll 4
        for (int b = 0; b < here; ++b, left += stride, right += g_stride) {
            float of_rows[rows];
#pragma unroll
            for (int i = 0; i < groups; ++i) {
                if constexpr (together(across) == 4) {
                    const quad four = load_quad<true>(left + group[i]);
#pragma unroll
                    for (int j = 0; j < 4; ++j) of_rows[i * 4 + j] = four.v[j];
                } else {
                    of_rows[i] = left[group[i]];
                }
            }
            add_products(sum, of_rows, load_quad<true>(right));
        }
        if (more) store(half ^ 1);
        if (staged) __syncthreads();
    }
}

#endif
