/* `caviar train`: one network, with its learning curve. */
#include "command.h"
#include "data.h"
#include "devices.h"
#include "folder.h"
#include "interrupt.h"
#include "progress.h"
#include "space.h"
#include "train_report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct train_settings {
    data_settings data;
    device_settings device;
    const char *space, *out;
    option_texts set;
    uint64_t seed;
    int32_t epochs;
    int json, quiet;
} train_settings;

typedef struct train_run {
    caviar_device *device;
    caviar_dataset *dataset;
    caviar_space *space;
    caviar_population *population;
    caviar_model *model;
    caviar_device_info device_info;
    caviar_dataset_info dataset_info;
    caviar_hyperparameters hyperparameters;
    caviar_population_options options;
    char path[FOLDER_SIZE];
    progress line;
    train_report report;
} train_run;

static void print_help(const command_option *table, int count) {
    printf("Trains one network and prints its learning curve, epoch by epoch; saves it and\n"
           "measures it on the test part.\n"
           "\n"
           "Usage: caviar train --data SOURCE [OPTION]...\n");
    options_print_help(table, count);
    space_print_help();
    printf("\n"
           "  What is not set keeps its default: adam, learning rate 0.001, batch norm,\n"
           "  minibatches of 128 (fewer if an epoch would have less than 8 of them), two\n"
           "  hidden layers, 128 and 64 wide.\n"
           "\n"
           "The last line of the output is \"test accuracy\" and the fraction of the test\n"
           "part's examples that are right.\n"
           "\n"
           "Examples\n"
           "  caviar train --data fashion-mnist --epochs 10\n"
           "  caviar train --data iris.csv --label species --epochs 50 --set batch_size=16 \\\n"
           "    --set hidden_width=32 --set schedule=cosine --out iris.safetensors\n"
           "\n"
           "Exit codes\n"
           "  0    success\n"
           "  1    failure: a file cannot be read or written, a device, memory; or the loss\n"
           "       is no longer finite\n"
           "  2    bad usage, or an input file with wrong content\n"
           "  130  interrupted by Ctrl-C (or SIGTERM): the network is saved as it stands\n");
}

static options_result parse(train_settings *s, int argc, char **argv) {
    const command_option table[] = {
        OPTIONS_HEADING("Data"),
        DATA_TRAINING_OPTIONS(&s->data),
        OPTIONS_HEADING("Training"),
        OPTIONS_WHOLE("epochs", &s->epochs, 1, INT32_MAX,
                      "how often the network sees every training example (default 8)"),
        OPTIONS_SEED("seed", &s->seed, "of every random number: same seed, same network (default 0)"),
        OPTIONS_TEXTS("set", "NAME=VALUE", &s->set, "sets one hyperparameter; may be given many times"),
        OPTIONS_TEXT("space", "FILE", &s->space, "hyperparameters as YAML, each with one value"),
        OPTIONS_HEADING("Device"),
        DEVICE_OPTIONS(&s->device),
        OPTIONS_HEADING("Output"),
        OPTIONS_TEXT("out", "FILE", &s->out,
                     "where the network is saved (default: the first of model-1.safetensors, model-2.safetensors, "
                     "... that does not exist)"),
        OPTIONS_FLAG("json", &s->json, "print one JSON document instead of the curve"),
        OPTIONS_FLAG("quiet", &s->quiet, "print the test accuracy only, and no progress line"),
    };
    const int count = sizeof table / sizeof table[0];
    const options_result result = options_parse("train", table, count, argc, argv);
    if (result == OPTIONS_HELP) print_help(table, count);
    return result;
}

static caviar_status open_all(train_run *run, const train_settings *s) {
    run->hyperparameters = (caviar_hyperparameters)CAVIAR_HYPERPARAMETERS_INIT;
    run->options = (caviar_population_options)CAVIAR_POPULATION_OPTIONS_INIT;
    run->options.seed = s->seed;
    caviar_status status = space_build(&run->space, s->space, 0, &s->set);
    if (status == CAVIAR_OK && !s->quiet) space_print_notes("train", run->space);
    if (status == CAVIAR_OK) status = data_load_split(&run->dataset, &s->data, s->seed);
    if (status == CAVIAR_OK) status = caviar_dataset_get_info(&run->dataset_info, run->dataset);
    if (status == CAVIAR_OK)
        status = caviar_space_configure(&run->hyperparameters, &run->options, run->space,
                                        run->dataset_info.part_examples[CAVIAR_TRAIN], s->epochs);
    if (status == CAVIAR_OK) status = device_open(&run->device, &run->device_info, &s->device);
    if (status == CAVIAR_OK)
        status = caviar_population_create(&run->population, run->device, run->dataset, &run->options);
    if (status == CAVIAR_OK) status = caviar_population_start(run->population, 0, 1, &run->hyperparameters);
    return status;
}

static void close_all(train_run *run) {
    caviar_model_destroy(run->model);
    caviar_population_destroy(run->population);
    caviar_space_destroy(run->space);
    caviar_dataset_destroy(run->dataset);
    caviar_device_close(run->device);
    train_report_free(&run->report);
}

