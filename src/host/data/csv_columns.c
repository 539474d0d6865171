/* From cells as they come to columns of one kind. */
#include "csv_columns.h"

#include "columns.h"
#include "dataset.h"
#include "host/limits.h"
#include "host/number.h"
#include "host/status.h"
#include "origin.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------- faults
 */

caviar_status caviar_csv_fault(caviar_csv_faults *faults, const char *format, ...) {
    if (faults->count++ >= CAVIAR_CSV_FAULTS) return CAVIAR_OK;
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) return caviar_fail_memory("a message", 1024);
    faults->texts[faults->count - 1] = text;
    return CAVIAR_OK;
}

caviar_status caviar_csv_told(const caviar_csv_faults *faults) {
    char text[3500], more[64] = "";
    size_t length = 0;
    const int64_t told = faults->count < CAVIAR_CSV_FAULTS ? faults->count : CAVIAR_CSV_FAULTS;
    if (faults->count == 0) return CAVIAR_OK;
    for (int64_t i = 0; i < told && length < sizeof text; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i > 0 ? "\n" : "", faults->texts[i]);
    if (faults->count > told) snprintf(more, sizeof more, "\nand %lld more", (long long)(faults->count - told));
    return caviar_fail(CAVIAR_BAD_FILE, "%s%s", text, more);
}

void caviar_csv_faults_destroy(caviar_csv_faults *faults) {
    for (int i = 0; i < CAVIAR_CSV_FAULTS; i++) free(faults->texts[i]);
    *faults = (caviar_csv_faults){ .count = 0 };
}

/* `column "age" (number 3, from 0)` or `column number 3 (from 0)`: the number is what options take. */
static const char *describe(char text[128], const caviar_csv_column *column, int64_t number) {
    if (column->name)
        snprintf(text, 128, "column \"%.64s\" (number %lld, from 0)", column->name, (long long)number);
    else
        snprintf(text, 128, "column number %lld (from 0)", (long long)number);
    return text;
}

/* -------------------------------------------------------------------------------------------------------------- cells
 */

/* A NaN that carries the number of a text; that of a missing cell carries none. */
static double of_code(int32_t code) {
    const uint64_t bits = UINT64_C(0x7ff8000000000000) | ((uint64_t)code + 1);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The number of the text, -1 for a number or a missing cell. */
static int32_t code_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return isnan(value) ? (int32_t)(bits & 0xffffffff) - 1 : -1;
}

/* Linux hands out memory that it has not got: every so many bytes it is asked what there is. */
static int may_grow(const caviar_csv_cells *cells, size_t features) {
    enum { ASKED_EVERY = 64 << 20 };
    const uint64_t block = CAVIAR_CSV_BLOCK_ROWS * (uint64_t)features * sizeof(double);
    const uint64_t before = (uint64_t)cells->block_count * block;
    if (before / ASKED_EVERY == (before + block) / ASKED_EVERY) return 1;
    return caviar_limits_memory("") > 2 * (uint64_t)ASKED_EVERY + block;
}

double *caviar_csv_next_row(caviar_csv_cells *cells) {
    const int64_t block = cells->rows / CAVIAR_CSV_BLOCK_ROWS;
    const size_t features = (size_t)(cells->features > 0 ? cells->features : 1);
    if (block == cells->block_capacity) {
        const int64_t capacity = 2 * cells->block_capacity + 16;
        double **blocks = realloc(cells->blocks, (size_t)capacity * sizeof *blocks);
        if (!blocks) return NULL;
        cells->blocks = blocks;
        cells->block_capacity = capacity;
    }
    if (block == cells->block_count) {
        if (!may_grow(cells, features)) return NULL;
        cells->blocks[block] = malloc(CAVIAR_CSV_BLOCK_ROWS * features * sizeof(double));
        if (!cells->blocks[block]) return NULL;
        cells->block_count++;
    }
    return cells->blocks[block] + (size_t)(cells->rows % CAVIAR_CSV_BLOCK_ROWS) * features;
}

void caviar_csv_cells_destroy(caviar_csv_cells *cells) {
    for (int64_t i = 0; i < cells->block_count; i++) free(cells->blocks[i]);
    free(cells->blocks);
    *cells = (caviar_csv_cells){ .rows = 0 };
}

