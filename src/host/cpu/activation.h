/* Activations and dropout of one row of up to CAVIAR_CPU_TILE units. */
#ifndef CAVIAR_HOST_CPU_ACTIVATION_H
#define CAVIAR_HOST_CPU_ACTIVATION_H

#include <caviar/ops.h>

/* Columns are worked on in tiles, so that a tile of a minibatch stays in the first-level cache between its passes. */
#define CAVIAR_CPU_TILE 64

/* One model's dropout in one layer; rate 0: none. */
typedef struct caviar_cpu_dropout {
    float rate, scale; /* scale = 1 / (1 - rate) */
    uint32_t threshold;
    uint64_t seed, subsequence;
    int64_t step;
} caviar_cpu_dropout;

caviar_cpu_dropout caviar_cpu_dropout_of(const caviar_dropout *dropout, int64_t model);
/* row[i] *= scale where unit `unit` + i of example b is kept, 0 where it is dropped. `unit` is a multiple of 4. */
void caviar_cpu_drop(float *row, int64_t count, const caviar_cpu_dropout *dropout, int64_t b, int64_t unit);

static inline caviar_activation caviar_cpu_activation_of(const int32_t *activation, int64_t model) {
    return activation ? (caviar_activation)activation[model] : CAVIAR_IDENTITY;
}

/* row = act(row) */
void caviar_cpu_activate(float *row, int64_t count, caviar_activation activation);
/* gradient *= act'(a), a being what went into the activation */
void caviar_cpu_activation_slope(float *gradient, const float *a, int64_t count, caviar_activation activation);

#endif
