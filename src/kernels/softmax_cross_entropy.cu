/*
 * Softmax, cross-entropy, its gradient and the hardmax prediction in one pass over the logits.
 *
 * With shift(l) = l - max, but 0 or -infinity when max is infinite, every case is the one formula
 *     e = exp(shift(l)),  s = sum e,  p = e / s,  loss = log(s) - shift(l[label]):
 * entries of +infinity share the probability, a row of all -infinity is uniform, and a NaN maximum spoils the row.
 */
#include "device.cuh"
#include "launch.cuh"
#include "quad.cuh"

#include <cmath>

constexpr int softmax_threads = 128;
constexpr int softmax_warps = softmax_threads / warp_lanes;
constexpr int most_thread_quads = 8; /* a thread holds a row of up to 32 logits */
constexpr int most_warp_held = 32;   /* a warp holds a row of up to 32 * 32 */

/* The maximum so far and the first class that has it. A NaN stays the maximum. */
struct softmax_maximum {
    float value;
    int index;
};

/* The later of two candidates wins only by being larger, or by being the only NaN. */
__device__ static inline softmax_maximum larger(const softmax_maximum &a, const softmax_maximum &b) {
    if (a.value != a.value) return a;
    if (b.value != b.value || b.value > a.value) return b;
    return { a.value, a.value == b.value ? min(a.index, b.index) : a.index };
}

__device__ static inline float shift(float logit, float maximum) {
    return logit == maximum ? 0.0f : logit - maximum;
}

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
            maximum.value != maximum.value ? 0 : maximum.index;
}

/* A thread a row of `quads` * 4 padded classes, held in registers. The sum runs over the classes in turn. */
template <int quads, bool aligned>
__global__ static void __launch_bounds__(softmax_threads, 4)
    softmax_thread_kernel(caviar_softmax_cross_entropy_args a) {
    const int64_t index = (int64_t)blockIdx.x * softmax_threads + threadIdx.x;
    if (index >= a.models * a.batch) return;
    const softmax_row row = find_row(a, index);
    const float *const logits = row_of(a.logits, row);
    float e[quads * 4];
#pragma unroll
    for (int q = 0; q < quads; ++q) {
        const quad four = load_quad<aligned>(logits + q * 4, (int)a.classes - q * 4);
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
    write_row(a, row, maximum, sum, label_logit);

    float *const probabilities = row_of(a.probabilities, row);
    float *const gradient = a.labels == nullptr ? nullptr : row_of(a.gradient, row);
    const float inverse = 1.0f / sum, weight = 1.0f / (float)a.batch;
#pragma unroll
    for (int q = 0; q < quads; ++q) {
        quad p, g;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int j = q * 4 + i;
            p.v[i] = j < a.classes ? e[j] * inverse : 0.0f;
            g.v[i] = (p.v[i] - (j == label ? 1.0f : 0.0f)) * weight;
        }
        const int stored = (int)a.padded_classes - q * 4;
        if (probabilities != nullptr) store_quad<aligned>(probabilities + q * 4, p, stored);
        if (gradient != nullptr) store_quad<aligned>(gradient + q * 4, g, stored);
    }
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

/* Finds the smallest instance that holds a row. */
template <int quads>
static cudaError_t launch_threads(const caviar_softmax_cross_entropy_args &a, bool aligned, cudaStream_t stream) {
    if constexpr (quads < most_thread_quads)
        if (a.padded_classes > quads * 4) return launch_threads<quads + 1>(a, aligned, stream);
    const dim3 grid(blocks_x(a.models * a.batch, softmax_threads));
    return aligned ? CAVIAR_LAUNCH((softmax_thread_kernel<quads, true>), grid, dim3(softmax_threads), stream, a)
                   : CAVIAR_LAUNCH((softmax_thread_kernel<quads, false>), grid, dim3(softmax_threads), stream, a);
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

caviar_status caviar_cuda_softmax_cross_entropy(caviar_device *device, const caviar_softmax_cross_entropy_args *args,
                                                void *stream) {
    caviar_cuda_scope scope(device, stream, { "softmax_cross_entropy", args->models, args->batch, args->classes });
    CAVIAR_TRY(scope.status);
    const bool aligned = args->padded_classes % 4 == 0 && rows_aligned(args->logits) && rows_aligned(args->gradient) &&
                         rows_aligned(args->probabilities);
    return scope.check(args->padded_classes <= most_thread_quads * 4 ? launch_threads<1>(*args, aligned, scope.stream)
                                                                     : launch_warps<2>(*args, scope.stream));
}
