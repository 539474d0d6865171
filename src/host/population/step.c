/* The training step, evaluation and prediction, written as lists of operations. */
#include "host/data/dataset.h"
#include "host/status.h"
#include "population.h"

#define ADD(list, branch_of_call, name, ...)                                                                           \
    ((list)->calls[(list)->count++] = (caviar_call){                                                                   \
         .op = CAVIAR_OP_##name, .branch = branch_of_call, .args.name = (caviar_##name##_args){ __VA_ARGS__ } })

/*
 * Which models a call is for: all of the cohort, a group or one. Every pointer with an element or a block a model is
 * taken from here.
 */
typedef struct scope {
    const caviar_population *p;
    int64_t first, models, batch;
    int64_t place; /* of the first model among the activations */
    int branch;
} scope;

/* Of the parameters, or of what has the same form: gradients and moments. */
static caviar_tensor like_parameter(const scope *s, float *data, int64_t offset) {
    const int64_t stride = s->p->parameter_count;
    return (caviar_tensor){ data + s->first * stride + offset, stride };
}

static caviar_tensor parameter(const scope *s, int64_t offset) {
    return like_parameter(s, s->p->parameters, offset);
}

static caviar_tensor gradient(const scope *s, int64_t offset) {
    return like_parameter(s, s->p->gradients, offset);
}

static caviar_tensor state(const scope *s, int64_t offset) {
    const int64_t stride = s->p->state_count;
    return (caviar_tensor){ s->p->state + s->first * stride + offset, stride };
}

/* A view of activations [models, batch, width] of the scope's models. */
static caviar_matrix activations(const scope *s, float *data, int64_t width) {
    return (caviar_matrix){ data + s->place * s->batch * width, width, s->batch * width };
}

/*
 * The gradient of a hidden layer's outputs. Layers of all widths have theirs in the same memory, and models may be at
 * different layers at one time: each model has a place that does not depend on the width.
 */
static caviar_matrix output_gradient(const scope *s, float *data, int64_t width) {
    const int64_t stride = s->batch * s->p->widest;
    return (caviar_matrix){ data + s->place * stride, width, stride };
}

static caviar_matrix layer_input(const scope *s, int32_t l) {
    if (l == 0) return (caviar_matrix){ s->p->input, s->p->padded_features, 0 };
    return activations(s, s->p->layer[l - 1].h, s->p->layer[l].in);
}

static const int32_t *widths_of(const scope *s, int32_t l) {
    return l < 0 ? NULL : s->p->layer[l].widths + s->first;
}

static caviar_dropout dropout_of(const scope *s, int32_t l) {
    const caviar_model_arrays *a = &s->p->arrays;
    return (caviar_dropout){ a->dropout + s->first, a->stream + s->first, a->step + s->first, s->p->shape.options.seed,
                             l };
}

static void add_linear(caviar_call_list *list, const scope *s, int32_t l, float *y) {
    const caviar_layer *layer = &s->p->layer[l];
    ADD(list, s->branch, linear_forward, .x = layer_input(s, l), .w = parameter(s, layer->weight),
        .y = activations(s, y, layer->out), .models = s->models, .batch = s->batch, .in = layer->in, .out = layer->out,
        .in_widths = widths_of(s, l - 1), .out_widths = widths_of(s, l));
}

/* Forward through the hidden layers and to the logits. */
static void add_forward(caviar_call_list *list, const scope *s, int trains) {
    const caviar_population *p = s->p;
    const int32_t output = p->layers - 1;
    const int32_t *activation = p->arrays.activation + s->first;
    const float epsilon = (float)p->shape.options.batch_norm_epsilon;
    for (int32_t l = 0; l < output; l++) {
        const caviar_layer *layer = &p->layer[l];
        const caviar_matrix z = activations(s, layer->z, layer->out), h = activations(s, layer->h, layer->out);
        add_linear(list, s, l, layer->z);
        if (!p->shape.options.batch_norm) {
            ADD(list, s->branch, bias_forward, .z = z, .bias = parameter(s, layer->bias), .y = h, .models = s->models,
                .batch = s->batch, .width = layer->out, .widths = widths_of(s, l), .activation = activation,
                .dropout = trains ? dropout_of(s, l) : (caviar_dropout){ 0 });
        } else if (trains) {
            ADD(list, s->branch, batch_norm_forward, .z = z, .gamma = parameter(s, layer->gamma),
                .beta = parameter(s, layer->beta), .running_mean = state(s, layer->running_mean),
                .running_variance = state(s, layer->running_variance), .mean = state(s, layer->mean),
                .inverse_deviation = state(s, layer->inverse_deviation), .y = h, .models = s->models, .batch = s->batch,
                .width = layer->out, .widths = widths_of(s, l), .activation = activation, .dropout = dropout_of(s, l),
                .epsilon = epsilon, .momenta = p->arrays.momenta + s->first, .active = p->arrays.active + s->first);
        } else {
            ADD(list, s->branch, batch_norm_inference, .z = z, .gamma = parameter(s, layer->gamma),
                .beta = parameter(s, layer->beta), .running_mean = state(s, layer->running_mean),
                .running_variance = state(s, layer->running_variance), .y = h, .models = s->models, .batch = s->batch,
                .width = layer->out, .widths = widths_of(s, l), .activation = activation, .epsilon = epsilon);
        }
    }
    const caviar_matrix logits = activations(s, p->logits, p->padded_classes);
    add_linear(list, s, output, p->logits);
    ADD(list, s->branch, bias_forward, .z = logits, .bias = parameter(s, p->layer[output].bias), .y = logits,
        .models = s->models, .batch = s->batch, .width = p->padded_classes, .widths = widths_of(s, output));
}

/*
 * Backward from the logits' gradient, which lies in their place. The gradient of a layer's output alternates between
 * two buffers, each layer's dz taking the place of its dh.
 */
static void add_backward(caviar_call_list *list, const scope *s) {
    const caviar_population *p = s->p;
    const int32_t output = p->layers - 1;
    float *dz = p->logits, *dx = p->gradient_a;
    for (int32_t l = output; l >= 0; l--) {
        const caviar_layer *layer = &p->layer[l];
        const caviar_matrix g = l == output ? activations(s, dz, layer->out) : output_gradient(s, dz, layer->out);
        if (l == output) {
            ADD(list, s->branch, bias_backward, .bias = parameter(s, layer->bias), .dy = g, .dz = g,
                .dbias = gradient(s, layer->bias), .models = s->models, .batch = s->batch, .width = layer->out);
        } else if (p->shape.options.batch_norm) {
            ADD(list, s->branch, batch_norm_backward, .z = activations(s, layer->z, layer->out), .dy = g,
                .gamma = parameter(s, layer->gamma), .beta = parameter(s, layer->beta), .mean = state(s, layer->mean),
                .inverse_deviation = state(s, layer->inverse_deviation), .dz = g, .dgamma = gradient(s, layer->gamma),
                .dbeta = gradient(s, layer->beta), .models = s->models, .batch = s->batch, .width = layer->out,
                .widths = widths_of(s, l), .activation = p->arrays.activation + s->first, .dropout = dropout_of(s, l));
        } else {
            ADD(list, s->branch, bias_backward, .z = activations(s, layer->z, layer->out),
                .bias = parameter(s, layer->bias), .dy = g, .dz = g, .dbias = gradient(s, layer->bias),
                .models = s->models, .batch = s->batch, .width = layer->out, .widths = widths_of(s, l),
                .activation = p->arrays.activation + s->first, .dropout = dropout_of(s, l));
        }
        ADD(list, s->branch, linear_backward, .x = layer_input(s, l), .w = parameter(s, layer->weight), .dy = g,
            .dw = gradient(s, layer->weight), .dx = l > 0 ? output_gradient(s, dx, layer->in) : (caviar_matrix){ 0 },
            .models = s->models, .batch = s->batch, .in = layer->in, .out = layer->out,
            .in_widths = widths_of(s, l - 1), .out_widths = widths_of(s, l));
        dz = dx;
        dx = dz == p->gradient_a ? p->gradient_b : p->gradient_a;
    }
}

/* Without gradients. */
static caviar_optimizer_update_args update_of(const scope *s) {
    const caviar_population *p = s->p;
    const caviar_model_arrays *a = &p->arrays;
    const int64_t k = s->first;
    return (caviar_optimizer_update_args){ .parameters = parameter(s, 0),
                                           .first_moment = like_parameter(s, p->first_moment, 0),
                                           .second_moment = like_parameter(s, p->second_moment, 0),
                                           .models = s->models,
                                           .count = p->parameter_count,
                                           .decayed = p->decayed_count,
                                           .active = a->active + k,
                                           .optimizer = a->optimizer + k,
                                           .rate = a->rate + k,
                                           .correction1 = a->correction1 + k,
                                           .correction2 = a->correction2 + k,
                                           .momentum = a->momentum + k,
                                           .complement1 = a->complement1_float + k,
                                           .complement2 = a->complement2_float + k,
                                           .epsilon = a->epsilon + k,
                                           .weight_decay = a->weight_decay + k };
}

static void add_optimizer(caviar_call_list *list, const scope *s) {
    caviar_call *call = &list->calls[list->count++];
    *call =
        (caviar_call){ .op = CAVIAR_OP_optimizer_update, .branch = s->branch, .args.optimizer_update = update_of(s) };
    call->args.optimizer_update.gradients = gradient(s, 0);
}

static void add_schedule(caviar_call_list *list, const scope *s) {
    const caviar_model_arrays *a = &s->p->arrays;
    const int64_t k = s->first;
    ADD(list, s->branch, schedule, .active = a->active + k, .schedule = a->schedule + k,
        .learning_rate = a->learning_rate + k, .decay_rate = a->decay_rate + k, .duration = a->duration + k,
        .complement1 = a->complement1 + k, .complement2 = a->complement2 + k, .step = a->step + k, .rate = a->rate + k,
        .correction1 = a->correction1 + k, .correction2 = a->correction2 + k, .models = s->models,
        .steps_per_epoch = (double)caviar_population_steps_per_epoch(s->p), .averaged = a->averaged + k,
        .momenta = a->momenta + k, .running_momentum = s->p->shape.options.batch_norm_momentum);
}

static void add_gather(caviar_call_list *list, const caviar_population *p, const int32_t *order, int64_t order_count,
                       const int64_t *cursor, int64_t batch) {
    const caviar_dataset *dataset = p->shape.dataset;
    ADD(list, 0, gather, .features = p->features, .feature_type = dataset->type, .labels = p->labels, .order = order,
        .cursor = cursor, .mean = p->mean, .scale = p->scale, .out = p->input, .out_labels = p->input_labels,
        .feature_count = p->shape.features, .order_count = order_count, .batch = batch,
        .out_stride = p->padded_features);
}

/* Losses and predictions of the minibatch, added to `sums`; with_gradient leaves dz = (p - y) / batch in the logits. */
static void add_loss(caviar_call_list *list, const scope *s, const caviar_sums *sums, int with_gradient) {
    const caviar_population *p = s->p;
    const caviar_matrix logits = activations(s, p->logits, p->padded_classes), losses = activations(s, p->losses, 1);
    int32_t *predictions = p->predictions + s->place * s->batch;
    ADD(list, s->branch, softmax_cross_entropy, .logits = logits, .labels = p->input_labels,
        .gradient = with_gradient ? logits : (caviar_matrix){ 0 }, .losses = losses, .predictions = predictions,
        .models = s->models, .batch = s->batch, .classes = p->shape.classes, .padded_classes = p->padded_classes);
    ADD(list, s->branch, metrics, .losses = losses, .predictions = predictions, .labels = p->input_labels,
        .loss_sum = sums->loss + s->first, .correct = sums->correct + s->first, .models = s->models, .batch = s->batch,
        .active = with_gradient ? p->arrays.active + s->first : NULL);
}

/*
 * Calls add(list, group) for each group of models: branches of the list that a device with branches runs side by side,
 * one group's products while another's parameters are on their way. A group of few models would not fill it.
 */
enum { LEAST_GROUP = 128 };

static void for_each_group(caviar_call_list *list, const caviar_population *p, int64_t batch,
                           void add(caviar_call_list *list, const scope *group)) {
    const int64_t models = p->shape.options.models, branches = p->device->table->branches;
    const int64_t most = models / LEAST_GROUP, groups = most < 1 ? 1 : most < branches ? most : branches;
    for (int64_t g = 0; g < groups; g++) {
        const int64_t first = models * g / groups, last = models * (g + 1) / groups;
        add(list, &(scope){ p, first, last - first, batch, first, groups == 1 ? 0 : (int)g + 1 });
    }
}

static void add_training(caviar_call_list *list, const scope *group) {
    add_schedule(list, group);
    add_forward(list, group, 1);
    add_loss(list, group, &group->p->train_sums, 1);
    add_backward(list, group);
    add_optimizer(list, group);
}

static caviar_train_step_args whole_step(const caviar_population *p, int64_t batch) {
    const scope all = { p, 0, p->shape.options.models, batch, 0, 0 };
    caviar_train_step_args step = { .x = p->input,
                                    .labels = p->input_labels,
                                    .update = update_of(&all),
                                    .state = state(&all, 0),
                                    .layers = p->layers,
                                    .batch_norm = p->shape.options.batch_norm,
                                    .batch = batch,
                                    .classes = p->shape.classes,
                                    .activation = p->arrays.activation,
                                    .dropout = dropout_of(&all, 0),
                                    .epsilon = (float)p->shape.options.batch_norm_epsilon,
                                    .momenta = p->arrays.momenta,
                                    .loss_sum = p->train_sums.loss,
                                    .correct = p->train_sums.correct };
    for (int32_t l = 0; l < p->layers; l++) {
        const caviar_layer *layer = &p->layer[l];
        const int normalised = p->shape.options.batch_norm && l < p->layers - 1;
        step.layer[l] = (caviar_train_layer){ .in = layer->in,
                                              .out = layer->out,
                                              .weight = layer->weight,
                                              .gamma = layer->gamma,
                                              .beta = normalised ? layer->beta : layer->bias,
                                              .running_mean = layer->running_mean,
                                              .running_variance = layer->running_variance,
                                              .mean = layer->mean,
                                              .inverse_deviation = layer->inverse_deviation,
                                              .widths = layer->widths };
    }
    return step;
}

caviar_status caviar_choose_engine(caviar_population *p) {
    p->whole_step = 0;
    const caviar_engine engine = p->shape.options.engine;
    const caviar_device_table *table = p->device->table;
    if (!p->shape.trains || engine == CAVIAR_ENGINE_LAYERED) return CAVIAR_OK;
    if (engine == CAVIAR_ENGINE_AUTO && !table->train_step_fits) return CAVIAR_OK;
    CAVIAR_REQUIRE(table->train_step_fits, "options.engine is WHOLE_STEP, which the CPU does not have; use AUTO");
    caviar_population_lay_out(p, NULL);
    const caviar_train_step_args step = whole_step(p, p->shape.options.batch_size);
    if (engine == CAVIAR_ENGINE_AUTO) {
        p->whole_step = table->train_step_wins(p->device, &step) && !table->train_step_fits(p->device, &step);
        return CAVIAR_OK;
    }
    CAVIAR_TRY(table->train_step_fits(p->device, &step));
    p->whole_step = 1;
    return CAVIAR_OK;
}

void caviar_build_training(caviar_call_list *list, const caviar_population *p, int64_t batch) {
    list->count = 0;
    add_gather(list, p, p->train_order, p->shape.dataset->part_examples[CAVIAR_TRAIN], p->train_cursor, batch);
    if (p->whole_step) {
        add_schedule(list, &(scope){ p, 0, p->shape.options.models, batch, 0, 0 });
        list->calls[list->count++] =
            (caviar_call){ .op = CAVIAR_OP_train_step, .args.train_step = whole_step(p, batch) };
    } else {
        for_each_group(list, p, batch, add_training);
    }
    ADD(list, 0, advance, .cursor = p->train_cursor, .by = batch);
}

static void add_evaluation(caviar_call_list *list, const scope *group) {
    add_forward(list, group, 0);
    add_loss(list, group, &group->p->eval_sums, 0);
}

void caviar_build_evaluation(caviar_call_list *list, const caviar_population *p, int64_t batch) {
    list->count = 0;
    add_gather(list, p, p->eval_order, p->eval_order_count, p->eval_cursor, batch);
    for_each_group(list, p, batch, add_evaluation);
    ADD(list, 0, advance, .cursor = p->eval_cursor, .by = batch);
}

void caviar_build_prediction(caviar_call_list *list, const caviar_population *p, int32_t model, int64_t batch) {
    const scope one = { p, model, 1, batch, 0, 0 };
    const caviar_matrix logits = activations(&one, p->logits, p->padded_classes);
    list->count = 0;
    ADD(list, 0, gather, .features = p->raw, .feature_type = CAVIAR_FLOAT32, .order = p->eval_order,
        .cursor = p->eval_cursor, .mean = p->mean, .scale = p->scale, .out = p->input,
        .feature_count = p->shape.features, .order_count = p->eval_order_count, .batch = batch,
        .out_stride = p->padded_features);
    add_forward(list, &one, 0);
    ADD(list, 0, softmax_cross_entropy, .logits = logits, .probabilities = logits, .predictions = p->predictions,
        .losses = { NULL, 1, batch }, .models = 1, .batch = batch, .classes = p->shape.classes,
        .padded_classes = p->padded_classes);
}
