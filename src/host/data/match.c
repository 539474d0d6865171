/* Columns that were learnt, found again in another table. */
#include "columns.h"
#include "host/number.h"
#include "host/status.h"
#include "names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------- finding
 */

static const char *source_of(const caviar_table *table) {
    return table->source ? table->source : "the data";
}

static caviar_status bad(const caviar_table *table) {
    return table->source ? CAVIAR_BAD_FILE : CAVIAR_INVALID_ARGUMENT;
}

/* A column without a name among others that have one has the name "", as the index that spreadsheets write. */
typedef struct name_lists {
    const char **expected, **there; /* one block */
    int are_named;                  /* on both sides */
} name_lists;

static caviar_status list_names(name_lists *lists, const caviar_columns *columns, const caviar_table *table) {
    const size_t count = (size_t)(columns->count + table->column_count);
    int expected_named = 0, there_named = 0;
    lists->expected = malloc((count + 1) * sizeof *lists->expected);
    if (!lists->expected) return caviar_fail_memory("the names of columns", count * sizeof *lists->expected);
    lists->there = lists->expected + columns->count;
    for (int64_t i = 0; i < columns->count; i++) {
        const char *name = columns->items[i].name;
        expected_named |= name != NULL;
        lists->expected[i] = name ? name : "";
    }
    for (int64_t i = 0; i < table->column_count; i++) {
        const char *name = table->columns[i].name;
        there_named |= name != NULL;
        lists->there[i] = name ? name : "";
    }
    lists->are_named = expected_named && there_named;
    return CAVIAR_OK;
}

static caviar_status note_further(const caviar_match *match, const name_lists *lists, caviar_notes *notes) {
    const caviar_table *table = match->table;
    const int64_t further = table->column_count - match->columns->count;
    if (!notes || further <= 0) return CAVIAR_OK;
    unsigned char *used = calloc((size_t)table->column_count, 1);
    if (!used) return caviar_fail_memory("columns", (size_t)table->column_count);
    for (int64_t i = 0; i < match->columns->count; i++) used[match->column[i]] = 1;
    int64_t first = 0;
    while (used[first]) first++;
    free(used);
    return caviar_notes_add(notes, "%s: column \"%.64s\"%s not asked for and left alone", source_of(table),
                            lists->there[first], further > 1 ? " and others are" : " is");
}

static caviar_status find_by_name(caviar_match *match, const name_lists *lists) {
    const caviar_columns *columns = match->columns;
    CAVIAR_TRY(caviar_names_match(match->column, lists->expected, columns->count, lists->there,
                                  match->table->column_count, CAVIAR_NAMES_COLUMNS));
    int64_t missing = 0, first = 0;
    for (int64_t i = columns->count - 1; i >= 0; i--)
        if (match->column[i] < 0) missing++, first = i;
    if (missing > 0)
        return caviar_fail(
            bad(match->table), "%s: has no column \"%.64s\"; %lld of the %lld that are needed are missing",
            source_of(match->table), lists->expected[first], (long long)missing, (long long)columns->count);
    return CAVIAR_OK;
}

