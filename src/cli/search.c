/* `caviar search`: from options to a table of trials. */
#include "command.h"
#include "data.h"
#include "devices.h"
#include "folder.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "refit.h"
#include "search_report.h"
#include "space.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct search_settings {
    data_settings data;
    device_settings device;
    caviar_search_options search;
    const char *space, *out;
    option_texts set;
    int32_t top;
    int metric, independent_streams, refit, json, quiet;
    json_t *options; /* all that shapes the result, for the record */
} search_settings;

/* What is open while a search runs. */
typedef struct search_run {
    caviar_device *device;
    caviar_dataset *dataset;
    caviar_space *space;
    caviar_search *search;
    caviar_model *refit; /* NULL: none */
    char refit_path[FOLDER_SIZE + 32];
    caviar_device_info device_info;
    caviar_dataset_info dataset_info;
    char folder[FOLDER_SIZE];
    progress line;
    caviar_search_progress latest;
} search_run;

static void print_help(const command_option *table, int count) {
    printf("Trains many small networks with different hyperparameters at once, narrows the\n"
           "ranges around the best, and keeps the best network.\n"
           "\n"
           "Usage: caviar search --data SOURCE [OPTION]...\n");
    options_print_help(table, count);
    space_print_help();
    printf("\n"
           "  --set takes one of them on one line, in quotes where the shell needs them:\n"
           "    NAME=VALUE                  a constant\n"
           "    NAME=VALUE,VALUE,...        one of these\n"
           "    NAME=MIN..MAX               a range, on the scale that is usual for NAME\n"
           "    NAME=DISTRIBUTION:MIN..MAX  uniform, log_uniform_values, int_uniform,\n"
           "                                one_minus_log_uniform_values (1 - 10^-r: for\n"
           "                                momentum, beta1 and beta2)\n"
           "    NAME=DISTRIBUTION:MIN..MAX:Q  q_uniform, q_log_uniform_values: multiples\n"
           "                                of Q\n"
           "    NAME=DISTRIBUTION:MU,SIGMA  normal, log_normal (of its natural logarithm)\n"
           "    NAME=DISTRIBUTION:MU,SIGMA:Q  q_normal, q_log_normal: multiples of Q\n"
           "  The word said last wins: hidden_width replaces the hidden_width_N before it,\n"
           "  and hidden_layers those of layers that are not there.\n"
           "\n"
           "What it leaves in the folder\n"
           "  trials.csv        one row a trial: hyperparameters, metrics of its best epoch\n"
           "  space.yaml        the space that was searched; --space reads it again\n"
           "  search.json       data, options, the best trial, scores of the test part\n"
           "  best.safetensors  the best of all networks; caviar predict reads it\n"
           "  refit.safetensors with --refit: the winner, trained on more\n"
           "  best.yaml         its hyperparameters; caviar train --space trains it again\n"
           "\n"
           "The test part is measured once, with the best trial's network: the last line of\n"
           "the output is \"test accuracy\" and the fraction of its examples that are right.\n"
           "\n"
           "Examples\n"
           "  caviar search --data fashion-mnist\n"
           "  caviar search --data iris.csv --label species --trials 200 --epochs 30 \\\n"
           "    --set batch_size=16 --set learning_rate=1e-4..1e-1 \\\n"
           "    --set optimizer=adam,momentum --set beta1=0.8..0.99 --out iris-search\n"
           "  caviar search --data wine.csv --space space.yaml --json > result.json\n"
           "\n"
           "Exit codes\n"
           "  0    success\n"
           "  1    failure: a file cannot be read or written, a device, memory\n"
           "  2    bad usage, or an input file with wrong content\n"
           "  130  interrupted by Ctrl-C (or SIGTERM): the trials until then are recorded\n");
}

