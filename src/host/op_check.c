/*
 * What every operation asks of its arguments: pointers that must be there, sizes that make sense, strides that do not
 * let rows overlap, and operands that do not alias where they must not.
 */
#include "kernels/device.h"
#include "status.h"

#include <math.h>

/* Sizes and strides are below 2^31, so that their products fit 64 bits. */
#define MAX_SIZE INT32_MAX

static caviar_status check_size(const char *op, const char *field, int64_t value, int64_t least) {
    CAVIAR_REQUIRE(value >= least && value <= MAX_SIZE, "%s: %s is %lld, not in %lld .. 2^31 - 1", op, field,
                   (long long)value, (long long)least);
    return CAVIAR_OK;
}

static caviar_status check_pointer(const char *op, const char *field, const void *pointer) {
    CAVIAR_REQUIRE(pointer, "%s: %s is NULL", op, field);
    return CAVIAR_OK;
}

typedef struct shape {
    const char *op;
    int64_t models, batch;
} shape;

static caviar_status check_shape(const shape *s) {
    CAVIAR_TRY(check_size(s->op, "models", s->models, 1));
    return check_size(s->op, "batch", s->batch, 1);
}

/* Rows of `width` must not overlap, in whichever order examples and models are nested; inputs may share (stride 0). */
static caviar_status check_matrix(const shape *s, const char *field, const caviar_matrix *m, int64_t width, int input) {
    CAVIAR_TRY(check_pointer(s->op, field, m->data));
    const int64_t e = m->example_stride, k = m->model_stride;
    const int shared = input && k == 0;
    const int examples_apart = s->batch == 1 || e >= width;
    const int models_apart = s->models == 1 || shared || k >= width;
    const int nested = s->batch == 1 || s->models == 1 || shared || e >= k * (s->models - 1) + width ||
                       k >= e * (s->batch - 1) + width;
    CAVIAR_REQUIRE(
        e >= 0 && k >= 0 && e <= MAX_SIZE && k <= MAX_SIZE && examples_apart && models_apart && nested,
        "%s: %s has example_stride %lld and model_stride %lld, whose rows of %lld would overlap (batch %lld, "
        "models %lld)",
        s->op, field, (long long)e, (long long)k, (long long)width, (long long)s->batch, (long long)s->models);
    return CAVIAR_OK;
}

static caviar_status check_tensor(const shape *s, const char *field, const caviar_tensor *t, int64_t count) {
    CAVIAR_TRY(check_pointer(s->op, field, t->data));
    CAVIAR_REQUIRE(s->models == 1 || t->model_stride >= count,
                   "%s: %s has model_stride %lld, less than its %lld elements", s->op, field,
                   (long long)t->model_stride, (long long)count);
    return CAVIAR_OK;
}

static caviar_status check_dropout(const shape *s, const caviar_dropout *dropout, int64_t width) {
    if (!dropout->rate) return CAVIAR_OK;
    CAVIAR_TRY(check_pointer(s->op, "dropout.stream", dropout->stream));
    CAVIAR_TRY(check_pointer(s->op, "dropout.step", dropout->step));
    CAVIAR_REQUIRE(dropout->layer >= 0 && dropout->layer <= CAVIAR_MAX_HIDDEN_LAYERS,
                   "%s: dropout.layer is %d, not in 0 .. %d", s->op, dropout->layer, CAVIAR_MAX_HIDDEN_LAYERS);
    /* The mask's counter gives 16 bits to the example and 10 to four units. */
    CAVIAR_REQUIRE(s->batch <= 65536 && width <= CAVIAR_MAX_WIDTH,
                   "%s: with dropout batch may be 65536 and width %d at most; they are %lld and %lld", s->op,
                   CAVIAR_MAX_WIDTH, (long long)s->batch, (long long)width);
    return CAVIAR_OK;
}

