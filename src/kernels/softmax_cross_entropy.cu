/*
 * Softmax, cross-entropy, its gradient and the hardmax prediction in one pass over the logits.
 */
#include "device.cuh"
#include "launch.cuh"
#include "quad.cuh"
#include "softmax.cuh"

#include <cmath>

constexpr int softmax_threads = 128;
constexpr int softmax_warps = softmax_threads / warp_lanes;
constexpr int most_thread_quads = 8; /* a thread holds a row of up to 32 logits */
constexpr int most_warp_held = 32;   /* a warp holds a row of up to 32 * 32 */

/* Where a row's data lies. Neighbouring threads take neighbouring rows in memory. */
struct softmax_row {
    int64_t b, model;
};

__device__ static inline softmax_row find_row(const caviar_softmax_cross_entropy_args &a, int64_t index) {
    if (a.logits.model_stride <= a.logits.example_stride) return { index / a.models, index % a.models };
    return { index % a.batch, index / a.batch };
}

__device__ static inline float *row_of(const caviar_matrix &matrix, const softmax_row &row) {
    return matrix.data == nullptr ? nullptr
                                  : matrix.data + row.b * matrix.example_stride + row.model * matrix.model_stride;
}

/* Without labels any class will do, since nothing that depends on it is written. */
__device__ static inline int label_of(const caviar_softmax_cross_entropy_args &a, const softmax_row &row) {
    return a.labels == nullptr ? 0 : a.labels[row.b];
}

/* Writes what there is one of for each row. */
__device__ static inline void write_row(const caviar_softmax_cross_entropy_args &a, const softmax_row &row,
                                        const softmax_maximum &maximum, float sum, float label_logit) {
    if (a.losses.data != nullptr && a.labels != nullptr)
        *row_of(a.losses, row) = logf(sum) - shift(label_logit, maximum.value);
    if (a.predictions != nullptr)
        a.predictions[row.b * a.losses.example_stride + row.model * a.losses.model_stride] =
            maximum.value != maximum.value ? -1 : maximum.index;
}

/* How far apart rows lie in shared memory, in quads: an odd number, so that lanes' rows begin in different banks. */
__host__ __device__ constexpr int staged_stride(int quads) {
    return quads | 1;
}

/* Calls copy(a quad's place in memory, its place in shared memory) for the quads of a warp's rows, next to one another.
 */
template <int quads, class Copy>
__device__ static inline void for_each_staged(int rows, Copy copy) {
#pragma unroll
    for (int q = 0; q < quads; ++q) {
        const int at = q * warp_lanes + (int)threadIdx.x % warp_lanes;
        if (at < rows * quads) copy(at, at / quads * staged_stride(quads) + at % quads);
    }
}

/*
 * A thread a row of `quads` * 4 padded classes, held in registers. The sum runs over the classes in turn. With `packed`
 * the rows follow one another in memory: a warp reads and writes its rows as one stretch, by way of shared memory.
 */
