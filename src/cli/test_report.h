/* What the winner, and only the winner, scores on the test part: for people and as JSON. */
#ifndef CAVIAR_CLI_TEST_REPORT_H
#define CAVIAR_CLI_TEST_REPORT_H

#include <caviar/caviar.h>

#include <jansson.h>

typedef struct test_report {
    const caviar_model *model;
    int64_t classes; /* of the model; 0: nothing was measured */
    caviar_metrics metrics;
    caviar_scores scores;
    int64_t *confusion; /* [classes, classes]: true by predicted */
} test_report;

/* Measures the model on the test part of the dataset; leaves a report of nothing where that part is empty. */
caviar_status test_report_measure(test_report *report, const caviar_model *model, caviar_device *device,
                                  const caviar_dataset *dataset);
void test_report_free(test_report *report);

/* Prints the confusion matrix of up to 16 classes and a line of scores. 0, or -1: memory ran out. */
int test_report_print(const test_report *report);

/* Prints the last line of train and search, "test accuracy 0.8966", where something was measured. */
void test_report_print_accuracy(const test_report *report);

/* An object; null where nothing was measured; NULL: memory ran out. */
json_t *test_report_json(const test_report *report);

#endif
