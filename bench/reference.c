/*
 * The training of one network by plain loops in double: what the losses of a population's model are compared with.
 * Hidden layers with batch norm and relu, a softmax output layer with a bias, Adam. Nothing here is shared with the
 * library but the order of the examples and the initial weights.
 */
#include "host/data/dataset.h"
#include "host/population/model.h"
#include "host/shuffle.h"
#include "host/status.h"
#include "kernels/randomness.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>

/* One tensor with its gradient and moments. */
typedef struct tensor {
    int64_t count;
    double *p, *g, *m, *v; /* p is the block that is freed */
} tensor;

typedef struct layer {
    int64_t in, out;
    tensor weight, gamma, beta;     /* of the output layer beta is the bias, and gamma is empty */
    double *z, *xhat, *inverse, *h; /* [batch, out], [batch, out], [out], [batch, out]; z is the block */
} layer;

typedef struct network {
    int64_t batch;
    int layers;
    double epsilon;
    layer layer[CAVIAR_MAX_HIDDEN_LAYERS + 1];
    double *input; /* [batch, in] */
    int32_t *labels;
} network;

static int make_tensor(tensor *t, const float *values, int64_t count) {
    t->count = count;
    t->p = calloc((size_t)(4 * count) + 1, sizeof(double));
    if (!t->p) return 0;
    t->g = t->p + count, t->m = t->g + count, t->v = t->m + count;
    for (int64_t i = 0; i < count; i++) t->p[i] = values[i];
    return 1;
}

static int make_layer(layer *l, const caviar_model *model, int32_t index, int64_t batch) {
    const float *weight = caviar_model_tensor(model, CAVIAR_MODEL_WEIGHT, index, &l->in, &l->out);
    const float *gamma = caviar_model_tensor(model, CAVIAR_MODEL_GAMMA, index, NULL, NULL);
    const float *beta = caviar_model_tensor(model, gamma ? CAVIAR_MODEL_BETA : CAVIAR_MODEL_BIAS, index, NULL, NULL);
    const int64_t matrix = batch * l->out;
    l->z = calloc((size_t)(3 * matrix + l->out), sizeof(double));
    if (!l->z) return 0;
    l->xhat = l->z + matrix, l->h = l->xhat + matrix, l->inverse = l->h + matrix;
    return make_tensor(&l->weight, weight, l->in * l->out) && make_tensor(&l->gamma, gamma, gamma ? l->out : 0) &&
           make_tensor(&l->beta, beta, l->out);
}

static void free_network(network *n) {
    for (int i = 0; i < n->layers; i++) {
        free(n->layer[i].weight.p);
        free(n->layer[i].gamma.p);
        free(n->layer[i].beta.p);
        free(n->layer[i].z);
    }
    free(n->input);
    free(n->labels);
}

/* z += x w */
static void multiply(double *z, const double *x, const layer *l, int64_t batch) {
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < l->in; i++) {
            const double xi = x[b * l->in + i];
            for (int64_t j = 0; j < l->out; j++) z[b * l->out + j] += xi * l->weight.p[i * l->out + j];
        }
}

static void normalise_column(const network *n, layer *l, int64_t j) {
    const double count = (double)n->batch;
    double mean = 0, variance = 0;
    for (int64_t b = 0; b < n->batch; b++) mean += l->z[b * l->out + j] / count;
    for (int64_t b = 0; b < n->batch; b++) variance += pow(l->z[b * l->out + j] - mean, 2) / count;
    l->inverse[j] = 1 / sqrt(variance + n->epsilon);
    for (int64_t b = 0; b < n->batch; b++) {
        const int64_t at = b * l->out + j;
        l->xhat[at] = (l->z[at] - mean) * l->inverse[j];
        l->h[at] = fmax(0, l->gamma.p[j] * l->xhat[at] + l->beta.p[j]);
    }
}

static void forward(network *n) {
    const double *x = n->input;
    for (int i = 0; i < n->layers; i++) {
        layer *l = &n->layer[i];
        for (int64_t at = 0; at < n->batch * l->out; at++) l->z[at] = 0;
        multiply(l->z, x, l, n->batch);
        for (int64_t j = 0; j < l->out && l->gamma.count; j++) normalise_column(n, l, j);
        for (int64_t at = 0; at < n->batch * l->out && !l->gamma.count; at++)
            l->h[at] = l->z[at] + l->beta.p[at % l->out];
        x = l->h;
    }
}

/* The mean loss; leaves the gradient in the output layer's h. */
static double loss(network *n) {
    layer *l = &n->layer[n->layers - 1];
    double total = 0;
    for (int64_t b = 0; b < n->batch; b++) {
        double *row = l->h + b * l->out, most = row[0], sum = 0;
        for (int64_t c = 1; c < l->out; c++) most = fmax(most, row[c]);
        for (int64_t c = 0; c < l->out; c++) sum += exp(row[c] - most);
        total += log(sum) - (row[n->labels[b]] - most);
        for (int64_t c = 0; c < l->out; c++)
            row[c] = (exp(row[c] - most) / sum - (c == n->labels[b])) / (double)n->batch;
    }
    return total / (double)n->batch;
}

