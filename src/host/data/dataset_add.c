/* Adding a given test or validation part to a dataset. */
#include "dataset.h"

#include "host/status.h"

#include <math.h>
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

/* Numbers of the dataset's classes for those of the part, by name; -1: no such class. */
static void match_classes(int32_t *class_of, const caviar_dataset *dataset, const caviar_dataset *other) {
    int64_t next = 0; /* Both are sorted, as a rule, so that the search for a name begins behind the one before. */
    for (int64_t i = 0; i < other->classes; i++) {
        class_of[i] = -1;
        for (int64_t tried = 0; tried < dataset->classes && class_of[i] < 0; tried++) {
            const int64_t candidate = (next + tried) % dataset->classes;
            if (strcmp(other->class_names[i], dataset->class_names[candidate]) == 0) class_of[i] = (int32_t)candidate;
        }
        if (class_of[i] >= 0) next = class_of[i] + 1;
    }
}

static caviar_status translate_labels(int32_t *labels, const char *function, const caviar_dataset *dataset,
                                      const caviar_dataset *other, int part) {
    const size_t bytes = (size_t)other->classes * sizeof(int32_t);
    int32_t *class_of = malloc(bytes);
    if (!class_of) return caviar_fail_memory("the classes of a part", bytes);
    match_classes(class_of, dataset, other);
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

/* Numbers of the dataset's levels for those of the other column; new texts join the dataset's. */
static caviar_status join_levels(int32_t *level_of, caviar_column *to, const caviar_column *from) {
    for (int32_t l = 0; l < from->level_count; l++) {
        level_of[l] = -1;
        for (int32_t k = 0; k < to->level_count && level_of[l] < 0; k++)
            if (strcmp(to->levels[k], from->levels[l]) == 0) level_of[l] = k;
        if (level_of[l] >= 0) continue;
        char **levels = realloc(to->levels, ((size_t)to->level_count + 1) * sizeof *levels);
        if (levels) to->levels = levels;
        char *text = levels ? strdup(from->levels[l]) : NULL;
        if (!text) return caviar_fail_memory("the texts of a column", 64);
        to->levels[to->level_count] = text;
        level_of[l] = to->level_count++;
    }
    return CAVIAR_OK;
}

static float cell_of(const caviar_table *table, int64_t row, int64_t column) {
    const int64_t i = row * table->column_count + column;
    return table->type == CAVIAR_UINT8 ? ((const uint8_t *)table->cells)[i] : ((const float *)table->cells)[i];
}

static caviar_status join_column(float *cells, caviar_dataset *dataset, const caviar_match *match, int64_t c) {
    const caviar_table *from = match->table;
    caviar_column *to = &dataset->table.columns[c], *column = &from->columns[match->column[c]];
    const int64_t stride = dataset->table.column_count;
    int32_t *level_of = malloc(((size_t)column->level_count + 1) * sizeof *level_of);
    if (!level_of) return caviar_fail_memory("the texts of a column", sizeof *level_of);
    const caviar_status status = join_levels(level_of, to, column);
    for (int64_t row = 0; row < from->rows && status == CAVIAR_OK; row++) {
        const float cell = cell_of(from, row, match->column[c]);
        float *joined = cells + row * stride + c;
        if (isnan(cell))
            *joined = cell;
        else if (to->kind == CAVIAR_COLUMN_TEXT)
            *joined = (float)level_of[(int32_t)cell];
        else
            *joined = (float)((double)cell + (column->origin - to->origin));
    }
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
    CAVIAR_TRY(caviar_match_make(&match, function, &dataset->columns, &other->table, &dataset->table.notes));
    joined both = { .cells = NULL };
    caviar_status status = join(&both, function, dataset, other, &match, part);
    caviar_match_destroy(&match);
    if (status == CAVIAR_OK) status = take(dataset, &both, other->examples, part);
    destroy_joined(&both);
    return status;
}

caviar_status caviar_dataset_add_test(caviar_dataset *dataset, const caviar_dataset *test) {
    return add_part("dataset_add_test", dataset, test, CAVIAR_TEST);
}

caviar_status caviar_dataset_add_validation(caviar_dataset *dataset, const caviar_dataset *validation) {
    return add_part("dataset_add_validation", dataset, validation, CAVIAR_VALIDATION);
}
