/* The training step, evaluation and prediction, written as lists of operations. */
#include "host/data/dataset.h"
#include "population.h"

#define ADD(list, name, ...)                                                                                           \
    ((list)->calls[(list)->count++] =                                                                                  \
         (caviar_call){ .op = CAVIAR_OP_##name, .args.name = (caviar_##name##_args){ __VA_ARGS__ } })

/*
 * Which models a list is for: all of the cohort, or one on its own. Every pointer with an element or a block a model
 * is taken from here.
 */
typedef struct scope {
    const caviar_population *p;
    int64_t first, models, batch;
} scope;

static caviar_tensor parameter(const scope *s, int64_t offset) {
    const int64_t stride = s->p->parameter_count;
    return (caviar_tensor){ s->p->parameters + s->first * stride + offset, stride };
}

static caviar_tensor gradient(const scope *s, int64_t offset) {
    return (caviar_tensor){ s->p->gradients + offset, s->p->parameter_count };
}

static caviar_tensor state(const scope *s, int64_t offset) {
    const int64_t stride = s->p->state_count;
    return (caviar_tensor){ s->p->state + s->first * stride + offset, stride };
}

/* A view of activations [batch, models, width] of the scope's models, in the order that the device is fastest with. */
static caviar_matrix activations(const scope *s, float *data, int64_t width) {
    const caviar_matrix by_example = { data, s->models * width, width };
    const caviar_matrix by_model = { data, width, s->batch * width };
    return s->p->device->table->example_major ? by_example : by_model;
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
    return (caviar_dropout){ a->dropout, a->stream, a->step, s->p->shape.options.seed, l };
}

static void add_linear(caviar_call_list *list, const scope *s, int32_t l, float *y) {
    const caviar_layer *layer = &s->p->layer[l];
    ADD(list, linear_forward, .x = layer_input(s, l), .w = parameter(s, layer->weight),
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
            ADD(list, bias_forward, .z = z, .bias = parameter(s, layer->bias), .y = h, .models = s->models,
                .batch = s->batch, .width = layer->out, .widths = widths_of(s, l), .activation = activation,
                .dropout = trains ? dropout_of(s, l) : (caviar_dropout){ 0 });
        } else if (trains) {
            ADD(list, batch_norm_forward, .z = z, .gamma = parameter(s, layer->gamma),
                .beta = parameter(s, layer->beta), .running_mean = state(s, layer->running_mean),
                .running_variance = state(s, layer->running_variance), .mean = state(s, layer->mean),
                .inverse_deviation = state(s, layer->inverse_deviation), .y = h, .models = s->models, .batch = s->batch,
                .width = layer->out, .widths = widths_of(s, l), .activation = activation, .dropout = dropout_of(s, l),
                .epsilon = epsilon, .momentum = (float)p->shape.options.batch_norm_momentum,
                .active = p->arrays.active);
        } else {
            ADD(list, batch_norm_inference, .z = z, .gamma = parameter(s, layer->gamma),
                .beta = parameter(s, layer->beta), .running_mean = state(s, layer->running_mean),
                .running_variance = state(s, layer->running_variance), .y = h, .models = s->models, .batch = s->batch,
                .width = layer->out, .widths = widths_of(s, l), .activation = activation, .epsilon = epsilon);
        }
    }
    const caviar_matrix logits = activations(s, p->logits, p->padded_classes);
    add_linear(list, s, output, p->logits);
    ADD(list, bias_forward, .z = logits, .bias = parameter(s, p->layer[output].bias), .y = logits, .models = s->models,
        .batch = s->batch, .width = p->padded_classes, .widths = widths_of(s, output));
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
        const caviar_matrix g = activations(s, dz, layer->out);
        if (l == output) {
            ADD(list, bias_backward, .bias = parameter(s, layer->bias), .dy = g, .dz = g,
                .dbias = gradient(s, layer->bias), .models = s->models, .batch = s->batch, .width = layer->out);
        } else if (p->shape.options.batch_norm) {
            ADD(list, batch_norm_backward, .z = activations(s, layer->z, layer->out), .dy = g,
                .gamma = parameter(s, layer->gamma), .beta = parameter(s, layer->beta), .mean = state(s, layer->mean),
                .inverse_deviation = state(s, layer->inverse_deviation), .dz = g, .dgamma = gradient(s, layer->gamma),
                .dbeta = gradient(s, layer->beta), .models = s->models, .batch = s->batch, .width = layer->out,
                .widths = layer->widths, .activation = p->arrays.activation, .dropout = dropout_of(s, l));
        } else {
            ADD(list, bias_backward, .z = activations(s, layer->z, layer->out), .bias = parameter(s, layer->bias),
                .dy = g, .dz = g, .dbias = gradient(s, layer->bias), .models = s->models, .batch = s->batch,
                .width = layer->out, .widths = layer->widths, .activation = p->arrays.activation,
                .dropout = dropout_of(s, l));
        }
        ADD(list, linear_backward, .x = layer_input(s, l), .w = parameter(s, layer->weight), .dy = g,
            .dw = gradient(s, layer->weight), .dx = l > 0 ? activations(s, dx, layer->in) : (caviar_matrix){ 0 },
            .models = s->models, .batch = s->batch, .in = layer->in, .out = layer->out,
            .in_widths = widths_of(s, l - 1), .out_widths = widths_of(s, l));
        dz = dx;
        dx = dz == p->gradient_a ? p->gradient_b : p->gradient_a;
    }
}

