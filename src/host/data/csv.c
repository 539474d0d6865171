/*
 * CSV files: which line is a header, which column is what, and rows of cells. Lines and cells are csv_reader.c's, what
 * a cell says csv_value.c's, and of what kind a column is csv_columns.c's.
 */
#include "columns.h"
#include "csv_columns.h"
#include "dataset.h"
#include "host/arithmetic.h"
#include "host/population/model.h"
#include "host/status.h"
#include "loader.h"
#include "names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct loading {
    const char *path;
    const caviar_csv_options *options;
    const caviar_columns *expected; /* NULL: nothing is */
    int64_t expected_features;
    caviar_csv_reader reader;
    caviar_csv_record first; /* the first line, kept: a header, or data */
    int has_header, header_by_name;
    int64_t count; /* of all columns */
    caviar_csv_column *columns;
    int64_t label; /* -1: there is no label column */
    caviar_csv_cells cells;
    int32_t *labels; /* [label_capacity], numbers of the set */
    int64_t label_capacity, unlabelled;
    caviar_label_set classes;
    caviar_csv_faults faults;
    caviar_notes notes;
    locale_t c_locale;
} loading;

static const char *column_name(char text[128], const loading *l, int64_t column) {
    char shown[CAVIAR_CSV_SHOWN];
    if (l->has_header)
        snprintf(text, 128, "column \"%s\" (number %lld, from 0)", caviar_csv_show(shown, &l->first.cells[column]),
                 (long long)column);
    else
        snprintf(text, 128, "column number %lld (from 0)", (long long)column);
    return text;
}

/* ------------------------------------------------------------------------------------------------- finding a column */

static int is_named(const caviar_csv_cell *cell, const char *name) {
    return strlen(name) == cell->length && memcmp(cell->text, name, cell->length) == 0;
}

/* The column of this name in a header, -1 if there is none, -2 if there are several. */
static int64_t find_column(const caviar_csv_record *record, const char *name) {
    int64_t found = -1;
    for (size_t i = 0; i < record->count; i++) {
        if (is_named(&record->cells[i], name)) found = found == -1 ? (int64_t)i : -2;
    }
    return found;
}

/* A whole number that counts columns from the start or, below 0, from the end. */
static int is_position(int64_t *column, const char *text, int64_t columns) {
    char *end;
    const size_t digits = strspn(text + (*text == '-'), "0123456789");
    if (digits == 0 || digits > 9) return 0;
    const long number = strtol(text, &end, 10);
    *column = number < 0 ? columns + number : number;
    return *end == 0;
}

/* A column that an option names, by its name or its number. */
static caviar_status find_named(int64_t *column, const loading *l, const char *name, const char *what) {
    *column = l->has_header ? find_column(&l->first, name) : -1;
    if (*column == -2)
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: several columns are named \"%s\"; give the %s's number", l->path,
                           (long long)l->first.line, name, what);
    if (*column >= 0) return CAVIAR_OK;
    if (!is_position(column, name, l->count))
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: there is no column \"%s\" for the %s%s", l->path,
                           (long long)l->first.line, name, what,
                           l->has_header ? "" : " because the file has no header");
    if (*column >= 0 && *column < l->count) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: there is no column %s for the %s; there are %lld columns", l->path,
                       (long long)l->first.line, name, what, (long long)l->count);
}

static int has_label(const loading *l) {
    return !l->options->label || strcmp(l->options->label, "none") != 0;
}

/* ------------------------------------------------------------------------------------------------------------- header
 */

/* Where the label is in lines like this one, by the option; -1: nowhere. */
static int64_t guess_label_column(const loading *l, const caviar_csv_record *first) {
    int64_t column = -1;
    if (!has_label(l)) return -1;
    if (!l->options->label) return (int64_t)first->count - 1;
    return is_position(&column, l->options->label, (int64_t)first->count) ? column : -1;
}

static int is_number(const loading *l, const caviar_csv_cell *cell) {
    double value;
    return caviar_csv_number(&value, cell, l->c_locale) == CAVIAR_CSV_NUMBER;
}

