/*
 * One population beside other programs: the same data, minibatches, initial weights and learning rates, so that equal
 * losses prove equal work. With --case it leaves what the others need, and does not train:
 *     initial.safetensors   one model at step 0 (all start alike), with the standardisation as input.mean, input.scale
 *     order.npy             int32 [steps, batch]: which examples each minibatch takes
 *     learning_rates.npy    float64 [models]
 *     case.json             sizes, and the optimiser's and batch norm's constants
 * Without, it trains and prints one JSON object.
 */
#include "peer.h"

#include "cli/command.h"
#include "cli/options.h"
#include "host/data/dataset.h"
#include "host/shuffle.h"
#include "kernels/randomness.h"
#include "timing.h"
#include "training.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LAST_STEPS = 100, PROOF_STEPS = 10 };

/* Leaves 53,760 of Fashion-MNIST's 60,000 training images, 420 whole minibatches of 128: every step is of one shape. */
#define VALIDATION_FRACTION 0.104

typedef struct peer {
    int32_t models, width, batch, steps, threads;
    int engine; /* caviar_engine */
    const char *device_name, *data, *folder;
    caviar_device *device;
    caviar_device_info info;
    caviar_dataset *dataset;
    caviar_population *population;
} peer;

static const char *const command = "caviar-bench peer";

static int parse(peer *p, int argc, char **argv) {
    const command_option table[] = {
        OPTIONS_WHOLE("models", &p->models, 1, 1 << 20, "how many (default 64); learning rates 1e-4 to 1e-2"),
        OPTIONS_WHOLE("width", &p->width, 1, CAVIAR_MAX_WIDTH, "of both hidden layers (default 64)"),
        OPTIONS_WHOLE("batch", &p->batch, 2, 65536, "minibatch size (default 128)"),
        OPTIONS_WHOLE("steps", &p->steps, 101, 1 << 30, "optimiser steps (default 420, one epoch)"),
        OPTIONS_TEXT("data", "SOURCE", &p->data, "as of 'caviar search' (default fashion-mnist)"),
        OPTIONS_CHOICE("engine", "ENGINE", &p->engine, "auto layered whole-step",
                       "auto (default), layered or whole-step"),
        OPTIONS_TEXT("device", "NAME", &p->device_name, "cpu, cuda:N or auto (default)"),
        OPTIONS_WHOLE("threads", &p->threads, 0, 4096, "of the CPU; 0: all it may use (default)"),
        OPTIONS_TEXT("case", "FOLDER", &p->folder, "write the case for other programs there and end"),
    };
    const int count = sizeof table / sizeof *table;
    switch (options_parse(command, table, count, argc, argv)) {
    case OPTIONS_GO_ON: return -1;
    case OPTIONS_HELP:
        printf("caviar-bench peer trains one population, the counterpart of bench/peers, and prints\n"
               "one JSON object with its speed and its losses.\n\nUsage: caviar-bench peer [OPTION]...\n\n");
        options_print_help(table, count);
        return EXIT_CODE_OK;
    default: break;
    }
    return EXIT_CODE_USAGE;
}

static caviar_status open_all(peer *p) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = p->models;
    options.hidden_layers = 2;
    options.hidden_width[0] = options.hidden_width[1] = p->width;
    options.batch_size = p->batch;
    options.engine = (caviar_engine)p->engine;
    caviar_status status = caviar_device_open(&p->device, p->device_name, p->threads);
    if (!status) status = caviar_device_get_info(&p->info, p->device);
    if (!status) status = caviar_dataset_load(&p->dataset, p->data, NULL);
    if (!status) status = caviar_dataset_split(p->dataset, VALIDATION_FRACTION, 0, 0);
    if (!status) status = caviar_population_create(&p->population, p->device, p->dataset, &options);
    if (!status) status = bench_start_models(p->population);
    return status;
}

/* ----------------------------------------------------------------------------------------------------------- the case
 */

/* Opens FOLDER/NAME for writing; NULL, with the reason said. */
static FILE *open_file(const peer *p, const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    FILE *file = fopen(path, "wbe");
    if (!file) command_error(EXIT_CODE_FAILED, command, "cannot write %s: %s", path, strerror(errno));
    return file;
}

