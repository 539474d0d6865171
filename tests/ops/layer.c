#include "layer.h"

#include "kernels/randomness.h"

#include <math.h>

#define DROPOUT_SEED 0x0123456789abcdefu
#define DROPOUT_LAYER 3

void put_layer(scene *s, layer_operands *l) {
    static const int32_t activations[] = { CAVIAR_RELU, CAVIAR_TANH, CAVIAR_SIGMOID, CAVIAR_IDENTITY };
    const int dropout = s->shape.flags & DROPOUT;
    l->widths = put_widths(s, s->shape.flags & PADDED, s->shape.width);
    l->activation = put_vector(s, s->shape.flags & ACTIVATION, sizeof(int32_t));
    l->rate = fill(s, put_vector(s, dropout, sizeof(float)), 0.1, 0.7);
    l->stream = fill_integers(s, put_vector(s, dropout, sizeof(uint32_t)), 0, 4294967295);
    l->step = fill_integers(s, put_vector(s, dropout, sizeof(int64_t)), 0, (int64_t)1 << 33);
    l->active = put_vector(s, s->shape.flags & INACTIVE, sizeof(int32_t));
    if (l->rate) l->rate->real = 0; /* rates are validated */
    for (int64_t k = 0; k < s->shape.models; k++) {
        const int64_t number = s->first + k;
        if (l->activation) WAS(int32_t, l->activation, k, 0, 0) = activations[number % 4];
        if (l->rate && number % 3 == 1) WAS(float, l->rate, k, 0, 0) = 0;
        if (l->active) WAS(int32_t, l->active, k, 0, 0) = number % 3 != 2;
    }
}

caviar_dropout dropout_of(const layer_operands *l) {
    return (caviar_dropout){ on_device(l->rate), on_device(l->stream), on_device(l->step), DROPOUT_SEED,
                             DROPOUT_LAYER };
}

int activation_of(const layer_operands *l, int64_t k) {
    return l->activation ? WAS(int32_t, l->activation, k, 0, 0) : CAVIAR_IDENTITY;
}

int is_active(const layer_operands *l, int64_t k) {
    return l->active ? WAS(int32_t, l->active, k, 0, 0) : 1;
}

/* caviar/ops.h as it is written there; only the block of Philox comes from the code under test. */
uint32_t dropout_word(const layer_operands *l, int64_t k, int64_t b, int64_t j) {
    const uint64_t subsequence = UINT64_C(3) << 56 | (uint64_t)DROPOUT_LAYER << 48 | WAS(uint32_t, l->stream, k, 0, 0);
    const uint64_t counter =
        ((uint64_t)WAS(int64_t, l->step, k, 0, 0) * 65536 + (uint64_t)b) * 1024 + (uint64_t)(j / 4);
    const caviar_words words = caviar_philox(DROPOUT_SEED, subsequence, counter);
    return words.word[j % 4];
}

double kept(const layer_operands *l, int64_t k, int64_t b, int64_t j) {
    if (!l->rate) return 1;
    const double rate = (double)WAS(float, l->rate, k, 0, 0);
    return (double)dropout_word(l, k, b, j) >= rate * 4294967296.0 ? 1 / (1 - rate) : 0;
}

double activate(int activation, double a) {
    switch (activation) {
    case CAVIAR_RELU: return a < 0 ? 0 : a;
    case CAVIAR_TANH: return tanh(a);
    case CAVIAR_SIGMOID: return 1 / (1 + exp(-a));
    default: return a;
    }
}

double slope(int activation, double a) {
    switch (activation) {
    case CAVIAR_RELU: return isnan(a) ? a : a > 0;
    case CAVIAR_TANH: return 1 / (cosh(a) * cosh(a));
    case CAVIAR_SIGMOID: return 1 / ((1 + exp(-a)) * (1 + exp(a)));
    default: return 1;
    }
}

void avoid_corner(const layer_operands *l, const operand *z, double (*input)(int64_t k, int64_t b, int64_t j),
                  float step) {
    for (int64_t k = 0; k < z->models; k++)
        for (int64_t b = 0; activation_of(l, k) == CAVIAR_RELU && b < z->rows; b++)
            for (int64_t j = 0; j < live_columns(z, k); j++)
                if (fabs(input(k, b, j)) < 1e-3) WAS(float, z, k, b, j) += step;
}