static caviar_status find_by_position(caviar_match *match) {
    const int64_t expected = match->columns->count, there = match->table->column_count;
    if (there != expected)
        return caviar_fail(bad(match->table),
                           "%s: has %lld features and %lld are expected; without names on both sides they go by "
                           "position",
                           source_of(match->table), (long long)there, (long long)expected);
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
static caviar_status match_texts(caviar_match *match, int64_t i) {
    const caviar_encoding *e = &match->columns->items[i];
    const caviar_column *column = &match->table->columns[match->column[i]];
    const size_t count = (size_t)column->level_count + 1;
    int32_t *levels = malloc(count * sizeof *levels);
    if (!levels) return caviar_fail_memory("the texts of a column", count * sizeof *levels);
    for (int32_t l = 0; l < column->level_count; l++) levels[l] = find_level(e, column->levels[l]);
    levels[column->level_count] = find_level(e, "");
    match->levels[i] = levels;
    return CAVIAR_OK;
}

/* What is a text in one file may be all numbers in another, such as a code of which a few have letters. */
static caviar_status match_numbers(caviar_match *match, int64_t i) {
    const caviar_encoding *e = &match->columns->items[i];
    const caviar_column *column = &match->table->columns[match->column[i]];
    const size_t count = (size_t)e->level_count + 1;
    float *cells = malloc(count * sizeof *cells);
    if (!cells) return caviar_fail_memory("the texts of a column", count * sizeof *cells);
    for (int32_t l = 0; l < e->level_count; l++) {
        double value;
        cells[l] = caviar_number_parse(&value, e->levels[l]) ? (float)(value - column->origin) : NAN;
    }
    match->cells[i] = cells;
    return CAVIAR_OK;
}

static const char *const kind_names[] = { "numbers", "dates", "text" };

static caviar_status match_kind(caviar_match *match, int64_t i) {
    const caviar_encoding *e = &match->columns->items[i];
    const caviar_column *column = &match->table->columns[match->column[i]];
    char name[96];
    if (column->missing == match->table->rows) return CAVIAR_OK; /* it can be of any kind */
    if (e->kind == CAVIAR_COLUMN_TEXT && column->kind == CAVIAR_COLUMN_TEXT) return match_texts(match, i);
    if (e->kind == CAVIAR_COLUMN_TEXT && column->kind == CAVIAR_COLUMN_NUMBER) return match_numbers(match, i);
    if (e->kind == column->kind) return CAVIAR_OK;
    return caviar_fail(bad(match->table), "%s: %s holds %s%s%.40s%s where %s are expected", source_of(match->table),
                       caviar_table_column_name(name, match->table, match->column[i]), kind_names[column->kind],
                       column->level_count ? " (\"" : "", column->level_count ? column->levels[0] : "",
                       column->level_count ? "\")" : "", e->kind == CAVIAR_COLUMN_TEXT ? "texts" : kind_names[e->kind]);
}

static caviar_status find_all(caviar_match *match, caviar_notes *notes) {
    const size_t count = (size_t)match->columns->count + 1;
    match->column = calloc(count, sizeof *match->column);
    match->levels = calloc(count, sizeof *match->levels);
    match->cells = calloc(count, sizeof *match->cells);
    if (!match->column || !match->levels || !match->cells)
        return caviar_fail_memory("columns", count * 3 * sizeof *match->column);
    name_lists lists = { NULL, NULL, 0 };
    CAVIAR_TRY(list_names(&lists, match->columns, match->table));
    caviar_status status = lists.are_named ? find_by_name(match, &lists) : find_by_position(match);
    for (int64_t i = 0; i < match->columns->count && status == CAVIAR_OK; i++) status = match_kind(match, i);
    if (status == CAVIAR_OK) status = note_further(match, &lists, notes);
    free(lists.expected);
    return status;
}

caviar_status caviar_match_make(caviar_match *match, const caviar_columns *columns, const caviar_table *table,
                                caviar_notes *notes) {
    caviar_match made = { .columns = columns, .table = table };
    const caviar_status status = find_all(&made, notes);
    if (status != CAVIAR_OK) {
        caviar_match_destroy(&made);
        return status;
    }
    *match = made;
    return CAVIAR_OK;
}

void caviar_match_destroy(caviar_match *match) {
    for (int64_t i = 0; match->levels && i < match->columns->count; i++) free(match->levels[i]);
    for (int64_t i = 0; match->cells && i < match->columns->count; i++) free(match->cells[i]);
    free(match->levels);
    free(match->cells);
    free(match->column);
    *match = (caviar_match){ .columns = NULL };
}

/* ------------------------------------------------------------------------------------------------------------ encoding
 */

int32_t caviar_match_level(const caviar_match *match, int64_t i, float cell) {
    const caviar_encoding *e = &match->columns->items[i];
    if (match->levels[i]) {
        const caviar_column *column = &match->table->columns[match->column[i]];
        return match->levels[i][isnan(cell) ? column->level_count : (int32_t)cell];
    }
    if (isnan(cell)) return find_level(e, "");
    for (int32_t l = 0; l < e->level_count; l++)
        if (match->cells[i][l] == cell) return l;
    return -1;
}

void caviar_match_encode(float *features, const caviar_match *match, int64_t row) {
    for (int64_t i = 0; i < match->columns->count; i++) {
        const caviar_encoding *e = &match->columns->items[i];
        const float cell = caviar_table_cell(match->table, row, match->column[i]);
        float *to = features + e->first_feature;
        if (e->kind == CAVIAR_COLUMN_TEXT) {
            const int32_t level = caviar_match_level(match, i, cell);
            memset(to, 0, (size_t)e->features * sizeof *to);
            to[level >= 0 ? level : e->level_count] = 1;
            continue;
        }
        /* The difference of equal origins is 0, and the cell is kept to the last bit. */
        const double origin = match->table->columns[match->column[i]].origin;
        to[0] = isnan(cell) ? e->fill : (float)((double)cell + (origin - e->origin));
        if (e->indicator) to[1] = isnan(cell);
    }
}
