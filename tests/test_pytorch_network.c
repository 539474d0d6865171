/*
 * Ten steps of a whole network, as a program of a device, against PyTorch's losses (reference/make_pytorch.py): three
 * models that start from the same weights, of three activations and three optimisers, on minibatches of their own.
 */
#include "ops/cases.h"
#include "reference/pytorch_network.h"
#include "scorecard.h"

#include <math.h>
#include <string.h>

#ifndef CAVIAR_TEST_DEVICE
#define CAVIAR_TEST_DEVICE "cpu"
#endif

enum { MODELS = COUNT(pytorch_net_losses), STEPS = COUNT(pytorch_net_losses[0]) };
enum { EXAMPLES = COUNT(pytorch_net_pixels), BATCH = EXAMPLES / STEPS, LAYERS = 3, CLASSES = 4 };
enum { MAX_CALLS = 32, CONSTANTS = 8 };
static const int64_t widths[LAYERS + 1] = { COUNT(pytorch_net_w0), COUNT(pytorch_net_w1), COUNT(pytorch_net_w2),
                                            CLASSES };

typedef struct network {
    scene s;
    operand *features, *labels, *order, *cursor, *mean, *scale, *x, *y; /* the minibatch */
    operand *p, *g, *m, *v, *running, *saved;                           /* each model's state, in the order below */
    operand *z[LAYERS], *h[LAYERS], *dh[LAYERS];                        /* before and after a hidden layer's norm */
    operand *losses, *predictions, *loss_sum, *correct;
    operand *activation, *active, *kind, *optimizer, *step, *doubles[5], *floats[CONSTANTS];
    int64_t weights[LAYERS], gamma[LAYERS], beta[LAYERS], bias, parameters, decayed; /* where they are in p and g */
    int64_t averages[LAYERS], average_count;                                         /* where they are in running */
    caviar_call calls[MAX_CALLS];
    size_t call_count;
} network;

/* All weight matrices come first, for their decay. */
static void lay_out(network *n) {
    for (int i = 0; i < LAYERS; i++) {
        n->weights[i] = n->parameters;
        n->parameters += widths[i] * widths[i + 1];
    }
    n->decayed = n->parameters;
    for (int i = 0; i < LAYERS - 1; i++) {
        n->gamma[i] = n->parameters;
        n->beta[i] = n->parameters + widths[i + 1];
        n->parameters += 2 * widths[i + 1];
        n->averages[i] = n->average_count;
        n->average_count += 2 * widths[i + 1];
    }
    n->bias = n->parameters;
    n->parameters += CLASSES;
}

static void put_data(network *n) {
    scene *s = &n->s;
    n->features = put_shared(s, 1, 1, EXAMPLES, widths[0]);
    n->labels = put_shared(s, 1, sizeof(int32_t), EXAMPLES, 1);
    n->order = put_shared(s, 1, sizeof(int32_t), EXAMPLES, 1);
    n->cursor = output(fill_integers(s, put_shared(s, 1, sizeof(int64_t), 1, 1), 0, 0));
    n->mean = fill(s, put_shared(s, 1, sizeof(float), 1, widths[0]), 8, 8);
    n->scale = fill(s, put_shared(s, 1, sizeof(float), 1, widths[0]), 0.125, 0.125);
    n->x = output(put_shared(s, 1, sizeof(float), BATCH, widths[0]));
    n->y = output(put_shared(s, 1, sizeof(int32_t), BATCH, 1));
    for (int64_t e = 0; e < EXAMPLES; e++) {
        memcpy(&WAS(unsigned char, n->features, 0, e, 0), pytorch_net_pixels[e], (size_t)widths[0]);
        WAS(int32_t, n->labels, 0, e, 0) = pytorch_net_labels[e];
        WAS(int32_t, n->order, 0, e, 0) = (int32_t)e;
    }
}

