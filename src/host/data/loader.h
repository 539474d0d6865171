/* What the loaders of datasets share. */
#ifndef CAVIAR_HOST_LOADER_H
#define CAVIAR_HOST_LOADER_H

#include "dataset.h"
#include "host/input.h"

/* Class numbers read from a file, and how many classes they make: the largest number + 1. */
typedef struct caviar_labels {
    int32_t *values; /* [examples], malloc'ed; NULL: none */
    int64_t examples, classes;
} caviar_labels;

/* Fails unless there is one label for each example. */
caviar_status caviar_labels_agree(const caviar_labels *labels, const char *labels_path, int64_t examples,
                                  const char *features_path);

/* caviar_dataset_load_csv of what is open already. */
caviar_status caviar_dataset_read_csv(caviar_dataset **dataset, caviar_input *input, const caviar_csv_options *options);

#endif
