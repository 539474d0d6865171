/* CSV files: which column is what, and its values. Lines and cells are csv_reader.c's. */
#include "csv_cells.h"
#include "csv_reader.h"
#include "host/arithmetic.h"
#include "host/population/model.h"
#include "host/status.h"
#include "label_set.h"
#include "loader.h"
#include "names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
    const char *path;
    const char *label;              /* the option, or NULL */
    const caviar_columns *expected; /* NULL: nothing is */
    int64_t expected_features;
    int accept_unlikely;
    caviar_csv_reader reader;
    caviar_csv_record header, line; /* the header has 0 cells where there is none */
    int64_t columns, label_column;  /* -1: there is no label column */
    locale_t c_locale;
    caviar_csv_reader data;  /* before the first line of data */
    caviar_csv_column *seen; /* [columns - 1 or columns] */
    caviar_notes notes;
    float *features; /* [capacity, columns - 1 or columns] */
    int32_t *labels; /* [capacity], numbers of the set */
    int64_t examples, capacity;
    int bytes; /* all features so far are whole numbers in 0 .. 255 */
    caviar_label_set set;
    char *text; /* [text_capacity], a label's own text */
    size_t text_capacity;
} table;

static int64_t feature_count(const table *t) {
    return t->columns - (t->label_column >= 0);
}

/* `column "age" (number 3, from 0)` or `column number 3 (from 0)`: the number is what the label option takes. */
static const char *column_name(char text[96], const table *t, int64_t column) {
    char shown[CAVIAR_CSV_SHOWN];
    if (t->header.count > 0) {
        snprintf(text, 96, "column \"%s\" (number %lld, from 0)", caviar_csv_show(shown, &t->header.cells[column]),
                 (long long)column);
    } else {
        snprintf(text, 96, "column number %lld (from 0)", (long long)column);
    }
    return text;
}

/* ------------------------------------------------------------------------------------------------- header and label */

static int is_named(const caviar_csv_cell *cell, const char *name) {
    return strlen(name) == cell->length && memcmp(cell->text, name, cell->length) == 0;
}

/* The column of this name, -1 if there is none, -2 if there are several. */
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

static int has_label(const table *t) {
    return !t->label || strcmp(t->label, "none") != 0;
}

/* Where the label is in lines like this one, by the option; -1: nowhere. */
static int64_t guess_label_column(const table *t, const caviar_csv_record *first) {
    int64_t column = -1;
    if (!has_label(t)) return -1;
    if (!t->label) return (int64_t)first->count - 1;
    return is_position(&column, t->label, (int64_t)first->count) ? column : -1;
}

static caviar_csv_kind kind_in(const table *t, const caviar_csv_record *line, size_t column) {
    double value;
    int is_word;
    if (column >= line->count) return CAVIAR_CSV_TEXT;
    return caviar_csv_value(&value, &is_word, &line->cells[column], t->c_locale);
}

/* 0, 1, 2, ... as libraries name columns that have no names, above what is more than whole numbers. */
static int counts_up(const table *t, const caviar_csv_record *first, const caviar_csv_record *second) {
    double value = -1;
    int others = 0;
    for (size_t i = 0; i < first->count; i++) {
        const caviar_csv_cell *cell = &first->cells[i];
        if (caviar_csv_number(&value, cell, t->c_locale) != CAVIAR_CSV_NUMBER || value != (double)i) return 0;
        others +=
            kind_in(t, second, i) != CAVIAR_CSV_NUMBER ||
            (caviar_csv_number(&value, &second->cells[i], t->c_locale) == CAVIAR_CSV_NUMBER && value != floor(value));
    }
    return first->count >= 3 && others > 0;
}

/*
 * A first line is a header if the label's name is in it, if a text of it stands above a number, if it counts from 0, or
 * if all its features are texts.
 */
static int is_header(const table *t, const caviar_csv_record *first, const caviar_csv_record *second) {
    const int64_t label_column = guess_label_column(t, first);
    int texts = 0, numbers = 0;
    if (has_label(t) && find_column(first, t->label ? t->label : "label") != -1) return 1;
    if (counts_up(t, first, second)) return 1;
    for (size_t i = 0; i < first->count; i++) {
        const caviar_csv_kind kind = kind_in(t, first, i);
        if (kind == CAVIAR_CSV_TEXT && kind_in(t, second, i) == CAVIAR_CSV_NUMBER) return 1;
        if ((int64_t)i == label_column) continue;
        texts += kind == CAVIAR_CSV_TEXT;
        numbers += kind == CAVIAR_CSV_NUMBER;
    }
    return texts > 0 && numbers == 0;
}