static void put_state(network *n) {
    static const float *const start[LAYERS] = { pytorch_net_w0[0], pytorch_net_w1[0], pytorch_net_w2[0] };
    scene *s = &n->s;
    operand **const tensors[] = { &n->p, &n->g, &n->m, &n->v };
    for (size_t i = 0; i < COUNT(tensors); i++)
        *tensors[i] = output(fill(s, put_tensor(s, 1, n->parameters, NULL, NULL), 0, 0));
    n->running = output(fill(s, put_tensor(s, 1, n->average_count, NULL, NULL), 0, 0));
    n->saved = output(put_tensor(s, 1, n->average_count, NULL, NULL));
    for (int64_t k = 0; k < MODELS; k++)
        for (int i = 0; i < LAYERS; i++) {
            memcpy(&WAS(float, n->p, k, 0, n->weights[i]), start[i],
                   (size_t)(widths[i] * widths[i + 1]) * sizeof(float));
            for (int64_t j = 0; i < LAYERS - 1 && j < widths[i + 1]; j++) {
                WAS(float, n->p, k, 0, n->gamma[i] + j) = 1;
                WAS(float, n->running, k, 0, n->averages[i] + widths[i + 1] + j) = 1;
            }
        }
    for (int i = 0; i < LAYERS; i++) {
        n->z[i] = output(put_matrix(s, 1, widths[i + 1], NULL));
        n->h[i] = output(put_matrix(s, 1, widths[i + 1], NULL));
        n->dh[i] = output(put_matrix(s, 1, widths[i + 1], NULL));
    }
    n->losses = output(put_matrix(s, 1, 1, NULL));
    n->predictions = output(put_matrix(s, 1, 1, NULL));
    n->loss_sum = output(fill(s, put_vector(s, 1, sizeof(double)), 0, 0));
    n->correct = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), 0, 0));
}

static void put_hyperparameters(network *n) {
    static const int32_t activations[MODELS] = { CAVIAR_RELU, CAVIAR_TANH, CAVIAR_SIGMOID };
    static const int32_t optimizers[MODELS] = { CAVIAR_ADAM, CAVIAR_MOMENTUM, CAVIAR_ADAMW };
    /* The constants of make_pytorch.py: learning rate, decay rate, duration and complements of the betas; */
    static const float doubles[5] = { 0.03f, 1, 1, 0.1f, 0.001f };
    /* rate and two corrections, momentum, complements, epsilon, weight decay. */
    static const float floats[CONSTANTS] = { 0, 0, 0, 0.9f, 0.1f, 0.001f, 1e-8f, 0.01f };
    scene *s = &n->s;
    n->activation = put_vector(s, 1, sizeof(int32_t));
    n->optimizer = put_vector(s, 1, sizeof(int32_t));
    n->active = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 1, 1);
    n->kind = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), CAVIAR_CONSTANT_RATE, CAVIAR_CONSTANT_RATE);
    n->step = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), 0, 0));
    for (int64_t k = 0; k < MODELS; k++) {
        WAS(int32_t, n->activation, k, 0, 0) = activations[k];
        WAS(int32_t, n->optimizer, k, 0, 0) = optimizers[k];
    }
    for (int i = 0; i < 5; i++)
        n->doubles[i] = fill(s, put_vector(s, 1, sizeof(double)), (double)doubles[i], (double)doubles[i]);
    for (int i = 0; i < CONSTANTS; i++)
        n->floats[i] = fill(s, put_vector(s, 1, sizeof(float)), (double)floats[i], (double)floats[i]);
    for (int i = 0; i < 3; i++) output(n->floats[i]);
}

static caviar_tensor part(const operand *o, int64_t from) {
    return (caviar_tensor){ (float *)on_device(o) + from, o->model_stride };
}

static caviar_call *next_call(network *n, caviar_op op) {
    cr_assert(n->call_count < MAX_CALLS);
    n->calls[n->call_count].op = op;
    return &n->calls[n->call_count++];
}

/* The minibatch itself for the first layer, else the layer before. */
static caviar_matrix input_of(const network *n, int layer) {
    return layer == 0 ? (caviar_matrix){ on_device(n->x), widths[0], 0 } : matrix_of(n->h[layer - 1]);
}

static void put_begin(network *n) {
    next_call(n, CAVIAR_OP_gather)->args.gather = (caviar_gather_args){ .features = on_device(n->features),
                                                                        .feature_type = CAVIAR_UINT8,
                                                                        .labels = on_device(n->labels),
                                                                        .order = on_device(n->order),
                                                                        .cursor = on_device(n->cursor),
                                                                        .mean = on_device(n->mean),
                                                                        .scale = on_device(n->scale),
                                                                        .out = on_device(n->x),
                                                                        .out_labels = on_device(n->y),
                                                                        .feature_count = widths[0],
                                                                        .order_count = EXAMPLES,
                                                                        .batch = BATCH,
                                                                        .out_stride = widths[0] };
    next_call(n, CAVIAR_OP_schedule)->args.schedule = (caviar_schedule_args){ .active = on_device(n->active),
                                                                              .schedule = on_device(n->kind),
                                                                              .learning_rate = on_device(n->doubles[0]),
                                                                              .decay_rate = on_device(n->doubles[1]),
                                                                              .duration = on_device(n->doubles[2]),
                                                                              .complement1 = on_device(n->doubles[3]),
                                                                              .complement2 = on_device(n->doubles[4]),
                                                                              .step = on_device(n->step),
                                                                              .rate = on_device(n->floats[0]),
                                                                              .correction1 = on_device(n->floats[1]),
                                                                              .correction2 = on_device(n->floats[2]),
                                                                              .models = MODELS,
                                                                              .steps_per_epoch = STEPS };
}

