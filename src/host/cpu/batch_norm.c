/*
 * Batch norm with activation and dropout. Formulas: caviar/ops.h. Sums over the batch are made in double, examples in
 * turn, in two passes: the mean first, then squared deviations from it.
 */
#include "activation.h"
#include "cpu.h"
#include "exponential.h"

#include <math.h>
#include <string.h>

#define TILE CAVIAR_CPU_TILE
#define ROWS CAVIAR_CPU_ROWS

/*
 * Calls a loop over a tile's columns. Of a whole tile their number is a constant, so that what belongs to a column
 * stays in vector registers while the rows go by.
 */
#define OVER_COLUMNS(columns, loop, ...)                                                                               \
    do {                                                                                                               \
        if ((columns) == TILE)                                                                                         \
            loop(TILE, __VA_ARGS__);                                                                                   \
        else                                                                                                           \
            loop(columns, __VA_ARGS__);                                                                                \
    } while (0)

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

static block block_of(const caviar_matrix *m, int64_t first, int64_t batch, const tile *t) {
    return caviar_cpu_block_of(m, t->k, first, batch, t->unit, t->count);
}

CAVIAR_INLINE void add_rows_of(const int64_t count, double *sum, const float *z, int64_t stride, int64_t batch) {
    double total[TILE] = { 0 };
    for (int64_t b = 0; b < batch; b++)
        for (int64_t j = 0; j < count; j++) total[j] += (double)z[b * stride + j];
    for (int64_t j = 0; j < count; j++) sum[j] = total[j];
}

CAVIAR_VECTORISED static void add_rows(double *sum, const float *z, int64_t stride, int64_t batch, int64_t columns) {
    OVER_COLUMNS(columns, add_rows_of, sum, z, stride, batch);
}

CAVIAR_INLINE void add_squares_of(const int64_t count, double *sum, const float *z, int64_t stride, int64_t batch,
                                  const double *mean) {
    double total[TILE] = { 0 };
    for (int64_t b = 0; b < batch; b++)
        for (int64_t j = 0; j < count; j++) {
            const double deviation = (double)z[b * stride + j] - mean[j];
            total[j] += deviation * deviation;
        }
    for (int64_t j = 0; j < count; j++) sum[j] = total[j];
}

CAVIAR_VECTORISED static void add_squares(double *sum, const float *z, int64_t stride, int64_t batch,
                                          const double *mean, int64_t columns) {
    OVER_COLUMNS(columns, add_squares_of, sum, z, stride, batch, mean);
}

/* What normalises a column: xhat = (z - mean) * inverse, a = gamma * xhat + beta. */
typedef struct columns {
    float mean[TILE], inverse[TILE], gamma[TILE], beta[TILE];
} columns;

/* out = a, or relu(a); it may be z. A copy of the columns is known not to change with it. */
CAVIAR_INLINE void normalise_of(const int64_t count, const int relu, const block *out, const block *z,
                                const columns *shared) {
    const columns c = *shared;
    for (int64_t i = 0; i < z->rows; i++) {
        float *to = out->data + i * out->stride;
        const float *from = z->data + i * z->stride;
#pragma GCC ivdep
        for (int64_t j = 0; j < count; j++) {
            const float a = c.gamma[j] * ((from[j] - c.mean[j]) * c.inverse[j]) + c.beta[j];
            to[j] = relu ? caviar_relu(a) : a;
        }
    }
}

CAVIAR_VECTORISED static void normalise(const block *out, const block *z, const columns *c) {
    OVER_COLUMNS(z->columns, normalise_of, 0, out, z, c);
}

CAVIAR_VECTORISED static void normalise_relu(const block *out, const block *z, const columns *c) {
    OVER_COLUMNS(z->columns, normalise_of, 1, out, z, c);
}

static void normalise_and_activate(const block *out, const block *z, const columns *c, caviar_activation activation) {
    if (activation == CAVIAR_RELU) {
        normalise_relu(out, z, c);
    } else {
        normalise(out, z, c);
        caviar_cpu_activate(out, activation);
    }
}

CAVIAR_VECTORISED static void divide(double *sum, double by, int64_t count) {
    for (int64_t j = 0; j < count; j++) sum[j] /= by;
}

CAVIAR_VECTORISED static void invert_deviations(float *restrict inverse, const double *restrict variance,
                                                double epsilon, int64_t count) {
    for (int64_t j = 0; j < count; j++) inverse[j] = (float)(1 / sqrt(variance[j] + epsilon));
}

