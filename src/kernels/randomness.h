/*
 * Every random number of caviar is a pure function of (seed, subsequence, counter): one block of four 32-bit words
 * of Philox4x32-10 (Salmon et al. 2011), with cuRAND's meaning of the three, so that
 *     caviar_philox(seed, subsequence, counter) = the words 4 * counter .. 4 * counter + 3 of the generator that
 *     curand_init(seed, subsequence, 0, &state) starts.
 * C takes Random123's implementation, CUDA takes cuRAND's; the bits are the same. What turns words into numbers is
 * written here once, in the subset of C and CUDA that both compilers evaluate alike: IEEE double operations in a
 * fixed order, multiply-adds only where fma is written (C files are compiled with -ffp-contract=off).
 */
#ifndef CAVIAR_KERNELS_RANDOMNESS_H
#define CAVIAR_KERNELS_RANDOMNESS_H

#include <caviar/ops.h>

#include <math.h>
#include <stdint.h>

#ifdef __CUDACC__
#define CAVIAR_HOST_DEVICE __host__ __device__
#define CAVIAR_DEVICE_ONLY __device__
#else
#define CAVIAR_HOST_DEVICE
#define CAVIAR_DEVICE_ONLY
#endif

typedef struct caviar_words {
    uint32_t word[4];
} caviar_words;

/* What a random number is for: the top byte of the subsequence. */
enum {
    CAVIAR_PURPOSE_HYPERPARAMETERS = 1,
    CAVIAR_PURPOSE_WEIGHTS = 2,
    CAVIAR_PURPOSE_DROPOUT = 3,
    CAVIAR_PURPOSE_SHUFFLE = 4,
    CAVIAR_PURPOSE_SPLIT = 5
};

/*
 * purpose in bits 56-63, layer (of hyperparameters the attempt) in bits 48-55, stream (a trial's number, or 0 for what
 * trials share) in bits 0-31
 */
CAVIAR_HOST_DEVICE static inline uint64_t caviar_subsequence(int purpose, int layer, uint32_t stream) {
    return (uint64_t)purpose << 56 | (uint64_t)layer << 48 | stream;
}

#ifdef __cplusplus
#include <curand_kernel.h>

CAVIAR_DEVICE_ONLY static inline caviar_words caviar_philox(uint64_t seed, uint64_t subsequence, uint64_t counter) {
    const uint4 block =
        make_uint4((uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)subsequence, (uint32_t)(subsequence >> 32));
    const uint4 output = curand_Philox4x32_10(block, make_uint2((uint32_t)seed, (uint32_t)(seed >> 32)));
    caviar_words words;
    words.word[0] = output.x;
    words.word[1] = output.y;
    words.word[2] = output.z;
    words.word[3] = output.w;
    return words;
}
#else
#include <Random123/philox.h>

static inline caviar_words caviar_philox(uint64_t seed, uint64_t subsequence, uint64_t counter) {
    const philox4x32_ctr_t block = { { (uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)subsequence,
                                       (uint32_t)(subsequence >> 32) } };
    const philox4x32_key_t key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
    const philox4x32_ctr_t output = philox4x32(block, key);
    const caviar_words words = { { output.v[0], output.v[1], output.v[2], output.v[3] } };
    return words;
}
#endif

/* Uniform on the open interval (0, 1): 52 random bits and a half, exactly representable. */
CAVIAR_HOST_DEVICE static inline double caviar_uniform52(uint32_t high, uint32_t low) {
    const uint64_t bits = ((uint64_t)high << 32 | low) >> 12;
    return ((double)bits + 0.5) * 0x1p-52;
}

/* Uniform on (-1, 1), symmetric: the 24-bit odd multiples of 2^-24, exact in float. */
CAVIAR_HOST_DEVICE static inline float caviar_uniform_symmetric(uint32_t word) {
    return (float)(2 * (int32_t)(word >> 8) - 0xffffff) * 0x1p-24f;
}

