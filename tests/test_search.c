/* Searches end to end on small data: the same bytes again, interruption, ranking, the record, memory, failures. */
#include "blobs.h"
#include "folder.h"
#include "host/rank.h"
#include "host/search.h"
#include "host/status.h"
#include "kernels/device.h"

#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

static caviar_device *device;
static caviar_dataset *dataset;
static caviar_space *space;
static caviar_search_options options;

static void add(const char *line) {
    SUCCEEDS(caviar_space_parse(space, line));
}

/* Two depths, two batch sizes, learning rates that diverge without batch norm: seven or eight cohorts a round. */
static void enter(void) {
    make_folder();
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    dataset = make_blobs(331, 6, 3, 1.0, 5);
    SUCCEEDS(caviar_dataset_split(dataset, 0.3, 0, 1));
    SUCCEEDS(caviar_space_create(&space));
    add("learning_rate=1e-4..0.3");
    add("optimizer=sgd,momentum,adam");
    add("momentum=0.5..0.95");
    add("hidden_layers=1,2");
    add("hidden_width=2..12");
    add("batch_norm=true,false");
    add("batch_size=16,33");
    add("dropout=0..0.3");
    const caviar_search_options usual = CAVIAR_SEARCH_OPTIONS_INIT;
    options = usual;
    options.trials = 18;
    options.epochs = 2;
    options.rounds = 3;
    options.seed = 11;
}

static void leave(void) {
    caviar_space_destroy(space);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
    remove_folder();
}

TestSuite(search, .init = enter, .fini = leave);

static caviar_search *make(void) {
    caviar_search *search = NULL;
    SUCCEEDS(caviar_search_create(&search, device, dataset, space, &options));
    return search;
}

static char *text_of(const char *name) {
    size_t size;
    char *text = (char *)read_file(&size, in_folder(name));
    text[size] = '\0';
    return text;
}

/* Runs the search into a folder and gives its trials.csv. */
static char *trials_of(const char *directory) {
    char name[64];
    options.directory = in_folder(directory);
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    caviar_search_destroy(search);
    snprintf(name, sizeof name, "%s/trials.csv", directory);
    return text_of(name);
}

static caviar_trial trial_of(const caviar_search *search, int32_t number) {
    caviar_trial trial;
    SUCCEEDS(caviar_search_get_trial(&trial, search, number));
    return trial;
}

static int same_metrics(caviar_metrics a, caviar_metrics b) {
    return memcmp(&a.loss, &b.loss, sizeof a.loss) == 0 && a.accuracy == b.accuracy && a.examples == b.examples;
}

/* -------------------------------------------------------------------------------------------------------- the same
 * bytes */

Test(search, a_seed_gives_the_same_bytes_whatever_trains_beside_what) {
    char *expected = trials_of("first"), *again = trials_of("second");
    cr_expect_str_eq(again, expected, "the same search twice");
    free(again);
    static const int32_t at_once[] = { 1, 2, 100 };
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "at-once-%d", at_once[i]);
        options.models_at_once = at_once[i];
        again = trials_of(name);
        cr_expect_str_eq(again, expected, "%d at once", at_once[i]);
        free(again);
    }
    options.models_at_once = 0;
    caviar_device_close(device);
    SUCCEEDS(caviar_device_open(&device, "cpu", 2));
    again = trials_of("threads");
    cr_expect_str_eq(again, expected, "2 threads");
    free(again);
    options.seed++;
    again = trials_of("seed");
    cr_expect_str_neq(again, expected, "another seed");
    free(again);
    free(expected);
}

