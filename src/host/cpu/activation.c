#include "activation.h"

#include "cpu.h"
#include "exponential.h"
#include "kernels/randomness.h"

typedef caviar_cpu_row row;
typedef caviar_cpu_block block;

#define FOR_EACH                                                                                                       \
    for (int64_t i = 0; i < b->rows; i++)                                                                              \
        for (int64_t j = 0; j < b->columns; j++)

/* The comparison is false for NaN, which therefore stays: fmaxf(NaN, 0) would hide a diverged model behind a 0. */
CAVIAR_VECTORISED static void relu(row *restrict x, const block *restrict b) {
    FOR_EACH x[i][j] = x[i][j] < 0 ? 0 : x[i][j];
}

CAVIAR_VECTORISED static void relu_slope(row *restrict gradient, row *restrict a, const block *restrict b) {
    FOR_EACH gradient[i][j] *= a[i][j] > 0 ? 1 : (a[i][j] <= 0 ? 0 : a[i][j]);
}

CAVIAR_VECTORISED static void tanh_of(row *restrict x, const block *restrict b) {
    FOR_EACH x[i][j] = caviar_tanh(x[i][j]);
}

CAVIAR_VECTORISED static void tanh_slope(row *restrict gradient, row *restrict a, const block *restrict b) {
    FOR_EACH {
        const float y = caviar_tanh(a[i][j]);
        gradient[i][j] *= 1 - y * y;
    }
}

CAVIAR_VECTORISED static void sigmoid(row *restrict x, const block *restrict b) {
    FOR_EACH x[i][j] = caviar_sigmoid(x[i][j]);
}

CAVIAR_VECTORISED static void sigmoid_slope(row *restrict gradient, row *restrict a, const block *restrict b) {
    FOR_EACH {
        const float y = caviar_sigmoid(a[i][j]);
        gradient[i][j] *= y * (1 - y);
    }
}

void caviar_cpu_activate(row *x, const block *b, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu(x, b); break;
    case CAVIAR_TANH: tanh_of(x, b); break;
    case CAVIAR_SIGMOID: sigmoid(x, b); break;
    }
}

void caviar_cpu_activation_slope(row *gradient, row *a, const block *b, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu_slope(gradient, a, b); break;
    case CAVIAR_TANH: tanh_slope(gradient, a, b); break;
    case CAVIAR_SIGMOID: sigmoid_slope(gradient, a, b); break;
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

void caviar_cpu_drop(row *x, const block *b, const caviar_cpu_dropout *d) {
    if (d->rate == 0) return;
    uint32_t words[CAVIAR_CPU_TILE];
    for (int64_t i = 0; i < b->rows; i++) {
        mask_words(words, d, caviar_dropout_counter(d->step, b->first + i, b->unit), (b->columns + 3) / 4);
        apply_mask(x[i], words, d->threshold, d->scale, b->columns);
    }
}
