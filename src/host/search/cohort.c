/*
 * Training trials side by side: which fit on the device at once, the steps in pieces short enough for the progress
 * function to be called several times a second, and the measuring after each epoch. Pieces are a matter of time only: a
 * population that is trained in pieces has the bits of one trained in one go.
 */
#include "search.h"

#include "host/population/population.h"
#include "host/status.h"
#include "rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Trials in training together, as one population. */
typedef struct cohort {
    caviar_search *search;
    caviar_population *population;
    const int32_t *numbers; /* [count] */
    int32_t count;
    int64_t epoch, steps; /* minibatches of each model: of an epoch, in all */
    int64_t step;         /* done */
    int64_t piece;        /* steps that take about a tenth of a second */
} cohort;

double caviar_seconds_since(const struct timespec *since) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) * 1e-9;
}

int64_t caviar_search_trial_steps(const caviar_search *search, const caviar_trial *trial) {
    const caviar_population_options options = { .hidden_layers = trial->hidden_layers,
                                                .batch_norm = trial->batch_norm,
                                                .batch_size = trial->batch_size };
    return caviar_steps_per_epoch(search->data.part_examples[CAVIAR_TRAIN], &options) * search->options.epochs;
}

/* -------------------------------------------------------------------------------------------------------- its progress
 */

static void report(cohort *c) {
    caviar_search *search = c->search;
    if (search->options.progress == NULL) return;
    const caviar_search_progress progress = {
        .trials_done = search->done,
        .trials = search->options.trials,
        .round = search->round,
        .rounds = search->options.rounds,
        .models = c->step < c->steps ? c->count : 0,
        .model_steps = search->model_steps,
        /* Rounds that are not sampled yet are taken to be like those that are. */
        .model_steps_total = llround((double)search->model_steps_total / search->sampled * search->options.trials),
        .best_trial = search->best,
        .best = search->best < 0 ? (caviar_metrics){ NAN, NAN, 0 } : search->trials[search->best].validation,
        .seconds = caviar_seconds_since(&search->began),
    };
    if (search->options.progress(search->options.progress_context, &progress) != 0) search->stopped = 1;
}