static void update_running(const caviar_batch_norm_forward_args *a, const tile *t, const double *mean,
                           const double *variance) {
    float *running_mean = vector_of(&a->running_mean, t), *running_variance = vector_of(&a->running_variance, t);
    const float momentum = a->momenta ? a->momenta[t->k] : a->momentum;
    for (int64_t j = 0; j < t->count; j++) {
        const double unbiased = variance[j] * (double)a->batch / (double)(a->batch - 1);
        running_mean[j] += momentum * ((float)mean[j] - running_mean[j]);
        running_variance[j] += momentum * ((float)unbiased - running_variance[j]);
    }
}

static void forward_tile(const caviar_batch_norm_forward_args *a, const tile *t, const caviar_cpu_dropout *dropout) {
    double mean[TILE], variance[TILE];
    columns c = { 0 };
    add_rows(mean, rows_of(&a->z, t), a->z.example_stride, a->batch, t->count);
    divide(mean, (double)a->batch, t->count);
    add_squares(variance, rows_of(&a->z, t), a->z.example_stride, a->batch, mean, t->count);
    divide(variance, (double)a->batch, t->count);
    for (int64_t j = 0; j < t->count; j++) c.mean[j] = (float)mean[j];
    invert_deviations(c.inverse, variance, (double)a->epsilon, t->count);
    if (!a->active || a->active[t->k]) update_running(a, t, mean, variance);
    const size_t bytes = (size_t)t->count * sizeof(float);
    memcpy(c.gamma, vector_of(&a->gamma, t), bytes);
    memcpy(c.beta, vector_of(&a->beta, t), bytes);
    memcpy(vector_of(&a->mean, t), c.mean, bytes);
    memcpy(vector_of(&a->inverse_deviation, t), c.inverse, bytes);
    const caviar_activation activation = caviar_cpu_activation_of(a->activation, t->k);
    for (int64_t first = 0; first < a->batch; first += ROWS) {
        const block z = block_of(&a->z, first, a->batch, t), y = block_of(&a->y, first, a->batch, t);
        normalise_and_activate(&y, &z, &c, activation);
        caviar_cpu_drop(&y, dropout);
    }
}

void caviar_cpu_batch_norm_forward(const caviar_batch_norm_forward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = caviar_cpu_true_width(a->widths, a->width, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE) {
            const tile t = { k, unit, live - unit < TILE ? live - unit : TILE };
            forward_tile(a, &t, &dropout);
        }
        caviar_cpu_clear_padding(&a->y, k, a->batch, live, a->width);
    }
}

/* Sums over the batch so far. */
typedef struct gradients {
    double dgamma[TILE], dbeta[TILE];
} gradients;

/* With relu, da is multiplied by the slope first. */
CAVIAR_INLINE void add_gradients_of(const int64_t count, const int relu, gradients *sum, const block *da,
                                    const block *z, const columns *shared) {
    const columns c = *shared;
    gradients s = *sum;
    for (int64_t i = 0; i < z->rows; i++) {
        float *restrict d = da->data + i * da->stride;
        const float *restrict from = z->data + i * z->stride;
        for (int64_t j = 0; j < count; j++) {
            const float xhat = (from[j] - c.mean[j]) * c.inverse[j];
            if (relu) d[j] *= caviar_relu_slope(c.gamma[j] * xhat + c.beta[j]);
            s.dgamma[j] += (double)d[j] * (double)xhat;
            s.dbeta[j] += (double)d[j];
        }
    }
    *sum = s;
}

CAVIAR_VECTORISED static void add_gradients(gradients *sum, const block *da, const block *z, const columns *c) {
    OVER_COLUMNS(z->columns, add_gradients_of, 0, sum, da, z, c);
}

CAVIAR_VECTORISED static void add_relu_gradients(gradients *sum, const block *da, const block *z, const columns *c) {
    OVER_COLUMNS(z->columns, add_gradients_of, 1, sum, da, z, c);
}

/* dz = gamma * inverse * (da - dbeta / batch - xhat * dgamma / batch), in place of da; the quotients are given. */
CAVIAR_INLINE void input_gradient_of(const int64_t count, const tile *t, const caviar_matrix *da,
                                     const caviar_matrix *z, int64_t batch, const columns *shared, const float *dgamma,
                                     const float *dbeta) {
    const columns c = *shared;
    for (int64_t b = 0; b < batch; b++) {
        float *restrict d = rows_of(da, t) + b * da->example_stride;
        const float *restrict from = rows_of(z, t) + b * z->example_stride;
        for (int64_t j = 0; j < count; j++) {
            const float xhat = (from[j] - c.mean[j]) * c.inverse[j];
            d[j] = c.gamma[j] * c.inverse[j] * (d[j] - dbeta[j] - xhat * dgamma[j]);
        }
    }
}

