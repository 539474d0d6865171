/*
 * Reading a search space from YAML: the form of a W&B sweep configuration (see caviar_space_load), three levels deep
 * and no deeper. What changes nothing here is left unread, with a note.
 */
#include "space_load.h"

#include "grid.h"
#include "host/arithmetic.h"
#include "host/input.h"
#include "host/status.h"
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------------- metric, method */

static caviar_status take_metric(caviar_yaml *r, size_t line, const char *name, const char *goal) {
    static const char *const goals[] = { "maximize", "minimize" }; /* by caviar_metric */
    caviar_metric metric;
    if (!caviar_sweep_metric(&metric, name))
        return caviar_yaml_fail(r, line, "the metric is \"%s\", and must be validation_accuracy or validation_loss",
                                name);
    if (goal[0] != '\0' && strcmp(goal, goals[metric]) != 0)
        return caviar_yaml_fail(r, line, "the goal of %s is %s, not \"%s\"", name, goals[metric], goal);
    if (strcmp(name, caviar_metric_name(metric)) != 0)
        CAVIAR_TRY(caviar_yaml_note(r, line, "the metric %s is taken as %s", name, caviar_metric_name(metric)));
    return caviar_space_set_metric(r->space, metric);
}

static caviar_status read_metric(caviar_yaml *r) {
    static const char *const keys[] = { "name", "goal", "target" };
    char name[CAVIAR_YAML_SCALAR + 1] = "", goal[CAVIAR_YAML_SCALAR + 1] = "";
    const size_t line = caviar_yaml_line(r);
    uint32_t seen = 0;
    CAVIAR_TRY(caviar_yaml_next_mapping(r, "metric"));
    for (;;) {
        char key[CAVIAR_YAML_SCALAR + 1];
        int end, which;
        CAVIAR_TRY(caviar_yaml_next_key(key, &end, r));
        if (end) return take_metric(r, line, name, goal);
        CAVIAR_TRY(caviar_yaml_find_key(&which, &seen, r, key, keys, 3));
        if (which < 0)
            return caviar_yaml_fail(r, caviar_yaml_line(r), "metric has an unknown key \"%s\"; there are: name, goal",
                                    key);
        if (which == 2) {
            CAVIAR_TRY(
                caviar_yaml_note(r, caviar_yaml_line(r), "target is left unread: a search trains all its trials"));
            CAVIAR_TRY(caviar_yaml_skip(r));
        } else {
            CAVIAR_TRY(caviar_yaml_next_scalar(which == 0 ? name : goal, r, key));
        }
    }
}

static caviar_status read_method(caviar_yaml *r) {
    char method[CAVIAR_YAML_SCALAR + 1];
    CAVIAR_TRY(caviar_yaml_next_scalar(method, r, "method"));
    if (strcmp(method, "random") == 0) return CAVIAR_OK;
    if (strcmp(method, "grid") == 0) return caviar_space_set_method(r->space, CAVIAR_GRID);
    if (strcmp(method, "bayes") == 0)
        return caviar_yaml_note(r, caviar_yaml_line(r),
                                "bayes is taken as random: after each round a search narrows the ranges around its "
                                "best trials (--rounds)");
    return caviar_yaml_fail(r, caviar_yaml_line(r), "the method is \"%s\", and must be random or grid", method);
}

/* ---------------------------------------------------------------------------------------------------------- the file
 */

/* Keys of a sweep configuration. Those from UNREAD on change nothing here. */
enum { METHOD, METRIC, PARAMETERS, EARLY_TERMINATE, RUN_CAP, UNREAD };
static const char *const root_keys[] = { "method",  "metric",      "parameters", "early_terminate", "run_cap",
                                         "program", "command",     "project",    "entity",          "name",
                                         "job",     "description", "$schema",    "image_uri",       "controller" };
enum { ROOT_KEYS = sizeof root_keys / sizeof root_keys[0] };

