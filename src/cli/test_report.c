/* The test part, measured once. */
#include "test_report.h"

#include "json.h"
#include "table.h"

#include <stdlib.h>

enum { MOST_CLASSES_SHOWN = 16 };

static caviar_status measure(test_report *report, caviar_device *device, const caviar_dataset *dataset) {
    caviar_model_info info;
    caviar_status status = caviar_model_get_info(&info, report->model);
    if (status != CAVIAR_OK) return status;
    report->confusion = calloc((size_t)info.classes, (size_t)info.classes * sizeof *report->confusion);
    if (!report->confusion) return CAVIAR_OUT_OF_MEMORY;
    report->scores = (caviar_scores)CAVIAR_SCORES_INIT;
    status = caviar_model_evaluate(&report->metrics, report->model, device, dataset, CAVIAR_TEST);
    if (status == CAVIAR_OK)
        status = caviar_model_score(&report->scores, report->confusion, report->model, device, dataset, CAVIAR_TEST);
    if (status == CAVIAR_OK) report->classes = info.classes;
    return status;
}

caviar_status test_report_measure(test_report *report, const caviar_model *model, caviar_device *device,
                                  const caviar_dataset *dataset) {
    caviar_dataset_info info;
    *report = (test_report){ .model = model };
    const caviar_status status = caviar_dataset_get_info(&info, dataset);
    if (status != CAVIAR_OK || info.part_examples[CAVIAR_TEST] == 0) return status;
    return measure(report, device, dataset);
}

void test_report_free(test_report *report) {
    free(report->confusion);
}

static const char *class_name(const test_report *report, int64_t c) {
    const char *name = "";
    return caviar_model_class_name(&name, report->model, c) == CAVIAR_OK ? name : "";
}

static int print_confusion(const test_report *report) {
    text_table table;
    printf("test part: a row for each class, a column for what its examples were taken for\n");
    table_init(&table, (int)report->classes + 1);
    table_cell(&table, " ");
    for (int64_t c = 0; c < report->classes; c++) table_cell(&table, "%s", class_name(report, c));
    for (int64_t row = 0; row < report->classes; row++) {
        table_cell(&table, "%s", class_name(report, row));
        for (int64_t c = 0; c < report->classes; c++)
            table_cell(&table, "%lld", (long long)report->confusion[row * report->classes + c]);
    }
    const int failed = table_print(&table, stdout, table_terminal_width(stdout));
    table_free(&table);
    putchar('\n');
    return failed;
}

int test_report_print(const test_report *report) {
    const caviar_scores *s = &report->scores;
    if (report->classes == 0) return 0;
    if (report->classes <= MOST_CLASSES_SHOWN && print_confusion(report) != 0) return -1;
    printf("balanced accuracy %.4f  macro F1 %.4f  AUC %.4f  log loss %.4f\n", s->balanced_accuracy, s->macro_f1,
           s->auc, report->metrics.loss);
    return 0;
}

void test_report_print_accuracy(const test_report *report) {
    if (report->classes > 0) printf("test accuracy %.4f\n", report->metrics.accuracy);
}

static json_t *confusion_json(const test_report *report) {
    json_t *rows = json_array();
    int failed = !rows;
    for (int64_t row = 0; row < report->classes && !failed; row++) {
        json_t *counts = json_array();
        for (int64_t c = 0; c < report->classes && !failed; c++)
            failed = json_array_append_new(counts, json_integer(report->confusion[row * report->classes + c])) != 0;
        failed = json_array_append_new(rows, counts) != 0 || failed;
    }
    if (!failed) return rows;
    json_decref(rows);
    return NULL;
}

static json_t *classes_json(const test_report *report) {
    json_t *names = json_array();
    for (int64_t c = 0; names && c < report->classes; c++)
        if (json_array_append_new(names, json_of_text(class_name(report, c))) != 0) {
            json_decref(names);
            return NULL;
        }
    return names;
}

json_t *test_report_json(const test_report *report) {
    const caviar_scores *s = &report->scores;
    if (report->classes == 0) return json_null();
    return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "loss", json_of_real(report->metrics.loss),
                     "accuracy", json_of_real(report->metrics.accuracy), "examples",
                     (json_int_t)report->metrics.examples, "balanced_accuracy", json_of_real(s->balanced_accuracy),
                     "macro_f1", json_of_real(s->macro_f1), "auc", json_of_real(s->auc), "log_loss",
                     json_of_real(s->log_loss), "classes", classes_json(report), "confusion", confusion_json(report));
}
