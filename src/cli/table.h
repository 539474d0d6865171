/* Aligned tables for people. */
#ifndef CAVIAR_CLI_TABLE_H
#define CAVIAR_CLI_TABLE_H

#include <stdio.h>

typedef struct text_table {
    int columns, cells, capacity;
    char **text; /* [rows, columns]; row 0 is the heading */
    int failed;  /* memory ran out: nothing will be printed */
} text_table;

/* An empty table; it is ended by table_free. */
void table_init(text_table *t, int columns);
void table_free(text_table *t);

/* Adds the next cell, row by row. A heading of several words (with a space between) is set on several lines. */
void table_cell(text_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Prints it: columns that hold only numbers (or "-") to the right, others to the left. A table that is wider than
 * `width` (0: no limit) is cut into several, one below the other, each with the first column. 0, or -1: memory ran out.
 */
int table_print(const text_table *t, FILE *file, int width);

/* How wide the file's terminal is; 0: it is none. */
int table_terminal_width(FILE *file);

/* How many columns of a terminal the UTF-8 text takes. */
int table_text_width(const char *text);

#endif
