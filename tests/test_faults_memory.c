/*
 * Running out of memory in whole runs: each host allocation of opening a device, of a population's life and of a
 * recorded search fails in turn. tests/simt runs the same on the CUDA device.
 */
#include "blobs.h"
#include "failing_allocator.h"
#include "folder.h"
#include "scorecard.h"

#ifdef CAVIAR_SIMT
#include "simt/control.h"
#define CAVIAR_MEMORY_PROMISE "faults-memory-simt"
#else
#define CAVIAR_TEST_DEVICE "cpu"
#define CAVIAR_MEMORY_PROMISE "faults-memory"
#endif

static caviar_dataset *dataset;
static caviar_space *space;

enum { MODELS = 3 };

/* What a run leaves when nothing fails. */
typedef struct outcome {
    caviar_metrics metrics[2 * MODELS];
    caviar_metrics trials[4];
    float probabilities[4];
} outcome;

static caviar_status use_population(outcome *out, caviar_device *device, caviar_population **made) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = MODELS;
    options.hidden_width[0] = 3;
    options.batch_size = 8;
    caviar_status status = caviar_population_create(made, device, dataset, &options);
    caviar_hyperparameters each[MODELS];
    for (int k = 0; k < MODELS; k++) {
        const caviar_hyperparameters usual = CAVIAR_HYPERPARAMETERS_INIT;
        each[k] = usual;
        each[k].optimizer = (caviar_optimizer)(k * 2);
    }
    const float features[6] = { 1, 2, 3, -1, -2, -3 };
    caviar_model *model = NULL, *loaded = NULL;
    if (!status) status = caviar_population_start(*made, 0, MODELS, each);
    if (!status) status = caviar_population_train(*made, 4);
    if (!status) status = caviar_population_training_metrics(out->metrics, *made);
    if (!status) status = caviar_population_evaluate(out->metrics + MODELS, *made, CAVIAR_VALIDATION);
    if (!status) status = caviar_population_predict(out->probabilities, NULL, *made, 1, features, 2);
    if (!status) status = caviar_population_read_model(&model, *made, 0);
    if (!status) status = caviar_population_write_model(*made, 2, model);
    if (!status) status = caviar_model_save(model, in_folder("model"));
    if (!status) status = caviar_model_load(&loaded, in_folder("model"));
    if (!status) status = caviar_model_predict(out->probabilities, NULL, loaded, device, features, 2);
    if (!status) status = caviar_model_evaluate(out->metrics, loaded, device, dataset, CAVIAR_VALIDATION);
    caviar_model_destroy(model);
    caviar_model_destroy(loaded);
    return status;
}

static caviar_status run_population(outcome *out) {
    caviar_device *device = NULL;
    caviar_population *population = NULL;
    caviar_status status = caviar_device_open(&device, CAVIAR_TEST_DEVICE, 1);
    cr_assert(!device == (status != CAVIAR_OK));
    if (status) return status;
    status = use_population(out, device, &population);
    if (status && population) {
        /* The handle can be used on after the failure. */
        char message[512];
        snprintf(message, sizeof message, "%s", caviar_last_error());
        const caviar_hyperparameters usual = CAVIAR_HYPERPARAMETERS_INIT;
        caviar_metrics metrics[MODELS];
        SUCCEEDS(caviar_population_start(population, 0, 1, &usual));
        SUCCEEDS(caviar_population_train(population, 1));
        SUCCEEDS(caviar_population_evaluate(metrics, population, CAVIAR_VALIDATION));
        cr_assert_str_eq(message, caviar_last_error());
    }
    caviar_population_destroy(population);
    caviar_device_close(device);
    return status;
}

static caviar_device *of_searches; /* the population has opened it at each point already */

static caviar_status run_search(outcome *out) {
    caviar_search *search = NULL;
    caviar_search_options options = CAVIAR_SEARCH_OPTIONS_INIT;
    options.trials = 4;
    options.epochs = 1;
    options.directory = in_folder("study");
    caviar_status status = caviar_search_create(&search, of_searches, dataset, space, &options);
    cr_assert(!search == (status != CAVIAR_OK));
    if (!status) status = caviar_search_run(search);
    caviar_trial trial;
    int32_t ranking[4];
    if (!status) status = caviar_search_rank(ranking, 4, search);
    for (int32_t n = 0; !status && n < 4; n++)
        if ((status = caviar_search_get_trial(&trial, search, n)) == CAVIAR_OK) out->trials[n] = trial.validation;
    caviar_search_destroy(search);
    nftw(in_folder("study"), remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return status;
}

static caviar_status (*use)(outcome *);
static outcome clean, now;

static caviar_status attempt(void) {
    memset(&now, 0, sizeof now);
#ifdef CAVIAR_SIMT
    const int64_t objects = simt_live_objects();
#endif
    const caviar_status status = use(&now);
#ifdef CAVIAR_SIMT
    cr_assert_eq(simt_live_objects(), objects, "objects of CUDA are left");
#endif
    cr_assert(status || memcmp(&now, &clean, sizeof now) == 0, "another outcome than without failures");
    return status;
}

/* A search that finds no room for its models trains fewer at once, and comes to the same. */
static int fewer_at_once(void) {
    return use == run_search && strcmp(failed_allocation, "aligned_alloc") == 0;
}

static int exhaust(const char *name, int at_least, caviar_status (*run)(outcome *)) {
    use = run;
    memset(&clean, 0, sizeof clean);
    SUCCEEDS(run(&clean));
    return exhaust_allocations(name, at_least, attempt, fewer_at_once);
}

Test(faults_memory, whole_runs_give_back_everything_and_can_be_repeated, .init = make_folder, .fini = remove_folder) {
    dataset = make_blobs(40, 3, 2, 1.0, 5);
    SUCCEEDS(caviar_dataset_split(dataset, 0.3, 0, 1));
    SUCCEEDS(caviar_space_create(&space));
    SUCCEEDS(caviar_space_parse(space, "learning_rate=0.001,0.01,0.1"));
    SUCCEEDS(caviar_space_parse(space, "hidden_width=2..3"));
    SUCCEEDS(caviar_space_parse(space, "batch_size=8"));
    int points = exhaust("a population", 150, run_population);
    SUCCEEDS(caviar_device_open(&of_searches, CAVIAR_TEST_DEVICE, 1));
    points += exhaust("a recorded search", 500, run_search);
    caviar_device_close(of_searches);
    caviar_space_destroy(space);
    caviar_dataset_destroy(dataset);
    scorecard(CAVIAR_MEMORY_PROMISE, points);
}
