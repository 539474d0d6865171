/* What is learnt about columns. Finding them again in another table is match.c's. */
#include "columns.h"

#include "host/number.h"
#include "host/status.h"
#include "names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------ numbers
 */

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

/* As caviar_dataset_measure measures it: over distances from the first. */
static float mean(const float *cells, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)cells[i] - (double)cells[0];
    return (float)((double)cells[0] + sum / (double)count);
}

static caviar_status note_filled(caviar_notes *notes, const caviar_encoding *e, const caviar_table *table,
                                 int64_t column) {
    char name[96], value[CAVIAR_NUMBER_SIZE];
    const long long missing = (long long)table->columns[column].missing;
    snprintf(value, sizeof value, e->origin == 0 ? "%g" : "%.15g", e->origin + (double)e->fill);
    return caviar_notes_add(notes, "%s: %lld of %lld cells %s missing: the %s of the training part, %s, %s",
                            caviar_table_column_name(name, table, column), missing, (long long)table->rows,
                            missing == 1 ? "is" : "are", e->indicator ? "median" : "mean", value,
                            e->indicator ? "and a feature that tells them apart stand in" : "stands in");
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
        const float cell = caviar_table_cell(table, rows[i], column);
        if (!isnan(cell)) cells[present++] = cell;
    }
    e->indicator = present < count;
    e->fill = e->indicator ? median(cells, present) : mean(cells, present);
    free(cells);
    return notes ? note_filled(notes, e, table, column) : CAVIAR_OK;
}

/* -------------------------------------------------------------------------------------------------------------- texts
 */

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The texts of the rows that are listed: a text of the table, or "" for missing cells, and how often it occurs. */
typedef struct text {
    const char *text;
    int64_t rows;
} text;

/* The most frequent ones first, those of which there are none last. */
static int compare_frequencies(const void *left, const void *right) {
    const text *a = left, *b = right;
    if (a->rows != b->rows) return a->rows > b->rows ? -1 : 1;
    return strcmp(a->text, b->text);
}

static int32_t count_texts(text *texts, const caviar_table *table, int64_t column, const int32_t *rows, int64_t count) {
    const caviar_column *c = &table->columns[column];
    int32_t there = 0;
    for (int32_t l = 0; l <= c->level_count; l++) texts[l] = (text){ l < c->level_count ? c->levels[l] : "", 0 };
    for (int64_t i = 0; i < count; i++) {
        const float cell = caviar_table_cell(table, rows[i], column);
        texts[isnan(cell) ? c->level_count : (int32_t)cell].rows++;
    }
    qsort(texts, (size_t)c->level_count + 1, sizeof *texts, compare_frequencies);
    while (there <= c->level_count && texts[there].rows > 0) there++;
    return there;
}

/* Missing cells come on top of the texts that there may be. */
static int32_t most_levels(const text *texts, int32_t there) {
    for (int32_t l = 0; l < there; l++)
        if (*texts[l].text == 0) return CAVIAR_MAX_LEVELS + 1;
    return CAVIAR_MAX_LEVELS;
}

static caviar_status take_levels(caviar_encoding *e, const caviar_table *table, int64_t column, const text *texts,
                                 int32_t there) {
    const int32_t most = most_levels(texts, there);
    char name[96], *levels[CAVIAR_MAX_LEVELS + 1];
    if (there > most && !table->as_expected)
        return caviar_fail(
            table->source ? CAVIAR_BAD_FILE : CAVIAR_INVALID_ARGUMENT,
            "%s: %s holds %d different texts; up to %d become features. Leave the column out (--drop) or "
            "group its texts",
            table->source ? table->source : "dataset", caviar_table_column_name(name, table, column),
            (int)(there - (most - CAVIAR_MAX_LEVELS)), CAVIAR_MAX_LEVELS);
    e->level_count = there < most ? there : most;
    for (int32_t l = 0; l < e->level_count; l++) levels[l] = (char *)texts[l].text;
    qsort(levels, (size_t)e->level_count, sizeof *levels, compare_texts);
    e->levels = caviar_names_copy(levels, e->level_count);
    return e->levels ? CAVIAR_OK : caviar_fail_memory("the texts of a column", (size_t)there * sizeof *levels);
}

static caviar_status learn_text(caviar_encoding *e, const caviar_table *table, int64_t column, const int32_t *rows,
                                int64_t count, caviar_notes *notes) {
    const size_t bytes = ((size_t)table->columns[column].level_count + 1) * sizeof(text);
    text *texts = malloc(bytes);
    if (!texts) return caviar_fail_memory("the texts of a column", bytes);
    const int32_t there = count_texts(texts, table, column, rows, count);
    const caviar_status status = take_levels(e, table, column, texts, there);
    free(texts);
    if (status != CAVIAR_OK || !notes) return status;
    char name[96];
    return caviar_notes_add(notes, "%s holds text: a feature for each of its %d texts, and one for all others",
                            caviar_table_column_name(name, table, column), (int)e->level_count);
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

int caviar_columns_have_no_origins(const caviar_columns *columns) {
    for (int64_t i = 0; i < columns->count; i++)
        if (columns->items[i].origin != 0) return 0;
    return 1;
}

int caviar_columns_have_same_origins(const caviar_columns *a, const caviar_columns *b) {
    if (a->count == 0 || b->count == 0) return caviar_columns_have_no_origins(a->count ? a : b);
    if (a->count != b->count) return 0;
    for (int64_t i = 0; i < a->count; i++) {
        const caviar_encoding *x = &a->items[i], *y = &b->items[i];
        if (x->origin != y->origin || x->first_feature != y->first_feature) return 0;
    }
    return 1;
}

void caviar_columns_move(float *to, const float *from, const caviar_columns *columns, int64_t examples, int sign) {
    if (to != from) memcpy(to, from, (size_t)(examples * columns->features) * sizeof *to);
    for (int64_t c = 0; c < columns->count; c++) {
        const caviar_encoding *e = &columns->items[c];
        for (int64_t i = 0; e->origin != 0 && i < examples; i++) {
            float *x = to + i * columns->features + e->first_feature;
            *x = (float)((double)*x + sign * e->origin);
        }
    }
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