caviar_status caviar_check_gather(const caviar_gather_args *a) {
    const char *op = "gather";
    CAVIAR_TRY(check_pointer(op, "features", a->features));
    CAVIAR_TRY(check_pointer(op, "order", a->order));
    CAVIAR_TRY(check_pointer(op, "cursor", a->cursor));
    CAVIAR_TRY(check_pointer(op, "out", a->out));
    CAVIAR_REQUIRE(a->feature_type == CAVIAR_UINT8 || a->feature_type == CAVIAR_FLOAT32,
                   "gather: feature_type is %d, neither CAVIAR_UINT8 nor CAVIAR_FLOAT32", (int)a->feature_type);
    CAVIAR_REQUIRE(!a->labels == !a->out_labels, "gather: of labels and out_labels only one is given");
    CAVIAR_REQUIRE(!a->mean == !a->scale, "gather: of mean and scale only one is given");
    CAVIAR_TRY(check_size(op, "feature_count", a->feature_count, 1));
    CAVIAR_TRY(check_size(op, "order_count", a->order_count, 1));
    CAVIAR_TRY(check_size(op, "batch", a->batch, 1));
    return check_size(op, "out_stride", a->out_stride, a->feature_count);
}

caviar_status caviar_check_advance(const caviar_advance_args *a) {
    return check_pointer("advance", "cursor", a->cursor);
}

caviar_status caviar_check_linear_forward(const caviar_linear_forward_args *a) {
    const shape s = { "linear_forward", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "in", a->in, 1));
    CAVIAR_TRY(check_size(s.op, "out", a->out, 1));
    CAVIAR_TRY(check_matrix(&s, "x", &a->x, a->in, 1));
    CAVIAR_TRY(check_tensor(&s, "w", &a->w, a->in * a->out));
    CAVIAR_TRY(check_matrix(&s, "y", &a->y, a->out, 0));
    CAVIAR_REQUIRE(a->y.data != a->x.data, "linear_forward: y must not be x");
    return CAVIAR_OK;
}

caviar_status caviar_check_linear_backward(const caviar_linear_backward_args *a) {
    const shape s = { "linear_backward", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "in", a->in, 1));
    CAVIAR_TRY(check_size(s.op, "out", a->out, 1));
    CAVIAR_TRY(check_matrix(&s, "x", &a->x, a->in, 1));
    CAVIAR_TRY(check_tensor(&s, "w", &a->w, a->in * a->out));
    CAVIAR_TRY(check_matrix(&s, "dy", &a->dy, a->out, 1));
    CAVIAR_TRY(check_tensor(&s, "dw", &a->dw, a->in * a->out));
    if (!a->dx.data) return CAVIAR_OK;
    CAVIAR_REQUIRE(a->dx.data != a->dy.data && a->dx.data != a->x.data, "linear_backward: dx must be neither dy nor x");
    return check_matrix(&s, "dx", &a->dx, a->in, 0);
}

