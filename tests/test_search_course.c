/* The course of a search: progress, interruption, the record, memory that is short, failures. */
#include "host/status.h"
#include "kernels/device.h"
#include "search_fixture.h"

#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

TestSuite(search_course, .init = enter, .fini = leave);

/* ---------------------------------------------------------------------------------------------- progress, interruption
 */

typedef struct watch {
    int calls, stop_at; /* stop_at 0: never */
    int32_t most_models, improved_in_training;
    caviar_search_progress last;
} watch;

static int on_progress(void *context, const caviar_search_progress *progress) {
    watch *w = context;
    const caviar_search_progress *last = &w->last;
    cr_assert(progress->trials_done >= last->trials_done && progress->trials_done <= progress->trials);
    cr_assert(progress->model_steps >= last->model_steps && progress->seconds >= last->seconds);
    cr_assert(progress->round >= last->round && progress->round < progress->rounds);
    cr_assert(progress->best_trial >= 0 || progress->trials_done == 0);
    if (w->calls > 0 && last->best_trial >= 0) {
        cr_assert_geq(progress->best.accuracy, last->best.accuracy, "the best became worse");
        w->improved_in_training += progress->best_trial == last->best_trial &&
                                   progress->trials_done == last->trials_done &&
                                   !same_metrics(progress->best, last->best);
    }
    if (progress->models > w->most_models) w->most_models = progress->models;
    w->last = *progress;
    return ++w->calls == w->stop_at;
}

Test(search_course, tells_how_far_it_is) {
    watch w = { 0 };
    options.progress = on_progress;
    options.progress_context = &w;
    options.models_at_once = 2;
    options.epochs = 4;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    cr_expect_gt(w.improved_in_training, 0);
    cr_expect(w.last.trials_done == 18 && w.last.trials == 18 && w.last.models == 0 && w.most_models == 2);
    cr_expect(w.last.round == 2 && w.last.rounds == 3);
    cr_expect(w.last.model_steps == w.last.model_steps_total, "%lld of %lld", (long long)w.last.model_steps,
              (long long)w.last.model_steps_total);
    int32_t best;
    SUCCEEDS(caviar_search_rank(&best, 1, search));
    cr_expect(w.last.best_trial == best && same_metrics(w.last.best, trial_of(search, best).validation));
    caviar_search_destroy(search);
}

/* The most models that train together when none are asked for, of 18 trials of one shape but for their widths. */
static int32_t most_models_of(const char *widths) {
    watch w = { 0 };
    add("hidden_layers=1");
    add("batch_norm=true");
    add("batch_size=16");
    add(widths);
    options.rounds = 1;
    options.progress = on_progress;
    options.progress_context = &w;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    caviar_search_destroy(search);
    return w.most_models;
}

Test(search_course, trains_so_many_together_as_the_device_needs_if_their_widths_differ) {
    cr_expect_eq(device->table->enough_models(device), 4);
    cr_expect_eq(most_models_of("hidden_width=12"), 18, "of one width");
    cr_expect_eq(most_models_of("hidden_width=2..1000"), 5, "of many widths");
    const int32_t of_two = most_models_of("hidden_width=4,8");
    cr_expect(of_two > 5 && of_two < 18, "%d of two widths", of_two);
    options.trials = 7;
    cr_expect_eq(most_models_of("hidden_width=2..1000"), 7, "too few for two cohorts");
}

