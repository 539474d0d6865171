/* `caviar predict`: classes and probabilities of examples by a saved model. */
#include "command.h"
#include "data.h"
#include "devices.h"
#include "folder.h"
#include "predict_labels.h"
#include "predict_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES_AT_ONCE = 8192 };

typedef struct predict_settings {
    data_settings data;
    device_settings device;
    const char *model, *out;
    int part, probabilities, json;
} predict_settings;

typedef struct predict_run {
    caviar_device *device;
    caviar_dataset *dataset;
    caviar_model *model;
    caviar_device_info device_info;
    caviar_dataset_info dataset_info;
    caviar_model_info model_info;
    predict_labels known; /* what the labels of the data say */
    float *probabilities;
    int32_t *labels, *classes;
} predict_run;

static void print_help(const command_option *table, int count) {
    printf("Classifies examples with a saved network. Prints CSV: the example's number from\n"
           "0, its class and that class's probability. When the data has labels, the\n"
           "accuracy goes to stderr.\n"
           "Columns are found by the names that the network was trained with, whatever\n"
           "their order; further ones are left alone, and the label's may be missing.\n"
           "\n"
           "Usage: caviar predict --model FILE --data SOURCE [OPTION]...\n");
    options_print_help(table, count);
    printf("\n"
           "Examples\n"
           "  caviar predict --model caviar-1/best.safetensors --data fashion-mnist \\\n"
           "    --part test > classes.csv\n"
           "  caviar predict --model best.safetensors --data new.csv --probabilities \\\n"
           "    --out classes.csv\n"
           "\n"
           "Exit codes\n"
           "  0    success\n"
           "  1    failure: a file cannot be read or written, a device, memory\n"
           "  2    bad usage, or an input file with wrong content\n");
}

static options_result parse(predict_settings *s, int argc, char **argv) {
    const command_option table[] = {
        OPTIONS_HEADING("Input"),
        OPTIONS_TEXT("model", "FILE", &s->model, "required: a network saved by caviar search or caviar train"),
        DATA_SOURCE_OPTIONS(&s->data, ", or none: there are no labels"),
        OPTIONS_CHOICE("part", "PART", &s->part, "all test",
                       "all examples (default), or those of the test part that the source itself has"),
        OPTIONS_HEADING("Device"),
        DEVICE_OPTIONS(&s->device),
        OPTIONS_HEADING("Output"),
        OPTIONS_FLAG("probabilities", &s->probabilities, "also the probability of every class"),
        OPTIONS_TEXT("out", "FILE", &s->out, "write to FILE rather than to standard output"),
        OPTIONS_FLAG("json", &s->json, "one JSON document instead of CSV"),
    };
    const int count = sizeof table / sizeof table[0];
    const options_result result = options_parse("predict", table, count, argc, argv);
    if (result == OPTIONS_HELP) print_help(table, count);
    return result;
}

static int allocate(predict_run *run) {
    const size_t n = EXAMPLES_AT_ONCE;
    run->probabilities = calloc(n * (size_t)run->model_info.classes, sizeof *run->probabilities);
    run->labels = calloc(n, sizeof *run->labels);
    run->classes = calloc(n, sizeof *run->classes);
    return run->probabilities && run->labels && run->classes;
}

static caviar_status open_all(predict_run *run, const predict_settings *s) {
    caviar_status status = caviar_model_load(&run->model, s->model);
    if (status == CAVIAR_OK) status = caviar_model_get_info(&run->model_info, run->model);
    if (status == CAVIAR_OK) status = data_load(&run->dataset, &s->data, run->model);
    if (status == CAVIAR_OK) data_print_notes("predict", run->dataset);
    if (status == CAVIAR_OK) status = caviar_dataset_get_info(&run->dataset_info, run->dataset);
    if (status == CAVIAR_OK) status = device_open(&run->device, &run->device_info, &s->device);
    return status;
}

static void close_all(predict_run *run) {
    free(run->probabilities);
    free(run->labels);
    free(run->classes);
    predict_labels_free(&run->known);
    caviar_model_destroy(run->model);
    caviar_dataset_destroy(run->dataset);
    caviar_device_close(run->device);
}

