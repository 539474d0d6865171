/* What `caviar train` trains: from settings to the network of its best epoch. */
#ifndef CAVIAR_CLI_TRAIN_RUN_H
#define CAVIAR_CLI_TRAIN_RUN_H

#include "data.h"
#include "devices.h"
#include "folder.h"
#include "progress.h"
#include "train_report.h"

typedef struct train_settings {
    data_settings data;
    device_settings device;
    const char *space, *out;
    option_texts set;
    uint64_t seed;
    int32_t epochs;
    int keep; /* index of "best last" */
    int overwrite, json, quiet;
} train_settings;

typedef struct train_run {
    caviar_device *device;
    caviar_dataset *dataset;
    caviar_space *space;
    caviar_population *population;
    caviar_model *model; /* of the best epoch so far, or of the last */
    caviar_metric metric;
    caviar_device_info device_info;
    caviar_dataset_info dataset_info;
    caviar_hyperparameters hyperparameters;
    caviar_population_options options;
    char path[FOLDER_SIZE];
    progress line;
    train_report report;
} train_run;

/* Opens the data, the device and a population of one; train_run_close gives all of it back, also after a failure. */
caviar_status train_run_open(train_run *run, const train_settings *s);
void train_run_close(train_run *run);

/*
 * Trains all epochs, each measured and reported, and keeps run->model. Stops early when the loss is not finite
 * (report.diverged). CAVIAR_INTERRUPTED after a Ctrl-C.
 */
caviar_status train_run_train(train_run *run, const train_settings *s);

#endif
