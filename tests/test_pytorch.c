/* A device against numbers that PyTorch computed (reference/make_pytorch.py): layers, loss and optimisers. */
#include "ops/cases.h"
#include "reference/pytorch_ops.h"

#include <math.h>
#include <string.h>

#ifndef CAVIAR_TEST_DEVICE
#define CAVIAR_TEST_DEVICE "cpu"
#endif

/* Every model has PyTorch's numbers: models differ only in the threads that compute them. */
enum { MODELS = 3 };

static void set(operand *o, int64_t row, const float *values) {
    for (int64_t k = 0; k < (o->models ? o->models : 1); k++)
        memcpy(&WAS(float, o, k, row, 0), values, (size_t)o->columns * sizeof *values);
}

static void set_all(operand *o, double value) {
    for (int64_t k = 0; k < o->models; k++)
        for (int64_t c = 0; c < o->columns; c++)
            if (o->size == sizeof(float))
                WAS(float, o, k, 0, c) = (float)value;
            else
                WAS(double, o, k, 0, c) = value;
}

/* `bound` is relative to the expected number, or absolute where that is below `least`. */
static void compare(const scene *s, const char *what, const operand *o, int64_t row, const float *expected,
                    double bound, double least) {
    for (int64_t k = 0; k < o->models; k++)
        for (int64_t c = 0; c < o->columns; c++)
            near(s, NULL, what, k, row, c, (double)NOW(float, o, k, row, c), (double)expected[c],
                 bound * fmax(least, fabs((double)expected[c])));
}

/* -------------------------------------------------------------------------------------------------------- batch norm
 */

enum { FEATURES = COUNT(pytorch_bn_gamma) };
#define EPSILON 1e-5f
#define MOMENTUM 0.1f

typedef struct layer {
    operand *z, *dy, *y, *dz, *gamma, *beta, *running_mean, *running_variance, *mean, *inverse, *dgamma, *dbeta;
} layer;

static void put_layer(scene *s, layer *l, const float running[2][FEATURES], int row) {
    operand **const matrices[] = { &l->z, &l->dy, &l->y, &l->dz };
    operand **const vectors[] = { &l->gamma, &l->beta,    &l->running_mean, &l->running_variance,
                                  &l->mean,  &l->inverse, &l->dgamma,       &l->dbeta };
    for (size_t i = 0; i < COUNT(matrices); i++) *matrices[i] = put_matrix(s, 1, FEATURES, NULL);
    for (size_t i = 0; i < COUNT(vectors); i++) *vectors[i] = put_tensor(s, 1, FEATURES, NULL, NULL);
    for (size_t i = 2; i < COUNT(matrices); i++) output(*matrices[i]);
    for (size_t i = 2; i < COUNT(vectors); i++) output(*vectors[i]);
    set(l->gamma, 0, pytorch_bn_gamma);
    set(l->beta, 0, pytorch_bn_beta);
    set(l->running_mean, 0, running[0]);
    set(l->running_variance, 0, running[1]);
    for (int64_t b = 0; b < s->shape.batch; b++) {
        set(l->z, b, pytorch_bn_z[row + b]);
        set(l->dy, b, pytorch_bn_dy[row + b]);
    }
    scene_send(s);
}

static caviar_call forward_of(const scene *s, const layer *l) {
    return (caviar_call){ .op = CAVIAR_OP_batch_norm_forward,
                          .args.batch_norm_forward = { .z = matrix_of(l->z),
                                                       .gamma = tensor_of(l->gamma),
                                                       .beta = tensor_of(l->beta),
                                                       .running_mean = tensor_of(l->running_mean),
                                                       .running_variance = tensor_of(l->running_variance),
                                                       .mean = tensor_of(l->mean),
                                                       .inverse_deviation = tensor_of(l->inverse),
                                                       .y = matrix_of(l->y),
                                                       .models = MODELS,
                                                       .batch = s->shape.batch,
                                                       .width = FEATURES,
                                                       .epsilon = EPSILON,
                                                       .momentum = MOMENTUM } };
}

