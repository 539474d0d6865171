/*
 * Batch norm with activation and dropout. Formulas: caviar/ops.h. Sums over the batch are made in double, examples in
 * turn, in two passes: the mean first, then squared deviations from it.
 */
#include "activation.h"
#include "cpu.h"

#include <math.h>
#include <string.h>

#define TILE CAVIAR_CPU_TILE
#define ROWS CAVIAR_CPU_ROWS

typedef caviar_cpu_row row;
typedef caviar_cpu_block block;

/* The tile of columns [unit, unit + count) of model k. */
typedef struct tile {
    int64_t k, unit, count;
} tile;

static float *rows_of(const caviar_matrix *m, const tile *t) {
    return m->data + t->k * m->model_stride + t->unit;
}

static float *vector_of(const caviar_tensor *v, const tile *t) {
    return v->data + t->k * v->model_stride + t->unit;
}

static block block_at(int64_t first, int64_t batch, const tile *t) {
    return caviar_cpu_block_at(first, batch, t->unit, t->count);
}

static int64_t true_width(const int32_t *widths, int64_t width, int64_t k) {
    return widths ? widths[k] : width;
}

/* Writes 0 to the columns from `live` on. */
static void clear_padding(const caviar_matrix *m, int64_t k, int64_t batch, int64_t live, int64_t width) {
    if (live == width) return;
    const tile padding = { k, live, width - live };
    for (int64_t b = 0; b < batch; b++)
        memset(rows_of(m, &padding) + b * m->example_stride, 0, (size_t)padding.count * sizeof(float));
}

CAVIAR_VECTORISED static void add_rows(double *restrict sum, const float *restrict z, int64_t stride, int64_t batch,
                                       int64_t count) {
    for (int64_t b = 0; b < batch; b++)
        for (int64_t j = 0; j < count; j++) sum[j] += (double)z[b * stride + j];
}

CAVIAR_VECTORISED static void add_squares(double *restrict sum, const float *restrict z, int64_t stride, int64_t batch,
                                          const double *restrict mean, int64_t count) {
    for (int64_t b = 0; b < batch; b++)
        for (int64_t j = 0; j < count; j++) {
            const double deviation = (double)z[b * stride + j] - mean[j];
            sum[j] += deviation * deviation;
        }
}

/* What normalises a column: xhat = (z - mean) * inverse, a = gamma * xhat + beta. */
typedef struct columns {
    float mean[TILE], inverse[TILE], gamma[TILE], beta[TILE];
} columns;

CAVIAR_VECTORISED static void normalise(row *restrict out, const float *restrict z, int64_t stride,
                                        const columns *restrict c, const block *restrict b) {
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t j = 0; j < b->columns; j++)
            out[i][j] = c->gamma[j] * ((z[i * stride + j] - c->mean[j]) * c->inverse[j]) + c->beta[j];
}

static void normalise_block(row *out, const caviar_matrix *z, int64_t k, const columns *c, const block *b) {
    normalise(out, caviar_cpu_block_of(z, k, b), z->example_stride, c, b);
}

static void forward_tile(const caviar_batch_norm_forward_args *a, const tile *t, const caviar_cpu_dropout *dropout) {
    double mean[TILE] = { 0 }, variance[TILE] = { 0 };
    columns c;
    add_rows(mean, rows_of(&a->z, t), a->z.example_stride, a->batch, t->count);
    for (int64_t j = 0; j < t->count; j++) mean[j] /= (double)a->batch;
    add_squares(variance, rows_of(&a->z, t), a->z.example_stride, a->batch, mean, t->count);
    float *running_mean = vector_of(&a->running_mean, t), *running_variance = vector_of(&a->running_variance, t);
    for (int64_t j = 0; j < t->count; j++) {
        variance[j] /= (double)a->batch;
        c.mean[j] = (float)mean[j];
        c.inverse[j] = (float)(1 / sqrt(variance[j] + (double)a->epsilon));
        if (a->active && !a->active[t->k]) continue;
        const double unbiased = variance[j] * (double)a->batch / (double)(a->batch - 1);
        running_mean[j] += a->momentum * ((float)mean[j] - running_mean[j]);
        running_variance[j] += a->momentum * ((float)unbiased - running_variance[j]);
    }
    const size_t bytes = (size_t)t->count * sizeof(float);
    memcpy(c.gamma, vector_of(&a->gamma, t), bytes);
    memcpy(c.beta, vector_of(&a->beta, t), bytes);
    memcpy(vector_of(&a->mean, t), c.mean, bytes);
    memcpy(vector_of(&a->inverse_deviation, t), c.inverse, bytes);
    const caviar_activation activation = caviar_cpu_activation_of(a->activation, t->k);
    row y[ROWS];
    for (int64_t first = 0; first < a->batch; first += ROWS) {
        const block b = block_at(first, a->batch, t);
        normalise_block(y, &a->z, t->k, &c, &b);
        caviar_cpu_activate(y, &b, activation);
        caviar_cpu_drop(y, &b, dropout);
        caviar_cpu_write_block(&a->y, t->k, y, &b);
    }
}

