#include "activation.h"

#include "cpu.h"
#include "exponential.h"
#include "kernels/randomness.h"

typedef caviar_cpu_block block;

/* name(block): each of its elements x becomes `expression`. */
#define DEFINE_ACTIVATION(name, expression)                                                                            \
    CAVIAR_VECTORISED static void name(const block *b) {                                                               \
        for (int64_t i = 0; i < b->rows; i++)                                                                          \
            for (int64_t j = 0; j < b->columns; j++) {                                                                 \
                float *at = b->data + i * b->stride + j;                                                               \
                const float x = *at;                                                                                   \
                *at = (expression);                                                                                    \
            }                                                                                                          \
    }

/* name(gradient, a): each element of the gradient is multiplied by `expression` of the element x of a. */
#define DEFINE_SLOPE(name, expression)                                                                                 \
    CAVIAR_VECTORISED static void name(const block *gradient, const block *a) {                                        \
        for (int64_t i = 0; i < a->rows; i++) {                                                                        \
            float *restrict g = gradient->data + i * gradient->stride;                                                 \
            const float *restrict input = a->data + i * a->stride;                                                     \
            for (int64_t j = 0; j < a->columns; j++) {                                                                 \
                const float x = input[j];                                                                              \
                g[j] *= (expression);                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The slopes of two functions where their value is y. */
CAVIAR_INLINE float slope_of_tanh(float y) {
    return 1 - y * y;
}

CAVIAR_INLINE float slope_of_sigmoid(float y) {
    return y * (1 - y);
}

/* A comparison with NaN is false, so that it stays: fmaxf(NaN, 0) would hide a diverged model behind a 0. */
DEFINE_ACTIVATION(relu, x < 0 ? 0 : x)
DEFINE_SLOPE(relu_slope, x > 0 ? 1 : (x <= 0 ? 0 : x))
DEFINE_ACTIVATION(tanh_of, caviar_tanh(x))
DEFINE_SLOPE(tanh_slope, slope_of_tanh(caviar_tanh(x)))
DEFINE_ACTIVATION(sigmoid, caviar_sigmoid(x))
DEFINE_SLOPE(sigmoid_slope, slope_of_sigmoid(caviar_sigmoid(x)))

void caviar_cpu_activate(const block *x, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu(x); break;
    case CAVIAR_TANH: tanh_of(x); break;
    case CAVIAR_SIGMOID: sigmoid(x); break;
    }
}

void caviar_cpu_activation_slope(const block *gradient, const block *a, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu_slope(gradient, a); break;
    case CAVIAR_TANH: tanh_slope(gradient, a); break;
    case CAVIAR_SIGMOID: sigmoid_slope(gradient, a); break;
    }
}

caviar_cpu_dropout caviar_cpu_dropout_of(const caviar_dropout *dropout, int64_t model) {
    caviar_cpu_dropout d = { 0 };
    if (!dropout->rate || dropout->rate[model] == 0) return d;
    d.rate = dropout->rate[model];
    d.scale = 1 / (1 - d.rate);
    d.threshold = caviar_dropout_threshold(d.rate);
    d.seed = dropout->seed;
    d.subsequence = caviar_subsequence(CAVIAR_PURPOSE_DROPOUT, dropout->layer, dropout->stream[model]);
    d.step = dropout->step[model];
    return d;
}

/* Words 4 * counter .. 4 * (counter + blocks) - 1. */
CAVIAR_VECTORISED static void mask_words(uint32_t *restrict words, const caviar_cpu_dropout *restrict d,
                                         uint64_t counter, int64_t blocks) {
    for (int64_t i = 0; i < blocks; i++) {
        const caviar_words four = caviar_philox(d->seed, d->subsequence, counter + (uint64_t)i);
        words[4 * i] = four.word[0];
        words[4 * i + 1] = four.word[1];
        words[4 * i + 2] = four.word[2];
        words[4 * i + 3] = four.word[3];
    }
}

CAVIAR_VECTORISED static void apply_mask(float *restrict x, const uint32_t *restrict words, uint32_t threshold,
                                         float scale, int64_t count) {
    for (int64_t j = 0; j < count; j++) x[j] = words[j] >= threshold ? x[j] * scale : 0;
}

void caviar_cpu_drop(const block *b, const caviar_cpu_dropout *d) {
    if (d->rate == 0) return;
    uint32_t words[CAVIAR_CPU_TILE];
    for (int64_t i = 0; i < b->rows; i++) {
        mask_words(words, d, caviar_dropout_counter(d->step, b->first + i, b->unit), (b->columns + 3) / 4);
        apply_mask(b->data + i * b->stride, words, d->threshold, d->scale, b->columns);
    }
}
