/* A search: rounds of trials, each sampled from a box of the space that narrows around the best. */
#include "search.h"

#include "host/arithmetic.h"
#include "host/status.h"
#include "rank.h"
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ----------------------------------------------------------------------------------------------------------- creation
 */

static caviar_status check_options(const caviar_search_options *options) {
    const char *function = "caviar_search_create";
    CAVIAR_REQUIRE(options->struct_size == sizeof *options,
                   "%s: options.struct_size is %zu and must be %zu: start from CAVIAR_SEARCH_OPTIONS_INIT", function,
                   options->struct_size, sizeof *options);
    CAVIAR_REQUIRE(options->trials >= 0, "%s: options.trials is %d and must be 0 or more", function, options->trials);
    CAVIAR_REQUIRE(options->epochs >= 1, "%s: options.epochs is %d and must be 1 or more", function, options->epochs);
    CAVIAR_REQUIRE(options->rounds >= 1 && (options->rounds <= options->trials || options->trials == 0),
                   "%s: options.rounds is %d and must be from 1 to the number of trials, %d", function, options->rounds,
                   options->trials);
    CAVIAR_REQUIRE(options->models_at_once >= 0, "%s: options.models_at_once is %d and must be 0 or more", function,
                   options->models_at_once);
    CAVIAR_REQUIRE(options->metric == CAVIAR_VALIDATION_ACCURACY || options->metric == CAVIAR_VALIDATION_LOSS,
                   "%s: options.metric is %d, which is no metric", function, (int)options->metric);
    CAVIAR_REQUIRE(options->directory == NULL || options->directory[0] != '\0',
                   "%s: options.directory is empty: name a folder, or NULL for none", function);
    return CAVIAR_OK;
}

static caviar_status check_data(const caviar_dataset_info *data) {
    const char *function = "caviar_search_create";
    CAVIAR_REQUIRE(data->classes >= 2, "%s: the dataset has no labels, so there is nothing to learn", function);
    CAVIAR_REQUIRE(data->part_examples[CAVIAR_VALIDATION] >= 1,
                   "%s: the dataset has no validation part to compare trials on: call caviar_dataset_split with a "
                   "validation_fraction above 0",
                   function);
    CAVIAR_REQUIRE(data->part_examples[CAVIAR_TRAIN] >= 1, "%s: the dataset has no training part", function);
    return CAVIAR_OK;
}

static caviar_status allocate(caviar_search *search, const char *directory) {
    const size_t trials = (size_t)search->options.trials, size = (size_t)search->space.size + 1;
    search->trials = calloc(trials, sizeof *search->trials);
    search->positions = calloc(trials, size * sizeof(double));
    search->values = calloc(trials, size * sizeof(double));
    if (search->trials == NULL || search->positions == NULL || search->values == NULL)
        return caviar_fail_memory("the trials of a search", trials * (sizeof *search->trials + 2 * sizeof(double)));
    if (caviar_grid_repeats(&search->whole))
        CAVIAR_TRY(caviar_distinct_make(&search->distinct, search->trials, search->options.trials));
    if (directory == NULL) return CAVIAR_OK;
    search->options.directory = strdup(directory);
    if (search->options.directory == NULL) return caviar_fail_memory("the name of a folder", strlen(directory) + 1);
    return CAVIAR_OK;
}

/* Counts the space's points, and plans no more trials than that. */
static caviar_status plan(caviar_search *search) {
    caviar_search_options *options = &search->options;
    caviar_box whole;
    caviar_box_of_space(&whole, &search->space);
    caviar_grid_make(&search->whole, &search->space, &whole);
    const int64_t points = search->whole.points;
    if (search->space.method == CAVIAR_GRID) {
        CAVIAR_REQUIRE(points != CAVIAR_ENDLESS, CAVIAR_GRID_NEEDS_STEPS,
                       caviar_space_continuum(&search->space)->hyperparameter->name);
        options->rounds = 1; /* a grid does not narrow */
    }
    CAVIAR_REQUIRE(options->trials > 0 || (points != CAVIAR_ENDLESS && points <= INT32_MAX),
                   "caviar_search_create: options.trials is 0, which stands for every point of the space, and that has "
                   "too many: give a number of trials");
    if (points != CAVIAR_ENDLESS && (options->trials == 0 || points < options->trials))
        options->trials = (int32_t)points;
    if (options->rounds > options->trials) options->rounds = options->trials;
    return CAVIAR_OK;
}

