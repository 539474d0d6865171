/*
 * The whole-step engine beside the CPU device: parameters, moments, running averages and metrics after some minibatches
 * of every kind of network that fits, on a GPU or on the emulator.
 */
#include "blobs.h"
#include "host/population/population.h"
#include "ops/cases.h"
#include "scorecard.h"

#include <math.h>
#include <string.h>

/*
 * Measured on the emulator: 2e-6. A GPU's own exponentials have other
 * last places; it has not been measured.
 */
#ifdef CAVIAR_SIMT
#define PROMISE "whole-step-simt"
#define BOUND 1e-5
#else
#define PROMISE "whole-step-cuda"
#define BOUND 1e-4
#endif

enum { MODELS = 6, STOPPED = 2, STEPS = 5 };

typedef struct network {
    int64_t features, classes;
    int32_t layers, widths[4], batch, batch_norm;
    int64_t examples; /* a minibatch more or less is smaller */
    const char *why;  /* this network is in the table */
} network;

static const network networks[] = {
    { 20, 3, 1, { 12 }, 17, 1, 60, "the smallest tile" },
    { 64, 10, 2, { 64, 64 }, 128, 1, 320, "the shape that this is for" },
    { 64, 10, 2, { 40, 64 }, 100, 0, 250, "without batch norm" },
    { 130, 10, 1, { 72 }, 64, 1, 144, "two tiles of columns, two groups of rows" },
    { 30, 40, 1, { 100 }, 33, 1, 99, "many classes" },
    { 70, 64, 1, { 8 }, 9, 0, 30, "the most classes" },
    { 150, 4, 0, { 0 }, 40, 1, 100, "softmax regression" },
    { 12, 20, 0, { 0 }, 128, 1, 200, "softmax regression of many classes" },
    { 9, 2, 4, { 16, 4, 20, 7 }, 50, 1, 160, "deep and narrow, two classes" },
    { 24, 5, 2, { 68, 8 }, 8, 1, 27, "few examples" },
};

static caviar_hyperparameters hyperparameters_of(const network *n, int k) {
    static const double rates[] = { 0.1, 0.05, 0.002, 0.01, 0.01 }; /* by optimiser */
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    h.optimizer = (caviar_optimizer)(k % 5);
    h.learning_rate = rates[k % 5] * (1 + k / 14.0);
    h.epsilon = 1e-3; /* or the first steps were by the gradient's sign, and rounding could turn one about */
    h.activation = (caviar_activation)(CAVIAR_RELU + k % 3);
    h.dropout = k % 2 ? 0.25 : 0;
    h.weight_decay = k % 3 ? 0.01 : 0;
    h.schedule = (caviar_schedule)(k % 4);
    h.decay_rate = 0.8;
    h.schedule_epochs = 10;
    h.stream = (uint32_t)k;
    for (int l = 0; l < n->layers; l++) h.hidden_width[l] = (k + l) % 3 ? n->widths[l] : (n->widths[l] + 1) / 2;
    return h;
}

static caviar_population *begin(caviar_device *device, const caviar_dataset *dataset, const network *n,
                                caviar_engine engine) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = MODELS;
    options.hidden_layers = n->layers;
    memcpy(options.hidden_width, n->widths, sizeof n->widths);
    options.batch_norm = n->batch_norm;
    options.batch_size = n->batch;
    options.seed = 20261126;
    options.engine = engine;
    caviar_hyperparameters each[MODELS];
    for (int k = 0; k < MODELS; k++) each[k] = hyperparameters_of(n, k);
    caviar_population *population = NULL;
    SUCCEEDS(caviar_population_create(&population, device, dataset, &options));
    SUCCEEDS(caviar_population_start(population, 0, MODELS, each));
    return population;
}

static float *read_block(caviar_population *p, const float *block, int64_t count) {
    float *values = malloc((size_t)count * MODELS * sizeof *values + 1);
    cr_assert(values);
    SUCCEEDS(caviar_device_download(p->device, values, block, (size_t)count * MODELS * sizeof *values));
    return values;
}

