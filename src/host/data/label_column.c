#include "label_column.h"

#include "dataset.h"
#include "host/number.h"
#include "host/status.h"
#include "names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

caviar_status caviar_label_column_begin(caviar_label_column **column, const char *source, int64_t capacity) {
    caviar_label_column *made = calloc(1, sizeof *made);
    int32_t *values = malloc((size_t)capacity * sizeof *values);
    if (!made || !values) {
        free(made);
        free(values);
        return caviar_fail_memory("labels", (size_t)capacity * sizeof *values);
    }
    made->source = source;
    made->values = values;
    made->capacity = capacity;
    *column = made;
    return CAVIAR_OK;
}

static caviar_status add(caviar_label_column *column, const char *text) {
    const caviar_status status = caviar_label_set_find(&column->values[column->count], &column->set, text);
    if (status == CAVIAR_NOT_FOUND) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: label %lld is the %dth different one: this looks like a regression target; a "
                           "classifier's labels are names of few classes",
                           column->source, (long long)column->count, CAVIAR_MAX_CLASSES + 1);
    }
    if (status == CAVIAR_OK) column->count++;
    return status;
}

/* Whether this number came lately, and then its label is added. */
static int add_known(caviar_label_column *column, uint64_t bits) {
    const uint64_t place = (bits ^ bits >> 52) % CAVIAR_LABEL_CACHE;
    if (!column->cache[place].known || column->cache[place].bits != bits) return 0;
    column->values[column->count++] = column->cache[place].value;
    return 1;
}

static caviar_status add_new(caviar_label_column *column, uint64_t bits, const char *text) {
    const uint64_t place = (bits ^ bits >> 52) % CAVIAR_LABEL_CACHE;
    CAVIAR_TRY(add(column, text));
    column->cache[place].bits = bits;
    column->cache[place].value = column->values[column->count - 1];
    column->cache[place].known = 1;
    return CAVIAR_OK;
}

caviar_status caviar_label_column_add_whole(caviar_label_column *column, int is_signed, uint64_t bits) {
    char text[CAVIAR_NUMBER_SIZE];
    if (add_known(column, bits)) return CAVIAR_OK;
    snprintf(text, sizeof text, is_signed ? "%lld" : "%llu", (long long)bits);
    return add_new(column, bits, text);
}

caviar_status caviar_label_column_add_real(caviar_label_column *column, double value, int is_float) {
    char text[CAVIAR_NUMBER_SIZE];
    uint64_t bits;
    if (!isfinite(value)) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: label %lld is %g; leave out the examples that have no label",
                           column->source, (long long)column->count, value);
    }
    value += 0.0; /* of -0, 0 */
    memcpy(&bits, &value, sizeof bits);
    if (add_known(column, bits)) return CAVIAR_OK;
    if (is_float)
        caviar_number_format_float(text, (float)value);
    else
        caviar_number_format(text, value);
    return add_new(column, bits, text);
}

caviar_status caviar_label_column_add_text(caviar_label_column *column, const char *text) {
    char number[CAVIAR_NUMBER_SIZE];
    if (*text == 0)
        return caviar_fail(CAVIAR_BAD_FILE, "%s: label %lld is empty; leave out the examples that have no label",
                           column->source, (long long)column->count);
    if (!caviar_is_utf8(text, strlen(text)))
        return caviar_fail(CAVIAR_BAD_FILE, "%s: label %lld is not valid UTF-8", column->source,
                           (long long)column->count);
    return add(column, caviar_names_number(number, text) ? number : text);
}

static int all_are_numbers(char *const *names, int32_t count) {
    char number[CAVIAR_NUMBER_SIZE];
    for (int32_t i = 0; i < count; i++)
        if (!caviar_names_number(number, names[i])) return 0;
    return 1;
}

caviar_status caviar_label_column_finish(caviar_table *table, caviar_label_column *column, const char *rows_source) {
    int32_t *class_of = NULL;
    if (column->count != table->rows) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: has %lld labels, but %s has %lld examples", column->source,
                           (long long)column->count, rows_source, (long long)table->rows);
    }
    CAVIAR_TRY(caviar_label_set_sort(&class_of, &table->class_names, &column->set));
    for (int64_t i = 0; i < column->count; i++) column->values[i] = class_of[column->values[i]];
    free(class_of);
    table->labels = column->values;
    table->classes = column->set.count;
    table->labels_are_numbers = all_are_numbers(table->class_names, column->set.count);
    column->values = NULL;
    return CAVIAR_OK;
}

void caviar_label_column_destroy(caviar_label_column *column) {
    if (!column) return;
    caviar_label_set_destroy(&column->set);
    free(column->values);
    free(column);
}