/* A trial's record says how to train it: alone, from its hyperparameters, it comes to the same metrics. */
Test(search, a_trial_trains_alone_to_the_same_bits) {
    for (int independent = 0; independent < 2; independent++) {
        options.independent_streams = independent;
        caviar_search *search = make();
        SUCCEEDS(caviar_search_run(search));
        for (int32_t number = 0; number < options.trials; number += 5) {
            const caviar_trial trial = trial_of(search, number);
            cr_expect_eq(trial.hyperparameters.stream, independent ? (uint32_t)number : 0u);
            caviar_population_options shape = CAVIAR_POPULATION_OPTIONS_INIT;
            shape.hidden_layers = trial.hidden_layers;
            memcpy(shape.hidden_width, trial.hidden_width, sizeof shape.hidden_width);
            shape.batch_norm = trial.batch_norm;
            shape.batch_size = trial.batch_size;
            shape.seed = options.seed;
            caviar_population *population;
            caviar_metrics training, validation;
            SUCCEEDS(caviar_population_create(&population, device, dataset, &shape));
            SUCCEEDS(caviar_population_start(population, 0, 1, &trial.hyperparameters));
            const int64_t epoch = caviar_population_steps_per_epoch(population);
            SUCCEEDS(caviar_population_train(population, epoch * (options.epochs - 1)));
            SUCCEEDS(caviar_population_training_metrics(&training, population));
            SUCCEEDS(caviar_population_train(population, epoch));
            SUCCEEDS(caviar_population_training_metrics(&training, population));
            SUCCEEDS(caviar_population_evaluate(&validation, population, CAVIAR_VALIDATION));
            cr_expect(same_metrics(validation, trial.validation), "trial %d: loss %.17g, not %.17g", number,
                      validation.loss, trial.validation.loss);
            cr_expect(same_metrics(training, trial.training), "trial %d, of training", number);
            caviar_population_destroy(population);
        }
        caviar_search_destroy(search);
    }
}

/* ------------------------------------------------------------------------------------------------------------- results
 */

Test(search, finds_a_good_model_and_keeps_it) {
    for (int metric = 0; metric < 2; metric++) {
        options.metric = (caviar_metric)metric;
        caviar_search *search = make();
        const caviar_model *model = NULL;
        REFUSES(caviar_search_best_model(&model, search), CAVIAR_NOT_FOUND, "no trial has been measured");
        cr_expect_eq(caviar_search_trial_count(search), 0);
        caviar_trial trial;
        REFUSES(caviar_search_get_trial(&trial, search, 0), CAVIAR_NOT_FOUND, "trial 0 has not been sampled");
        SUCCEEDS(caviar_search_run(search));
        REFUSES(caviar_search_run(search), CAVIAR_INVALID_ARGUMENT, "has been run: create another");
        cr_assert_eq(caviar_search_trial_count(search), options.trials);

        int32_t ranking[18];
        SUCCEEDS(caviar_search_rank(ranking, 18, search));
        for (int i = 1; i < 18; i++) {
            const caviar_trial a = trial_of(search, ranking[i - 1]), b = trial_of(search, ranking[i]);
            cr_assert(metric == CAVIAR_VALIDATION_LOSS ? a.validation.loss <= b.validation.loss
                                                       : a.validation.accuracy >= b.validation.accuracy);
        }
        const caviar_trial best = trial_of(search, ranking[0]);
        cr_expect_gt(best.validation.accuracy, 0.6);
        caviar_metrics metrics;
        SUCCEEDS(caviar_search_best_model(&model, search));
        SUCCEEDS(caviar_model_evaluate(&metrics, model, device, dataset, CAVIAR_VALIDATION));
        cr_expect(same_metrics(metrics, best.validation), "loss %.17g, not %.17g", metrics.loss, best.validation.loss);
        for (int32_t i = 0; i < options.trials; i++) {
            const caviar_trial t = trial_of(search, i);
            cr_expect(t.number == i && t.round == i / 6 && t.epochs == options.epochs);
            cr_expect(t.state == CAVIAR_TRIAL_COMPLETE && t.validation.examples == 99);
            /* 7 minibatches of 33 and one example, of which batch norm has no variance. */
            cr_expect_eq(t.training.examples, t.batch_norm && t.batch_size == 33 ? 231 : 232);
        }
        caviar_search_destroy(search);
    }
}

