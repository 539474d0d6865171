/* A network that has diverged, and the hyperparameters that would be something else as floats. */
#include "folder.h"

#include <caviar/ops.h>

#include <math.h>

static caviar_device *device;
static caviar_dataset *dataset;
static float points[200][3];

/* Two classes, three features; the larger class has 180 of 200 examples. */
static void enter(void) {
    int32_t labels[200];
    for (int i = 0; i < 200; i++) {
        labels[i] = i % 10 == 0;
        for (int f = 0; f < 3; f++) points[i][f] = (float)((i * 37 + f * 11) % 101) / 50 + (float)labels[i];
    }
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    SUCCEEDS(caviar_dataset_create(&dataset, points, CAVIAR_FLOAT32, labels, 200, 3, 2));
    SUCCEEDS(caviar_dataset_split(dataset, 0.25, 0, 1));
}

static void leave(void) {
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

TestSuite(diverged, .init = enter, .fini = leave);

static caviar_population *make(int batch_norm, int models) {
    caviar_population *population = NULL;
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.batch_norm = batch_norm;
    options.batch_size = 32;
    options.models = models;
    SUCCEEDS(caviar_population_create(&population, device, dataset, &options));
    return population;
}

/* Class 0 would be right nine times in ten: that was its accuracy once. */
Test(diverged, nan_is_no_class_and_has_no_accuracy) {
    caviar_population *population = make(0, 2);
    caviar_hyperparameters h[2] = { CAVIAR_HYPERPARAMETERS_INIT, CAVIAR_HYPERPARAMETERS_INIT };
    caviar_metrics training[2], validation[2];
    caviar_model *model;
    float probabilities[200][2];
    int32_t classes[200];
    h[0].optimizer = CAVIAR_SGD;
    h[0].learning_rate = 1e30;
    SUCCEEDS(caviar_population_start(population, 0, 2, h));
    SUCCEEDS(caviar_population_train(population, 20));
    SUCCEEDS(caviar_population_training_metrics(training, population));
    SUCCEEDS(caviar_population_evaluate(validation, population, CAVIAR_VALIDATION));
    cr_expect(isnan(training[0].accuracy) && !isfinite(training[0].loss));
    cr_expect(isnan(validation[0].accuracy) && isnan(validation[0].loss));
    cr_expect(training[1].accuracy > 0.5 && validation[1].accuracy > 0.5);
    SUCCEEDS(caviar_population_predict(probabilities[0], classes, population, 0, points[0], 200));
    for (int i = 0; i < 200; i++)
        cr_expect(classes[i] == -1 && isnan(probabilities[i][0]) && isnan(probabilities[i][1]));
    caviar_scores scores = CAVIAR_SCORES_INIT;
    SUCCEEDS(caviar_population_read_model(&model, population, 0));
    SUCCEEDS(caviar_model_evaluate(validation, model, device, dataset, CAVIAR_TRAIN));
    SUCCEEDS(caviar_model_score(&scores, NULL, model, device, dataset, CAVIAR_TRAIN));
    cr_expect(isnan(validation[0].accuracy) && isnan(scores.accuracy) && scores.examples == 150);
    caviar_model_destroy(model);
    caviar_population_destroy(population);
}

static caviar_status start(const caviar_hyperparameters *h) {
    caviar_population *population = make(1, 1);
    caviar_status status = caviar_population_start(population, 0, 1, h);
    if (status == CAVIAR_OK) {
        caviar_metrics metrics;
        SUCCEEDS(caviar_population_train(population, 100));
        SUCCEEDS(caviar_population_training_metrics(&metrics, population));
        cr_expect(isfinite(metrics.loss), "what is accepted trains; dropout %.10g, momentum %.10g, epsilon %g",
                  h->dropout, h->momentum, h->epsilon);
    }
    caviar_population_destroy(population);
    return status;
}

/* The double is in the range, and the float is not. */
Test(diverged, hyperparameters_are_checked_as_floats) {
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    h.dropout = 1 - 1e-9;
    REFUSES(start(&h), bad, "dropout is 0.999999999, which is 1 as a float");
    h.dropout = 0.9999999;
    SUCCEEDS(start(&h));
    h.dropout = 0;
    h.optimizer = CAVIAR_MOMENTUM;
    h.momentum = 1 - 1e-9;
    REFUSES(start(&h), bad, "momentum is 0.999999999, which is 1 as a float");
    h.momentum = 0.9999999;
    h.learning_rate = 1e-6;
    SUCCEEDS(start(&h));
    h = (caviar_hyperparameters)CAVIAR_HYPERPARAMETERS_INIT;
    h.epsilon = 1e-30;
    REFUSES(start(&h), bad, "epsilon is 1e-30; with a beta2 of 0.999 it must be 3.4e-18 or more");
    h.epsilon = 3.5e-18;
    SUCCEEDS(start(&h));
    h.beta2 = 0.9999999;
    REFUSES(start(&h), bad, "it must be 3.4e-16 or more");
    h.optimizer = CAVIAR_SGD; /* which reads neither */
    h.learning_rate = 1e-3;
    SUCCEEDS(start(&h));
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    caviar_population *population;
    options.batch_size = 32;
    options.batch_norm_momentum = 1e-50;
    REFUSES(caviar_population_create(&population, device, dataset, &options), bad, "not in 1e-6 .. 1");
}

/* However small the gradients are, Adam moves a parameter by about its rate at most. */
Test(diverged, no_step_is_larger_than_the_rate) {
    const float rate = 0.01f;
    for (int exponent = -120; exponent <= 0; exponent++) {
        float p[4] = { 0 }, m[4] = { 0 }, v[4] = { 0 }, g[4];
        for (int i = 0; i < 4; i++) g[i] = ldexpf(1.0f + (float)i / 4, exponent);
        const int32_t active = 1, adam = CAVIAR_ADAM;
        const float one = 1, complement1 = 0.1f, complement2 = 0.001f, correction1 = 0.1f, correction2 = 0.001f;
        const float epsilon = 3.4e-18f, none = 0;
        const caviar_optimizer_update_args args = { .parameters = { p, 4 },
                                                    .gradients = { g, 4 },
                                                    .first_moment = { m, 4 },
                                                    .second_moment = { v, 4 },
                                                    .models = 1,
                                                    .count = 4,
                                                    .active = &active,
                                                    .optimizer = &adam,
                                                    .rate = &rate,
                                                    .correction1 = &correction1,
                                                    .correction2 = &correction2,
                                                    .momentum = &one,
                                                    .complement1 = &complement1,
                                                    .complement2 = &complement2,
                                                    .epsilon = &epsilon,
                                                    .weight_decay = &none };
        SUCCEEDS(caviar_op_optimizer_update(device, &args, NULL));
        for (int i = 0; i < 4; i++) cr_expect(fabsf(p[i]) <= 1.01f * rate, "2^%d: %g", exponent, (double)p[i]);
    }
}
