/* Class names: one block of memory that holds the pointers [count] and then the texts, given back by one free(). */
#ifndef CAVIAR_HOST_NAMES_H
#define CAVIAR_HOST_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Copies names, or makes "0", "1", ...; NULL: out of memory. */
char **caviar_names_copy(char *const *names, int64_t count);
char **caviar_names_decimal(int64_t count);

/* Whether text is what model files (JSON) can hold: valid UTF-8. */
int caviar_is_utf8(const char *text, size_t length);

#endif