void caviar_cpu_batch_norm_forward(const caviar_batch_norm_forward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = true_width(a->widths, a->width, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE) {
            const tile t = { k, unit, live - unit < TILE ? live - unit : TILE };
            forward_tile(a, &t, &dropout);
        }
        clear_padding(&a->y, k, a->batch, live, a->width);
    }
}

CAVIAR_VECTORISED static void add_gradients(double *restrict dgamma, double *restrict dbeta, row *restrict da,
                                            const float *restrict z, int64_t stride, const columns *restrict c,
                                            const block *restrict b) {
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t j = 0; j < b->columns; j++) {
            const float xhat = (z[i * stride + j] - c->mean[j]) * c->inverse[j];
            dgamma[j] += (double)da[i][j] * (double)xhat;
            dbeta[j] += (double)da[i][j];
        }
}

/* dz = gamma * inverse * (da - dbeta / batch - xhat * dgamma / batch), in place of da; the quotients are given. */
CAVIAR_VECTORISED static void input_gradient(float *restrict da, int64_t da_stride, const float *restrict z,
                                             int64_t z_stride, const columns *restrict c, const float *restrict dgamma,
                                             const float *restrict dbeta, int64_t batch, int64_t count) {
    for (int64_t b = 0; b < batch; b++)
        for (int64_t j = 0; j < count; j++) {
            float *d = da + b * da_stride + j;
            const float xhat = (z[b * z_stride + j] - c->mean[j]) * c->inverse[j];
            *d = c->gamma[j] * c->inverse[j] * (*d - dbeta[j] - xhat * dgamma[j]);
        }
}

static void backward_tile(const caviar_batch_norm_backward_args *a, const tile *t, const caviar_cpu_dropout *dropout) {
    const size_t bytes = (size_t)t->count * sizeof(float);
    columns c;
    memcpy(c.mean, vector_of(&a->mean, t), bytes);
    memcpy(c.inverse, vector_of(&a->inverse_deviation, t), bytes);
    memcpy(c.gamma, vector_of(&a->gamma, t), bytes);
    memcpy(c.beta, vector_of(&a->beta, t), bytes);
    const caviar_activation activation = caviar_cpu_activation_of(a->activation, t->k);
    double dgamma[TILE] = { 0 }, dbeta[TILE] = { 0 };
    float mean_dgamma[TILE], mean_dbeta[TILE];
    row da[ROWS], input[ROWS];
    for (int64_t first = 0; first < a->batch; first += ROWS) {
        const block b = block_at(first, a->batch, t);
        caviar_cpu_read_block(da, &a->dy, t->k, &b);
        caviar_cpu_drop(da, &b, dropout);
        if (activation != CAVIAR_IDENTITY) {
            normalise_block(input, &a->z, t->k, &c, &b);
            caviar_cpu_activation_slope(da, input, &b, activation);
        }
        add_gradients(dgamma, dbeta, da, caviar_cpu_block_of(&a->z, t->k, &b), a->z.example_stride, &c, &b);
        caviar_cpu_write_block(&a->dz, t->k, da, &b);
    }
    for (int64_t j = 0; j < t->count; j++) {
        vector_of(&a->dgamma, t)[j] = (float)dgamma[j];
        vector_of(&a->dbeta, t)[j] = (float)dbeta[j];
        mean_dgamma[j] = (float)(dgamma[j] / (double)a->batch);
        mean_dbeta[j] = (float)(dbeta[j] / (double)a->batch);
    }
    input_gradient(rows_of(&a->dz, t), a->dz.example_stride, rows_of(&a->z, t), a->z.example_stride, &c, mean_dgamma,
                   mean_dbeta, a->batch, t->count);
}

void caviar_cpu_batch_norm_backward(const caviar_batch_norm_backward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = true_width(a->widths, a->width, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE) {
            const tile t = { k, unit, live - unit < TILE ? live - unit : TILE };
            backward_tile(a, &t, &dropout);
        }
        clear_padding(&a->dz, k, a->batch, live, a->width);
    }
}

void caviar_cpu_batch_norm_inference(const caviar_batch_norm_inference_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = true_width(a->widths, a->width, k);
        const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
        for (int64_t unit = 0; unit < live; unit += TILE) {
            const tile t = { k, unit, live - unit < TILE ? live - unit : TILE };
            const size_t bytes = (size_t)t.count * sizeof(float);
            const float *variance = vector_of(&a->running_variance, &t);
            columns c;
            row y[ROWS];
            memcpy(c.mean, vector_of(&a->running_mean, &t), bytes);
            memcpy(c.gamma, vector_of(&a->gamma, &t), bytes);
            memcpy(c.beta, vector_of(&a->beta, &t), bytes);
            for (int64_t j = 0; j < t.count; j++)
                c.inverse[j] = (float)(1 / sqrt((double)variance[j] + (double)a->epsilon));
            for (int64_t b_first = 0; b_first < a->batch; b_first += ROWS) {
                const block b = block_at(b_first, a->batch, &t);
                normalise_block(y, &a->z, k, &c, &b);
                caviar_cpu_activate(y, &b, activation);
                caviar_cpu_write_block(&a->y, k, y, &b);
            }
        }
        clear_padding(&a->y, k, a->batch, live, a->width);
    }
}