caviar_status caviar_search_create(caviar_search **search, caviar_device *device, const caviar_dataset *dataset,
                                   const caviar_space *space, const caviar_search_options *options) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(search != NULL && device != NULL && dataset != NULL && space != NULL && options != NULL,
                   "caviar_search_create: an argument is NULL");
    CAVIAR_TRY(check_options(options));
    caviar_dataset_info data;
    CAVIAR_TRY(caviar_dataset_get_info(&data, dataset));
    CAVIAR_TRY(check_data(&data));
    CAVIAR_TRY(caviar_space_check_trainable(space, data.part_examples[CAVIAR_TRAIN]));
    caviar_search *created = calloc(1, sizeof *created);
    if (created == NULL) return caviar_fail_memory("a search", sizeof *created);
    created->device = device;
    created->dataset = dataset;
    created->data = data;
    created->space = *space;
    created->space.notes = (caviar_notes){ NULL, 0, 0 }; /* they stay with the caller's space */
    created->space.metric = options->metric;             /* what the record says of the search */
    created->space.has_metric = 1;
    created->options = *options;
    created->options.directory = NULL;
    created->best = -1;
    created->state = "created";
    created->folder = -1;
    caviar_status status = plan(created);
    if (status == CAVIAR_OK) status = allocate(created, options->directory);
    if (status == CAVIAR_OK) status = caviar_record_open(created);
    if (status != CAVIAR_OK) {
        caviar_search_destroy(created);
        return status;
    }
    *search = created;
    return CAVIAR_OK;
}

void caviar_search_destroy(caviar_search *search) {
    if (search == NULL) return;
    caviar_model_destroy(search->best_model);
    free((char *)search->options.directory);
    free(search->annotation);
    if (search->folder >= 0) close(search->folder);
    caviar_distinct_free(&search->distinct);
    free(search->values);
    free(search->positions);
    free(search->trials);
    free(search);
}

/* ------------------------------------------------------------------------------------------------------------ running
 */

/* How many trials round r has: they are dealt evenly, the first rounds get one more. */
static int32_t round_trials(const caviar_search *search, int32_t round) {
    const int32_t trials = search->options.trials, rounds = search->options.rounds;
    return trials / rounds + (round < trials % rounds);
}

/* The best quarter of the trials that did not diverge, and two at least. */
static caviar_status narrow(caviar_box *box, const caviar_search *search) {
    int32_t *ranking = calloc((size_t)search->sampled, sizeof *ranking);
    if (ranking == NULL) return caviar_fail_memory("the ranking of trials", (size_t)search->sampled * sizeof *ranking);
    int32_t ranked = 0;
    const caviar_status status = caviar_rank(ranking, &ranked, search->trials, search->sampled, search->options.metric);
    int32_t sound = 0; /* one may have been good before it diverged */
    for (int32_t i = 0; i < ranked; ++i)
        if (search->trials[ranking[i]].state != CAVIAR_TRIAL_DIVERGED) ranking[sound++] = ranking[i];
    const int32_t quarter = (sound + 3) / 4;
    const int32_t elite = quarter >= 2 ? quarter : sound < 2 ? sound : 2;
    if (status == CAVIAR_OK) caviar_box_refine(box, &search->space, search->positions, ranking, elite, search->round);
    free(ranking);
    return status;
}

/* By what makes a cohort, then by width, so that networks of like width share a population and pad little. */
static int compare_shapes(const void *left, const void *right, void *context) {
    const caviar_trial *trials = context, *a = &trials[*(const int32_t *)left], *b = &trials[*(const int32_t *)right];
    if (a->hidden_layers != b->hidden_layers) return a->hidden_layers < b->hidden_layers ? -1 : 1;
    if (a->batch_norm != b->batch_norm) return a->batch_norm < b->batch_norm ? -1 : 1;
    if (a->batch_size != b->batch_size) return a->batch_size < b->batch_size ? -1 : 1;
    for (int layer = 0; layer < CAVIAR_MAX_HIDDEN_LAYERS; ++layer)
        if (a->hidden_width[layer] != b->hidden_width[layer])
            return a->hidden_width[layer] < b->hidden_width[layer] ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static int same_group(const caviar_trial *a, const caviar_trial *b) {
    return a->hidden_layers == b->hidden_layers && a->batch_norm == b->batch_norm && a->batch_size == b->batch_size;
}

static caviar_status train_round(caviar_search *search, int32_t first, int32_t *numbers, int32_t count) {
    for (int32_t i = 0; i < count; ++i) numbers[i] = first + i;
    qsort_r(numbers, (size_t)count, sizeof *numbers, compare_shapes, search->trials);
    for (int32_t begin = 0, end; begin < count && !search->stopped; begin = end) {
        end = begin + 1;
        while (end < count && same_group(&search->trials[numbers[begin]], &search->trials[numbers[end]])) ++end;
        CAVIAR_TRY(caviar_search_train_group(search, numbers + begin, end - begin));
    }
    return CAVIAR_OK;
}

static caviar_status run_round(caviar_search *search, caviar_box *box) {
    const int32_t first = search->sampled, count = round_trials(search, search->round);
    if (search->round > 0) CAVIAR_TRY(narrow(box, search));
    CAVIAR_TRY(caviar_search_sample_round(search, box, count));
    int32_t *numbers = calloc((size_t)count, sizeof *numbers);
    if (numbers == NULL) return caviar_fail_memory("a round of trials", (size_t)count * sizeof *numbers);
    const caviar_status status = train_round(search, first, numbers, count);
    free(numbers);
    return status;
}

static caviar_status run_rounds(caviar_search *search) {
    caviar_box box = search->whole.box;
    for (; search->round < search->options.rounds && !search->stopped; ++search->round)
        CAVIAR_TRY(run_round(search, &box));
    if (!search->stopped || search->done == search->options.trials) return CAVIAR_OK;
    return caviar_fail(CAVIAR_INTERRUPTED, "the search was stopped after %d of %d trials", search->done,
                       search->options.trials);
}

caviar_status caviar_search_run(caviar_search *search) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(search != NULL, "caviar_search_run: search is NULL");
    CAVIAR_REQUIRE(!search->has_run, "caviar_search_run: this search has been run: create another");
    clock_gettime(CLOCK_MONOTONIC, &search->began);
    CAVIAR_TRY(caviar_record_write(search, "running"));
    search->has_run = 1;
    const caviar_status status = run_rounds(search);
    if (status == CAVIAR_OK) return caviar_record_write(search, "complete");
    /* What ended the search is what the caller hears of, even if the last record cannot be written either. */
    char message[1024];
    snprintf(message, sizeof message, "%s", caviar_last_error());
    const char *state = status == CAVIAR_INTERRUPTED ? "interrupted" : "failed";
    return caviar_record_write(search, state) == CAVIAR_OK ? status : caviar_fail(status, "%s", message);
}

