/*
 * Activations and dropout of blocks of a minibatch, in place. A block stays in the first cache between its passes, and
 * is large enough for the passes' calls not to count.
 */
#ifndef CAVIAR_HOST_CPU_ACTIVATION_H
#define CAVIAR_HOST_CPU_ACTIVATION_H

#include "cpu.h"

#define CAVIAR_CPU_TILE 32 /* columns of a block at most */
#define CAVIAR_CPU_ROWS 32

/* Rows [first, first + rows) of columns [unit, unit + columns) of one model; rows lie `stride` apart. */
typedef struct caviar_cpu_block {
    float *data;
    int64_t stride, first, rows, unit, columns;
} caviar_cpu_block;

/* One model's dropout in one layer; rate 0: none. */
typedef struct caviar_cpu_dropout {
    float rate, scale; /* scale = 1 / (1 - rate) */
    uint32_t threshold;
    uint64_t seed, subsequence;
    int64_t step;
} caviar_cpu_dropout;

caviar_cpu_dropout caviar_cpu_dropout_of(const caviar_dropout *dropout, int64_t model);
/* x *= scale where an element is kept, 0 where it is dropped; the block's unit is a multiple of 4. */
void caviar_cpu_drop(const caviar_cpu_block *x, const caviar_cpu_dropout *dropout);

static inline caviar_activation caviar_cpu_activation_of(const int32_t *activation, int64_t model) {
    return activation ? (caviar_activation)activation[model] : CAVIAR_IDENTITY;
}

/* A comparison with NaN is false, so that it stays: fmaxf(NaN, 0) would hide a diverged model behind a 0. */
static inline float caviar_relu(float x) {
    return x < 0 ? 0 : x;
}

static inline float caviar_relu_slope(float x) {
    return x > 0 ? 1 : (x <= 0 ? 0 : x);
}

/* x = act(x) */
void caviar_cpu_activate(const caviar_cpu_block *x, caviar_activation activation);
/* gradient *= act'(a), a being what went into the activation. */
void caviar_cpu_activation_slope(const caviar_cpu_block *gradient, const caviar_cpu_block *a,
                                 caviar_activation activation);

/* Model k's block of a matrix that begins at row `first` and column `unit`. */
static inline caviar_cpu_block caviar_cpu_block_of(const caviar_matrix *m, int64_t k, int64_t first, int64_t batch,
                                                   int64_t unit, int64_t columns) {
    const int64_t left = batch - first;
    return (caviar_cpu_block){ m->data + first * m->example_stride + k * m->model_stride + unit,
                               m->example_stride,
                               first,
                               left < CAVIAR_CPU_ROWS ? left : CAVIAR_CPU_ROWS,
                               unit,
                               columns };
}

/* Copies a block where the two do not lie in one place. */
static inline void caviar_cpu_copy_block(const caviar_cpu_block *to, const caviar_cpu_block *from) {
    for (int64_t i = 0; i < to->rows && to->data != from->data; i++)
        memcpy(to->data + i * to->stride, from->data + i * from->stride, (size_t)to->columns * sizeof(float));
}

/* Writes 0 to model k's columns from `live` on. */
static inline void caviar_cpu_clear_padding(const caviar_matrix *m, int64_t k, int64_t batch, int64_t live,
                                            int64_t width) {
    float *rows = m->data + k * m->model_stride + live;
    for (int64_t b = 0; b < batch && live < width; b++) caviar_cpu_clear(rows + b * m->example_stride, width - live);
}

/* The same part in memory of its own. */
static inline caviar_cpu_block caviar_cpu_block_in(float (*memory)[CAVIAR_CPU_TILE], const caviar_cpu_block *like) {
    caviar_cpu_block b = *like;
    b.data = memory[0];
    b.stride = CAVIAR_CPU_TILE;
    return b;
}

#endif
