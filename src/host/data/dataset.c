/* Datasets in host memory: made, described and read. */
#include "dataset.h"

#include "host/arithmetic.h"
#include "host/status.h"
#include "labels.h"
#include "names.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void caviar_dataset_destroy(caviar_dataset *dataset) {
    if (!dataset) return;
    if (dataset->features != dataset->table.cells) free(dataset->features);
    for (int i = 0; i < 3; i++) free(dataset->part[i]);
    free(dataset->mean);
    free(dataset->scale);
    caviar_columns_destroy(&dataset->columns);
    caviar_notes_destroy(&dataset->learnt);
    caviar_table_destroy(&dataset->table);
    free(dataset);
}

/* ------------------------------------------------------------------------------------------------------------- checks
 */

static caviar_status check_counts(const caviar_table *table, caviar_status status, const char *source) {
    const long long rows = table->rows, columns = table->column_count, classes = table->classes;
    if (rows < 1 || rows > INT32_MAX) {
        return caviar_fail(status, "%s: %lld examples; there must be 1 to %d", source, rows, INT32_MAX);
    }
    if (columns < 1 || columns > INT32_MAX) {
        return caviar_fail(status, "%s: %lld features; there must be 1 to %d", source, columns, INT32_MAX);
    }
    const int least = table->as_expected ? 1 : 2;
    if (table->labels && (classes < least || classes > CAVIAR_MAX_CLASSES)) {
        return caviar_fail(status, "%s: %lld classes; there must be %d to %d", source, classes, least,
                           CAVIAR_MAX_CLASSES);
    }
    if (!table->labels && classes != 0) {
        return caviar_fail(status, "%s: %lld classes but no labels; without labels it must be 0", source, classes);
    }
    return CAVIAR_OK;
}

/* Half of the largest float, so that the difference of two features is still finite. */
static caviar_status check_cells(const caviar_table *table, caviar_status status, const char *source) {
    if (table->type == CAVIAR_UINT8) return CAVIAR_OK;
    const float *cells = table->cells;
    for (int64_t row = 0; row < table->rows; row++) {
        for (int64_t c = 0; c < table->column_count; c++, cells++) {
            if (!(fabsf(*cells) > FLT_MAX / 2)) continue;
            return caviar_fail(status,
                               "%s: feature %lld of example %lld is %g; features must be finite and at most %.1e",
                               source, (long long)c, (long long)row, (double)*cells, (double)(FLT_MAX / 2));
        }
    }
    return CAVIAR_OK;
}

