/* Bias with activation and dropout: a layer without batch norm. Formulas: caviar/ops.h. */
#include "activation.h"
#include "cpu.h"

#include <string.h>

#define TILE CAVIAR_CPU_TILE
#define ROWS CAVIAR_CPU_ROWS

typedef caviar_cpu_row row;
typedef caviar_cpu_block block;

CAVIAR_VECTORISED static void add_bias(row *restrict out, const float *restrict z, int64_t stride,
                                       const float *restrict bias, const block *restrict b) {
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t j = 0; j < b->columns; j++) out[i][j] = z[i * stride + j] + bias[j];
}

static void add_bias_block(row *out, const caviar_matrix *z, const caviar_tensor *bias, int64_t k, const block *b) {
    add_bias(out, caviar_cpu_block_of(z, k, b), z->example_stride, bias->data + k * bias->model_stride + b->unit, b);
}

CAVIAR_VECTORISED static void add_rows(double *restrict sum, row *restrict x, const block *restrict b) {
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t j = 0; j < b->columns; j++) sum[j] += (double)x[i][j];
}

/* Writes 0 to the columns from `live` on. */
static void clear_padding(const caviar_matrix *m, int64_t k, int64_t batch, int64_t live, int64_t width) {
    for (int64_t b = 0; b < batch && live < width; b++)
        memset(m->data + b * m->example_stride + k * m->model_stride + live, 0, (size_t)(width - live) * sizeof(float));
}

static int64_t tile_columns(int64_t live, int64_t unit) {
    return live - unit < TILE ? live - unit : TILE;
}

void caviar_cpu_bias_forward(const caviar_bias_forward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = a->widths ? a->widths[k] : a->width;
        const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE)
            for (int64_t b_first = 0; b_first < a->batch; b_first += ROWS) {
                const block b = caviar_cpu_block_at(b_first, a->batch, unit, tile_columns(live, unit));
                row y[ROWS];
                add_bias_block(y, &a->z, &a->bias, k, &b);
                caviar_cpu_activate(y, &b, activation);
                caviar_cpu_drop(y, &b, &dropout);
                caviar_cpu_write_block(&a->y, k, y, &b);
            }
        clear_padding(&a->y, k, a->batch, live, a->width);
    }
}

/* One tile of columns; dbias is summed in double, examples in turn. */
static void backward_tile(const caviar_bias_backward_args *a, int64_t k, int64_t unit, int64_t columns,
                          const caviar_cpu_dropout *dropout) {
    const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
    double sum[TILE] = { 0 };
    row da[ROWS], input[ROWS];
    for (int64_t first = 0; first < a->batch; first += ROWS) {
        const block b = caviar_cpu_block_at(first, a->batch, unit, columns);
        caviar_cpu_read_block(da, &a->dy, k, &b);
        caviar_cpu_drop(da, &b, dropout);
        if (activation != CAVIAR_IDENTITY) {
            add_bias_block(input, &a->z, &a->bias, k, &b);
            caviar_cpu_activation_slope(da, input, &b, activation);
        }
        add_rows(sum, da, &b);
        caviar_cpu_write_block(&a->dz, k, da, &b);
    }
    for (int64_t j = 0; j < columns; j++) a->dbias.data[k * a->dbias.model_stride + unit + j] = (float)sum[j];
}

void caviar_cpu_bias_backward(const caviar_bias_backward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = a->widths ? a->widths[k] : a->width;
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE) backward_tile(a, k, unit, tile_columns(live, unit), &dropout);
        clear_padding(&a->dz, k, a->batch, live, a->width);
    }
}