/* dz of a column in place of dh, and the gradients of gamma and beta. */
static void normalise_column_backward(const network *n, layer *l, double *dh, int64_t j) {
    double dgamma = 0, dbeta = 0;
    for (int64_t b = 0; b < n->batch; b++) {
        const int64_t at = b * l->out + j;
        if (l->h[at] <= 0) dh[at] = 0;
        dgamma += dh[at] * l->xhat[at];
        dbeta += dh[at];
    }
    for (int64_t b = 0; b < n->batch; b++) {
        const int64_t at = b * l->out + j;
        dh[at] = l->gamma.p[j] * l->inverse[j] * (dh[at] - (dbeta + l->xhat[at] * dgamma) / (double)n->batch);
    }
    l->gamma.g[j] = dgamma;
    l->beta.g[j] = dbeta;
}

/* The gradient of the weights, and in `dx` (NULL: not wanted) that of the input, from dz. */
static void multiply_backward(const network *n, layer *l, const double *x, const double *dz, double *dx) {
    for (int64_t at = 0; at < l->weight.count; at++) l->weight.g[at] = 0;
    for (int64_t b = 0; b < n->batch; b++)
        for (int64_t i = 0; i < l->in; i++) {
            double sum = 0;
            for (int64_t j = 0; j < l->out; j++) {
                l->weight.g[i * l->out + j] += x[b * l->in + i] * dz[b * l->out + j];
                sum += dz[b * l->out + j] * l->weight.p[i * l->out + j];
            }
            if (dx) dx[b * l->in + i] = sum;
        }
}

/* dz of a hidden layer takes the place of its z, which its xhat has made superfluous. */
static void backward(network *n) {
    for (int i = n->layers - 1; i >= 0; i--) {
        layer *l = &n->layer[i];
        double *dz = i == n->layers - 1 ? l->h : l->z;
        for (int64_t j = 0; j < l->out; j++) {
            if (l->gamma.count) {
                normalise_column_backward(n, l, dz, j);
                continue;
            }
            l->beta.g[j] = 0;
            for (int64_t b = 0; b < n->batch; b++) l->beta.g[j] += dz[b * l->out + j];
        }
        multiply_backward(n, l, i ? n->layer[i - 1].h : n->input, dz, i ? n->layer[i - 1].z : NULL);
    }
}

static void adam(tensor *t, const caviar_hyperparameters *h, int step) {
    const double correction1 = 1 - pow(h->beta1, step), correction2 = 1 - pow(h->beta2, step);
    for (int64_t i = 0; i < t->count; i++) {
        t->m[i] += (1 - h->beta1) * (t->g[i] - t->m[i]);
        t->v[i] += (1 - h->beta2) * (t->g[i] * t->g[i] - t->v[i]);
        t->p[i] -= h->learning_rate / correction1 * t->m[i] / (sqrt(t->v[i] / correction2) + h->epsilon);
    }
}

/* The minibatch from `first` on in the order of the first epoch, standardised. */
static void gather(network *n, const caviar_dataset *dataset, const int32_t *order, int64_t first) {
    const int64_t features = dataset->feature_count;
    for (int64_t b = 0; b < n->batch; b++) {
        const int64_t e = order[first + b];
        n->labels[b] = dataset->labels[e];
        for (int64_t f = 0; f < features; f++) {
            const double x = dataset->type == CAVIAR_UINT8 ? ((uint8_t *)dataset->features)[e * features + f]
                                                           : ((float *)dataset->features)[e * features + f];
            n->input[b * features + f] = (x - dataset->mean[f]) * dataset->scale[f];
        }
    }
}

static void train(double *losses, network *n, const caviar_population *p, const int32_t *order, int32_t index,
                  int steps) {
    for (int s = 0; s < steps; s++) {
        gather(n, p->shape.dataset, order, s * n->batch);
        forward(n);
        losses[s] = loss(n);
        backward(n);
        for (int i = 0; i < n->layers; i++) {
            adam(&n->layer[i].weight, &p->hyperparameters[index], s + 1);
            adam(&n->layer[i].gamma, &p->hyperparameters[index], s + 1);
            adam(&n->layer[i].beta, &p->hyperparameters[index], s + 1);
        }
    }
}

caviar_status bench_reference_losses(double *losses, caviar_population *p, int32_t index, int steps) {
    const caviar_dataset *dataset = p->shape.dataset;
    const int64_t examples = dataset->part_examples[CAVIAR_TRAIN], batch = p->shape.options.batch_size;
    caviar_model *model = NULL;
    CAVIAR_REQUIRE(steps * batch <= examples, "reference: %d minibatches are more than an epoch", steps);
    CAVIAR_TRY(caviar_population_read_model(&model, p, index));
    network n = { .batch = batch, .layers = p->layers, .epsilon = p->shape.options.batch_norm_epsilon };
    n.input = calloc((size_t)(batch * dataset->feature_count), sizeof *n.input);
    n.labels = calloc((size_t)batch, sizeof *n.labels);
    int32_t *order = malloc((size_t)examples * sizeof *order);
    int made = n.input && n.labels && order;
    for (int i = 0; i < n.layers && made; i++) made = make_layer(&n.layer[i], model, i, batch);
    if (made) {
        for (int64_t i = 0; i < examples; i++) order[i] = dataset->part[CAVIAR_TRAIN][i];
        caviar_shuffle(order, examples, p->shape.options.seed, CAVIAR_PURPOSE_SHUFFLE, 0);
        train(losses, &n, p, order, index, steps);
    }
    free(order);
    free_network(&n);
    caviar_model_destroy(model);
    return made ? CAVIAR_OK : caviar_fail_memory("a reference network", 0);
}
