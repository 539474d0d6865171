/*
 * Times training steps of one population on Fashion-MNIST and prints one JSON object. Its counterpart, one model after
 * another in PyTorch on the same data, is bench/peers/pytorch_loop.py; both print the mean training loss over the last
 * 100 steps, so that equal work can be seen.
 *
 *     population-step [MODELS [STEPS [DEVICE [THREADS]]]]        defaults: 64 422 auto 0
 */
#include <caviar/caviar.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(caviar_status status) {
    if (!status) return;
    fprintf(stderr, "population-step: %s\n", caviar_last_error());
    exit(1);
}

/* Learning rates from 1e-4 to 1e-2, evenly on the log scale. */
static void start(caviar_population *population, int models) {
    caviar_hyperparameters *each = calloc((size_t)models, sizeof *each);
    if (!each) exit(1);
    for (int k = 0; k < models; k++) {
        const caviar_hyperparameters defaults = CAVIAR_HYPERPARAMETERS_INIT;
        each[k] = defaults;
        each[k].learning_rate = pow(10, -4 + 2.0 * k / (models > 1 ? models - 1 : 1));
    }
    need(caviar_population_start(population, 0, models, each));
    free(each);
}

int main(int count, char **argument) {
    const int models = count > 1 ? atoi(argument[1]) : 64, steps = count > 2 ? atoi(argument[2]) : 422;
    caviar_device *device = NULL;
    caviar_device_info info;
    caviar_dataset *dataset = NULL;
    caviar_population *population = NULL;
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = models;
    options.hidden_layers = 2;
    options.hidden_width[0] = options.hidden_width[1] = 64;
    need(caviar_device_open(&device, count > 3 ? argument[3] : "auto", count > 4 ? atoi(argument[4]) : 0));
    need(caviar_device_get_info(&info, device));
    need(caviar_dataset_load(&dataset, "fashion-mnist", NULL));
    need(caviar_dataset_split(dataset, 0.1, 0, 0));
    need(caviar_population_create(&population, device, dataset, &options));
    start(population, models);
    caviar_metrics *metrics = calloc((size_t)models, sizeof *metrics);
    if (!metrics || steps <= 100) return 1;
    need(caviar_population_train(population, 5)); /* warm-up */
    start(population, models);

    const double begin = now();
    need(caviar_population_train(population, steps - 100));
    double seconds = now() - begin, loss = 0;
    need(caviar_population_training_metrics(metrics, population));
    const double again = now();
    need(caviar_population_train(population, 100));
    seconds += now() - again;
    need(caviar_population_training_metrics(metrics, population));
    for (int k = 0; k < models; k++) loss += metrics[k].loss / models;
    printf(
        "{\"what\": \"population step\", \"device\": \"%s\", \"description\": \"%s\", \"threads\": %d, \"models\": %d, "
        "\"shape\": \"784-64-64-10\", \"batch\": 128, \"steps\": %d, \"seconds\": %.3f, \"model_steps_per_second\": "
        "%.0f, \"mean_loss\": %.4f}\n",
        info.name, info.description, info.threads, models, steps, seconds, models * steps / seconds, loss);
    free(metrics);
    caviar_population_destroy(population);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
    return 0;
}
