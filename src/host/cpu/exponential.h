/*
 * exp, tanh and the sigmoid in single precision as straight lines of arithmetic, which compilers turn into vector
 * instructions; libm's take one number at a time and made a layer of tanh cost more than its matrix products. As only
 * IEEE operations occur, every processor computes the same bits. The polynomials are minimax approximations (Remez).
 */
#ifndef CAVIAR_HOST_CPU_EXPONENTIAL_H
#define CAVIAR_HOST_CPU_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

#define CAVIAR_INLINE static inline __attribute__((always_inline))

/*
 * e^x for -87 <= x <= 88, within 1 unit in the last place; NaN for NaN. x = n ln 2 + r with |r| <= ln(2) / 2, and e^r
 * by a polynomial. Adding 1.5 * 2^23 rounds to a whole number, which then is in the sum's low bits; ln 2 is cut in two
 * so that n times its first part is exact.
 */
CAVIAR_INLINE float caviar_exp_bounded(float x) {
    const float shift = 0x1.8p23f, shifted = x * 0x1.715476p+0f + shift, n = shifted - shift;
    const float r = x - n * 0x1.63p-1f - n * -0x1.bd0106p-13f;
    float p = 0x1.6a241cp-10f;
    p = p * r + 0x1.1239f0p-7f;
    p = p * r + 0x1.5558f2p-5f;
    p = p * r + 0x1.555492p-3f;
    p = p * r + 0x1.fffffcp-2f;
    const float power = p * r * r + r + 1;
    uint32_t bits;
    float scale;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127) << 23;
    memcpy(&scale, &bits, sizeof scale);
    return power * scale;
}

/* Within 2 units in the last place; beyond |x| = 10 it is 1 to the last bit. Comparisons with NaN are false: it stays.
 */
CAVIAR_INLINE float caviar_tanh(float x) {
    const float size = x < 0 ? -x : x, bounded = size > 10 ? 10 : size, square = x * x;
    const float large = 1 - 2 / (caviar_exp_bounded(2 * bounded) + 1);
    /* Near 0 that difference would cancel. */
    float p = -0x1.76ac1cp-8f;
    p = p * square + 0x1.5256d8p-6f;
    p = p * square + -0x1.b84448p-5f;
    p = p * square + 0x1.110768p-3f;
    p = p * square + -0x1.555534p-2f;
    const float small = p * square * x + x, signed_large = x < 0 ? -large : large;
    return size < 0.625f ? small : signed_large;
}

/* 1 / (1 + e^-x) within 2.5 units in the last place above x = -87, and 2e-38 or less below. */
CAVIAR_INLINE float caviar_sigmoid(float x) {
    const float lower = x < -87 ? -87 : x, bounded = lower > 30 ? 30 : lower;
    return 1 / (1 + caviar_exp_bounded(-bounded));
}

#endif