static options_result parse(search_settings *s, int argc, char **argv) {
    const command_option table[] = {
        OPTIONS_HEADING("Data"),
        DATA_TRAINING_OPTIONS(&s->data),
        OPTIONS_HEADING("Search"),
        OPTIONS_WHOLE("trials", &s->search.trials, 1, INT32_MAX,
                      "how many networks are tried (default 32, or all of a grid)"),
        OPTIONS_WHOLE("epochs", &s->search.epochs, 1, INT32_MAX,
                      "how often each network sees every training example (default 8)"),
        OPTIONS_WHOLE("rounds", &s->search.rounds, 1, INT32_MAX,
                      "coarse-to-fine rounds: each samples around the best trials of those before (default 2; 1 is "
                      "plain random search)"),
        OPTIONS_SEED("seed", &s->search.seed, "of every random number: same seed, same trials (default 0)"),
        OPTIONS_CHOICE("metric", "NAME", &s->metric, "validation_accuracy validation_loss",
                       "what is best: validation_accuracy (default, unless the space's file says otherwise) or "
                       "validation_loss"),
        OPTIONS_TEXT("space", "FILE", &s->space,
                     "hyperparameters to search, as YAML in the form of a W&B sweep configuration (default: a space "
                     "that suits most data)"),
        OPTIONS_TEXTS("set", "NAME=...", &s->set,
                      "adds or replaces one hyperparameter of the space; may be given many times"),
        OPTIONS_FLAG("independent-streams", &s->independent_streams,
                     "each trial has its own initial weights and dropout masks; otherwise all share them, which "
                     "makes their comparison fairer"),
        OPTIONS_FLAG(
            "refit", &s->refit,
            "trains the winner once more, on the training and validation parts together, for as many epochs as "
            "its best moment had; the test part is then measured with that network, refit.safetensors"),
        OPTIONS_HEADING("Device"),
        DEVICE_OPTIONS(&s->device),
        OPTIONS_WHOLE("models-at-once", &s->search.models_at_once, 1, INT32_MAX,
                      "the most networks that train together (default: as many as keep the device busy, if its memory "
                      "holds them, networks of like widths together)"),
        OPTIONS_HEADING("Output"),
        OPTIONS_TEXT("out", "FOLDER", &s->out,
                     "where the search is recorded (default: the first of caviar-1, caviar-2, ... that does not "
                     "exist)"),
        OPTIONS_WHOLE("top", &s->top, 1, INT32_MAX, "how many trials the table shows (default 10)"),
        OPTIONS_FLAG("json", &s->json, "print one JSON document instead of the table"),
        OPTIONS_FLAG("quiet", &s->quiet, "print the test accuracy only, and no progress line"),
    };
    const int count = sizeof table / sizeof table[0];
    const options_result result = options_parse("search", table, count, argc, argv);
    if (result == OPTIONS_HELP) print_help(table, count);
    if (result == OPTIONS_GO_ON) s->options = options_to_json(table, count, "out top json quiet threads");
    return result;
}

/* Called by the search: draws the line, and asks it to end after a Ctrl-C. */
static int on_progress(void *context, const caviar_search_progress *now) {
    search_run *run = context;
    run->latest = *now;
    if (progress_due(&run->line)) {
        char rate[16], best[32] = "-";
        progress_rate(rate, now->seconds > 0.0 ? (double)now->model_steps / now->seconds : 0.0);
        if (now->best_trial >= 0) snprintf(best, sizeof best, "%.4f", now->best.accuracy);
        const double planned = now->model_steps_total > 0 ? (double)now->model_steps_total : 1.0;
        progress_draw(&run->line, (double)now->model_steps / planned,
                      "trial %d/%d  round %d/%d  best %s  %s models x steps/s", now->trials_done, now->trials,
                      now->round + 1, now->rounds, best, rate);
    }
    return interrupt_requested();
}

/* --metric, or what the space's file says, or accuracy. */
static caviar_status choose_metric(search_settings *s, const caviar_space *space) {
    if (s->metric >= 0) {
        s->search.metric = s->metric ? CAVIAR_VALIDATION_LOSS : CAVIAR_VALIDATION_ACCURACY;
        return CAVIAR_OK;
    }
    const caviar_status status = caviar_space_get_metric(&s->search.metric, space);
    return status == CAVIAR_NOT_FOUND ? CAVIAR_OK : status;
}

/* How many trials there are: of a grid all its points unless --trials says fewer, of a finite space no more than that.
 */
static int plan_trials(search_settings *s, const caviar_space *space) {
    const int64_t points = caviar_space_point_count(space);
    caviar_method method = CAVIAR_RANDOM;
    const int is_grid = caviar_space_get_method(&method, space) == CAVIAR_OK && method == CAVIAR_GRID && points >= 0;
    const int32_t usual = ((caviar_search_options)CAVIAR_SEARCH_OPTIONS_INIT).trials;
    if (is_grid && s->search.trials == 0 && points > INT32_MAX)
        return command_error(
            EXIT_CODE_USAGE, "search",
            "the grid has %s%lld points: give --trials, for the first so many of them, or fewer values",
            points >= INT64_C(1) << 62 ? "more than " : "", (long long)points);
    if (is_grid) s->search.rounds = 1;
    if (s->search.trials == 0) s->search.trials = is_grid ? (int32_t)points : usual;
    if (points >= 0 && points < s->search.trials) {
        if (!s->quiet)
            fprintf(stderr, "caviar search: note: the space has %lld distinct point%s: %lld trial%s instead of %d\n",
                    (long long)points, points == 1 ? "" : "s", (long long)points, points == 1 ? "" : "s",
                    s->search.trials);
        s->search.trials = (int32_t)points;
        if (s->search.rounds > s->search.trials) s->search.rounds = s->search.trials;
    }
    return EXIT_CODE_OK;
}

