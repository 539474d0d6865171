/*
 * Batch norm with activation and dropout. Formulas: caviar/ops.h. Sums over the batch are made in double, examples in
 * turn, in two passes: the mean first, then squared deviations from it.
 */
#include "activation.h"
#include "cpu.h"

#include <math.h>
#include <string.h>

#define TILE CAVIAR_CPU_TILE

/* The tile of columns [unit, unit + count) of model k. */
typedef struct tile {
    int64_t k, unit, count;
} tile;

static float *row_of(const caviar_matrix *m, const tile *t, int64_t b) {
    return m->data + b * m->example_stride + t->k * m->model_stride + t->unit;
}

static float *vector_of(const caviar_tensor *v, const tile *t) {
    return v->data + t->k * v->model_stride + t->unit;
}

static int64_t true_width(const int32_t *widths, int64_t width, int64_t k) {
    return widths ? widths[k] : width;
}

/* Writes 0 to the columns from `live` on. */
static void clear_padding(const caviar_matrix *m, int64_t k, int64_t batch, int64_t live, int64_t width) {
    if (live == width) return;
    const tile padding = { k, live, width - live };
    for (int64_t b = 0; b < batch; b++) memset(row_of(m, &padding, b), 0, (size_t)padding.count * sizeof(float));
}

CAVIAR_VECTORISED static void add_row(double *restrict sum, const float *restrict row, int64_t count) {
    for (int64_t j = 0; j < count; j++) sum[j] += (double)row[j];
}

CAVIAR_VECTORISED static void add_squared(double *restrict sum, const float *restrict row, const double *restrict mean,
                                          int64_t count) {
    for (int64_t j = 0; j < count; j++) {
        const double deviation = (double)row[j] - mean[j];
        sum[j] += deviation * deviation;
    }
}

/* What normalises a column: xhat = (z - mean) * inverse, a = gamma * xhat + beta. */
typedef struct columns {
    float mean[TILE], inverse[TILE], gamma[TILE], beta[TILE];
} columns;

CAVIAR_VECTORISED static void normalise(float *restrict out, const float *restrict z, const columns *restrict c,
                                        int64_t count) {
    for (int64_t j = 0; j < count; j++) out[j] = c->gamma[j] * ((z[j] - c->mean[j]) * c->inverse[j]) + c->beta[j];
}

static void forward_tile(const caviar_batch_norm_forward_args *a, const tile *t, const caviar_cpu_dropout *dropout) {
    double mean[TILE] = { 0 }, variance[TILE] = { 0 };
    columns c;
    for (int64_t b = 0; b < a->batch; b++) add_row(mean, row_of(&a->z, t, b), t->count);
    for (int64_t j = 0; j < t->count; j++) mean[j] /= (double)a->batch;
    for (int64_t b = 0; b < a->batch; b++) add_squared(variance, row_of(&a->z, t, b), mean, t->count);
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
    float normalised[TILE];
    for (int64_t b = 0; b < a->batch; b++) {
        normalise(normalised, row_of(&a->z, t, b), &c, t->count);
        caviar_cpu_activate(normalised, t->count, activation);
        caviar_cpu_drop(normalised, t->count, dropout, b, t->unit);
        memcpy(row_of(&a->y, t, b), normalised, bytes);
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

CAVIAR_VECTORISED static void add_gradients(double *restrict dgamma, double *restrict dbeta, const float *restrict da,
                                            const float *restrict z, const columns *restrict c, int64_t count) {
    for (int64_t j = 0; j < count; j++) {
        const float xhat = (z[j] - c->mean[j]) * c->inverse[j];
        dgamma[j] += (double)da[j] * (double)xhat;
        dbeta[j] += (double)da[j];
    }
}

/* dz = gamma * inverse * (da - dbeta / batch - xhat * dgamma / batch), in place of da; the quotients are given. */
CAVIAR_VECTORISED static void input_gradient(float *restrict da, const float *restrict z, const columns *restrict c,
                                             const float *restrict dgamma, const float *restrict dbeta, int64_t count) {
    for (int64_t j = 0; j < count; j++) {
        const float xhat = (z[j] - c->mean[j]) * c->inverse[j];
        da[j] = c->gamma[j] * c->inverse[j] * (da[j] - dbeta[j] - xhat * dgamma[j]);
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
    float da[TILE], input[TILE], mean_dgamma[TILE], mean_dbeta[TILE];
    for (int64_t b = 0; b < a->batch; b++) {
        const float *z = row_of(&a->z, t, b);
        memcpy(da, row_of(&a->dy, t, b), bytes);
        caviar_cpu_drop(da, t->count, dropout, b, t->unit);
        if (activation != CAVIAR_IDENTITY) {
            normalise(input, z, &c, t->count);
            caviar_cpu_activation_slope(da, input, t->count, activation);
        }
        add_gradients(dgamma, dbeta, da, z, &c, t->count);
        memcpy(row_of(&a->dz, t, b), da, bytes);
    }
    for (int64_t j = 0; j < t->count; j++) {
        vector_of(&a->dgamma, t)[j] = (float)dgamma[j];
        vector_of(&a->dbeta, t)[j] = (float)dbeta[j];
        mean_dgamma[j] = (float)(dgamma[j] / (double)a->batch);
        mean_dbeta[j] = (float)(dbeta[j] / (double)a->batch);
    }
    for (int64_t b = 0; b < a->batch; b++)
        input_gradient(row_of(&a->dz, t, b), row_of(&a->z, t, b), &c, mean_dgamma, mean_dbeta, t->count);
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
            float normalised[TILE];
            memcpy(c.mean, vector_of(&a->running_mean, &t), bytes);
            memcpy(c.gamma, vector_of(&a->gamma, &t), bytes);
            memcpy(c.beta, vector_of(&a->beta, &t), bytes);
            for (int64_t j = 0; j < t.count; j++)
                c.inverse[j] = (float)(1 / sqrt((double)variance[j] + (double)a->epsilon));
            for (int64_t b = 0; b < a->batch; b++) {
                normalise(normalised, row_of(&a->z, &t, b), &c, t.count);
                caviar_cpu_activate(normalised, t.count, activation);
                memcpy(row_of(&a->y, &t, b), normalised, bytes);
            }
        }
        clear_padding(&a->y, k, a->batch, live, a->width);
    }
}
