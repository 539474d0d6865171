/*
 * The maximum of a row of logits and what is subtracted from them.
 *
 * With shift(l) = l - max, but 0 or -infinity when max is infinite, every case is the one formula
 *     e = exp(shift(l)),  s = sum e,  p = e / s,  loss = log(s) - shift(l[label]):
 * entries of +infinity share the probability, a row of all -infinity is uniform, and a NaN maximum spoils the row.
 */
#ifndef CAVIAR_KERNELS_SOFTMAX_CUH
#define CAVIAR_KERNELS_SOFTMAX_CUH

#include "launch.cuh"

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

#endif
