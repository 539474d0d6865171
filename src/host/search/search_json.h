/* search.json: what a search was asked for, on what, and what it found. */
#ifndef CAVIAR_HOST_SEARCH_JSON_H
#define CAVIAR_HOST_SEARCH_JSON_H

#include "search.h"

#include <stdio.h>

/* Fails unless `json` is an object. */
caviar_status caviar_search_json_check(const char *json);

/* Writes the document and a line's end. */
caviar_status caviar_search_json_write(FILE *file, const caviar_search *search);

#endif