template <int quads, bool aligned, bool packed>
__global__ static void __launch_bounds__(softmax_threads, 4)
    softmax_thread_kernel(caviar_softmax_cross_entropy_args a) {
    CAVIAR_SHARED(quad, all_staged, packed ? softmax_threads * staged_stride(quads) : 1);
    const int lane = (int)threadIdx.x % warp_lanes, warp = (int)threadIdx.x / warp_lanes;
    const int64_t first = (int64_t)blockIdx.x * softmax_threads + warp * warp_lanes;
    const int64_t left = a.models * a.batch - first;
    if (left <= (packed ? 0 : lane)) return; /* packed, the whole warp does */
    /* Packed, lanes past the last row do as it does, but write nothing. */
    const int rows = (int)min(left, (int64_t)warp_lanes), mine = min(lane, rows - 1);
    const bool writes = lane < rows;
    quad *const staged = all_staged + warp * warp_lanes * staged_stride(quads);
    const softmax_row row = find_row(a, first + mine);
    const float *const logits = row_of(a.logits, row);
    if (packed) {
        for_each_staged<quads>(rows, [&](int from, int to) {
            *(float4 *)&staged[to] = ((const float4 *)a.logits.data)[first * quads + from];
        });
        __syncwarp();
    }
    float e[quads * 4];
#pragma unroll
    for (int q = 0; q < quads; ++q) {
        const quad four = packed ? staged[mine * staged_stride(quads) + q]
                                 : load_quad<aligned>(logits + q * 4, (int)a.classes - q * 4);
#pragma unroll
        for (int i = 0; i < 4; ++i) e[q * 4 + i] = four.v[i];
    }
    const int label = label_of(a, row);
    softmax_maximum maximum = { e[0], 0 };
    float label_logit = e[0];
#pragma unroll
    for (int j = 1; j < quads * 4; ++j) {
        const softmax_maximum candidate = { e[j], j };
        if (j < a.classes) maximum = larger(maximum, candidate);
        if (j == label) label_logit = candidate.value;
    }
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < quads * 4; ++j) {
        e[j] = j < a.classes ? expf(shift(e[j], maximum.value)) : 0.0f;
        sum += e[j];
    }
    if (writes) write_row(a, row, maximum, sum, label_logit);

    const float inverse = 1.0f / sum, weight = 1.0f / (float)a.batch;
    const auto write = [&](const caviar_matrix &matrix, auto value_of) {
        float4 *const to_first = (float4 *)matrix.data + first * quads;
        if (matrix.data == nullptr) return;
        if (packed) __syncwarp();
#pragma unroll
        for (int q = 0; q < quads; ++q) {
            quad four;
#pragma unroll
            for (int i = 0; i < 4; ++i) four.v[i] = value_of(q * 4 + i);
            if (packed)
                staged[lane * staged_stride(quads) + q] = four;
            else if (writes)
                store_quad<aligned>(row_of(matrix, row) + q * 4, four, (int)a.padded_classes - q * 4);
        }
        if (!packed) return;
        __syncwarp();
        for_each_staged<quads>(rows, [&](int to, int from) {
            const quad four = staged[from];
            to_first[to] = make_float4(four.v[0], four.v[1], four.v[2], four.v[3]);
        });
    };
    const auto probability = [&](int j) { return j < a.classes ? e[j] * inverse : 0.0f; };
    write(a.probabilities, probability);
    if (a.labels == nullptr) return;
    write(a.gradient, [&](int j) { return (probability(j) - (j == label ? 1.0f : 0.0f)) * weight; });
}

/* Calls body(i, j) for a lane's classes j, of which it holds at most `held`, or any number if that is 0. */
template <int held, class Body>
__device__ static inline void for_each_class(int64_t classes, Body body) {
    for_each_held<held>((int)threadIdx.x, warp_lanes, classes, body);
}

/*
 * A warp a row of more classes: each lane takes every 32nd, then the lanes are combined pairwise. With held > 0 the
 * row stays in registers; without, it is read three times.
 */
