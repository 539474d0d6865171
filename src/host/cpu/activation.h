/*
 * Activations and dropout of tiles of a minibatch. Columns are worked on in tiles, so that a tile stays in the
 * first-level cache between its passes, and its rows in blocks: a call for each row would take as long as its
 * arithmetic.
 */
#ifndef CAVIAR_HOST_CPU_ACTIVATION_H
#define CAVIAR_HOST_CPU_ACTIVATION_H

#include <caviar/ops.h>

#include <string.h>

#define CAVIAR_CPU_TILE 64 /* columns */
#define CAVIAR_CPU_ROWS 16

/* Rows [first, first + rows) of columns [unit, unit + columns) of one model. */
typedef struct caviar_cpu_block {
    int64_t first, rows, unit, columns;
} caviar_cpu_block;

typedef float caviar_cpu_row[CAVIAR_CPU_TILE];

/* One model's dropout in one layer; rate 0: none. */
typedef struct caviar_cpu_dropout {
    float rate, scale; /* scale = 1 / (1 - rate) */
    uint32_t threshold;
    uint64_t seed, subsequence;
    int64_t step;
} caviar_cpu_dropout;

caviar_cpu_dropout caviar_cpu_dropout_of(const caviar_dropout *dropout, int64_t model);
/* x *= scale where an element is kept, 0 where it is dropped; the block's unit is a multiple of 4. */
void caviar_cpu_drop(caviar_cpu_row *x, const caviar_cpu_block *block, const caviar_cpu_dropout *dropout);

static inline caviar_activation caviar_cpu_activation_of(const int32_t *activation, int64_t model) {
    return activation ? (caviar_activation)activation[model] : CAVIAR_IDENTITY;
}

/* x = act(x) */
void caviar_cpu_activate(caviar_cpu_row *x, const caviar_cpu_block *block, caviar_activation activation);
/* gradient *= act'(a), a being what went into the activation */
void caviar_cpu_activation_slope(caviar_cpu_row *gradient, caviar_cpu_row *a, const caviar_cpu_block *block,
                                 caviar_activation activation);

/* The block that begins at row `first`. */
static inline caviar_cpu_block caviar_cpu_block_at(int64_t first, int64_t batch, int64_t unit, int64_t columns) {
    const int64_t left = batch - first;
    return (caviar_cpu_block){ first, left < CAVIAR_CPU_ROWS ? left : CAVIAR_CPU_ROWS, unit, columns };
}

/* Model k's part of a matrix at the block. */
static inline float *caviar_cpu_block_of(const caviar_matrix *m, int64_t k, const caviar_cpu_block *block) {
    return m->data + block->first * m->example_stride + k * m->model_stride + block->unit;
}

static inline void caviar_cpu_read_block(caviar_cpu_row *x, const caviar_matrix *m, int64_t k,
                                         const caviar_cpu_block *block) {
    const float *from = caviar_cpu_block_of(m, k, block);
    for (int64_t i = 0; i < block->rows; i++)
        memcpy(x[i], from + i * m->example_stride, (size_t)block->columns * sizeof(float));
}

static inline void caviar_cpu_write_block(const caviar_matrix *m, int64_t k, caviar_cpu_row *x,
                                          const caviar_cpu_block *block) {
    float *to = caviar_cpu_block_of(m, k, block);
    for (int64_t i = 0; i < block->rows; i++)
        memcpy(to + i * m->example_stride, x[i], (size_t)block->columns * sizeof(float));
}

#endif
