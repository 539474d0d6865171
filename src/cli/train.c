/* `caviar train`: one network, with its learning curve. */
#include "command.h"
#include "interrupt.h"
#include "space.h"
#include "test_report.h"
#include "train_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_help(const command_option *table, int count) {
    printf("Trains one network and prints its learning curve, epoch by epoch; saves the\n"
           "network of its best epoch and measures that on the test part.\n"
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
           "       is no longer finite (what was best before it is saved)\n"
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
        OPTIONS_CHOICE("keep", "EPOCH", &s->keep, "best last",
                       "which epoch's network is saved: the best on the validation part (default), or the last"),
        OPTIONS_HEADING("Device"),
        DEVICE_OPTIONS(&s->device),
        OPTIONS_HEADING("Output"),
        OPTIONS_TEXT("out", "FILE", &s->out,
                     "where the network is saved (default: the first of model-1.safetensors, model-2.safetensors, "
                     "... that does not exist)"),
        OPTIONS_FLAG("overwrite", &s->overwrite, "--out may name a file that exists, which is replaced"),
        OPTIONS_FLAG("json", &s->json, "print one JSON document instead of the curve"),
        OPTIONS_FLAG("quiet", &s->quiet, "print the test accuracy only, and no progress line"),
    };
    const int count = sizeof table / sizeof table[0];
    const options_result result = options_parse("train", table, count, argc, argv);
    if (result == OPTIONS_HELP) print_help(table, count);
    return result;
}

/* The network as it stands where no epoch was measured, or where the last state is what is asked for. */
static caviar_status take_model(train_run *run, const train_settings *s, int interrupted) {
    if (run->model && !(interrupted && s->keep == 1)) return CAVIAR_OK;
    caviar_model_destroy(run->model);
    run->model = NULL;
    run->report.kept = 0;
    return caviar_population_read_model(&run->model, run->population, 0);
}

static void say_what_is_saved(const train_run *run, const train_settings *s) {
    char which[64] = "the network as it stands";
    if (run->report.kept) snprintf(which, sizeof which, "the network of epoch %d", run->report.kept);
    if (run->report.diverged)
        fprintf(
            stderr,
            "caviar train: the loss is not finite after epoch %d: %s is saved, in %s. Try a smaller learning rate.\n",
            run->report.count, which, run->report.path);
    else
        fprintf(stderr, "caviar train: interrupted after %d of %d epochs: %s is saved, in %s\n", run->report.count,
                s->epochs, which, run->report.path);
}

/* A name that was taken and not filled is given back. */
static void remove_empty(const char *path) {
    struct stat about;
    if (stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size == 0) unlink(path);
}

/* The name that was asked for, or the first free one where another run has taken that while this one trained. */
static int take_path(train_run *run, const train_settings *s) {
    run->report.path = s->out ? s->out : run->path;
    if (s->out && (s->overwrite || folder_take_name(s->out) == 0)) return 0;
    if (s->out && errno != EEXIST) return -1;
    if (folder_take_file(run->path) != 0) return -1;
    run->report.path = run->path;
    if (s->out)
        fprintf(stderr, "caviar train: %s was written by another run meanwhile: the network is saved as %s\n", s->out,
                run->path);
    return 0;
}

