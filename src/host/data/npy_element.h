/* One number of an NPY file. */
#ifndef CAVIAR_HOST_NPY_ELEMENT_H
#define CAVIAR_HOST_NPY_ELEMENT_H

#include "npy.h"

#include <string.h>

/* The bits of an element; of a signed whole number as 64 bits. */
static inline uint64_t caviar_npy_bits(const caviar_npy *array, const unsigned char *at) {
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    const int is_signed = array->kind == 'i';
    switch (array->size) {
    case 1: return is_signed ? (uint64_t)(int8_t)*at : *at;
    case 2:
        memcpy(&two, at, sizeof two);
        if (array->big_endian) two = __builtin_bswap16(two);
        return is_signed ? (uint64_t)(int16_t)two : two;
    case 4:
        memcpy(&four, at, sizeof four);
        if (array->big_endian) four = __builtin_bswap32(four);
        return is_signed ? (uint64_t)(int32_t)four : four;
    default: memcpy(&eight, at, sizeof eight); return array->big_endian ? __builtin_bswap64(eight) : eight;
    }
}

/* IEEE 754 binary16: every half is a float. */
static inline float caviar_npy_half(uint64_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 0) {
        const float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    const uint32_t word = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* Whole numbers above 2^53 are rounded. */
static inline double caviar_npy_number(const caviar_npy *array, uint64_t bits) {
    if (array->kind == 'i') return (double)(int64_t)bits;
    if (array->kind != 'f') return (double)bits;
    if (array->size == 2) return (double)caviar_npy_half(bits);
    if (array->size == 4) {
        const uint32_t word = (uint32_t)bits;
        float value;
        memcpy(&value, &word, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
