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
constexpr int staged_left_stride = slab;              /* every other row begins in the other half of the banks */
constexpr int staged_right = 2 * slab * wide_columns; /* floats */
constexpr int gradient_rows = 64;                     /* of a group of rows of a weight's gradient */
constexpr int most_groups = 2;
constexpr int staged_left = staged_right * most_groups; /* for a tile's rows, and for rows of a gradient */

/* How many rows of a tile a thread has: every down-th one. */
template <int across>
__host__ __device__ constexpr int rows_down() {
    return step_threads / across;
}

template <int across, int tile_rows>
__host__ __device__ constexpr int rows_of_thread() {
    return (int)divide_up(tile_rows, rows_down<across>());
}

/* Calls body(tile) with the first column of each tile. */
template <int columns, class Body>
__device__ static __forceinline__ void for_each_tile(int count, Body body) {
    for (int tile = 0; tile < count; tile += columns) body(tile);
}

/* After the slab that begins at `first`, in a sum of `terms`. */
__device__ static __forceinline__ bool another_slab(int first, int terms) {
    return first + slab < terms;
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

/*
 * Copies a quad from global into shared memory; both lie on 16 bytes. It is there for all threads after arrive() of
 * this one and the block's barrier.
 */
__device__ static __forceinline__ void fetch_quad(float *to, const float *from) {
#ifdef CAVIAR_SIMT
    store_shared_quad(to, load_quad(from));
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((uint32_t)__cvta_generic_to_shared(to)), "l"(from)
                 : "memory");
#endif
}

