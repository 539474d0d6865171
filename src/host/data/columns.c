/* What is learnt about columns. Finding them again in another table is match.c's. */
#include "columns.h"

#include "host/status.h"
#include "names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------ numbers
 */

static float cell_of(const caviar_table *table, int64_t row, int64_t column) {
    const int64_t i = row * table->column_count + column;
    return table->type == CAVIAR_UINT8 ? ((const uint8_t *)table->cells)[i] : ((const float *)table->cells)[i];
}

static int compare_floats(const void *left, const void *right) {
    const float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

/* The middle one, or the mean of the two in the middle. `cells` is sorted by it. */
static float median(float *cells, int64_t count) {
    if (count == 0) return 0;
    qsort(cells, (size_t)count, sizeof *cells, compare_floats);
    return count % 2 ? cells[count / 2] : (float)(((double)cells[count / 2 - 1] + (double)cells[count / 2]) / 2);
}

static caviar_status learn_number(caviar_encoding *e, const caviar_table *table, int64_t column, const int32_t *rows,
                                  int64_t count, caviar_notes *notes) {
    const caviar_column *c = &table->columns[column];
    e->origin = c->origin;
    if (c->missing == 0) return CAVIAR_OK; /* the dataset fills in the mean, which it measures of every feature */
    float *cells = malloc(((size_t)count + 1) * sizeof *cells);
    if (!cells) return caviar_fail_memory("a column", (size_t)count * sizeof *cells);
    int64_t present = 0;
    for (int64_t i = 0; i < count; i++) {
        const float cell = cell_of(table, rows[i], column);
        if (!isnan(cell)) cells[present++] = cell;
    }
    e->indicator = present < count;
    e->fill = median(cells, present);
    free(cells);
    if (!notes) return CAVIAR_OK;
    char name[96];
    return caviar_notes_add(notes, "%s: %lld of %lld cells are missing: the median of the training part, %g, %s",
                            caviar_table_column_name(name, table, column), (long long)c->missing,
                            (long long)table->rows, e->origin + (double)e->fill,
                            e->indicator ? "and a feature that tells them apart stand in" : "stands in");
}

/* -------------------------------------------------------------------------------------------------------------- texts
 */

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Which texts occur in the rows, and whether cells are missing in them, which counts as the text "". */
static int32_t find_levels(char **found, const caviar_table *table, int64_t column, const int32_t *rows, int64_t count,
                           unsigned char *seen) {
    const caviar_column *c = &table->columns[column];
    int32_t levels = 0;
    for (int64_t i = 0; i < count; i++) {
        const float cell = cell_of(table, rows[i], column);
        seen[isnan(cell) ? c->level_count : (int32_t)cell] = 1;
    }
    for (int32_t l = 0; l < c->level_count; l++)
        if (seen[l]) found[levels++] = c->levels[l];
    if (seen[c->level_count]) found[levels++] = (char *)"";
    qsort(found, (size_t)levels, sizeof *found, compare_texts);
    return levels;
}

static caviar_status learn_text(caviar_encoding *e, const caviar_table *table, int64_t column, const int32_t *rows,
                                int64_t count, caviar_notes *notes) {
    const size_t levels = (size_t)table->columns[column].level_count + 1;
    char **found = malloc(levels * sizeof *found);
    unsigned char *seen = calloc(levels, 1);
    if (found && seen) {
        e->level_count = find_levels(found, table, column, rows, count, seen);
        e->levels = caviar_names_copy(found, e->level_count);
    }
    free(found);
    free(seen);
    if (!e->levels) return caviar_fail_memory("the texts of a column", levels * sizeof *found);
    if (!notes) return CAVIAR_OK;
    char name[96];
    return caviar_notes_add(notes, "%s holds text: a feature for each of its %d texts, and one for all others",
                            caviar_table_column_name(name, table, column), e->level_count);
}

/* ----------------------------------------------------------------------------------------------------------- learning
 */

void caviar_columns_count(caviar_columns *columns) {
    columns->features = 0;
    for (int64_t i = 0; i < columns->count; i++) {
        caviar_encoding *e = &columns->items[i];
        e->first_feature = columns->features;
        e->features = e->kind == CAVIAR_COLUMN_TEXT ? e->level_count + 1 : 1 + (e->indicator != 0);
        columns->features += e->features;
    }
}

static caviar_status copy_text(char **to, const char *from) {
    *to = from ? strdup(from) : NULL;
    return !from || *to ? CAVIAR_OK : caviar_fail_memory("a column's name", strlen(from) + 1);
}

static caviar_status learn_all(caviar_columns *columns, const caviar_table *table, const int32_t *rows, int64_t count,
                               caviar_notes *notes) {
    CAVIAR_TRY(copy_text(&columns->label_name, table->label_name));
    columns->items = calloc((size_t)table->column_count, sizeof *columns->items);
    if (!columns->items) return caviar_fail_memory("columns", (size_t)table->column_count * sizeof *columns->items);
    columns->count = table->column_count;
    for (int64_t i = 0; i < columns->count; i++) {
        caviar_encoding *e = &columns->items[i];
        e->kind = table->columns[i].kind;
        CAVIAR_TRY(copy_text(&e->name, table->columns[i].name));
        CAVIAR_TRY(e->kind == CAVIAR_COLUMN_TEXT ? learn_text(e, table, i, rows, count, notes)
                                                 : learn_number(e, table, i, rows, count, notes));
    }
    caviar_columns_count(columns);
    return CAVIAR_OK;
}

caviar_status caviar_columns_learn(caviar_columns *columns, const caviar_table *table, const int32_t *rows,
                                   int64_t count, caviar_notes *notes) {
    caviar_columns learnt = { NULL, 0, 0, NULL };
    const caviar_status status = learn_all(&learnt, table, rows, count, notes);
    if (status != CAVIAR_OK) {
        caviar_columns_destroy(&learnt);
        return status;
    }
    *columns = learnt;
    return CAVIAR_OK;
}

static caviar_status copy_all(caviar_columns *to, const caviar_columns *from) {
    CAVIAR_TRY(copy_text(&to->label_name, from->label_name));
    to->items = calloc((size_t)from->count + 1, sizeof *to->items);
    if (!to->items) return caviar_fail_memory("columns", (size_t)from->count * sizeof *to->items);
    to->count = from->count;
    to->features = from->features;
    for (int64_t i = 0; i < from->count; i++) {
        caviar_encoding *e = &to->items[i];
        *e = from->items[i];
        e->name = NULL;
        e->levels = e->level_count ? caviar_names_copy(from->items[i].levels, e->level_count) : NULL;
        if (e->level_count && !e->levels) return caviar_fail_memory("the texts of a column", 1);
        CAVIAR_TRY(copy_text(&e->name, from->items[i].name));
    }
    return CAVIAR_OK;
}

caviar_status caviar_columns_copy(caviar_columns *to, const caviar_columns *from) {
    caviar_columns copy = { NULL, 0, 0, NULL };
    const caviar_status status = copy_all(&copy, from);
    if (status != CAVIAR_OK) {
        caviar_columns_destroy(&copy);
        return status;
    }
    *to = copy;
    return CAVIAR_OK;
}

void caviar_columns_destroy(caviar_columns *columns) {
    for (int64_t i = 0; columns->items && i < columns->count; i++) {
        free(columns->items[i].name);
        free(columns->items[i].levels);
    }
    free(columns->items);
    free(columns->label_name);
    *columns = (caviar_columns){ NULL, 0, 0, NULL };
}

/* ---------------------------------------------------------------------------------------------------------- questions
 */

int caviar_columns_are_plain(const caviar_columns *columns, const caviar_table *table) {
    for (int64_t i = 0; i < columns->count; i++) {
        if (columns->items[i].features != 1 || columns->items[i].kind == CAVIAR_COLUMN_TEXT) return 0;
        if (table->columns[i].missing > 0) return 0;
    }
    return 1;
}

int caviar_columns_say_nothing(const caviar_columns *columns) {
    for (int64_t i = 0; i < columns->count; i++) {
        const caviar_encoding *e = &columns->items[i];
        if (e->name || e->kind == CAVIAR_COLUMN_TEXT || e->origin != 0 || e->indicator) return 0;
    }
    return 1;
}

static int same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int caviar_columns_are_equal(const caviar_columns *a, const caviar_columns *b) {
    if (a->count != b->count || a->features != b->features) return 0;
    for (int64_t i = 0; i < a->count; i++) {
        const caviar_encoding *x = &a->items[i], *y = &b->items[i];
        if (x->kind != y->kind || x->origin != y->origin || x->fill != y->fill || x->indicator != y->indicator ||
            x->level_count != y->level_count || !same_text(x->name, y->name))
            return 0;
        for (int32_t l = 0; l < x->level_count; l++)
            if (strcmp(x->levels[l], y->levels[l]) != 0) return 0;
    }
    return 1;
}

void caviar_columns_feature_name(char *name, size_t size, const caviar_columns *columns, int64_t feature) {
    int64_t low = 0, high = columns->count; /* the column lies in low .. high - 1 */
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (columns->items[middle].first_feature <= feature)
            low = middle;
        else
            high = middle;
    }
    if (columns->count == 0) low = feature;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)low);
    const caviar_encoding *e = columns->count ? &columns->items[low] : NULL;
    const char *column = e && e->name ? e->name : number;
    const int64_t part = e ? feature - e->first_feature : 0;
    if (e && e->kind == CAVIAR_COLUMN_TEXT && part < e->level_count && *e->levels[part])
        snprintf(name, size, "%s=%s", column, e->levels[part]);
    else if (e && e->kind == CAVIAR_COLUMN_TEXT && part == e->level_count)
        snprintf(name, size, "%s=other", column);
    else
        snprintf(name, size, "%s%s", column, e && (part > 0 || e->kind == CAVIAR_COLUMN_TEXT) ? " is missing" : "");
}
