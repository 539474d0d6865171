/* A dataset as a model sees it: its features, its classes, and in its parts only examples whose class it knows. */
#include "dataset.h"

#include "host/status.h"
#include "names.h"

#include <stdlib.h>
#include <string.h>

static int same_classes(const caviar_dataset *dataset, char *const *class_names, int64_t classes) {
    if (dataset->classes != classes) return 0;
    for (int64_t c = 0; c < classes; c++)
        if (strcmp(dataset->class_names[c], class_names[c]) != 0) return 0;
    return 1;
}

caviar_status caviar_dataset_match_classes(int32_t *class_of, const caviar_dataset *dataset, char *const *class_names,
                                           int64_t classes) {
    const size_t bytes = (size_t)dataset->classes * sizeof(int64_t);
    int64_t *match = malloc(bytes);
    if (!match) return caviar_fail_memory("classes", bytes);
    const caviar_status status = caviar_names_match(match, (const char *const *)dataset->class_names, dataset->classes,
                                                    (const char *const *)class_names, classes, CAVIAR_NAMES_CLASSES);
    for (int64_t c = 0; c < dataset->classes && status == CAVIAR_OK; c++) class_of[c] = (int32_t)match[c];
    free(match);
    return status;
}

int caviar_dataset_fits(const caviar_dataset *dataset, const caviar_columns *columns, char *const *class_names,
                        int64_t classes) {
    if (!same_classes(dataset, class_names, classes)) return 0;
    return columns->count ? caviar_columns_are_equal(columns, &dataset->columns)
                          : caviar_columns_say_nothing(&dataset->columns);
}

static caviar_status adapt_features(caviar_dataset *made, const caviar_dataset *dataset,
                                    const caviar_columns *columns) {
    const size_t bytes = (size_t)dataset->examples * (size_t)made->feature_count * sizeof(float);
    made->features = malloc(bytes);
    if (!made->features) return caviar_fail_memory("the features of a model", bytes);
    if (columns->count == 0) return caviar_dataset_read(made->features, NULL, dataset, 0, dataset->examples);
    caviar_match match;
    CAVIAR_TRY(caviar_match_make(&match, columns, &dataset->table, NULL));
    for (int64_t i = 0; i < dataset->examples; i++)
        caviar_match_encode((float *)made->features + i * made->feature_count, &match, i);
    caviar_match_destroy(&match);
    return CAVIAR_OK;
}

/* The model's class of each example, -1 where it has none of that name. */
static caviar_status adapt_labels(caviar_dataset *made, const caviar_dataset *dataset, char *const *class_names) {
    const size_t bytes = (size_t)dataset->examples * sizeof(int32_t);
    int32_t *class_of = malloc((size_t)dataset->classes * sizeof *class_of);
    made->table.labels = made->labels = malloc(bytes);
    caviar_status status = class_of && made->labels ? CAVIAR_OK : caviar_fail_memory("labels", bytes);
    if (status == CAVIAR_OK) status = caviar_dataset_match_classes(class_of, dataset, class_names, made->classes);
    for (int64_t i = 0; i < dataset->examples && status == CAVIAR_OK; i++)
        made->labels[i] = class_of[dataset->labels[i]];
    free(class_of);
    return status;
}

static caviar_status adapt_parts(caviar_dataset *made, const caviar_dataset *dataset) {
    for (int part = 0; part < 3; part++) {
        const size_t bytes = ((size_t)dataset->part_examples[part] + 1) * sizeof(int32_t);
        made->part[part] = malloc(bytes);
        if (!made->part[part]) return caviar_fail_memory("the parts of a dataset", bytes);
        for (int64_t i = 0; i < dataset->part_examples[part]; i++) {
            const int32_t example = dataset->part[part][i];
            if (made->labels[example] >= 0) made->part[part][made->part_examples[part]++] = example;
        }
    }
    /* What is in no part is read by nobody, but its label is looked at when it is uploaded. */
    for (int64_t i = 0; i < made->examples; i++)
        if (made->labels[i] < 0) made->labels[i] = 0;
    return CAVIAR_OK;
}

caviar_status caviar_dataset_adapt(caviar_dataset **adapted, const caviar_dataset *dataset,
                                   const caviar_columns *columns, int64_t features, char *const *class_names,
                                   int64_t classes) {
    CAVIAR_REQUIRE(columns->count || features == dataset->feature_count,
                   "the dataset has %lld features and the model was trained on %lld", (long long)dataset->feature_count,
                   (long long)features);
    caviar_dataset *made = calloc(1, sizeof *made);
    if (!made) return caviar_fail_memory("a dataset", sizeof *made);
    made->type = CAVIAR_FLOAT32;
    made->examples = dataset->examples;
    made->feature_count = features;
    made->classes = classes;
    caviar_status status = adapt_features(made, dataset, columns);
    if (status == CAVIAR_OK) status = adapt_labels(made, dataset, class_names);
    if (status == CAVIAR_OK) status = adapt_parts(made, dataset);
    if (status != CAVIAR_OK) {
        caviar_dataset_destroy(made);
        return status;
    }
    *adapted = made;
    return CAVIAR_OK;
}
