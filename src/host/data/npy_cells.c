/*
 * Features of an NPY file as cells. In C order the elements are read into the memory that their cells will have, and
 * converted within it; in Fortran order some columns at a time, and transposed.
 */
#include "dataset.h"
#include "host/status.h"
#include "npy_element.h"
#include "origin.h"

#include <math.h>
#include <stdlib.h>

/* What is known of a column before it is converted. */
typedef struct column_range {
    double minimum, maximum; /* NaN: nothing yet */
    int whole;
} column_range;

static int has_origins(const caviar_npy *array) {
    return array->size >= 4; /* a float tells any two numbers of fewer bits apart */
}

static void observe(column_range *range, const caviar_npy *array, const unsigned char *at) {
    const double x = caviar_npy_number(array, caviar_npy_bits(array, at));
    if (!isfinite(x)) return;
    if (!(x >= range->minimum)) range->minimum = x;
    if (!(x <= range->maximum)) range->maximum = x;
    if (array->kind == 'f' && range->whole) range->whole = x == floor(x);
}

/* The origin's bits as those of a whole number of 64 bits, signed or not: both are subtracted alike. */
static uint64_t whole_bits(double origin) {
    if (origin < 0) return (uint64_t)(int64_t)origin;
    return origin < 0x1p64 ? (uint64_t)origin : 0;
}

/* Whole numbers are subtracted as such: above 2^53 doubles do not tell them apart. */
static double distance(const caviar_npy *array, const unsigned char *at, double origin) {
    const uint64_t bits = caviar_npy_bits(array, at);
    if (array->kind == 'f' || origin == 0) return caviar_npy_number(array, bits) - origin;
    return (double)(int64_t)(bits - whole_bits(origin));
}

static float cell(const caviar_npy *array, const unsigned char *at, double origin) {
    if (array->kind == 'f' || origin != 0) return (float)distance(array, at, origin);
    const uint64_t bits = caviar_npy_bits(array, at);
    return array->kind == 'i' ? (float)(int64_t)bits : (float)bits; /* rounded once, not twice */
}

/* Chooses the column's origin; a note says what floats cannot tell apart. Elements `stride` bytes apart [rows]. */
static caviar_status choose_origin(caviar_table *table, int64_t column, const column_range *range,
                                   const caviar_npy *array, const unsigned char *elements, size_t stride) {
    double sample[CAVIAR_COLLAPSE_SAMPLE];
    char name[96];
    const int64_t count = table->rows < CAVIAR_COLLAPSE_SAMPLE ? table->rows : CAVIAR_COLLAPSE_SAMPLE;
    const double origin = caviar_column_origin(range->minimum, range->maximum, range->whole);
    table->columns[column].origin = origin;
    for (int64_t i = 0; i < count; i++) sample[i] = distance(array, elements + (size_t)i * stride, origin);
    return caviar_column_note_collapse(&table->notes, caviar_table_column_name(name, table, column), sample, count);
}

/* -------------------------------------------------------------------------------------------------------- C order */

static caviar_status choose_origins(caviar_table *table, const caviar_npy *array, const unsigned char *elements) {
    const int64_t columns = table->column_count;
    column_range *ranges = malloc((size_t)columns * sizeof *ranges);
    if (!ranges) return caviar_fail_memory("the ranges of columns", (size_t)columns * sizeof *ranges);
    for (int64_t c = 0; c < columns; c++) ranges[c] = (column_range){ NAN, NAN, 1 };
    const unsigned char *at = elements;
    for (int64_t row = 0; row < table->rows; row++)
        for (int64_t c = 0; c < columns; c++, at += array->size) observe(&ranges[c], array, at);
    caviar_status status = CAVIAR_OK;
    const size_t size = (size_t)array->size;
    for (int64_t c = 0; c < columns && status == CAVIAR_OK; c++)
        status = choose_origin(table, c, &ranges[c], array, elements + (size_t)c * size, (size_t)columns * size);
    free(ranges);
    return status;
}

/* Narrow elements lie at the end of the memory, wide ones at its beginning, so that none is written over too early. */
static caviar_status read_rows(caviar_table *table, caviar_npy *array, caviar_input *input) {
    const size_t count = (size_t)array->count, size = (size_t)array->size;
    const size_t wide = size < sizeof(float) ? sizeof(float) : size;
    unsigned char *memory = malloc(count * wide);
    if (!memory) return caviar_fail_memory(caviar_input_name(input), count * wide);
    table->cells = memory;
    const unsigned char *at = memory + count * (wide - size);
    CAVIAR_TRY(caviar_npy_take(memory + count * (wide - size), array, input, array->count));
    if (has_origins(array)) CAVIAR_TRY(choose_origins(table, array, at));
    float *to = table->cells;
    for (int64_t row = 0; row < table->rows; row++)
        for (int64_t c = 0; c < table->column_count; c++, at += size) *to++ = cell(array, at, table->columns[c].origin);
    if (wide == sizeof(float)) return CAVIAR_OK;
    /* Half of it is not needed any more; when that cannot be given back it is merely kept. */
    void *shorter = realloc(table->cells, count * sizeof(float));
    if (shorter) table->cells = shorter;
    return CAVIAR_OK;
}

/* --------------------------------------------------------------------------------------------------- Fortran order */