/* One epoch, in slices, so that the progress line moves and Ctrl-C is heard. CAVIAR_INTERRUPTED after a Ctrl-C. */
static caviar_status train_epoch(train_run *run, int32_t epoch, int32_t epochs) {
    const int64_t steps = caviar_population_steps_per_epoch(run->population);
    const int64_t slice = steps / 50 + 1;
    for (int64_t done = 0; done < steps; done += slice) {
        if (interrupt_requested()) return CAVIAR_INTERRUPTED;
        if (progress_due(&run->line))
            progress_draw(&run->line, ((double)epoch + (double)done / (double)steps) / epochs, "epoch %d/%d", epoch + 1,
                          epochs);
        const int64_t left = steps - done;
        const caviar_status status = caviar_population_train(run->population, left < slice ? left : slice);
        if (status != CAVIAR_OK) return status;
    }
    return CAVIAR_OK;
}

/* Trains all epochs, each measured and reported; stops early when the loss is not finite. */
static caviar_status train_all(train_run *run, int32_t epochs) {
    for (int32_t epoch = 0; epoch < epochs; epoch++) {
        train_epoch_report row = { .epoch = epoch + 1 };
        row.learning_rate = train_report_rate(&run->hyperparameters, epoch);
        caviar_status status = train_epoch(run, epoch, epochs);
        if (status == CAVIAR_OK) status = caviar_population_training_metrics(&row.training, run->population);
        if (status == CAVIAR_OK)
            status = caviar_population_evaluate(&row.validation, run->population, CAVIAR_VALIDATION);
        progress_clear(&run->line);
        if (status == CAVIAR_OK) status = train_report_add(&run->report, &row);
        if (status != CAVIAR_OK) return status;
        if (!isfinite(row.training.loss) || !isfinite(row.validation.loss)) {
            run->report.diverged = 1;
            return CAVIAR_OK;
        }
    }
    return CAVIAR_OK;
}

/* Saves the network, whole or interrupted, and measures it on the test part if it is whole. */
static int finish(train_run *run, const train_settings *s, int interrupted) {
    caviar_metrics test;
    caviar_status status = caviar_population_read_model(&run->model, run->population, 0);
    if (!s->out) folder_free_file(run->path);
    run->report.path = s->out ? s->out : run->path;
    if (status == CAVIAR_OK) status = caviar_model_save(run->model, run->report.path);
    if (status == CAVIAR_OK && !interrupted)
        status = caviar_model_evaluate(&test, run->model, run->device, run->dataset, CAVIAR_TEST);
    if (status != CAVIAR_OK) return command_fail("train", status);

    const int code = train_report_end(&run->report, interrupted ? NULL : &test);
    if (interrupted)
        fprintf(stderr, "caviar train: interrupted after %d of %d epochs: the network is saved as it stands, in %s\n",
                run->report.count, s->epochs, run->report.path);
    return code == EXIT_CODE_OK && interrupted ? EXIT_CODE_INTERRUPTED : code;
}

static int train(train_run *run, const train_settings *s) {
    if (folder_check_file(s->out ? s->out : "model-1.safetensors") != 0)
        return command_error(EXIT_CODE_FAILED, "train", "the network cannot be saved%s%s: %s", s->out ? " as " : "",
                             s->out ? s->out : " here", strerror(errno));
    caviar_status status = open_all(run, s);
    if (status != CAVIAR_OK) return command_fail("train", status);
    run->report = (train_report){ .source = s->data.source,
                                  .dataset = &run->dataset_info,
                                  .device = &run->device_info,
                                  .device_settings = &s->device,
                                  .seed = s->seed,
                                  .json = s->json,
                                  .quiet = s->quiet };
    train_report_begin(&run->report);
    progress_init(&run->line, s->quiet);
    interrupt_catch();
    status = train_all(run, s->epochs);
    progress_clear(&run->line);
    interrupt_release();
    if (run->report.failed) return command_error(EXIT_CODE_FAILED, "train", "out of memory");
    if (status != CAVIAR_OK && status != CAVIAR_INTERRUPTED) return command_fail("train", status);
    if (run->report.diverged)
        return command_error(EXIT_CODE_FAILED, "train",
                             "the loss is not finite after epoch %d: nothing was saved. Try a smaller learning rate.",
                             run->report.count);
    return finish(run, s, status == CAVIAR_INTERRUPTED);
}

int command_train(int argc, char **argv) {
    train_settings settings = { .data = DATA_SETTINGS_INIT, .device = DEVICE_SETTINGS_INIT, .epochs = 8 };
    settings.set.items = calloc((size_t)argc, sizeof *settings.set.items);
    if (!settings.set.items) return command_error(EXIT_CODE_FAILED, "train", "out of memory");
    const options_result parsed = parse(&settings, argc, argv);
    int code = parsed == OPTIONS_HELP ? EXIT_CODE_OK : EXIT_CODE_USAGE;
    if (parsed == OPTIONS_GO_ON && !settings.data.source)
        command_error(code, "train", "--data is missing: what shall the network learn?");
    else if (parsed == OPTIONS_GO_ON) {
        train_run run = { 0 };
        code = train(&run, &settings);
        close_all(&run);
    }
    free(settings.set.items);
    return code;
}
