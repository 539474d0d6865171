/*
 * How columns of a table become the features of a network: which column by which name, what a missing cell counts as,
 * which texts are levels. Learnt on the training part of a dataset, kept with a model, and applied to every table that
 * the model meets later.
 *
 *   - A NUMBER or DATE is one feature, x - origin. A missing cell takes `fill`, and where the training part has missing
 *     cells a second feature, the indicator, is 1 for them and else 0.
 *   - A TEXT is one feature for each level of the training part, 1 where the cell is that level, and a last one for all
 *     other texts. Missing cells are a level, "", where the training part has any, and else another text.
 */
#ifndef CAVIAR_HOST_COLUMNS_H
#define CAVIAR_HOST_COLUMNS_H

#include "table.h"

/* A column of text may have as many texts in the training part; more are refused with their count. */
enum { CAVIAR_MAX_LEVELS = 32 };

typedef struct caviar_encoding {
    char *name; /* NULL: the source had no names, and columns go by their position */
    caviar_column_kind kind;
    double origin; /* as the table's column has it */
    float fill;    /* what a missing cell counts as, as a cell (a number's distance from the origin): the median of the
                      training part, or where that misses none its mean, which is 0 once standardised: a network that
                      never saw a cell missing takes it for an average one */
    int indicator;
    char **levels; /* [level_count] of the training part, sorted, in one block (names.h); "" stands for missing cells */
    int32_t level_count;
    int64_t first_feature; /* its features begin with this one */
    int64_t features;      /* how many it has */
} caviar_encoding;

/* Zeroed: nothing is known of the columns; features are given as they are, by position. */
typedef struct caviar_columns {
    caviar_encoding *items; /* [count], in the order of the features */
    int64_t count;
    int64_t features; /* in all */
    char *label_name; /* NULL: none */
} caviar_columns;

/*
 * Learns from the rows of the table that are listed [count] how its columns become features. `notes` (NULL: nobody
 * asks) gets a sentence for each column whose missing cells were filled in or whose texts became features.
 */
caviar_status caviar_columns_learn(caviar_columns *columns, const caviar_table *table, const int32_t *rows,
                                   int64_t count, caviar_notes *notes);
caviar_status caviar_columns_copy(caviar_columns *to, const caviar_columns *from);
void caviar_columns_destroy(caviar_columns *columns);

/* Whether all cells are features as they stand: numbers without indicators, and no missing cells in the table. */
int caviar_columns_are_plain(const caviar_columns *columns, const caviar_table *table);

/* Whether features may as well go by position: numbers without names, origins and indicators. */
int caviar_columns_say_nothing(const caviar_columns *columns);

/* Whether both make the same features of the same cells, and call them the same. */
int caviar_columns_are_equal(const caviar_columns *a, const caviar_columns *b);

/* Whether no column has an origin other than 0. */
int caviar_columns_have_no_origins(const caviar_columns *columns);

/* Whether the features are distances from the same origins. */
int caviar_columns_have_same_origins(const caviar_columns *a, const caviar_columns *b);

/* Sets each item's first_feature and features, and the columns' features, from the rest. */
void caviar_columns_count(caviar_columns *columns);

/* Writes the name of a feature: "age", "age is missing", "sex=male", "sex=other", or "7" where there are no names. */
void caviar_columns_feature_name(char *name, size_t size, const caviar_columns *columns, int64_t feature);

/* Where the columns are in a table. */
typedef struct caviar_match {
    const caviar_columns *columns;
    const caviar_table *table;
    int64_t *column;  /* [columns->count]: the table's column */
    int32_t **levels; /* [columns->count]: of texts in both, the encoding's level by that of the table, -1: other */
    float **cells;    /* [columns->count]: of texts that are numbers in the table, the cell by the encoding's level */
} caviar_match;

/*
 * Finds the columns in a table, by their names, whatever their order, or by position where one side has none. Refuses
 * a column that is missing, by its name, and texts or dates where numbers are expected; further columns get a note.
 */
caviar_status caviar_match_make(caviar_match *match, const caviar_columns *columns, const caviar_table *table,
                                caviar_notes *notes);
void caviar_match_destroy(caviar_match *match);

/* The encoding's level of a cell where column i is a TEXT; -1: it is another text. */
int32_t caviar_match_level(const caviar_match *match, int64_t i, float cell);

/* Writes the features [columns->features] of a row. */
void caviar_match_encode(float *features, const caviar_match *match, int64_t row);

/* Copies features of examples [examples, columns->features] and adds (sign 1) or subtracts (-1) the columns' origins.
 */
void caviar_columns_move(float *to, const float *from, const caviar_columns *columns, int64_t examples, int sign);

#endif