static double *cell_at(const caviar_csv_cells *cells, int64_t row, int64_t place) {
    return cells->blocks[row / CAVIAR_CSV_BLOCK_ROWS] + row % CAVIAR_CSV_BLOCK_ROWS * cells->features + place;
}

/* ----------------------------------------------------------------------------------------------------- taking a cell
 * in */

static void see_number(caviar_csv_column *c, double value, int64_t row) {
    if (c->numbers++ == 0) {
        c->low = c->high = c->first = value;
        c->is_whole = c->is_count = 1;
        c->is_count = row == 0;
    }
    c->low = value < c->low ? value : c->low;
    c->high = value > c->high ? value : c->high;
    c->is_whole = c->is_whole && value == floor(value);
    c->is_count = c->is_count && value == c->first + (double)row;
}

static caviar_status take_text(double *to, caviar_csv_column *c, const caviar_csv_cell *cell, int64_t line,
                               const char *path) {
    char *text = malloc(cell->length + 1);
    int32_t code = 0;
    if (!text) return caviar_fail_memory("a cell", cell->length + 1);
    caviar_csv_copy(text, cell);
    const caviar_status status = caviar_label_set_find(&code, &c->texts, text);
    free(text);
    if (status == CAVIAR_NOT_FOUND)
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s:%lld: more than %d different texts in column \"%.64s\"; leave it out "
                           "(--drop, option drop)",
                           path, (long long)line, CAVIAR_MAX_CLASSES, c->name ? c->name : "");
    CAVIAR_TRY(status);
    if (c->words < CAVIAR_CSV_FAULTS) {
        c->word_lines[c->words] = line;
        c->word_codes[c->words] = code;
    }
    c->words++;
    *to = of_code(code);
    return CAVIAR_OK;
}

static caviar_status fault_of_cell(caviar_csv_faults *faults, const char *path, int64_t line,
                                   const caviar_csv_column *c, int64_t number, const char *shown, const char *what) {
    char name[128];
    return caviar_csv_fault(faults, "%s:%lld: %s: \"%s\" %s", path, (long long)line, describe(name, c, number), shown,
                            what);
}

caviar_status caviar_csv_take_cell(double *to, caviar_csv_column *c, const caviar_csv_cell *cell, int64_t line,
                                   int64_t row, locale_t c_locale, caviar_csv_faults *faults, const char *path) {
    double value = 0;
    char shown[CAVIAR_CSV_SHOWN];
    caviar_csv_kind kind = caviar_csv_number(&value, cell, c_locale);
    if (c->is_date && kind != CAVIAR_CSV_MISSING) {
        if (!caviar_csv_date(&value, cell))
            return fault_of_cell(faults, path, line, c, c->place, caviar_csv_show(shown, cell),
                                 "is no date of the form YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS");
        kind = CAVIAR_CSV_NUMBER;
    }
    switch (kind) {
    case CAVIAR_CSV_NUMBER:
        see_number(c, value, row);
        *to = value;
        return CAVIAR_OK;
    case CAVIAR_CSV_MISSING:
        c->missing++;
        c->is_count = 0;
        *to = (double)NAN;
        return CAVIAR_OK;
    case CAVIAR_CSV_NOT_FINITE:
        return fault_of_cell(faults, path, line, c, c->place, caviar_csv_show(shown, cell),
                             "is not a finite number; fill in the value or remove the line");
    default: break;
    }
    if (c->expects != 1) return take_text(to, c, cell, line, path);
    char word[8] = "";
    if (cell->length < sizeof word) caviar_csv_copy(word, cell);
    if (!caviar_csv_boolean(&value, word))
        return fault_of_cell(faults, path, line, c, c->place, caviar_csv_show(shown, cell), "is not a number");
    see_number(c, value, row);
    *to = value;
    return CAVIAR_OK;
}

/* --------------------------------------------------------------------------------------------------- kinds of columns
 */

/* How many different numbers a column has, up to `most` + 1. */
static int32_t count_numbers(const caviar_csv_cells *cells, int64_t place, int32_t most) {
    double seen[CAVIAR_MAX_LEVELS + 1];
    int32_t count = 0;
    for (int64_t row = 0; row < cells->rows && count <= most; row++) {
        const double value = *cell_at(cells, row, place);
        int32_t i = 0;
        if (isnan(value)) continue;
        while (i < count && seen[i] != value) i++;
        if (i == count && count <= most) seen[count++] = value;
    }
    return count;
}

