/*
 * One of 1,000 models is poisoned between two training steps; the other 999 must keep every bit of what they are
 * without that: parameters, moments, running averages, sums of training and metrics of evaluation.
 *
 * A population is trained once as reference, with its arena copied before each step. A case puts such a copy back,
 * poisons a model and trains on to the end. tests/simt runs the same on the CUDA kernels, with fewer cases.
 */
#include "blobs.h"
#include "host/population/population.h"
#include "scorecard.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifndef CAVIAR_TEST_DEVICE
#define CAVIAR_TEST_DEVICE "cpu"
#define CASES 65
#define CASES_LONG 400
#define STEPS 4
#else
#define CASES 3
#define CASES_LONG 40
#define STEPS 2
#endif

#define NEED(call) cr_assert_eq((call), CAVIAR_OK, "%s: %s", #call, caviar_last_error())

enum { MODELS = 1000, NAN_WEIGHT = 0, INFINITE_WEIGHT, HUGE_RATE, ZERO_WIDTH, LEAST_WIDTH, STOPPED, OTHER, POISONS };

static const char *const poison_names[POISONS] = { "NaN weight",           "infinite weight", "learning rate 1e30",
                                                   "zero width",           "width 1",         "stopped",
                                                   "other hyperparameters" };

/* What a model is after training, as bytes that lie model by model. */
typedef struct blocks {
    char *data[7];
    size_t size[7]; /* of one model */
} blocks;

static void read_blocks(blocks *to, caviar_population *p) {
    const size_t parameters = (size_t)p->parameter_count * sizeof(float);
    const void *const from[6] = { p->parameters, p->first_moment,    p->second_moment,
                                  p->state,      p->train_sums.loss, p->train_sums.correct };
    const size_t size[7] = { parameters,
                             parameters,
                             parameters,
                             (size_t)p->state_count * sizeof(float),
                             sizeof(double),
                             sizeof(int64_t),
                             sizeof(caviar_metrics) };
    for (int i = 0; i < 7; i++) {
        to->size[i] = size[i];
        to->data[i] = calloc(MODELS, size[i] + 1);
        cr_assert(to->data[i]);
        if (i < 6 && size[i]) NEED(caviar_device_download(p->device, to->data[i], from[i], MODELS * size[i]));
    }
    NEED(caviar_population_evaluate((caviar_metrics *)(void *)to->data[6], p, CAVIAR_VALIDATION));
}

static void free_blocks(blocks *of) {
    for (int i = 0; i < 7; i++) free(of->data[i]);
}

/* The first model whose bits differ, but for the victim; MODELS if none does. Says whether the victim's do. */
static int first_difference(int *victim_differs, const blocks *a, const blocks *b, int victim) {
    int first = MODELS;
    *victim_differs = 0;
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < MODELS; k++) {
            const size_t at = (size_t)k * a->size[i];
            if (memcmp(a->data[i] + at, b->data[i] + at, a->size[i]) == 0) continue;
            if (k == victim) {
                *victim_differs = 1;
            } else if (k < first) {
                first = k;
            }
        }
    return first;
}

/* A population's arena and where training stood. */
typedef struct standing {
    char *arena;
    int64_t epoch, position;
    int64_t seen[MODELS];
} standing;

static void keep(standing *to, const caviar_population *p, size_t bytes) {
    to->arena = malloc(bytes);
    cr_assert(to->arena);
    NEED(caviar_device_download(p->device, to->arena, p->arena, bytes));
    to->epoch = p->epoch;
    to->position = p->position;
    memcpy(to->seen, p->seen, sizeof to->seen);
}

static void put_back(caviar_population *p, const standing *from, size_t bytes, const caviar_hyperparameters *all) {
    NEED(caviar_device_upload(p->device, p->arena, from->arena, bytes));
    p->epoch = from->epoch;
    p->position = from->position;
    memcpy(p->seen, from->seen, sizeof from->seen);
    for (int k = 0; k < MODELS; k++) p->active[k] = 1, p->hyperparameters[k] = all[k];
}

static caviar_hyperparameters varied(int k, int layers, int width) {
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    h.optimizer = (caviar_optimizer)(k % 5);
    h.learning_rate = 0.001 * (1 + k % 17);
    h.weight_decay = k % 2 ? 0.01 : 0;
    h.dropout = k % 3 == 1 ? 0.3 : 0;
    h.activation = (caviar_activation)(CAVIAR_RELU + k % 3);
    for (int l = 0; l < layers; l++) h.hidden_width[l] = 1 + (k + l) % width;
    h.stream = (uint32_t)(k % 4);
    return h;
}

/* Every hyperparameter that may differ between the models of a population becomes another one. */
static void make_other(caviar_hyperparameters *h) {
    h->optimizer = (caviar_optimizer)((h->optimizer + 1) % 5);
    h->learning_rate *= 2;
    h->momentum = 0.5;
    h->beta1 = 0.5;
    h->beta2 = 0.75;
    h->epsilon = 0.25;
    h->weight_decay = 0.5;
    h->dropout = 0.6;
    h->activation = h->activation == CAVIAR_RELU ? CAVIAR_TANH : CAVIAR_RELU;
    h->schedule = CAVIAR_EXPONENTIAL;
    h->decay_rate = 0.01;
}