static caviar_call backward_of(const scene *s, const layer *l) {
    return (caviar_call){ .op = CAVIAR_OP_batch_norm_backward,
                          .args.batch_norm_backward = { .z = matrix_of(l->z),
                                                        .dy = matrix_of(l->dy),
                                                        .gamma = tensor_of(l->gamma),
                                                        .beta = tensor_of(l->beta),
                                                        .mean = tensor_of(l->mean),
                                                        .inverse_deviation = tensor_of(l->inverse),
                                                        .dz = matrix_of(l->dz),
                                                        .dgamma = tensor_of(l->dgamma),
                                                        .dbeta = tensor_of(l->dbeta),
                                                        .models = MODELS,
                                                        .batch = s->shape.batch,
                                                        .width = FEATURES } };
}

static caviar_call inference_of(const scene *s, const layer *l) {
    return (caviar_call){ .op = CAVIAR_OP_batch_norm_inference,
                          .args.batch_norm_inference = { .z = matrix_of(l->z),
                                                         .gamma = tensor_of(l->gamma),
                                                         .beta = tensor_of(l->beta),
                                                         .running_mean = tensor_of(l->running_mean),
                                                         .running_variance = tensor_of(l->running_variance),
                                                         .y = matrix_of(l->y),
                                                         .models = MODELS,
                                                         .batch = s->shape.batch,
                                                         .width = FEATURES,
                                                         .epsilon = EPSILON } };
}

/*
 * The bounds: a feature of mean 100 and deviation 2 rounds z - mean to 4e-6 of the deviation, and both passes scale
 * that by gamma up to 3.5; gradients of the feature with deviation 1/64 are 64 times as large, and `compare` takes
 * that into account. Running averages are sums of a few floats: an ulp or two of 100 or of 4.
 */
static void check_batch(caviar_device *device, layout at, float running[2][FEATURES], int part, int row) {
    const shape size = { MODELS, pytorch_bn_sizes[part], 0, FEATURES, at, 0, 0, "PyTorch's batch norm" };
    scene s;
    layer l;
    scene_begin(&s, device, &size, 0);
    put_layer(&s, &l, (const float(*)[FEATURES])running, row);
    const caviar_call forward = forward_of(&s, &l), backward = backward_of(&s, &l);
    run_call(device, &forward);
    run_call(device, &backward);
    scene_fetch(&s);
    for (int64_t b = 0; b < size.batch; b++) {
        compare(&s, "y", l.y, b, pytorch_bn_y[row + b], 2e-5, 1);
        compare(&s, "dz", l.dz, b, pytorch_bn_dz[row + b], 2e-5, 1);
    }
    compare(&s, "dgamma", l.dgamma, 0, pytorch_bn_dgamma[part], 2e-5, 1);
    compare(&s, "dbeta", l.dbeta, 0, pytorch_bn_dbeta[part], 2e-6, 1);
    compare(&s, "running_mean", l.running_mean, 0, pytorch_bn_mean[part], 5e-7, 0.1);
    compare(&s, "running_variance", l.running_variance, 0, pytorch_bn_variance[part], 1e-6, 0.1);
    memcpy(running[0], &NOW(float, l.running_mean, 0, 0, 0), sizeof running[0]);
    memcpy(running[1], &NOW(float, l.running_variance, 0, 0, 0), sizeof running[1]);
    scene_end(&s);
    if (part + 1 < (int)COUNT(pytorch_bn_sizes)) return;

    scene_begin(&s, device, &size, 0);
    put_layer(&s, &l, (const float(*)[FEATURES])running, row);
    const caviar_call inference = inference_of(&s, &l);
    run_call(device, &inference);
    scene_fetch(&s);
    for (int64_t b = 0; b < size.batch; b++) compare(&s, "y", l.y, b, pytorch_bn_inference[b], 2e-5, 1);
    scene_end(&s);
}

Test(pytorch, batch_norm) {
    caviar_device *device = open_test_device(CAVIAR_TEST_DEVICE);
    for (layout at = MODEL_MAJOR; at <= LOOSE; at++) {
        float running[2][FEATURES] = { { 0, 0, 0, 0 }, { 1, 1, 1, 1 } };
        for (int part = 0, row = 0; part < (int)COUNT(pytorch_bn_sizes); row += pytorch_bn_sizes[part++])
            check_batch(device, at, running, part, row);
    }
    device->table->close(device);
}

