/* The result of a search as a table and as JSON. */
#include "search_report.h"

#include "command.h"
#include "json.h"
#include "progress.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SIZE = 64, FIXED_COLUMNS = 6 };

/* Where the table shows a parameter. */
typedef enum parameter_place { NOWHERE = 0, IN_A_COLUMN = 1, IN_THE_LAST_LINE = 2 } parameter_place;

static const char *state_name(caviar_trial_state state) {
    static const char *const names[] = { "planned", "complete", "diverged", "interrupted", "training" };
    return names[state];
}

/* Three digits do for people, but of what is just under 1 it is the distance to 1 that counts. */
static void shorten(char value[VALUE_SIZE]) {
    char *end;
    const double number = strtod(value, &end);
    if (end == value || *end || !strpbrk(value, ".e")) return;
    if (number > 0.9 && number < 1.0) {
        const int digits = 1 - (int)floor(log10(1.0 - number));
        snprintf(value, VALUE_SIZE, "%.*f", digits < 12 ? digits : 12, number);
        return;
    }
    snprintf(value, VALUE_SIZE, "%.3g", number);
    char *zero = strstr(value, "e-0");
    if (zero) memmove(zero + 2, zero + 3, strlen(zero + 3) + 1); /* 1e-05 is 1e-5 */
}

/* The numbers of all measured trials, best first; malloc'ed. */
static caviar_status rank(int32_t **numbers, const search_report *report) {
    const int32_t count = caviar_search_trial_count(report->search);
    int32_t *ranked = malloc(((size_t)count + 1) * sizeof *ranked);
    if (!ranked) return CAVIAR_OUT_OF_MEMORY;
    const caviar_status status = count > 0 ? caviar_search_rank(ranked, count, report->search) : CAVIAR_OK;
    if (status == CAVIAR_OK)
        *numbers = ranked;
    else
        free(ranked);
    return status;
}

/* Whether parameter `index` has one value in all of these trials: then it is no column of its own. */
static int same_in_all(const search_report *report, const int32_t *numbers, int32_t count, int32_t index) {
    char first[VALUE_SIZE], value[VALUE_SIZE];
    if (caviar_search_get_value(first, sizeof first, report->search, numbers[0], index) != CAVIAR_OK) return 0;
    for (int32_t i = 1; i < count; i++)
        if (caviar_search_get_value(value, sizeof value, report->search, numbers[i], index) != CAVIAR_OK ||
            strcmp(value, first) != 0)
            return 0;
    return 1;
}

/* Whether parameter `index` changes anything about any of these trials: otherwise it is not shown. */
static int used_by_any(const search_report *report, const int32_t *numbers, int32_t count, int32_t index) {
    const char *name;
    caviar_trial trial;
    if (caviar_space_parameter_name(&name, report->space, index) != CAVIAR_OK) return 0;
    for (int32_t i = 0; i < count; i++)
        if (caviar_search_get_trial(&trial, report->search, numbers[i]) == CAVIAR_OK && caviar_trial_uses(&trial, name))
            return 1;
    return 0;
}

/* The names of parameters with a space for each underscore, so that a heading may break there. */
static void heading_of(char heading[VALUE_SIZE], const char *name) {
    snprintf(heading, VALUE_SIZE, "%s", name);
    for (char *c = heading; *c; c++)
        if (*c == '_') *c = ' ';
}

static caviar_status add_row(text_table *t, const search_report *report, const parameter_place *places, int32_t place,
                             int32_t number) {
    caviar_trial trial;
    caviar_status status = caviar_search_get_trial(&trial, report->search, number);
    if (status != CAVIAR_OK) return status;
    table_cell(t, "%d", place);
    table_cell(t, "%d", trial.number);
    table_cell(t, "%d", trial.round);
    if (isfinite(trial.validation.loss)) {
        table_cell(t, "%.4f", trial.validation.accuracy);
        table_cell(t, "%.4f", trial.validation.loss);
        table_cell(t, "%.3g", trial.best_epoch);
    } else {
        table_cell(t, "diverged");
        table_cell(t, "-");
        table_cell(t, "-");
    }
    for (int32_t i = 0; i < caviar_space_size(report->space) && status == CAVIAR_OK; i++) {
        const char *name;
        char value[VALUE_SIZE];
        if (places[i] != IN_A_COLUMN) continue;
        status = caviar_space_parameter_name(&name, report->space, i);
        if (status == CAVIAR_OK) status = caviar_search_get_value(value, sizeof value, report->search, number, i);
        if (status != CAVIAR_OK) return status;
        shorten(value);
        table_cell(t, "%s", caviar_trial_uses(&trial, name) ? value : "-");
    }
    return status;
}