/* Saves the network, whole or interrupted, and measures it on the test part if it is whole. */
static int finish(train_run *run, const train_settings *s, int interrupted) {
    test_report test = { .classes = 0 };
    caviar_status status = take_model(run, s, interrupted);
    if (status == CAVIAR_OK && take_path(run, s) != 0)
        return command_error(EXIT_CODE_FAILED, "train", "the network cannot be saved: %s", strerror(errno));
    if (status == CAVIAR_OK) {
        status = caviar_model_save(run->model, run->report.path);
        if (status != CAVIAR_OK && !s->overwrite) remove_empty(run->report.path);
    }
    if (status == CAVIAR_OK && !interrupted) status = test_report_measure(&test, run->model, run->device, run->dataset);
    int code = status == CAVIAR_OK ? train_report_end(&run->report, &test, interrupted) : command_fail("train", status);
    test_report_free(&test);
    if (status != CAVIAR_OK) return code;
    if (interrupted || run->report.diverged) say_what_is_saved(run, s);
    if (code != EXIT_CODE_OK) return code;
    return interrupted ? EXIT_CODE_INTERRUPTED : run->report.diverged ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

static int check_room_for(const train_settings *s, uint64_t bytes) {
    if (folder_check_file(s->out ? s->out : "model-1.safetensors", bytes) == 0) return EXIT_CODE_OK;
    return command_error(EXIT_CODE_FAILED, "train", "the network cannot be saved%s%s: %s", s->out ? " as " : "",
                         s->out ? s->out : " here", strerror(errno));
}

/* The size of the network's file, but for some of its header. */
static uint64_t bytes_of(const train_run *run) {
    const caviar_population_options *o = &run->options;
    uint64_t in = (uint64_t)run->dataset_info.features, parameters = 2 * in;
    for (int32_t l = 0; l < o->hidden_layers; l++) {
        const int32_t width =
            run->hyperparameters.hidden_width[l] ? run->hyperparameters.hidden_width[l] : o->hidden_width[l];
        parameters += (in + 4) * (uint64_t)width;
        in = (uint64_t)width;
    }
    return 4 * (parameters + (in + 1) * (uint64_t)run->dataset_info.classes) + 4096;
}

/* A result of days must not go for one that was to have another name, and what is read must not go at all. */
static int check_out(const train_settings *s) {
    struct stat about;
    const char *const read[] = { s->data.source, s->data.test, s->data.validation.source, s->space };
    for (size_t i = 0; s->out && i < sizeof read / sizeof *read; i++)
        if (folder_same_file(s->out, read[i]))
            return command_error(EXIT_CODE_USAGE, "train", "--out %s is a file that is read: name another", s->out);
    if (s->out && !s->overwrite && stat(s->out, &about) == 0 && S_ISREG(about.st_mode))
        return command_error(EXIT_CODE_USAGE, "train", "%s exists: name another file, or say --overwrite", s->out);
    return check_room_for(s, 0);
}

static int train(train_run *run, const train_settings *s) {
    const int checked = check_out(s);
    if (checked != EXIT_CODE_OK) return checked;
    caviar_status status = train_run_open(run, s);
    if (status != CAVIAR_OK) return command_fail("train", status);
    const int room = check_room_for(s, bytes_of(run));
    if (room != EXIT_CODE_OK) return room;
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
    status = train_run_train(run, s);
    progress_clear(&run->line);
    interrupt_release();
    if (run->report.failed) return command_error(EXIT_CODE_FAILED, "train", "out of memory");
    if (status != CAVIAR_OK && status != CAVIAR_INTERRUPTED) return command_fail("train", status);
    if (run->report.diverged && !run->model)
        return command_error(EXIT_CODE_FAILED, "train",
                             "the loss is not finite after epoch %d: nothing was saved. Try a smaller learning rate.",
                             run->report.count);
    return finish(run, s, status == CAVIAR_INTERRUPTED);
}

int command_train(int argc, char **argv) {
    train_settings settings = { .data = DATA_SETTINGS_INIT, .device = DEVICE_SETTINGS_INIT, .epochs = 8 };
    const options_result parsed = parse(&settings, argc, argv);
    int code = command_end_of_options(parsed);
    if (parsed == OPTIONS_GO_ON && !settings.data.source)
        command_error(code, "train", "--data is missing: what shall the network learn?");
    else if (parsed == OPTIONS_GO_ON && data_can_be_read(&settings.data, settings.space, "train")) {
        train_run run = { 0 };
        code = train(&run, &settings);
        train_run_close(&run);
    }
    option_texts_free(&settings.set);
    data_settings_free(&settings.data);
    return code;
}
