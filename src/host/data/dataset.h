/* What a dataset is made of, for those that train on it. Everything here was validated when it was loaded. */
#ifndef CAVIAR_HOST_DATASET_H
#define CAVIAR_HOST_DATASET_H

#include "columns.h"

#include <caviar/caviar.h>

struct caviar_dataset {
    caviar_type type;
    int64_t examples, feature_count, classes; /* classes is 0 without labels */
    void *features;                           /* [examples, feature_count] of `type`; the table's cells where these are
                                                 features as they stand */
    int32_t *labels;                          /* [examples], the table's; NULL without labels */
    char **class_names;                       /* [classes], the table's; NULL without labels */
    int32_t *part[3];                         /* by caviar_part: the numbers of its examples, ascending */
    int64_t part_examples[3];
    int64_t own;         /* examples 0 .. own - 1 are dealt out by a split; those behind were given as a part */
    int given[3];        /* by caviar_part: whether it was given */
    float *mean, *scale; /* [feature_count]: x is standardised as (x - mean) * scale; scale is 0 for a constant */
    caviar_table table;
    caviar_columns columns; /* learnt on the training part: how the table's columns are features */
    caviar_notes learnt;    /* what there is to say of that; the loader's notes are the table's */
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
 * Takes over what the table holds (freed on failure too) as a dataset whose examples are all in the training part,
 * after checking what is checked of every dataset: 1 to 2^31 - 1 examples and features, features of at most half of the
 * largest float or missing, 2 to CAVIAR_MAX_CLASSES classes (0 without labels), labels in 0 .. classes - 1 that look
 * like classes (labels.h). A failure of a table with a source is CAVIAR_BAD_FILE.
 */
caviar_status caviar_dataset_from_table(caviar_dataset **dataset, caviar_table *table);

/*
 * The same for `features` [examples, feature_count], `labels` and `class_names` (malloc'ed, the names in one block):
 * columns without names. class_names NULL: the classes are named by their numbers. `source` NULL: the data came as an
 * argument.
 */
caviar_status caviar_dataset_adopt(caviar_dataset **dataset, const char *source, void *features, caviar_type type,
                                   int32_t *labels, char **class_names, int64_t examples, int64_t feature_count,
                                   int64_t classes);

/* What is expected of the columns of data that is to go with this dataset. */
const caviar_columns *caviar_dataset_columns(const caviar_dataset *dataset);

/*
 * Learns columns, features, mean and scale anew from the training part, after the table or the parts have changed, and
 * takes the notes of `further` (NULL: none) along. On failure all stay as they were.
 */
caviar_status caviar_dataset_learn(caviar_dataset *dataset, caviar_notes *further);

/*
 * The class of a model, or of another dataset, that each class of the dataset is [dataset->classes], by name: -1 where
 * there is none.
 */
caviar_status caviar_dataset_match_classes(int32_t *class_of, const caviar_dataset *dataset, char *const *class_names,
                                           int64_t classes);

/* Whether a model of these columns and classes can read the dataset's features and labels as they are. */
int caviar_dataset_fits(const caviar_dataset *dataset, const caviar_columns *columns, char *const *class_names,
                        int64_t classes);
/*
 * Makes of a dataset with labels one that it can: features [examples, features] by the model's columns (none: by
 * position), labels by the names of its classes, parts without the examples whose class it does not know. It has no
 * names, means or columns of its own.
 */
caviar_status caviar_dataset_adapt(caviar_dataset **adapted, const caviar_dataset *dataset,
                                   const caviar_columns *columns, int64_t features, char *const *class_names,
                                   int64_t classes);

/*
 * Measures mean and scale [feature_count] over the `count` examples that are listed, in double and in their order:
 *     mean = sum x / count,  variance = sum (x - mean)^2 / count,  scale = 1 / sqrt(variance), 0 for a constant
 * `work` is room for [4, feature_count].
 */
void caviar_dataset_measure(float *mean, float *scale, double *work, const caviar_dataset *dataset,
                            const int32_t *examples, int64_t count);

#endif
