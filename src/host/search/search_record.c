/*
 * The folder of a search, written as it goes, a second apart or more, each file replaced whole:
 *     trials.csv        a row for each measured trial, in the order of their numbers; no times, so that a seed gives
 *                       the same bytes again
 *     space.yaml        what was searched, for caviar_space_load
 *     search.json       how: seed, options, data, device, state and the best trial
 *     best.safetensors  the best trial's model
 *     best.yaml         its hyperparameters, as a space of constants
 */
#include "search.h"
#include "trial.h"

#include "host/file.h"
#include "host/status.h"
#include "host/text.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const state_names[] = { "planned", "complete", "diverged", "interrupted", "training" };

/* ------------------------------------------------------------------------------------------------------------- folder
 */

static caviar_status join(char path[PATH_MAX], const caviar_search *search, const char *name) {
    const int length = snprintf(path, PATH_MAX, "%s/%s", search->options.directory, name);
    CAVIAR_REQUIRE(length > 0 && length < PATH_MAX, "the name of the search's folder is too long");
    return CAVIAR_OK;
}

caviar_status caviar_record_open(const caviar_search *search) {
    static const char *const names[] = { "trials.csv", "space.yaml", "search.json", "best.safetensors", "best.yaml" };
    const char *directory = search->options.directory;
    if (directory == NULL) return CAVIAR_OK;
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        CAVIAR_TRY(join(path, search, names[i]));
        if (access(path, F_OK) == 0)
            return caviar_fail(CAVIAR_INVALID_ARGUMENT,
                               "%s exists: a search is recorded there already; name another folder, or remove it",
                               path);
    }
    if (mkdir(directory, 0777) == 0) return CAVIAR_OK;
    if (errno != EEXIST)
        return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot make this folder for the search: %s%s", directory,
                           strerror(errno), errno == ENOENT ? "; make the folder above it first" : "");
    struct stat about;
    if (stat(directory, &about) != 0 || !S_ISDIR(about.st_mode))
        return caviar_fail(CAVIAR_IO_ERROR, "%s: is not a folder; name one for the search", directory);
    return CAVIAR_OK;
}

/* Makes `text`, which is closed, the content of a file of the folder. */
static caviar_status replace_text(const caviar_search *search, const char *name, caviar_text *text) {
    char path[PATH_MAX], *content;
    CAVIAR_TRY(caviar_text_close(&content, text));
    const caviar_piece piece = { content, strlen(content) };
    caviar_status status = join(path, search, name);
    if (status == CAVIAR_OK) status = caviar_file_replace(path, &piece, 1);
    free(content);
    return status;
}

/* --------------------------------------------------------------------------------------------------------- trials.csv
 */

static void write_number(FILE *file, double value) {
    char text[CAVIAR_NUMBER_SIZE];
    caviar_number_format(text, value);
    fprintf(file, ",%s", text);
}

static void write_row(FILE *file, const caviar_search *search, const caviar_trial *trial) {
    fprintf(file, "%d,%d,%s", trial->number, trial->round, state_names[trial->state]);
    write_number(file, trial->epochs);
    write_number(file, trial->best_epoch);
    write_number(file, trial->training.loss);
    write_number(file, trial->training.accuracy);
    write_number(file, trial->validation.loss);
    write_number(file, trial->validation.accuracy);
    for (int32_t i = 0; i < search->space.size; ++i) {
        char text[CAVIAR_NUMBER_SIZE];
        caviar_hyperparameter_format(text, search->space.parameters[i].hyperparameter,
                                     search->values[(int64_t)trial->number * search->space.size + i]);
        fprintf(file, ",%s", text);
    }
    fprintf(file, "\n");
}

static caviar_status write_trials(const caviar_search *search) {
    caviar_text csv;
    CAVIAR_TRY(caviar_text_open(&csv));
    fprintf(csv.file, "trial,round,state,epochs,best_epoch,"
                      "training_loss,training_accuracy,validation_loss,validation_accuracy");
    for (int32_t i = 0; i < search->space.size; ++i)
        fprintf(csv.file, ",%s", search->space.parameters[i].hyperparameter->name);
    fprintf(csv.file, "\n");
    for (int32_t i = 0; i < search->sampled; ++i)
        if (search->trials[i].state != CAVIAR_TRIAL_PLANNED) write_row(csv.file, search, &search->trials[i]);
    return replace_text(search, "trials.csv", &csv);
}

/* -------------------------------------------------------------------------------------------------------- search.json
 */

/* JSON has no NaN: such a number is null. */
static json_t *json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

/* A jansson integer has 63 bits: a larger seed is written as text. */
static json_t *json_seed(uint64_t seed) {
    char text[CAVIAR_NUMBER_SIZE];
    if (seed <= INT64_MAX) return json_integer((json_int_t)seed);
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    return json_string(text);
}

