/*
 * How columns of a table become the features of a network: which column by which name, what a missing cell counts as,
 * which texts are levels. Learnt on the training part of a dataset, kept with a model, and applied to every table that
 * the model meets later.
 *
 *     NUMBER, DATE  one feature, x - origin; a missing cell takes `fill`, and where the training part has missing cells
 * a second feature, the indicator, is 1 for them and else 0 TEXT          one feature for each level of the training
 * part, 1 where the cell is that level; a last one for all other texts and for missing cells that are no level of their
 * own
 */
#ifndef CAVIAR_HOST_COLUMNS_H
#define CAVIAR_HOST_COLUMNS_H

#include "table.h"

/* A column of text may have as many levels; more are refused with their count. */
enum { CAVIAR_MAX_LEVELS = 32 };

typedef struct caviar_encoding {
    char *name; /* NULL: the source had no names, and columns go by their position */
    caviar_column_kind kind;
    double origin, fill; /* `fill` is a number as in the file, not its distance from the origin */
    int indicator;
    char **levels; /* [level_count] of the training part */
    int32_t level_count;
    int64_t first_feature; /* its features begin with this one */
    int64_t features;      /* how many it has */
} caviar_encoding;

typedef struct caviar_columns {
    caviar_encoding *items; /* [count], in the order of the features */
    int64_t count;
    int64_t features; /* in all */
    char *label_name; /* NULL: none */
} caviar_columns;

#endif
