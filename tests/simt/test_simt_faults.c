/*
 * Whole runs of a population and a search on the CUDA device, in which each call of CUDA and cuBLAS fails in turn, of
 * each kind and with each kind of error.
 */
#include "blobs.h"
#include "control.h"
#include "folder.h"
#include "host/status.h"
#include "scorecard.h"

#include <driver_types.h>

enum { MODELS = 3 };

static caviar_dataset *dataset;
static caviar_space *space;

static void enter(void) {
    make_folder();
    dataset = make_blobs(30, 3, 2, 1.0, 5);
    SUCCEEDS(caviar_dataset_split(dataset, 0.3, 0, 1));
    SUCCEEDS(caviar_space_create(&space));
    SUCCEEDS(caviar_space_parse(space, "learning_rate=1e-3..0.1"));
    SUCCEEDS(caviar_space_parse(space, "hidden_layers=1"));
    SUCCEEDS(caviar_space_parse(space, "hidden_width=2..3"));
    SUCCEEDS(caviar_space_parse(space, "batch_size=8"));
}

static void leave(void) {
    caviar_space_destroy(space);
    caviar_dataset_destroy(dataset);
    remove_folder();
}

TestSuite(simt_faults, .init = enter, .fini = leave);

/* What a run leaves when nothing fails. */
typedef struct outcome {
    caviar_metrics metrics[2 * MODELS + 4];
    float probabilities[2 * 2];
    char reached[8]; /* which results were given as computed */
} outcome;

/* On a lost device each call says so, and gives nothing as computed. */
static void check_lost(caviar_device *device, caviar_population *population, int started) {
    caviar_metrics metrics[MODELS], untouched[MODELS];
    memset(metrics, 0x5a, sizeof metrics);
    memcpy(untouched, metrics, sizeof metrics);
    float probabilities[2] = { 7, 7 };
    const float features[3] = { 0, 0, 0 };
    caviar_model *model = NULL;
    const caviar_hyperparameters usual = CAVIAR_HYPERPARAMETERS_INIT;
    void *memory = NULL;
    cr_assert_eq(caviar_device_wait(device), CAVIAR_DEVICE_LOST);
    cr_assert(caviar_device_allocate(&memory, device, 16) == CAVIAR_DEVICE_LOST && !memory);
    if (!population) return;
    cr_assert_eq(caviar_population_start(population, 0, 1, &usual), CAVIAR_DEVICE_LOST);
    cr_assert_eq(caviar_population_stop(population, 0), CAVIAR_DEVICE_LOST);
    cr_assert_eq(caviar_population_train(population, 1), CAVIAR_DEVICE_LOST);
    cr_assert_eq(caviar_population_training_metrics(metrics, population), CAVIAR_DEVICE_LOST);
    cr_assert_eq(caviar_population_evaluate(metrics, population, CAVIAR_TRAIN), CAVIAR_DEVICE_LOST);
    cr_assert_eq(caviar_population_predict(probabilities, NULL, population, 0, features, 1), CAVIAR_DEVICE_LOST);
    /* A model whose start failed is refused before the device is asked. */
    const caviar_status reading = caviar_population_read_model(&model, population, 0);
    cr_assert((reading == CAVIAR_DEVICE_LOST || (reading == CAVIAR_INVALID_ARGUMENT && !started)) && !model);
    cr_assert_eq(caviar_device_wait(device), CAVIAR_DEVICE_LOST);
    cr_assert(memcmp(metrics, untouched, sizeof metrics) == 0 && probabilities[0] == 7, "outputs were changed");
    cr_assert(strstr(caviar_last_error(), "cannot be used by this process any more"));
}

static caviar_engine engine; /* of use_population */

static caviar_status use_population(outcome *out, caviar_device *device, caviar_population **made) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = MODELS;
    options.hidden_width[0] = 3;
    options.batch_size = 8;
    options.engine = engine;
    CAVIAR_TRY(caviar_population_create(made, device, dataset, &options));
    caviar_hyperparameters each[MODELS];
    for (int k = 0; k < MODELS; k++) {
        const caviar_hyperparameters usual = CAVIAR_HYPERPARAMETERS_INIT;
        each[k] = usual;
        each[k].optimizer = (caviar_optimizer)(k * 2);
        each[k].dropout = k == 1 ? 0.2 : 0;
    }
    CAVIAR_TRY(caviar_population_start(*made, 0, MODELS, each));
    out->reached[7] = 1;
    CAVIAR_TRY(caviar_population_train(*made, 4));
    CAVIAR_TRY(caviar_population_training_metrics(out->metrics, *made));
    CAVIAR_TRY(caviar_population_evaluate(out->metrics + MODELS, *made, CAVIAR_VALIDATION));
    const float features[6] = { 1, 2, 3, -1, -2, -3 };
    CAVIAR_TRY(caviar_population_predict(out->probabilities, NULL, *made, 1, features, 2));
    caviar_model *model = NULL;
    CAVIAR_TRY(caviar_population_read_model(&model, *made, 0));
    caviar_status status = caviar_population_write_model(*made, 2, model);
    if (!status) status = caviar_model_save(model, in_folder("model"));
    caviar_model_destroy(model);
    return status;
}

static caviar_status run_population(outcome *out) {
    caviar_device *device = NULL;
    caviar_population *population = NULL;
    CAVIAR_TRY(caviar_device_open(&device, "cuda:0", 0));
    caviar_status status = use_population(out, device, &population);
    if (status == CAVIAR_DEVICE_LOST) check_lost(device, population, out->reached[7]);
    /* Any other error is over with the call: what was made can be used on. */
    if (status && status != CAVIAR_DEVICE_LOST && simt_call_failed()) SUCCEEDS(caviar_device_wait(device));
    if (status && status != CAVIAR_DEVICE_LOST && population) {
        const caviar_hyperparameters usual = CAVIAR_HYPERPARAMETERS_INIT;
        caviar_metrics metrics[MODELS];
        SUCCEEDS(caviar_population_start(population, 0, 1, &usual));
        SUCCEEDS(caviar_population_train(population, 1));
        SUCCEEDS(caviar_population_evaluate(metrics, population, CAVIAR_VALIDATION));
    }
    caviar_population_destroy(population);
    caviar_device_close(device);
    return status;
}