/* Opens and checks everything that a search needs; the device last, for it takes longest. */
static caviar_status open_all(search_run *run, search_settings *s) {
    caviar_status status = choose_metric(s, run->space);
    if (status == CAVIAR_OK)
        status = data_load_split(&run->dataset, &s->data, s->search.seed, s->quiet ? NULL : "search");
    if (status == CAVIAR_OK) status = caviar_dataset_get_info(&run->dataset_info, run->dataset);
    if (status == CAVIAR_OK) status = device_open(&run->device, &run->device_info, &s->device);
    return status;
}

static void close_all(search_run *run) {
    caviar_model_destroy(run->refit);
    caviar_search_destroy(run->search);
    caviar_space_destroy(run->space);
    caviar_dataset_destroy(run->dataset);
    caviar_device_close(run->device);
}

static void print_header(const search_run *run, const search_settings *s) {
    char device[256];
    device_describe(device, &run->device_info, &s->device);
    printf("device: %s\n", device);
    data_print(s->data.source, &run->dataset_info);
    printf("search: %d trials, %d epochs, %d rounds, seed %llu\n\n", s->search.trials, s->search.epochs,
           s->search.rounds, (unsigned long long)s->search.seed);
    fflush(stdout); /* a reader of a pipe learns at once what runs */
}

/* What only the command knows of the search; `test` NULL: not measured yet. */
static caviar_status annotate(caviar_search *search, const search_settings *s, const test_report *test) {
    json_t *object =
        json_pack("{s:{s:o}, s:O?}", "data", "source", json_of_text(s->data.source), "options", s->options);
    int failed = !object || !s->options;
    if (test && !failed) failed = json_object_set_new(object, "test", test_report_json(test)) != 0;
    char *text = failed ? (json_decref(object), NULL) : json_text(object);
    const caviar_status status = text ? caviar_search_annotate(search, text) : CAVIAR_OUT_OF_MEMORY;
    free(text);
    return status;
}

/* Prints the result; an exit code. */
static int print_result(const search_report *result, const search_settings *s) {
    if (s->json) return search_report_json(result);
    const int code = s->quiet ? EXIT_CODE_OK : search_report_table(result, s->top);
    if (code == EXIT_CODE_OK && !result->interrupted) test_report_print_accuracy(result->test);
    return code;
}

static caviar_status refit(search_run *run, const search_settings *s) {
    caviar_status status = refit_best(&run->refit, run->search, run->device, run->dataset, s->search.seed);
    const int length = snprintf(run->refit_path, sizeof run->refit_path, "%s/refit.safetensors", s->search.directory);
    if (status == CAVIAR_OK && (size_t)length >= sizeof run->refit_path) status = CAVIAR_INVALID_ARGUMENT;
    if (status == CAVIAR_OK) status = caviar_model_save(run->refit, run->refit_path);
    return status;
}

/* Measures the winner on the test part, after training it once more where that is asked for. */
static caviar_status measure_winner(test_report *test, search_run *run, const search_settings *s) {
    const caviar_model *model;
    caviar_status status = caviar_search_best_model(&model, run->search);
    if (status == CAVIAR_OK && s->refit) status = refit(run, s);
    if (status == CAVIAR_OK)
        status = test_report_measure(test, run->refit ? run->refit : model, run->device, run->dataset);
    if (status == CAVIAR_OK) status = annotate(run->search, s, test);
    return status;
}

