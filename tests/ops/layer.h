/* What the elementwise ops of a layer share: true widths, activations, dropout, and their formulas in double. */
#ifndef CAVIAR_TESTS_OPS_LAYER_H
#define CAVIAR_TESTS_OPS_LAYER_H

#include "scene.h"

typedef struct layer_operands {
    operand *widths, *activation, *rate, *stream, *step, *active;
} layer_operands;

/* As the scene's flags say. */
void put_layer(scene *s, layer_operands *l);
caviar_dropout dropout_of(const layer_operands *l);
int activation_of(const layer_operands *l, int64_t k);
int is_active(const layer_operands *l, int64_t k);
/* The random word that an element of a dropout mask is drawn by. */
uint32_t dropout_word(const layer_operands *l, int64_t k, int64_t b, int64_t j);
/* 0, or 1 / (1 - rate) for an element that is kept. */
double kept(const layer_operands *l, int64_t k, int64_t b, int64_t j);

double activate(int activation, double a);
double slope(int activation, double a);

/* Moves z away from relu's corner, where the sign of a = f(z) depends on the rounding. `step` moves a by 0.002 or more.
 */
void avoid_corner(const layer_operands *l, const operand *z, double (*input)(int64_t k, int64_t b, int64_t j),
                  float step);

#endif