/* 0, 1, 2, ... or 1, 2, 3, ... in three columns or more; `words`: words between them do not count. */
static int counts_columns(const loading *l, int words) {
    double begin = -1, value = 0;
    for (size_t i = 0; i < l->first.count; i++) {
        const int number = caviar_csv_number(&value, &l->first.cells[i], l->c_locale) == CAVIAR_CSV_NUMBER;
        if (!number && !words) return 0;
        if (!number) continue;
        if (begin < 0) begin = value - (double)i;
        if (value != begin + (double)i) return 0;
    }
    return l->count >= 3 && (begin == 0 || begin == 1);
}

/* Whether a line has what is more than a whole number. */
static int has_other_cells(const loading *l, const caviar_csv_record *record) {
    for (size_t i = 0; i < record->count; i++) {
        double value = 0;
        if (caviar_csv_number(&value, &record->cells[i], l->c_locale) != CAVIAR_CSV_NUMBER || value != floor(value))
            return 1;
    }
    return 0;
}

/*
 * A first line is a header if it is a comment, if the label's name is in it, if it counts the columns, as libraries
 * name those without names, above what is more than whole numbers, or if a cell of it is no number where that of the
 * second line is one, or is of another kind than all of a column of words would be: a text that no number stands below
 * counts only where the line has no number at all.
 */
static int is_header(loading *l, const caviar_csv_record *second) {
    const caviar_csv_record *first = &l->first;
    const int64_t label_column = guess_label_column(l, first);
    int numbers = 0, texts = 0, above_number = 0;
    if (first->is_comment) return 1;
    l->header_by_name = has_label(l) && find_column(first, l->options->label ? l->options->label : "label") != -1;
    if (l->header_by_name || (counts_columns(l, 0) && has_other_cells(l, second))) return 1;
    for (size_t i = 0; i < first->count; i++) {
        double value;
        const caviar_csv_kind kind = caviar_csv_number(&value, &first->cells[i], l->c_locale);
        numbers += kind == CAVIAR_CSV_NUMBER;
        if (kind != CAVIAR_CSV_TEXT) continue;
        above_number += i < second->count && is_number(l, &second->cells[i]);
        texts += (int64_t)i != label_column;
    }
    return above_number > 0 || (texts > 0 && numbers == 0);
}

/* Mostly numbers and a word above a number: a header of numbers with a name, or data with a fault. */
static caviar_status check_header(loading *l) {
    int64_t numbers = 0, number = -1, word = -1;
    char shown[CAVIAR_CSV_SHOWN];
    if (!l->has_header || l->first.is_comment || l->options->header == 1) return CAVIAR_OK;
    for (size_t i = l->first.count; i-- > 0;) {
        if (is_number(l, &l->first.cells[i]))
            numbers++, number = (int64_t)i;
        else
            word = (int64_t)i;
    }
    if (numbers > 0)
        CAVIAR_TRY(
            caviar_notes_add(&l->notes, "%s:%lld: this line is taken for a header, though \"%s\" in it is a number",
                             l->path, (long long)l->first.line, caviar_csv_show(shown, &l->first.cells[number])));
    if (l->header_by_name || word < 0) return CAVIAR_OK;
    if (2 * numbers <= l->count || l->options->accept_unlikely || counts_columns(l, 1)) return CAVIAR_OK;
    return caviar_fail(
        CAVIAR_BAD_FILE,
        "%s:%lld: all cells of the first line but a few are numbers, and cell %lld, \"%s\", is none: mend "
        "it, or say whether the line is a header (--header yes or no, option header)",
        l->path, (long long)l->first.line, (long long)word, caviar_csv_show(shown, &l->first.cells[word]));
}

/* Data that begins by counting its columns, with a label that occurs nowhere else, is a header of numbers. */
static caviar_status refuse_header_of_numbers(const loading *l) {
    if (l->has_header || l->options->header != -1 || l->options->accept_unlikely || l->label < 0 ||
        !counts_columns(l, 0) || l->cells.rows < 8)
        return CAVIAR_OK;
    for (int64_t i = 1; i < l->cells.rows; i++)
        if (l->labels[i] == l->labels[0]) return CAVIAR_OK;
    return caviar_fail(
        CAVIAR_BAD_FILE,
        "%s:%lld: the first line counts the columns, and its label \"%.40s\" occurs nowhere else: it looks "
        "like a header of numbers. Say --header yes or --header no (option header)",
        l->path, (long long)l->first.line, l->classes.texts[0]);
}

