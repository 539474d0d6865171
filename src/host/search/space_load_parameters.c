/* The mapping `parameters` of a space's file. */
#include "space_load.h"

#include "host/status.h"
#include "sweep.h"

#include <math.h>
#include <string.h>

/* Keys of a parameter: bits of `seen`. */
enum { DISTRIBUTION, MIN, MAX, Q, MU, SIGMA, VALUE, VALUES, PROBABILITIES, PARAMETERS, KEYS };
enum { FIRST_VALUE = VALUE }; /* the keys before it are each one text */
static const char *const keys[KEYS] = { "distribution", "min",    "max",           "q",         "mu", "sigma",
                                        "value",        "values", "probabilities", "parameters" };

/* One entry of `parameters` as it was written; "" where a key is missing. */
typedef struct entry {
    char texts[FIRST_VALUE][CAVIAR_YAML_SCALAR + 1];
    char values[CAVIAR_MAX_VALUES + 1][CAVIAR_YAML_SCALAR + 1]; /* one more than allowed, to be told that it is */
    int32_t value_count;
    uint32_t seen;
    size_t line; /* of its name */
} entry;

static int has(const entry *e, int key) {
    return e->seen >> key & 1;
}

/* -------------------------------------------------------------------------------------------------- what is written */

static caviar_status read_values(entry *e, caviar_yaml *r) {
    CAVIAR_TRY(caviar_yaml_next(r));
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "values must be a list: values: [A, B]");
    for (;;) {
        CAVIAR_TRY(caviar_yaml_next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return CAVIAR_OK;
        char text[CAVIAR_YAML_SCALAR + 1];
        CAVIAR_TRY(caviar_yaml_take_scalar(text, r, "one of values"));
        if (e->value_count > CAVIAR_MAX_VALUES)
            return caviar_yaml_fail(r, caviar_yaml_line(r), "values holds more than %d: use a range",
                                    CAVIAR_MAX_VALUES);
        memcpy(e->values[e->value_count++], text, sizeof text);
    }
}

static caviar_status read_key(entry *e, caviar_yaml *r, int key, const char *name) {
    const size_t line = caviar_yaml_line(r);
    if (key < FIRST_VALUE) return caviar_yaml_next_scalar(e->texts[key], r, keys[key]);
    switch (key) {
    case VALUE: e->value_count = 1; return caviar_yaml_next_scalar(e->values[0], r, "value");
    case VALUES: e->value_count = 0; return read_values(e, r);
    case PROBABILITIES:
        return caviar_yaml_fail(r, line, "%s: values are equally likely here: leave its probabilities out", name);
    default:
        return caviar_yaml_fail(r, line,
                                "%s holds parameters of its own: write each of them under the file's parameters", name);
    }
}

static caviar_status read_entry(entry *e, caviar_yaml *r, const char *name) {
    CAVIAR_TRY(caviar_yaml_next(r));
    if (r->event.type == YAML_SCALAR_EVENT)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "%s must be a mapping: write %s: {value: %.32s}", name, name,
                                (const char *)r->event.data.scalar.value);
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "%s must be a mapping: write %s: {values: [...]}", name, name);
    for (;;) {
        char key[CAVIAR_YAML_SCALAR + 1];
        int end, which;
        CAVIAR_TRY(caviar_yaml_next_key(key, &end, r));
        if (end) break;
        CAVIAR_TRY(caviar_yaml_find_key(&which, &e->seen, r, key, keys, KEYS));
        if (which < 0)
            return caviar_yaml_fail(
                r, caviar_yaml_line(r),
                "%s has an unknown key \"%s\"; there are: distribution, min, max, q, mu, sigma, value, values", name,
                key);
        CAVIAR_TRY(read_key(e, r, which, name));
    }
    if (has(e, VALUE) && has(e, VALUES)) return caviar_yaml_fail(r, e->line, "%s has both value and values", name);
    return CAVIAR_OK;
}

/* ---------------------------------------------------------------------------------------------------- what it becomes
 */

static caviar_status parse_number(double *number, const entry *e, int key, const char *name) {
    CAVIAR_REQUIRE(caviar_number_parse(number, e->texts[key]), "%s: %s is \"%s\", not a number", name, keys[key],
                   e->texts[key]);
    return CAVIAR_OK;
}

/* The quantum of a distribution that has one is 1 where none is written, as with W&B. */
static caviar_status parse_quantum(double *quantum, const entry *e, caviar_distribution distribution,
                                   const char *name) {
    *quantum = caviar_distribution_is_quantised(distribution) ? 1 : 0;
    return has(e, Q) ? parse_number(quantum, e, Q, name) : CAVIAR_OK;
}

static caviar_status add_normal(caviar_space *space, const char *name, caviar_distribution distribution,
                                const entry *e) {
    double mean = 0, deviation = 1, quantum;
    CAVIAR_REQUIRE(!has(e, MIN) && !has(e, MAX), "%s: %s takes mu and sigma, not min and max", name,
                   caviar_distribution_name(distribution));
    if (has(e, MU)) CAVIAR_TRY(parse_number(&mean, e, MU, name));
    if (has(e, SIGMA)) CAVIAR_TRY(parse_number(&deviation, e, SIGMA, name));
    CAVIAR_TRY(parse_quantum(&quantum, e, distribution, name));
    return caviar_space_add_normal(space, name, distribution, mean, deviation, quantum);
}

/* log_uniform and q_log_uniform have exponents of e for bounds. */
static int takes_exponents(const char *distribution) {
    return strcmp(distribution, "log_uniform") == 0 || strcmp(distribution, "q_log_uniform") == 0;
}