static void add_optimizer(caviar_call_list *list, const caviar_population *p) {
    const caviar_model_arrays *a = &p->arrays;
    const int64_t stride = p->parameter_count;
    ADD(list, optimizer_update, .parameters = { p->parameters, stride }, .gradients = { p->gradients, stride },
        .first_moment = { p->first_moment, stride }, .second_moment = { p->second_moment, stride },
        .models = p->shape.options.models, .count = stride, .decayed = p->decayed_count, .active = a->active,
        .optimizer = a->optimizer, .rate = a->rate, .correction1 = a->correction1, .correction2 = a->correction2,
        .momentum = a->momentum, .complement1 = a->complement1_float, .complement2 = a->complement2_float,
        .epsilon = a->epsilon, .weight_decay = a->weight_decay);
}

static void add_schedule(caviar_call_list *list, const caviar_population *p) {
    const caviar_model_arrays *a = &p->arrays;
    ADD(list, schedule, .active = a->active, .schedule = a->schedule, .learning_rate = a->learning_rate,
        .decay_rate = a->decay_rate, .duration = a->duration, .complement1 = a->complement1,
        .complement2 = a->complement2, .step = a->step, .rate = a->rate, .correction1 = a->correction1,
        .correction2 = a->correction2, .models = p->shape.options.models,
        .steps_per_epoch = (double)caviar_population_steps_per_epoch(p));
}

static void add_gather(caviar_call_list *list, const caviar_population *p, const int32_t *order, int64_t order_count,
                       const int64_t *cursor, int64_t batch) {
    const caviar_dataset *dataset = p->shape.dataset;
    ADD(list, gather, .features = p->features, .feature_type = dataset->type, .labels = p->labels, .order = order,
        .cursor = cursor, .mean = p->mean, .scale = p->scale, .out = p->input, .out_labels = p->input_labels,
        .feature_count = p->shape.features, .order_count = order_count, .batch = batch,
        .out_stride = p->padded_features);
}

/* Losses and predictions of the minibatch, added to `sums`; with_gradient leaves dz = (p - y) / batch in the logits. */
static void add_loss(caviar_call_list *list, const scope *s, const caviar_sums *sums, int with_gradient) {
    const caviar_population *p = s->p;
    const caviar_matrix logits = activations(s, p->logits, p->padded_classes), losses = activations(s, p->losses, 1);
    ADD(list, softmax_cross_entropy, .logits = logits, .labels = p->input_labels,
        .gradient = with_gradient ? logits : (caviar_matrix){ 0 }, .losses = losses, .predictions = p->predictions,
        .models = s->models, .batch = s->batch, .classes = p->shape.classes, .padded_classes = p->padded_classes);
    ADD(list, metrics, .losses = losses, .predictions = p->predictions, .labels = p->input_labels,
        .loss_sum = sums->loss, .correct = sums->correct, .models = s->models, .batch = s->batch,
        .active = with_gradient ? p->arrays.active : NULL);
}

void caviar_build_training(caviar_call_list *list, const caviar_population *p, int64_t batch) {
    const scope all = { p, 0, p->shape.options.models, batch };
    list->count = 0;
    add_gather(list, p, p->train_order, p->shape.dataset->part_examples[CAVIAR_TRAIN], p->train_cursor, batch);
    add_schedule(list, p);
    add_forward(list, &all, 1);
    add_loss(list, &all, &p->train_sums, 1);
    add_backward(list, &all);
    add_optimizer(list, p);
    ADD(list, advance, .cursor = p->train_cursor, .by = batch);
}

void caviar_build_evaluation(caviar_call_list *list, const caviar_population *p, int64_t batch) {
    const scope all = { p, 0, p->shape.options.models, batch };
    list->count = 0;
    add_gather(list, p, p->eval_order, p->eval_order_count, p->eval_cursor, batch);
    add_forward(list, &all, 0);
    add_loss(list, &all, &p->eval_sums, 0);
    ADD(list, advance, .cursor = p->eval_cursor, .by = batch);
}

void caviar_build_prediction(caviar_call_list *list, const caviar_population *p, int32_t model, int64_t batch) {
    const scope one = { p, model, 1, batch };
    const caviar_matrix logits = activations(&one, p->logits, p->padded_classes);
    list->count = 0;
    ADD(list, gather, .features = p->raw, .feature_type = CAVIAR_FLOAT32, .order = p->eval_order,
        .cursor = p->eval_cursor, .mean = p->mean, .scale = p->scale, .out = p->input,
        .feature_count = p->shape.features, .order_count = p->eval_order_count, .batch = batch,
        .out_stride = p->padded_features);
    add_forward(list, &one, 0);
    ADD(list, softmax_cross_entropy, .logits = logits, .probabilities = logits, .predictions = p->predictions,
        .losses = activations(&one, NULL, 1), .models = 1, .batch = batch, .classes = p->shape.classes,
        .padded_classes = p->padded_classes);
}
