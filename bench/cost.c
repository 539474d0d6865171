/*
 * Bytes and operations by formula. K models, B examples, W units; floats are 4 bytes. A matrix that models share
 * (model_stride 0) is counted once. Padding counts: it is moved like the rest. What is negligible beside its
 * neighbours (flags, hyperparameters of an elementwise operation) is left out where that is said.
 */
#include "cost.h"

static double of_matrix(const caviar_matrix *m, int64_t models, int64_t batch, int64_t width) {
    return m->data ? 4.0 * (double)(m->model_stride == 0 ? 1 : models) * (double)batch * (double)width : 0;
}

/* Features of B examples in, standardised floats out; order, labels and both constants of a feature. x - mean, * scale
 */
static bench_cost cost_gather(const caviar_gather_args *a) {
    const double batch = (double)a->batch, features = (double)a->feature_count;
    const double in = batch * features * (a->feature_type == CAVIAR_UINT8 ? 1 : 4);
    return (bench_cost){ in + 4 * batch * (double)a->out_stride + 4 * batch + (a->labels ? 8 * batch : 0) +
                             (a->mean ? 8 * features : 0),
                         2 * batch * features };
}

static bench_cost cost_advance(const caviar_advance_args *a) {
    (void)a;
    return (bench_cost){ 16, 1 };
}

/* x and w read, y written; a multiplication and an addition for each of K B in out */
static bench_cost cost_linear_forward(const caviar_linear_forward_args *a) {
    return (bench_cost){ of_matrix(&a->x, a->models, a->batch, a->in) +
                             4.0 * (double)(a->models * a->in) * (double)a->out +
                             of_matrix(&a->y, a->models, a->batch, a->out),
                         2.0 * (double)(a->models * a->batch) * (double)(a->in * a->out) };
}

/* x and dy read, dw written; for dx also w read and dx written, and as many operations again */
static bench_cost cost_linear_backward(const caviar_linear_backward_args *a) {
    const double weights = 4.0 * (double)(a->models * a->in) * (double)a->out;
    const double product = 2.0 * (double)(a->models * a->batch) * (double)(a->in * a->out);
    return (bench_cost){ of_matrix(&a->x, a->models, a->batch, a->in) + of_matrix(&a->dy, a->models, a->batch, a->out) +
                             weights + (a->dx.data ? weights + of_matrix(&a->dx, a->models, a->batch, a->in) : 0),
                         product * (a->dx.data ? 2 : 1) };
}

/* An elementwise operation: `passes` matrices [B, K, W] read or written, `vectors` [K, W], operations an element. */
static bench_cost columns(int64_t models, int64_t batch, int64_t width, double passes, double vectors, double each) {
    const double column_count = (double)models * (double)width;
    return (bench_cost){ 4 * column_count * ((double)batch * passes + vectors), column_count * (double)batch * each };
}

/* z in, y out; gamma, beta in, both running averages in and out, mean and inverse deviation out. Sum: 1; square of the
   difference, summed: 3; normalised, scaled, shifted: 4; activation: 1 */
static bench_cost cost_batch_norm_forward(const caviar_batch_norm_forward_args *a) {
    return columns(a->models, a->batch, a->width, 2, 8, 9);
}

/* z, dy in, dz out; four vectors in, two out. xhat: 2; a and its mask: 4; both sums: 3; dz: 5 */
static bench_cost cost_batch_norm_backward(const caviar_batch_norm_backward_args *a) {
    return columns(a->models, a->batch, a->width, 3, 6, 14);
}

static bench_cost cost_batch_norm_inference(const caviar_batch_norm_inference_args *a) {
    return columns(a->models, a->batch, a->width, 2, 4, 5);
}

static bench_cost cost_bias_forward(const caviar_bias_forward_args *a) {
    return columns(a->models, a->batch, a->width, 2, 1, a->activation ? 2 : 1);
}

/* Where dz is dy in place and nothing changes it, it need not be written; z is read for the activation only. */
static bench_cost cost_bias_backward(const caviar_bias_backward_args *a) {
    const int changed = a->activation || a->dropout.rate;
    const double written = a->dz.data != a->dy.data || changed;
    return columns(a->models, a->batch, a->width, 1 + written + (changed ? 1 : 0), changed ? 2 : 1, changed ? 4 : 1);
}

