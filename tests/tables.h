/*
 * Tables for tests, written as text: a header of names with a blank between, then lines of cells. A name with an @ has
 * its origin behind it, "-" is a column without a name, and the column "label" is the label. A cell "?" is missing; a
 * column of which a cell is no number is a TEXT.
 */
#ifndef CAVIAR_TESTS_TABLES_H
#define CAVIAR_TESTS_TABLES_H

#include "folder.h"
#include "host/data/dataset.h"
#include "host/data/names.h"
#include "host/number.h"

#include <math.h>

enum { MOST_CELLS = 4096, MOST_WORDS = 64 };

typedef struct words {
    char *at[MOST_CELLS];
    int count, lines, columns;
    char text[1 << 16];
} words;

static inline void cut_words(words *w, const char *text) {
    *w = (words){ .count = 0 };
    cr_assert(strlen(text) < sizeof w->text);
    strcpy(w->text, text);
    for (char *word = w->text; *word;) {
        char *end = word + strcspn(word, " \n");
        const char after = *end;
        *end = 0;
        cr_assert(w->count < MOST_CELLS);
        w->at[w->count++] = word;
        if (after != ' ') {
            if (w->lines++ == 0) w->columns = w->count;
            cr_assert_eq(w->count, w->lines * w->columns, "line %d", w->lines);
        }
        word = end + (after != 0);
    }
}

/* The number of a text among others, which it joins. */
static inline int find_word(char **texts, int32_t *count, const char *text) {
    for (int i = 0; i < *count; i++)
        if (strcmp(texts[i], text) == 0) return i;
    cr_assert(*count < MOST_WORDS * 16);
    texts[*count] = strdup(text);
    return (*count)++;
}

static inline void fill_label(caviar_table *t, const words *w, int c) {
    char *names[MOST_WORDS * 16] = { NULL };
    int32_t classes = 0;
    t->labels = malloc((size_t)t->rows * sizeof *t->labels);
    for (int64_t row = 0; row < t->rows; row++)
        t->labels[row] = find_word(names, &classes, w->at[(row + 1) * w->columns + c]);
    t->classes = classes;
    t->class_names = caviar_names_copy(names, classes);
    for (int i = 0; i < classes; i++) free(names[i]);
    t->label_name = strdup("label");
    t->labels_are_numbers = 1;
    double value;
    for (int i = 0; i < classes; i++) t->labels_are_numbers &= caviar_number_parse(&value, t->class_names[i]);
}

static inline void fill_column(caviar_table *t, const words *w, int c, int64_t column) {
    caviar_column *to = &t->columns[column];
    char *levels[MOST_WORDS * 16] = { NULL }, *name = w->at[c], *origin = strchr(name, '@');
    double value;
    if (origin) *origin = 0;
    to->origin = origin ? atof(origin + 1) : 0;
    to->name = strcmp(name, "-") ? strdup(name) : NULL;
    for (int64_t row = 0; row < t->rows; row++) {
        const char *cell = w->at[(row + 1) * w->columns + c];
        if (strcmp(cell, "?") && !caviar_number_parse(&value, cell)) to->kind = CAVIAR_COLUMN_TEXT;
    }
    for (int64_t row = 0; row < t->rows; row++) {
        const char *cell = w->at[(row + 1) * w->columns + c];
        float *cells = t->cells;
        float *at = &cells[row * t->column_count + column];
        if (!strcmp(cell, "?"))
            *at = NAN;
        else if (to->kind == CAVIAR_COLUMN_TEXT)
            *at = (float)find_word(levels, &to->level_count, cell);
        else
            *at = caviar_number_parse(&value, cell) ? (float)(value - to->origin) : NAN;
    }
    to->levels = malloc(((size_t)to->level_count + 1) * sizeof *to->levels);
    memcpy(to->levels, levels, (size_t)to->level_count * sizeof *levels);
}

static inline caviar_table make_table(const char *source, const char *text) {
    static words w;
    cut_words(&w, text);
    int label = -1;
    for (int c = 0; c < w.columns; c++)
        if (!strcmp(w.at[c], "label")) label = c;
    caviar_table t = { .rows = w.lines - 1, .column_count = w.columns - (label >= 0), .type = CAVIAR_FLOAT32 };
    t.source = source ? strdup(source) : NULL;
    t.columns = calloc((size_t)t.column_count, sizeof *t.columns);
    t.cells = calloc((size_t)(t.rows * t.column_count), sizeof(float));
    for (int c = 0; c < w.columns; c++) {
        if (c == label)
            fill_label(&t, &w, c);
        else
            fill_column(&t, &w, c, c - (label >= 0 && c > label));
    }
    caviar_table_count_missing(&t);
    return t;
}

static inline caviar_dataset *make_dataset(const char *source, const char *text) {
    caviar_table table = make_table(source, text);
    caviar_dataset *dataset = NULL;
    SUCCEEDS(caviar_dataset_from_table(&dataset, &table));
    return dataset;
}

static inline int has_note(const caviar_dataset *dataset, const char *part) {
    const char *text;
    for (int32_t i = 0; i < caviar_dataset_note_count(dataset); i++) {
        SUCCEEDS(caviar_dataset_note(&text, dataset, i));
        if (strstr(text, part)) return 1;
    }
    return 0;
}

static inline float feature_of(const caviar_dataset *d, int64_t example, int64_t feature) {
    const int64_t i = example * d->feature_count + feature;
    return d->type == CAVIAR_UINT8 ? ((uint8_t *)d->features)[i] : ((float *)d->features)[i];
}

#endif