static caviar_status run_whole_steps(outcome *out) {
    engine = CAVIAR_ENGINE_WHOLE_STEP;
    const caviar_status status = run_population(out);
    engine = CAVIAR_ENGINE_AUTO;
    return status;
}

static caviar_status run_search(outcome *out) {
    caviar_device *device = NULL;
    caviar_search *search = NULL;
    caviar_search_options options = CAVIAR_SEARCH_OPTIONS_INIT;
    options.trials = 4;
    options.epochs = 1;
    options.directory = in_folder("study");
    CAVIAR_TRY(caviar_device_open(&device, "cuda:0", 0));
    caviar_status status = caviar_search_create(&search, device, dataset, space, &options);
    if (!status) status = caviar_search_run(search);
    const int32_t measured = caviar_search_trial_count(search);
    cr_assert(status || measured == 4, "%d trials", measured);
    caviar_trial trial;
    for (int32_t n = 0; search && n < 4; n++)
        if (caviar_search_get_trial(&trial, search, n) == CAVIAR_OK && trial.state != CAVIAR_TRIAL_PLANNED)
            out->metrics[n] = trial.validation, out->reached[n] = 1;
    if (status == CAVIAR_DEVICE_LOST) check_lost(device, NULL, 0);
    caviar_search_destroy(search);
    caviar_device_close(device);
    nftw(in_folder("study"), remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return status;
}

static int64_t points;

/* Fails the n-th call of a kind for n = `first`, `first + stride`, ... (1, 2, ... if the stride is 1) until none is
 * left. */
static void exhaust(const char *name, caviar_status (*use)(outcome *), simt_kind kind, int64_t first, int error,
                    caviar_status expected, int64_t stride) {
    static outcome clean, now;
    memset(&clean, 0, sizeof clean);
    simt_reset();
    SUCCEEDS(use(&clean));
    for (int64_t n = stride == 1 ? 1 : first;; n += stride) {
        memset(&now, 0, sizeof now);
        simt_fail_kind(kind, n, error);
        const caviar_status status = use(&now);
        const int failed = simt_call_failed();
        cr_assert(simt_live_objects() == 0, "%s: kind %d, call %lld, error %d: %lld objects left", name, (int)kind,
                  (long long)n, error, (long long)simt_live_objects());
        simt_reset();
        /* A failure of giving back at the end comes after all results. */
        const int whole = memcmp(&now, &clean, sizeof now) == 0;
        cr_assert(status ? failed : whole, "%s: kind %d, call %lld, error %d: a false %s", name, (int)kind,
                  (long long)n, error, status ? "error" : "success");
        cr_assert(!status || status == expected || (n == 1 && status == CAVIAR_NO_DEVICE),
                  "%s: kind %d, call %lld, error %d: status %d: %s", name, (int)kind, (long long)n, error, (int)status,
                  caviar_last_error());
        if (use == run_search)
            for (int i = 0; i < 4; i++)
                cr_assert(!now.reached[i] || memcmp(&now.metrics[i], &clean.metrics[i], sizeof(caviar_metrics)) == 0,
                          "call %lld, error %d: trial %d was not computed and yet is given", (long long)n, error, i);
        if (!failed) {
            cr_assert(n > 1, "%s: no call of kind %d", name, (int)kind);
            break;
        }
        points++;
    }
    /* And a clean run in this process gives the same bits. */
    memset(&now, 0, sizeof now);
    SUCCEEDS(use(&now));
    cr_assert(memcmp(&now, &clean, sizeof now) == 0, "%s: another outcome after the failures", name);
}

static const struct {
    int error;
    caviar_status status;
} errors[] = { { cudaErrorMemoryAllocation, CAVIAR_OUT_OF_DEVICE_MEMORY },
               { cudaErrorInvalidValue, CAVIAR_DEVICE_ERROR },
               { cudaErrorIllegalAddress, CAVIAR_DEVICE_LOST },
               { cudaErrorLaunchFailure, CAVIAR_DEVICE_LOST } };

Test(simt_faults, each_call_of_a_run_fails_in_turn) {
    const char *const variable = getenv("CAVIAR_LONG");
    const int lengthy = variable && *variable == '1';
    for (int e = 0; e < 4; e++) {
        /* Opening a device costs most of it, so each of the errors takes every second call, and each call two errors.
         */
        exhaust("population", run_population, SIMT_ANY, 1 + e % 2, errors[e].error, errors[e].status, lengthy ? 1 : 2);
        exhaust("whole steps", run_whole_steps, SIMT_ANY, 1 + e, errors[e].error, errors[e].status, lengthy ? 1 : 3);
        /* The calls of each kind are among all calls; of a search, which makes many, some of each kind are taken. */
        exhaust("search", run_search, SIMT_ALLOCATION, 1, errors[e].error, errors[e].status, 1);
        for (int kind = SIMT_LAUNCH; kind <= SIMT_CUBLAS; kind++)
            exhaust("search", run_search, (simt_kind)kind, 1 + e, errors[e].error, errors[e].status, lengthy ? 1 : 61);
        if (lengthy) exhaust("search", run_search, SIMT_ANY, 1, errors[e].error, errors[e].status, 1);
    }
    scorecard("faults-device", (double)points);
}
