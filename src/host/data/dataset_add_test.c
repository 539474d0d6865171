/* Adding a given test part to a dataset. */
#include "dataset.h"

#include "host/status.h"

#include <stdlib.h>
#include <string.h>

static caviar_status check(const caviar_dataset *dataset, const caviar_dataset *test) {
    CAVIAR_REQUIRE(dataset && test, "dataset_add_test: %s is NULL", dataset ? "test" : "dataset");
    CAVIAR_REQUIRE(dataset != test, "dataset_add_test: a dataset cannot be its own test part");
    CAVIAR_REQUIRE(dataset->part_examples[CAVIAR_TEST] == 0,
                   "dataset_add_test: the dataset has a test part of %lld examples already",
                   (long long)dataset->part_examples[CAVIAR_TEST]);
    CAVIAR_REQUIRE(dataset->feature_count == test->feature_count,
                   "dataset_add_test: the test part has %lld features, the dataset %lld; they must agree",
                   (long long)test->feature_count, (long long)dataset->feature_count);
    CAVIAR_REQUIRE(!dataset->labels == !test->labels, "dataset_add_test: the %s has no labels",
                   dataset->labels ? "test part" : "dataset");
    CAVIAR_REQUIRE(test->examples <= INT32_MAX - dataset->examples,
                   "dataset_add_test: %lld and %lld examples; there may be %d in all", (long long)dataset->examples,
                   (long long)test->examples, INT32_MAX);
    return CAVIAR_OK;
}

/* Numbers of the dataset's classes for those of the test part, by name; -1: no such class. */
static void match_classes(int32_t *class_of, const caviar_dataset *dataset, const caviar_dataset *test) {
    int64_t next = 0; /* Both are sorted, as a rule, so that the search for a name begins behind the one before. */
    for (int64_t i = 0; i < test->classes; i++) {
        class_of[i] = -1;
        for (int64_t tried = 0; tried < dataset->classes && class_of[i] < 0; tried++) {
            const int64_t candidate = (next + tried) % dataset->classes;
            if (strcmp(test->class_names[i], dataset->class_names[candidate]) == 0) class_of[i] = (int32_t)candidate;
        }
        if (class_of[i] >= 0) next = class_of[i] + 1;
    }
}

static caviar_status translate_labels(int32_t *labels, const caviar_dataset *dataset, const caviar_dataset *test) {
    const size_t bytes = (size_t)test->classes * sizeof(int32_t);
    int32_t *class_of = malloc(bytes);
    if (!class_of) return caviar_fail_memory("the classes of a test part", bytes);
    match_classes(class_of, dataset, test);
    caviar_status status = CAVIAR_OK;
    for (int64_t i = 0; i < test->examples && status == CAVIAR_OK; i++) {
        labels[i] = class_of[test->labels[i]];
        if (labels[i] >= 0) continue;
        status = caviar_fail(CAVIAR_INVALID_ARGUMENT,
                             "dataset_add_test: test example %lld has the label \"%s\", which no training example has",
                             (long long)i, test->class_names[test->labels[i]]);
    }
    free(class_of);
    return status;
}

typedef struct joined {
    void *features;
    int32_t *labels, *part;
} joined;

static caviar_status join(joined *both, caviar_type type, const caviar_dataset *dataset, const caviar_dataset *test) {
    const int64_t features = dataset->feature_count, examples = dataset->examples + test->examples;
    const size_t feature_bytes = (size_t)examples * (size_t)features * caviar_type_size(type);
    const size_t label_bytes = (size_t)examples * sizeof(int32_t);
    both->features = malloc(feature_bytes);
    both->labels = dataset->labels ? malloc(label_bytes) : NULL;
    both->part = malloc((size_t)test->examples * sizeof(int32_t));
    if (!both->features || (dataset->labels && !both->labels) || !both->part) {
        return caviar_fail_memory("a dataset with its test part", feature_bytes + 2 * label_bytes);
    }
    if (type == CAVIAR_UINT8) {
        memcpy(both->features, dataset->features, (size_t)(dataset->examples * features));
        memcpy((uint8_t *)both->features + dataset->examples * features, test->features,
               (size_t)(test->examples * features));
    } else {
        float *to = both->features;
        caviar_features_to_float(to, dataset->features, dataset->type, 0, dataset->examples * features);
        caviar_features_to_float(to + dataset->examples * features, test->features, test->type, 0,
                                 test->examples * features);
    }
    for (int64_t i = 0; i < test->examples; i++) both->part[i] = (int32_t)(dataset->examples + i);
    if (!dataset->labels) return CAVIAR_OK;
    memcpy(both->labels, dataset->labels, (size_t)dataset->examples * sizeof(int32_t));
    return translate_labels(both->labels + dataset->examples, dataset, test);
}

caviar_status caviar_dataset_add_test(caviar_dataset *dataset, const caviar_dataset *test) {
    CAVIAR_TRY(check(dataset, test));
    /* A CSV file of whole numbers is stored as bytes, though its other half may need floats. */
    const caviar_type type =
        dataset->type == CAVIAR_UINT8 && test->type == CAVIAR_UINT8 ? CAVIAR_UINT8 : CAVIAR_FLOAT32;
    joined both = { NULL, NULL, NULL };
    const caviar_status status = join(&both, type, dataset, test);
    if (status != CAVIAR_OK) {
        free(both.features);
        free(both.labels);
        free(both.part);
        return status;
    }
    free(dataset->features);
    free(dataset->labels);
    free(dataset->part[CAVIAR_TEST]);
    dataset->type = type;
    dataset->features = both.features;
    dataset->labels = both.labels;
    dataset->part[CAVIAR_TEST] = both.part;
    dataset->part_examples[CAVIAR_TEST] = dataset->given_test = test->examples;
    dataset->examples += test->examples;
    return CAVIAR_OK;
}