/* Reads the first line, which a # may begin, and finds out what it is; leaves the second one in `next`. */
static caviar_status read_beginning(loading *l, caviar_csv_record *next) {
    CAVIAR_TRY(caviar_csv_read(&l->first, &l->reader, 1));
    if (l->first.count == 0) return caviar_fail(CAVIAR_BAD_FILE, "%s: is empty", l->path);
    CAVIAR_TRY(caviar_csv_keep(&l->first));
    if (!l->first.is_comment) l->reader.width = l->first.count;
    CAVIAR_TRY(caviar_csv_read(next, &l->reader, 0));
    /* A comment with as many cells as the line below names them; any other says something else. */
    if (l->first.is_comment && l->first.count != next->count) {
        if (next->count == 0) return caviar_fail(CAVIAR_BAD_FILE, "%s: has nothing but a comment", l->path);
        caviar_csv_free(&l->first);
        l->first = *next;
        *next = (caviar_csv_record){ .line = 0 };
        CAVIAR_TRY(caviar_csv_keep(&l->first));
        l->reader.width = l->first.count;
        CAVIAR_TRY(caviar_csv_read(next, &l->reader, 0));
    }
    l->reader.width = l->first.count;
    l->count = (int64_t)l->first.count;
    const int header = l->options->header;
    l->has_header = l->first.is_comment || header == 1 || (header == -1 && is_header(l, next));
    CAVIAR_TRY(check_header(l));
    if (!l->has_header || next->count > 0) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: there are no lines of data after the header", l->path,
                       (long long)l->first.line);
}

/* ------------------------------------------------------------------------------------------------------------ columns
 */

static caviar_status name_column(loading *l, int64_t column) {
    const caviar_csv_cell *cell = &l->first.cells[column];
    char **name = &l->columns[column].name, shown[CAVIAR_CSV_SHOWN];
    *name = malloc(cell->length + 1);
    if (!*name) return caviar_fail_memory("the name of a column", cell->length + 1);
    const size_t length = caviar_csv_copy(*name, cell);
    if (caviar_is_utf8(*name, length)) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE,
                       "%s:%lld: the name of column number %lld (from 0), \"%s\", is not valid UTF-8; convert the file "
                       "with iconv",
                       l->path, (long long)l->first.line, (long long)column, caviar_csv_show(shown, cell));
}

/* Columns that are all expected, or as many as are expected, leave none for the label. */
static int are_all_features(const loading *l) {
    int64_t found = 0;
    for (int64_t i = 0; i < l->expected->count; i++) {
        const char *name = l->expected->items[i].name;
        if (name && l->has_header) found += find_column(&l->first, name) != -1;
    }
    return found > 0 ? found == l->count : l->count == l->expected_features;
}

/* Where something is expected, the label's name is known, and a file without it has no labels. */
static int expects_no_label(const loading *l) {
    if (l->options->label || !l->expected) return 0;
    if (l->expected->label_name && l->has_header) return find_column(&l->first, l->expected->label_name) == -1;
    return are_all_features(l);
}

static caviar_status find_label(loading *l) {
    l->label = -1;
    if (!has_label(l) || expects_no_label(l)) return CAVIAR_OK;
    const char *expected = l->expected && l->has_header ? l->expected->label_name : NULL;
    const char *name = l->options->label ? l->options->label : expected ? expected : "label";
    const int is_guess = !l->options->label && !expected;
    if (is_guess && (!l->has_header || find_column(&l->first, name) == -1)) {
        l->label = l->count - 1;
        if (l->has_header && !l->expected && l->count > 1) {
            char text[128];
            CAVIAR_TRY(caviar_notes_add(&l->notes, "%s: no column is named as the label: the last one is taken, %s",
                                        l->path, column_name(text, l, l->label)));
        }
    } else {
        CAVIAR_TRY(find_named(&l->label, l, name, "label"));
    }
    if (l->count > 1) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE,
                       "%s:%lld: has one column only, the label; name the delimiter if it is not '%c', or give the "
                       "label \"none\"",
                       l->path, (long long)l->first.line, l->reader.delimiter);
}