static caviar_status fill(text_table *t, const search_report *report, const parameter_place *places,
                          const int32_t *numbers, int32_t count) {
    static const char *const headings[FIXED_COLUMNS] = { "rank", "trial", "round", "accuracy", "loss", "epoch" };
    for (int i = 0; i < FIXED_COLUMNS; i++) table_cell(t, "%s", headings[i]);
    for (int32_t i = 0; i < caviar_space_size(report->space); i++) {
        const char *name;
        char heading[VALUE_SIZE];
        const caviar_status status = caviar_space_parameter_name(&name, report->space, i);
        if (status != CAVIAR_OK) return status;
        heading_of(heading, name);
        if (places[i] == IN_A_COLUMN) table_cell(t, "%s", heading);
    }
    for (int32_t i = 0; i < count; i++) {
        const caviar_status status = add_row(t, report, places, i + 1, numbers[i]);
        if (status != CAVIAR_OK) return status;
    }
    return CAVIAR_OK;
}

/* One line with the parameters that are no columns, as trial `number` has them. */
static caviar_status print_constants(const search_report *report, const parameter_place *places, int32_t number) {
    int printed = 0;
    for (int32_t i = 0; i < caviar_space_size(report->space); i++) {
        const char *name;
        char value[VALUE_SIZE];
        if (places[i] != IN_THE_LAST_LINE) continue;
        caviar_status status = caviar_space_parameter_name(&name, report->space, i);
        if (status == CAVIAR_OK) status = caviar_search_get_value(value, sizeof value, report->search, number, i);
        if (status != CAVIAR_OK) return status;
        shorten(value);
        printf("%s%s=%s", printed++ ? "  " : "in all trials: ", name, value);
    }
    if (printed) putchar('\n');
    return CAVIAR_OK;
}

static caviar_status print_ranked(const search_report *report, const int32_t *numbers, int32_t count, int32_t top) {
    const int32_t parameters = caviar_space_size(report->space);
    parameter_place *places = calloc((size_t)parameters + 1, sizeof *places);
    int columns = FIXED_COLUMNS;
    text_table best;
    if (!places) return CAVIAR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < parameters; i++) {
        if (!used_by_any(report, numbers, count, i)) continue;
        places[i] = same_in_all(report, numbers, count, i) ? IN_THE_LAST_LINE : IN_A_COLUMN;
        columns += places[i] == IN_A_COLUMN;
    }
    printf("best trials by %s\n",
           report->options->metric == CAVIAR_VALIDATION_LOSS ? "validation loss" : "validation accuracy");
    table_init(&best, columns);
    caviar_status status = fill(&best, report, places, numbers, top < count ? top : count);
    if (status == CAVIAR_OK && table_print(&best, stdout, table_terminal_width(stdout)) != 0)
        status = CAVIAR_OUT_OF_MEMORY;
    if (status == CAVIAR_OK) status = print_constants(report, places, numbers[0]);
    table_free(&best);
    free(places);
    return status;
}

static void print_throughput(const search_report *report) {
    char rate[16];
    progress_rate(rate, report->seconds > 0.0 ? (double)report->model_steps / report->seconds : 0.0);
    printf("%lld models x steps in %.1f s: %s models x steps/s\n", (long long)report->model_steps, report->seconds,
           rate);
}