/* The largest difference of a model's numbers, by the largest of them. */
static double difference(const float *a, const float *b, int64_t count) {
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < count; i++) {
        cr_assert(isfinite(a[i]) && isfinite(b[i]));
        largest = fmax(largest, fabs(b[i]));
        worst = fmax(worst, fabs((double)a[i] - b[i]));
    }
    return largest > 0 ? worst / largest : worst;
}

static double compare_blocks(const network *n, caviar_population *const p[2], const char *what, float *const blocks[2],
                             int64_t count) {
    float *values[2];
    double worst = 0;
    for (int d = 0; d < 2; d++) values[d] = read_block(p[d], blocks[d], count);
    for (int k = 0; k < MODELS; k++) {
        const double d = difference(values[1] + k * count, values[0] + k * count, count);
        cr_assert(d <= BOUND, "%s: %s of model %d differs by %.3g", n->why, what, k, d);
        worst = fmax(worst, d);
    }
    for (int d = 0; d < 2; d++) free(values[d]);
    return worst;
}

static double compare(const network *n, caviar_population *const p[2]) {
    const struct {
        const char *name;
        float *of[2];
        int64_t count;
    } blocks[] = {
        { "a parameter", { p[0]->parameters, p[1]->parameters }, p[0]->parameter_count },
        { "a first moment", { p[0]->first_moment, p[1]->first_moment }, p[0]->parameter_count },
        { "a second moment", { p[0]->second_moment, p[1]->second_moment }, p[0]->parameter_count },
        { "a number of batch norm", { p[0]->state, p[1]->state }, p[0]->state_count },
    };
    double worst = 0;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        worst = fmax(worst, compare_blocks(n, p, blocks[i].name, blocks[i].of, blocks[i].count));
    caviar_metrics metrics[2][MODELS];
    for (int d = 0; d < 2; d++) SUCCEEDS(caviar_population_training_metrics(metrics[d], p[d]));
    for (int k = 0; k < MODELS; k++) {
        const caviar_metrics *a = &metrics[1][k], *b = &metrics[0][k];
        if (k == STOPPED && b->examples == 0) continue;
        const double d = fabs(a->loss - b->loss) / b->loss;
        cr_assert(d <= BOUND, "%s: loss of model %d is %.9g, not %.9g", n->why, k, a->loss, b->loss);
        cr_assert(a->examples == b->examples && a->accuracy == b->accuracy, "%s: model %d got %g right, not %g", n->why,
                  k, a->accuracy, b->accuracy);
        worst = fmax(worst, d);
    }
    return worst;
}

static double train_beside(caviar_device *const devices[2], const network *n) {
    caviar_dataset *dataset = make_blobs(n->examples, n->features, n->classes, 1, 7);
    SUCCEEDS(caviar_dataset_split(dataset, 0, 0, 1));
    caviar_population *p[2];
    double worst = 0;
    for (int d = 0; d < 2; d++) p[d] = begin(devices[d], dataset, n, d ? CAVIAR_ENGINE_WHOLE_STEP : CAVIAR_ENGINE_AUTO);
    cr_assert(p[1]->whole_step && !p[0]->whole_step);
    for (int step = 1; step <= STEPS; step++) {
        for (int d = 0; d < 2; d++) SUCCEEDS(caviar_population_train(p[d], 1));
        worst = fmax(worst, compare(n, p));
        if (step == 2)
            for (int d = 0; d < 2; d++) SUCCEEDS(caviar_population_stop(p[d], STOPPED));
    }
    for (int d = 0; d < 2; d++) caviar_population_destroy(p[d]);
    caviar_dataset_destroy(dataset);
    return worst;
}

Test(whole_step, trains_as_the_cpu_does) {
    caviar_device *devices[2] = { NULL, open_test_device("cuda:0") };
    SUCCEEDS(caviar_device_open(&devices[0], "cpu", 0));
    double worst = 0;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        worst = fmax(worst, train_beside(devices, &networks[i]));
    for (int d = 0; d < 2; d++) caviar_device_close(devices[d]);
    printf("parameters, moments, averages and losses differ by %.3g at most\n", worst);
    scorecard(PROMISE, worst);
}

