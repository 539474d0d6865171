/* Labels that come one after another, as numbers or texts, and become the classes of a table. */
#ifndef CAVIAR_HOST_LABEL_COLUMN_H
#define CAVIAR_HOST_LABEL_COLUMN_H

#include "label_set.h"
#include "table.h"

enum { CAVIAR_LABEL_CACHE = 1024 };

/* Zeroed: none. */
typedef struct caviar_label_column {
    const char *source; /* the file that messages name */
    caviar_label_set set;
    int32_t *values; /* [count], numbers of the set */
    int64_t count, capacity;
    /* Numbers that came lately, by their bits: most labels repeat, and making a text takes longer than to look here. */
    struct {
        uint64_t bits;
        int32_t value;
        int known;
    } cache[CAVIAR_LABEL_CACHE];
} caviar_label_column;

/* Room for all that will come. `source` must live as long as the column. */
caviar_status caviar_label_column_begin(caviar_label_column **column, const char *source, int64_t capacity);

/* The next label. Texts that are numbers are one with those numbers. */
caviar_status caviar_label_column_add_whole(caviar_label_column *column, int is_signed, uint64_t bits);
caviar_status caviar_label_column_add_real(caviar_label_column *column, double value, int is_float);
caviar_status caviar_label_column_add_text(caviar_label_column *column, const char *text);

/* Gives the labels to a table, which must have a row for each; `rows_source` is where its rows come from. */
caviar_status caviar_label_column_finish(caviar_table *table, caviar_label_column *column, const char *rows_source);

void caviar_label_column_destroy(caviar_label_column *column); /* NULL: nothing */

#endif
