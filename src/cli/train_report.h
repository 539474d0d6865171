/* What `caviar train` says: a line an epoch as it goes, or one JSON document at the end. */
#ifndef CAVIAR_CLI_TRAIN_REPORT_H
#define CAVIAR_CLI_TRAIN_REPORT_H

#include "devices.h"
#include "test_report.h"

#include <caviar/caviar.h>

typedef struct train_epoch_report {
    int32_t epoch;        /* from 1 */
    double learning_rate; /* as the epoch began */
    caviar_metrics training, validation;
} train_epoch_report;

typedef struct train_report {
    const char *source, *path;
    const caviar_dataset_info *dataset;
    const caviar_device_info *device;
    const device_settings *device_settings;
    uint64_t seed;
    int json, quiet, diverged, failed; /* failed: memory ran out for it */
    train_epoch_report *epochs;        /* [count] */
    int32_t count, capacity;
    int32_t kept; /* the epoch whose network is saved, from 1; 0: as training left it */
} train_report;

/* The learning rate as epoch `epoch` (from 0) begins: see caviar_schedule. */
double train_report_rate(const caviar_hyperparameters *hyperparameters, int32_t epoch);

void train_report_begin(const train_report *report);
caviar_status train_report_add(train_report *report, const train_epoch_report *row);
/* Returns an exit code. */
int train_report_end(const train_report *report, const test_report *test, int interrupted);
void train_report_free(train_report *report);

#endif