/* A header of which a cell is a number may be an example that vanished. */
static caviar_status note_header(table *t) {
    char shown[CAVIAR_CSV_SHOWN];
    for (size_t i = 0; i < t->header.count; i++) {
        const caviar_csv_cell *cell = &t->header.cells[i];
        if (kind_in(t, &t->header, i) == CAVIAR_CSV_NUMBER)
            return caviar_notes_add(&t->notes,
                                    "%s:%lld: this line is taken for a header, though \"%s\" in it is a number; say "
                                    "--header no if it is an example",
                                    t->path, (long long)t->header.line, caviar_csv_show(shown, cell));
        if (cell->length == 0 && (int64_t)i != t->label_column)
            CAVIAR_TRY(caviar_notes_add(&t->notes,
                                        "%s:%lld: column number %zu (from 0) has no name: is it an index that says "
                                        "nothing about an example?",
                                        t->path, (long long)t->header.line, i));
    }
    return CAVIAR_OK;
}

/* Columns that are all expected, or as many as are expected, leave none for the label. */
static int are_all_features(const table *t) {
    int64_t found = 0;
    for (int64_t i = 0; i < t->expected->count; i++) {
        const char *name = t->expected->items[i].name;
        if (name && t->header.count > 0) found += find_column(&t->header, name) != -1;
    }
    return found > 0 ? found == t->columns : t->columns == t->expected_features;
}

/* Where something is expected, the label's name is known, and a file without it has no labels. */
static int expects_no_label(const table *t) {
    if (t->label || !t->expected) return 0;
    if (t->expected->label_name && t->header.count > 0) return find_column(&t->header, t->expected->label_name) == -1;
    return are_all_features(t);
}

static caviar_status find_label(table *t, int64_t line) {
    t->label_column = -1;
    if (!has_label(t) || expects_no_label(t)) return CAVIAR_OK;
    if (!t->label && t->expected && t->expected->label_name && t->header.count > 0) {
        t->label_column = find_column(&t->header, t->expected->label_name);
        if (t->label_column >= 0 && t->columns > 1) return CAVIAR_OK;
    }
    const char *name = t->label ? t->label : "label";
    int64_t column = find_column(&t->header, name);
    if (column == -2) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: several columns are named \"%s\"; give the label's number",
                           t->path, (long long)line, name);
    }
    if (column == -1 && !t->label) column = t->columns - 1;
    if (column == -1 && !is_position(&column, name, t->columns)) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: there is no column \"%s\" for the label%s", t->path,
                           (long long)line, name, t->header.count > 0 ? "" : " because the file has no header");
    }
    if (column < 0 || column >= t->columns) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: there is no column %s for the label; there are %lld columns",
                           t->path, (long long)line, name, (long long)t->columns);
    }
    t->label_column = column;
    if (t->columns > 1) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE,
                       "%s:%lld: has one column only, the label; name the delimiter if it is not '%c', or give the "
                       "label \"none\"",
                       t->path, (long long)line, t->reader.delimiter);
}

/* Reads the first line and leaves the first line of data in t->line. */
static caviar_status begin(table *t, int header) {
    caviar_csv_record first = { 0, NULL, 0, 0 };
    t->data = t->reader;
    CAVIAR_TRY(caviar_csv_read(&t->line, &t->reader));
    if (t->line.count == 0) return caviar_fail(CAVIAR_BAD_FILE, "%s: is empty", t->path);
    t->columns = (int64_t)t->line.count;
    const int64_t first_line = t->line.line;
    caviar_csv_reader after = t->reader;
    caviar_status status = header == 0 ? CAVIAR_OK : caviar_csv_read(&first, &after);
    if (status == CAVIAR_OK && header != 0 && (header == 1 || is_header(t, &t->line, &first))) {
        t->header = t->line;
        t->line = first;
        t->data = t->reader;
        t->reader = after;
    } else {
        free(first.cells);
    }
    CAVIAR_TRY(status);
    CAVIAR_TRY(find_label(t, first_line));
    if (header == -1) CAVIAR_TRY(note_header(t));
    if (t->line.count > 0) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: there are no lines of data after the header", t->path,
                       (long long)first_line);
}