static void put_layer_forward(network *n, int i) {
    next_call(n, CAVIAR_OP_linear_forward)->args.linear_forward =
        (caviar_linear_forward_args){ .x = input_of(n, i),
                                      .w = part(n->p, n->weights[i]),
                                      .y = matrix_of(n->z[i]),
                                      .models = MODELS,
                                      .batch = BATCH,
                                      .in = widths[i],
                                      .out = widths[i + 1] };
    if (i == LAYERS - 1) {
        next_call(n, CAVIAR_OP_bias_forward)->args.bias_forward =
            (caviar_bias_forward_args){ .z = matrix_of(n->z[i]),
                                        .bias = part(n->p, n->bias),
                                        .y = matrix_of(n->h[i]),
                                        .models = MODELS,
                                        .batch = BATCH,
                                        .width = widths[i + 1] };
        return;
    }
    next_call(n, CAVIAR_OP_batch_norm_forward)->args.batch_norm_forward =
        (caviar_batch_norm_forward_args){ .z = matrix_of(n->z[i]),
                                          .gamma = part(n->p, n->gamma[i]),
                                          .beta = part(n->p, n->beta[i]),
                                          .running_mean = part(n->running, n->averages[i]),
                                          .running_variance = part(n->running, n->averages[i] + widths[i + 1]),
                                          .mean = part(n->saved, n->averages[i]),
                                          .inverse_deviation = part(n->saved, n->averages[i] + widths[i + 1]),
                                          .y = matrix_of(n->h[i]),
                                          .models = MODELS,
                                          .batch = BATCH,
                                          .width = widths[i + 1],
                                          .activation = on_device(n->activation),
                                          .epsilon = 1e-5f,
                                          .momentum = 0.1f };
}

static void put_loss(network *n) {
    next_call(n, CAVIAR_OP_softmax_cross_entropy)->args.softmax_cross_entropy =
        (caviar_softmax_cross_entropy_args){ .logits = matrix_of(n->h[LAYERS - 1]),
                                             .labels = on_device(n->y),
                                             .gradient = matrix_of(n->dh[LAYERS - 1]),
                                             .losses = matrix_of(n->losses),
                                             .predictions = on_device(n->predictions),
                                             .models = MODELS,
                                             .batch = BATCH,
                                             .classes = CLASSES,
                                             .padded_classes = CLASSES };
    next_call(n, CAVIAR_OP_metrics)->args.metrics = (caviar_metrics_args){ .losses = matrix_of(n->losses),
                                                                           .predictions = on_device(n->predictions),
                                                                           .labels = on_device(n->y),
                                                                           .loss_sum = on_device(n->loss_sum),
                                                                           .correct = on_device(n->correct),
                                                                           .models = MODELS,
                                                                           .batch = BATCH };
}

static void put_layer_backward(network *n, int i) {
    if (i == LAYERS - 1)
        next_call(n, CAVIAR_OP_bias_backward)->args.bias_backward =
            (caviar_bias_backward_args){ .bias = part(n->p, n->bias),
                                         .dy = matrix_of(n->dh[i]),
                                         .dz = matrix_of(n->dh[i]),
                                         .dbias = part(n->g, n->bias),
                                         .models = MODELS,
                                         .batch = BATCH,
                                         .width = widths[i + 1] };
    else
        next_call(n, CAVIAR_OP_batch_norm_backward)->args.batch_norm_backward =
            (caviar_batch_norm_backward_args){ .z = matrix_of(n->z[i]),
                                               .dy = matrix_of(n->dh[i]),
                                               .gamma = part(n->p, n->gamma[i]),
                                               .beta = part(n->p, n->beta[i]),
                                               .mean = part(n->saved, n->averages[i]),
                                               .inverse_deviation = part(n->saved, n->averages[i] + widths[i + 1]),
                                               .dz = matrix_of(n->dh[i]),
                                               .dgamma = part(n->g, n->gamma[i]),
                                               .dbeta = part(n->g, n->beta[i]),
                                               .models = MODELS,
                                               .batch = BATCH,
                                               .width = widths[i + 1],
                                               .activation = on_device(n->activation) };
    next_call(n, CAVIAR_OP_linear_backward)->args.linear_backward =
        (caviar_linear_backward_args){ .x = input_of(n, i),
                                       .w = part(n->p, n->weights[i]),
                                       .dy = matrix_of(n->dh[i]),
                                       .dw = part(n->g, n->weights[i]),
                                       .dx = matrix_of(i > 0 ? n->dh[i - 1] : NULL),
                                       .models = MODELS,
                                       .batch = BATCH,
                                       .in = widths[i],
                                       .out = widths[i + 1] };
}

