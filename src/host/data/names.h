/* Names of classes and columns. A list of names is one block of memory that holds the pointers [count] and then the
 * texts, given back by one free(). */
#ifndef CAVIAR_HOST_NAMES_H
#define CAVIAR_HOST_NAMES_H

#include "host/number.h"

#include <caviar/caviar.h>

/* Copies names, or makes "0", "1", ...; NULL: out of memory. */
char **caviar_names_copy(char *const *names, int64_t count);
char **caviar_names_decimal(int64_t count);

/*
 * Finds names [count] among others: match[i] is where names[i] is among them, -1: nowhere. Of names that occur several
 * times the first is found in the first, the second in the second and so on. CAVIAR_NAMES_CLASSES: numbers are compared
 * by value, so that "1", "1.0" and "01" are one, and all of them are found in the same.
 */
typedef enum caviar_names_kind { CAVIAR_NAMES_COLUMNS, CAVIAR_NAMES_CLASSES } caviar_names_kind;
caviar_status caviar_names_match(int64_t *match, const char *const *names, int64_t count, const char *const *among,
                                 int64_t among_count, caviar_names_kind kind);

/*
 * Writes the one text for a number, however it is written; 0: the name is none. Above 2^53 different whole numbers are
 * the same double, and such names are identifiers rather than numbers.
 */
int caviar_names_number(char number[CAVIAR_NUMBER_SIZE], const char *name);

/* Whether text is what model files (JSON) can hold: valid UTF-8. */
int caviar_is_utf8(const char *text, size_t length);

#endif