static caviar_status check_labels(const caviar_table *table, caviar_status status, const char *source) {
    for (int64_t i = 0; table->labels && i < table->rows; i++) {
        if (table->labels[i] >= 0 && table->labels[i] < table->classes) continue;
        return caviar_fail(status, "%s: the label of example %lld is %d; with %lld classes it must be 0 to %lld",
                           source, (long long)i, (int)table->labels[i], (long long)table->classes,
                           (long long)table->classes - 1);
    }
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- making
 */

/* Names, parts and what is learnt, of a dataset whose table is in place. */
static caviar_status complete(caviar_dataset *dataset) {
    caviar_table *table = &dataset->table;
    if (table->labels && !table->class_names) {
        table->class_names = caviar_names_decimal(table->classes);
        table->labels_are_numbers = 1;
        if (!table->class_names) return caviar_fail_memory("class names", (size_t)table->classes * 16);
    }
    caviar_table_count_missing(table);
    dataset->examples = dataset->own = table->rows;
    dataset->classes = table->classes;
    dataset->labels = table->labels;
    dataset->class_names = table->class_names;
    dataset->features = table->cells;
    const size_t bytes = (size_t)table->rows * sizeof(int32_t);
    dataset->part[CAVIAR_TRAIN] = malloc(bytes);
    if (!dataset->part[CAVIAR_TRAIN]) return caviar_fail_memory("a dataset", bytes);
    for (int64_t i = 0; i < table->rows; i++) dataset->part[CAVIAR_TRAIN][i] = (int32_t)i;
    dataset->part_examples[CAVIAR_TRAIN] = table->rows;
    return caviar_dataset_learn(dataset, NULL);
}

static caviar_status check_and_complete(caviar_dataset *dataset) {
    caviar_table *table = &dataset->table;
    const caviar_status status = table->source ? CAVIAR_BAD_FILE : CAVIAR_INVALID_ARGUMENT;
    const char *name = table->source ? table->source : "dataset";
    CAVIAR_TRY(check_counts(table, status, name));
    CAVIAR_TRY(check_cells(table, status, name));
    CAVIAR_TRY(check_labels(table, status, name));
    CAVIAR_TRY(caviar_labels_unite(table));
    if (table->labels && table->classes < 2 && !table->as_expected)
        return caviar_fail(status, "%s: all labels are \"%.40s\"; a classifier needs two or more classes", name,
                           table->class_names[0]);
    CAVIAR_TRY(caviar_labels_check(table, status, name));
    return complete(dataset);
}

caviar_status caviar_dataset_from_table(caviar_dataset **dataset, caviar_table *table) {
    caviar_dataset *made = calloc(1, sizeof *made);
    if (!made) {
        caviar_table_destroy(table);
        return caviar_fail_memory("a dataset", sizeof *made);
    }
    made->table = *table;
    *table = (caviar_table){ .rows = 0 };
    const caviar_status status = check_and_complete(made);
    if (status != CAVIAR_OK) {
        caviar_dataset_destroy(made);
        return status;
    }
    *dataset = made;
    return CAVIAR_OK;
}

caviar_status caviar_dataset_adopt(caviar_dataset **dataset, const char *source, void *features, caviar_type type,
                                   int32_t *labels, char **class_names, int64_t examples, int64_t feature_count,
                                   int64_t classes) {
    caviar_table table = { .rows = examples,
                           .column_count = feature_count,
                           .type = type,
                           .cells = features,
                           .labels = labels,
                           .class_names = class_names,
                           .classes = classes };
    const size_t columns = feature_count > 0 ? (size_t)feature_count : 1;
    table.source = source ? strdup(source) : NULL;
    table.columns = calloc(columns, sizeof *table.columns);
    if (table.columns && (table.source || !source)) return caviar_dataset_from_table(dataset, &table);
    caviar_table_destroy(&table);
    return caviar_fail_memory("the columns of a dataset", columns * sizeof *table.columns);
}

/* A file has missing cells; in a program's own array a NaN is more likely a fault of the program. */
static caviar_status refuse_nan(const float *features, int64_t examples, int64_t feature_count) {
    for (int64_t i = 0; i < examples * feature_count; i++)
        CAVIAR_REQUIRE(!isnan(features[i]),
                       "dataset_create: feature %lld of example %lld is nan; features must be finite and at most %.1e",
                       (long long)(i % feature_count), (long long)(i / feature_count), (double)(FLT_MAX / 2));
    return CAVIAR_OK;
}

caviar_status caviar_dataset_create(caviar_dataset **dataset, const void *features, caviar_type type,
                                    const int32_t *labels, int64_t examples, int64_t feature_count, int64_t classes) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset, "dataset_create: dataset is NULL");
    CAVIAR_REQUIRE(features, "dataset_create: features is NULL");
    CAVIAR_REQUIRE(type == CAVIAR_UINT8 || type == CAVIAR_FLOAT32,
                   "dataset_create: type %d is neither CAVIAR_UINT8 nor CAVIAR_FLOAT32", (int)type);
    /* These bounds keep the products below from overflowing. */
    CAVIAR_REQUIRE(examples >= 1 && examples <= INT32_MAX, "dataset_create: %lld examples; there must be 1 to %d",
                   (long long)examples, INT32_MAX);
    CAVIAR_REQUIRE(feature_count >= 1 && feature_count <= INT32_MAX,
                   "dataset_create: %lld features; there must be 1 to %d", (long long)feature_count, INT32_MAX);
    const uint64_t feature_bytes = (uint64_t)examples * (uint64_t)feature_count * caviar_type_size(type);
    const size_t label_bytes = (size_t)examples * sizeof(int32_t);
    CAVIAR_REQUIRE(feature_bytes <= PTRDIFF_MAX, "dataset_create: %lld x %lld features are more than memory can hold",
                   (long long)examples, (long long)feature_count);
    void *own_features = malloc(feature_bytes);
    int32_t *own_labels = labels ? malloc(label_bytes) : NULL;
    if (!own_features || (labels && !own_labels)) {
        free(own_features);
        free(own_labels);
        return caviar_fail_memory("a dataset", feature_bytes + label_bytes);
    }
    memcpy(own_features, features, feature_bytes);
    if (type == CAVIAR_FLOAT32) {
        const caviar_status status = refuse_nan(features, examples, feature_count);
        if (status != CAVIAR_OK) {
            free(own_features);
            free(own_labels);
            return status;
        }
    }
    if (labels) memcpy(own_labels, labels, label_bytes);
    return caviar_dataset_adopt(dataset, NULL, own_features, type, own_labels, NULL, examples, feature_count, classes);
}

