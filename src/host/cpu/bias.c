/* Bias with activation and dropout: a layer without batch norm. Formulas: caviar/ops.h. */
#include "activation.h"
#include "cpu.h"

#include <string.h>

#define TILE CAVIAR_CPU_TILE

CAVIAR_VECTORISED static void add_bias(float *restrict out, const float *restrict z, const float *restrict bias,
                                       int64_t count) {
    for (int64_t j = 0; j < count; j++) out[j] = z[j] + bias[j];
}

CAVIAR_VECTORISED static void add_row(double *restrict sum, const float *restrict row, int64_t count) {
    for (int64_t j = 0; j < count; j++) sum[j] += (double)row[j];
}

static int64_t row_at(const caviar_matrix *m, int64_t b, int64_t k, int64_t unit) {
    return b * m->example_stride + k * m->model_stride + unit;
}

void caviar_cpu_bias_forward(const caviar_bias_forward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = a->widths ? a->widths[k] : a->width;
        const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        const float *bias = a->bias.data + k * a->bias.model_stride;
        for (int64_t b = 0; b < a->batch; b++) {
            float *y = a->y.data + row_at(&a->y, b, k, 0);
            for (int64_t unit = 0; unit < live; unit += TILE) {
                const int64_t count = live - unit < TILE ? live - unit : TILE;
                float row[TILE];
                add_bias(row, a->z.data + row_at(&a->z, b, k, unit), bias + unit, count);
                caviar_cpu_activate(row, count, activation);
                caviar_cpu_drop(row, count, &dropout, b, unit);
                memcpy(y + unit, row, (size_t)count * sizeof *row);
            }
            memset(y + live, 0, (size_t)(a->width - live) * sizeof *y);
        }
    }
}

/* One tile of columns; dbias is summed in double, examples in turn. */
static void backward_tile(const caviar_bias_backward_args *a, int64_t k, int64_t unit, int64_t count,
                          const caviar_cpu_dropout *dropout) {
    const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
    double sum[TILE] = { 0 };
    float da[TILE], input[TILE];
    for (int64_t b = 0; b < a->batch; b++) {
        memcpy(da, a->dy.data + row_at(&a->dy, b, k, unit), (size_t)count * sizeof *da);
        caviar_cpu_drop(da, count, dropout, b, unit);
        if (activation != CAVIAR_IDENTITY) {
            add_bias(input, a->z.data + row_at(&a->z, b, k, unit), a->bias.data + k * a->bias.model_stride + unit,
                     count);
            caviar_cpu_activation_slope(da, input, count, activation);
        }
        add_row(sum, da, count);
        memcpy(a->dz.data + row_at(&a->dz, b, k, unit), da, (size_t)count * sizeof *da);
    }
    for (int64_t j = 0; j < count; j++) a->dbias.data[k * a->dbias.model_stride + unit + j] = (float)sum[j];
}

void caviar_cpu_bias_backward(const caviar_bias_backward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = a->widths ? a->widths[k] : a->width;
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE)
            backward_tile(a, k, unit, live - unit < TILE ? live - unit : TILE, &dropout);
        for (int64_t b = 0; b < a->batch && live < a->width; b++)
            memset(a->dz.data + row_at(&a->dz, b, k, live), 0, (size_t)(a->width - live) * sizeof(float));
    }
}
