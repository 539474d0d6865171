/* The learning curve as text and as JSON. */
#include "train_report.h"

#include "command.h"
#include "data.h"
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

double train_report_rate(const caviar_hyperparameters *hyperparameters, int32_t epoch) {
    const double pi = 3.14159265358979323846, rate = hyperparameters->learning_rate;
    switch (hyperparameters->schedule) {
    case CAVIAR_INVERSE_TIME: return rate / (1.0 + hyperparameters->decay_rate * epoch);
    case CAVIAR_EXPONENTIAL: return rate * pow(hyperparameters->decay_rate, epoch);
    case CAVIAR_COSINE: return rate * (1.0 + cos(pi * fmin(epoch / hyperparameters->schedule_epochs, 1.0))) / 2.0;
    default: return rate;
    }
}

void train_report_begin(const train_report *report) {
    char device[256];
    if (report->json || report->quiet) return;
    device_describe(device, report->device, report->device_settings);
    printf("device: %s\n", device);
    data_print(report->source, report->dataset);
    putchar('\n');
    printf("epoch  training  training  validation  validation   learning\n"
           "           loss  accuracy        loss    accuracy       rate\n");
    fflush(stdout);
}

caviar_status train_report_add(train_report *report, const train_epoch_report *row) {
    if (report->count == report->capacity) {
        const int32_t capacity = report->capacity ? 2 * report->capacity : 16;
        train_epoch_report *epochs = realloc(report->epochs, (size_t)capacity * sizeof *epochs);
        if (!epochs) {
            report->failed = 1;
            return CAVIAR_OUT_OF_MEMORY;
        }
        report->epochs = epochs;
        report->capacity = capacity;
    }
    report->epochs[report->count++] = *row;
    if (report->json || report->quiet) return CAVIAR_OK;
    printf("%5d  %8.4f  %8.4f  ", row->epoch, row->training.loss, row->training.accuracy);
    if (row->validation.examples > 0)
        printf("%10.4f  %10.4f  ", row->validation.loss, row->validation.accuracy);
    else
        printf("%10s  %10s  ", "-", "-");
    printf("%9.3g\n", row->learning_rate);
    fflush(stdout);
    return CAVIAR_OK;
}

static json_t *epochs_json(const train_report *report) {
    json_t *epochs = json_array();
    for (int32_t i = 0; epochs && i < report->count; i++) {
        const train_epoch_report *row = &report->epochs[i];
        json_t *one =
            json_pack("{s:i, s:o, s:o, s:o}", "epoch", row->epoch, "learning_rate", json_of_real(row->learning_rate),
                      "training", json_of_metrics(&row->training), "validation", json_of_metrics(&row->validation));
        if (json_array_append_new(epochs, one) != 0) {
            json_decref(epochs);
            return NULL;
        }
    }
    return epochs;
}

static int end_json(const train_report *report, const test_report *test, int interrupted) {
    json_t *document =
        json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o}", "version", caviar_version(), "device",
                  json_of_device(report->device), "data", json_of_dataset(report->source, report->dataset), "seed",
                  json_of_seed(report->seed), "interrupted", interrupted, "diverged", report->diverged, "model",
                  json_of_text(report->path), "epochs", epochs_json(report), "kept_epoch",
                  report->kept ? json_integer(report->kept) : json_null(), "test", test_report_json(test));
    return json_print(document, stdout) ? EXIT_CODE_OK : command_error(EXIT_CODE_FAILED, "train", "out of memory");
}

int train_report_end(const train_report *report, const test_report *test, int interrupted) {
    if (report->json) return end_json(report, test, interrupted);
    if (!report->quiet && report->kept) printf("\nepoch %d is saved as %s\n", report->kept, report->path);
    if (!report->quiet && !report->kept) printf("\nsaved as %s\n", report->path);
    if (!report->quiet && test->classes) putchar('\n');
    if (!report->quiet && test_report_print(test) != 0)
        return command_error(EXIT_CODE_FAILED, "train", "out of memory");
    test_report_print_accuracy(test);
    return EXIT_CODE_OK;
}

void train_report_free(train_report *report) {
    free(report->epochs);
}
