/*
 * Softmax, cross-entropy, its gradient and the hardmax prediction in one pass over the logits.
 *
 * With shift(l) = l - max, but 0 or -infinity when max is infinite, every case is the one formula
 *     e = exp(shift(l)),  s = sum e,  p = e / s,  loss = log(s) - shift(l[label]):
 * entries of +infinity share the probability, a row of all -infinity is uniform, and a NaN maximum spoils the row.
 */
#include "device.cuh"
#include "launch.cuh"

#include <cmath>

constexpr int softmax_threads = 128;
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
    return a.value == b.value && b.index < a.index ? b : a;
}

__device__ static inline float shift(float logit, float maximum) {
    if (maximum == INFINITY) return logit == INFINITY ? 0.0f : -INFINITY;
    return maximum == -INFINITY ? 0.0f : logit - maximum;
}

/* Where a row's data lies. Neighbouring threads take neighbouring rows in memory. */
struct softmax_row {
    int64_t b, model;
    bool inside;
};

__device__ static inline softmax_row find_row(const caviar_softmax_cross_entropy_args &a, int64_t index) {
    softmax_row row = { 0, 0, index < a.models * a.batch };
    if (!row.inside) return row;
    if (a.logits.model_stride <= a.logits.example_stride)
        row.b = index / a.models, row.model = index % a.models;
    else
        row.model = index / a.batch, row.b = index % a.batch;
    return row;
}

__device__ static inline float *row_of(const caviar_matrix &matrix, const softmax_row &row) {
    return matrix.data == nullptr ? nullptr
                                  : matrix.data + row.b * matrix.example_stride + row.model * matrix.model_stride;
}

/* Writes what there is one of for each row. `label_logit` is read only where there are labels. */
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
    const softmax_row row = find_row(a, (int64_t)blockIdx.x * softmax_threads + threadIdx.x);
    if (!row.inside) return;
    const float *const logits = row_of(a.logits, row);
    float e[quads * 4];
#pragma unroll
    for (int q = 0; q < quads; ++q) {
        if (aligned) {
            const float4 four = ((const float4 *)logits)[q];
            e[q * 4] = four.x, e[q * 4 + 1] = four.y, e[q * 4 + 2] = four.z, e[q * 4 + 3] = four.w;
        } else {
#pragma unroll
            for (int i = 0; i < 4; ++i) e[q * 4 + i] = q * 4 + i < a.classes ? logits[q * 4 + i] : 0.0f;
        }
    }
    const int label = a.labels == nullptr ? -1 : a.labels[row.b];
    softmax_maximum maximum = { e[0], 0 };
    float label_logit = e[0];
#pragma unroll
    for (int j = 1; j < quads * 4; ++j) {
        if (j < a.classes) maximum = larger(maximum, { e[j], j });
        if (j == label) label_logit = e[j];
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
        float p[4], g[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int j = q * 4 + i;
            p[i] = j < a.classes ? e[j] * inverse : 0.0f;
            g[i] = j < a.classes ? (p[i] - (j == label ? 1.0f : 0.0f)) * weight : 0.0f;
        }
        if (aligned) {
            if (probabilities != nullptr) ((float4 *)probabilities)[q] = make_float4(p[0], p[1], p[2], p[3]);
            if (gradient != nullptr) ((float4 *)gradient)[q] = make_float4(g[0], g[1], g[2], g[3]);
        } else {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                if (q * 4 + i >= a.padded_classes) continue;
                if (probabilities != nullptr) probabilities[q * 4 + i] = p[i];
                if (gradient != nullptr) gradient[q * 4 + i] = g[i];
            }
        }
    }
}

/* Calls body(i, j) for a lane's classes j; with held > 0 the loop unrolls, as for_each_example does. */
template <int held, class Body>
__device__ static inline void for_each_class(int64_t classes, Body body) {
    if constexpr (held > 0) {
#pragma unroll
        for (int i = 0; i < held; ++i) {
            const int64_t j = threadIdx.x + i * 32;
            if (j < classes) body(i, j);
        }
    } else {
        for (int64_t j = threadIdx.x; j < classes; j += 32) body(0, j);
    }
}

/*
 * A warp a row of more classes: each lane takes every 32nd, then the lanes are combined pairwise. With held > 0 the
 * row stays in registers; without, it is read three times.
 */
template <int held>
__global__ static void __launch_bounds__(softmax_threads, 4) softmax_warp_kernel(caviar_softmax_cross_entropy_args a) {
    const softmax_row row = find_row(a, (int64_t)blockIdx.x * (softmax_threads / 32) + threadIdx.y);
    if (!row.inside) return; /* the whole warp does */
    const float *const logits = row_of(a.logits, row);
    float e[held > 0 ? held : 1];

    softmax_maximum maximum = { -INFINITY, (int)a.classes };
    for_each_class<held>(a.classes, [&](int i, int64_t j) {
        e[i] = logits[j];
        maximum = larger(maximum, { e[i], (int)j });
    });
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
        softmax_maximum other;
        other.value = __shfl_xor_sync(0xffffffffu, maximum.value, offset);
        other.index = __shfl_xor_sync(0xffffffffu, maximum.index, offset);
        maximum = larger(maximum, other);
    }

    const int label = a.labels == nullptr ? -1 : a.labels[row.b];
    const float label_logit = label < 0 ? 0.0f : logits[label];
    /* The label's logit is read before any lane writes over it in place. */
    __syncwarp();
    float sum = 0.0f;
    for_each_class<held>(a.classes, [&](int i, int64_t j) {
        e[i] = expf(shift(held > 0 ? e[i] : logits[j], maximum.value));
        sum += e[i];
    });
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
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
    for (int64_t j = a.classes + threadIdx.x; j < a.padded_classes; j += 32) {
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
    const dim3 grid(blocks_x(a.models * a.batch, softmax_threads / 32)), block(32, softmax_threads / 32);
    if constexpr (held > most_warp_held) {
        return CAVIAR_LAUNCH(softmax_warp_kernel<0>, grid, block, stream, a);
    } else {
        if (a.classes > held * 32) return launch_warps<held * 2>(a, stream);
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
