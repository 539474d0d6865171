#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *caviar_table_column_name(char text[96], const caviar_table *table, int64_t column) {
    const char *name = table->columns[column].name;
    if (name)
        snprintf(text, 96, "column \"%.76s\"", name);
    else
        snprintf(text, 96, "column %lld", (long long)column);
    return text;
}

void caviar_table_count_missing(caviar_table *table) {
    const float *cells = table->cells;
    for (int64_t c = 0; c < table->column_count; c++) table->columns[c].missing = 0;
    for (int64_t row = 0; row < table->rows && table->type == CAVIAR_FLOAT32; row++)
        for (int64_t c = 0; c < table->column_count; c++) table->columns[c].missing += isnan(*cells++) != 0;
}

static void destroy_column(caviar_column *column) {
    for (int32_t i = 0; i < column->level_count; i++) free(column->levels[i]);
    free(column->levels);
    free(column->name);
}

void caviar_table_destroy(caviar_table *table) {
    for (int64_t i = 0; table->columns && i < table->column_count; i++) destroy_column(&table->columns[i]);
    free(table->columns);
    free(table->cells);
    free(table->labels);
    free(table->class_names);
    free(table->label_name);
    free(table->source);
    caviar_notes_destroy(&table->notes);
    *table = (caviar_table){ .rows = 0 };
}