__device__ static __forceinline__ void arrive() {
#ifndef CAVIAR_SIMT
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

/* A thread's part of the next slab of both operands. In the place of what does not exist comes the last that does. */
template <bool staged, int fixed, int across, int tile_rows>
struct slab_loads {
    static constexpr int columns = across * 4;
    quad right; /* of transposed weights, on its way through registers */

    __device__ __forceinline__ void begin(const left_operand<staged, fixed> &a, const right_operand &b, int first,
                                          int column, const product_stage &stage, int half) {
        if (staged) {
            constexpr int quads = slab / 4;
            const int at = thread_x<quads>() * 4;
            const float *const from = a.data + min(first + at, b.depth() - 4);
            float *const to = stage.left + half * tile_rows * staged_left_stride + at;
#pragma unroll
            for (int row = thread_y<quads>(); row < tile_rows; row += rows_down<quads>())
                fetch_quad(to + row * staged_left_stride, from + min(row, a.rows - 1) * a.stride);
        }
        const int i = b.transposed ? column + thread_x<columns>() : first + thread_y<across>();
        const int j = b.transposed ? first + thread_y<columns>() * 4 : column + thread_x<across>() * 4;
        const float *const from = b.data + min(i, b.in - 1) * b.out + min(j, b.out - 4);
        if (b.transposed)
            right = load_quad(from);
        else if (thread_y<across>() < slab)
            fetch_quad(stage.right + half * slab * columns + threadIdx.x * 4, from);
    }

    __device__ __forceinline__ void end(const right_operand &b, const product_stage &stage, int half) const {
        if (b.transposed) { /* of which all tiles are wide: a slab has four numbers for each thread */
            float *const to = stage.right + half * slab * columns + thread_y<columns>() * 4 * columns;
#pragma unroll
            for (int i = 0; i < 4; ++i) to[i * columns + thread_x<columns>()] = right.v[i];
        }
        arrive();
    }
};

/* Four terms of the sum. `left` is the thread's first row of the left operand, `right` its columns of the right one. */
template <int across, int rows>
__device__ static __forceinline__ void add_four(float (&sum)[rows][4], const float *left, int stride,
                                                const float *right) {
    quad columns[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) columns[i] = load_quad(right + i * across * 4);
#pragma unroll
    for (int r = 0; r < rows; ++r) {
        const quad four = load_quad(left + r * rows_down<across>() * stride);
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
    __syncthreads();
    next.begin(a, b, 0, column, stage, 0);
    next.end(b, stage, 0);
    __syncthreads();
    int first = 0, half = 0;
    bool more;
    do {
        more = another_slab(first, depth);
        if (more) next.begin(a, b, first + slab, column, stage, half ^ 1);
        const float *const left = staged ? stage.left + half * tile_rows * staged_left_stride
                                         : a.data + first / wide_columns * a.block + first % wide_columns;
        const float *const right = stage.right + half * slab * columns + thread_x<across>() * 4;
        const int here = y < tile_rows ? min(slab, depth - first) : 0;
#pragma unroll 1
        for (int d = 0; d < here; d += 4) add_four<across>(sum, left + y * stride + d, stride, right + d * columns);
        if (more) next.end(b, stage, half ^ 1);
        __syncthreads();
        first += slab, half ^= 1;
    } while (more);
}

/*
 * How the rows of a weight's gradient are laid over threads: `groups` groups of 64, of each of which a thread has
 * together(across) following ones. In narrow tiles split(across) threads work out four rows, each from other examples,
 * and then share them out.
 */
__host__ __device__ constexpr int split(int across) {
    return wide_across / across;
}

__host__ __device__ constexpr int together(int across) {
    return 4 / split(across);
}

template <int across>
__device__ static __forceinline__ int gradient_row(int row, int r) {
    return row + r / together(across) * gradient_rows + thread_y<across>() * together(across) + r % together(across);
}

/* Adds the part of four threads that are `across` apart; each gets the sum of the row that its number among them is. */
template <int across>
__device__ static __forceinline__ void share_out(float (&sum)[1][4], const float (&part)[4][4]) {
    static_assert(split(across) == 4, "neighbours in the warp");
    const bool upper = (thread_y<across>() & 2) != 0, odd = (thread_y<across>() & 1) != 0;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
        float two[2];
#pragma unroll
        for (int j = 0; j < 2; ++j) {
            const float other = __shfl_xor_sync(0xffffffffu, upper ? part[j][c] : part[2 + j][c], across + across);
            two[j] = (upper ? part[2 + j][c] : part[j][c]) + other;
        }
        sum[0][c] += (odd ? two[1] : two[0]) + __shfl_xor_sync(0xffffffffu, odd ? two[0] : two[1], across);
    }
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
    constexpr int every = split(across);
    const int mine = thread_x<across>() * 4, share = thread_y<across>() % every;
    const auto fetch = [&](int first, int half) {
#pragma unroll
        for (int i = 0; i < groups; ++i) {
            const int b = first + thread_y<quads>() + i * (step_threads / quads), j = row + thread_x<quads>() * 4;
            fetch_quad(stage.left + half * slab * width + (threadIdx.x + i * step_threads) * 4,
                       a.data + min(b, a.rows - 1) * a.stride + min(j, in - 4));
        }
    };
    int group[groups]; /* where the thread's four rows of each begin */
#pragma unroll
    for (int i = 0; i < groups; ++i) {
        const int first = i * gradient_rows + thread_y<across>() / every * 4;
        group[i] = first;
        if (!staged) group[i] = row + first < in ? (row + first) / wide_columns * a.block + first % wide_columns : 0;
    }

    __syncthreads();
    if (staged) {
        fetch(0, 0);
        arrive();
        __syncthreads();
    }
    int first = 0, half = 0;
    bool more;
    float part[groups * 4][4] = {};
    const float *right = g + share * g_stride + mine;
    do {
        more = another_slab(first, a.rows);
        if (staged && more) fetch(first + slab, half ^ 1);
        const int here = mine < out ? min(slab, a.rows - first) : 0;
        const float *left = (staged ? stage.left + half * slab * width : a.data + first * stride) + share * stride;
#pragma unroll 2
        for (int b = share; b < here; b += every, left += every * stride, right += every * g_stride) {
            float of_rows[groups * 4];
#pragma unroll
            for (int i = 0; i < groups; ++i) {
                const quad four = load_quad(left + group[i]);
#pragma unroll
                for (int j = 0; j < 4; ++j) of_rows[i * 4 + j] = four.v[j];
            }
            add_products(part, of_rows, load_quad(right));
        }
        if (staged && more) arrive();
        if (staged) __syncthreads();
        first += slab, half ^= 1;
    } while (more);
    if constexpr (every > 1) {
        share_out<across>(sum, part);
    } else {
#pragma unroll
        for (int r = 0; r < rows; ++r)
#pragma unroll
            for (int c = 0; c < 4; ++c) sum[r][c] += part[r][c];
    }
}

#endif