/* Rounds take the whole space, then what the elite that did not diverge lets them. */
Test(search, later_rounds_keep_to_the_elite_and_diverged_trials_do_not_count) {
    caviar_space_destroy(space);
    SUCCEEDS(caviar_space_create(&space));
    add("learning_rate=1e-3..1e6");
    add("batch_norm=false");
    add("batch_size=16");
    add("optimizer=sgd");
    options.trials = 25;
    options.rounds = 2;
    options.epochs = 1;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    int32_t ranking[25], finite = 0, elite = 0, diverged = 0;
    double a = INFINITY, b = -INFINITY;
    SUCCEEDS(caviar_search_rank(ranking, 25, search));
    for (int i = 0; i < 25; i++) {
        const caviar_trial t = trial_of(search, ranking[i]);
        if (t.round == 0 && t.state == CAVIAR_TRIAL_COMPLETE) finite++;
        if (t.state == CAVIAR_TRIAL_DIVERGED)
            diverged++;
        else
            cr_assert_eq(diverged, 0, "a diverged trial is ranked before one that is not");
        cr_expect((t.state == CAVIAR_TRIAL_DIVERGED) == !isfinite(t.validation.loss));
    }
    cr_assert(diverged > 2 && finite > 4, "%d diverged, %d of round 0 did not", diverged, finite);
    for (int i = 0; i < 25 && elite < (finite + 3) / 4; i++) {
        const caviar_trial t = trial_of(search, ranking[i]);
        if (t.round != 0) continue;
        a = fmin(a, log10(t.hyperparameters.learning_rate));
        b = fmax(b, log10(t.hyperparameters.learning_rate));
        elite++;
    }
    const double margin = fmax((b - a) / 10, (9.0 / 4 - (b - a)) / 2);
    for (int i = 0; i < 25; i++) {
        const caviar_trial t = trial_of(search, i);
        const double r = log10(t.hyperparameters.learning_rate);
        cr_expect_eq(t.round, i >= 13);
        if (t.round == 1)
            cr_expect(r >= fmax(a - margin, -3) - 1e-9 && r <= b + margin + 1e-9, "10^%g is not in 10^[%g, %g]", r,
                      a - margin, b + margin);
    }
    caviar_search_destroy(search);
}

Test(search, ranks_by_the_metric_then_the_other_then_the_number) {
    /* loss, accuracy, state */
    static const struct {
        double loss, accuracy;
        caviar_trial_state state;
    } rows[] = {
        { 0.5, 0.8, CAVIAR_TRIAL_COMPLETE },       { NAN, NAN, CAVIAR_TRIAL_DIVERGED },
        { 0.4, 0.8, CAVIAR_TRIAL_COMPLETE },       { 0.4, 0.9, CAVIAR_TRIAL_COMPLETE },
        { NAN, 1.0, CAVIAR_TRIAL_DIVERGED },       { 0.4, 0.8, CAVIAR_TRIAL_COMPLETE },
        { 0.1, 0.1, CAVIAR_TRIAL_PLANNED },        { 0.3, 0.7, CAVIAR_TRIAL_INTERRUPTED },
        { -INFINITY, 1.0, CAVIAR_TRIAL_DIVERGED }, { 9.0, 0.0, CAVIAR_TRIAL_COMPLETE },
    };
    enum { COUNT = sizeof rows / sizeof rows[0] };
    static const int32_t expected[2][COUNT - 1] = { { 3, 2, 5, 0, 7, 9, 1, 4, 8 }, { 7, 3, 2, 5, 0, 9, 1, 4, 8 } };
    caviar_trial trials[COUNT];
    for (int i = 0; i < COUNT; i++)
        trials[i] =
            (caviar_trial){ .number = i, .state = rows[i].state, .validation = { rows[i].loss, rows[i].accuracy, 10 } };
    for (int metric = 0; metric < 2; metric++) {
        int32_t numbers[COUNT], ranked;
        SUCCEEDS(caviar_rank(numbers, &ranked, trials, COUNT, (caviar_metric)metric));
        cr_assert_eq(ranked, COUNT - 1);
        for (int i = 0; i < ranked; i++)
            cr_expect_eq(numbers[i], expected[metric][i], "metric %d, place %d: trial %d", metric, i, numbers[i]);
        for (int i = 0; i < ranked; i++)
            for (int j = 0; j < ranked; j++)
                cr_expect_eq(caviar_trial_is_better(&trials[numbers[i]], &trials[numbers[j]], (caviar_metric)metric),
                             i < j);
    }
}