static caviar_status apply_options(loading *l) {
    for (int32_t i = 0; i < l->options->drop_count; i++) {
        int64_t column;
        CAVIAR_TRY(find_named(&column, l, l->options->drop[i], "option drop"));
        l->columns[column].role = CAVIAR_CSV_LEFT_OUT;
    }
    for (int32_t i = 0; i < l->options->date_count; i++) {
        int64_t column;
        CAVIAR_TRY(find_named(&column, l, l->options->dates[i], "option dates"));
        l->columns[column].is_date = 1;
    }
    return CAVIAR_OK;
}

static void expect(caviar_csv_column *column, const caviar_encoding *e) {
    column->expects = e->kind == CAVIAR_COLUMN_TEXT ? 2 : 1;
    column->is_date = column->is_date || e->kind == CAVIAR_COLUMN_DATE;
    column->origin = e->origin;
}

/* With names on both sides only what is expected is read; one that is missing is refused by its name. */
static caviar_status expect_by_name(loading *l) {
    int64_t further = 0, found;
    const char *first = NULL;
    for (int64_t i = 0; i < l->count; i++)
        if (l->columns[i].role == CAVIAR_CSV_FEATURE) l->columns[i].role = CAVIAR_CSV_LEFT_OUT;
    for (int64_t i = 0; i < l->expected->count; i++) {
        const char *name = l->expected->items[i].name;
        found = find_column(&l->first, name);
        if (found < 0 || found == l->label)
            return caviar_fail(CAVIAR_BAD_FILE, "%s: has %s column \"%s\", one of the %lld that are needed", l->path,
                               found == -2 ? "more than one" : "no", name, (long long)l->expected->count);
        l->columns[found].role = CAVIAR_CSV_FEATURE;
        expect(&l->columns[found], &l->expected->items[i]);
    }
    for (int64_t i = l->count; i-- > 0;)
        if (l->columns[i].role == CAVIAR_CSV_LEFT_OUT) further++, first = l->columns[i].name;
    if (further == 0) return CAVIAR_OK;
    return caviar_notes_add(&l->notes, "%s: column \"%.64s\"%s not asked for and left alone", l->path, first,
                            further > 1 ? " and others are" : " is");
}

static void expect_by_position(loading *l) {
    int64_t next = 0;
    for (int64_t i = 0; i < l->count && next < l->expected->count; i++)
        if (l->columns[i].role == CAVIAR_CSV_FEATURE) expect(&l->columns[i], &l->expected->items[next++]);
}

static int expects_names(const loading *l) {
    if (!l->expected || !l->has_header) return 0;
    for (int64_t i = 0; i < l->expected->count; i++)
        if (!l->expected->items[i].name) return 0;
    return l->expected->count > 0;
}

/* A column without a name that counts the rows is an index that a program wrote beside its data. */
static int may_be_index(const loading *l) {
    const char *name = l->columns[0].name;
    if (!name || l->expected || l->options->accept_unlikely || l->columns[0].role != CAVIAR_CSV_FEATURE) return 0;
    return *name == 0 || strcmp(name, "Unnamed: 0") == 0;
}

static caviar_status set_columns(loading *l) {
    l->columns = calloc((size_t)l->count, sizeof *l->columns);
    if (!l->columns) return caviar_fail_memory("the columns of a file", (size_t)l->count * sizeof *l->columns);
    for (int64_t i = 0; i < l->count && l->has_header; i++) CAVIAR_TRY(name_column(l, i));
    CAVIAR_TRY(find_label(l));
    CAVIAR_TRY(apply_options(l));
    if (l->label >= 0) l->columns[l->label].role = CAVIAR_CSV_LABEL;
    if (expects_names(l))
        CAVIAR_TRY(expect_by_name(l));
    else if (l->expected)
        expect_by_position(l);
    for (int64_t i = 0; i < l->count; i++)
        if (l->columns[i].role == CAVIAR_CSV_FEATURE) l->columns[i].place = l->cells.features++;
    if (l->cells.features > 0) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: no column is left beside the label", l->path,
                       (long long)l->first.line);
}

/* --------------------------------------------------------------------------------------------------------------- rows
 */

