/* Search spaces: building one, parameter by parameter, and asking what it holds. */
#include "space.h"

#include "host/nearest.h"
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

/* --------------------------------------------------------------------------------------------- distributions by name
 */

static const char *const distribution_names[] = {
    "constant",  "categorical",          "uniform", "log_uniform_values", "one_minus_log_uniform_values", "int_uniform",
    "q_uniform", "q_log_uniform_values",
};
enum { DISTRIBUTION_COUNT = sizeof distribution_names / sizeof distribution_names[0] };

/* Those of W&B that are left out on purpose, and what to write instead. */
static const struct {
    const char *name, *remedy;
} refused_distributions[] = {
    { "log_uniform", "its bounds are exponents of e; write log_uniform_values with the bounds themselves" },
    { "q_log_uniform", "its bounds are exponents of e; write q_log_uniform_values with the bounds themselves" },
    { "inv_log_uniform", "it mirrors the logarithm about the wrong point; write one_minus_log_uniform_values, "
                         "which is 1 - 10^-r, with the bounds themselves" },
    { "inv_log_uniform_values", "it puts 9% of [0.9, 0.999] above 0.99, where half of it belongs; write "
                                "one_minus_log_uniform_values, which is 1 - 10^-r" },
    { "normal", "only bounded distributions can be narrowed; write uniform" },
    { "q_normal", "only bounded distributions can be narrowed; write q_uniform" },
    { "log_normal", "only bounded distributions can be narrowed; write log_uniform_values" },
    { "q_log_normal", "only bounded distributions can be narrowed; write q_log_uniform_values" },
    { "beta", "only bounded distributions can be narrowed; write uniform" },
    { "q_beta", "only bounded distributions can be narrowed; write q_uniform" },
    { "categorical_w_probabilities", "values are equally likely here; write categorical" },
};

const char *caviar_distribution_name(caviar_distribution distribution) {
    return distribution_names[distribution];
}