caviar_status caviar_dataset_get_info(caviar_dataset_info *info, const caviar_dataset *dataset) {
    CAVIAR_REQUIRE(info && dataset, "dataset_get_info: %s is NULL", info ? "dataset" : "info");
    const int64_t *parts = dataset->part_examples;
    *info = (caviar_dataset_info){
        dataset->examples, { parts[0], parts[1], parts[2] }, dataset->feature_count, dataset->classes, dataset->type
    };
    return CAVIAR_OK;
}

caviar_status caviar_dataset_class_name(const char **name, const caviar_dataset *dataset, int64_t class_index) {
    CAVIAR_REQUIRE(name && dataset, "dataset_class_name: %s is NULL", name ? "dataset" : "name");
    CAVIAR_REQUIRE(class_index >= 0 && class_index < dataset->classes,
                   "dataset_class_name: there is no class %lld; the dataset has %lld classes", (long long)class_index,
                   (long long)dataset->classes);
    *name = dataset->class_names[class_index];
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------ reading
 */

caviar_status caviar_dataset_read(float *features, int32_t *labels, const caviar_dataset *dataset, int64_t first,
                                  int64_t count) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset, "dataset_read: dataset is NULL");
    CAVIAR_REQUIRE(first >= 0 && count >= 0 && first <= dataset->examples && count <= dataset->examples - first,
                   "dataset_read: %lld examples from %lld on; the dataset has %lld", (long long)count, (long long)first,
                   (long long)dataset->examples);
    CAVIAR_REQUIRE(!labels || dataset->labels, "dataset_read: labels are asked for but the dataset has none");
    if (labels) memcpy(labels, dataset->labels + first, (size_t)count * sizeof *labels);
    if (!features) return CAVIAR_OK;
    caviar_features_to_float(features, dataset->features, dataset->type, first * dataset->feature_count,
                             count * dataset->feature_count);
    caviar_columns_move(features, features, &dataset->columns, count, 1);
    return CAVIAR_OK;
}

void caviar_features_to_float(float *to, const void *from, caviar_type type, int64_t first, int64_t count) {
    if (type == CAVIAR_FLOAT32) {
        memcpy(to, (const float *)from + first, (size_t)count * sizeof *to);
        return;
    }
    const uint8_t *bytes = (const uint8_t *)from + first;
    for (int64_t i = 0; i < count; i++) to[i] = bytes[i];
}

const caviar_columns *caviar_dataset_columns(const caviar_dataset *dataset) {
    return &dataset->columns;
}

caviar_status caviar_dataset_feature_name(char *name, size_t size, const caviar_dataset *dataset, int64_t feature) {
    CAVIAR_REQUIRE(name && size > 0 && dataset, "dataset_feature_name: an argument is NULL or size is 0");
    CAVIAR_REQUIRE(feature >= 0 && feature < dataset->feature_count,
                   "dataset_feature_name: there is no feature %lld; the dataset has %lld features", (long long)feature,
                   (long long)dataset->feature_count);
    caviar_columns_feature_name(name, size, &dataset->columns, feature);
    return CAVIAR_OK;
}

int32_t caviar_dataset_note_count(const caviar_dataset *dataset) {
    return dataset ? dataset->table.notes.count + dataset->learnt.count : 0;
}

caviar_status caviar_dataset_note(const char **text, const caviar_dataset *dataset, int32_t index) {
    CAVIAR_REQUIRE(text && dataset, "dataset_note: %s is NULL", text ? "dataset" : "text");
    const int32_t loader = dataset->table.notes.count, count = caviar_dataset_note_count(dataset);
    CAVIAR_REQUIRE(index >= 0 && index < count, "dataset_note: there is no note %d; the dataset has %d notes", index,
                   count);
    *text = index < loader ? dataset->table.notes.texts[index] : dataset->learnt.texts[index - loader];
    return CAVIAR_OK;
}