/* ----------------------------------------------------------------------------------------------------- cross-entropy
 */

enum { ROWS = COUNT(pytorch_ce_labels), CLASSES = COUNT(pytorch_ce_logits[0]), PADDED_CLASSES = 8 };

Test(pytorch, cross_entropy) {
    caviar_device *device = open_test_device(CAVIAR_TEST_DEVICE);
    const shape size = { MODELS, ROWS, PADDED_CLASSES, CLASSES, EXAMPLE_MAJOR, 0, 0, "PyTorch's cross-entropy" };
    scene s;
    scene_begin(&s, device, &size, 0);
    operand *wide[3], *labels = put_shared(&s, 1, sizeof(int32_t), ROWS, 1);
    for (int i = 0; i < 3; i++) wide[i] = put_matrix(&s, 1, PADDED_CLASSES, NULL);
    operand *logits = wide[0], *gradient = output(wide[1]), *probabilities = output(wide[2]);
    operand *losses = output(put_matrix(&s, 1, 1, NULL));
    for (int i = 0; i < 3; i++) wide[i]->columns = CLASSES;
    for (int64_t b = 0; b < ROWS; b++) {
        set(logits, b, pytorch_ce_logits[b]);
        WAS(int32_t, labels, 0, b, 0) = pytorch_ce_labels[b];
    }
    scene_send(&s);
    const caviar_call call = { .op = CAVIAR_OP_softmax_cross_entropy,
                               .args.softmax_cross_entropy = { .logits = matrix_of(logits),
                                                               .labels = on_device(labels),
                                                               .gradient = matrix_of(gradient),
                                                               .probabilities = matrix_of(probabilities),
                                                               .losses = matrix_of(losses),
                                                               .models = MODELS,
                                                               .batch = ROWS,
                                                               .classes = CLASSES,
                                                               .padded_classes = PADDED_CLASSES } };
    run_call(device, &call);
    for (int i = 1; i < 3; i++) wide[i]->columns = PADDED_CLASSES; /* padding is written too */
    scene_fetch(&s);
    for (int i = 1; i < 3; i++) wide[i]->columns = CLASSES;
    /* A loss is a logarithm of a sum of five and a difference: two ulps of what it is made of, at most 160. */
    for (int64_t b = 0; b < ROWS; b++) {
        compare(&s, "loss", losses, b, &pytorch_ce_losses[b], 3e-7, 1);
        compare(&s, "gradient", gradient, b, pytorch_ce_gradient[b], 5e-7, 0.1);
        compare(&s, "probabilities", probabilities, b, pytorch_ce_probabilities[b], 5e-7, 1);
    }
    scene_end(&s);
    device->table->close(device);
}

/* -------------------------------------------------------------------------------------------------------- optimisers
 */

enum { PARAMETERS = COUNT(pytorch_opt_start), STEPS = COUNT(pytorch_opt_gradients), OPTIMIZERS = 5 };

typedef struct training {
    scene s;
    operand *p, *g, *m, *v, *active, *kind, *optimizer, *step;
    operand *learning_rate, *decay_rate, *duration, *complement1, *complement2;
    operand *rate, *correction1, *correction2, *momentum, *float_complement1, *float_complement2, *epsilon, *decay;
    caviar_call schedule, update;
} training;