caviar_status caviar_distribution_parse(caviar_distribution *distribution, const char *name) {
    for (int i = 0; i < DISTRIBUTION_COUNT; ++i) {
        if (strcmp(name, distribution_names[i]) != 0) continue;
        *distribution = (caviar_distribution)i;
        return CAVIAR_OK;
    }
    for (size_t i = 0; i < sizeof refused_distributions / sizeof refused_distributions[0]; ++i)
        CAVIAR_REQUIRE(strcmp(name, refused_distributions[i].name) != 0, "the distribution %s is not taken: %s", name,
                       refused_distributions[i].remedy);
    const char *nearest = caviar_nearest_name(name, distribution_names, DISTRIBUTION_COUNT);
    return caviar_fail(CAVIAR_INVALID_ARGUMENT,
                       "there is no distribution \"%.64s\"%s%s%s; there are: constant, categorical, uniform, "
                       "log_uniform_values, one_minus_log_uniform_values, int_uniform, q_uniform, q_log_uniform_values",
                       name, nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
}

/* ------------------------------------------------------------------------------------------------------ adding ranges
 */

static int is_quantised(caviar_distribution distribution) {
    return distribution == CAVIAR_Q_UNIFORM || distribution == CAVIAR_Q_LOG_UNIFORM;
}

static caviar_status check_scale(const caviar_space_parameter *range) {
    const char *name = range->hyperparameter->name, *distribution = caviar_distribution_name(range->distribution);
    CAVIAR_REQUIRE(range->distribution > CAVIAR_CATEGORICAL, "%s: %s takes values, not a range", name, distribution);
    CAVIAR_REQUIRE(range->hyperparameter->type != CAVIAR_CHOICE, "%s has no range: name its values, as in %s=%s,%s",
                   name, name, range->hyperparameter->choices[0], range->hyperparameter->choices[1]);
    CAVIAR_REQUIRE(range->hyperparameter->type == CAVIAR_REAL || range->distribution == CAVIAR_INT_UNIFORM ||
                       is_quantised(range->distribution),
                   "%s takes whole numbers, which %s does not give: use int_uniform, or q_log_uniform_values with a "
                   "quantum of 1",
                   name, distribution);
    if (range->distribution == CAVIAR_LOG_UNIFORM || range->distribution == CAVIAR_Q_LOG_UNIFORM)
        CAVIAR_REQUIRE(range->minimum >= 1e-300,
                       "%s: %s needs a minimum above 0 (it is %.9g): raise it, or use %suniform", name, distribution,
                       range->minimum, is_quantised(range->distribution) ? "q_" : "");
    if (range->distribution == CAVIAR_ONE_MINUS_LOG_UNIFORM)
        CAVIAR_REQUIRE(range->maximum < 1, "%s: %s needs a maximum below 1 (it is %.9g): lower it, or use uniform",
                       name, distribution, range->maximum);
    if (range->distribution == CAVIAR_INT_UNIFORM)
        CAVIAR_REQUIRE(range->minimum == floor(range->minimum) && range->maximum == floor(range->maximum),
                       "%s: int_uniform needs whole numbers for bounds (they are %.9g and %.9g)", name, range->minimum,
                       range->maximum);
    return CAVIAR_OK;
}

/* Narrows the bounds of a quantised range to the multiples of the quantum within. */
static caviar_status take_multiples(caviar_space_parameter *range) {
    const char *name = range->hyperparameter->name, *distribution = caviar_distribution_name(range->distribution);
    if (!is_quantised(range->distribution)) {
        CAVIAR_REQUIRE(range->quantum == 0, "%s: a quantum (%.9g) is for q_uniform and q_log_uniform_values, not %s",
                       name, range->quantum, distribution);
        return CAVIAR_OK;
    }
    CAVIAR_REQUIRE(isfinite(range->quantum) && range->quantum > 0, "%s: %s needs a quantum above 0 (it is %.9g)", name,
                   distribution, range->quantum);
    CAVIAR_REQUIRE(range->hyperparameter->type == CAVIAR_REAL || range->quantum == floor(range->quantum),
                   "%s takes whole numbers: its quantum must be whole too (it is %.9g)", name, range->quantum);
    /* 0.3 / 0.1 is a hair below 3: what is that near to a multiple is meant to be one. */
    const double first = ceil(range->minimum / range->quantum * (1 - 1e-12));
    const double last = floor(range->maximum / range->quantum * (1 + 1e-12));
    CAVIAR_REQUIRE(first <= last && last <= 1e15, "%s: no multiple of %.9g lies from %.9g to %.9g", name,
                   range->quantum, range->minimum, range->maximum);
    range->minimum = first * range->quantum;
    range->maximum = last * range->quantum;
    return CAVIAR_OK;
}

caviar_status caviar_space_add_range(caviar_space *space, const char *name, caviar_distribution distribution,
                                     double minimum, double maximum, double quantum) {
    CAVIAR_REQUIRE(space != NULL && name != NULL, "caviar_space_add_range: an argument is NULL");
    caviar_space_parameter range = { 0 };
    CAVIAR_TRY(caviar_hyperparameter_require(&range.hyperparameter, name));
    CAVIAR_REQUIRE((int)distribution >= 0 && (int)distribution < DISTRIBUTION_COUNT, "%s: there is no distribution %d",
                   name, (int)distribution);
    CAVIAR_REQUIRE(isfinite(minimum) && isfinite(maximum), "%s: a bound of the range is not a finite number", name);
    CAVIAR_REQUIRE(minimum <= maximum, "%s: the range ends (%.9g) before it begins (%.9g)", name, maximum, minimum);
    range.distribution = distribution;
    range.minimum = minimum;
    range.maximum = maximum;
    range.quantum = quantum;
    CAVIAR_TRY(check_scale(&range));
    CAVIAR_TRY(take_multiples(&range));
    CAVIAR_TRY(caviar_hyperparameter_check(range.hyperparameter, range.minimum));
    CAVIAR_TRY(caviar_hyperparameter_check(range.hyperparameter, range.maximum));
    return caviar_space_put(space, &range);
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
