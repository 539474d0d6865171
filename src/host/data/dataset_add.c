/* Adding a given test or validation part to a dataset. */
#include "dataset.h"

#include "host/arithmetic.h"
#include "host/number.h"
#include "host/status.h"
#include "names.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_names[3] = { "training", "validation", "test" };

static caviar_status check(const char *function, const caviar_dataset *dataset, const caviar_dataset *other, int part) {
    CAVIAR_REQUIRE(dataset && other, "%s: %s is NULL", function, dataset ? part_names[part] : "dataset");
    CAVIAR_REQUIRE(dataset != other, "%s: a dataset cannot be its own %s part", function, part_names[part]);
    CAVIAR_REQUIRE(dataset->part_examples[part] == 0, "%s: the dataset has a %s part of %lld examples already",
                   function, part_names[part], (long long)dataset->part_examples[part]);
    CAVIAR_REQUIRE(!dataset->labels == !other->labels, "%s: the %s has no labels", function,
                   dataset->labels ? (part == CAVIAR_TEST ? "test part" : "validation part") : "dataset");
    CAVIAR_REQUIRE(other->examples <= INT32_MAX - dataset->examples,
                   "%s: %lld and %lld examples; there may be %d in all", function, (long long)dataset->examples,
                   (long long)other->examples, INT32_MAX);
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- labels
 */

static caviar_status translate_labels(int32_t *labels, const char *function, const caviar_dataset *dataset,
                                      const caviar_dataset *other, int part) {
    const size_t bytes = (size_t)other->classes * sizeof(int32_t);
    int32_t *class_of = malloc(bytes);
    if (!class_of) return caviar_fail_memory("the classes of a part", bytes);
    const caviar_status status = caviar_dataset_match_classes(class_of, other, dataset->class_names, dataset->classes);
    if (status != CAVIAR_OK) {
        free(class_of);
        return status;
    }
    int64_t unknown = 0, first = 0;
    for (int64_t i = other->examples - 1; i >= 0; i--) {
        labels[i] = class_of[other->labels[i]];
        if (labels[i] < 0) unknown++, first = i;
    }
    free(class_of);
    if (unknown == 0) return CAVIAR_OK;
    return caviar_fail(
        CAVIAR_INVALID_ARGUMENT,
        "%s: %s example %lld has the label \"%.64s\", which no training example has; there are %lld such "
        "examples",
        function, part_names[part], (long long)first, other->class_names[other->labels[first]], (long long)unknown);
}

/* -------------------------------------------------------------------------------------------------------------- cells
 */

static caviar_status add_level(int32_t *level, caviar_column *to, const char *name) {
    char **levels = realloc(to->levels, ((size_t)to->level_count + 1) * sizeof *levels);
    if (levels) to->levels = levels;
    char *copy = levels ? strdup(name) : NULL;
    if (!copy) return caviar_fail_memory("the texts of a column", strlen(name) + 1);
    to->levels[to->level_count] = copy;
    *level = to->level_count++;
    return CAVIAR_OK;
}

/* Numbers of the dataset's levels for those of the other column; new texts join the dataset's. */
static caviar_status join_levels(int32_t *level_of, caviar_column *to, const caviar_column *from) {
    int64_t *match = malloc(((size_t)from->level_count + 1) * sizeof *match);
    if (!match) return caviar_fail_memory("the texts of a column", (size_t)from->level_count * sizeof *match);
    caviar_status status = caviar_names_match(match, (const char *const *)from->levels, from->level_count,
                                              (const char *const *)to->levels, to->level_count, CAVIAR_NAMES_COLUMNS);
    for (int32_t l = 0; l < from->level_count && status == CAVIAR_OK; l++) {
        level_of[l] = (int32_t)match[l];
        if (match[l] < 0) status = add_level(&level_of[l], to, from->levels[l]);
    }
    free(match);
    return status;
}

/* The level of a number where the dataset has texts: that of the same value, or a new one. */
static caviar_status level_of_number(int32_t *level, caviar_column *to, float cell, double origin) {
    char text[CAVIAR_NUMBER_SIZE];
    double value;
    for (*level = 0; *level < to->level_count; ++*level)
        if (caviar_number_parse(&value, to->levels[*level]) && (float)(value - origin) == cell) return CAVIAR_OK;
    snprintf(text, sizeof text, "%.9g", (double)cell);
    if (origin != 0) caviar_number_format(text, (double)cell + origin);
    return add_level(level, to, text);
}

static caviar_status join_cell(float *joined, caviar_column *to, const caviar_column *from, const int32_t *level_of,
                               float cell) {
    *joined = cell;
    if (isnan(cell)) return CAVIAR_OK;
    if (to->kind != CAVIAR_COLUMN_TEXT) {
        *joined = (float)((double)cell + (from->origin - to->origin));
        if (fabsf(*joined) <= FLT_MAX / 2) return CAVIAR_OK;
        return caviar_fail(CAVIAR_INVALID_ARGUMENT, "%g in column \"%.64s\" is too far from the values of the dataset",
                           (double)cell + from->origin, from->name ? from->name : "");
    }
    int32_t level = 0;
    if (from->kind == CAVIAR_COLUMN_TEXT)
        level = level_of[(int32_t)cell];
    else
        CAVIAR_TRY(level_of_number(&level, to, cell, from->origin));
    *joined = (float)level;
    return CAVIAR_OK;
}

static caviar_status join_column(float *cells, caviar_dataset *dataset, const caviar_match *match, int64_t c) {
    const caviar_table *from = match->table;
    caviar_column *to = &dataset->table.columns[c], *column = &from->columns[match->column[c]];
    const int64_t stride = dataset->table.column_count;
    int32_t *level_of = malloc(((size_t)column->level_count + 1) * sizeof *level_of);
    if (!level_of) return caviar_fail_memory("the texts of a column", sizeof *level_of);
    caviar_status status = join_levels(level_of, to, column);
    for (int64_t row = 0; row < from->rows && status == CAVIAR_OK; row++)
        status =
            join_cell(cells + row * stride + c, to, column, level_of, caviar_table_cell(from, row, match->column[c]));
    free(level_of);
    return status;
}

/* ------------------------------------------------------------------------------------------------------------ joining
 */

typedef struct joined {
    void *cells;
    int32_t *labels, *part;
    caviar_type type;
} joined;

static void destroy_joined(joined *both) {
    free(both->cells);
    free(both->labels);
    free(both->part);
}

static void join_bytes(joined *both, const caviar_dataset *dataset, const caviar_match *match) {
    const int64_t columns = dataset->table.column_count;
    uint8_t *to = both->cells;
    memcpy(to, dataset->table.cells, (size_t)(dataset->examples * columns));
    to += dataset->examples * columns;
    for (int64_t row = 0; row < match->table->rows; row++)
        for (int64_t c = 0; c < columns; c++)
            *to++ = ((const uint8_t *)match->table->cells)[row * match->table->column_count + match->column[c]];
}

static caviar_status join_cells(joined *both, caviar_dataset *dataset, const caviar_match *match) {
    const int64_t columns = dataset->table.column_count, before = dataset->examples * columns;
    if (both->type == CAVIAR_UINT8) {
        join_bytes(both, dataset, match);
        return CAVIAR_OK;
    }
    caviar_features_to_float(both->cells, dataset->table.cells, dataset->table.type, 0, before);
    for (int64_t c = 0; c < columns; c++) CAVIAR_TRY(join_column((float *)both->cells + before, dataset, match, c));
    return CAVIAR_OK;
}

static caviar_status join(joined *both, const char *function, caviar_dataset *dataset, const caviar_dataset *other,
                          const caviar_match *match, int part) {
    const int64_t examples = dataset->examples + other->examples;
    /* A file of whole numbers is stored as bytes, though its other half may need floats. */
    both->type =
        dataset->table.type == CAVIAR_UINT8 && other->table.type == CAVIAR_UINT8 ? CAVIAR_UINT8 : CAVIAR_FLOAT32;
    const size_t cell_bytes = (size_t)examples * (size_t)dataset->table.column_count * caviar_type_size(both->type);
    const size_t label_bytes = (size_t)examples * sizeof(int32_t);
    both->cells = malloc(cell_bytes);
    both->labels = dataset->labels ? malloc(label_bytes) : NULL;
    both->part = malloc((size_t)other->examples * sizeof(int32_t));
    if (!both->cells || (dataset->labels && !both->labels) || !both->part)
        return caviar_fail_memory("a dataset with its given part", cell_bytes + 2 * label_bytes);
    for (int64_t i = 0; i < other->examples; i++) both->part[i] = (int32_t)(dataset->examples + i);
    if (dataset->labels) {
        memcpy(both->labels, dataset->labels, (size_t)dataset->examples * sizeof(int32_t));
        CAVIAR_TRY(translate_labels(both->labels + dataset->examples, function, dataset, other, part));
    }
    return join_cells(both, dataset, match);
}

/* The dataset keeps its features until new ones are learnt; `both` then holds what they were made of. */
static caviar_status take(caviar_dataset *dataset, joined *both, int64_t further, int part) {
    const caviar_dataset before = *dataset;
    dataset->table.type = both->type;
    dataset->table.cells = both->cells;
    dataset->table.labels = dataset->labels = both->labels;
    dataset->table.rows = dataset->examples = before.examples + further;
    if (before.features == before.table.cells) dataset->features = both->cells;
    caviar_table_count_missing(&dataset->table);
    const caviar_status status = caviar_dataset_learn(dataset, NULL);
    if (status != CAVIAR_OK) {
        *dataset = before;
        caviar_table_count_missing(&dataset->table);
        return status;
    }
    free(before.table.cells);
    free(before.table.labels);
    free(dataset->part[part]);
    dataset->part[part] = both->part;
    dataset->part_examples[part] = further;
    dataset->given[part] = 1;
    *both = (joined){ .cells = NULL };
    return CAVIAR_OK;
}

static caviar_status add_part(const char *function, caviar_dataset *dataset, const caviar_dataset *other, int part) {
    CAVIAR_TRY(check(function, dataset, other, part));
    caviar_match match;
    caviar_notes *notes = &dataset->table.notes;
    const int32_t notes_before = notes->count;
    /* What was read as it is expected here has said what it left alone. */
    CAVIAR_TRY(caviar_match_make(&match, &dataset->columns, &other->table, other->table.as_expected ? NULL : notes));
    joined both = { .cells = NULL };
    caviar_status status = join(&both, function, dataset, other, &match, part);
    caviar_match_destroy(&match);
    if (status == CAVIAR_OK) status = take(dataset, &both, other->examples, part);
    destroy_joined(&both);
    while (status != CAVIAR_OK && notes->count > notes_before) free(notes->texts[--notes->count]);
    return status;
}

caviar_status caviar_dataset_add_test(caviar_dataset *dataset, const caviar_dataset *test) {
    CAVIAR_OWN_ARITHMETIC;
    return add_part("dataset_add_test", dataset, test, CAVIAR_TEST);
}

caviar_status caviar_dataset_add_validation(caviar_dataset *dataset, const caviar_dataset *validation) {
    CAVIAR_OWN_ARITHMETIC;
    return add_part("dataset_add_validation", dataset, validation, CAVIAR_VALIDATION);
}
