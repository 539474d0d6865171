/* What is done to one element of a layer after its normalisation or bias: the activation and dropout. */
#ifndef CAVIAR_KERNELS_ACTIVATION_CUH
#define CAVIAR_KERNELS_ACTIVATION_CUH

#include "randomness.h"

#include <cuda_runtime.h>

/* exp(-|a|) never overflows, and the slope of the sigmoid keeps its relative accuracy where 1 - s has lost it. */
__device__ static inline float sigmoid(float a) {
    const float e = expf(-fabsf(a));
    return (a < 0.0f ? e : 1.0f) / (1.0f + e);
}

__device__ static inline float sigmoid_slope(float a) {
    const float e = expf(-fabsf(a));
    return e / ((1.0f + e) * (1.0f + e));
}

/* relu lets NaN through, which fmaxf would turn into 0: a diverged model must stay visible. */
__device__ static inline float activate(int activation, float a) {
    switch (activation) {
    case CAVIAR_RELU: return a < 0.0f ? 0.0f : a;
    case CAVIAR_TANH: return tanhf(a);
    case CAVIAR_SIGMOID: return sigmoid(a);
    default: return a;
    }
}

/* The derivative of activate at a; 0 for relu at 0. */
__device__ static inline float activation_slope(int activation, float a) {
    switch (activation) {
    case CAVIAR_RELU: return a > 0.0f ? 1.0f : a != a ? a : 0.0f;
    case CAVIAR_TANH: {
        const float t = tanhf(a);
        return 1.0f - t * t;
    }
    case CAVIAR_SIGMOID: return sigmoid_slope(a);
    default: return 1.0f;
    }
}

/* A number that a type has, for the arguments of lambda functions. */
template <int number>
struct constant {
    static constexpr int value = number;
};

/* Calls body(activation) with a constant, so that a loop within it has no switch. */
template <class Body>
__device__ static inline void with_activation(int activation, Body body) {
    switch (activation) {
    case CAVIAR_RELU: body(constant<CAVIAR_RELU>()); break;
    case CAVIAR_TANH: body(constant<CAVIAR_TANH>()); break;
    case CAVIAR_SIGMOID: body(constant<CAVIAR_SIGMOID>()); break;
    default: body(constant<CAVIAR_IDENTITY>()); break;
    }
}

/* The dropout of one model, as far as it is needed where nothing is dropped. */
struct model_dropout {
    uint32_t threshold; /* 0: nothing is dropped */
    float scale;
};

__device__ static inline model_dropout load_dropout(const caviar_dropout &dropout, int64_t model) {
    const float rate = dropout.rate == nullptr ? 0.0f : dropout.rate[model];
    return { caviar_dropout_threshold(rate), 1.0f / (1.0f - rate) };
}

/* Where a model's random bits for dropout are. */
struct dropout_bits {
    uint64_t seed, subsequence;
    int64_t step;
    uint32_t threshold;

    __device__ dropout_bits(const caviar_dropout &dropout, int64_t model, uint32_t threshold)
        : seed(dropout.seed),
          subsequence(caviar_subsequence(CAVIAR_PURPOSE_DROPOUT, dropout.layer, dropout.stream[model])),
          step(dropout.step[model]), threshold(threshold) {
    }

    /* Which of units j .. j + 3 of example b are kept, a bit each; j is a multiple of 4: one philox block has them. */
    __device__ unsigned kept(int64_t b, int64_t j) const {
        const caviar_words words = caviar_philox(seed, subsequence, caviar_dropout_counter(step, b, j));
        unsigned bits = 0;
#pragma unroll
        for (int i = 0; i < 4; ++i) bits |= (unsigned)(words.word[i] >= threshold) << i;
        return bits;
    }
};

#endif