/* ---------------------------------------------------------------------------------------------- progress, interruption
 */

typedef struct watch {
    int calls, stop_at; /* stop_at 0: never */
    int32_t most_models;
    caviar_search_progress last;
} watch;

static int on_progress(void *context, const caviar_search_progress *progress) {
    watch *w = context;
    const caviar_search_progress *last = &w->last;
    cr_assert(progress->trials_done >= last->trials_done && progress->trials_done <= progress->trials);
    cr_assert(progress->model_steps >= last->model_steps && progress->seconds >= last->seconds);
    cr_assert(progress->round >= last->round && progress->round < progress->rounds);
    cr_assert((progress->best_trial < 0) == (progress->trials_done == 0));
    if (progress->models > w->most_models) w->most_models = progress->models;
    w->last = *progress;
    return ++w->calls == w->stop_at;
}

Test(search, tells_how_far_it_is) {
    watch w = { 0 };
    options.progress = on_progress;
    options.progress_context = &w;
    options.models_at_once = 2;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    cr_expect(w.last.trials_done == 18 && w.last.trials == 18 && w.last.models == 0 && w.most_models == 2);
    cr_expect(w.last.round == 2 && w.last.rounds == 3);
    cr_expect(w.last.model_steps == w.last.model_steps_total, "%lld of %lld", (long long)w.last.model_steps,
              (long long)w.last.model_steps_total);
    int32_t best;
    SUCCEEDS(caviar_search_rank(&best, 1, search));
    cr_expect(w.last.best_trial == best && same_metrics(w.last.best, trial_of(search, best).validation));
    caviar_search_destroy(search);
}

Test(search, an_interrupted_search_keeps_what_it_has) {
    options.progress = on_progress;
    options.epochs = 30;
    options.models_at_once = 3;
    int partly = 0;
    for (int stop_at = 1; stop_at < 60; stop_at += 7) {
        watch w = { .stop_at = stop_at };
        char name[32], line[64];
        snprintf(name, sizeof name, "stop-%d", stop_at);
        options.directory = in_folder(name);
        options.progress_context = &w;
        caviar_search *search = make();
        REFUSES(caviar_search_run(search), CAVIAR_INTERRUPTED, "the search was stopped after");
        const int32_t measured = caviar_search_trial_count(search);
        cr_assert(measured > 0 && measured < options.trials, "%d", measured);
        int32_t ranking[18], interrupted = 0;
        SUCCEEDS(caviar_search_rank(ranking, measured, search));
        for (int32_t i = 0; i < measured; i++) {
            const caviar_trial t = trial_of(search, ranking[i]);
            interrupted += t.state == CAVIAR_TRIAL_INTERRUPTED;
            cr_expect(t.state == CAVIAR_TRIAL_INTERRUPTED ? t.epochs > 0 && t.epochs < 30 : t.epochs == 30);
            cr_expect(isfinite(t.validation.loss) && t.validation.examples == 99);
        }
        partly += interrupted > 0;
        const caviar_model *model;
        caviar_metrics metrics;
        SUCCEEDS(caviar_search_best_model(&model, search));
        SUCCEEDS(caviar_model_evaluate(&metrics, model, device, dataset, CAVIAR_VALIDATION));
        cr_expect(same_metrics(metrics, trial_of(search, ranking[0]).validation));

        snprintf(line, sizeof line, "%s/trials.csv", name);
        char *csv = text_of(line);
        int32_t rows = -1;
        for (const char *c = csv; *c; c++) rows += *c == '\n';
        cr_expect_eq(rows, measured);
        snprintf(line, sizeof line, "%s/search.json", name);
        char *json = text_of(line);
        cr_expect(strstr(json, "\"state\": \"interrupted\""), "%s", json);
        free(json);
        free(csv);
        caviar_search_destroy(search);
    }
    cr_expect_gt(partly, 3);
}