static void poison(caviar_population *p, int kind, int victim, int layer) {
    if (kind == NAN_WEIGHT || kind == INFINITE_WEIGHT) {
        const float bad = kind == NAN_WEIGHT ? NAN : INFINITY;
        float *const block = p->parameters + (int64_t)victim * p->parameter_count;
        NEED(caviar_device_upload(p->device, block + p->layer[layer].weight, &bad, sizeof bad));
    } else if (kind == STOPPED) {
        NEED(caviar_population_stop(p, victim));
    } else if (kind == ZERO_WIDTH) {
        /* The interface refuses it, so it is written where the kernels read it. */
        const int32_t none = 0;
        NEED(caviar_device_upload(p->device, p->layer[layer].widths + victim, &none, sizeof none));
    } else {
        caviar_hyperparameters h = p->hyperparameters[victim];
        h.stream = 77;
        if (kind == HUGE_RATE) h.learning_rate = 1e30;
        if (kind == LEAST_WIDTH)
            for (int l = 0; l < p->layers - 1; l++) h.hidden_width[l] = 1;
        if (kind == OTHER) make_other(&h);
        NEED(caviar_population_start(p, victim, 1, &h));
    }
}

static uint64_t random_state;
static int zero_widths, without_effect;

static int below(int limit) {
    return (int)(blob_uniform(&random_state) * limit);
}

/* `cases` poisonings of a population of one shape; says how many left the others alone (all, or the test ends). */
static int poison_population(caviar_device *device, const caviar_dataset *dataset, int shape, int cases) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    const int layers = 1 + shape / 2 % 2, width = shape / 4 ? 7 : 4;
    options.models = MODELS;
    options.hidden_layers = layers;
    for (int l = 0; l < layers; l++) options.hidden_width[l] = width;
    options.batch_norm = shape % 2;
    options.batch_size = 8;
    options.seed = (uint64_t)(11 + shape);
    static caviar_hyperparameters all[MODELS];
    for (int k = 0; k < MODELS; k++) all[k] = varied(k, layers, width);
    caviar_population *p = NULL;
    NEED(caviar_population_create(&p, device, dataset, &options));
    NEED(caviar_population_start(p, 0, MODELS, all));
    const size_t bytes = (size_t)caviar_population_lay_out(p, p->arena);
    static standing before[STEPS];
    for (int s = 0; s < STEPS; s++) {
        keep(&before[s], p, bytes);
        NEED(caviar_population_train(p, 1));
    }
    blocks reference, poisoned;
    read_blocks(&reference, p);
    for (int i = -1; i < cases; i++) {
        const uint64_t seed = random_state;
        const int kind = (shape * cases + i + POISONS) % POISONS, step = below(STEPS);
        const int layer = below(layers + (kind < HUGE_RATE));
        const int places[4] = { 0, MODELS - 1, MODELS / 2, below(MODELS) }, victim = places[below(4)];
        put_back(p, &before[i < 0 ? 0 : step], bytes, all);
        if (i >= 0) poison(p, kind, victim, layer);
        NEED(caviar_population_train(p, i < 0 ? STEPS : STEPS - step));
        read_blocks(&poisoned, p);
        int victim_differs = 0;
        const int other = first_difference(&victim_differs, &reference, &poisoned, i < 0 ? -1 : victim);
        /* The first turn poisons nothing: training from the copy is training. */
        cr_assert_eq(other, MODELS,
                     "shape %d, case %d (seed %llu): model %d of %s (layer %d) before step %d changed %d", shape, i,
                     (unsigned long long)seed, victim, poison_names[kind], layer, step, other);
        cr_assert(i < 0 || victim_differs || kind == ZERO_WIDTH,
                  "shape %d, case %d (seed %llu): %s did nothing to model %d", shape, i, (unsigned long long)seed,
                  poison_names[kind], victim);
        /* A layer whose one unit is dead loses nothing by having none. */
        if (i >= 0 && kind == ZERO_WIDTH) zero_widths++, without_effect += !victim_differs;
        free_blocks(&poisoned);
    }
    free_blocks(&reference);
    for (int s = 0; s < STEPS; s++) free(before[s].arena);
    caviar_population_destroy(p);
    return cases;
}

Test(isolation, one_poisoned_model_leaves_999_alone) {
    const char *const lengthy = getenv("CAVIAR_LONG");
    const int cases = lengthy && *lengthy == '1' ? CASES_LONG : CASES;
    caviar_device *device = NULL;
    NEED(caviar_device_open(&device, CAVIAR_TEST_DEVICE, 1));
    caviar_dataset *dataset = make_blobs(48, 3, 2, 1.0, 5);
    NEED(caviar_dataset_split(dataset, 0.25, 0, 1));
    random_state = 2026;
    int kept = 0;
    for (int shape = 0; shape < 8; shape++) kept += poison_population(device, dataset, shape, cases);
    cr_assert(2 * without_effect <= zero_widths, "%d of %d zero widths did nothing", without_effect, zero_widths);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
    /* The figure is that of the CPU device alone: of several figures the worst would count. */
    if (strcmp(CAVIAR_TEST_DEVICE, "cpu") == 0) scorecard("isolation", kept);
}