static caviar_status add_range(caviar_yaml *r, const caviar_hyperparameter *hyperparameter, const entry *e) {
    const char *name = hyperparameter->name, *written = e->texts[DISTRIBUTION];
    const int exponents = takes_exponents(written);
    double minimum, maximum, quantum;
    caviar_distribution distribution = hyperparameter->scale;
    CAVIAR_REQUIRE(hyperparameter->type != CAVIAR_CHOICE, "%s has no range: write %s: {values: [%s, %s]}", name, name,
                   hyperparameter->choices[0], hyperparameter->choices[1]);
    if (exponents)
        distribution = written[0] == 'q' ? CAVIAR_Q_LOG_UNIFORM : CAVIAR_LOG_UNIFORM;
    else if (has(e, DISTRIBUTION))
        CAVIAR_TRY(caviar_distribution_parse(&distribution, written));
    if (caviar_distribution_is_normal(distribution)) return add_normal(r->space, name, distribution, e);
    CAVIAR_REQUIRE(!has(e, MU) && !has(e, SIGMA), "%s: mu and sigma are for the normal distributions: name one", name);
    CAVIAR_REQUIRE(has(e, MIN) && has(e, MAX), "%s needs both min and max, or value, or values", name);
    CAVIAR_TRY(parse_number(&minimum, e, MIN, name));
    CAVIAR_TRY(parse_number(&maximum, e, MAX, name));
    CAVIAR_TRY(parse_quantum(&quantum, e, distribution, name));
    if (!exponents) return caviar_space_add_range(r->space, name, distribution, minimum, maximum, quantum);
    CAVIAR_TRY(caviar_space_add_range(r->space, name, distribution, exp(minimum), exp(maximum), quantum));
    return caviar_notes_add(&r->space->notes, "%s of %s is taken as %s from %.6g to %.6g, which are e to its bounds",
                            written, name, caviar_distribution_name(distribution), exp(minimum), exp(maximum));
}

static caviar_status add_values(caviar_space *space, const char *name, const entry *e) {
    const char *expected = has(e, VALUES) ? "categorical" : "constant";
    CAVIAR_REQUIRE((e->seen & (1u << MIN | 1u << MAX | 1u << Q | 1u << MU | 1u << SIGMA)) == 0,
                   "%s has values and a range (min, max, q, mu, sigma): leave one out", name);
    CAVIAR_REQUIRE(!has(e, DISTRIBUTION) || strcmp(e->texts[DISTRIBUTION], expected) == 0,
                   "%s has a list of values or one value, and the distribution %s: leave the distribution out", name,
                   e->texts[DISTRIBUTION]);
    const char *values[CAVIAR_MAX_VALUES + 1];
    for (int32_t i = 0; i < e->value_count; ++i) values[i] = e->values[i];
    return caviar_space_add_values(space, name, values, e->value_count);
}

/* ---------------------------------------------------------------------------------------------------------- all of
 * them
 */

static int is_epochs(const char *name) {
    static const char *const names[] = { "epochs", "epoch", "num_epochs", "n_epochs", "max_epochs" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
        if (strcmp(name, names[i]) == 0) return 1;
    return 0;
}

/* The hyperparameter of that name, or of the usual name that stands for it, which leaves a note. */
static caviar_status find(const caviar_hyperparameter **hyperparameter, caviar_yaml *r, const char *name) {
    const size_t line = caviar_yaml_line(r);
    const char *ours = caviar_hyperparameter_find(name) ? NULL : caviar_sweep_parameter(name);
    CAVIAR_TRY(caviar_yaml_locate(r, line, caviar_hyperparameter_require(hyperparameter, ours ? ours : name)));
    for (int32_t i = 0; i < r->space->size; ++i)
        if (r->space->parameters[i].hyperparameter == *hyperparameter)
            return caviar_yaml_fail(r, line, "the parameter %s stands there twice%s%s", (*hyperparameter)->name,
                                    ours ? ", here as " : "", ours ? name : "");
    return ours ? caviar_yaml_note(r, line, "%s is taken as %s", name, ours) : CAVIAR_OK;
}

static caviar_status read_parameter(caviar_space_lines *lines, caviar_yaml *r, const char *name) {
    const caviar_hyperparameter *hyperparameter;
    entry e = { .line = caviar_yaml_line(r) };
    if (is_epochs(name)) {
        CAVIAR_TRY(caviar_yaml_note(r, e.line, "%s is left unread: all trials train as long, as --epochs says", name));
        return caviar_yaml_skip(r);
    }
    CAVIAR_TRY(find(&hyperparameter, r, name));
    CAVIAR_TRY(read_entry(&e, r, name));
    const int32_t notes = r->space->notes.count;
    const int is_value = has(&e, VALUE) || has(&e, VALUES);
    CAVIAR_TRY(caviar_yaml_locate(
        r, e.line, is_value ? add_values(r->space, hyperparameter->name, &e) : add_range(r, hyperparameter, &e)));
    lines->of[hyperparameter - caviar_hyperparameter_table] = e.line;
    return caviar_yaml_locate_notes(r, e.line, notes);
}

caviar_status caviar_space_load_parameters(caviar_space_lines *lines, caviar_yaml *r) {
    CAVIAR_TRY(caviar_yaml_next_mapping(r, "parameters"));
    for (;;) {
        char name[CAVIAR_YAML_SCALAR + 1];
        int end;
        CAVIAR_TRY(caviar_yaml_next_key(name, &end, r));
        if (end) return CAVIAR_OK;
        CAVIAR_TRY(read_parameter(lines, r, name));
    }
}