static int are_booleans(const caviar_csv_column *c) {
    double value;
    if (c->texts.count > 16 || (c->numbers > 0 && !(c->is_whole && c->low >= 0 && c->high <= 1))) return 0;
    for (int32_t i = 0; i < c->texts.count; i++)
        if (!caviar_csv_boolean(&value, c->texts.texts[i])) return 0;
    return 1;
}

static void turn_booleans(caviar_csv_cells *cells, caviar_csv_column *c) {
    for (int64_t row = 0; row < cells->rows; row++) {
        double *cell = cell_at(cells, row, c->place), value;
        const int32_t code = code_of(*cell);
        if (code < 0) continue;
        caviar_csv_boolean(&value, c->texts.texts[code]);
        see_number(c, value, -1);
        *cell = value;
    }
}

/* Numbers among texts are texts too: of each value one, its shortest. */
static caviar_status turn_numbers(caviar_csv_cells *cells, caviar_csv_column *c) {
    for (int64_t row = 0; row < cells->rows; row++) {
        double *cell = cell_at(cells, row, c->place);
        char text[CAVIAR_NUMBER_SIZE];
        int32_t code;
        if (isnan(*cell)) continue;
        caviar_number_format(text, *cell);
        CAVIAR_TRY(caviar_label_set_find(&code, &c->texts, text));
        *cell = of_code(code);
    }
    return CAVIAR_OK;
}

static caviar_status fault_words(caviar_csv_faults *faults, const caviar_csv_column *c, int64_t number,
                                 const char *path) {
    for (int64_t i = 0; i < c->words; i++) {
        char shown[CAVIAR_CSV_SHOWN];
        if (i >= CAVIAR_CSV_FAULTS) {
            faults->count += c->words - i;
            break;
        }
        const char *text = c->texts.texts[c->word_codes[i]];
        const caviar_csv_cell cell = { text, strlen(text), 0 };
        const int decimal_comma = text[strspn(text, "+-0123456789,")] == 0 && strchr(text, ',');
        CAVIAR_TRY(fault_of_cell(faults, path, c->word_lines[i], c, number, caviar_csv_show(shown, &cell),
                                 decimal_comma ? "is not a number: the decimal mark is a point"
                                               : "is not a number, as most of the column is"));
    }
    return CAVIAR_OK;
}

/* The place of a feature in the file, for messages. */
static int64_t number_of(const caviar_csv_column *columns, const caviar_csv_column *c) {
    return c - columns;
}

static caviar_status refuse_texts(caviar_csv_faults *faults, const caviar_csv_column *c, int64_t number,
                                  const char *path) {
    char name[128], option[96];
    double days;
    const char *text = c->texts.texts[0];
    const caviar_csv_cell cell = { text, strlen(text), 0 };
    snprintf(option, sizeof option, c->name ? "%.64s" : "%.64s%lld", c->name ? c->name : "", (long long)number);
    return caviar_csv_fault(
        faults,
        "%s:%lld: %s has %d different texts, such as \"%.32s\", and at most %d become features: leave "
        "it out (--drop %s, option drop)%s%s%s, name it if it is the label, or encode it as numbers",
        path, (long long)c->word_lines[0], describe(name, c, number), (int)c->texts.count, text, CAVIAR_MAX_LEVELS,
        option, caviar_csv_date(&days, &cell) ? ", read it as dates (--date " : "",
        caviar_csv_date(&days, &cell) ? option : "", caviar_csv_date(&days, &cell) ? ")" : "");
}

/* Whether the column is one of texts; words that are not to be are faults. */
static caviar_status decide(int *is_text, caviar_csv_cells *cells, caviar_csv_column *c, int64_t number,
                            caviar_csv_faults *faults, const char *path) {
    *is_text = c->expects == 2;
    if (*is_text) return turn_numbers(cells, c);
    if (c->words == 0) return CAVIAR_OK;
    if (are_booleans(c)) {
        turn_booleans(cells, c);
        return CAVIAR_OK;
    }
    const int32_t numbers = c->numbers > 0 ? count_numbers(cells, c->place, CAVIAR_MAX_LEVELS) : 0;
    *is_text = c->texts.count + numbers <= CAVIAR_MAX_LEVELS;
    if (*is_text) return turn_numbers(cells, c);
    return c->numbers > c->words ? fault_words(faults, c, number, path) : refuse_texts(faults, c, number, path);
}

/* ---------------------------------------------------------------------------------------------------------- the table
 */