static caviar_status find_class(int32_t *number, loading *l, const caviar_csv_cell *cell, int64_t line) {
    char name[128];
    char *text = malloc(cell->length + 1);
    if (!text) return caviar_fail_memory("a label", cell->length + 1);
    const size_t length = caviar_csv_copy(text, cell);
    const int is_text = caviar_is_utf8(text, length);
    caviar_status status = is_text ? caviar_label_set_find(number, &l->classes, text) : CAVIAR_BAD_FILE;
    free(text);
    if (!is_text)
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: the label in %s is not valid UTF-8; convert the file with iconv",
                           l->path, (long long)line, column_name(name, l, l->label));
    if (status == CAVIAR_NOT_FOUND)
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: more than %d different labels in %s; is it the label?", l->path,
                           (long long)line, CAVIAR_MAX_CLASSES, column_name(name, l, l->label));
    return status;
}

/* `skip`: the row has no label, and is to be left out. */
static caviar_status take_label(int *skip, loading *l, const caviar_csv_record *record) {
    const caviar_csv_cell *cell = &record->cells[l->label];
    double value;
    char name[128], shown[CAVIAR_CSV_SHOWN];
    if (l->cells.rows == l->label_capacity) {
        const int64_t capacity = 2 * l->label_capacity + 256;
        int32_t *labels = realloc(l->labels, (size_t)capacity * sizeof *labels);
        if (!labels) return caviar_fail_memory("labels", (size_t)capacity * sizeof *labels);
        l->labels = labels;
        l->label_capacity = capacity;
    }
    if (caviar_csv_number(&value, cell, l->c_locale) != CAVIAR_CSV_MISSING)
        return find_class(&l->labels[l->cells.rows], l, cell, record->line);
    *skip = 1;
    l->unlabelled++;
    if (l->options->skip_unlabelled || (l->expected && l->options->model)) return CAVIAR_OK;
    return caviar_csv_fault(
        &l->faults,
        "%s:%lld: the label in %s is %s%s%s: fill it in, or leave such lines out (--drop-unlabelled, "
        "option skip_unlabelled)",
        l->path, (long long)record->line, column_name(name, l, l->label), cell->length ? "missing: \"" : "empty",
        caviar_csv_show(shown, cell), cell->length ? "\"" : "");
}

static caviar_status take_row(loading *l, const caviar_csv_record *record) {
    int skip = 0;
    if ((int64_t)record->count != l->count)
        return caviar_csv_fault(&l->faults, "%s:%lld: has %zu cells, but the first line has %lld", l->path,
                                (long long)record->line, record->count, (long long)l->count);
    if (l->cells.rows == INT32_MAX)
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: is example %d; there may be %d", l->path, (long long)record->line,
                           INT32_MAX, INT32_MAX);
    double *row = caviar_csv_next_row(&l->cells);
    if (!row) return caviar_fail_memory(l->path, CAVIAR_CSV_BLOCK_ROWS * (size_t)l->cells.features * sizeof *row);
    if (l->label >= 0) CAVIAR_TRY(take_label(&skip, l, record));
    if (skip) return CAVIAR_OK;
    for (int64_t i = 0; i < l->count; i++)
        if (l->columns[i].role == CAVIAR_CSV_FEATURE)
            CAVIAR_TRY(caviar_csv_take_cell(&row[l->columns[i].place], &l->columns[i], &record->cells[i], record->line,
                                            l->cells.rows, l->c_locale, &l->faults, l->path));
    l->cells.rows++;
    return CAVIAR_OK;
}

/* After so many faults the rest of the file will hardly be better. */
enum { TOO_MANY_FAULTS = 1000 };