/* ------------------------------------------------------------------------------------------------------------- asking
 */

int32_t caviar_search_trial_count(const caviar_search *search) {
    return search == NULL ? 0 : search->measured;
}

static caviar_status check_number(const caviar_search *search, int32_t number) {
    CAVIAR_REQUIRE(number >= 0 && number < search->options.trials, "trial %d is not one of the search's %d trials",
                   number, search->options.trials);
    if (number >= search->sampled)
        return caviar_fail(CAVIAR_NOT_FOUND, "trial %d has not been sampled: its round has not begun", number);
    return CAVIAR_OK;
}

caviar_status caviar_search_get_trial(caviar_trial *trial, const caviar_search *search, int32_t number) {
    CAVIAR_REQUIRE(trial != NULL && search != NULL, "caviar_search_get_trial: an argument is NULL");
    CAVIAR_TRY(check_number(search, number));
    *trial = search->trials[number];
    return CAVIAR_OK;
}

caviar_status caviar_search_get_value(char *text, size_t size, const caviar_search *search, int32_t number,
                                      int32_t index) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(text != NULL && size > 0 && search != NULL,
                   "caviar_search_get_value: an argument is NULL or size is 0");
    CAVIAR_TRY(check_number(search, number));
    CAVIAR_REQUIRE(index >= 0 && index < search->space.size, "parameter %d is not one of the space's %d parameters",
                   index, search->space.size);
    char value[CAVIAR_NUMBER_SIZE];
    caviar_hyperparameter_format(value, search->space.parameters[index].hyperparameter,
                                 search->values[(int64_t)number * search->space.size + index]);
    snprintf(text, size, "%s", value);
    return CAVIAR_OK;
}

caviar_status caviar_search_rank(int32_t *numbers, int32_t count, const caviar_search *search) {
    CAVIAR_REQUIRE(numbers != NULL && search != NULL, "caviar_search_rank: an argument is NULL");
    CAVIAR_REQUIRE(count >= 0 && count <= search->measured,
                   "caviar_search_rank: count is %d, and %d trials have been measured", count, search->measured);
    int32_t *ranking = calloc((size_t)search->sampled + 1, sizeof *ranking), ranked;
    if (ranking == NULL) return caviar_fail_memory("the ranking of trials", (size_t)search->sampled * sizeof *ranking);
    const caviar_status status = caviar_rank(ranking, &ranked, search->trials, search->sampled, search->options.metric);
    if (status == CAVIAR_OK && count > 0) memcpy(numbers, ranking, (size_t)count * sizeof *numbers);
    free(ranking);
    return status;
}

caviar_status caviar_search_best_model(const caviar_model **model, const caviar_search *search) {
    CAVIAR_REQUIRE(model != NULL && search != NULL, "caviar_search_best_model: an argument is NULL");
    if (search->best_model == NULL)
        return caviar_fail(CAVIAR_NOT_FOUND, "no trial has been measured yet that did not diverge");
    *model = search->best_model;
    return CAVIAR_OK;
}
