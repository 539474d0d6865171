/* A YAML file that is read event by event, and messages that name its lines. */
#ifndef CAVIAR_HOST_YAML_READER_H
#define CAVIAR_HOST_YAML_READER_H

#include "space.h"

#include <yaml.h>

enum { CAVIAR_YAML_SCALAR = 63, CAVIAR_YAML_FILE = 1 << 20 }; /* the longest scalar that is kept, the largest file */

typedef struct caviar_yaml {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    const char *path;
    caviar_space *space; /* what the file is read into */
} caviar_yaml;

/* Of the current event, from 1. */
size_t caviar_yaml_line(const caviar_yaml *r);

/* CAVIAR_BAD_FILE with the file, the line and the message. */
caviar_status caviar_yaml_fail(const caviar_yaml *r, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts file and line before the message of a failure that knows neither. */
caviar_status caviar_yaml_locate(const caviar_yaml *r, size_t line, caviar_status status);
/* Adds a note to the space, with the file and the line. */
caviar_status caviar_yaml_note(const caviar_yaml *r, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts file and line before the notes that the space had none of before it had `from` of them. */
caviar_status caviar_yaml_locate_notes(const caviar_yaml *r, size_t line, int32_t from);

caviar_status caviar_yaml_next(caviar_yaml *r);
/* Copies the current event's text, which must be a scalar: `what` is what messages call it. */
caviar_status caviar_yaml_take_scalar(char text[CAVIAR_YAML_SCALAR + 1], caviar_yaml *r, const char *what);
caviar_status caviar_yaml_next_scalar(char text[CAVIAR_YAML_SCALAR + 1], caviar_yaml *r, const char *what);
caviar_status caviar_yaml_next_mapping(caviar_yaml *r, const char *what);
/* The next key of the mapping being read; its end gives *end = 1. */
caviar_status caviar_yaml_next_key(char key[CAVIAR_YAML_SCALAR + 1], int *end, caviar_yaml *r);
/* Reads over one value. */
caviar_status caviar_yaml_skip(caviar_yaml *r);
/* Which of `count` keys this is, each at most once (bits of *seen); -1: none of them. */
caviar_status caviar_yaml_find_key(int *which, uint32_t *seen, caviar_yaml *r, const char *key, const char *const *keys,
                                   int count);

#endif
