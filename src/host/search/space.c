/* Search spaces: building one, parameter by parameter, and asking what it holds. */
#include "space.h"

#include "host/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

caviar_status caviar_space_create(caviar_space **space) {
    CAVIAR_REQUIRE(space != NULL, "caviar_space_create: space is NULL");
    caviar_space *created = calloc(1, sizeof *created);
    if (created == NULL) return caviar_fail_memory("a search space", sizeof *created);
    *space = created;
    return CAVIAR_OK;
}

void caviar_space_destroy(caviar_space *space) {
    if (space == NULL) return;
    caviar_notes_destroy(&space->notes);
    free(space);
}

int32_t caviar_space_size(const caviar_space *space) {
    return space == NULL ? 0 : space->size;
}

caviar_status caviar_space_parameter_name(const char **name, const caviar_space *space, int32_t index) {
    CAVIAR_REQUIRE(name != NULL && space != NULL, "caviar_space_parameter_name: an argument is NULL");
    CAVIAR_REQUIRE(index >= 0 && index < space->size,
                   "caviar_space_parameter_name: index %d is not one of the %d parameters", index, space->size);
    *name = space->parameters[index].hyperparameter->name;
    return CAVIAR_OK;
}

caviar_status caviar_space_get_metric(caviar_metric *metric, const caviar_space *space) {
    CAVIAR_REQUIRE(metric != NULL && space != NULL, "caviar_space_get_metric: an argument is NULL");
    if (!space->has_metric) return caviar_fail(CAVIAR_NOT_FOUND, "the search space names no metric");
    *metric = space->metric;
    return CAVIAR_OK;
}

caviar_status caviar_space_set_metric(caviar_space *space, caviar_metric metric) {
    CAVIAR_REQUIRE(space != NULL, "caviar_space_set_metric: space is NULL");
    CAVIAR_REQUIRE(metric == CAVIAR_VALIDATION_ACCURACY || metric == CAVIAR_VALIDATION_LOSS,
                   "caviar_space_set_metric: there is no metric %d", (int)metric);
    space->metric = metric;
    space->has_metric = 1;
    return CAVIAR_OK;
}

caviar_status caviar_space_get_method(caviar_method *method, const caviar_space *space) {
    CAVIAR_REQUIRE(method != NULL && space != NULL, "caviar_space_get_method: an argument is NULL");
    *method = space->method;
    return CAVIAR_OK;
}

caviar_status caviar_space_set_method(caviar_space *space, caviar_method method) {
    CAVIAR_REQUIRE(space != NULL, "caviar_space_set_method: space is NULL");
    CAVIAR_REQUIRE(method == CAVIAR_RANDOM || method == CAVIAR_GRID, "caviar_space_set_method: there is no method %d",
                   (int)method);
    space->method = method;
    return CAVIAR_OK;
}

const char *caviar_metric_name(caviar_metric metric) {
    return metric == CAVIAR_VALIDATION_LOSS ? "validation_loss" : "validation_accuracy";
}

const caviar_space_parameter *caviar_space_find(const caviar_space *space, const char *name) {
    for (int32_t i = 0; i < space->size; ++i)
        if (strcmp(space->parameters[i].hyperparameter->name, name) == 0) return &space->parameters[i];
    return NULL;
}

double caviar_space_least(const caviar_space_parameter *parameter) {
    double least = parameter->count > 0 ? parameter->values[0] : parameter->minimum;
    for (int32_t i = 1; i < parameter->count; ++i) least = fmin(least, parameter->values[i]);
    return least;
}

double caviar_space_largest(const caviar_space_parameter *parameter) {
    double largest = parameter->count > 0 ? parameter->values[0] : parameter->maximum;
    for (int32_t i = 1; i < parameter->count; ++i) largest = fmax(largest, parameter->values[i]);
    return largest;
}

int32_t caviar_space_note_count(const caviar_space *space) {
    return space == NULL ? 0 : space->notes.count;
}

caviar_status caviar_space_note(const char **text, const caviar_space *space, int32_t index) {
    CAVIAR_REQUIRE(text != NULL && space != NULL, "caviar_space_note: an argument is NULL");
    CAVIAR_REQUIRE(index >= 0 && index < space->notes.count, "caviar_space_note: index %d is not one of the %d notes",
                   index, space->notes.count);
    *text = space->notes.texts[index];
    return CAVIAR_OK;
}

/* --------------------------------------------------------------------------------------------- the last word wins */