/* One note for all keys that were left unread. */
static caviar_status note_unread(const caviar_yaml *r, uint32_t seen, size_t line) {
    char list[256] = "";
    for (int key = UNREAD; key < ROOT_KEYS; ++key) {
        const size_t length = strlen(list);
        if (seen >> key & 1)
            snprintf(list + length, sizeof list - length, "%s%s", length > 0 ? ", " : "", root_keys[key]);
    }
    if (list[0] == '\0') return CAVIAR_OK;
    return caviar_yaml_note(r, line, "left unread, for it changes nothing here: %s", list);
}

static caviar_status read_root_key(caviar_space_lines *lines, caviar_yaml *r, int key) {
    const size_t line = caviar_yaml_line(r);
    switch (key) {
    case METHOD: return read_method(r);
    case METRIC: return read_metric(r);
    case PARAMETERS: return caviar_space_load_parameters(lines, r);
    case EARLY_TERMINATE:
        CAVIAR_TRY(caviar_yaml_note(r, line,
                                    "early_terminate is left unread: every trial trains all its epochs, and counts for "
                                    "its best one"));
        break;
    case RUN_CAP: CAVIAR_TRY(caviar_yaml_note(r, line, "run_cap is left unread: give --trials")); break;
    default: break;
    }
    return caviar_yaml_skip(r);
}

/* A grid has no steps on a continuous range. */
static caviar_status check_grid(const caviar_yaml *r, const caviar_space_lines *lines) {
    if (r->space->method != CAVIAR_GRID) return CAVIAR_OK;
    const caviar_space_parameter *continuum = caviar_space_continuum(r->space);
    if (continuum == NULL) return CAVIAR_OK;
    const caviar_hyperparameter *hyperparameter = continuum->hyperparameter;
    return caviar_yaml_fail(r, lines->of[hyperparameter - caviar_hyperparameter_table], CAVIAR_GRID_NEEDS_STEPS,
                            hyperparameter->name);
}

static caviar_status read_root(caviar_yaml *r) {
    caviar_space_lines lines = { { 0 } };
    uint32_t seen = 0;
    size_t first_unread = 0;
    CAVIAR_TRY(caviar_yaml_next_mapping(r, "a search space"));
    for (;;) {
        char key[CAVIAR_YAML_SCALAR + 1];
        int end, which;
        CAVIAR_TRY(caviar_yaml_next_key(key, &end, r));
        if (end) break;
        CAVIAR_TRY(caviar_yaml_find_key(&which, &seen, r, key, root_keys, ROOT_KEYS));
        if (which < 0)
            return caviar_yaml_fail(r, caviar_yaml_line(r),
                                    "unknown key \"%s\"; there are: method, metric, parameters%s", key,
                                    caviar_hyperparameter_find(key) ? " (hyperparameters stand under parameters)" : "");
        if (which >= UNREAD && first_unread == 0) first_unread = caviar_yaml_line(r);
        CAVIAR_TRY(read_root_key(&lines, r, which));
    }
    if (!(seen & 1u << PARAMETERS)) return caviar_yaml_fail(r, caviar_yaml_line(r), "the file has no parameters");
    CAVIAR_TRY(note_unread(r, seen, first_unread));
    return check_grid(r, &lines);
}

static caviar_status read_stream(caviar_yaml *r) {
    CAVIAR_TRY(caviar_yaml_next(r)); /* the stream begins */
    CAVIAR_TRY(caviar_yaml_next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) return caviar_yaml_fail(r, 1, "the file is empty; it needs parameters");
    CAVIAR_TRY(read_root(r));
    CAVIAR_TRY(caviar_yaml_next(r)); /* the document ends */
    CAVIAR_TRY(caviar_yaml_next(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "a second document begins; one is read");
    return CAVIAR_OK;
}

static caviar_status read_bytes(caviar_space *space, const char *path, const caviar_bytes *bytes) {
    caviar_yaml r = { .path = path, .space = space };
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
    CAVIAR_TRY(caviar_file_read(&bytes, path, CAVIAR_PLAIN, CAVIAR_YAML_FILE));
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