static json_t *json_data(const caviar_dataset_info *data) {
    return json_pack("{sI sI sI sI sI sI}", "examples", (json_int_t)data->examples, "training",
                     (json_int_t)data->part_examples[CAVIAR_TRAIN], "validation",
                     (json_int_t)data->part_examples[CAVIAR_VALIDATION], "test",
                     (json_int_t)data->part_examples[CAVIAR_TEST], "features", (json_int_t)data->features, "classes",
                     (json_int_t)data->classes);
}

static json_t *json_value(const caviar_hyperparameter *hyperparameter, double value) {
    char text[CAVIAR_NUMBER_SIZE];
    if (hyperparameter->type == CAVIAR_REAL) return json_real(value);
    if (hyperparameter->type == CAVIAR_WHOLE) return json_integer((json_int_t)value);
    caviar_hyperparameter_format(text, hyperparameter, value);
    return json_string(text);
}

/* The values of a trial by name; NULL: out of memory. */
static json_t *json_parameters(const caviar_search *search, const caviar_trial *trial) {
    json_t *parameters = json_object();
    for (int32_t i = 0; i < search->space.size; ++i) {
        const caviar_hyperparameter *hyperparameter = search->space.parameters[i].hyperparameter;
        json_t *value = json_value(hyperparameter, search->values[(int64_t)trial->number * search->space.size + i]);
        if (json_object_set_new(parameters, hyperparameter->name, value) == 0) continue;
        json_decref(parameters);
        return NULL;
    }
    return parameters;
}

static json_t *json_best(const caviar_search *search) {
    if (search->best < 0) return json_null();
    const caviar_trial *best = &search->trials[search->best];
    return json_pack("{si si sf so so so so so}", "trial", best->number, "round", best->round, "epoch",
                     best->best_epoch, "training_loss", json_number(best->training.loss), "training_accuracy",
                     json_number(best->training.accuracy), "validation_loss", json_number(best->validation.loss),
                     "validation_accuracy", json_number(best->validation.accuracy), "parameters",
                     json_parameters(search, best));
}

static json_t *json_search(const caviar_search *search, const caviar_device_info *device, const char *state) {
    const caviar_search_options *options = &search->options;
    return json_pack("{ss ss so si si si ss si sb so s{ss ss} si so}", "caviar", caviar_version(), "state", state,
                     "seed", json_seed(options->seed), "trials", options->trials, "epochs", options->epochs, "rounds",
                     options->rounds, "metric", caviar_metric_name(options->metric), "models_at_once",
                     options->models_at_once, "independent_streams", options->independent_streams != 0, "data",
                     json_data(&search->data), "device", "name", device->name, "description", device->description,
                     "trials_measured", search->measured, "best", json_best(search));
}

/* Written through a FILE: json_dumps (2.14) can leave pieces out without a word when memory runs out. */
static caviar_status write_search(const caviar_search *search, const char *state) {
    caviar_device_info device;
    caviar_text text;
    CAVIAR_TRY(caviar_device_get_info(&device, search->device));
    CAVIAR_TRY(caviar_text_open(&text));
    json_t *json = json_search(search, &device, state);
    const int written = json != NULL && json_dumpf(json, text.file, JSON_INDENT(2)) == 0;
    json_decref(json);
    if (written && fputc('\n', text.file) != EOF) return replace_text(search, "search.json", &text);
    char *partial;
    if (caviar_text_close(&partial, &text) == CAVIAR_OK) free(partial);
    return caviar_fail_memory("search.json", 4096);
}

/* ------------------------------------------------------------------------------------------------------ the whole of
 * it */

static caviar_status write_space(const caviar_search *search) {
    char path[PATH_MAX];
    CAVIAR_TRY(join(path, search, "space.yaml"));
    return caviar_space_save(&search->space, path);
}

/* What `caviar train --space` takes to train the best trial's network again. */
static caviar_status write_best_space(const caviar_search *search) {
    char path[PATH_MAX];
    CAVIAR_TRY(join(path, search, "best.yaml"));
    caviar_space *constants;
    CAVIAR_TRY(caviar_trial_space(&constants, &search->trials[search->best]));
    caviar_status status = caviar_space_set_metric(constants, search->options.metric);
    if (status == CAVIAR_OK) status = caviar_space_save(constants, path);
    caviar_space_destroy(constants);
    return status;
}

static caviar_status write_best(caviar_search *search) {
    if (!search->best_unsaved) return CAVIAR_OK;
    char path[PATH_MAX];
    CAVIAR_TRY(join(path, search, "best.safetensors"));
    CAVIAR_TRY(caviar_model_save(search->best_model, path));
    CAVIAR_TRY(write_best_space(search));
    search->best_unsaved = 0;
    return CAVIAR_OK;
}

caviar_status caviar_record_write(caviar_search *search, const char *state) {
    if (search->options.directory == NULL) return CAVIAR_OK;
    if (!search->has_run) CAVIAR_TRY(write_space(search)); /* it does not change afterwards */
    CAVIAR_TRY(write_best(search));
    CAVIAR_TRY(write_trials(search));
    CAVIAR_TRY(write_search(search, state));
    clock_gettime(CLOCK_MONOTONIC, &search->recorded);
    return CAVIAR_OK;
}
