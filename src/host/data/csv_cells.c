#include "csv_cells.h"

#include "host/status.h"
#include "label_set.h"
#include "names.h"
#include "origin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --------------------------------------------------------------------------------------------------------------- words
 */

static int is_any_of(const caviar_csv_cell *cell, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == cell->length && strncasecmp(cell->text, words[i], cell->length) == 0) return 1;
    return 0;
}

int caviar_csv_is_missing(const caviar_csv_cell *cell) {
    static const char *const words[] = { "?", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null" };
    if (strspn(cell->text, " \t") >= cell->length) return 1;
    if (cell->length == 4 && memcmp(cell->text, "None", 4) == 0) return 1; /* Python's; "none" may be an answer */
    return is_any_of(cell, words, sizeof words / sizeof *words);
}

static int is_boolean(double *value, const caviar_csv_cell *cell) {
    static const char *const yes[] = { "true", "yes" }, *const no[] = { "false", "no" };
    *value = is_any_of(cell, yes, 2);
    return *value != 0 || is_any_of(cell, no, 2);
}

caviar_csv_kind caviar_csv_value(double *value, int *is_word, const caviar_csv_cell *cell, locale_t c_locale) {
    *is_word = 0;
    const caviar_csv_kind kind = caviar_csv_number(value, cell, c_locale);
    if (kind == CAVIAR_CSV_NUMBER) return kind;
    if (caviar_csv_is_missing(cell)) return CAVIAR_CSV_EMPTY;
    if (kind == CAVIAR_CSV_NOT_FINITE) return kind;
    *is_word = is_boolean(value, cell);
    return *is_word ? CAVIAR_CSV_NUMBER : CAVIAR_CSV_TEXT;
}

caviar_csv_kind caviar_csv_observe(double *value, caviar_csv_column *c, const caviar_csv_cell *cell, int64_t line,
                                   locale_t c_locale) {
    int is_word;
    const caviar_csv_kind kind = caviar_csv_value(value, &is_word, cell, c_locale);
    if (kind == CAVIAR_CSV_NUMBER) {
        c->numbers += !is_word;
        c->words += is_word;
        if (*value < c->minimum) c->minimum = *value;
        if (*value > c->maximum) c->maximum = *value;
        c->whole = c->whole && *value == floor(*value);
    } else {
        *value = (double)NAN;
        if (kind == CAVIAR_CSV_TEXT && !c->first_line) {
            c->first_line = line;
            caviar_csv_show(c->first_text, cell);
        }
    }
    c->cells += kind != CAVIAR_CSV_EMPTY;
    return c->is_text && kind == CAVIAR_CSV_NOT_FINITE ? CAVIAR_CSV_TEXT : kind;
}

/* --------------------------------------------------------------------------------------------------------------- kinds
 */

static int64_t text_count(const caviar_csv_column *c) {
    return c->cells - c->numbers - c->words;
}

/* A few words among numbers are a slip in the file, or its way to write a number that is not there. */
static caviar_status refuse_slips(const caviar_table *table, const caviar_csv_column *c, int64_t feature) {
    char name[96];
    if (c->is_text || text_count(c) == 0 || c->numbers < 9 * text_count(c)) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE,
                       "%s:%lld: %s: \"%s\" is not a number, as %lld of %lld cells of this column are; leave the cell "
                       "empty if its value is missing",
                       table->source, (long long)c->first_line, caviar_table_column_name(name, table, feature),
                       c->first_text, (long long)c->numbers, (long long)c->cells);
}

static int is_text(const caviar_csv_column *c) {
    return c->is_text || text_count(c) > 0;
}

/* Whole numbers above 2^24 may be equal as floats without being large beside their range. */
static int is_read_again(const caviar_csv_column *c, double origin) {
    return is_text(c) || origin != 0 || (c->whole && fmax(fabs(c->minimum), fabs(c->maximum)) > 0x1p24);
}

/* ------------------------------------------------------------------------------------------------------- reading again
 */

typedef struct rereading {
    caviar_label_set set;
    double *sample; /* [CAVIAR_COLLAPSE_SAMPLE], of numbers */
    char *text;     /* [capacity] */
    size_t capacity;
} rereading;

