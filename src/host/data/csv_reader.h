/* The lines and cells of a CSV file in memory (RFC 4180, and what spreadsheets make of it). */
#ifndef CAVIAR_HOST_CSV_READER_H
#define CAVIAR_HOST_CSV_READER_H

#include "host/input.h"

#include <locale.h>

/* A cell's text within the file: without the blanks around it and without its quotes; "" in it is still doubled. */
typedef struct caviar_csv_cell {
    const char *text;
    size_t length;
    int quoted;
} caviar_csv_cell;

/* One line of cells; free(cells) when done. */
typedef struct caviar_csv_record {
    int64_t line; /* on which it begins, from 1 */
    caviar_csv_cell *cells;
    size_t count, capacity;
} caviar_csv_record;

typedef struct caviar_csv_reader {
    const char *path;
    const char *at, *end; /* a zero byte lies at `end` */
    int64_t line;         /* of `at` */
    char delimiter;
} caviar_csv_reader;

/* Begins to read. delimiter 0: the one that occurs most in the first line. Refuses zero bytes, skips UTF-8's mark. */
caviar_status caviar_csv_begin(caviar_csv_reader *reader, const char *path, const caviar_bytes *file, char delimiter);

/* Reads the next line that is not blank; at the end of the file the record has 0 cells. */
caviar_status caviar_csv_read(caviar_csv_record *record, caviar_csv_reader *reader);

/* Copies a cell's text with "" made one quote; `to` has room for length + 1 characters. Returns the length. */
size_t caviar_csv_copy(char *to, const caviar_csv_cell *cell);

/* Copies what a message shows of a cell: its beginning, without control characters. Returns `to`. */
enum { CAVIAR_CSV_SHOWN = 48 };
const char *caviar_csv_show(char to[CAVIAR_CSV_SHOWN], const caviar_csv_cell *cell);

typedef enum caviar_csv_kind {
    CAVIAR_CSV_NUMBER,
    CAVIAR_CSV_EMPTY,
    CAVIAR_CSV_NOT_FINITE, /* nan, inf, or beyond a float */
    CAVIAR_CSV_TEXT
} caviar_csv_kind;

/* Reads a cell as a decimal number; `c_locale` is the locale "C", whatever the program's is. */
caviar_csv_kind caviar_csv_number(double *value, const caviar_csv_cell *cell, locale_t c_locale);

#endif
