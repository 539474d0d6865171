/*
 * Cells of CSV files as those of a table. What kind a column is of is known when all of it has been seen: numbers are
 * kept as they come, and columns that turn out to be texts, or numbers far from 0 beside their range, are read again.
 */
#ifndef CAVIAR_HOST_CSV_CELLS_H
#define CAVIAR_HOST_CSV_CELLS_H

#include "csv_reader.h"
#include "table.h"

/* What has been seen of a column of features. */
typedef struct caviar_csv_column {
    int64_t place;           /* among the cells of a line */
    int is_text;             /* it is expected to hold texts, whatever they look like */
    int64_t cells;           /* that are not missing: */
    int64_t numbers, words;  /* numbers; booleans as words, which are 1 and 0; all others are texts */
    double minimum, maximum; /* of both */
    int whole;               /* all are whole numbers */
    int64_t first_line;      /* of a text, and what it is */
    char first_text[CAVIAR_CSV_SHOWN];
} caviar_csv_column;

#define CAVIAR_CSV_COLUMN_INIT                                                                                         \
    { 0, 0, 0, 0, 0, INFINITY, -INFINITY, 1, 0, "" }

/* NUMBER, TEXT, EMPTY for a cell that is missing (empty, NA, nan, null, ?, ...), or NOT_FINITE. A word is a NUMBER. */
caviar_csv_kind caviar_csv_value(double *value, int *is_word, const caviar_csv_cell *cell, locale_t c_locale);

/* Whether a cell is one of the words that stand for a missing value, or empty. */
int caviar_csv_is_missing(const caviar_csv_cell *cell);

/* Looks at a cell of the column: its value, NaN where it is missing or a text. NOT_FINITE: it is refused. */
caviar_csv_kind caviar_csv_observe(double *value, caviar_csv_column *column, const caviar_csv_cell *cell, int64_t line,
                                   locale_t c_locale);

/*
 * Completes the columns of a table of floats whose names, rows and numbers are in place: kinds, texts and origins.
 * `data` is where the first line of data begins. A column of numbers with a few texts is refused, with their line.
 */
caviar_status caviar_csv_complete(caviar_table *table, const caviar_csv_column *columns, const caviar_csv_reader *data,
                                  locale_t c_locale);

#endif