caviar_status caviar_check_batch_norm_forward(const caviar_batch_norm_forward_args *a) {
    const shape s = { "batch_norm_forward", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_REQUIRE(a->batch >= 2, "batch_norm_forward: a batch of 1 has no variance; use 2 or more examples");
    CAVIAR_TRY(check_size(s.op, "width", a->width, 1));
    CAVIAR_TRY(check_matrix(&s, "z", &a->z, a->width, 1));
    CAVIAR_TRY(check_tensor(&s, "gamma", &a->gamma, a->width));
    CAVIAR_TRY(check_tensor(&s, "beta", &a->beta, a->width));
    CAVIAR_TRY(check_tensor(&s, "running_mean", &a->running_mean, a->width));
    CAVIAR_TRY(check_tensor(&s, "running_variance", &a->running_variance, a->width));
    CAVIAR_TRY(check_tensor(&s, "mean", &a->mean, a->width));
    CAVIAR_TRY(check_tensor(&s, "inverse_deviation", &a->inverse_deviation, a->width));
    CAVIAR_TRY(check_matrix(&s, "y", &a->y, a->width, 0));
    CAVIAR_REQUIRE(a->epsilon > 0 && isfinite(a->epsilon), "batch_norm_forward: epsilon is %g, not above 0",
                   (double)a->epsilon);
    CAVIAR_REQUIRE(a->momentum >= 0 && a->momentum <= 1, "batch_norm_forward: momentum is %g, not in [0, 1]",
                   (double)a->momentum);
    return check_dropout(&s, &a->dropout, a->width);
}

caviar_status caviar_check_batch_norm_backward(const caviar_batch_norm_backward_args *a) {
    const shape s = { "batch_norm_backward", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_REQUIRE(a->batch >= 2, "batch_norm_backward: a batch of 1 has no variance; use 2 or more examples");
    CAVIAR_TRY(check_size(s.op, "width", a->width, 1));
    CAVIAR_TRY(check_matrix(&s, "z", &a->z, a->width, 1));
    CAVIAR_TRY(check_matrix(&s, "dy", &a->dy, a->width, 1));
    CAVIAR_TRY(check_tensor(&s, "gamma", &a->gamma, a->width));
    CAVIAR_TRY(check_tensor(&s, "beta", &a->beta, a->width));
    CAVIAR_TRY(check_tensor(&s, "mean", &a->mean, a->width));
    CAVIAR_TRY(check_tensor(&s, "inverse_deviation", &a->inverse_deviation, a->width));
    CAVIAR_TRY(check_matrix(&s, "dz", &a->dz, a->width, 0));
    CAVIAR_TRY(check_tensor(&s, "dgamma", &a->dgamma, a->width));
    CAVIAR_TRY(check_tensor(&s, "dbeta", &a->dbeta, a->width));
    return check_dropout(&s, &a->dropout, a->width);
}

caviar_status caviar_check_batch_norm_inference(const caviar_batch_norm_inference_args *a) {
    const shape s = { "batch_norm_inference", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "width", a->width, 1));
    CAVIAR_TRY(check_matrix(&s, "z", &a->z, a->width, 1));
    CAVIAR_TRY(check_tensor(&s, "gamma", &a->gamma, a->width));
    CAVIAR_TRY(check_tensor(&s, "beta", &a->beta, a->width));
    CAVIAR_TRY(check_tensor(&s, "running_mean", &a->running_mean, a->width));
    CAVIAR_TRY(check_tensor(&s, "running_variance", &a->running_variance, a->width));
    CAVIAR_REQUIRE(a->epsilon > 0 && isfinite(a->epsilon), "batch_norm_inference: epsilon is %g, not above 0",
                   (double)a->epsilon);
    return check_matrix(&s, "y", &a->y, a->width, 0);
}

caviar_status caviar_check_bias_forward(const caviar_bias_forward_args *a) {
    const shape s = { "bias_forward", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "width", a->width, 1));
    CAVIAR_TRY(check_matrix(&s, "z", &a->z, a->width, 1));
    CAVIAR_TRY(check_tensor(&s, "bias", &a->bias, a->width));
    CAVIAR_TRY(check_matrix(&s, "y", &a->y, a->width, 0));
    return check_dropout(&s, &a->dropout, a->width);
}

caviar_status caviar_check_bias_backward(const caviar_bias_backward_args *a) {
    const shape s = { "bias_backward", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "width", a->width, 1));
    if (a->z.data || a->activation) {
        CAVIAR_TRY(check_matrix(&s, "z", &a->z, a->width, 1));
        CAVIAR_TRY(check_tensor(&s, "bias", &a->bias, a->width));
    }
    CAVIAR_TRY(check_matrix(&s, "dy", &a->dy, a->width, 1));
    CAVIAR_TRY(check_matrix(&s, "dz", &a->dz, a->width, 0));
    CAVIAR_TRY(check_tensor(&s, "dbias", &a->dbias, a->width));
    return check_dropout(&s, &a->dropout, a->width);
}

