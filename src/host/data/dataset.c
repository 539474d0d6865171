/* Datasets in host memory: made, described and read. Parts and standardisation are in dataset_split.c. */
#include "dataset.h"

#include "host/status.h"
#include "names.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void caviar_dataset_destroy(caviar_dataset *dataset) {
    if (!dataset) return;
    free(dataset->features);
    free(dataset->labels);
    free(dataset->class_names);
    for (int i = 0; i < 3; i++) free(dataset->part[i]);
    free(dataset->mean);
    free(dataset->scale);
    free(dataset);
}

static caviar_status check_counts(const caviar_dataset *dataset, caviar_status status, const char *source) {
    const long long examples = dataset->examples, features = dataset->feature_count, classes = dataset->classes;
    if (examples < 1 || examples > INT32_MAX) {
        return caviar_fail(status, "%s: %lld examples; there must be 1 to %d", source, examples, INT32_MAX);
    }
    if (features < 1 || features > INT32_MAX) {
        return caviar_fail(status, "%s: %lld features; there must be 1 to %d", source, features, INT32_MAX);
    }
    if (dataset->labels && (classes < 2 || classes > CAVIAR_MAX_CLASSES)) {
        return caviar_fail(status, "%s: %lld classes; there must be 2 to %d", source, classes, CAVIAR_MAX_CLASSES);
    }
    if (!dataset->labels && classes != 0) {
        return caviar_fail(status, "%s: %lld classes but no labels; without labels it must be 0", source, classes);
    }
    return CAVIAR_OK;
}

/* Half of the largest float, so that the difference of two features is still finite. */
static caviar_status check_features(const caviar_dataset *dataset, caviar_status status, const char *source) {
    if (dataset->type == CAVIAR_UINT8) return CAVIAR_OK;
    const float *features = dataset->features;
    const int64_t count = dataset->examples * dataset->feature_count;
    for (int64_t i = 0; i < count; i++) {
        if (fabsf(features[i]) <= FLT_MAX / 2) continue;
        return caviar_fail(status, "%s: feature %lld of example %lld is %g; features must be finite and at most %.1e",
                           source, (long long)(i % dataset->feature_count), (long long)(i / dataset->feature_count),
                           (double)features[i], (double)(FLT_MAX / 2));
    }
    return CAVIAR_OK;
}

static caviar_status check_labels(const caviar_dataset *dataset, caviar_status status, const char *source) {
    for (int64_t i = 0; dataset->labels && i < dataset->examples; i++) {
        if (dataset->labels[i] >= 0 && dataset->labels[i] < dataset->classes) continue;
        return caviar_fail(status, "%s: the label of example %lld is %d; with %lld classes it must be 0 to %lld",
                           source, (long long)i, (int)dataset->labels[i], (long long)dataset->classes,
                           (long long)dataset->classes - 1);
    }
    return CAVIAR_OK;
}

/* Names, parts and standardisation of a dataset whose data is in place. */
static caviar_status complete(caviar_dataset *dataset) {
    const size_t vector = (size_t)dataset->feature_count * sizeof(float);
    if (dataset->labels && !dataset->class_names) {
        dataset->class_names = caviar_names_decimal(dataset->classes);
        if (!dataset->class_names) return caviar_fail_memory("class names", (size_t)dataset->classes * 16);
    }
    dataset->part[CAVIAR_TRAIN] = malloc((size_t)dataset->examples * sizeof(int32_t));
    dataset->mean = malloc(vector);
    dataset->scale = malloc(vector);
    if (!dataset->part[CAVIAR_TRAIN] || !dataset->mean || !dataset->scale) {
        return caviar_fail_memory("a dataset", (size_t)dataset->examples * sizeof(int32_t) + 2 * vector);
    }
    for (int64_t i = 0; i < dataset->examples; i++) dataset->part[CAVIAR_TRAIN][i] = (int32_t)i;
    dataset->part_examples[CAVIAR_TRAIN] = dataset->examples;
    return caviar_dataset_measure(dataset->mean, dataset->scale, dataset, dataset->part[CAVIAR_TRAIN],
                                  dataset->examples);
}

static caviar_status check_and_complete(caviar_dataset *dataset, const char *source) {
    const caviar_status status = source ? CAVIAR_BAD_FILE : CAVIAR_INVALID_ARGUMENT;
    const char *name = source ? source : "dataset";
    CAVIAR_TRY(check_counts(dataset, status, name));
    CAVIAR_TRY(check_features(dataset, status, name));
    CAVIAR_TRY(check_labels(dataset, status, name));
    return complete(dataset);
}

caviar_status caviar_dataset_adopt(caviar_dataset **dataset, const char *source, void *features, caviar_type type,
                                   int32_t *labels, char **class_names, int64_t examples, int64_t feature_count,
                                   int64_t classes) {
    caviar_dataset *made = calloc(1, sizeof *made);
    if (!made) {
        free(features);
        free(labels);
        free(class_names);
        return caviar_fail_memory("a dataset", sizeof *made);
    }
    made->type = type;
    made->examples = examples;
    made->feature_count = feature_count;
    made->classes = classes;
    made->features = features;
    made->labels = labels;
    made->class_names = class_names;
    const caviar_status status = check_and_complete(made, source);
    if (status != CAVIAR_OK) {
        caviar_dataset_destroy(made);
        return status;
    }
    *dataset = made;
    return CAVIAR_OK;
}

caviar_status caviar_dataset_create(caviar_dataset **dataset, const void *features, caviar_type type,
                                    const int32_t *labels, int64_t examples, int64_t feature_count, int64_t classes) {
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

caviar_status caviar_dataset_read(float *features, int32_t *labels, const caviar_dataset *dataset, int64_t first,
                                  int64_t count) {
    CAVIAR_REQUIRE(dataset, "dataset_read: dataset is NULL");
    CAVIAR_REQUIRE(first >= 0 && count >= 0 && first <= dataset->examples && count <= dataset->examples - first,
                   "dataset_read: %lld examples from %lld on; the dataset has %lld", (long long)count, (long long)first,
                   (long long)dataset->examples);
    CAVIAR_REQUIRE(!labels || dataset->labels, "dataset_read: labels are asked for but the dataset has none");
    if (labels) memcpy(labels, dataset->labels + first, (size_t)count * sizeof *labels);
    if (!features) return CAVIAR_OK;
    caviar_features_to_float(features, dataset->features, dataset->type, first * dataset->feature_count,
                             count * dataset->feature_count);
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