/* ---------------------------------------------------------------------------------------------------------- the record
 */

Test(search, records_what_was_searched_and_found) {
    options.directory = in_folder("record");
    options.metric = CAVIAR_VALIDATION_LOSS;
    options.seed = UINT64_MAX;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    int32_t best;
    SUCCEEDS(caviar_search_rank(&best, 1, search));
    const caviar_trial trial = trial_of(search, best);

    /* trials.csv: each cell reads back as the very number. */
    char *csv = text_of("record/trials.csv"), *rest = csv;
    const char *line = strsep(&rest, "\n");
    cr_expect_str_eq(line, "trial,round,state,epochs,training_loss,training_accuracy,validation_loss,"
                           "validation_accuracy,learning_rate,optimizer,momentum,hidden_layers,hidden_width,"
                           "batch_norm,batch_size,dropout");
    for (int32_t number = 0; number < options.trials; number++) {
        char *cells = strsep(&rest, "\n"), *cell[16], value[64];
        const caviar_trial t = trial_of(search, number);
        for (int i = 0; i < 16; i++) cr_assert_not_null(cell[i] = strsep(&cells, ","));
        cr_assert_null(cells);
        cr_expect(atoi(cell[0]) == number && atoi(cell[1]) == t.round && strcmp(cell[2], "complete") == 0);
        cr_expect(atof(cell[3]) == 2 && atof(cell[4]) == t.training.loss && atof(cell[5]) == t.training.accuracy);
        cr_expect(atof(cell[6]) == t.validation.loss && atof(cell[7]) == t.validation.accuracy);
        cr_expect(atof(cell[8]) == t.hyperparameters.learning_rate && atof(cell[10]) == t.hyperparameters.momentum);
        cr_expect(atoi(cell[11]) == t.hidden_layers && atoi(cell[12]) == t.hidden_width[0]);
        cr_expect_str_eq(cell[13], t.batch_norm ? "true" : "false");
        for (int i = 0; i < 8; i++) {
            SUCCEEDS(caviar_search_get_value(value, sizeof value, search, number, i));
            cr_expect_str_eq(value, cell[8 + i]);
        }
    }
    cr_expect_str_eq(rest, "");
    free(csv);

    json_error_t error;
    json_t *json = json_load_file(in_folder("record/search.json"), 0, &error);
    cr_assert_not_null(json, "%s", error.text);
    const char *state, *seed, *metric, *name, *optimizer;
    int trials, number, validation, parts;
    double loss, rate;
    cr_assert_eq(json_unpack_ex(json, &error, 0, "{ss ss ss si s{si si} s{ss} s{si sf s{sf ss}}}", "state", &state,
                                "seed", &seed, "metric", &metric, "trials", &trials, "data", "validation", &validation,
                                "training", &parts, "device", "name", &name, "best", "trial", &number,
                                "validation_loss", &loss, "parameters", "learning_rate", &rate, "optimizer",
                                &optimizer),
                 0, "%s", error.text);
    cr_expect_str_eq(state, "complete");
    cr_expect_str_eq(seed, "18446744073709551615");
    cr_expect_str_eq(metric, "validation_loss");
    cr_expect_str_eq(name, "cpu");
    cr_expect(trials == 18 && number == best && validation == 99 && parts == 232 && loss == trial.validation.loss);
    cr_expect(rate == trial.hyperparameters.learning_rate);
    json_decref(json);

    caviar_space *loaded;
    caviar_metric found;
    SUCCEEDS(caviar_space_load(&loaded, in_folder("record/space.yaml")));
    SUCCEEDS(caviar_space_get_metric(&found, loaded));
    cr_expect(caviar_space_size(loaded) == caviar_space_size(space) && found == CAVIAR_VALIDATION_LOSS);
    caviar_space_destroy(loaded);

    caviar_model *model;
    caviar_metrics metrics;
    SUCCEEDS(caviar_model_load(&model, in_folder("record/best.safetensors")));
    SUCCEEDS(caviar_model_evaluate(&metrics, model, device, dataset, CAVIAR_VALIDATION));
    cr_expect(same_metrics(metrics, trial.validation));
    caviar_model_destroy(model);
    caviar_search_destroy(search);
}

