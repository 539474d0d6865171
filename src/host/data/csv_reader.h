/* The lines and cells of a CSV file, read as a stream (RFC 4180, and what spreadsheets make of it). */
#ifndef CAVIAR_HOST_CSV_READER_H
#define CAVIAR_HOST_CSV_READER_H

#include "host/input.h"

/* A cell's text: without the blanks around it and without its quotes; "" in it is still doubled. A byte that is no part
 * of a number follows it. */
typedef struct caviar_csv_cell {
    const char *text;
    size_t length;
    int quoted;
} caviar_csv_cell;

/* One line of cells, good until the next is read unless it was kept; caviar_csv_free when done. */
typedef struct caviar_csv_record {
    int64_t line; /* on which it begins, from 1 */
    caviar_csv_cell *cells;
    size_t count, capacity;
    int is_comment; /* it began with #, which is no part of its first cell */
    char *kept;     /* the cells' own copy of their texts, or NULL */
} caviar_csv_record;

typedef struct caviar_csv_reader {
    caviar_input *input;
    char *buffer;
    size_t capacity;
    const char *at, *end; /* in the buffer; a zero byte lies at `end` */
    int at_end;           /* nothing is left to be read into the buffer */
    int64_t line;         /* of `at` */
    char delimiter;       /* ' ': runs of blanks */
    size_t width;         /* a line of # with as many cells is data; 0: none is */
    int64_t comments;     /* lines left out since `width` was set */
} caviar_csv_reader;

/*
 * Begins to read. delimiter 0: the one of comma, semicolon, tab and | that occurs most in the first line, or runs of
 * blanks where it has none of them. Skips UTF-8's mark. caviar_csv_end when done, also after a failure.
 */
caviar_status caviar_csv_begin(caviar_csv_reader *reader, caviar_input *input, char delimiter);
void caviar_csv_end(caviar_csv_reader *reader);

/*
 * Reads the next line that is neither blank nor a comment, which begins with #, unless `comments` asks for those too;
 * a # may begin a colour or a name as well, so that one whose delimiters make `width` cells is data. At the end of the
 * file the record has 0 cells. A zero byte is refused.
 */
caviar_status caviar_csv_read(caviar_csv_record *record, caviar_csv_reader *reader, int comments);

/* Makes the record independent of the reader. */
caviar_status caviar_csv_keep(caviar_csv_record *record);
void caviar_csv_free(caviar_csv_record *record);

/* Copies a cell's text with "" made one quote; `to` has room for length + 1 characters. Returns the length. */
size_t caviar_csv_copy(char *to, const caviar_csv_cell *cell);

/* Copies what a message shows of a cell: its beginning, without control characters. Returns `to`. */
enum { CAVIAR_CSV_SHOWN = 48 };
const char *caviar_csv_show(char to[CAVIAR_CSV_SHOWN], const caviar_csv_cell *cell);

#endif