static caviar_status take_rows(loading *l, caviar_csv_record *record) {
    if (!l->has_header) CAVIAR_TRY(take_row(l, &l->first));
    while (record->count > 0 && l->faults.count < TOO_MANY_FAULTS) {
        CAVIAR_TRY(take_row(l, record));
        CAVIAR_TRY(caviar_csv_read(record, &l->reader, 0));
    }
    return CAVIAR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- the table
 */

/* Found to be an index only when all of it has been read: it makes room for the columns behind it. */
static caviar_status leave_index_out(loading *l) {
    caviar_csv_column *index = &l->columns[0];
    if (!may_be_index(l) || !index->is_count || index->words || index->missing || l->cells.features == 1)
        return CAVIAR_OK;
    if (index->first != 0 && index->first != 1) return CAVIAR_OK;
    index->role = CAVIAR_CSV_LEFT_OUT;
    const int64_t features = l->cells.features;
    for (int64_t block = 0; block < l->cells.block_count; block++) {
        double *to = l->cells.blocks[block];
        for (int64_t i = 0; i < CAVIAR_CSV_BLOCK_ROWS && block * CAVIAR_CSV_BLOCK_ROWS + i < l->cells.rows; i++)
            memmove(to + i * (features - 1), to + i * features + 1, (size_t)(features - 1) * sizeof *to);
    }
    l->cells.features--;
    for (int64_t i = 0; i < l->count; i++)
        if (l->columns[i].role == CAVIAR_CSV_FEATURE) l->columns[i].place--;
    return caviar_notes_add(&l->notes,
                            "%s: the first column has no name and counts the rows: it is left out as an index (--as-is "
                            "takes it as a feature)",
                            l->path);
}

static caviar_status note_comments(loading *l) {
    if (l->reader.comments == 0) return CAVIAR_OK;
    return caviar_notes_add(&l->notes, "%s: lines that begin with # and are left out as comments: %lld", l->path,
                            (long long)l->reader.comments);
}

static caviar_status note_unlabelled(loading *l) {
    CAVIAR_TRY(note_comments(l));
    if (l->unlabelled == 0 || l->faults.count > 0) return CAVIAR_OK;
    return caviar_notes_add(&l->notes, "%s: %lld lines without a label are left out", l->path,
                            (long long)l->unlabelled);
}

static caviar_status fill_labels(caviar_table *table, loading *l) {
    int32_t *class_of = NULL;
    char name[128];
    if (l->label < 0) return CAVIAR_OK;
    if (l->cells.rows == 0) return caviar_fail(CAVIAR_BAD_FILE, "%s: no line has a label", l->path);
    if (!l->expected && l->classes.count < 2)
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: all labels in %s are \"%.40s\"; a classifier needs two or more classes", l->path,
                           column_name(name, l, l->label), l->classes.texts[0]);
    CAVIAR_TRY(caviar_label_set_sort(&class_of, &table->class_names, &l->classes));
    table->labels = l->labels;
    l->labels = NULL;
    table->classes = l->classes.count;
    for (int64_t i = 0; i < l->cells.rows; i++) table->labels[i] = class_of[table->labels[i]];
    free(class_of);
    table->label_name = l->columns[l->label].name;
    l->columns[l->label].name = NULL;
    return CAVIAR_OK;
}

static caviar_status fill_table(caviar_table *table, loading *l) {
    table->accept_unlikely = l->options->accept_unlikely;
    table->as_expected = l->expected != NULL;
    table->source = strdup(l->path);
    if (!table->source) return caviar_fail_memory(l->path, strlen(l->path) + 1);
    CAVIAR_TRY(leave_index_out(l));
    if (l->faults.count == 0) CAVIAR_TRY(refuse_header_of_numbers(l));
    CAVIAR_TRY(note_unlabelled(l));
    CAVIAR_TRY(caviar_notes_move(&table->notes, &l->notes));
    CAVIAR_TRY(caviar_csv_fill(table, &l->cells, l->columns, l->count, &l->faults));
    return fill_labels(table, l);
}

/* What is expected and is not there is refused before anything else is done. */
static caviar_status meet_expectations(const caviar_table *table, const loading *l) {
    caviar_match match;
    if (!l->expected || l->expected->count == 0) return CAVIAR_OK;
    CAVIAR_TRY(caviar_match_make(&match, l->expected, table, NULL));
    caviar_match_destroy(&match);
    return CAVIAR_OK;
}