Test(search, refuses_folders_before_it_trains) {
    caviar_search *search = NULL;
    static const char *const held[] = { "trials.csv", "space.yaml", "search.json", "best.safetensors" };
    for (int i = 0; i < 4; i++) {
        char name[64], path[32];
        snprintf(path, sizeof path, "held-%d", i);
        cr_assert_eq(mkdir(in_folder(path), 0777), 0);
        snprintf(name, sizeof name, "%s/%s", path, held[i]);
        write_text(name, "x");
        options.directory = in_folder(path);
        REFUSES(caviar_search_create(&search, device, dataset, space, &options), CAVIAR_INVALID_ARGUMENT,
                "exists: a search is recorded there already; name another folder, or remove it");
    }
    options.directory = in_folder("none/inside");
    REFUSES(caviar_search_create(&search, device, dataset, space, &options), CAVIAR_IO_ERROR,
            "make the folder above it first");
    options.directory = write_text("file", "x");
    REFUSES(caviar_search_create(&search, device, dataset, space, &options), CAVIAR_IO_ERROR, "is not a folder");
    options.directory = "";
    REFUSES(caviar_search_create(&search, device, dataset, space, &options), CAVIAR_INVALID_ARGUMENT, "is empty");
    cr_expect_null(search);

    /* A folder that went away in between: nothing was trained, and the search can still be run. */
    options.directory = in_folder("gone");
    search = make();
    cr_assert_eq(remove(options.directory), 0);
    REFUSES(caviar_search_run(search), CAVIAR_IO_ERROR, "gone/space.yaml");
    cr_assert_eq(mkdir(options.directory, 0777), 0);
    options.directory = NULL; /* the search has its own copy */
    SUCCEEDS(caviar_search_run(search));
    caviar_search_destroy(search);
}

/* --------------------------------------------------------------------------------------------------- memory and
 * failures */

/* The CPU device's table with the functions below in place of its own. */
static caviar_device_table table;
static const caviar_device_table *own;
static size_t largest_allocation; /* more is out of memory */
static uint64_t memory_free;
static int failing_allocation; /* the n-th from now on; 0: none */

static caviar_status allocate(void **memory, caviar_device *on, size_t bytes) {
    if (bytes > largest_allocation || (failing_allocation > 0 && --failing_allocation == 0))
        return caviar_fail(CAVIAR_OUT_OF_DEVICE_MEMORY, "the test has no %zu bytes", bytes);
    return own->allocate(memory, on, bytes);
}

static caviar_status get_info(caviar_device_info *info, const caviar_device *on) {
    const caviar_status status = own->get_info(info, on);
    info->memory_free = memory_free;
    return status;
}

static void replace_table(void) {
    own = device->table;
    table = *own;
    table.allocate = allocate;
    table.get_info = get_info;
    largest_allocation = SIZE_MAX;
    memory_free = UINT64_C(1) << 40;
    device->table = &table;
}

