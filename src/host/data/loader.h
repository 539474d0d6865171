/* What the loaders of datasets share. */
#ifndef CAVIAR_HOST_LOADER_H
#define CAVIAR_HOST_LOADER_H

#include "dataset.h"
#include "host/input.h"

/* Reads into a table whose source is set: its columns and cells, or its labels, one for each row that is there. */
typedef caviar_status (*caviar_reader)(caviar_table *table, caviar_input *input);

/*
 * Begins a table with what its source is called and, of the options (NULL: none), what is expected and whether unlikely
 * labels are meant.
 */
caviar_status caviar_loader_begin(caviar_table *table, const char *source, const caviar_csv_options *options);
/* Makes a dataset of it, or frees it where reading it has failed. */
caviar_status caviar_loader_finish(caviar_dataset **dataset, caviar_table *table, caviar_status reading);

/*
 * A dataset from two files, each read by its own reader, and decompressed; labels NULL: from the first alone.
 */
caviar_status caviar_load_pair(caviar_dataset **dataset, const char *features, caviar_reader read_features,
                               const char *labels, caviar_reader read_labels, const caviar_csv_options *options);

/* IDX, the format of MNIST: idx.c. */
caviar_status caviar_idx_read_features(caviar_table *table, caviar_input *input);
caviar_status caviar_idx_read_labels(caviar_table *table, caviar_input *input);

/*
 * The arrays of an NPZ file: `keys` names those of features and labels, "X,y", or NULL: those with the usual names are
 * taken, with those of a test or validation part where they are there. npz.c
 */
caviar_status caviar_npz_read(caviar_dataset **dataset, caviar_input *input, const char *keys,
                              const caviar_csv_options *options);

/* caviar_dataset_load_csv of what is open already. */
caviar_status caviar_dataset_read_csv(caviar_dataset **dataset, caviar_input *input, const caviar_csv_options *options);

#endif