Test(search_course, an_interrupted_search_keeps_what_it_has) {
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

/* What is asked of a search while it runs. */
typedef struct visit {
    caviar_search *search;
    caviar_metrics best;
    int improvements, in_training;
} visit;

static int look_at_the_best(void *context, const caviar_search_progress *now) {
    visit *v = context;
    const caviar_model *model;
    caviar_metrics metrics;
    if (now->best_trial < 0) {
        REFUSES(caviar_search_best_model(&model, v->search), CAVIAR_NOT_FOUND, "no trial has been measured");
        return 0;
    }
    const caviar_trial t = trial_of(v->search, now->best_trial);
    cr_assert(same_metrics(t.validation, now->best));
    cr_assert_eq(t.state, t.epochs < options.epochs ? CAVIAR_TRIAL_TRAINING : CAVIAR_TRIAL_COMPLETE);
    if (same_metrics(now->best, v->best)) return 0;
    cr_assert_eq(t.best_epoch, t.epochs);
    v->best = now->best;
    v->improvements++;
    v->in_training += t.state == CAVIAR_TRIAL_TRAINING;
    SUCCEEDS(caviar_search_best_model(&model, v->search));
    SUCCEEDS(caviar_model_evaluate(&metrics, model, device, dataset, CAVIAR_VALIDATION));
    cr_assert(same_metrics(metrics, now->best), "the model is not the one that was measured");
    return 0;
}

Test(search_course, has_its_best_model_at_any_time) {
    visit v = { .best = { NAN, NAN, 0 } };
    options.epochs = 5;
    options.models_at_once = 3;
    options.progress = look_at_the_best;
    options.progress_context = &v;
    v.search = make();
    SUCCEEDS(caviar_search_run(v.search));
    cr_expect(v.improvements > 3 && v.in_training > 1, "%d improvements, %d in training", v.improvements,
              v.in_training);
    caviar_search_destroy(v.search);
}

/* All trials are measured then, but not all were trained to their end. */
Test(search_course, an_interruption_in_the_last_cohort_is_one) {
    watch w = { .stop_at = 1 };
    add("hidden_layers=1");
    add("batch_norm=true");
    add("batch_size=16");
    options.rounds = 1;
    options.epochs = 30;
    options.models_at_once = options.trials; /* one cohort */
    options.progress = on_progress;
    options.progress_context = &w;
    caviar_search *search = make();
    const caviar_status status = caviar_search_run(search);
    int32_t finished = 0;
    for (int32_t number = 0; number < caviar_search_trial_count(search); number++)
        finished += trial_of(search, number).epochs == 30;
    cr_expect(caviar_search_trial_count(search) == options.trials && finished < options.trials);
    cr_expect_eq(status, CAVIAR_INTERRUPTED, "%d of %d trials were finished", finished, options.trials);
    caviar_search_destroy(search);

    /* The call after the last trial's end comes too late to interrupt anything. */
    w = (watch){ 0 };
    search = make();
    SUCCEEDS(caviar_search_run(search));
    caviar_search_destroy(search);
}

/* ---------------------------------------------------------------------------------------------------------- the record
 */

Test(search_course, records_what_was_searched_and_found) {
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
    cr_expect_str_eq(line, "trial,round,state,epochs,best_epoch,training_loss,training_accuracy,validation_loss,"
                           "validation_accuracy,learning_rate,optimizer,momentum,hidden_layers,hidden_width,"
                           "batch_norm,batch_size,dropout");
    for (int32_t number = 0; number < options.trials; number++) {
        char *cells = strsep(&rest, "\n"), *cell[17], value[64];
        const caviar_trial t = trial_of(search, number);
        for (int i = 0; i < 17; i++) cr_assert_not_null(cell[i] = strsep(&cells, ","));
        cr_assert_null(cells);
        cr_expect(atoi(cell[0]) == number && atoi(cell[1]) == t.round && strcmp(cell[2], "complete") == 0);
        cr_expect(atof(cell[3]) == 2 && atof(cell[4]) == t.best_epoch);
        cr_expect(atof(cell[5]) == t.training.loss && atof(cell[6]) == t.training.accuracy);
        cr_expect(atof(cell[7]) == t.validation.loss && atof(cell[8]) == t.validation.accuracy);
        cr_expect(atof(cell[9]) == t.hyperparameters.learning_rate && atof(cell[11]) == t.hyperparameters.momentum);
        cr_expect(atoi(cell[12]) == t.hidden_layers && atoi(cell[13]) == t.hidden_width[0]);
        cr_expect_str_eq(cell[14], t.batch_norm ? "true" : "false");
        for (int i = 0; i < 8; i++) {
            SUCCEEDS(caviar_search_get_value(value, sizeof value, search, number, i));
            cr_expect_str_eq(value, cell[9 + i]);
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
    cr_assert_eq(json_unpack_ex(json, &error, 0, "{ss ss ss si s{si si} s{ss} s{si s{sf} s{sf ss}}}", "state", &state,
                                "seed", &seed, "metric", &metric, "trial_count", &trials, "data", "validation",
                                &validation, "training", &parts, "device", "name", &name, "best_trial", "number",
                                &number, "validation", "loss", &loss, "hyperparameters", "learning_rate", &rate,
                                "optimizer", &optimizer),
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

    /* best.yaml: one network, the best trial's, to the last bit of its hyperparameters. */
    caviar_hyperparameters again = CAVIAR_HYPERPARAMETERS_INIT;
    caviar_population_options shape = CAVIAR_POPULATION_OPTIONS_INIT;
    SUCCEEDS(caviar_space_load(&loaded, in_folder("record/best.yaml")));
    SUCCEEDS(caviar_space_configure(&again, &shape, loaded, 232, options.epochs));
    const caviar_hyperparameters *h = &trial.hyperparameters;
    cr_expect(again.optimizer == h->optimizer && again.learning_rate == h->learning_rate);
    cr_expect(again.optimizer != CAVIAR_MOMENTUM || again.momentum == h->momentum);
    cr_expect(again.dropout == h->dropout && memcmp(again.hidden_width, h->hidden_width, sizeof h->hidden_width) == 0);
    cr_expect(shape.hidden_layers == trial.hidden_layers && shape.batch_norm == trial.batch_norm);
    cr_expect(shape.batch_size == trial.batch_size && caviar_space_point_count(loaded) == 1);
    for (int32_t i = 0; i < caviar_space_size(loaded); i++) {
        const char *written;
        SUCCEEDS(caviar_space_parameter_name(&written, loaded, i));
        cr_expect(caviar_trial_uses(&trial, written), "%s does not matter to the best trial", written);
    }
    caviar_space_destroy(loaded);

    caviar_model *model;
    caviar_metrics metrics;
    SUCCEEDS(caviar_model_load(&model, in_folder("record/best.safetensors")));
    SUCCEEDS(caviar_model_evaluate(&metrics, model, device, dataset, CAVIAR_VALIDATION));
    cr_expect(same_metrics(metrics, trial.validation));
    caviar_model_destroy(model);
    caviar_search_destroy(search);
}

Test(search_course, refuses_folders_before_it_trains) {
    caviar_search *search = NULL;
    static const char *const held[] = { "trials.csv", "space.yaml", "search.json", "best.safetensors", "best.yaml" };
    for (int i = 0; i < 5; i++) {
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

static int32_t enough_for_all(const caviar_device *on) {
    (void)on;
    return 100;
}

static void replace_table(void) {
    own = device->table;
    table = *own;
    table.enough_models = enough_for_all;
    table.allocate = allocate;
    table.get_info = get_info;
    largest_allocation = SIZE_MAX;
    memory_free = UINT64_C(1) << 40;
    device->table = &table;
}

Test(search_course, trains_as_many_at_once_as_memory_holds) {
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
    uint64_t kept; /* room for the best model, which the host keeps beside them */
    shape.models = 1;
    SUCCEEDS(caviar_population_estimate(&kept, device, dataset, &shape));
    shape.models = 5;
    SUCCEEDS(caviar_population_estimate(&bytes, device, dataset, &shape));
    watch w = { 0 };
    options.progress = on_progress;
    options.progress_context = &w;

    /* Told of memory for five: 18 trials are dealt to four cohorts of five or four. */
    memory_free = bytes * 10 / 9 + kept + 100;
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
Test(search_course, every_allocation_may_fail) {
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
        remove(in_folder("failing/best.yaml"));
    }
    cr_expect(ended > 3 && went_on > 3, "%d ended, %d went on", ended, went_on);
    device->table = own;
}
