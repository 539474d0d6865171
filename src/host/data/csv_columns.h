/*
 * The columns of a CSV file while it is read: cells in blocks of rows, and what tells of each column whether it holds
 * numbers, dates, booleans or texts once all of it has been seen.
 */
#ifndef CAVIAR_HOST_CSV_COLUMNS_H
#define CAVIAR_HOST_CSV_COLUMNS_H

#include "csv_value.h"
#include "label_set.h"
#include "table.h"

/* Errors of the first ten places are told in one run. */
enum { CAVIAR_CSV_FAULTS = 10 };

typedef struct caviar_csv_faults {
    char *texts[CAVIAR_CSV_FAULTS];
    int64_t count; /* of all, also those that are not told */
} caviar_csv_faults;

/* Adds a sentence, which begins with the file and the line. */
caviar_status caviar_csv_fault(caviar_csv_faults *faults, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* CAVIAR_BAD_FILE with the sentences, a line each; CAVIAR_OK where there are none. */
caviar_status caviar_csv_told(const caviar_csv_faults *faults);
void caviar_csv_faults_destroy(caviar_csv_faults *faults);

typedef enum caviar_csv_role { CAVIAR_CSV_FEATURE, CAVIAR_CSV_LABEL, CAVIAR_CSV_LEFT_OUT } caviar_csv_role;

typedef struct caviar_csv_column {
    char *name; /* NULL: the file has no header */
    caviar_csv_role role;
    int64_t place; /* of a FEATURE: its number among them */
    int is_date;
    int expects;   /* 1: a number; 2: a text; 0: whatever it is */
    double origin; /* where a number is expected */
    caviar_label_set texts;
    int64_t numbers, words, missing;
    double low, high;
    int is_whole;
    int is_count; /* row r is the first one's value + r */
    double first;
    int64_t word_lines[CAVIAR_CSV_FAULTS]; /* where the first texts are */
    int32_t word_codes[CAVIAR_CSV_FAULTS];
} caviar_csv_column;

/* [rows, features] in blocks. A number is itself; a missing cell and a text are NaNs, the latter with its code. */
typedef struct caviar_csv_cells {
    double **blocks;
    int64_t block_count, block_capacity;
    int64_t rows, features;
} caviar_csv_cells;

enum { CAVIAR_CSV_BLOCK_ROWS = 1024 };

/* Room for one row more, [features]; it counts only once `rows` is raised. NULL: out of memory. */
double *caviar_csv_next_row(caviar_csv_cells *cells);
void caviar_csv_cells_destroy(caviar_csv_cells *cells);

/* Reads a cell of a FEATURE column into its place of the row. */
caviar_status caviar_csv_take_cell(double *to, caviar_csv_column *column, const caviar_csv_cell *cell, int64_t line,
                                   int64_t row, locale_t c_locale, caviar_csv_faults *faults, const char *path);

/*
 * Makes the table's columns and cells of the FEATUREs [columns->count], once all rows are there; the blocks are given
 * back on the way. `columns` [count] are all of the file's.
 */
caviar_status caviar_csv_fill(caviar_table *table, caviar_csv_cells *cells, caviar_csv_column *columns, int64_t count,
                              caviar_csv_faults *faults);

#endif