/* Predicts examples first .. end - 1 and hands them to the output; counts those that are right. */
static int predict_all(predict_run *run, predict_output *output, int64_t first, int64_t end) {
    const int64_t classes = run->model_info.classes;
    const int has_labels = run->dataset_info.classes > 0;
    for (int64_t begin = first; begin < end; begin += EXAMPLES_AT_ONCE) {
        const int64_t count = end - begin < EXAMPLES_AT_ONCE ? end - begin : EXAMPLES_AT_ONCE;
        caviar_status status = caviar_dataset_read(NULL, has_labels ? run->labels : NULL, run->dataset, begin, count);
        if (status == CAVIAR_OK)
            status = caviar_model_predict_dataset(run->probabilities, run->classes, run->model, run->device,
                                                  run->dataset, begin, count);
        if (status != CAVIAR_OK) return command_fail("predict", status);
        for (int64_t i = 0; i < count; i++) {
            predict_labels_count(&run->known, run->labels[i], run->classes[i]);
            if (predict_output_example(output, begin - first + i, run->classes[i], run->probabilities + i * classes) !=
                0)
                return command_error(EXIT_CODE_FAILED, "predict", "out of memory");
        }
    }
    return EXIT_CODE_OK;
}

static int write_all(predict_run *run, const predict_settings *s, FILE *file, int64_t first, int64_t end) {
    predict_output output;
    if (predict_output_begin(&output, file, run->model, s->json, s->probabilities) != 0)
        return command_error(EXIT_CODE_FAILED, "predict", "out of memory");
    const int code = predict_all(run, &output, first, end);
    const int ended = predict_output_end(&output, code == EXIT_CODE_OK, s->model, s->data.source, &run->known);
    if (code != EXIT_CODE_OK) return code;
    return ended == 0 ? EXIT_CODE_OK : command_error(EXIT_CODE_FAILED, "predict", "out of memory");
}

/* Before anything is read: what is written must not take the place of what is read. */
static int check_out(const predict_settings *s) {
    if (s->out && (folder_same_file(s->out, s->model) || folder_same_file(s->out, s->data.source)))
        return command_error(EXIT_CODE_USAGE, "predict", "--out %s is the %s: name another file", s->out,
                             folder_same_file(s->out, s->model) ? "model" : "data");
    if (s->out && folder_check_file(s->out, 0) != 0)
        return command_error(EXIT_CODE_FAILED, "predict", "cannot write %s: %s", s->out, strerror(errno));
    return EXIT_CODE_OK;
}

/* Whole or not at all: in memory first, then as the library writes its own files. */
static int write_file(predict_run *run, const predict_settings *s, int64_t first, int64_t end) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) return command_error(EXIT_CODE_FAILED, "predict", "out of memory");
    int code = write_all(run, s, file, first, end);
    const int bad = ferror(file), failed = fclose(file) != 0;
    if (code == EXIT_CODE_OK && (bad || failed)) code = command_error(EXIT_CODE_FAILED, "predict", "out of memory");
    if (code == EXIT_CODE_OK) {
        const caviar_status status = caviar_write_file(s->out, text, size);
        if (status != CAVIAR_OK) code = command_fail("predict", status);
    }
    free(text);
    return code;
}

static int predict(predict_run *run, const predict_settings *s) {
    caviar_status status = open_all(run, s);
    if (status != CAVIAR_OK) return command_fail("predict", status);
    const int64_t test = run->dataset_info.part_examples[CAVIAR_TEST], end = run->dataset_info.examples;
    if (s->part == 1 && test == 0)
        return command_error(EXIT_CODE_USAGE, "predict", "%s has no test part of its own: leave --part out",
                             s->data.source);
    if (!allocate(run)) return command_error(EXIT_CODE_FAILED, "predict", "out of memory");
    status = predict_labels_begin(&run->known, run->model, run->dataset);
    if (status != CAVIAR_OK) return command_fail("predict", status);

    const int64_t first = s->part == 1 ? end - test : 0; /* a given test part lies at the end */
    const int code = s->out ? write_file(run, s, first, end) : write_all(run, s, stdout, first, end);
    /* Only when the output is where it belongs. That standard output would not take it is told by main. */
    if (code != EXIT_CODE_OK || fflush(stdout) != 0 || ferror(stdout)) return code;
    predict_labels_print(&run->known);
    return code;
}

static int check_and_predict(predict_settings *settings) {
    predict_run run = { 0 };
    if (!settings->model) return command_error(EXIT_CODE_USAGE, "predict", "--model is missing: which network?");
    if (!settings->data.source)
        return command_error(EXIT_CODE_USAGE, "predict", "--data is missing: what to classify?");
    if (!data_can_be_read(&settings->data, settings->model, "predict")) return EXIT_CODE_USAGE;
    const int checked = check_out(settings);
    if (checked != EXIT_CODE_OK) return checked;
    const int code = predict(&run, settings);
    close_all(&run);
    return code;
}

int command_predict(int argc, char **argv) {
    predict_settings settings = { .data = DATA_SETTINGS_INIT, .device = DEVICE_SETTINGS_INIT };
    const options_result parsed = parse(&settings, argc, argv);
    const int code = parsed == OPTIONS_GO_ON ? check_and_predict(&settings) : command_end_of_options(parsed);
    data_settings_free(&settings.data);
    return code;
}
