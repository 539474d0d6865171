/* Bias with activation and dropout: a layer without batch norm. Formulas: caviar/ops.h. */
#include "activation.h"
#include "cpu.h"

#define TILE CAVIAR_CPU_TILE
#define ROWS CAVIAR_CPU_ROWS

typedef caviar_cpu_block block;

/* out = z + bias; it may be z. */
CAVIAR_VECTORISED static void add_bias(const block *out, const block *z, const float *bias) {
    for (int64_t i = 0; i < z->rows; i++) {
        float *to = out->data + i * out->stride;
        const float *from = z->data + i * z->stride;
#pragma GCC ivdep
        for (int64_t j = 0; j < z->columns; j++) to[j] = from[j] + bias[j];
    }
}

static const float *bias_of(const caviar_tensor *bias, int64_t k, int64_t unit) {
    return bias->data + k * bias->model_stride + unit;
}

CAVIAR_VECTORISED static void add_rows(double *restrict sum, const block *x) {
    for (int64_t i = 0; i < x->rows; i++)
        for (int64_t j = 0; j < x->columns; j++) sum[j] += (double)x->data[i * x->stride + j];
}

static int64_t tile_columns(int64_t live, int64_t unit) {
    return live - unit < TILE ? live - unit : TILE;
}

void caviar_cpu_bias_forward(const caviar_bias_forward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = caviar_cpu_true_width(a->widths, a->width, k);
        const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE)
            for (int64_t b_first = 0; b_first < a->batch; b_first += ROWS) {
                const int64_t columns = tile_columns(live, unit);
                const block z = caviar_cpu_block_of(&a->z, k, b_first, a->batch, unit, columns);
                const block y = caviar_cpu_block_of(&a->y, k, b_first, a->batch, unit, columns);
                add_bias(&y, &z, bias_of(&a->bias, k, unit));
                caviar_cpu_activate(&y, activation);
                caviar_cpu_drop(&y, &dropout);
            }
        caviar_cpu_clear_padding(&a->y, k, a->batch, live, a->width);
    }
}

/* One tile of columns; dbias is summed in double, examples in turn. */
static void backward_tile(const caviar_bias_backward_args *a, int64_t k, int64_t unit, int64_t columns,
                          const caviar_cpu_dropout *dropout) {
    const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
    double sum[TILE] = { 0 };
    float memory[ROWS][TILE];
    for (int64_t first = 0; first < a->batch; first += ROWS) {
        const block dy = caviar_cpu_block_of(&a->dy, k, first, a->batch, unit, columns);
        const block da = caviar_cpu_block_of(&a->dz, k, first, a->batch, unit, columns);
        caviar_cpu_copy_block(&da, &dy);
        caviar_cpu_drop(&da, dropout);
        if (activation != CAVIAR_IDENTITY) {
            const block z = caviar_cpu_block_of(&a->z, k, first, a->batch, unit, columns);
            const block input = caviar_cpu_block_in(memory, &z);
            add_bias(&input, &z, bias_of(&a->bias, k, unit));
            caviar_cpu_activation_slope(&da, &input, activation);
        }
        add_rows(sum, &da);
    }
    for (int64_t j = 0; j < columns; j++) a->dbias.data[k * a->dbias.model_stride + unit + j] = (float)sum[j];
}

void caviar_cpu_bias_backward(const caviar_bias_backward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = caviar_cpu_true_width(a->widths, a->width, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE) backward_tile(a, k, unit, tile_columns(live, unit), &dropout);
        caviar_cpu_clear_padding(&a->dz, k, a->batch, live, a->width);
    }
}
