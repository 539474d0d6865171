/*
 * What a source of data holds before anything is learnt from it: columns of cells, and a label for each row. Loaders
 * (csv.c, npy.c, idx.c, ...) make tables; a dataset is made from one.
 *
 * A cell is a 32-bit float: of a NUMBER its distance from the column's origin, of a TEXT the number of its level; NaN
 * where the cell is missing. The origin is 0 unless floats of the numbers themselves could not tell the column's values
 * apart, as with Unix seconds, coordinates or identifiers: it is subtracted in double, before anything becomes a float.
 */
#ifndef CAVIAR_HOST_TABLE_H
#define CAVIAR_HOST_TABLE_H

#include "host/notes.h"

#include <caviar/caviar.h>

typedef enum caviar_column_kind {
    CAVIAR_COLUMN_NUMBER = 0, /* booleans in words are 1 and 0 */
    CAVIAR_COLUMN_DATE = 1,   /* a NUMBER that was written as a date: days since 1970-01-01 00:00 UTC */
    CAVIAR_COLUMN_TEXT = 2
} caviar_column_kind;

typedef struct caviar_column {
    char *name; /* NULL where the source has no names */
    caviar_column_kind kind;
    double origin;       /* not of a TEXT */
    char **levels;       /* of a TEXT: the distinct texts by number, each malloc'ed; numbers in their canonical form */
    int32_t level_count; /* 0 unless it is a TEXT */
    int64_t missing;     /* how many of its cells are NaN */
} caviar_column;

typedef struct caviar_table {
    char *source; /* the file that messages name; NULL: the data came as an argument */
    int64_t rows, column_count;
    caviar_column *columns; /* [column_count] */
    caviar_type type;       /* UINT8: all are NUMBERs of whole values from 0 to 255, none is missing, origins are 0 */
    void *cells;            /* [rows, column_count] of `type` */
    char *label_name;       /* NULL where it has no name */
    int32_t *labels;        /* [rows], classes 0 .. classes - 1; NULL without labels */
    char **class_names;     /* [classes], one block (names.h): canonical texts (label_set.h), sorted */
    int64_t classes;        /* 0 without labels */
    int labels_are_numbers; /* every class name is a number */
    int accept_unlikely;    /* labels are meant as they are, however unlikely they look */
    int as_expected;        /* it was read as a model or another dataset expects it, and is not to be learnt from: any
                               labels will do, and a TEXT may have more levels than CAVIAR_MAX_LEVELS */
    caviar_notes notes;     /* what somebody should know who loaded this, a sentence each */
} caviar_table;

/* A cell as a float. */
static inline float caviar_table_cell(const caviar_table *table, int64_t row, int64_t column) {
    const int64_t i = row * table->column_count + column;
    return table->type == CAVIAR_UINT8 ? ((const uint8_t *)table->cells)[i] : ((const float *)table->cells)[i];
}

/* What messages call a column: `column "age"`, or `column 3` (from 0) where it has no name. Returns `text`. */
const char *caviar_table_column_name(char text[96], const caviar_table *table, int64_t column);

/* Counts anew how many cells of each column are missing. */
void caviar_table_count_missing(caviar_table *table);

/* Frees what a table holds, not the table. A zeroed table is empty. */
void caviar_table_destroy(caviar_table *table);

#endif