int search_report_table(const search_report *report, int32_t top) {
    const int32_t measured = caviar_search_trial_count(report->search);
    int32_t *numbers = NULL;
    caviar_status status = rank(&numbers, report);
    if (status == CAVIAR_OK && measured > 0) status = print_ranked(report, numbers, measured, top);
    free(numbers);
    if (status == CAVIAR_OUT_OF_MEMORY) return command_error(EXIT_CODE_FAILED, "search", "out of memory");
    if (status != CAVIAR_OK) return command_fail("search", status);
    if (measured > 0) putchar('\n');
    print_throughput(report);
    printf("recorded in %s\n", report->options->directory);
    if (report->refit) printf("the winner, trained on training and validation part, is %s\n", report->refit);
    if (report->test->classes) putchar('\n');
    if (test_report_print(report->test) != 0) return command_error(EXIT_CODE_FAILED, "search", "out of memory");
    return EXIT_CODE_OK;
}

static json_t *trial_json(const search_report *report, int32_t number) {
    caviar_trial trial;
    if (caviar_search_get_trial(&trial, report->search, number) != CAVIAR_OK) return NULL;
    json_t *values = json_object();
    for (int32_t i = 0; i < caviar_space_size(report->space); i++) {
        const char *name;
        char value[VALUE_SIZE];
        if (caviar_space_parameter_name(&name, report->space, i) != CAVIAR_OK ||
            caviar_search_get_value(value, sizeof value, report->search, number, i) != CAVIAR_OK ||
            json_object_set_new(values, name, json_of_value(value)) != 0) {
            json_decref(values);
            return NULL;
        }
    }
    return json_pack("{s:i, s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "number", trial.number, "round", trial.round, "state",
                     state_name(trial.state), "epochs", json_of_real(trial.epochs), "best_epoch",
                     json_of_real(trial.best_epoch), "hyperparameters", values, "training",
                     json_of_metrics(&trial.training), "validation", json_of_metrics(&trial.validation));
}

static int by_number(const void *a, const void *b) {
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The measured trials in the order of their numbers, which it sorts. */
static json_t *trials_json(const search_report *report, int32_t *numbers) {
    const int32_t count = caviar_search_trial_count(report->search);
    json_t *trials = json_array();
    qsort(numbers, (size_t)count, sizeof *numbers, by_number);
    for (int32_t i = 0; trials && i < count; i++)
        if (json_array_append_new(trials, trial_json(report, numbers[i])) != 0) {
            json_decref(trials);
            return NULL;
        }
    return trials;
}

int search_report_json(const search_report *report) {
    const caviar_search_options *options = report->options;
    int32_t *numbers = NULL;
    const caviar_status status = rank(&numbers, report);
    if (status == CAVIAR_OUT_OF_MEMORY) return command_error(EXIT_CODE_FAILED, "search", "out of memory");
    if (status != CAVIAR_OK) return command_fail("search", status);
    const int32_t best = caviar_search_trial_count(report->search) > 0 ? numbers[0] : -1;
    const double rate = report->seconds > 0.0 ? (double)report->model_steps / report->seconds : 0.0;
    json_t *document = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:i, s:i, s:s, s:i, s:b, s:O, s:b, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:{s:I, s:f, "
        "s:f}}",
        "version", caviar_version(), "state", report->interrupted ? "interrupted" : "complete", "device",
        json_of_device(report->device), "data", json_of_dataset(report->source, report->dataset), "seed",
        json_of_seed(options->seed), "epochs", options->epochs, "rounds", options->rounds, "metric",
        options->metric == CAVIAR_VALIDATION_LOSS ? "validation_loss" : "validation_accuracy", "models_at_once",
        options->models_at_once, "independent_streams", options->independent_streams, "options", report->settings,
        "interrupted", report->interrupted, "directory", json_of_text(options->directory), "refit",
        report->refit ? json_of_text(report->refit) : json_null(), "trial_count", options->trials, "trials_measured",
        caviar_search_trial_count(report->search), "trials", trials_json(report, numbers), "best",
        best >= 0 ? json_integer(best) : json_null(), "test", test_report_json(report->test), "throughput",
        "model_steps", (json_int_t)report->model_steps, "seconds", report->seconds, "model_steps_per_second", rate);
    free(numbers);
    return json_print(document, stdout) ? EXIT_CODE_OK : command_error(EXIT_CODE_FAILED, "search", "out of memory");
}