/* The least word that keeps an element under this dropout rate: caviar_dropout in caviar/ops.h. */
CAVIAR_HOST_DEVICE static inline uint32_t caviar_dropout_threshold(float rate) {
    return (uint32_t)((double)rate * 0x1p32);
}

/* The philox counter of element (example b, unit j) in a dropout mask; its lane is j % 4. */
CAVIAR_HOST_DEVICE static inline uint64_t caviar_dropout_counter(int64_t step, int64_t b, int64_t j) {
    return ((uint64_t)step * 65536 + (uint64_t)b) * 1024 + (uint64_t)j / 4;
}

/*
 * 10^x within 2 units in the last place for |x| <= 300, the same bits from both compilers, which libm's pow does not
 * promise: x log2(10) = n + f with |f| <= 1/2, then 2^f = exp(f ln 2) by its Taylor series to degree 13.
 */
CAVIAR_HOST_DEVICE static inline double caviar_exp10(double x) {
    const double log2_10_high = 0x1.a934f0979a371p+1, log2_10_low = 0x1.7f2495fb7fa6dp-53;
    const double n = rint(x * log2_10_high);
    const double f = fma(x, log2_10_low, fma(x, log2_10_high, -n));
    const double y = f * 0x1.62e42fefa39efp-1;
    double p = 1.0 / 6227020800.0;
    p = fma(p, y, 1.0 / 479001600.0);
    p = fma(p, y, 1.0 / 39916800.0);
    p = fma(p, y, 1.0 / 3628800.0);
    p = fma(p, y, 1.0 / 362880.0);
    p = fma(p, y, 1.0 / 40320.0);
    p = fma(p, y, 1.0 / 5040.0);
    p = fma(p, y, 1.0 / 720.0);
    p = fma(p, y, 1.0 / 120.0);
    p = fma(p, y, 1.0 / 24.0);
    p = fma(p, y, 1.0 / 6.0);
    p = fma(p, y, 0.5);
    p = fma(p, y, 1.0);
    p = fma(p, y, 1.0);
    return ldexp(p, (int)n);
}

/*
 * The value at a position of an axis. Whole numbers and quanta own an interval of positions of their own width about
 * themselves, so that both ends of a range are as likely as its middle; an index k of CATEGORICAL owns [k, k + 1).
 */
CAVIAR_HOST_DEVICE static inline double caviar_axis_value(const caviar_axis *axis, double position) {
    double value = position;
    switch (axis->distribution) {
    case CAVIAR_LOG_UNIFORM: value = caviar_exp10(position); break;
    case CAVIAR_ONE_MINUS_LOG_UNIFORM: value = 1.0 - caviar_exp10(-position); break;
    case CAVIAR_INT_UNIFORM: value = floor(position + 0.5); break;
    case CAVIAR_Q_UNIFORM: value = floor(position / axis->quantum + 0.5) * axis->quantum; break;
    case CAVIAR_Q_LOG_UNIFORM: value = floor(caviar_exp10(position) / axis->quantum + 0.5) * axis->quantum; break;
    case CAVIAR_CATEGORICAL: value = floor(position); break;
    default: break; /* UNIFORM and CONSTANT are their position */
    }
    return fmin(fmax(value, axis->minimum), axis->maximum);
}

/*
 * The sampled position of axis i for one trial: see caviar_sample_args. A search that was given a point which it has
 * trained already makes further attempts (1 to 255); the operation `sample` is attempt 0.
 */
CAVIAR_DEVICE_ONLY static inline double caviar_axis_sample(const caviar_axis *axis, uint64_t seed, uint32_t trial,
                                                           int attempt, int64_t i) {
    const caviar_words words =
        caviar_philox(seed, caviar_subsequence(CAVIAR_PURPOSE_HYPERPARAMETERS, attempt, trial), (uint64_t)i / 2);
    const double u =
        i % 2 == 0 ? caviar_uniform52(words.word[0], words.word[1]) : caviar_uniform52(words.word[2], words.word[3]);
    return fma(u, axis->high - axis->low, axis->low);
}

#endif