/* ------------------------------------------------------------------------------------------------------------ values
 */

static caviar_status fail_cell(const table *t, int64_t column, caviar_csv_kind kind) {
    char name[96], shown[CAVIAR_CSV_SHOWN];
    const long long line = (long long)t->line.line;
    column_name(name, t, column);
    caviar_csv_show(shown, &t->line.cells[column]);
    if (kind == CAVIAR_CSV_EMPTY) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: %s is empty; fill in the value or remove the line", t->path, line,
                           name);
    }
    if (kind == CAVIAR_CSV_NOT_FINITE) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s:%lld: %s: \"%s\" is not a finite number; fill in the value or remove the line", t->path,
                           line, name, shown);
    }
    return caviar_fail(CAVIAR_BAD_FILE,
                       "%s:%lld: %s: \"%s\" stands for a label that is missing; fill it in or remove the line, or say "
                       "that it is a class (--as-is, option accept_unlikely)",
                       t->path, line, name, shown);
}

static caviar_status read_features(table *t) {
    float *to = t->features + t->examples * feature_count(t);
    for (int64_t f = 0; f < feature_count(t); f++) {
        double value = 0;
        const int64_t place = t->seen[f].place;
        const caviar_csv_kind kind =
            caviar_csv_observe(&value, &t->seen[f], &t->line.cells[place], t->line.line, t->c_locale);
        if (kind == CAVIAR_CSV_NOT_FINITE) return fail_cell(t, place, kind);
        *to++ = (float)value;
        t->bytes = t->bytes && value >= 0 && value <= 255 && value == (double)(int)value;
    }
    return CAVIAR_OK;
}

static caviar_status copy_label(table *t, const caviar_csv_cell *cell) {
    char name[96];
    if (cell->length + 1 > t->text_capacity) {
        char *text = realloc(t->text, 2 * cell->length + 64);
        if (!text) return caviar_fail_memory("a label", 2 * cell->length + 64);
        t->text = text;
        t->text_capacity = 2 * cell->length + 64;
    }
    const size_t length = caviar_csv_copy(t->text, cell);
    if (length == 0) return fail_cell(t, t->label_column, CAVIAR_CSV_EMPTY);
    if (caviar_is_utf8(t->text, length)) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: the label in %s is not valid UTF-8; convert the file with iconv",
                       t->path, (long long)t->line.line, column_name(name, t, t->label_column));
}

static caviar_status read_label(table *t) {
    char name[96];
    const caviar_csv_cell *cell = &t->line.cells[t->label_column];
    if (cell->length > 0 && caviar_csv_is_missing(cell) && !t->accept_unlikely && !t->expected)
        return fail_cell(t, t->label_column, CAVIAR_CSV_TEXT);
    CAVIAR_TRY(copy_label(t, cell));
    const caviar_status status = caviar_label_set_find(&t->labels[t->examples], &t->set, t->text);
    if (status != CAVIAR_NOT_FOUND) return status;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: more than %d different labels in %s; is it the label?", t->path,
                       (long long)t->line.line, CAVIAR_MAX_CLASSES, column_name(name, t, t->label_column));
}

static caviar_status grow(table *t) {
    const int64_t capacity = t->capacity ? 2 * t->capacity : 256;
    const size_t row = (size_t)feature_count(t) * sizeof(float);
    float *features = realloc(t->features, (size_t)capacity * row);
    if (features) t->features = features;
    int32_t *labels = realloc(t->labels, (size_t)capacity * sizeof *labels);
    if (labels) t->labels = labels;
    if (!features || !labels) return caviar_fail_memory(t->path, (size_t)capacity * (row + sizeof *labels));
    t->capacity = capacity;
    return CAVIAR_OK;
}

static caviar_status read_line(table *t) {
    if ((int64_t)t->line.count != t->columns) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: has %zu cells, but the first line has %lld", t->path,
                           (long long)t->line.line, t->line.count, (long long)t->columns);
    }
    if (t->examples == INT32_MAX) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: is example %d; there may be %d", t->path, (long long)t->line.line,
                           INT32_MAX, INT32_MAX);
    }
    if (t->examples == t->capacity) CAVIAR_TRY(grow(t));
    CAVIAR_TRY(read_features(t));
    if (t->label_column >= 0) CAVIAR_TRY(read_label(t));
    t->examples++;
    return CAVIAR_OK;
}