/* Trains up to step `until`, or until the progress function says stop. */
static caviar_status train_until(cohort *c, int64_t until) {
    while (c->step < until && !c->search->stopped) {
        const int64_t steps = c->piece < until - c->step ? c->piece : until - c->step;
        struct timespec start;
        clock_gettime(CLOCK_MONOTONIC, &start);
        CAVIAR_TRY(caviar_population_train(c->population, steps));
        const double seconds = caviar_seconds_since(&start);
        c->step += steps;
        c->search->model_steps += steps * c->count;
        if (seconds < 0.05 && steps == c->piece) c->piece *= 2;
        if (seconds > 0.2 && c->piece > 1) c->piece /= 2;
        report(c);
    }
    return CAVIAR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- measuring
 */

/* Takes a measurement into the trial, which counts for the best of its measurements. */
static void take(cohort *c, caviar_trial *trial, const caviar_metrics *training, const caviar_metrics *validation) {
    caviar_search *search = c->search;
    caviar_trial now = *trial;
    now.epochs = now.best_epoch = (double)c->step / (double)c->epoch;
    now.training = *training;
    now.validation = *validation;
    const int is_first = trial->state == CAVIAR_TRIAL_PLANNED;
    search->measured += is_first;
    if (is_first || caviar_trial_is_better(&now, trial, search->options.metric)) *trial = now;
    trial->epochs = now.epochs;
    trial->state = !isfinite(validation->loss) ? CAVIAR_TRIAL_DIVERGED
                   : c->step < c->steps        ? CAVIAR_TRIAL_TRAINING
                                               : CAVIAR_TRIAL_COMPLETE;
}

/* Keeps the model of the cohort's best trial if it is, as it is now, the best that the search has had. */
static caviar_status keep_best(cohort *c) {
    caviar_search *search = c->search;
    int32_t best = search->best, index = -1;
    for (int32_t i = 0; i < c->count; ++i) {
        const caviar_trial *trial = &search->trials[c->numbers[i]];
        const int is_at_its_best = trial->best_epoch == trial->epochs && isfinite(trial->validation.loss);
        if (!is_at_its_best) continue;
        if (best >= 0 && best != trial->number &&
            !caviar_trial_is_better(trial, &search->trials[best], search->options.metric))
            continue;
        best = trial->number;
        index = i;
    }
    if (index < 0) return CAVIAR_OK;
    caviar_model *model;
    CAVIAR_TRY(caviar_population_read_model(&model, c->population, index));
    caviar_model_destroy(search->best_model);
    search->best_model = model;
    search->best = best;
    search->best_unsaved = 1;
    return CAVIAR_OK;
}

/* Metrics of training are those since the last measurement: of the epoch. */
static caviar_status measure(cohort *c, caviar_metrics *training, caviar_metrics *validation) {
    caviar_search *search = c->search;
    CAVIAR_TRY(caviar_population_training_metrics(training, c->population));
    CAVIAR_TRY(caviar_population_evaluate(validation, c->population, CAVIAR_VALIDATION));
    for (int32_t i = 0; i < c->count; ++i) take(c, &search->trials[c->numbers[i]], &training[i], &validation[i]);
    if (c->step == c->steps) search->done += c->count;
    CAVIAR_TRY(keep_best(c));
    /* Files that reach the disk take their time: short epochs share a record. */
    if (caviar_seconds_since(&search->recorded) > 1) CAVIAR_TRY(caviar_record_try(search));
    report(c);
    return CAVIAR_OK;
}

static caviar_status start(cohort *c) {
    const size_t size = (size_t)c->count * sizeof(caviar_hyperparameters);
    caviar_hyperparameters *hyperparameters = malloc(size);
    if (hyperparameters == NULL) return caviar_fail_memory("the hyperparameters of a cohort", size);
    for (int32_t i = 0; i < c->count; ++i) hyperparameters[i] = c->search->trials[c->numbers[i]].hyperparameters;
    const caviar_status status = caviar_population_start(c->population, 0, c->count, hyperparameters);
    free(hyperparameters);
    return status;
}

static caviar_status train_and_measure(cohort *c, caviar_metrics *training, caviar_metrics *validation) {
    CAVIAR_TRY(start(c));
    while (c->step < c->steps && !c->search->stopped) {
        CAVIAR_TRY(train_until(c, c->step + c->epoch));
        CAVIAR_TRY(measure(c, training, validation));
    }
    return CAVIAR_OK;
}

static caviar_status run_cohort(cohort *c) {
    const size_t count = (size_t)c->count;
    caviar_metrics *metrics = calloc(2 * count, sizeof *metrics);
    if (metrics == NULL) return caviar_fail_memory("the metrics of a cohort", 2 * count * sizeof *metrics);
    c->epoch = caviar_population_steps_per_epoch(c->population);
    c->steps = c->epoch * c->search->options.epochs;
    const caviar_status status = train_and_measure(c, metrics, metrics + count);
    free(metrics);
    for (int32_t i = 0; i < c->count; ++i) {
        caviar_trial *trial = &c->search->trials[c->numbers[i]];
        if (trial->state == CAVIAR_TRIAL_TRAINING) trial->state = CAVIAR_TRIAL_INTERRUPTED;
    }
    return status;
}

/* --------------------------------------------------------------------------------------------- how many train at once
 */

/* The population of these trials: each layer is as wide as the widest of them. */
static caviar_population_options population_options(const caviar_search *search, const int32_t *numbers,
                                                    int32_t count) {
    const caviar_trial *first = &search->trials[numbers[0]];
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = count;
    options.hidden_layers = first->hidden_layers;
    options.batch_norm = first->batch_norm;
    options.batch_size = first->batch_size;
    options.seed = search->options.seed;
    for (int layer = 0; layer < CAVIAR_MAX_HIDDEN_LAYERS; ++layer) {
        options.hidden_width[layer] = 0;
        for (int32_t i = 0; i < count; ++i) {
            const int32_t width = search->trials[numbers[i]].hidden_width[layer];
            if (width > options.hidden_width[layer]) options.hidden_width[layer] = width;
        }
    }
    return options;
}

/*
 * What a cohort may take of the device's free memory. On the CPU that is the host's as well, where the best model and
 * the one that takes its place are kept, and written from.
 */
static uint64_t memory_for(const caviar_search *search, const caviar_device_info *info,
                           const caviar_population_options *one) {
    uint64_t kept = 0;
    if (info->threads > 0 && caviar_population_estimate(&kept, search->device, search->dataset, one) == CAVIAR_OK) {
        /* Of a model that trains, parameters, gradients and two moments are four such blocks, and its data is not. */
        kept = kept < info->memory_free / 2 ? kept : info->memory_free / 2;
    }
    return (info->memory_free - kept) / 10 * 9;
}

/* The most of these trials, 1 at least, that fit. */
static caviar_status find_capacity(int32_t *capacity, const caviar_search *search, const int32_t *numbers,
                                   int32_t count) {
    caviar_device_info info;
    CAVIAR_TRY(caviar_device_get_info(&info, search->device));
    caviar_population_options options = population_options(search, numbers, count);
    options.models = 1;
    const uint64_t room = memory_for(search, &info, &options);
    int32_t fits = 1, most = count;
    while (fits < most) {
        options.models = fits + (most - fits + 1) / 2;
        uint64_t bytes;
        CAVIAR_TRY(caviar_population_estimate(&bytes, search->device, search->dataset, &options));
        if (bytes <= room)
            fits = options.models;
        else
            most = options.models - 1;
    }
    *capacity = fits;
    return CAVIAR_OK;
}

static int32_t divide_up(int32_t count, int32_t size) {
    return (count - 1) / size + 1;
}

static int same_widths(const caviar_trial *a, const caviar_trial *b) {
    return memcmp(a->hidden_width, b->hidden_width, sizeof a->hidden_width) == 0;
}

/*
 * How many of these trials, which are sorted by width, train next: cohorts of one size rather than full ones and a
 * rest. Unless the caller said how many, those that are enough for the device, and others of the same widths: all of a
 * cohort are padded to the widest of it.
 */
static int32_t next_cohort(const caviar_search *search, const int32_t *numbers, int32_t count, int32_t at_once) {
    const caviar_trial *trials = search->trials;
    const int32_t enough = search->device->table->enough_models(search->device);
    const int32_t most = divide_up(count, divide_up(count, at_once));
    if (search->options.models_at_once != 0 || count < 2 * enough) return most;
    int32_t size = divide_up(count, count / enough);
    while (size < most && same_widths(&trials[numbers[size - 1]], &trials[numbers[size]])) ++size;
    return size < most ? size : most;
}

caviar_status caviar_search_train_group(caviar_search *search, const int32_t *numbers, int32_t count) {
    int32_t at_once = search->options.models_at_once;
    if (at_once == 0) CAVIAR_TRY(find_capacity(&at_once, search, numbers, count));
    int64_t piece = 1;
    for (int32_t done = 0; done < count && !search->stopped;) {
        cohort c = { .search = search,
                     .numbers = numbers + done,
                     .count = next_cohort(search, numbers + done, count - done, at_once),
                     .piece = piece };
        const caviar_population_options options = population_options(search, c.numbers, c.count);
        caviar_status status = caviar_population_create(&c.population, search->device, search->dataset, &options);
        if (status == CAVIAR_OUT_OF_DEVICE_MEMORY && c.count > 1) {
            at_once = c.count / 2;
            continue;
        }
        if (status == CAVIAR_OK) status = run_cohort(&c);
        caviar_population_destroy(c.population);
        CAVIAR_TRY(status);
        done += c.count;
        piece = c.piece;
    }
    return CAVIAR_OK;
}
