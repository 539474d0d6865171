/* Columns that were learnt, found again in another table. */
#include "columns.h"
#include "host/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------- finding
 */

static int have_names(const caviar_columns *columns, const caviar_table *table) {
    for (int64_t i = 0; i < columns->count; i++)
        if (!columns->items[i].name) return 0;
    for (int64_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].name) return 0;
    return columns->count > 0;
}

static const char *source_of(const caviar_table *table) {
    return table->source ? table->source : "the data";
}

/* Columns of a kind lie near one another in both, as a rule: the search begins behind the one found last. */
static int64_t find_name(const caviar_table *table, const char *name, int64_t from) {
    for (int64_t tried = 0; tried < table->column_count; tried++) {
        const int64_t i = (from + tried) % table->column_count;
        if (strcmp(table->columns[i].name, name) == 0) return i;
    }
    return -1;
}

static caviar_status note_further(const caviar_match *match, caviar_notes *notes) {
    const caviar_table *table = match->table;
    if (!notes || table->column_count <= match->columns->count) return CAVIAR_OK;
    unsigned char *used = calloc((size_t)table->column_count, 1);
    if (!used) return caviar_fail_memory("columns", (size_t)table->column_count);
    for (int64_t i = 0; i < match->columns->count; i++) used[match->column[i]] = 1;
    int64_t first = 0;
    while (used[first]) first++;
    free(used);
    return caviar_notes_add(notes, "%s: %lld columns that are not asked for are left alone, \"%s\" the first of them",
                            source_of(table), (long long)(table->column_count - match->columns->count),
                            table->columns[first].name);
}

static caviar_status find_by_name(caviar_match *match, const char *function, caviar_notes *notes) {
    const caviar_columns *columns = match->columns;
    int64_t next = 0;
    for (int64_t i = 0; i < columns->count; i++) {
        match->column[i] = find_name(match->table, columns->items[i].name, next);
        CAVIAR_REQUIRE(match->column[i] >= 0, "%s: %s has no column \"%s\", one of the %lld that are needed", function,
                       source_of(match->table), columns->items[i].name, (long long)columns->count);
        next = match->column[i] + 1;
    }
    return note_further(match, notes);
}

static caviar_status find_by_position(caviar_match *match, const char *function) {
    const int64_t expected = match->columns->count, there = match->table->column_count;
    CAVIAR_REQUIRE(there == expected,
                   "%s: %s has %lld features and %lld are expected; without names on both sides they go by position",
                   function, source_of(match->table), (long long)there, (long long)expected);
    for (int64_t i = 0; i < expected; i++) match->column[i] = i;
    return CAVIAR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- kinds
 */

static int32_t find_level(const caviar_encoding *e, const char *text) {
    for (int32_t l = 0; l < e->level_count; l++)
        if (strcmp(e->levels[l], text) == 0) return l;
    return -1;
}

/* The encoding's level by that of the table, and behind them that of missing cells. */
static caviar_status match_levels(int32_t **levels, const caviar_encoding *e, const caviar_column *column) {
    const size_t count = (size_t)column->level_count + 1;
    *levels = malloc(count * sizeof **levels);
    if (!*levels) return caviar_fail_memory("the texts of a column", count * sizeof **levels);
    for (int32_t l = 0; l < column->level_count; l++) (*levels)[l] = find_level(e, column->levels[l]);
    (*levels)[column->level_count] = find_level(e, "");
    return CAVIAR_OK;
}

static caviar_status match_kinds(caviar_match *match, const char *function) {
    for (int64_t i = 0; i < match->columns->count; i++) {
        const caviar_encoding *e = &match->columns->items[i];
        const caviar_column *column = &match->table->columns[match->column[i]];
        const int expects_text = e->kind == CAVIAR_COLUMN_TEXT, is_text = column->kind == CAVIAR_COLUMN_TEXT;
        char name[96];
        /* A column all of whose cells are missing can be either. */
        CAVIAR_REQUIRE(expects_text == is_text || column->missing == match->table->rows,
                       "%s: %s of %s holds %s where %s expected; load it as what it is matched with was loaded (the "
                       "options `like` and `model`)",
                       function, caviar_table_column_name(name, match->table, match->column[i]),
                       source_of(match->table), is_text ? "text" : "numbers", expects_text ? "text is" : "numbers are");
        if (expects_text) CAVIAR_TRY(match_levels(&match->levels[i], e, column));
    }
    return CAVIAR_OK;
}

static caviar_status find_all(caviar_match *match, const char *function, caviar_notes *notes) {
    const size_t count = (size_t)match->columns->count + 1;
    match->column = calloc(count, sizeof *match->column);
    match->levels = calloc(count, sizeof *match->levels);
    if (!match->column || !match->levels) return caviar_fail_memory("columns", count * 2 * sizeof *match->column);
    CAVIAR_TRY(have_names(match->columns, match->table) ? find_by_name(match, function, notes)
                                                        : find_by_position(match, function));
    return match_kinds(match, function);
}

caviar_status caviar_match_make(caviar_match *match, const char *function, const caviar_columns *columns,
                                const caviar_table *table, caviar_notes *notes) {
    caviar_match made = { columns, table, NULL, NULL };
    const caviar_status status = find_all(&made, function, notes);
    if (status != CAVIAR_OK) {
        caviar_match_destroy(&made);
        return status;
    }
    *match = made;
    return CAVIAR_OK;
}

void caviar_match_destroy(caviar_match *match) {
    for (int64_t i = 0; match->levels && i < match->columns->count; i++) free(match->levels[i]);
    free(match->levels);
    free(match->column);
    match->levels = NULL;
    match->column = NULL;
}

/* ------------------------------------------------------------------------------------------------------------ encoding
 */

static float cell_of(const caviar_table *table, int64_t row, int64_t column) {
    const int64_t i = row * table->column_count + column;
    return table->type == CAVIAR_UINT8 ? ((const uint8_t *)table->cells)[i] : ((const float *)table->cells)[i];
}

void caviar_match_encode(float *features, const caviar_match *match, int64_t row) {
    for (int64_t i = 0; i < match->columns->count; i++) {
        const caviar_encoding *e = &match->columns->items[i];
        const caviar_column *column = &match->table->columns[match->column[i]];
        const float cell = cell_of(match->table, row, match->column[i]);
        float *to = features + e->first_feature;
        if (e->kind == CAVIAR_COLUMN_TEXT) {
            const int32_t level = match->levels[i][isnan(cell) ? column->level_count : (int32_t)cell];
            memset(to, 0, (size_t)e->features * sizeof *to);
            to[level >= 0 ? level : e->level_count] = 1;
            continue;
        }
        /* The difference of equal origins is 0, and the cell is kept to the last bit. */
        to[0] = isnan(cell) ? e->fill : (float)((double)cell + (column->origin - e->origin));
        if (e->indicator) to[1] = isnan(cell);
    }
}