/* Logits in, gradient and probabilities out where wanted; a loss and a prediction a row. Maximum, difference, exp, sum,
   quotient, gradient: 6 a class */
static bench_cost cost_softmax_cross_entropy(const caviar_softmax_cross_entropy_args *a) {
    const double rows = (double)a->models * (double)a->batch;
    return (bench_cost){ of_matrix(&a->logits, a->models, a->batch, a->padded_classes) +
                             of_matrix(&a->gradient, a->models, a->batch, a->padded_classes) +
                             of_matrix(&a->probabilities, a->models, a->batch, a->padded_classes) +
                             (a->losses.data ? 4 * rows : 0) + (a->predictions ? 4 * rows : 0) +
                             (a->labels ? 4 * (double)a->batch : 0),
                         6 * rows * (double)a->classes };
}

/* A loss and a prediction a row in; two sums a model in and out; labels */
static bench_cost cost_metrics(const caviar_metrics_args *a) {
    const double rows = (double)a->models * (double)a->batch;
    return (bench_cost){ 8 * rows + 4 * (double)a->batch + 32 * (double)a->models, 2 * rows };
}

/* active, schedule and five doubles in, the step in and out, three floats out; two powers, a factor, a product */
static bench_cost cost_schedule(const caviar_schedule_args *a) {
    return (bench_cost){ 76 * (double)a->models, 10 * (double)a->models };
}

/* With Adam or AdamW, which the cases and steps of this suite take: p, m and v in and out, the gradient in. Decay 2,
   moments 3 + 4, corrected update 6 */
static bench_cost cost_optimizer_update(const caviar_optimizer_update_args *a) {
    const double count = (double)a->models * (double)a->count;
    return (bench_cost){ 28 * count, 15 * count };
}

/* Written only. A word becomes a number by a conversion and two products. */
static bench_cost cost_initialize(const caviar_initialize_args *a) {
    const double count = (double)a->models * (double)a->rows * (double)a->columns;
    return (bench_cost){ 4 * count, a->kind == CAVIAR_INITIALIZE_CONSTANT ? 0 : 3 * count };
}

/* A position and a value out; about 35 operations for a power of ten. */
static bench_cost cost_sample(const caviar_sample_args *a) {
    const double count = (double)a->trials * (double)a->axis_count;
    return (bench_cost){ 16 * count, 35 * count };
}

/* The minibatch once for all, as the caches hold it; p, m and v of each model in and out, and its running averages. As
   many operations as in the operations by themselves. */
static bench_cost cost_train_step(const caviar_train_step_args *a) {
    const double models = (double)a->update.models, batch = (double)a->batch, count = (double)a->update.count;
    bench_cost cost = { 4 * batch * (double)a->layer[0].in + 24 * models * count, 15 * models * count };
    for (int32_t l = 0; l < a->layers; l++) {
        const double out = (double)a->layer[l].out;
        const int hidden = l < a->layers - 1;
        cost.operations += (l > 0 ? 6 : 4) * models * batch * (double)a->layer[l].in * out;
        cost.operations += models * batch * out * (!hidden ? 8 : a->batch_norm ? 23 : 6);
        if (hidden && a->batch_norm) cost.bytes += 24 * models * out;
    }
    return cost;
}

bench_cost bench_cost_of(const caviar_call *call) {
    switch (call->op) {
#define BENCH_COST_CASE(name)                                                                                          \
    case CAVIAR_OP_##name: return cost_##name(&call->args.name);
        CAVIAR_FOR_EACH_OP(BENCH_COST_CASE)
#undef BENCH_COST_CASE
    case CAVIAR_OP_train_step: return cost_train_step(&call->args.train_step);
    }
    return (bench_cost){ 0, 0 };
}

double bench_floor(const bench_cost *cost, double copy, double peak) {
    const double memory = copy > 0 ? cost->bytes / copy : 0, arithmetic = peak > 0 ? cost->operations / peak : 0;
    return memory > arithmetic ? memory : arithmetic;
}