/* Neighbouring rows are enough of a sample. */
static caviar_status note_collapse(caviar_table *table, const caviar_csv_cells *cells, const caviar_csv_column *c,
                                   double origin) {
    double sample[CAVIAR_COLLAPSE_SAMPLE];
    char name[96];
    int64_t count = 0;
    for (int64_t row = 0; row < cells->rows && count < CAVIAR_COLLAPSE_SAMPLE; row++)
        sample[count++] = *cell_at(cells, row, c->place) - origin;
    return caviar_column_note_collapse(&table->notes, caviar_table_column_name(name, table, c->place), sample, count);
}

static caviar_status make_column(caviar_table *table, caviar_csv_cells *cells, caviar_csv_column *c, int is_text) {
    caviar_column *made = &table->columns[c->place];
    made->name = c->name;
    c->name = NULL;
    made->kind = is_text ? CAVIAR_COLUMN_TEXT : c->is_date ? CAVIAR_COLUMN_DATE : CAVIAR_COLUMN_NUMBER;
    if (is_text) {
        made->levels = c->texts.texts;
        made->level_count = c->texts.count;
        c->texts.texts = NULL;
        c->texts.count = 0;
        return CAVIAR_OK;
    }
    made->origin = c->expects == 1 ? c->origin : c->numbers ? caviar_column_origin(c->low, c->high, c->is_whole) : 0;
    return c->numbers ? note_collapse(table, cells, c, made->origin) : CAVIAR_OK;
}

static int fits_bytes(const caviar_csv_column *columns, int64_t count, const caviar_table *table) {
    for (int64_t i = 0; i < count; i++) {
        const caviar_csv_column *c = &columns[i];
        if (c->role != CAVIAR_CSV_FEATURE) continue;
        const caviar_column *made = &table->columns[c->place];
        if (made->kind == CAVIAR_COLUMN_TEXT || made->origin != 0 || c->missing > 0 || !c->numbers || !c->is_whole ||
            c->low < 0 || c->high > 255)
            return 0;
    }
    return 1;
}

/* Each block is given back once its cells are in the table: the two never take more than twice the floats. */
static caviar_status move_cells(caviar_table *table, caviar_csv_cells *cells) {
    const int bytes = table->type == CAVIAR_UINT8;
    const size_t size = (size_t)cells->rows * (size_t)cells->features * (bytes ? 1 : sizeof(float));
    table->cells = malloc(size > 0 ? size : 1);
    if (!table->cells) return caviar_fail_memory("the cells of a table", size);
    for (int64_t block = 0, row = 0; block < cells->block_count; block++) {
        for (; row < cells->rows && row / CAVIAR_CSV_BLOCK_ROWS == block; row++) {
            for (int64_t f = 0; f < cells->features; f++) {
                const double value = *cell_at(cells, row, f);
                const int32_t code = code_of(value);
                const int64_t at = row * cells->features + f;
                if (bytes)
                    ((uint8_t *)table->cells)[at] = (uint8_t)value;
                else
                    ((float *)table->cells)[at] = code >= 0 ? (float)code : (float)(value - table->columns[f].origin);
            }
        }
        free(cells->blocks[block]);
        cells->blocks[block] = NULL;
    }
    cells->block_count = 0;
    return CAVIAR_OK;
}

caviar_status caviar_csv_fill(caviar_table *table, caviar_csv_cells *cells, caviar_csv_column *columns, int64_t count,
                              caviar_csv_faults *faults) {
    const size_t features = (size_t)(cells->features > 0 ? cells->features : 1);
    table->rows = cells->rows;
    table->columns = calloc(features, sizeof *table->columns);
    if (!table->columns) return caviar_fail_memory("the columns of a table", features * sizeof *table->columns);
    table->column_count = cells->features;
    for (int64_t i = 0; i < count; i++) {
        int is_text = 0;
        if (columns[i].role != CAVIAR_CSV_FEATURE) continue;
        CAVIAR_TRY(decide(&is_text, cells, &columns[i], number_of(columns, &columns[i]), faults, table->source));
        CAVIAR_TRY(make_column(table, cells, &columns[i], is_text));
    }
    CAVIAR_TRY(caviar_csv_told(faults));
    table->type = fits_bytes(columns, count, table) ? CAVIAR_UINT8 : CAVIAR_FLOAT32;
    return move_cells(table, cells);
}