static void put_training(training *t) {
    scene *s = &t->s;
    operand **const tensors[] = { &t->p, &t->g, &t->m, &t->v };
    operand **const doubles[] = { &t->learning_rate, &t->decay_rate, &t->duration, &t->complement1, &t->complement2 };
    operand **const floats[] = {
        &t->rate,    &t->correction1, &t->correction2, &t->momentum, &t->float_complement1, &t->float_complement2,
        &t->epsilon, &t->decay
    };
    /* Floats in doubles: the constants of make_pytorch.py. */
    static const float double_values[] = { 0.03f, 1, 1, 0.1f, 0.001f };
    static const float float_values[] = { 0, 0, 0, 0.9f, 0.1f, 0.001f, 1e-8f, 0.01f };
    for (size_t i = 0; i < COUNT(tensors); i++) *tensors[i] = fill(s, put_tensor(s, 1, PARAMETERS, NULL, NULL), 0, 0);
    for (size_t i = 0; i < COUNT(doubles); i++)
        set_all(*doubles[i] = put_vector(s, 1, sizeof(double)), (double)double_values[i]);
    for (size_t i = 0; i < COUNT(floats); i++)
        set_all(*floats[i] = put_vector(s, 1, sizeof(float)), (double)float_values[i]);
    for (size_t i = 0; i < 3; i++) output(*floats[i]);
    output(t->p);
    output(t->m);
    output(t->v);
    t->active = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 1, 1);
    t->kind = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), CAVIAR_CONSTANT_RATE, CAVIAR_CONSTANT_RATE);
    t->optimizer = put_vector(s, 1, sizeof(int32_t));
    t->step = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), 0, 0));
    for (int64_t k = 0; k < s->shape.models; k++) WAS(int32_t, t->optimizer, k, 0, 0) = (int32_t)k;
    set(t->p, 0, pytorch_opt_start);
}

static void put_calls(training *t) {
    t->schedule = (caviar_call){ .op = CAVIAR_OP_schedule,
                                 .args.schedule = { .active = on_device(t->active),
                                                    .schedule = on_device(t->kind),
                                                    .learning_rate = on_device(t->learning_rate),
                                                    .decay_rate = on_device(t->decay_rate),
                                                    .duration = on_device(t->duration),
                                                    .complement1 = on_device(t->complement1),
                                                    .complement2 = on_device(t->complement2),
                                                    .step = on_device(t->step),
                                                    .rate = on_device(t->rate),
                                                    .correction1 = on_device(t->correction1),
                                                    .correction2 = on_device(t->correction2),
                                                    .models = OPTIMIZERS,
                                                    .steps_per_epoch = 10 } };
    t->update = (caviar_call){ .op = CAVIAR_OP_optimizer_update,
                               .args.optimizer_update = { .parameters = tensor_of(t->p),
                                                          .gradients = tensor_of(t->g),
                                                          .first_moment = tensor_of(t->m),
                                                          .second_moment = tensor_of(t->v),
                                                          .models = OPTIMIZERS,
                                                          .count = PARAMETERS,
                                                          .decayed = PARAMETERS / 2,
                                                          .active = on_device(t->active),
                                                          .optimizer = on_device(t->optimizer),
                                                          .rate = on_device(t->rate),
                                                          .correction1 = on_device(t->correction1),
                                                          .correction2 = on_device(t->correction2),
                                                          .momentum = on_device(t->momentum),
                                                          .complement1 = on_device(t->float_complement1),
                                                          .complement2 = on_device(t->float_complement2),
                                                          .epsilon = on_device(t->epsilon),
                                                          .weight_decay = on_device(t->decay) } };
}

Test(pytorch, optimizers_over_fifty_steps) {
    caviar_device *device = open_test_device(CAVIAR_TEST_DEVICE);
    const shape size = { OPTIMIZERS, 1, 0, PARAMETERS, MODEL_MAJOR, 0, 0, "PyTorch's optimisers" };
    static training t;
    double largest[OPTIMIZERS][PARAMETERS] = { { 0 } };
    scene_begin(&t.s, device, &size, 0);
    put_training(&t);
    put_calls(&t);
    scene_send(&t.s);
    for (int64_t step = 0; step < STEPS; step++) {
        set(t.g, 0, pytorch_opt_gradients[step]);
        SUCCEEDS(device->table->upload(device, t.g->memory, t.g->before, t.g->bytes));
        run_call(device, &t.schedule);
        run_call(device, &t.update);
        scene_fetch(&t.s);
        /* Each step may lose an ulp of the parameter and a few of the step; a path that comes back keeps its loss. */
        for (int64_t k = 0; k < OPTIMIZERS; k++)
            for (int64_t c = 0; c < PARAMETERS; c++) {
                const double expected = (double)pytorch_opt_paths[k][step][c];
                largest[k][c] = fmax(largest[k][c], fabs(expected));
                near(&t.s, NULL, "p", k, step, c, (double)NOW(float, t.p, k, 0, c), expected, 1e-6 * largest[k][c]);
            }
    }
    scene_end(&t.s);
    device->table->close(device);
}