/* Whether `later`, once it is in a space, makes `earlier` meaningless there. */
static int makes_meaningless(const caviar_space_parameter *later, const caviar_space_parameter *earlier) {
    const int32_t layer = earlier->hyperparameter->layer;
    if (layer < 1) return 0;
    return later->hyperparameter->layer == CAVIAR_EVERY_LAYER ||
           (strcmp(later->hyperparameter->name, "hidden_layers") == 0 && layer > caviar_space_largest(later));
}

static caviar_status note_dropped(caviar_space *space, const caviar_space_parameter *later,
                                  const caviar_space_parameter *earlier) {
    const char *name = earlier->hyperparameter->name;
    if (earlier->is_usual) return CAVIAR_OK;
    if (later->hyperparameter->layer == CAVIAR_EVERY_LAYER)
        return caviar_notes_add(&space->notes,
                                "%s is dropped, for hidden_width came after it and is the width of every layer: say %s "
                                "last where that layer is to differ",
                                name, name);
    return caviar_notes_add(&space->notes,
                            "%s is dropped, for hidden_layers came after it, and networks have at most %.0f hidden "
                            "layers now",
                            name, caviar_space_largest(later));
}

caviar_status caviar_space_put(caviar_space *space, const caviar_space_parameter *parameter) {
    for (int32_t i = 0; i < space->size; ++i)
        if (makes_meaningless(parameter, &space->parameters[i]))
            CAVIAR_TRY(note_dropped(space, parameter, &space->parameters[i]));
    int32_t kept = 0, place = -1;
    for (int32_t i = 0; i < space->size; ++i) {
        if (makes_meaningless(parameter, &space->parameters[i])) continue;
        if (space->parameters[i].hyperparameter == parameter->hyperparameter) place = kept;
        if (kept != i) space->parameters[kept] = space->parameters[i];
        ++kept;
    }
    if (place < 0) place = kept++; /* there is room for every name */
    space->parameters[place] = *parameter;
    space->size = kept;
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------ adding values
 */

caviar_status caviar_space_add_values(caviar_space *space, const char *name, const char *const *values, int32_t count) {
    CAVIAR_REQUIRE(space != NULL && name != NULL && values != NULL, "caviar_space_add_values: an argument is NULL");
    caviar_space_parameter parameter = { 0 };
    CAVIAR_TRY(caviar_hyperparameter_require(&parameter.hyperparameter, name));
    CAVIAR_REQUIRE(count >= 1, "%s: it needs at least one value", name);
    CAVIAR_REQUIRE(count <= CAVIAR_MAX_VALUES, "%s: it has %d values and may have %d: use a range", name, count,
                   CAVIAR_MAX_VALUES);
    for (int32_t i = 0; i < count; ++i) {
        CAVIAR_REQUIRE(values[i] != NULL, "%s: value %d is NULL", name, i);
        CAVIAR_TRY(caviar_hyperparameter_parse(&parameter.values[i], parameter.hyperparameter, values[i]));
        for (int32_t j = 0; j < i; ++j)
            CAVIAR_REQUIRE(parameter.values[j] != parameter.values[i], "%s: the value %.64s stands there twice", name,
                           values[i]);
    }
    parameter.distribution = count == 1 ? CAVIAR_CONSTANT : CAVIAR_CATEGORICAL;
    parameter.count = count;
    return caviar_space_put(space, &parameter);
}

/* -------------------------------------------------------------------------------------------------- the default space
 */

caviar_status caviar_space_create_default(caviar_space **space) {
    static const char *const lines[] = {
        "optimizer=momentum,adam,adamw",
        "learning_rate=3e-4..1e-1",
        "momentum=0.8..0.99",
        "beta1=0.8..0.99",
        "beta2=0.99..0.9999",
        "weight_decay=1e-6..1e-3",
        "schedule=constant,cosine",
        "dropout=0..0.3",
        "hidden_width_1=q_uniform:64..192:16",
        "hidden_width_2=q_uniform:32..96:16",
    };
    CAVIAR_REQUIRE(space != NULL, "caviar_space_create_default: space is NULL");
    caviar_space *created = NULL;
    CAVIAR_TRY(caviar_space_create(&created));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; ++i) {
        const caviar_status status = caviar_space_parse(created, lines[i]);
        if (status != CAVIAR_OK) {
            caviar_space_destroy(created);
            return status;
        }
    }
    for (int32_t i = 0; i < created->size; ++i) created->parameters[i].is_usual = 1;
    *space = created;
    return CAVIAR_OK;
}