/* Texts stay texts where they are expected, even if all that are there look like numbers or booleans. */
static void expect_texts(table *t) {
    const caviar_columns *e = t->expected;
    for (int64_t i = 0; i < e->count; i++) {
        if (e->items[i].kind != CAVIAR_COLUMN_TEXT) continue;
        const char *name = e->items[i].name;
        int64_t place = i;
        if (name && t->header.count > 0) place = find_column(&t->header, name);
        for (int64_t f = 0; f < feature_count(t); f++)
            if ((name && t->header.count > 0 ? t->seen[f].place : f) == place) t->seen[f].is_text = 1;
    }
}

static caviar_status begin_columns(table *t) {
    const size_t bytes = (size_t)feature_count(t) * sizeof *t->seen;
    t->seen = malloc(bytes);
    if (!t->seen) return caviar_fail_memory(t->path, bytes);
    for (int64_t f = 0; f < feature_count(t); f++) {
        t->seen[f] = (caviar_csv_column)CAVIAR_CSV_COLUMN_INIT;
        t->seen[f].place = f + (t->label_column >= 0 && f >= t->label_column);
    }
    if (t->expected) expect_texts(t);
    return CAVIAR_OK;
}

static caviar_status read_table(table *t, const caviar_bytes *file, const caviar_csv_options *options) {
    CAVIAR_TRY(caviar_csv_begin(&t->reader, t->path, file, options->delimiter));
    CAVIAR_TRY(begin(t, options->header));
    CAVIAR_TRY(begin_columns(t));
    while (t->line.count > 0) {
        CAVIAR_TRY(read_line(t));
        CAVIAR_TRY(caviar_csv_read(&t->line, &t->reader));
    }
    if (t->label_column < 0 || t->expected || t->set.count >= 2) return CAVIAR_OK;
    char name[96];
    return caviar_fail(CAVIAR_BAD_FILE, "%s: all labels in %s are \"%.40s\"; a classifier needs two or more classes",
                       t->path, column_name(name, t, t->label_column), t->set.texts[0]);
}

/* ----------------------------------------------------------------------------------------------------------- a dataset
 */

/* Whole numbers in 0 .. 255 take a quarter of the memory, here and on the device. */
static caviar_status pack(table *t, void **features) {
    const size_t count = (size_t)(t->examples * feature_count(t));
    uint8_t *bytes = malloc(count);
    if (!bytes) return caviar_fail_memory(t->path, count);
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)t->features[i];
    *features = bytes;
    return CAVIAR_OK;
}

static caviar_status copy_name(char **name, const table *t, int64_t column) {
    const caviar_csv_cell *cell = &t->header.cells[column];
    char shown[CAVIAR_CSV_SHOWN];
    *name = malloc(cell->length + 1);
    if (!*name) return caviar_fail_memory("the name of a column", cell->length + 1);
    const size_t length = caviar_csv_copy(*name, cell);
    if (caviar_is_utf8(*name, length)) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE,
                       "%s:%lld: the name of column number %lld (from 0), \"%s\", is not valid UTF-8; convert the file "
                       "with iconv",
                       t->path, (long long)t->header.line, (long long)column, caviar_csv_show(shown, cell));
}

static caviar_status name_columns(caviar_table *to, const table *t) {
    int64_t feature = 0;
    for (int64_t column = 0; column < t->columns && t->header.count > 0; column++) {
        char **name = column == t->label_column ? &to->label_name : &to->columns[feature++].name;
        CAVIAR_TRY(copy_name(name, t, column));
    }
    return CAVIAR_OK;
}

static void take_labels(caviar_table *to, table *t, const int32_t *class_of) {
    to->labels = t->labels;
    to->classes = t->set.count;
    t->labels = NULL;
    for (int64_t i = 0; i < t->examples; i++) to->labels[i] = class_of[to->labels[i]];
}

/* What was allocated ahead is given back; when that fails it is merely kept. */
static void take_features(caviar_table *to, table *t) {
    to->cells = realloc(t->features, (size_t)(t->examples * feature_count(t)) * sizeof(float));
    if (!to->cells) to->cells = t->features;
    t->features = NULL;
}