static int report(search_run *run, const search_settings *s, double seconds, int interrupted) {
    test_report test = { .classes = 0 };
    caviar_status status = interrupted ? CAVIAR_INTERRUPTED : measure_winner(&test, run, s);
    const search_report result = { .search = run->search,
                                   .space = run->space,
                                   .options = &s->search,
                                   .settings = s->options,
                                   .source = s->data.source,
                                   .dataset = &run->dataset_info,
                                   .device = &run->device_info,
                                   .test = &test,
                                   .refit = run->refit ? run->refit_path : NULL,
                                   .interrupted = status == CAVIAR_INTERRUPTED,
                                   .seconds = seconds,
                                   .model_steps = run->latest.model_steps };
    if (status == CAVIAR_NOT_FOUND)
        command_error(EXIT_CODE_FAILED, "search",
                      "every trial diverged: there is no best model. Search smaller learning rates.");
    const int failed = status != CAVIAR_OK && status != CAVIAR_NOT_FOUND && status != CAVIAR_INTERRUPTED;
    const int code = failed ? command_fail("search", status) : print_result(&result, s);
    test_report_free(&test);
    if (code != EXIT_CODE_OK) return code;
    return status == CAVIAR_OK ? EXIT_CODE_OK : status == CAVIAR_INTERRUPTED ? EXIT_CODE_INTERRUPTED : EXIT_CODE_FAILED;
}

/* What is on disk, which after a failure is not all that was measured. */
static void say_what_is_kept(const search_run *run, const search_settings *s, const char *why) {
    int best;
    const int32_t kept = caviar_search_recorded_count(run->search, &best);
    fprintf(stderr, "caviar search: %s%d of %d trials are kept%s, in %s\n", why, kept, s->search.trials,
            best || caviar_search_trial_count(run->search) == 0 ? "" : ", without the best network",
            s->search.directory);
}

static int run_search(search_run *run, const search_settings *s) {
    if (!s->json && !s->quiet) print_header(run, s);
    progress_init(&run->line, s->quiet);
    interrupt_catch();
    const double begun = command_clock();
    const caviar_status status = caviar_search_run(run->search);
    const double seconds = command_clock() - begun;
    progress_clear(&run->line);
    if (status == CAVIAR_INTERRUPTED) {
        say_what_is_kept(run, s, "interrupted: ");
        return report(run, s, seconds, 1);
    }
    if (status != CAVIAR_OK) {
        const int code = command_fail("search", status);
        say_what_is_kept(run, s, "");
        return code;
    }
    return report(run, s, seconds, 0);
}

static int search(search_run *run, search_settings *s) {
    if (!s->data.validation.source && s->data.validation.fraction == 0.0)
        return command_error(EXIT_CODE_USAGE, "search",
                             "--validation must be a file or above 0: trials are compared on the validation part");
    caviar_status status = space_build(&run->space, s->space, 1, &s->set);
    if (status != CAVIAR_OK) return command_fail("search", status);
    if (!s->quiet) space_print_notes("search", run->space);
    if (plan_trials(s, run->space) != EXIT_CODE_OK) return EXIT_CODE_USAGE;
    status = open_all(run, s);
    if (status != CAVIAR_OK) return command_fail("search", status);

    if (!s->out && folder_make(run->folder) != 0)
        return command_error(EXIT_CODE_FAILED, "search", "cannot make the folder %s: %s", run->folder, strerror(errno));
    s->search.directory = s->out ? s->out : run->folder;
    s->search.independent_streams = s->independent_streams;
    s->search.progress = on_progress;
    s->search.progress_context = run;
    status = caviar_search_create(&run->search, run->device, run->dataset, run->space, &s->search);
    if (status != CAVIAR_OK) {
        const int code = command_fail("search", status);
        if (!s->out) rmdir(run->folder); /* made above, and empty */
        return code;
    }
    status = annotate(run->search, s, NULL);
    if (status != CAVIAR_OK) return command_fail("search", status);
    const int code = run_search(run, s);
    interrupt_release();
    return code;
}

int command_search(int argc, char **argv) {
    search_settings settings = {
        .data = DATA_SETTINGS_INIT, .device = DEVICE_SETTINGS_INIT, .search = CAVIAR_SEARCH_OPTIONS_INIT, .top = 10
    };
    settings.search.trials = 0; /* until --trials says how many */
    const options_result parsed = parse(&settings, argc, argv);
    int code = command_end_of_options(parsed);
    if (parsed == OPTIONS_GO_ON) {
        search_run run = { 0 };
        if (!settings.data.source)
            command_error(code, "search", "--data is missing: what shall the networks learn?");
        else if (data_can_be_read(&settings.data, settings.space, "search"))
            code = search(&run, &settings);
        close_all(&run);
    }
    json_decref(settings.options);
    option_texts_free(&settings.set);
    data_settings_free(&settings.data);
    return code;
}
