/* YAML's events, read one by one. Aliases are refused, so that a small file cannot stand for a large one. */
#include "yaml_reader.h"

#include "host/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 64 };

size_t caviar_yaml_line(const caviar_yaml *r) {
    return r->event.start_mark.line + 1;
}

caviar_status caviar_yaml_fail(const caviar_yaml *r, size_t line, const char *format, ...) {
    char message[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%zu: %s", r->path, line, message);
}

caviar_status caviar_yaml_locate(const caviar_yaml *r, size_t line, caviar_status status) {
    if (status != CAVIAR_INVALID_ARGUMENT) return status;
    return caviar_yaml_fail(r, line, "%s", caviar_last_error());
}

caviar_status caviar_yaml_note(const caviar_yaml *r, size_t line, const char *format, ...) {
    char message[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return caviar_notes_add(&r->space->notes, "%s:%zu: %s", r->path, line, message);
}

caviar_status caviar_yaml_locate_notes(const caviar_yaml *r, size_t line, int32_t from) {
    caviar_notes *notes = &r->space->notes, located = { NULL, 0, 0 };
    caviar_status status = CAVIAR_OK;
    for (int32_t i = from; i < notes->count && status == CAVIAR_OK; ++i)
        status = caviar_notes_add(&located, "%s:%zu: %s", r->path, line, notes->texts[i]);
    for (int32_t i = 0; i < located.count && status == CAVIAR_OK; ++i) {
        char *unlocated = notes->texts[from + i];
        notes->texts[from + i] = located.texts[i];
        located.texts[i] = unlocated;
    }
    caviar_notes_destroy(&located);
    return status;
}

caviar_status caviar_yaml_next(caviar_yaml *r) {
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        if (r->parser.error == YAML_MEMORY_ERROR) return caviar_fail_memory("reading a YAML file", CAVIAR_YAML_FILE);
        const char *problem = r->parser.problem ? r->parser.problem : "it cannot be read";
        if (r->parser.error == YAML_READER_ERROR)
            return caviar_fail(CAVIAR_BAD_FILE, "%s: byte %zu: not YAML text: %s", r->path, r->parser.problem_offset,
                               problem);
        return caviar_yaml_fail(r, r->parser.problem_mark.line + 1, "not YAML: %s", problem);
    }
    if (r->event.type == YAML_ALIAS_EVENT)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "aliases are not taken: write the value out");
    return CAVIAR_OK;
}

caviar_status caviar_yaml_take_scalar(char text[CAVIAR_YAML_SCALAR + 1], caviar_yaml *r, const char *what) {
    if (r->event.type != YAML_SCALAR_EVENT)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "%s must be a single value", what);
    const char *value = (const char *)r->event.data.scalar.value;
    const size_t length = r->event.data.scalar.length;
    if (length > CAVIAR_YAML_SCALAR || strlen(value) != length)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "%s is longer than %d characters or holds a zero byte", what,
                                CAVIAR_YAML_SCALAR);
    memcpy(text, value, length + 1);
    return CAVIAR_OK;
}

caviar_status caviar_yaml_next_scalar(char text[CAVIAR_YAML_SCALAR + 1], caviar_yaml *r, const char *what) {
    CAVIAR_TRY(caviar_yaml_next(r));
    return caviar_yaml_take_scalar(text, r, what);
}

caviar_status caviar_yaml_next_mapping(caviar_yaml *r, const char *what) {
    CAVIAR_TRY(caviar_yaml_next(r));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return caviar_yaml_fail(r, caviar_yaml_line(r), "%s must be a mapping of keys to values", what);
    return CAVIAR_OK;
}

caviar_status caviar_yaml_next_key(char key[CAVIAR_YAML_SCALAR + 1], int *end, caviar_yaml *r) {
    CAVIAR_TRY(caviar_yaml_next(r));
    *end = r->event.type == YAML_MAPPING_END_EVENT;
    return *end ? CAVIAR_OK : caviar_yaml_take_scalar(key, r, "a key");
}

/* libyaml's time grows with the square of the depth, so that has an end. */
caviar_status caviar_yaml_skip(caviar_yaml *r) {
    size_t depth = 0;
    do {
        CAVIAR_TRY(caviar_yaml_next(r));
        const yaml_event_type_t type = r->event.type;
        if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) ++depth;
        if (depth > DEEPEST)
            return caviar_yaml_fail(r, caviar_yaml_line(r), "values are nested more than %d deep", DEEPEST);
        if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT) --depth;
    } while (depth > 0);
    return CAVIAR_OK;
}

caviar_status caviar_yaml_find_key(int *which, uint32_t *seen, caviar_yaml *r, const char *key, const char *const *keys,
                                   int count) {
    *which = -1;
    for (int i = 0; i < count; ++i)
        if (strcmp(key, keys[i]) == 0) *which = i;
    if (*which < 0) return CAVIAR_OK;
    if (*seen & 1u << *which) return caviar_yaml_fail(r, caviar_yaml_line(r), "the key %s stands there twice", key);
    *seen |= 1u << *which;
    return CAVIAR_OK;
}