static caviar_status fill_table(caviar_table *to, table *t) {
    int32_t *class_of = NULL;
    to->rows = t->examples;
    to->accept_unlikely = t->accept_unlikely;
    to->as_expected = t->expected != NULL;
    to->source = strdup(t->path);
    to->columns = calloc((size_t)feature_count(t), sizeof *to->columns);
    if (!to->source || !to->columns) return caviar_fail_memory(t->path, (size_t)feature_count(t) * sizeof *to->columns);
    to->column_count = feature_count(t);
    CAVIAR_TRY(caviar_notes_move(&to->notes, &t->notes));
    CAVIAR_TRY(name_columns(to, t));
    for (int64_t f = 0; f < feature_count(t); f++) t->bytes = t->bytes && !t->seen[f].is_text;
    to->type = t->bytes ? CAVIAR_UINT8 : CAVIAR_FLOAT32;
    if (t->bytes) CAVIAR_TRY(pack(t, &to->cells));
    if (t->label_column >= 0) {
        CAVIAR_TRY(caviar_label_set_sort(&class_of, &to->class_names, &t->set));
        take_labels(to, t, class_of);
        free(class_of);
    }
    if (t->bytes) return CAVIAR_OK;
    take_features(to, t);
    return caviar_csv_complete(to, t->seen, &t->data, t->c_locale);
}

/* A column that is missing is refused before anything else is done, and further ones are noted. */
static caviar_status meet_expectations(caviar_table *made, const table *t) {
    caviar_match match;
    if (!t->expected || t->expected->count == 0) return CAVIAR_OK;
    CAVIAR_TRY(caviar_match_make(&match, t->expected, made, &made->notes));
    caviar_match_destroy(&match);
    return CAVIAR_OK;
}

static caviar_status make_dataset(caviar_dataset **dataset, table *t) {
    caviar_table made = { .rows = 0 };
    caviar_status status = fill_table(&made, t);
    if (status == CAVIAR_OK) status = meet_expectations(&made, t);
    if (status == CAVIAR_OK) return caviar_dataset_from_table(dataset, &made);
    caviar_table_destroy(&made);
    return status;
}

static void expect(table *t, const caviar_csv_options *options) {
    if (options->model) {
        t->expected = caviar_model_columns(options->model);
        t->expected_features = options->model->info.features;
    } else if (options->like) {
        t->expected = caviar_dataset_columns(options->like);
        t->expected_features = options->like->table.column_count;
    }
}

static caviar_status load(caviar_dataset **dataset, caviar_input *input, const caviar_csv_options *options) {
    table t = { .path = caviar_input_name(input),
                .label = options->label,
                .accept_unlikely = options->accept_unlikely,
                .bytes = 1 };
    expect(&t, options);
    caviar_bytes file;
    CAVIAR_TRY(caviar_input_read_all(&file, input, 0));
    t.c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    caviar_status status = t.c_locale ? read_table(&t, &file, options) : caviar_fail_memory("the locale of numbers", 1);
    if (status == CAVIAR_OK) status = make_dataset(dataset, &t);
    if (t.c_locale) freelocale(t.c_locale);
    caviar_label_set_destroy(&t.set);
    free(t.seen);
    caviar_notes_destroy(&t.notes);
    free(t.features);
    free(t.labels);
    free(t.header.cells);
    free(t.line.cells);
    free(t.text);
    free(file.data);
    return status;
}

caviar_status caviar_dataset_read_csv(caviar_dataset **dataset, caviar_input *input,
                                      const caviar_csv_options *options) {
    CAVIAR_OWN_ARITHMETIC;
    const caviar_csv_options defaults = CAVIAR_CSV_OPTIONS_INIT;
    if (!options) options = &defaults;
    CAVIAR_REQUIRE(options->struct_size == sizeof *options,
                   "dataset_load_csv: struct_size is %zu, not %zu; begin with CAVIAR_CSV_OPTIONS_INIT",
                   options->struct_size, sizeof *options);
    CAVIAR_REQUIRE(!options->like || !options->model, "dataset_load_csv: give `like` or `model`, not both");
    CAVIAR_REQUIRE(options->header >= -1 && options->header <= 1,
                   "dataset_load_csv: header is %d; it must be -1 (look), 0 (no) or 1 (yes)", options->header);
    CAVIAR_REQUIRE(
        !options->delimiter ||
            !strchr("\"\r\n+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", options->delimiter),
        "dataset_load_csv: '%c' cannot be a delimiter; it must not be a letter, a digit, a quote, a sign, a "
        "point or a line's end",
        options->delimiter);
    CAVIAR_REQUIRE(!options->label || *options->label, "dataset_load_csv: label is empty; name a column or \"none\"");
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
