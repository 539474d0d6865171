/* What a dataset is made of, for those that train on it. Everything here was validated when it was loaded. */
#ifndef CAVIAR_HOST_DATASET_H
#define CAVIAR_HOST_DATASET_H

#include <caviar/caviar.h>

struct caviar_dataset {
    caviar_type type;
    int64_t examples, feature_count, classes; /* classes is 0 without labels */
    void *features;                           /* [examples, feature_count] of `type` */
    int32_t *labels;                          /* [examples], or NULL */
    char **class_names;                       /* [classes], one block (names.h); NULL without labels */
    int32_t *part[3];                         /* by caviar_part: the numbers of its examples */
    int64_t part_examples[3];
    int64_t given_test;  /* how many examples at the end are a test part that was added */
    float *mean, *scale; /* [feature_count]: x is standardised as (x - mean) * scale; scale is 0 for a constant */
};

/* The size in bytes of one feature. */
static inline size_t caviar_type_size(caviar_type type) {
    return type == CAVIAR_UINT8 ? 1 : 4;
}

/* Copies features first .. first + count - 1 of a block of `type` as floats. */
void caviar_features_to_float(float *to, const void *from, caviar_type type, int64_t first, int64_t count);

/* Loaded labels may have no more classes than this, which catches a column of numbers that is no label. */
#define CAVIAR_MAX_CLASSES 65536

/*
 * Takes over `features`, `labels` and `class_names` (malloc'ed, the names in one block; freed on failure too) as a
 * dataset whose examples are all in the training part, measures mean and scale, and checks what is checked of every
 * dataset: 1 to 2^31 - 1 examples and features, finite features, 2 to CAVIAR_MAX_CLASSES classes (0 without labels),
 * labels in 0 .. classes - 1. class_names NULL: the classes are named by their numbers. `source` is the file that
 * messages name and makes failures CAVIAR_BAD_FILE; NULL: the data came as an argument.
 */
caviar_status caviar_dataset_adopt(caviar_dataset **dataset, const char *source, void *features, caviar_type type,
                                   int32_t *labels, char **class_names, int64_t examples, int64_t feature_count,
                                   int64_t classes);

/*
 * Measures mean and scale [feature_count] over the `count` examples that are listed, in double and in their order:
 *     mean = sum x / count,  variance = sum (x - mean)^2 / count,  scale = 1 / sqrt(variance), 0 for a constant
 */
caviar_status caviar_dataset_measure(float *mean, float *scale, const caviar_dataset *dataset, const int32_t *examples,
                                     int64_t count);

#endif
