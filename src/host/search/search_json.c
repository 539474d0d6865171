#include "search_json.h"

#include "host/status.h"
#include "trial.h"

#include <jansson.h>
#include <math.h>

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
static json_t *json_hyperparameters(const caviar_search *search, const caviar_trial *trial) {
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

static json_t *json_metrics(const caviar_metrics *metrics) {
    return json_pack("{so so sI}", "loss", json_number(metrics->loss), "accuracy", json_number(metrics->accuracy),
                     "examples", (json_int_t)metrics->examples);
}

static json_t *json_best(const caviar_search *search) {
    if (search->best < 0) return json_null();
    const caviar_trial *best = &search->trials[search->best];
    return json_pack("{si si ss so so so so so}", "number", best->number, "round", best->round, "state",
                     caviar_trial_state_name(best->state), "epochs", json_number(best->epochs), "best_epoch",
                     json_number(best->best_epoch), "hyperparameters", json_hyperparameters(search, best), "training",
                     json_metrics(&best->training), "validation", json_metrics(&best->validation));
}

static json_t *json_search(const caviar_search *search, const caviar_device_info *device) {
    const caviar_search_options *options = &search->options;
    return json_pack("{ss ss s{ss ss} so so si si ss si sb si si so so}", "version", caviar_version(), "state",
                     search->state, "device", "name", device->name, "description", device->description, "data",
                     json_data(&search->data), "seed", json_seed(options->seed), "epochs", options->epochs, "rounds",
                     options->rounds, "metric", caviar_metric_name(options->metric), "models_at_once",
                     options->models_at_once, "independent_streams", options->independent_streams != 0, "trial_count",
                     options->trials, "trials_measured", search->measured, "best",
                     search->best < 0 ? json_null() : json_integer(search->best), "best_trial", json_best(search));
}

static caviar_status parse(json_t **object, const char *json) {
    json_error_t error;
    *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(*object)) return CAVIAR_OK;
    /* jansson says nothing of the place where memory ran out. */
    if (!*object && (json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0'))
        return caviar_fail_memory("an annotation", 1);
    const int is_json = *object != NULL;
    json_decref(*object);
    return caviar_fail(CAVIAR_INVALID_ARGUMENT, "caviar_search_annotate: json is no object%s%s", is_json ? "" : ": ",
                       is_json ? "" : error.text);
}

caviar_status caviar_search_json_check(const char *json) {
    json_t *object;
    CAVIAR_TRY(parse(&object, json));
    json_decref(object);
    return CAVIAR_OK;
}

/* Written through a FILE: json_dumps (2.14) can leave pieces out without a word when memory runs out. */
caviar_status caviar_search_json_write(FILE *file, const caviar_search *search) {
    caviar_device_info device;
    json_t *annotation = NULL;
    CAVIAR_TRY(caviar_device_get_info(&device, search->device));
    if (search->annotation) CAVIAR_TRY(parse(&annotation, search->annotation));
    json_t *json = json_search(search, &device);
    int failed = json == NULL || (annotation && json_object_update_recursive(json, annotation) != 0);
    failed =
        failed || json_dumpf(json, file, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0 || fputc('\n', file) == EOF;
    json_decref(json);
    json_decref(annotation);
    return failed ? caviar_fail_memory("search.json", 4096) : CAVIAR_OK;
}
