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
#include "search_json.h"
#include "trial.h"

#include "host/file.h"
#include "host/status.h"
#include "host/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------------------- folder
 */

static caviar_status join(char path[PATH_MAX], const caviar_search *search, const char *name) {
    const int length = snprintf(path, PATH_MAX, "%s/%s", search->options.directory, name);
    CAVIAR_REQUIRE(length > 0 && length < PATH_MAX, "the name of the search's folder is too long");
    return CAVIAR_OK;
}

static caviar_status refuse_record(const caviar_search *search) {
    static const char *const names[] = { "trials.csv", "space.yaml", "search.json", "best.safetensors", "best.yaml" };
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        CAVIAR_TRY(join(path, search, names[i]));
        if (access(path, F_OK) == 0)
            return caviar_fail(CAVIAR_INVALID_ARGUMENT,
                               "%s exists: a search is recorded there already; name another folder, or remove it",
                               path);
    }
    return CAVIAR_OK;
}

/*
 * Searches that are given one folder at the same time would write over one another: the folder is locked until the
 * search is destroyed, or its process has ended in whatever way. Where a file system knows no locks, there are none.
 */
static caviar_status lock_folder(caviar_search *search) {
    const char *directory = search->options.directory;
    search->folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (search->folder < 0) {
        return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot open this folder for the search: %s", directory,
                           strerror(errno));
    }
    if (flock(search->folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return refuse_record(search);
    return caviar_fail(CAVIAR_INVALID_ARGUMENT, "%s: another search is writing to this folder; name another",
                       directory);
}

caviar_status caviar_record_open(caviar_search *search) {
    const char *directory = search->options.directory;
    if (directory == NULL) return CAVIAR_OK;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot make this folder for the search: %s%s", directory,
                           strerror(errno), errno == ENOENT ? "; make the folder above it first" : "");
    struct stat about;
    if (stat(directory, &about) != 0 || !S_ISDIR(about.st_mode))
        return caviar_fail(CAVIAR_IO_ERROR, "%s: is not a folder; name one for the search", directory);
    return lock_folder(search);
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
    fprintf(file, "%d,%d,%s", trial->number, trial->round, caviar_trial_state_name(trial->state));
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

static caviar_status write_search(const caviar_search *search) {
    caviar_text text;
    CAVIAR_TRY(caviar_text_open(&text));
    const caviar_status status = caviar_search_json_write(text.file, search);
    if (status == CAVIAR_OK) return replace_text(search, "search.json", &text);
    char *partial;
    if (caviar_text_close(&partial, &text) == CAVIAR_OK) free(partial);
    return status;
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

/* Keeps the first failure, for the message that is told. */
static caviar_status first_failure(caviar_status former, char message[4096], caviar_status status) {
    if (former != CAVIAR_OK) return former;
    if (status != CAVIAR_OK) snprintf(message, 4096, "%s", caviar_last_error());
    return status;
}

/* Each file is tried, though another may have found no room. */
caviar_status caviar_record_write(caviar_search *search, const char *state) {
    char message[4096];
    search->state = state;
    if (search->options.directory == NULL) return CAVIAR_OK;
    if (!search->has_run) CAVIAR_TRY(write_space(search)); /* it does not change afterwards */
    const int32_t measured = search->measured;
    caviar_status status = first_failure(CAVIAR_OK, message, write_best(search));
    const caviar_status trials = write_trials(search);
    if (trials == CAVIAR_OK) search->trials_recorded = measured;
    status = first_failure(status, message, trials);
    status = first_failure(status, message, write_search(search));
    clock_gettime(CLOCK_MONOTONIC, &search->recorded);
    return status == CAVIAR_OK ? CAVIAR_OK : caviar_fail(status, "%s", message);
}

caviar_status caviar_record_try(caviar_search *search) {
    const caviar_status status = caviar_record_write(search, "running");
    return status == CAVIAR_IO_ERROR ? CAVIAR_OK : status;
}

int32_t caviar_search_recorded_count(const caviar_search *search, int *best) {
    if (best) *best = search && search->options.directory && search->best >= 0 && !search->best_unsaved;
    return search ? search->trials_recorded : 0;
}

caviar_status caviar_search_annotate(caviar_search *search, const char *json) {
    CAVIAR_REQUIRE(search && json, "caviar_search_annotate: %s is NULL", search ? "json" : "search");
    CAVIAR_TRY(caviar_search_json_check(json));
    char *copy = strdup(json);
    if (copy == NULL) return caviar_fail_memory("an annotation", strlen(json) + 1);
    free(search->annotation);
    search->annotation = copy;
    return search->options.directory && search->has_run ? write_search(search) : CAVIAR_OK;
}
