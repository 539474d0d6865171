/*
 * A search until it holds trials of given validation accuracies: how many seconds and how many model-epochs that took.
 * The clock is the search's own: it starts when the search does, with the data loaded and split and the device open.
 * Model-epochs are those of all trials that were trained until then. Prints one JSON object; with --split what another
 * program needs to search on the same examples.
 */
#include "quality.h"

#include "cli/command.h"
#include "cli/options.h"
#include "host/data/dataset.h"
#include "host/number.h"
#include "timing.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TARGETS = 16 };

/* The search held a better trial than before. */
typedef struct improvement {
    double seconds, model_epochs, accuracy;
    int32_t trial;
} improvement;

typedef struct quality {
    caviar_search_options options;
    int32_t threads;
    const char *device_name, *data, *space_file, *targets_text;
    double validation, limit;
    int split;
    double targets[MOST_TARGETS], highest;
    int target_count;
    caviar_device *device;
    caviar_device_info info;
    caviar_dataset *dataset;
    caviar_space *space;
    caviar_search *search;
    improvement *course; /* [options.trials * options.epochs], `improvements` of them made */
    int32_t improvements;
    double seconds;
} quality;

static const char *const command = "caviar-bench quality";

/* ------------------------------------------------------------------------------------------------------------ options
 */

/* "0.88,0.89" into the targets; 0 is success. */
static int parse_targets(quality *q) {
    const char *text = q->targets_text;
    for (const char *next = text; next; text = next) {
        char number[32] = "";
        const size_t length = strcspn(text, ",");
        snprintf(number, sizeof number, "%.*s", (int)length, text);
        next = text[length] ? text + length + 1 : NULL;
        double target;
        if (!caviar_number_parse(&target, number) || !(target > 0 && target <= 1))
            return command_error(EXIT_CODE_USAGE, command,
                                 "--targets: \"%s\" is no accuracy: numbers above 0 and at most 1, with commas between",
                                 number);
        if (q->target_count == MOST_TARGETS)
            return command_error(EXIT_CODE_USAGE, command, "--targets takes %d accuracies at most", MOST_TARGETS);
        q->targets[q->target_count++] = target;
        q->highest = fmax(q->highest, target);
    }
    return 0;
}

static int parse(quality *q, int argc, char **argv) {
    caviar_search_options *o = &q->options;
    const command_option table[] = {
        OPTIONS_TEXT("targets", "ACCURACIES", &q->targets_text,
                     "of the validation part (default 0.88,0.89,0.895); the search ends with the highest"),
        OPTIONS_REAL("limit", "SECONDS", &q->limit, 0, 1e6, "the search ends then; 0: no limit (default)"),
        OPTIONS_WHOLE("trials", &o->trials, 1, INT32_MAX, "at most so many (default 64)"),
        OPTIONS_WHOLE("epochs", &o->epochs, 1, INT32_MAX, "of every trial (default 10)"),
        OPTIONS_WHOLE("rounds", &o->rounds, 1, INT32_MAX, "coarse-to-fine rounds (default 16)"),
        OPTIONS_WHOLE("models-at-once", &o->models_at_once, 0, INT32_MAX,
                      "the most that train together; 0: the search's own choice (default)"),
        OPTIONS_SEED("seed", &o->seed, "of the search and of the split (default 0)"),
        OPTIONS_TEXT("space", "FILE", &q->space_file, "as of 'caviar search' (default: its default)"),
        OPTIONS_TEXT("data", "SOURCE", &q->data, "as of 'caviar search' (default fashion-mnist)"),
        OPTIONS_REAL("validation", "FRACTION", &q->validation, 0.001, 0.9, "of the examples (default 0.1)"),
        OPTIONS_TEXT("out", "FOLDER", &o->directory, "where the search is recorded (default: nowhere)"),
        OPTIONS_TEXT("device", "NAME", &q->device_name, "cpu, cuda:N or auto (default)"),
        OPTIONS_WHOLE("threads", &q->threads, 0, 4096, "of the CPU; 0: all it may use (default)"),
        OPTIONS_FLAG("split", &q->split, "print which examples validate, as JSON, and end"),
    };
    const int count = sizeof table / sizeof *table;
    switch (options_parse(command, table, count, argc, argv)) {
    case OPTIONS_GO_ON: return parse_targets(q) ? EXIT_CODE_USAGE : -1;
    case OPTIONS_HELP:
        printf("caviar-bench quality runs a search until it holds trials of given validation\n"
               "accuracies, and prints one JSON object with the seconds and the model-epochs that\n"
               "each took: the counterpart of bench/peers/optuna_pytorch.py.\n\n"
               "Usage: caviar-bench quality [OPTION]...\n\n");
        options_print_help(table, count);
        return EXIT_CODE_OK;
    default: break;
    }
    return EXIT_CODE_USAGE;
}

/* --------------------------------------------------------------------------------------------------------- the search
 */

/* Epochs of all trials, as they stood when they were last measured: all there are when that made one the best. */
static double model_epochs(const quality *q) {
    double epochs = 0;
    for (int32_t n = 0; n < q->options.trials; n++) {
        caviar_trial trial;
        if (caviar_search_get_trial(&trial, q->search, n)) break; /* its round has not begun */
        if (trial.state != CAVIAR_TRIAL_PLANNED) epochs += trial.epochs;
    }
    return epochs;
}

