/*
 * Reading a search space from YAML: the form of a W&B sweep configuration (see caviar_space_load). libyaml's events are
 * read one by one, three levels deep and no deeper; aliases are refused, so a small file cannot stand for a large one.
 */
#include "space.h"

#include "host/arithmetic.h"
#include "host/input.h"
#include "host/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { LARGEST_FILE = 1 << 20, LONGEST_SCALAR = 63, DEEPEST = 64 };

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    const char *path;
    caviar_space *space;
} reader;

/* One entry of `parameters` as it was written; "" where a key is missing. */
typedef struct entry {
    char distribution[LONGEST_SCALAR + 1], min[LONGEST_SCALAR + 1], max[LONGEST_SCALAR + 1], q[LONGEST_SCALAR + 1];
    char values[CAVIAR_MAX_VALUES + 1][LONGEST_SCALAR + 1]; /* one more than allowed, to be told that it is too many */
    int32_t value_count;
    int is_list; /* values, not value */
} entry;

/* ------------------------------------------------------------------------------------------------------------- events
 */

static size_t line_of(const reader *r) {
    return r->event.start_mark.line + 1;
}

static caviar_status fail_at(const reader *r, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static caviar_status fail_at(const reader *r, size_t line, const char *format, ...) {
    char message[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%zu: %s", r->path, line, message);
}

/* Puts file and line before the message of a failure that knows neither. */
static caviar_status locate(const reader *r, size_t line, caviar_status status) {
    if (status != CAVIAR_INVALID_ARGUMENT) return status;
    return fail_at(r, line, "%s", caviar_last_error());
}

static caviar_status next_event(reader *r) {
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        if (r->parser.error == YAML_MEMORY_ERROR) return caviar_fail_memory("reading a YAML file", LARGEST_FILE);
        const char *problem = r->parser.problem ? r->parser.problem : "it cannot be read";
        if (r->parser.error == YAML_READER_ERROR)
            return caviar_fail(CAVIAR_BAD_FILE, "%s: byte %zu: not YAML text: %s", r->path, r->parser.problem_offset,
                               problem);
        return fail_at(r, r->parser.problem_mark.line + 1, "not YAML: %s", problem);
    }
    if (r->event.type == YAML_ALIAS_EVENT) return fail_at(r, line_of(r), "aliases are not taken: write the value out");
    return CAVIAR_OK;
}

/* Copies the current event's text, which must be a scalar: `what` is what messages call it. */
static caviar_status take_scalar(char text[LONGEST_SCALAR + 1], reader *r, const char *what) {
    if (r->event.type != YAML_SCALAR_EVENT) return fail_at(r, line_of(r), "%s must be a single value", what);
    const char *value = (const char *)r->event.data.scalar.value;
    const size_t length = r->event.data.scalar.length;
    if (length > LONGEST_SCALAR || strlen(value) != length)
        return fail_at(r, line_of(r), "%s is longer than %d characters or holds a zero byte", what, LONGEST_SCALAR);
    memcpy(text, value, length + 1);
    return CAVIAR_OK;
}

static caviar_status next_scalar(char text[LONGEST_SCALAR + 1], reader *r, const char *what) {
    CAVIAR_TRY(next_event(r));
    return take_scalar(text, r, what);
}

static caviar_status next_mapping(reader *r, const char *what) {
    CAVIAR_TRY(next_event(r));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return fail_at(r, line_of(r), "%s must be a mapping of keys to values", what);
    return CAVIAR_OK;
}

/* The next key of the mapping being read; its end gives *end = 1. */
static caviar_status next_key(char key[LONGEST_SCALAR + 1], int *end, reader *r) {
    CAVIAR_TRY(next_event(r));
    *end = r->event.type == YAML_MAPPING_END_EVENT;
    return *end ? CAVIAR_OK : take_scalar(key, r, "a key");
}

/* Reads over one value. libyaml's time grows with the square of the depth, so that has an end. */
static caviar_status skip_value(reader *r) {
    size_t depth = 0;
    do {
        CAVIAR_TRY(next_event(r));
        const yaml_event_type_t type = r->event.type;
        if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) ++depth;
        if (depth > DEEPEST) return fail_at(r, line_of(r), "values are nested more than %d deep", DEEPEST);
        if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT) --depth;
    } while (depth > 0);
    return CAVIAR_OK;
}