/* What a model is after training, whatever population it was in. */
static void read_model(float *to, caviar_population *p, int k) {
    const size_t bytes = (size_t)p->parameter_count * sizeof *to;
    const float *const blocks[] = { p->parameters, p->first_moment, p->second_moment };
    for (int i = 0; i < 3; i++)
        SUCCEEDS(
            caviar_device_download(p->device, to + i * p->parameter_count, blocks[i] + k * p->parameter_count, bytes));
    SUCCEEDS(caviar_device_download(p->device, to + 3 * p->parameter_count, p->state + k * p->state_count,
                                    (size_t)p->state_count * sizeof *to));
}

/* A model of nothing but NaN is right about nothing, and wrong about nothing, as on the CPU. */
static void check_ruined(caviar_population *all, const caviar_dataset *dataset, const network *n,
                         const caviar_hyperparameters *ruinous) {
    caviar_device *cpu = NULL;
    caviar_metrics here[MODELS], there[MODELS];
    SUCCEEDS(caviar_device_open(&cpu, "cpu", 0));
    caviar_population *same = begin(cpu, dataset, n, CAVIAR_ENGINE_AUTO);
    SUCCEEDS(caviar_population_start(same, STOPPED, 1, ruinous));
    SUCCEEDS(caviar_population_train(same, STEPS));
    SUCCEEDS(caviar_population_training_metrics(there, same));
    SUCCEEDS(caviar_population_train(same, 1));
    SUCCEEDS(caviar_population_train(all, 1));
    SUCCEEDS(caviar_population_training_metrics(there, same));
    SUCCEEDS(caviar_population_training_metrics(here, all));
    cr_assert(isnan(here[STOPPED].loss) && isnan(there[STOPPED].loss));
    cr_assert(isnan(here[STOPPED].accuracy) && isnan(there[STOPPED].accuracy));
    caviar_population_destroy(same);
    caviar_device_close(cpu);
}