Test(search, trains_as_many_at_once_as_memory_holds) {
    add("hidden_layers=1");
    add("batch_norm=true");
    add("batch_size=16");
    options.rounds = 1;
    char *expected = trials_of("plenty");
    replace_table();
    uint64_t bytes;
    caviar_population_options shape = CAVIAR_POPULATION_OPTIONS_INIT;
    shape.hidden_width[0] = 12;
    shape.batch_size = 16;
    shape.models = 5;
    SUCCEEDS(caviar_population_estimate(&bytes, device, dataset, &shape));
    watch w = { 0 };
    options.progress = on_progress;
    options.progress_context = &w;

    /* Told of memory for five: 18 trials are dealt to four cohorts of five or four. */
    memory_free = bytes * 10 / 9 + 100;
    char *again = trials_of("told");
    cr_expect_eq(w.most_models, 5);
    cr_expect_str_eq(again, expected);
    free(again);

    /* Not told: all 18, then 9, then 4 are tried. */
    memory_free = UINT64_C(1) << 40;
    largest_allocation = bytes;
    w = (watch){ 0 };
    again = trials_of("refused");
    cr_expect_eq(w.most_models, 4);
    cr_expect_str_eq(again, expected);
    free(again);

    /* Not even one. */
    largest_allocation = bytes / 20;
    options.directory = NULL;
    caviar_search *search = make();
    cr_expect_eq(caviar_search_run(search), CAVIAR_OUT_OF_DEVICE_MEMORY);
    cr_expect_eq(caviar_search_trial_count(search), 0);
    cr_expect_eq(trial_of(search, 17).state, CAVIAR_TRIAL_PLANNED);
    caviar_search_destroy(search);
    free(expected);
    device->table = own;
}

/* Each device allocation fails in turn: the search goes on with fewer models, or ends with what it had. */
Test(search, every_allocation_may_fail) {
    replace_table();
    char failing[192];
    snprintf(failing, sizeof failing, "%s", in_folder("failing"));
    options.directory = failing;
    int ended = 0, went_on = 0;
    for (int n = 1; n < 20; n++) {
        caviar_search *search = make();
        failing_allocation = n;
        const caviar_status status = caviar_search_run(search);
        failing_allocation = 0;
        cr_assert(status == CAVIAR_OK || status == CAVIAR_OUT_OF_DEVICE_MEMORY, "%d: status %d: %s", n, (int)status,
                  caviar_last_error());
        if (status == CAVIAR_OK)
            went_on++;
        else
            ended++;
        for (int32_t i = 0, measured = 0; i < 18; i++) {
            caviar_trial t;
            if (caviar_search_get_trial(&t, search, i) == CAVIAR_OK) measured += t.state == CAVIAR_TRIAL_COMPLETE;
            if (i == 17) cr_expect_eq(measured, caviar_search_trial_count(search));
        }
        caviar_search_destroy(search);
        char *json = text_of("failing/search.json");
        cr_expect(strstr(json, status == CAVIAR_OK ? "\"state\": \"complete\"" : "\"state\": \"failed\""), "%s", json);
        free(json);
        remove(in_folder("failing/trials.csv"));
        remove(in_folder("failing/search.json"));
        remove(in_folder("failing/space.yaml"));
        remove(in_folder("failing/best.safetensors"));
    }
    cr_expect(ended > 3 && went_on > 3, "%d ended, %d went on", ended, went_on);
    device->table = own;
}

/* ------------------------------------------------------------------------------------------------------- bad arguments
 */

