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
 * ln x of a positive x that is not subnormal, the same bits from both compilers: x = 2^e m with m about 1, and
 * ln m = 2 artanh s, s = (m - 1) / (m + 1), by its series to s^23.
 */
CAVIAR_HOST_DEVICE static inline double caviar_log(double x) {
    int e;
    double m = frexp(x, &e);
    if (m < 0x1.6a09e667f3bcdp-1) m *= 2.0, e -= 1;
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 1.0 / 23.0;
    p = fma(p, z, 1.0 / 21.0);
    p = fma(p, z, 1.0 / 19.0);
    p = fma(p, z, 1.0 / 17.0);
    p = fma(p, z, 1.0 / 15.0);
    p = fma(p, z, 1.0 / 13.0);
    p = fma(p, z, 1.0 / 11.0);
    p = fma(p, z, 1.0 / 9.0);
    p = fma(p, z, 1.0 / 7.0);
    p = fma(p, z, 1.0 / 5.0);
    p = fma(p, z, 1.0 / 3.0);
    p = fma(p, z, 1.0);
    return fma((double)e, 0x1.62e42fefa39efp-1, fma((double)e, 0x1.abc9e3b39803fp-56, 2.0 * s * p));
}

/*
 * The z below which a standard normal variable falls with probability p, for 1e-10 <= p <= 1 - 1e-10, to 1e-15: the
 * rational approximations of algorithm AS 241 (PPND16; Wichura 1988, Applied Statistics 37, 477-484), without its
 * third, which is for the tails beyond.
 */
CAVIAR_HOST_DEVICE static inline double caviar_normal_quantile(double p) {
    const double q = p - 0.5;
    double above, below;
    if (fabs(q) <= 0.425) {
        const double r = fma(-q, q, 0.180625);
        above = fma(2509.0809287301226727, r, 33430.575583588128105);
        above = fma(above, r, 67265.770927008700853);
        above = fma(above, r, 45921.953931549871457);
        above = fma(above, r, 13731.693765509461125);
        above = fma(above, r, 1971.5909503065514427);
        above = fma(above, r, 133.14166789178437745);
        above = fma(above, r, 3.387132872796366608);
        below = fma(5226.495278852854561, r, 28729.085735721942674);
        below = fma(below, r, 39307.89580009271061);
        below = fma(below, r, 21213.794301586595867);
        below = fma(below, r, 5394.1960214247511077);
        below = fma(below, r, 687.1870074920579083);
        below = fma(below, r, 42.313330701600911252);
        below = fma(below, r, 1.0);
        return q * above / below;
    }
    const double r = sqrt(-caviar_log(q < 0.0 ? p : 1.0 - p)) - 1.6;
    above = fma(7.7454501427834140764e-4, r, 0.0227238449892691845833);
    above = fma(above, r, 0.24178072517745061177);
    above = fma(above, r, 1.27045825245236838258);
    above = fma(above, r, 3.64784832476320460504);
    above = fma(above, r, 5.7694972214606914055);
    above = fma(above, r, 4.6303378461565452959);
    above = fma(above, r, 1.42343711074968357734);
    below = fma(1.05075007164441684324e-9, r, 5.475938084995344946e-4);
    below = fma(below, r, 0.0151986665636164571966);
    below = fma(below, r, 0.14810397642748007459);
    below = fma(below, r, 0.68976733498510000455);
    below = fma(below, r, 1.6763848301838038494);
    below = fma(below, r, 2.05319162663775882187);
    below = fma(below, r, 1.0);
    return q < 0.0 ? -above / below : above / below;
}

/*
 * The value at a position of an axis. Whole numbers and quanta own an interval of positions of their own width about
 * themselves, so that both ends of a range are as likely as its middle; an index k of CATEGORICAL owns [k, k + 1).
 */
CAVIAR_HOST_DEVICE static inline double caviar_axis_value(const caviar_axis *axis, double position) {
    const double log10_e = 0x1.bcb7b1526e50ep-2;
    double value = position;
    switch (axis->distribution) {
    case CAVIAR_LOG_UNIFORM: value = caviar_exp10(position); break;
    case CAVIAR_ONE_MINUS_LOG_UNIFORM: value = 1.0 - caviar_exp10(-position); break;
    case CAVIAR_INT_UNIFORM: value = floor(position + 0.5); break;
    case CAVIAR_Q_UNIFORM: value = floor(position / axis->quantum + 0.5) * axis->quantum; break;
    case CAVIAR_Q_LOG_UNIFORM: value = floor(caviar_exp10(position) / axis->quantum + 0.5) * axis->quantum; break;
    case CAVIAR_CATEGORICAL: value = floor(position); break;
    case CAVIAR_NORMAL:
    case CAVIAR_Q_NORMAL:
    case CAVIAR_LOG_NORMAL:
    case CAVIAR_Q_LOG_NORMAL:
        value = fma(axis->deviation, caviar_normal_quantile(position), axis->mean);
        if (axis->distribution == CAVIAR_LOG_NORMAL || axis->distribution == CAVIAR_Q_LOG_NORMAL)
            value = caviar_exp10(value * log10_e);
        if (axis->distribution == CAVIAR_Q_NORMAL || axis->distribution == CAVIAR_Q_LOG_NORMAL)
            value = floor(value / axis->quantum + 0.5) * axis->quantum;
        break;
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