/* A block of threads has a model, so neighbours do not matter: not their number, not a learning rate that ruins one. */
Test(whole_step, a_model_has_the_bits_that_it_has_alone) {
    caviar_device *device = open_test_device("cuda:0");
    const network *n = &networks[1];
    caviar_dataset *dataset = make_blobs(n->examples, n->features, n->classes, 1, 7);
    SUCCEEDS(caviar_dataset_split(dataset, 0, 0, 1));
    caviar_population *all = begin(device, dataset, n, CAVIAR_ENGINE_WHOLE_STEP);
    caviar_hyperparameters ruinous = hyperparameters_of(n, STOPPED);
    ruinous.learning_rate = 1e30;
    SUCCEEDS(caviar_population_start(all, STOPPED, 1, &ruinous));
    SUCCEEDS(caviar_population_train(all, STEPS));
    caviar_metrics metrics[MODELS];
    SUCCEEDS(caviar_population_training_metrics(metrics, all));
    cr_assert(!isfinite(metrics[STOPPED].loss), "the ruined model has the loss %g", metrics[STOPPED].loss);
    const size_t count = (size_t)(3 * all->parameter_count + all->state_count);
    float *const together = malloc(count * sizeof *together), *const alone = malloc(count * sizeof *alone);
    cr_assert(together && alone);
    caviar_population_options options = all->shape.options;
    options.models = 1;
    for (int k = 0; k < MODELS; k++) {
        if (k == STOPPED) continue;
        const caviar_hyperparameters h = hyperparameters_of(n, k);
        caviar_population *one = NULL;
        SUCCEEDS(caviar_population_create(&one, device, dataset, &options));
        SUCCEEDS(caviar_population_start(one, 0, 1, &h));
        SUCCEEDS(caviar_population_train(one, STEPS));
        read_model(together, all, k);
        read_model(alone, one, 0);
        cr_assert(memcmp(together, alone, count * sizeof *alone) == 0, "model %d", k);
        caviar_metrics of_one;
        SUCCEEDS(caviar_population_training_metrics(&of_one, one));
        cr_assert(memcmp(&of_one, &metrics[k], sizeof of_one) == 0, "the metrics of model %d", k);
        caviar_population_destroy(one);
    }
    free(together);
    free(alone);
    check_ruined(all, dataset, n, &ruinous);
    caviar_population_destroy(all);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

static void refused(caviar_device *device, const caviar_dataset *dataset, const caviar_population_options *options,
                    const char *words) {
    caviar_population *population = NULL;
    uint64_t bytes = 0;
    cr_assert(caviar_population_create(&population, device, dataset, options) == CAVIAR_INVALID_ARGUMENT, "%s", words);
    cr_assert(strstr(caviar_last_error(), words), "'%s' does not say '%s'", caviar_last_error(), words);
    cr_assert(caviar_population_estimate(&bytes, device, dataset, options) == CAVIAR_INVALID_ARGUMENT, "%s", words);
    cr_assert(!population && bytes == 0);
}

/* The engines need different amounts of memory, which tells AUTO's choice. Nothing is allocated. */
Test(whole_step, is_chosen_where_it_was_measured_to_win) {
    static const struct {
        const char *why;
        int32_t models, layers, width, batch, wins;
    } cases[] = {
        { "a model on each multiprocessor", 4096, 2, 64, 128, 1 },
        { "33 units need more than half of a tile", 4096, 1, 33, 16, 1 },
        { "most multiprocessors would idle", 16, 2, 64, 128, 0 },
        { "half of the tile's columns would idle", 4096, 2, 32, 128, 0 },
        { "wider than a tile", 4096, 1, 65, 128, 0 },
        { "one block would fill a multiprocessor", 4096, 4, 64, 128, 0 },
        { "no minibatches of such a size", 4096, 2, 64, 129, 0 },
        { "no hidden layer was measured", 4096, 0, 0, 128, 0 },
    };
    caviar_device *device = open_test_device("cuda:0");
    caviar_dataset *dataset = make_blobs(400, 12, 10, 1, 7);
    SUCCEEDS(caviar_dataset_split(dataset, 0, 0, 1));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
        options.models = cases[i].models;
        options.hidden_layers = cases[i].layers;
        options.batch_size = cases[i].batch;
        for (int l = 0; l < CAVIAR_MAX_HIDDEN_LAYERS; l++)
            options.hidden_width[l] = l < cases[i].layers ? cases[i].width : 0;
        uint64_t chosen = 0, layered = 0;
        SUCCEEDS(caviar_population_estimate(&chosen, device, dataset, &options));
        options.engine = CAVIAR_ENGINE_LAYERED;
        SUCCEEDS(caviar_population_estimate(&layered, device, dataset, &options));
        cr_assert(cases[i].wins ? chosen < layered : chosen == layered, "%s: %llu bytes, layered %llu", cases[i].why,
                  (unsigned long long)chosen, (unsigned long long)layered);
    }
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

Test(whole_step, what_does_not_fit_is_refused_by_name) {
    caviar_device *cpu = NULL, *device = open_test_device("cuda:0");
    SUCCEEDS(caviar_device_open(&cpu, "cpu", 0));
    caviar_dataset *dataset = make_blobs(400, 12, 65, 1, 7), *few = make_blobs(400, 12, 3, 1, 7);
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    SUCCEEDS(caviar_dataset_split(dataset, 0, 0, 1));
    SUCCEEDS(caviar_dataset_split(few, 0, 0, 1));
    options.engine = CAVIAR_ENGINE_WHOLE_STEP;
    refused(cpu, few, &options, "the CPU");
    refused(device, dataset, &options, "64 classes");
    options.batch_size = 129;
    refused(device, few, &options, "128");
    options.batch_size = 128;
    options.hidden_width[0] = 4096;
    refused(device, few, &options, "shared memory");
    options.hidden_width[0] = 64;
    uint64_t whole = 0, layered = 0;
    SUCCEEDS(caviar_population_estimate(&whole, device, few, &options));
    options.engine = CAVIAR_ENGINE_LAYERED;
    SUCCEEDS(caviar_population_estimate(&layered, device, few, &options));
    cr_assert(whole < layered);
    caviar_dataset_destroy(dataset);
    caviar_dataset_destroy(few);
    caviar_device_close(device);
    caviar_device_close(cpu);
}