CAVIAR_VECTORISED static void input_gradient(const tile *t, const caviar_matrix *da, const caviar_matrix *z,
                                             int64_t batch, const columns *c, const float *dgamma, const float *dbeta) {
    OVER_COLUMNS(t->count, input_gradient_of, t, da, z, batch, c, dgamma, dbeta);
}

static void backward_tile(const caviar_batch_norm_backward_args *a, const tile *t, const caviar_cpu_dropout *dropout) {
    const size_t bytes = (size_t)t->count * sizeof(float);
    columns c = { 0 };
    memcpy(c.mean, vector_of(&a->mean, t), bytes);
    memcpy(c.inverse, vector_of(&a->inverse_deviation, t), bytes);
    memcpy(c.gamma, vector_of(&a->gamma, t), bytes);
    memcpy(c.beta, vector_of(&a->beta, t), bytes);
    const caviar_activation activation = caviar_cpu_activation_of(a->activation, t->k);
    gradients sum = { 0 };
    float mean_dgamma[TILE], mean_dbeta[TILE], memory[ROWS][TILE];
    for (int64_t first = 0; first < a->batch; first += ROWS) {
        const block z = block_of(&a->z, first, a->batch, t), dy = block_of(&a->dy, first, a->batch, t);
        const block da = block_of(&a->dz, first, a->batch, t);
        caviar_cpu_copy_block(&da, &dy);
        caviar_cpu_drop(&da, dropout);
        if (activation == CAVIAR_RELU) {
            add_relu_gradients(&sum, &da, &z, &c);
            continue;
        }
        if (activation != CAVIAR_IDENTITY) {
            const block input = caviar_cpu_block_in(memory, &z);
            normalise(&input, &z, &c);
            caviar_cpu_activation_slope(&da, &input, activation);
        }
        add_gradients(&sum, &da, &z, &c);
    }
    for (int64_t j = 0; j < t->count; j++) {
        vector_of(&a->dgamma, t)[j] = (float)sum.dgamma[j];
        vector_of(&a->dbeta, t)[j] = (float)sum.dbeta[j];
        mean_dgamma[j] = (float)(sum.dgamma[j] / (double)a->batch);
        mean_dbeta[j] = (float)(sum.dbeta[j] / (double)a->batch);
    }
    input_gradient(t, &a->dz, &a->z, a->batch, &c, mean_dgamma, mean_dbeta);
}

void caviar_cpu_batch_norm_backward(const caviar_batch_norm_backward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = caviar_cpu_true_width(a->widths, a->width, k);
        const caviar_cpu_dropout dropout = caviar_cpu_dropout_of(&a->dropout, k);
        for (int64_t unit = 0; unit < live; unit += TILE) {
            const tile t = { k, unit, live - unit < TILE ? live - unit : TILE };
            backward_tile(a, &t, &dropout);
        }
        caviar_cpu_clear_padding(&a->dz, k, a->batch, live, a->width);
    }
}

void caviar_cpu_batch_norm_inference(const caviar_batch_norm_inference_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t live = caviar_cpu_true_width(a->widths, a->width, k);
        const caviar_activation activation = caviar_cpu_activation_of(a->activation, k);
        for (int64_t unit = 0; unit < live; unit += TILE) {
            const tile t = { k, unit, live - unit < TILE ? live - unit : TILE };
            const size_t bytes = (size_t)t.count * sizeof(float);
            const float *variance = vector_of(&a->running_variance, &t);
            columns c = { 0 };
            memcpy(c.mean, vector_of(&a->running_mean, &t), bytes);
            memcpy(c.gamma, vector_of(&a->gamma, &t), bytes);
            memcpy(c.beta, vector_of(&a->beta, &t), bytes);
            for (int64_t j = 0; j < t.count; j++)
                c.inverse[j] = (float)(1 / sqrt((double)variance[j] + (double)a->epsilon));
            for (int64_t b = 0; b < a->batch; b += ROWS) {
                const block z = block_of(&a->z, b, a->batch, &t), y = block_of(&a->y, b, a->batch, &t);
                normalise_and_activate(&y, &z, &c, activation);
            }
        }
        caviar_cpu_clear_padding(&a->y, k, a->batch, live, a->width);
    }
}
