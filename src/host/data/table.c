#include "table.h"

#include <stdlib.h>

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
