/* What `caviar search` says of its result: tables for people, one document for programs. */
#ifndef CAVIAR_CLI_SEARCH_REPORT_H
#define CAVIAR_CLI_SEARCH_REPORT_H

#include "test_report.h"

#include <caviar/caviar.h>

typedef struct search_report {
    const caviar_search *search;
    const caviar_space *space;
    const caviar_search_options *options;
    json_t *settings;   /* the command's options */
    const char *source; /* of the data */
    const caviar_dataset_info *dataset;
    const caviar_device_info *device;
    const test_report *test; /* of the best trial's model */
    const char *refit;       /* the file of the winner trained once more, which `test` is of; NULL: none */
    int interrupted;
    double seconds;
    int64_t model_steps;
} search_report;

/* Each prints to stdout and returns an exit code. The table has the best `top` trials. */
int search_report_table(const search_report *report, int32_t top);
int search_report_json(const search_report *report);

#endif