static caviar_status read_all(caviar_table *table, loading *l, caviar_input *input) {
    caviar_csv_record record = { .line = 0 };
    l->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!l->c_locale) return caviar_fail_memory("the locale of numbers", 1);
    caviar_status status = caviar_csv_begin(&l->reader, input, l->options->delimiter);
    if (status == CAVIAR_OK) status = read_beginning(l, &record);
    if (status == CAVIAR_OK) status = set_columns(l);
    if (status == CAVIAR_OK) status = take_rows(l, &record);
    caviar_csv_free(&record);
    caviar_csv_end(&l->reader);
    if (status == CAVIAR_OK) status = fill_table(table, l);
    return status == CAVIAR_OK ? meet_expectations(table, l) : status;
}

static void destroy(loading *l) {
    for (int64_t i = 0; l->columns && i < l->count; i++) {
        free(l->columns[i].name);
        caviar_label_set_destroy(&l->columns[i].texts);
    }
    free(l->columns);
    free(l->labels);
    caviar_csv_free(&l->first);
    caviar_csv_cells_destroy(&l->cells);
    caviar_csv_faults_destroy(&l->faults);
    caviar_notes_destroy(&l->notes);
    caviar_label_set_destroy(&l->classes);
    if (l->c_locale) freelocale(l->c_locale);
}

static caviar_status load(caviar_dataset **dataset, caviar_input *input, const caviar_csv_options *options) {
    loading l = { .path = caviar_input_name(input), .options = options };
    caviar_table table = { .rows = 0 };
    if (options->model) {
        l.expected = caviar_model_columns(options->model);
        l.expected_features = options->model->info.features;
    } else if (options->like) {
        l.expected = caviar_dataset_columns(options->like);
        l.expected_features = options->like->table.column_count;
    }
    const caviar_status status = read_all(&table, &l, input);
    destroy(&l);
    if (status == CAVIAR_OK) return caviar_dataset_from_table(dataset, &table);
    caviar_table_destroy(&table);
    return status;
}

static caviar_status check_options(const caviar_csv_options *options) {
    CAVIAR_REQUIRE(options->struct_size == sizeof *options,
                   "dataset_load_csv: struct_size is %zu, not %zu; begin with CAVIAR_CSV_OPTIONS_INIT",
                   options->struct_size, sizeof *options);
    CAVIAR_REQUIRE(!options->like || !options->model, "dataset_load_csv: give `like` or `model`, not both");
    CAVIAR_REQUIRE(options->header >= -1 && options->header <= 1,
                   "dataset_load_csv: header is %d; it must be -1 (look), 0 (no) or 1 (yes)", options->header);
    CAVIAR_REQUIRE(
        !options->delimiter ||
            !strchr("\"#\r\n+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", options->delimiter),
        "dataset_load_csv: '%c' cannot be a delimiter; it must not be a letter, a digit, a quote, a sign, a "
        "point, # or a line's end",
        options->delimiter);
    CAVIAR_REQUIRE(!options->label || *options->label, "dataset_load_csv: label is empty; name a column or \"none\"");
    CAVIAR_REQUIRE(options->drop_count >= 0 && (options->drop || !options->drop_count),
                   "dataset_load_csv: drop_count is %d, and drop %s", options->drop_count,
                   options->drop ? "is not NULL" : "is NULL");
    CAVIAR_REQUIRE(options->date_count >= 0 && (options->dates || !options->date_count),
                   "dataset_load_csv: date_count is %d, and dates %s", options->date_count,
                   options->dates ? "is not NULL" : "is NULL");
    return CAVIAR_OK;
}

caviar_status caviar_dataset_read_csv(caviar_dataset **dataset, caviar_input *input,
                                      const caviar_csv_options *options) {
    CAVIAR_OWN_ARITHMETIC;
    const caviar_csv_options defaults = CAVIAR_CSV_OPTIONS_INIT;
    if (!options) options = &defaults;
    CAVIAR_TRY(check_options(options));
    return load(dataset, input, options);
}

caviar_status caviar_dataset_load_csv(caviar_dataset **dataset, const char *path, const caviar_csv_options *options) {
    CAVIAR_REQUIRE(dataset && path, "dataset_load_csv: %s is NULL", dataset ? "path" : "dataset");
    caviar_input *input;
    CAVIAR_TRY(caviar_input_open(&input, path, CAVIAR_MAYBE_COMPRESSED));
    const caviar_status status = caviar_dataset_read_csv(dataset, input, options);
    caviar_input_close(input);
    return status;
}