/* Version 1.0 of the format; the header ends on a multiple of 64 bytes. */
static int write_npy(const peer *p, const char *name, const char *type, const char *shape, const void *data,
                     size_t size, size_t count) {
    FILE *file = open_file(p, name);
    if (!file) return -1;
    char header[118];
    memset(header, ' ', sizeof header);
    const int length =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    header[length] = ' ';
    header[sizeof header - 1] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
    fwrite(header, 1, sizeof header, file);
    const int failed = fwrite(data, size, count, file) != count;
    return fclose(file) || failed ? command_error(-1, command, "cannot write %s/%s", p->folder, name) : 0;
}

/* The orders of as many epochs as the steps take; smaller last minibatches are left out by the population too. */
static int write_order(const peer *p) {
    const int64_t examples = p->dataset->part_examples[CAVIAR_TRAIN], per_epoch = examples / p->batch;
    int32_t *order = malloc((size_t)examples * sizeof *order), *out = malloc((size_t)p->steps * (size_t)p->batch * 4);
    int failed = !order || !out;
    for (int64_t s = 0; s < p->steps && !failed; s++) {
        if (s % per_epoch == 0) {
            memcpy(order, p->dataset->part[CAVIAR_TRAIN], (size_t)examples * sizeof *order);
            caviar_shuffle(order, examples, p->population->shape.options.seed, CAVIAR_PURPOSE_SHUFFLE,
                           (uint32_t)(s / per_epoch));
        }
        memcpy(out + s * p->batch, order + s % per_epoch * p->batch, (size_t)p->batch * sizeof *out);
    }
    char shape[64];
    snprintf(shape, sizeof shape, "%d, %d", p->steps, p->batch);
    if (!failed) failed = write_npy(p, "order.npy", "<i4", shape, out, 4, (size_t)p->steps * (size_t)p->batch);
    free(order);
    free(out);
    return failed;
}

static int write_rates(const peer *p) {
    double *rates = malloc((size_t)p->models * sizeof *rates);
    if (!rates) return -1;
    for (int32_t k = 0; k < p->models; k++) rates[k] = bench_learning_rate(k, p->models);
    char shape[32];
    snprintf(shape, sizeof shape, "%d,", p->models);
    const int failed = write_npy(p, "learning_rates.npy", "<f8", shape, rates, sizeof *rates, (size_t)p->models);
    free(rates);
    return failed;
}

static int write_model(const peer *p) {
    char path[1024];
    caviar_model *model = NULL;
    snprintf(path, sizeof path, "%s/initial.safetensors", p->folder);
    caviar_status status = caviar_population_read_model(&model, p->population, 0);
    if (!status) status = caviar_model_save(model, path);
    caviar_model_destroy(model);
    return status ? command_error(-1, command, "%s", caviar_last_error()) : 0;
}

static int write_description(const peer *p) {
    const caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    const caviar_population_options *o = &p->population->shape.options;
    json_t *j = json_pack("{s:s, s:i, s:I, s:i, s:I, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "data", p->data, "models",
                          p->models, "inputs", (json_int_t)p->dataset->feature_count, "width", p->width, "classes",
                          (json_int_t)p->dataset->classes, "batch", p->batch, "steps", p->steps, "beta1", h.beta1,
                          "beta2", h.beta2, "epsilon", h.epsilon, "batch_norm_epsilon", o->batch_norm_epsilon,
                          "batch_norm_momentum", o->batch_norm_momentum);
    FILE *file = j ? open_file(p, "case.json") : NULL;
    const int failed = !file || json_dumpf(j, file, JSON_INDENT(1)) || fputc('\n', file) == EOF;
    json_decref(j);
    return (file && fclose(file)) || failed ? -1 : 0;
}

