/* A whole training step of a population: inputs - width - width - 10 with batch norm and relu, Adam. */
#include "host/status.h"
#include "row.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECKED_STEPS = 3, EXAMPLES = 60000, HOST_STEPS = 16 };

static caviar_population_options options_of(const bench_case *source) {
    const bench_size *size = &source->size;
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = (int32_t)size->models;
    options.hidden_layers = 2;
    options.hidden_width[0] = options.hidden_width[1] = (int32_t)size->width;
    options.batch_size = (int32_t)size->batch;
    options.engine = (caviar_engine)source->index;
    return options;
}

/* The first losses of the first and the last model against those of plain loops. */
static caviar_status check(bench_row *row, caviar_population *p) {
    const int32_t models = p->shape.options.models, chosen[2] = { 0, models - 1 };
    double want[2][CHECKED_STEPS];
    caviar_metrics *metrics = calloc((size_t)models, sizeof *metrics);
    if (!metrics) return caviar_fail_memory("metrics", (size_t)models * sizeof *metrics);
    caviar_status status = CAVIAR_OK;
    for (int i = 0; i < 2 && !status; i++) status = bench_reference_losses(want[i], p, chosen[i], CHECKED_STEPS);
    for (int s = 0; s < CHECKED_STEPS && !status; s++) {
        status = caviar_population_train(p, 1);
        if (!status) status = caviar_population_training_metrics(metrics, p);
        for (int i = 0; i < 2 && !status; i++)
            bench_expect(&row->check, metrics[chosen[i]].loss, want[i][s], want[i][s]);
    }
    free(metrics);
    return status;
}

/* Floor and launches, from the list of calls that the step is. */
static caviar_status count(bench_row *row, bench_context *context, const caviar_population *p) {
    caviar_call_list *list = malloc(sizeof *list);
    if (!list) return caviar_fail_memory("the calls of a step", sizeof *list);
    caviar_build_training(list, p, p->shape.options.batch_size);
    caviar_status status = CAVIAR_OK;
    row->parts = malloc(list->count * sizeof *row->parts);
    if (!row->parts) {
        status = caviar_fail_memory("the costs of a step", list->count * sizeof *row->parts);
        free(list);
        return status;
    }
    row->part_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        row->parts[i] = bench_cost_of(&list->calls[i]);
        row->cost.bytes += row->parts[i].bytes;
        row->cost.operations += row->parts[i].operations;
    }
    bench_set_floor(row, &context->limits);
    if (context->clock.timer)
        status = bench_gpu_count_launches(&row->launches, context->device, list->calls, list->count);
    free(list);
    return status;
}

/* On a GPU the host only enqueues: how long that takes it a step, while the queue is not full. */
static caviar_status measure_host(bench_row *row, bench_context *context, caviar_population *p) {
    if (!context->clock.timer) return CAVIAR_OK;
    const caviar_device_table *table = context->device->table;
    double least = INFINITY;
    for (int i = 0; i < 5; i++) {
        CAVIAR_TRY(table->wait(context->device));
        const double begin = bench_now();
        CAVIAR_TRY(table->program_run(context->device, p->train_full, HOST_STEPS));
        const double seconds = (bench_now() - begin) / HOST_STEPS;
        if (seconds < least) least = seconds;
    }
    row->host_seconds = least;
    return table->wait(context->device);
}

static caviar_status run(void *state, int64_t times) {
    return caviar_population_train(state, times);
}

static caviar_status time_population(bench_row *row, bench_context *context, caviar_population *p) {
    row->tolerance = 1e-4;
    CAVIAR_TRY(bench_start_models(p));
    CAVIAR_TRY(count(row, context, p));
    CAVIAR_TRY(check(row, p));
    const bench_work work = { run, p, 1 };
    CAVIAR_TRY(bench_time_row(row, context, &work, NULL));
    return measure_host(row, context, p);
}

/* The dataset of the context, made again when this step has another number of inputs. */
static caviar_status prepare_dataset(bench_context *context, int64_t inputs) {
    caviar_dataset_info info = { 0 };
    if (context->dataset) CAVIAR_TRY(caviar_dataset_get_info(&info, context->dataset));
    if (info.features == inputs) return CAVIAR_OK;
    caviar_dataset_destroy(context->dataset);
    context->dataset = NULL;
    return bench_make_dataset(&context->dataset, EXAMPLES, inputs);
}

/*
 * Before there is a population: a step moves at least what the population has on the device, and multiplies its weights
 * with the minibatch three times.
 */
static double least_floor(const bench_context *context, const bench_size *size, uint64_t bytes) {
    const double weights = (double)size->width * (double)(size->inputs + size->width + 12);
    const bench_cost cost = { (double)bytes, 6 * (double)size->models * (double)size->batch * weights };
    return bench_floor(&cost, context->limits.copy, context->limits.fp32);
}

caviar_status bench_run_step(bench_row *row, bench_context *context) {
    const bench_size *size = &row->source->size;
    const caviar_population_options options = options_of(row->source);
    caviar_population *population = NULL;
    CAVIAR_TRY(prepare_dataset(context, size->inputs));
    caviar_status status = caviar_population_estimate(&row->device_bytes, context->device, context->dataset, &options);
    if (status == CAVIAR_INVALID_ARGUMENT && options.engine == CAVIAR_ENGINE_WHOLE_STEP) {
        snprintf(row->message, sizeof row->message, "skipped: %s", caviar_last_error());
        return CAVIAR_OK;
    }
    CAVIAR_TRY(status);
    row->floor = least_floor(context, size, row->device_bytes);
    if (bench_skip(row, context, row->device_bytes, 0)) return CAVIAR_OK;
    status = caviar_population_create(&population, context->device, context->dataset, &options);
    if (!status) status = time_population(row, context, population);
    caviar_population_destroy(population);
    return status;
}
