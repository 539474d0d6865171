#include "activation.h"

#include "cpu.h"
#include "exponential.h"
#include "kernels/randomness.h"

/* The comparison is false for NaN, which therefore stays: fmaxf(NaN, 0) would hide a diverged model behind a 0. */
CAVIAR_VECTORISED static void relu(float *restrict row, int64_t count) {
    for (int64_t j = 0; j < count; j++) row[j] = row[j] < 0 ? 0 : row[j];
}

CAVIAR_VECTORISED static void relu_slope(float *restrict gradient, const float *restrict a, int64_t count) {
    for (int64_t j = 0; j < count; j++) gradient[j] *= a[j] > 0 ? 1 : (a[j] <= 0 ? 0 : a[j]);
}

CAVIAR_VECTORISED static void tanh_row(float *restrict row, int64_t count) {
    for (int64_t j = 0; j < count; j++) row[j] = caviar_tanh(row[j]);
}

CAVIAR_VECTORISED static void tanh_slope(float *restrict gradient, const float *restrict a, int64_t count) {
    for (int64_t j = 0; j < count; j++) {
        const float y = caviar_tanh(a[j]);
        gradient[j] *= 1 - y * y;
    }
}

CAVIAR_VECTORISED static void sigmoid_row(float *restrict row, int64_t count) {
    for (int64_t j = 0; j < count; j++) row[j] = caviar_sigmoid(row[j]);
}

CAVIAR_VECTORISED static void sigmoid_slope(float *restrict gradient, const float *restrict a, int64_t count) {
    for (int64_t j = 0; j < count; j++) {
        const float y = caviar_sigmoid(a[j]);
        gradient[j] *= y * (1 - y);
    }
}

void caviar_cpu_activate(float *row, int64_t count, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu(row, count); break;
    case CAVIAR_TANH: tanh_row(row, count); break;
    case CAVIAR_SIGMOID: sigmoid_row(row, count); break;
    }
}

void caviar_cpu_activation_slope(float *gradient, const float *a, int64_t count, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu_slope(gradient, a, count); break;
    case CAVIAR_TANH: tanh_slope(gradient, a, count); break;
    case CAVIAR_SIGMOID: sigmoid_slope(gradient, a, count); break;
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
        const caviar_words block = caviar_philox(d->seed, d->subsequence, counter + (uint64_t)i);
        words[4 * i] = block.word[0];
        words[4 * i + 1] = block.word[1];
        words[4 * i + 2] = block.word[2];
        words[4 * i + 3] = block.word[3];
    }
}

CAVIAR_VECTORISED static void apply_mask(float *restrict row, const uint32_t *restrict words, uint32_t threshold,
                                         float scale, int64_t count) {
    for (int64_t j = 0; j < count; j++) row[j] = words[j] >= threshold ? row[j] * scale : 0;
}

void caviar_cpu_drop(float *row, int64_t count, const caviar_cpu_dropout *d, int64_t b, int64_t unit) {
    if (d->rate == 0) return;
    uint32_t words[CAVIAR_CPU_TILE];
    mask_words(words, d, caviar_dropout_counter(d->step, b, unit), (count + 3) / 4);
    apply_mask(row, words, d->threshold, d->scale, count);
}