static void put_end(network *n) {
    next_call(n, CAVIAR_OP_optimizer_update)->args.optimizer_update =
        (caviar_optimizer_update_args){ .parameters = tensor_of(n->p),
                                        .gradients = tensor_of(n->g),
                                        .first_moment = tensor_of(n->m),
                                        .second_moment = tensor_of(n->v),
                                        .models = MODELS,
                                        .count = n->parameters,
                                        .decayed = n->decayed,
                                        .active = on_device(n->active),
                                        .optimizer = on_device(n->optimizer),
                                        .rate = on_device(n->floats[0]),
                                        .correction1 = on_device(n->floats[1]),
                                        .correction2 = on_device(n->floats[2]),
                                        .momentum = on_device(n->floats[3]),
                                        .complement1 = on_device(n->floats[4]),
                                        .complement2 = on_device(n->floats[5]),
                                        .epsilon = on_device(n->floats[6]),
                                        .weight_decay = on_device(n->floats[7]) };
    next_call(n, CAVIAR_OP_advance)->args.advance = (caviar_advance_args){ on_device(n->cursor), BATCH };
}

/* Trains by a program, one step at a time; the largest relative difference of a minibatch's loss to PyTorch's. */
static double train(network *n) {
    const scene *s = &n->s;
    const caviar_device_table *table = s->device->table;
    caviar_program *program = NULL;
    double worst = 0, before[MODELS] = { 0 };
    SUCCEEDS(table->program_create(&program, s->device, n->calls, n->call_count, on_device(n->active)));
    for (int step = 0; step < STEPS; step++) {
        SUCCEEDS(table->program_run(s->device, program, 1));
        SUCCEEDS(table->wait(s->device));
        scene_fetch(&n->s);
        for (int64_t k = 0; k < MODELS; k++) {
            const double expected = (double)pytorch_net_losses[k][step];
            const double loss = (NOW(double, n->loss_sum, k, 0, 0) - before[k]) / BATCH;
            before[k] = NOW(double, n->loss_sum, k, 0, 0);
            near(s, NULL, "loss", k, step, 0, loss, expected, 1e-5 * expected);
            worst = fmax(worst, fabs(loss / expected - 1));
        }
    }
    table->program_destroy(s->device, program);
    return worst;
}

Test(pytorch, ten_steps_of_a_network) {
    caviar_device *device = open_test_device(CAVIAR_TEST_DEVICE);
    static network n;
    const shape size = { MODELS, BATCH, 0, 0, MODEL_MAJOR, 0, 0, "PyTorch's network" };
    scene_begin(&n.s, device, &size, 0);
    lay_out(&n);
    cr_assert((size_t)n.average_count == COUNT(pytorch_net_running[0]) && n.parameters % 4 == 0);
    put_data(&n);
    put_state(&n);
    put_hyperparameters(&n);
    put_begin(&n);
    for (int i = 0; i < LAYERS; i++) put_layer_forward(&n, i);
    put_loss(&n);
    for (int i = LAYERS - 1; i >= 0; i--) put_layer_backward(&n, i);
    put_end(&n);
    scene_send(&n.s);
    const double worst = train(&n);
    /* What Adam makes of a gradient's last bits is larger in the weights than in the loss. */
    for (int64_t k = 0; k < MODELS; k++)
        for (int64_t i = 0; i < n.average_count; i++)
            near(&n.s, NULL, "running average", k, 0, i, (double)NOW(float, n.running, k, 0, i),
                 (double)pytorch_net_running[k][i], 1e-5);
    scene_end(&n.s);
    device->table->close(device);
    scorecard("pytorch-loss", worst);
}