/* What is reached after the limit does not count. */
static int on_progress(void *context, const caviar_search_progress *now) {
    quality *q = context;
    if (q->limit > 0 && now->seconds > q->limit) return 1;
    if (now->best_trial < 0) return 0;
    if (q->improvements == 0 || now->best.accuracy > q->course[q->improvements - 1].accuracy)
        q->course[q->improvements++] =
            (improvement){ now->seconds, model_epochs(q), now->best.accuracy, now->best_trial };
    return now->best.accuracy >= q->highest;
}

/* The test part, where the data has none of its own, stays empty: nobody looks at it. */
static caviar_status load(quality *q) {
    const caviar_status status = caviar_dataset_load(&q->dataset, q->data, NULL);
    return status ? status : caviar_dataset_split(q->dataset, q->validation, 0, q->options.seed);
}

static caviar_status run(quality *q) {
    caviar_status status =
        q->space_file ? caviar_space_load(&q->space, q->space_file) : caviar_space_create_default(&q->space);
    if (!status) status = load(q);
    if (!status) status = caviar_device_open(&q->device, q->device_name, q->threads);
    if (!status) status = caviar_device_get_info(&q->info, q->device);
    if (!status) status = caviar_search_create(&q->search, q->device, q->dataset, q->space, &q->options);
    if (status) return status;
    const double begin = bench_now();
    status = caviar_search_run(q->search);
    q->seconds = bench_now() - begin;
    return status == CAVIAR_INTERRUPTED ? CAVIAR_OK : status;
}

/* ------------------------------------------------------------------------------------------------------------- output
 */

/* null for what was not reached, as for the trials of a search that measured none. */
static json_t *targets_of(const quality *q) {
    json_t *list = json_array();
    for (int t = 0; t < q->target_count; t++) {
        int32_t i = 0;
        while (i < q->improvements && q->course[i].accuracy < q->targets[t]) i++;
        const improvement *reached = i < q->improvements ? &q->course[i] : NULL;
        json_array_append_new(list, json_pack("{s:f, s:o, s:o}", "accuracy", q->targets[t], "seconds",
                                              reached ? json_real(reached->seconds) : json_null(), "model_epochs",
                                              reached ? json_real(reached->model_epochs) : json_null()));
    }
    return list;
}

static json_t *course_of(const quality *q) {
    json_t *list = json_array();
    for (int32_t i = 0; i < q->improvements; i++) {
        const improvement *c = &q->course[i];
        json_array_append_new(list, json_pack("{s:f, s:f, s:f, s:i}", "seconds", c->seconds, "model_epochs",
                                              c->model_epochs, "accuracy", c->accuracy, "trial", c->trial));
    }
    return list;
}

static int print(json_t *j) {
    const int failed = !j || json_dumpf(j, stdout, JSON_REAL_PRECISION(9)) || putchar('\n') == EOF || fflush(stdout);
    json_decref(j);
    return failed ? command_error(EXIT_CODE_FAILED, command, "the result could not be printed") : EXIT_CODE_OK;
}

static int print_result(const quality *q) {
    const caviar_search_options *o = &q->options;
    return print(json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:f, s:f, s:i, s:f, s:o, s:o}", "name",
        "caviar", "version", caviar_version(), "device", q->info.name, "description", q->info.description, "threads",
        q->info.threads, "data", q->data, "training", (json_int_t)q->dataset->part_examples[CAVIAR_TRAIN], "validation",
        (json_int_t)q->dataset->part_examples[CAVIAR_VALIDATION], "seed", (json_int_t)o->seed, "trials", o->trials,
        "epochs", o->epochs, "rounds", o->rounds, "models_at_once", o->models_at_once, "limit", q->limit, "seconds",
        q->seconds, "trials_done", caviar_search_trial_count(q->search), "model_epochs", model_epochs(q), "targets",
        targets_of(q), "course", course_of(q)));
}

static int print_split(const quality *q) {
    json_t *list = json_array();
    for (int64_t i = 0; i < q->dataset->part_examples[CAVIAR_VALIDATION]; i++)
        json_array_append_new(list, json_integer(q->dataset->part[CAVIAR_VALIDATION][i]));
    return print(json_pack("{s:s, s:I, s:o}", "data", q->data, "training",
                           (json_int_t)q->dataset->part_examples[CAVIAR_TRAIN], "validation", list));
}

int bench_quality(int argc, char **argv) {
    quality q = { .options = CAVIAR_SEARCH_OPTIONS_INIT,
                  .device_name = "auto",
                  .data = "fashion-mnist",
                  .targets_text = "0.88,0.89,0.895",
                  .validation = 0.1 };
    q.options.trials = 64;
    q.options.epochs = 10;
    q.options.rounds = 16;
    q.options.progress = on_progress;
    q.options.progress_context = &q;
    int code = parse(&q, argc, argv);
    if (code >= 0) return code;
    q.course = calloc((size_t)q.options.trials * (size_t)q.options.epochs, sizeof *q.course);
    if (!q.course)
        code = command_error(EXIT_CODE_FAILED, command, "out of memory for %d trials", q.options.trials);
    else if (q.split ? load(&q) : run(&q))
        code = command_error(EXIT_CODE_FAILED, command, "%s", caviar_last_error());
    else
        code = q.split ? print_split(&q) : print_result(&q);
    free(q.course);
    caviar_search_destroy(q.search);
    caviar_space_destroy(q.space);
    caviar_dataset_destroy(q.dataset);
    caviar_device_close(q.device);
    return code;
}