caviar_status caviar_check_softmax_cross_entropy(const caviar_softmax_cross_entropy_args *a) {
    const shape s = { "softmax_cross_entropy", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "classes", a->classes, 2));
    CAVIAR_TRY(check_size(s.op, "padded_classes", a->padded_classes, a->classes));
    CAVIAR_TRY(check_matrix(&s, "logits", &a->logits, a->padded_classes, 1));
    CAVIAR_REQUIRE(a->labels || (!a->gradient.data && !a->losses.data),
                   "softmax_cross_entropy: losses and gradient need labels");
    if (a->gradient.data) CAVIAR_TRY(check_matrix(&s, "gradient", &a->gradient, a->padded_classes, 0));
    if (a->probabilities.data) {
        CAVIAR_TRY(check_matrix(&s, "probabilities", &a->probabilities, a->padded_classes, 0));
        CAVIAR_REQUIRE(a->probabilities.data != a->gradient.data,
                       "softmax_cross_entropy: probabilities and gradient must not share memory");
    }
    if (a->losses.data) return check_matrix(&s, "losses", &a->losses, 1, 0);
    if (!a->predictions) return CAVIAR_OK;
    const caviar_matrix predictions = { (float *)a->predictions, a->losses.example_stride, a->losses.model_stride };
    return check_matrix(&s, "predictions (by the strides of losses)", &predictions, 1, 0);
}

caviar_status caviar_check_metrics(const caviar_metrics_args *a) {
    const shape s = { "metrics", a->models, a->batch };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_matrix(&s, "losses", &a->losses, 1, 0));
    CAVIAR_TRY(check_pointer(s.op, "predictions", a->predictions));
    CAVIAR_TRY(check_pointer(s.op, "labels", a->labels));
    CAVIAR_TRY(check_pointer(s.op, "loss_sum", a->loss_sum));
    return check_pointer(s.op, "correct", a->correct);
}

caviar_status caviar_check_schedule(const caviar_schedule_args *a) {
    const char *op = "schedule";
    CAVIAR_TRY(check_size(op, "models", a->models, 1));
    CAVIAR_TRY(check_pointer(op, "active", a->active));
    CAVIAR_TRY(check_pointer(op, "schedule", a->schedule));
    CAVIAR_TRY(check_pointer(op, "learning_rate", a->learning_rate));
    CAVIAR_TRY(check_pointer(op, "decay_rate", a->decay_rate));
    CAVIAR_TRY(check_pointer(op, "duration", a->duration));
    CAVIAR_TRY(check_pointer(op, "complement1", a->complement1));
    CAVIAR_TRY(check_pointer(op, "complement2", a->complement2));
    CAVIAR_TRY(check_pointer(op, "step", a->step));
    CAVIAR_TRY(check_pointer(op, "rate", a->rate));
    CAVIAR_TRY(check_pointer(op, "correction1", a->correction1));
    CAVIAR_TRY(check_pointer(op, "correction2", a->correction2));
    CAVIAR_REQUIRE(a->steps_per_epoch > 0 && isfinite(a->steps_per_epoch),
                   "schedule: steps_per_epoch is %g, not above 0", a->steps_per_epoch);
    CAVIAR_REQUIRE(!a->averaged == !a->momenta, "schedule: averaged and momenta go together; one of them is NULL");
    CAVIAR_REQUIRE(!a->averaged || (a->running_momentum > 0 && a->running_momentum <= 1),
                   "schedule: running_momentum is %g, not in (0, 1]", a->running_momentum);
    return CAVIAR_OK;
}