/* The column that comes at this place: of its indices the first runs fastest in the file, the last in the table. */
static int64_t column_at(const caviar_npy *array, int64_t place) {
    int64_t column = 0, stride = array->count / array->shape[0];
    for (int i = 1; i < array->rank; i++) {
        stride /= array->shape[i];
        column += place % array->shape[i] * stride;
        place /= array->shape[i];
    }
    return column;
}

/* Columns place .. place + count - 1 of the file, a row after another, so that a row's cells are written together. */
static caviar_status convert_slab(caviar_table *table, const caviar_npy *array, const unsigned char *slab,
                                  int64_t place, int64_t count) {
    enum { MOST = 16 };
    int64_t column[MOST];
    const size_t size = (size_t)array->size, stride = size * (size_t)table->rows;
    for (int64_t k = 0; k < count; k++) {
        const unsigned char *elements = slab + (size_t)k * stride;
        column_range range = { NAN, NAN, 1 };
        column[k] = column_at(array, place + k);
        if (!has_origins(array)) continue;
        for (int64_t row = 0; row < table->rows; row++) observe(&range, array, elements + (size_t)row * size);
        CAVIAR_TRY(choose_origin(table, column[k], &range, array, elements, size));
    }
    for (int64_t row = 0; row < table->rows; row++) {
        for (int64_t k = 0; k < count; k++) {
            const int64_t to = row * table->column_count + column[k];
            const unsigned char *at = slab + (size_t)k * stride + (size_t)row * size;
            if (table->type == CAVIAR_UINT8)
                ((uint8_t *)table->cells)[to] = *at;
            else
                ((float *)table->cells)[to] = cell(array, at, table->columns[column[k]].origin);
        }
    }
    return CAVIAR_OK;
}

static caviar_status read_slabs(caviar_table *table, caviar_npy *array, caviar_input *input, unsigned char *slab,
                                int64_t at_once) {
    for (int64_t place = 0; place < table->column_count; place += at_once) {
        const int64_t left = table->column_count - place, count = left < at_once ? left : at_once;
        CAVIAR_TRY(caviar_npy_take(slab, array, input, count * table->rows));
        CAVIAR_TRY(convert_slab(table, array, slab, place, count));
    }
    return CAVIAR_OK;
}

/* 16 floats are a cache line; of long columns fewer, so that they take little memory beside the cells. */
static caviar_status read_columns(caviar_table *table, caviar_npy *array, caviar_input *input) {
    const size_t bytes = (size_t)array->count * caviar_type_size(table->type);
    const size_t column_bytes = (size_t)table->rows * (size_t)array->size;
    int64_t at_once = 16;
    while (at_once > 1 && (at_once > table->column_count || (size_t)at_once * column_bytes > 16u << 20)) at_once /= 2;
    unsigned char *slab = malloc((size_t)at_once * column_bytes);
    table->cells = malloc(bytes);
    caviar_status status = CAVIAR_OK;
    if (!slab || !table->cells) status = caviar_fail_memory(caviar_input_name(input), bytes);
    if (status == CAVIAR_OK) status = read_slabs(table, array, input, slab, at_once);
    free(slab);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- a table */

static caviar_status read_bytes(caviar_table *table, caviar_npy *array, caviar_input *input) {
    table->cells = malloc((size_t)array->count);
    if (!table->cells) return caviar_fail_memory(caviar_input_name(input), (size_t)array->count);
    return caviar_npy_take(table->cells, array, input, array->count);
}

static caviar_status check_features(const caviar_npy *array, const char *path) {
    if (strchr("SU", array->kind)) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: its elements are texts, which only labels may be; encode features as numbers, or save "
                           "them as CSV, whose columns of text are encoded for you",
                           path);
    }
    if (array->rank < 2) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: has %d dimensions; features are [examples, ...]: reshape a single feature to (-1, 1)",
                           path, array->rank);
    }
    /* What the cells need while they are read, and the description of each column. */
    const double size = array->size < 4 ? 4 : array->size, columns = (double)(array->count / array->shape[0]);
    const double bytes = (double)array->count * size + columns * sizeof(caviar_column);
    if (bytes <= (double)caviar_input_limit()) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: needs %.3g bytes of memory, more than half of what is free here", path,
                       bytes);
}

caviar_status caviar_npy_read_features(caviar_table *table, caviar_input *input) {
    caviar_npy array;
    CAVIAR_TRY(caviar_npy_begin(&array, input));
    CAVIAR_TRY(check_features(&array, caviar_input_name(input)));
    const int is_bytes = array.kind == 'b' || (array.kind == 'u' && array.size == 1);
    const int64_t columns = array.count / array.shape[0];
    table->columns = calloc((size_t)columns, sizeof *table->columns);
    if (!table->columns) return caviar_fail_memory("columns", (size_t)columns * sizeof *table->columns);
    table->rows = array.shape[0];
    table->column_count = columns;
    table->type = is_bytes ? CAVIAR_UINT8 : CAVIAR_FLOAT32;
    if (array.fortran_order && columns > 1)
        CAVIAR_TRY(read_columns(table, &array, input));
    else
        CAVIAR_TRY((is_bytes ? read_bytes : read_rows)(table, &array, input));
    return caviar_npy_end(&array, input);
}