Test(search, refuses_bad_arguments) {
    caviar_search *search = NULL;
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    REFUSES(caviar_search_create(NULL, device, dataset, space, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, NULL, dataset, space, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, device, NULL, space, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, device, dataset, NULL, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, device, dataset, space, NULL), bad, "NULL");
    const caviar_search_options good = options;
#define REFUSES_OPTION(field, value, fragment)                                                                         \
    do {                                                                                                               \
        options = good;                                                                                                \
        options.field = (value);                                                                                       \
        REFUSES(caviar_search_create(&search, device, dataset, space, &options), bad, fragment);                       \
    } while (0)
    REFUSES_OPTION(struct_size, 0, "start from CAVIAR_SEARCH_OPTIONS_INIT");
    REFUSES_OPTION(trials, 0, "options.trials is 0");
    REFUSES_OPTION(trials, -1, "options.trials is -1");
    REFUSES_OPTION(epochs, 0, "options.epochs is 0");
    REFUSES_OPTION(rounds, 0, "options.rounds is 0");
    REFUSES_OPTION(rounds, 19, "must be from 1 to the number of trials, 18");
    REFUSES_OPTION(models_at_once, -1, "options.models_at_once is -1");
    REFUSES_OPTION(metric, (caviar_metric)2, "options.metric is 2");
    options = good;

    caviar_dataset *whole = make_blobs(50, 4, 2, 1, 1), *unlabelled;
    const float x[] = { 1, 2, 3 };
    REFUSES(caviar_search_create(&search, device, whole, space, &options), bad,
            "no validation part to compare trials on: call caviar_dataset_split");
    SUCCEEDS(caviar_dataset_split(whole, 0.5, 0, 1));
    REFUSES(caviar_search_create(&search, device, whole, space, &options), bad,
            "batch_size can be 33, and the training part has 25 examples");
    SUCCEEDS(caviar_dataset_create(&unlabelled, x, CAVIAR_FLOAT32, NULL, 3, 1, 0));
    REFUSES(caviar_search_create(&search, device, unlabelled, space, &options), bad, "has no labels");
    caviar_dataset_destroy(whole);
    caviar_dataset_destroy(unlabelled);

    cr_expect_null(search);
    REFUSES(caviar_search_run(NULL), bad, "NULL");
    search = make();
    char text[8] = "before";
    caviar_trial trial = { .number = 77 };
    int32_t numbers[2] = { 77, 77 };
    const caviar_model *model = NULL;
    REFUSES(caviar_search_get_trial(NULL, search, 0), bad, "NULL");
    REFUSES(caviar_search_get_trial(&trial, NULL, 0), bad, "NULL");
    REFUSES(caviar_search_get_trial(&trial, search, -1), bad, "trial -1 is not one of the search's 18 trials");
    REFUSES(caviar_search_get_trial(&trial, search, 18), bad, "trial 18");
    REFUSES(caviar_search_rank(NULL, 0, search), bad, "NULL");
    REFUSES(caviar_search_rank(numbers, 0, NULL), bad, "NULL");
    REFUSES(caviar_search_rank(numbers, -1, search), bad, "count is -1");
    REFUSES(caviar_search_rank(numbers, 1, search), bad, "count is 1, and 0 trials have been measured");
    SUCCEEDS(caviar_search_rank(numbers, 0, search));
    REFUSES(caviar_search_best_model(NULL, search), bad, "NULL");
    REFUSES(caviar_search_best_model(&model, NULL), bad, "NULL");
    REFUSES(caviar_search_get_value(text, 8, search, 0, 0), CAVIAR_NOT_FOUND, "has not been sampled");
    SUCCEEDS(caviar_search_run(search));
    REFUSES(caviar_search_get_value(NULL, 8, search, 0, 0), bad, "NULL");
    REFUSES(caviar_search_get_value(text, 0, search, 0, 0), bad, "size is 0");
    REFUSES(caviar_search_get_value(text, 8, NULL, 0, 0), bad, "NULL");
    REFUSES(caviar_search_get_value(text, 8, search, 18, 0), bad, "trial 18");
    REFUSES(caviar_search_get_value(text, 8, search, 0, 8), bad, "parameter 8 is not one of the space's 8");
    REFUSES(caviar_search_get_value(text, 8, search, 0, -1), bad, "parameter -1");
    cr_expect(strcmp(text, "before") == 0 && trial.number == 77 && numbers[0] == 77 && model == NULL);
    SUCCEEDS(caviar_search_get_value(text, 3, search, 0, 5)); /* "true" or "false" */
    cr_expect(strcmp(text, "tr") == 0 || strcmp(text, "fa") == 0);
    cr_expect_eq(caviar_search_trial_count(NULL), 0);
    caviar_search_destroy(search);
    caviar_search_destroy(NULL);
}