caviar_status caviar_check_optimizer_update(const caviar_optimizer_update_args *a) {
    const shape s = { "optimizer_update", a->models, 1 };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "count", a->count, 4));
    const caviar_tensor *tensors[4] = { &a->parameters, &a->gradients, &a->first_moment, &a->second_moment };
    static const char *const names[4] = { "parameters", "gradients", "first_moment", "second_moment" };
    for (int i = 0; i < 4; i++) {
        CAVIAR_TRY(check_tensor(&s, names[i], tensors[i], a->count));
        CAVIAR_REQUIRE((uintptr_t)tensors[i]->data % 16 == 0 && (s.models == 1 || tensors[i]->model_stride % 4 == 0),
                       "optimizer_update: %s must be aligned to 16 bytes for every model", names[i]);
    }
    CAVIAR_REQUIRE(a->count % 4 == 0, "optimizer_update: count is %lld, not a multiple of 4", (long long)a->count);
    CAVIAR_REQUIRE(a->decayed >= 0 && a->decayed <= a->count, "optimizer_update: decayed is %lld, not in 0 .. count",
                   (long long)a->decayed);
    CAVIAR_TRY(check_pointer(s.op, "active", a->active));
    CAVIAR_TRY(check_pointer(s.op, "optimizer", a->optimizer));
    CAVIAR_TRY(check_pointer(s.op, "rate", a->rate));
    CAVIAR_TRY(check_pointer(s.op, "correction1", a->correction1));
    CAVIAR_TRY(check_pointer(s.op, "correction2", a->correction2));
    CAVIAR_TRY(check_pointer(s.op, "momentum", a->momentum));
    CAVIAR_TRY(check_pointer(s.op, "complement1", a->complement1));
    CAVIAR_TRY(check_pointer(s.op, "complement2", a->complement2));
    CAVIAR_TRY(check_pointer(s.op, "epsilon", a->epsilon));
    return check_pointer(s.op, "weight_decay", a->weight_decay);
}

caviar_status caviar_check_initialize(const caviar_initialize_args *a) {
    const shape s = { "initialize", a->models, 1 };
    CAVIAR_TRY(check_shape(&s));
    CAVIAR_TRY(check_size(s.op, "rows", a->rows, 1));
    CAVIAR_TRY(check_size(s.op, "columns", a->columns, 1));
    CAVIAR_TRY(check_tensor(&s, "tensor", &a->tensor, a->rows * a->columns));
    if (a->kind == CAVIAR_INITIALIZE_CONSTANT) return CAVIAR_OK;
    CAVIAR_REQUIRE(a->kind == CAVIAR_INITIALIZE_UNIFORM_FAN_IN, "initialize: kind is %d, which is none", (int)a->kind);
    CAVIAR_REQUIRE(a->columns <= CAVIAR_MAX_WIDTH, "initialize: columns is %lld, more than %d", (long long)a->columns,
                   CAVIAR_MAX_WIDTH);
    CAVIAR_REQUIRE(a->layer >= 0 && a->layer <= CAVIAR_MAX_HIDDEN_LAYERS, "initialize: layer is %d, not in 0 .. %d",
                   a->layer, CAVIAR_MAX_HIDDEN_LAYERS);
    return check_pointer(s.op, "stream", a->stream);
}

caviar_status caviar_check_sample(const caviar_sample_args *a) {
    const char *op = "sample";
    CAVIAR_TRY(check_pointer(op, "axes", a->axes));
    CAVIAR_TRY(check_pointer(op, "positions", a->positions));
    CAVIAR_TRY(check_pointer(op, "values", a->values));
    CAVIAR_TRY(check_size(op, "axis_count", a->axis_count, 1));
    CAVIAR_TRY(check_size(op, "trials", a->trials, 1));
    CAVIAR_REQUIRE(a->first_trial >= 0 && a->first_trial + a->trials <= (int64_t)1 << 32,
                   "sample: trials %lld .. %lld are not all in 0 .. 2^32 - 1", (long long)a->first_trial,
                   (long long)(a->first_trial + a->trials - 1));
    return CAVIAR_OK;
}