template <int held>
__global__ static void __launch_bounds__(softmax_threads, 4) softmax_warp_kernel(caviar_softmax_cross_entropy_args a) {
    const int64_t index = (int64_t)blockIdx.x * softmax_warps + threadIdx.y;
    if (index >= a.models * a.batch) return; /* the whole warp does */
    const softmax_row row = find_row(a, index);
    const float *const logits = row_of(a.logits, row);
    float e[held > 0 ? held : 1];

    softmax_maximum maximum = { -INFINITY, (int)a.classes };
    for_each_class<held>(a.classes, [&](int i, int64_t j) {
        e[i] = logits[j];
        maximum = larger(maximum, { e[i], (int)j });
    });
#pragma unroll
    for (int offset = warp_lanes / 2; offset > 0; offset /= 2) {
        softmax_maximum other;
        other.value = __shfl_xor_sync(0xffffffffu, maximum.value, offset);
        other.index = __shfl_xor_sync(0xffffffffu, maximum.index, offset);
        maximum = larger(maximum, other);
    }

    const int label = label_of(a, row);
    const float label_logit = logits[label];
    /* The label's logit is read before any lane writes over it in place. */
    __syncwarp();
    float sum = 0.0f;
    for_each_class<held>(a.classes, [&](int i, int64_t j) {
        e[i] = expf(shift(held > 0 ? e[i] : logits[j], maximum.value));
        sum += e[i];
    });
#pragma unroll
    for (int offset = warp_lanes / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    if (threadIdx.x == 0) write_row(a, row, maximum, sum, label_logit);

    float *const probabilities = row_of(a.probabilities, row);
    float *const gradient = a.labels == nullptr ? nullptr : row_of(a.gradient, row);
    const float inverse = 1.0f / sum, weight = 1.0f / (float)a.batch;
    for_each_class<held>(a.classes, [&](int i, int64_t j) {
        if (held == 0) e[i] = expf(shift(logits[j], maximum.value));
        const float p = e[i] * inverse;
        if (probabilities != nullptr) probabilities[j] = p;
        if (gradient != nullptr) gradient[j] = (p - (j == label ? 1.0f : 0.0f)) * weight;
    });
    for (int64_t j = a.classes + threadIdx.x; j < a.padded_classes; j += warp_lanes) {
        if (probabilities != nullptr) probabilities[j] = 0.0f;
        if (gradient != nullptr) gradient[j] = 0.0f;
    }
}

/* How rows lie in memory. */
typedef enum softmax_layout { ROWS_ANYHOW, ROWS_ALIGNED, ROWS_PACKED } softmax_layout;

/* Finds the smallest instance that holds a row. */
template <int quads>
static cudaError_t launch_threads(const caviar_softmax_cross_entropy_args &a, softmax_layout layout,
                                  cudaStream_t stream) {
    if constexpr (quads < most_thread_quads)
        if (a.padded_classes > quads * 4) return launch_threads<quads + 1>(a, layout, stream);
    const dim3 grid(blocks_x(a.models * a.batch, softmax_threads)), block(softmax_threads);
    if (layout == ROWS_PACKED) return CAVIAR_LAUNCH((softmax_thread_kernel<quads, true, true>), grid, block, stream, a);
    return layout == ROWS_ALIGNED ? CAVIAR_LAUNCH((softmax_thread_kernel<quads, true, false>), grid, block, stream, a)
                                  : CAVIAR_LAUNCH((softmax_thread_kernel<quads, false, false>), grid, block, stream, a);
}

template <int held>
static cudaError_t launch_warps(const caviar_softmax_cross_entropy_args &a, cudaStream_t stream) {
    const dim3 grid(blocks_x(a.models * a.batch, softmax_warps)), block(warp_lanes, softmax_warps);
    if constexpr (held > most_warp_held) {
        return CAVIAR_LAUNCH(softmax_warp_kernel<0>, grid, block, stream, a);
    } else {
        if (a.classes > held * warp_lanes) return launch_warps<held * 2>(a, stream);
        return CAVIAR_LAUNCH(softmax_warp_kernel<held>, grid, block, stream, a);
    }
}

static bool rows_aligned(const caviar_matrix &matrix) {
    return matrix.data == nullptr ||
           ((uintptr_t)matrix.data % 16 == 0 && (matrix.example_stride | matrix.model_stride) % 4 == 0);
}

/* Whether the rows of a matrix follow one another in the order of find_row. */
static bool rows_packed(const caviar_softmax_cross_entropy_args &a, const caviar_matrix &matrix) {
    const bool by_example = a.logits.model_stride <= a.logits.example_stride;
    const int64_t example_stride = a.padded_classes * (by_example ? a.models : 1);
    const int64_t model_stride = a.padded_classes * (by_example ? 1 : a.batch);
    return matrix.data == nullptr || (matrix.example_stride == example_stride && matrix.model_stride == model_stride);
}

static softmax_layout layout_of(const caviar_softmax_cross_entropy_args &a) {
    if (a.padded_classes % 4 != 0) return ROWS_ANYHOW;
    softmax_layout layout = ROWS_PACKED;
    for (const caviar_matrix *matrix : { &a.logits, &a.gradient, &a.probabilities }) {
        if (!rows_aligned(*matrix)) return ROWS_ANYHOW;
        if (!rows_packed(a, *matrix)) layout = ROWS_ALIGNED;
    }
    return layout;
}

caviar_status caviar_cuda_softmax_cross_entropy(caviar_device *device, const caviar_softmax_cross_entropy_args *args,
                                                void *stream) {
    caviar_cuda_scope scope(device, stream, { "softmax_cross_entropy", args->models, args->batch, args->classes });
    CAVIAR_TRY(scope.status);
    return scope.check(args->padded_classes <= most_thread_quads * 4
                           ? launch_threads<1>(*args, layout_of(*args), scope.stream)
                           : launch_warps<2>(*args, scope.stream));
}