static int write_case(const peer *p) {
    const int64_t tail = caviar_training_tail(p->dataset->part_examples[CAVIAR_TRAIN], &p->population->shape.options);
    if (tail && p->steps > p->dataset->part_examples[CAVIAR_TRAIN] / p->batch)
        return command_error(EXIT_CODE_USAGE, command,
                             "an epoch ends in a minibatch of %lld examples; take fewer --steps or another --batch",
                             (long long)tail);
    if (mkdir(p->folder, 0777) && errno != EEXIST)
        return command_error(EXIT_CODE_FAILED, command, "cannot make %s: %s", p->folder, strerror(errno));
    return write_model(p) || write_order(p) || write_rates(p) || write_description(p) ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

/* ------------------------------------------------------------------------------------------------------- the training
 */

static caviar_status mean_loss(double *mean, peer *p, caviar_metrics *metrics) {
    const caviar_status status = caviar_population_training_metrics(metrics, p->population);
    *mean = 0;
    for (int32_t k = 0; k < p->models && !status; k++) *mean += metrics[k].loss / p->models;
    return status;
}

static json_t *losses_of(const caviar_metrics *metrics, int32_t models) {
    json_t *list = json_array();
    for (int32_t k = 0; k < models; k++) json_array_append_new(list, json_real(metrics[k].loss));
    return list;
}

/* The losses of each model in the first steps, [step][model]: not timed, and what was learnt is forgotten again. */
static caviar_status first_losses(json_t *list, peer *p, caviar_metrics *metrics) {
    caviar_status status = CAVIAR_OK;
    for (int s = 0; s < PROOF_STEPS && !status; s++) {
        status = caviar_population_train(p->population, 1);
        if (!status) status = caviar_population_training_metrics(metrics, p->population);
        if (!status) json_array_append_new(list, losses_of(metrics, p->models));
    }
    return status;
}

/* The population made again, so that the timed steps begin with the first minibatch as well. */
static caviar_status begin_again(peer *p) {
    const caviar_population_options options = p->population->shape.options;
    caviar_population_destroy(p->population);
    p->population = NULL;
    caviar_status status = caviar_population_create(&p->population, p->device, p->dataset, &options);
    return status ? status : bench_start_models(p->population);
}

/* caviar_population_train returns after the device has taken the last step, so the clock has all of the work in it. */
static caviar_status train(double *seconds, double *loss, peer *p, caviar_metrics *metrics) {
    const double begin = bench_now();
    caviar_status status = caviar_population_train(p->population, p->steps - LAST_STEPS);
    *seconds = bench_now() - begin;
    if (!status) status = mean_loss(loss, p, metrics);
    const double again = bench_now();
    if (!status) status = caviar_population_train(p->population, LAST_STEPS);
    *seconds += bench_now() - again;
    return status ? status : mean_loss(loss, p, metrics);
}

static int print(const peer *p, double seconds, double loss, json_t *first, const caviar_metrics *metrics) {
    char shape[64];
    snprintf(shape, sizeof shape, "%lld-%d-%d-%lld", (long long)p->dataset->feature_count, p->width, p->width,
             (long long)p->dataset->classes);
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:i, s:i, s:f, s:f, s:f, s:O, s:o}", "name", "caviar", "version",
                  caviar_version(), "device", p->info.name, "description", p->info.description, "threads",
                  p->info.threads, "models", p->models, "shape", shape, "batch", p->batch, "steps", p->steps, "seconds",
                  seconds, "model_steps_per_second", (double)p->models * p->steps / seconds, "mean_loss", loss,
                  "first_losses", first, "last_losses", losses_of(metrics, p->models));
    const int failed = !j || json_dumpf(j, stdout, JSON_REAL_PRECISION(9)) || putchar('\n') == EOF || fflush(stdout);
    json_decref(j);
    return failed ? command_error(EXIT_CODE_FAILED, command, "the result could not be printed") : EXIT_CODE_OK;
}

static int measure(peer *p) {
    double seconds = 0, loss = 0;
    json_t *first = json_array();
    caviar_metrics *metrics = calloc((size_t)p->models, sizeof *metrics);
    caviar_status status = metrics && first ? CAVIAR_OK : CAVIAR_OUT_OF_MEMORY;
    if (!status) status = first_losses(first, p, metrics);
    if (!status) status = begin_again(p);
    if (!status) status = train(&seconds, &loss, p, metrics);
    const int code = status ? command_error(EXIT_CODE_FAILED, command, "%s", caviar_last_error())
                            : print(p, seconds, loss, first, metrics);
    json_decref(first);
    free(metrics);
    return code;
}

int bench_peer(int argc, char **argv) {
    peer p = { .models = 64, .width = 64, .batch = 128, .steps = 420, .device_name = "auto", .data = "fashion-mnist" };
    int code = parse(&p, argc, argv);
    if (code >= 0) return code;
    if (open_all(&p))
        code = command_error(EXIT_CODE_FAILED, command, "%s", caviar_last_error());
    else
        code = p.folder ? write_case(&p) : measure(&p);
    caviar_population_destroy(p.population);
    caviar_dataset_destroy(p.dataset);
    caviar_device_close(p.device);
    return code;
}
