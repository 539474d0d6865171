/* What a dataset is made of, for those that train on it. Everything here was validated when it was loaded. */
#ifndef CAVIAR_HOST_DATASET_H
#define CAVIAR_HOST_DATASET_H

#include <caviar/caviar.h>

struct caviar_dataset {
    caviar_type type;
    int64_t examples, feature_count, classes; /* classes is 0 without labels */
    void *features;                           /* [examples, feature_count] of `type` */
    int32_t *labels;                          /* [examples], or NULL */
    char **class_names;                       /* [classes], or NULL: classes are their numbers */
    int32_t *part[3];                         /* by caviar_part: the numbers of its examples */
    int64_t part_examples[3];
    int64_t given_test;  /* how many examples at the end are a test part that was added */
    float *mean, *scale; /* [feature_count]: x is standardised as (x - mean) * scale; scale is 0 for a constant */
};

/* The size in bytes of one feature. */
static inline size_t caviar_type_size(caviar_type type) {
    return type == CAVIAR_UINT8 ? 1 : 4;
}

/*
 * Takes over `features`, `labels` and `class_names` (malloc'ed; freed on failure too) as a dataset whose examples are
 * all in the training part, measures mean and scale, and checks what is checked of every dataset: at least one
 * example and feature, fewer than 2^31 examples, finite features, labels in 0 .. classes - 1. `source` is what
 * messages call it.
 */
caviar_status caviar_dataset_adopt(caviar_dataset **dataset, const char *source, void *features, caviar_type type,
                                   int32_t *labels, char **class_names, int64_t examples, int64_t feature_count,
                                   int64_t classes);

#endif