static caviar_status copy_text(rereading *r, const caviar_csv_cell *cell) {
    if (cell->length + CAVIAR_NUMBER_SIZE > r->capacity) {
        const size_t capacity = 2 * cell->length + 2 * CAVIAR_NUMBER_SIZE;
        char *text = realloc(r->text, capacity);
        if (!text) return caviar_fail_memory("a cell", capacity);
        r->text = text;
        r->capacity = capacity;
    }
    char number[CAVIAR_NUMBER_SIZE];
    caviar_csv_copy(r->text, cell);
    if (caviar_names_number(number, r->text)) strcpy(r->text, number);
    return CAVIAR_OK;
}

static caviar_status read_text(float *to, rereading *r, const caviar_table *table, int64_t feature,
                               const caviar_csv_cell *cell, int64_t line) {
    char name[96];
    int32_t level = 0;
    *to = NAN;
    if (caviar_csv_is_missing(cell)) return CAVIAR_OK;
    CAVIAR_TRY(copy_text(r, cell));
    if (!caviar_is_utf8(r->text, strlen(r->text)))
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: %s is not valid UTF-8; convert the file with iconv",
                           table->source, (long long)line, caviar_table_column_name(name, table, feature));
    const caviar_status status = caviar_label_set_find(&level, &r->set, r->text);
    if (status == CAVIAR_NOT_FOUND)
        return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: more than %d different texts in %s; leave it out", table->source,
                           (long long)line, (int)r->set.count, caviar_table_column_name(name, table, feature));
    *to = (float)level;
    return status;
}

static caviar_status read_again(caviar_table *table, rereading *r, const caviar_csv_column *c, int64_t feature,
                                caviar_csv_reader reader, caviar_csv_record *line, locale_t c_locale) {
    caviar_column *column = &table->columns[feature];
    int64_t sampled = 0;
    for (int64_t row = 0; row < table->rows; row++) {
        CAVIAR_TRY(caviar_csv_read(line, &reader));
        const caviar_csv_cell *cell = &line->cells[c->place];
        float *to = (float *)table->cells + row * table->column_count + feature;
        if (column->kind == CAVIAR_COLUMN_TEXT) {
            CAVIAR_TRY(read_text(to, r, table, feature, cell, line->line));
            continue;
        }
        double value;
        int is_word;
        if (caviar_csv_value(&value, &is_word, cell, c_locale) != CAVIAR_CSV_NUMBER) continue;
        *to = (float)(value - column->origin);
        if (sampled < CAVIAR_COLLAPSE_SAMPLE) r->sample[sampled++] = value - column->origin;
    }
    if (column->kind == CAVIAR_COLUMN_TEXT) {
        column->levels = r->set.texts;
        column->level_count = r->set.count;
        r->set.texts = NULL;
        r->set.count = 0;
        return CAVIAR_OK;
    }
    char name[96];
    return caviar_column_note_collapse(&table->notes, caviar_table_column_name(name, table, feature), r->sample,
                                       sampled);
}

static caviar_status read_column_again(caviar_table *table, const caviar_csv_column *c, int64_t feature,
                                       const caviar_csv_reader *data, locale_t c_locale) {
    rereading r = { .sample = malloc(CAVIAR_COLLAPSE_SAMPLE * sizeof *r.sample) };
    caviar_csv_record line = { 0, NULL, 0, 0 };
    const caviar_status status = r.sample ? read_again(table, &r, c, feature, *data, &line, c_locale)
                                          : caviar_fail_memory("a column", CAVIAR_COLLAPSE_SAMPLE * sizeof *r.sample);
    caviar_label_set_destroy(&r.set);
    free(r.sample);
    free(r.text);
    free(line.cells);
    return status;
}

caviar_status caviar_csv_complete(caviar_table *table, const caviar_csv_column *columns, const caviar_csv_reader *data,
                                  locale_t c_locale) {
    for (int64_t i = 0; i < table->column_count; i++) CAVIAR_TRY(refuse_slips(table, &columns[i], i));
    for (int64_t i = 0; i < table->column_count; i++) {
        const caviar_csv_column *c = &columns[i];
        caviar_column *to = &table->columns[i];
        if (is_text(c))
            to->kind = CAVIAR_COLUMN_TEXT;
        else if (c->numbers + c->words > 0)
            to->origin = caviar_column_origin(c->minimum, c->maximum, c->whole);
        if (is_read_again(c, to->origin)) CAVIAR_TRY(read_column_again(table, c, i, data, c_locale));
    }
    return CAVIAR_OK;
}