/* Which of `count` keys this is, each at most once (bits of *seen); -1: none of them. */
static caviar_status find_key(int *which, uint32_t *seen, reader *r, const char *key, const char *const *keys,
                              int count) {
    *which = -1;
    for (int i = 0; i < count; ++i)
        if (strcmp(key, keys[i]) == 0) *which = i;
    if (*which < 0) return CAVIAR_OK;
    if (*seen & 1u << *which) return fail_at(r, line_of(r), "the key %s stands there twice", key);
    *seen |= 1u << *which;
    return CAVIAR_OK;
}

/* --------------------------------------------------------------------------------------------------------- parameters
 */

static caviar_status read_values(entry *e, reader *r) {
    CAVIAR_TRY(next_event(r));
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return fail_at(r, line_of(r), "values must be a list: values: [A, B]");
    e->is_list = 1;
    for (;;) {
        CAVIAR_TRY(next_event(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return CAVIAR_OK;
        char text[LONGEST_SCALAR + 1];
        CAVIAR_TRY(take_scalar(text, r, "one of values"));
        if (e->value_count > CAVIAR_MAX_VALUES)
            return fail_at(r, line_of(r), "values holds more than %d: use a range", CAVIAR_MAX_VALUES);
        memcpy(e->values[e->value_count++], text, sizeof text);
    }
}

static caviar_status read_entry(entry *e, uint32_t *seen, reader *r, const char *name) {
    static const char *const keys[] = { "distribution", "min", "max", "q", "value", "values" };
    CAVIAR_TRY(next_event(r));
    if (r->event.type == YAML_SCALAR_EVENT)
        return fail_at(r, line_of(r), "%s must be a mapping: write %s: {value: %.32s}", name, name,
                       (const char *)r->event.data.scalar.value);
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return fail_at(r, line_of(r), "%s must be a mapping: write %s: {values: [...]}", name, name);
    for (;;) {
        char key[LONGEST_SCALAR + 1];
        int end, which;
        CAVIAR_TRY(next_key(key, &end, r));
        if (end) return CAVIAR_OK;
        CAVIAR_TRY(find_key(&which, seen, r, key, keys, 6));
        switch (which) {
        case 0: CAVIAR_TRY(next_scalar(e->distribution, r, key)); break;
        case 1: CAVIAR_TRY(next_scalar(e->min, r, key)); break;
        case 2: CAVIAR_TRY(next_scalar(e->max, r, key)); break;
        case 3: CAVIAR_TRY(next_scalar(e->q, r, key)); break;
        case 4: CAVIAR_TRY(next_scalar(e->values[0], r, key)); break;
        case 5: CAVIAR_TRY(read_values(e, r)); break;
        default:
            return fail_at(r, line_of(r),
                           "%s has an unknown key \"%s\"; there are: distribution, min, max, q, value, values", name,
                           key);
        }
        if (which == 4) e->value_count = 1;
    }
}

static caviar_status parse_bound(double *bound, const char *name, const char *key, const char *text) {
    CAVIAR_REQUIRE(text[0] != '\0', "%s needs both min and max, or value, or values", name);
    CAVIAR_REQUIRE(caviar_number_parse(bound, text), "%s: %s is \"%s\", not a number", name, key, text);
    return CAVIAR_OK;
}

static caviar_status add_range(caviar_space *space, const caviar_hyperparameter *hyperparameter, const entry *e) {
    const char *name = hyperparameter->name;
    double minimum, maximum, quantum = 0;
    caviar_distribution distribution = hyperparameter->scale;
    CAVIAR_REQUIRE(hyperparameter->type != CAVIAR_CHOICE, "%s has no range: write %s: {values: [%s, %s]}", name, name,
                   hyperparameter->choices[0], hyperparameter->choices[1]);
    CAVIAR_TRY(parse_bound(&minimum, name, "min", e->min));
    CAVIAR_TRY(parse_bound(&maximum, name, "max", e->max));
    if (e->distribution[0] != '\0') CAVIAR_TRY(caviar_distribution_parse(&distribution, e->distribution));
    /* W&B's quantum is 1 where none is written. */
    if (distribution == CAVIAR_Q_UNIFORM || distribution == CAVIAR_Q_LOG_UNIFORM) quantum = 1;
    if (e->q[0] != '\0') CAVIAR_TRY(parse_bound(&quantum, name, "q", e->q));
    return caviar_space_add_range(space, name, distribution, minimum, maximum, quantum);
}

static caviar_status add_values(caviar_space *space, const caviar_hyperparameter *hyperparameter, const entry *e) {
    const char *name = hyperparameter->name, *expected = e->is_list ? "categorical" : "constant";
    CAVIAR_REQUIRE(e->min[0] == '\0' && e->max[0] == '\0' && e->q[0] == '\0',
                   "%s has values and a range (min, max, q): leave one out", name);
    CAVIAR_REQUIRE(e->distribution[0] == '\0' || strcmp(e->distribution, expected) == 0,
                   "%s has a list of values or one value, and the distribution %s: leave the distribution out", name,
                   e->distribution);
    const char *values[CAVIAR_MAX_VALUES + 1];
    for (int32_t i = 0; i < e->value_count; ++i) values[i] = e->values[i];
    return caviar_space_add_values(space, name, values, e->value_count);
}

static caviar_status read_parameters(reader *r) {
    CAVIAR_TRY(next_mapping(r, "parameters"));
    for (;;) {
        char name[LONGEST_SCALAR + 1];
        int end;
        CAVIAR_TRY(next_key(name, &end, r));
        if (end) return CAVIAR_OK;
        const size_t line = line_of(r);
        const caviar_hyperparameter *hyperparameter;
        CAVIAR_TRY(locate(r, line, caviar_hyperparameter_require(&hyperparameter, name)));
        if (caviar_space_find(r->space, name)) return fail_at(r, line, "the parameter %s stands there twice", name);
        entry e = { .value_count = 0 };
        uint32_t seen = 0;
        CAVIAR_TRY(read_entry(&e, &seen, r, name));
        const uint32_t value = 1u << 4, values = 1u << 5;
        if ((seen & value) && (seen & values)) return fail_at(r, line, "%s has both value and values", name);
        CAVIAR_TRY(locate(r, line,
                          seen & (value | values) ? add_values(r->space, hyperparameter, &e)
                                                  : add_range(r->space, hyperparameter, &e)));
    }
}

/* ---------------------------------------------------------------------------------------------------------- the rest
 */

static caviar_status read_metric(reader *r) {
    static const char *const keys[] = { "name", "goal" };
    static const char *const goals[] = { "maximize", "minimize" }; /* by caviar_metric */
    char name[LONGEST_SCALAR + 1] = "", goal[LONGEST_SCALAR + 1] = "";
    const size_t line = line_of(r);
    uint32_t seen = 0;
    CAVIAR_TRY(next_mapping(r, "metric"));
    for (;;) {
        char key[LONGEST_SCALAR + 1];
        int end, which;
        CAVIAR_TRY(next_key(key, &end, r));
        if (end) break;
        CAVIAR_TRY(find_key(&which, &seen, r, key, keys, 2));
        if (which < 0) return fail_at(r, line_of(r), "metric has an unknown key \"%s\"; there are: name, goal", key);
        CAVIAR_TRY(next_scalar(which == 0 ? name : goal, r, key));
    }
    for (int metric = CAVIAR_VALIDATION_ACCURACY; metric <= CAVIAR_VALIDATION_LOSS; ++metric) {
        if (strcmp(name, caviar_metric_name((caviar_metric)metric)) != 0) continue;
        if (goal[0] != '\0' && strcmp(goal, goals[metric]) != 0)
            return fail_at(r, line, "the goal of %s is %s, not \"%s\"", name, goals[metric], goal);
        return caviar_space_set_metric(r->space, (caviar_metric)metric);
    }
    return fail_at(r, line, "the metric is \"%s\", and must be validation_accuracy or validation_loss", name);
}

static caviar_status read_method(reader *r) {
    char method[LONGEST_SCALAR + 1];
    CAVIAR_TRY(next_scalar(method, r, "method"));
    if (strcmp(method, "random") == 0) return CAVIAR_OK;
    return fail_at(r, line_of(r), "the method is \"%s\", and must be random (rounds narrow the space in a search)",
                   method);
}

static caviar_status read_root(reader *r) {
    static const char *const keys[] = { "method",  "metric", "parameters", "program",     "command",
                                        "project", "entity", "name",       "description", "$schema" };
    uint32_t seen = 0;
    CAVIAR_TRY(next_mapping(r, "a search space"));
    for (;;) {
        char key[LONGEST_SCALAR + 1];
        int end, which;
        CAVIAR_TRY(next_key(key, &end, r));
        if (end) break;
        CAVIAR_TRY(find_key(&which, &seen, r, key, keys, sizeof keys / sizeof keys[0]));
        switch (which) {
        case -1:
            return fail_at(r, line_of(r), "unknown key \"%s\"; there are: method, metric, parameters%s", key,
                           caviar_hyperparameter_find(key) ? " (hyperparameters stand under parameters)" : "");
        case 0: CAVIAR_TRY(read_method(r)); break;
        case 1: CAVIAR_TRY(read_metric(r)); break;
        case 2: CAVIAR_TRY(read_parameters(r)); break;
        default: CAVIAR_TRY(skip_value(r)); break;
        }
    }
    if (!(seen & 1u << 2)) return fail_at(r, line_of(r), "the file has no parameters");
    return CAVIAR_OK;
}

static caviar_status read_stream(reader *r) {
    CAVIAR_TRY(next_event(r)); /* the stream begins */
    CAVIAR_TRY(next_event(r));
    if (r->event.type == YAML_STREAM_END_EVENT) return fail_at(r, 1, "the file is empty; it needs parameters");
    CAVIAR_TRY(read_root(r));
    CAVIAR_TRY(next_event(r)); /* the document ends */
    CAVIAR_TRY(next_event(r));
    if (r->event.type != YAML_STREAM_END_EVENT) return fail_at(r, line_of(r), "a second document begins; one is read");
    return CAVIAR_OK;
}

static caviar_status read_bytes(caviar_space *space, const char *path, const caviar_bytes *bytes) {
    reader r = { .path = path, .space = space };
    if (!yaml_parser_initialize(&r.parser)) return caviar_fail_memory("a YAML parser", sizeof r.parser);
    yaml_parser_set_input_string(&r.parser, bytes->data, bytes->size);
    const caviar_status status = read_stream(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return status;
}

caviar_status caviar_space_load(caviar_space **space, const char *path) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(space != NULL && path != NULL, "caviar_space_load: an argument is NULL");
    caviar_bytes bytes = { NULL, 0 };
    CAVIAR_TRY(caviar_file_read(&bytes, path, CAVIAR_PLAIN, LARGEST_FILE));
    caviar_space *loaded = NULL;
    caviar_status status = caviar_space_create(&loaded);
    if (status == CAVIAR_OK) status = read_bytes(loaded, path, &bytes);
    free(bytes.data);
    if (status != CAVIAR_OK) {
        caviar_space_destroy(loaded);
        return status;
    }
    *space = loaded;
    return CAVIAR_OK;
}
