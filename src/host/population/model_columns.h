/* Columns as the metadata of a model file has them. */
#ifndef CAVIAR_HOST_MODEL_COLUMNS_H
#define CAVIAR_HOST_MODEL_COLUMNS_H

#include "host/data/columns.h"

#include <jansson.h>

/*
 * An array with an object for each column:
 *     {"name": "age" (null: none), "kind": "number" or "date", "origin": 0.0, "fill": 28.0, "indicator": true}
 *     {"name": "sex", "kind": "text", "levels": ["female", "male"]}
 * "fill" is a distance from the origin; the level "" stands for missing cells. NULL: out of memory.
 */
json_t *caviar_columns_to_json(const caviar_columns *columns);

/* Reads and checks such an array, whose columns must make `features` features. `path` begins messages. */
caviar_status caviar_columns_from_json(caviar_columns *columns, const json_t *array, int64_t features,
                                       const char *path);

/* Fails if a name or a text is not valid UTF-8, which JSON cannot hold. */
caviar_status caviar_columns_check_utf8(const caviar_columns *columns);

#endif
