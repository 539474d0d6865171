/* What a population has learnt: metrics over what it trained on and over a part of the data, and predictions. */
#include "host/arithmetic.h"
#include "host/data/dataset.h"
#include "host/status.h"
#include "population.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Downloads sums and divides them by the examples of each model (`examples` [models]). */
static caviar_status read_sums(caviar_metrics *metrics, caviar_population *p, const caviar_sums *sums,
                               const int64_t *examples) {
    const size_t models = (size_t)p->shape.options.models;
    double *loss = malloc(models * sizeof *loss);
    int64_t *correct = malloc(models * sizeof *correct);
    caviar_status status = CAVIAR_OK;
    if (!loss || !correct) status = caviar_fail_memory("metrics", models * (sizeof *loss + sizeof *correct));
    if (!status) status = caviar_device_download(p->device, loss, sums->loss, models * sizeof *loss);
    if (!status) status = caviar_device_download(p->device, correct, sums->correct, models * sizeof *correct);
    for (size_t k = 0; k < models && !status; k++) {
        const double count = (double)examples[k];
        metrics[k].examples = examples[k];
        metrics[k].loss = examples[k] ? loss[k] / count : (double)NAN;
        /* What a network that has diverged gets right is chance. */
        metrics[k].accuracy = isfinite(metrics[k].loss) ? (double)correct[k] / count : (double)NAN;
    }
    free(loss);
    free(correct);
    return status;
}

static caviar_status clear_sums(caviar_population *p, const caviar_sums *sums) {
    const size_t models = (size_t)p->shape.options.models;
    CAVIAR_TRY(p->device->table->clear(p->device, sums->loss, models * sizeof *sums->loss));
    return p->device->table->clear(p->device, sums->correct, models * sizeof *sums->correct);
}

caviar_status caviar_population_training_metrics(caviar_metrics *metrics, caviar_population *p) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(metrics && p, "caviar_population_training_metrics: %s is NULL", metrics ? "population" : "metrics");
    CAVIAR_REQUIRE(p->shape.trains, "caviar_population_training_metrics: this population was made for inference only");
    CAVIAR_TRY(read_sums(metrics, p, &p->train_sums, p->seen));
    CAVIAR_TRY(clear_sums(p, &p->train_sums));
    memset(p->seen, 0, (size_t)p->shape.options.models * sizeof *p->seen);
    return CAVIAR_OK;
}

caviar_status caviar_population_evaluate(caviar_metrics *metrics, caviar_population *p, caviar_part part) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_population_evaluate";
    CAVIAR_REQUIRE(metrics && p, "%s: %s is NULL", function, metrics ? "population" : "metrics");
    CAVIAR_REQUIRE(part >= CAVIAR_TRAIN && part <= CAVIAR_TEST, "%s: part is %d, not a caviar_part", function,
                   (int)part);
    const caviar_dataset *dataset = p->shape.dataset;
    CAVIAR_REQUIRE(dataset && dataset->classes, "%s: the dataset has no labels", function);
    const int64_t examples = dataset->part_examples[part], start = 0;
    CAVIAR_REQUIRE(examples > 0, "%s: the dataset's %s part is empty; see caviar_dataset_split", function,
                   part == CAVIAR_TRAIN ? "training" : (part == CAVIAR_TEST ? "test" : "validation"));
    CAVIAR_TRY(caviar_device_upload(p->device, p->eval_order, dataset->part[part], (size_t)examples * sizeof(int32_t)));
    CAVIAR_TRY(caviar_device_upload(p->device, p->eval_cursor, &start, sizeof start));
    CAVIAR_TRY(clear_sums(p, &p->eval_sums));
    const int64_t full = examples / CAVIAR_EVALUATION_BATCH;
    if (full > 0) CAVIAR_TRY(p->device->table->program_run(p->device, p->eval_full, full));
    if (p->eval_tail[part]) CAVIAR_TRY(p->device->table->program_run(p->device, p->eval_tail[part], 1));
    CAVIAR_TRY(p->device->table->wait(p->device));

    const size_t models = (size_t)p->shape.options.models;
    int64_t *counts = malloc(models * sizeof *counts);
    if (!counts) return caviar_fail_memory("metrics", models * sizeof *counts);
    for (size_t k = 0; k < models; k++) counts[k] = examples;
    const caviar_status status = read_sums(metrics, p, &p->eval_sums, counts);
    free(counts);
    return status;
}

/* Host memory for one minibatch of predictions. */
typedef struct prediction_buffers {
    const caviar_columns *columns; /* whose origins features are moved to; NULL: they are there */
    float *moved;                  /* [CAVIAR_EVALUATION_BATCH, features] */
    caviar_call_list list;
    int64_t batch;        /* that the list was built for */
    float *probabilities; /* [CAVIAR_EVALUATION_BATCH, padded_classes] */
    int32_t classes[CAVIAR_EVALUATION_BATCH];
} prediction_buffers;

static caviar_status run_call(caviar_device *device, const caviar_call *call) {
    switch (call->op) {
#define CAVIAR_RUN_CASE(name)                                                                                          \
    case CAVIAR_OP_##name: return caviar_op_##name(device, &call->args.name, NULL);
        CAVIAR_FOR_EACH_OP(CAVIAR_RUN_CASE)
#undef CAVIAR_RUN_CASE
    default: return caviar_fail(CAVIAR_INVALID_ARGUMENT, "there is no operation %d", (int)call->op);
    }
}

static caviar_status predict_minibatch(caviar_population *p, int32_t model, prediction_buffers *b,
                                       const float *features, int64_t batch) {
    if (b->batch != batch) caviar_build_prediction(&b->list, p, model, batch);
    b->batch = batch;
    if (b->columns) {
        caviar_columns_move(b->moved, features, b->columns, batch, -1);
        features = b->moved;
    }
    CAVIAR_TRY(
        caviar_device_upload(p->device, p->raw, features, (size_t)(batch * p->shape.features) * sizeof *features));
    for (size_t i = 0; i < b->list.count; i++) CAVIAR_TRY(run_call(p->device, &b->list.calls[i]));
    CAVIAR_TRY(p->device->table->wait(p->device));
    CAVIAR_TRY(caviar_device_download(p->device, b->probabilities, p->logits,
                                      (size_t)(batch * p->padded_classes) * sizeof *b->probabilities));
    return caviar_device_download(p->device, b->classes, p->predictions, (size_t)batch * sizeof *b->classes);
}

static caviar_status predict_all(float *probabilities, int32_t *classes, caviar_population *p, int32_t model,
                                 prediction_buffers *b, const float *features, int64_t examples) {
    const int64_t start = 0, class_count = p->shape.classes;
    CAVIAR_TRY(caviar_device_upload(p->device, p->eval_cursor, &start, sizeof start));
    for (int32_t i = 0; i < CAVIAR_EVALUATION_BATCH; i++) b->classes[i] = i;
    CAVIAR_TRY(caviar_device_upload(p->device, p->eval_order, b->classes, sizeof b->classes));
    for (int64_t done = 0; done < examples; done += CAVIAR_EVALUATION_BATCH) {
        const int64_t left = examples - done;
        const int64_t batch = left < CAVIAR_EVALUATION_BATCH ? left : CAVIAR_EVALUATION_BATCH;
        CAVIAR_TRY(predict_minibatch(p, model, b, features + done * p->shape.features, batch));
        if (classes) memcpy(classes + done, b->classes, (size_t)batch * sizeof *classes);
        for (int64_t i = 0; i < batch && probabilities; i++)
            memcpy(probabilities + (done + i) * class_count, b->probabilities + i * p->padded_classes,
                   (size_t)class_count * sizeof *probabilities);
    }
    return CAVIAR_OK;
}

static caviar_status allocate(prediction_buffers *b, const caviar_population *p) {
    const size_t bytes = (size_t)(CAVIAR_EVALUATION_BATCH * p->padded_classes) * sizeof(float),
                 moved = (size_t)(CAVIAR_EVALUATION_BATCH * p->shape.features) * sizeof(float);
    b->probabilities = malloc(bytes);
    if (!b->probabilities) return caviar_fail_memory("predictions", bytes);
    const caviar_columns *columns = p->shape.trains ? &p->shape.dataset->columns : NULL;
    if (!columns || caviar_columns_have_no_origins(columns)) return CAVIAR_OK;
    b->columns = columns;
    b->moved = malloc(moved);
    return b->moved ? CAVIAR_OK : caviar_fail_memory("features", moved);
}

caviar_status caviar_population_predict(float *probabilities, int32_t *classes, caviar_population *p, int32_t model,
                                        const float *features, int64_t examples) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_population_predict";
    CAVIAR_TRY(caviar_check_model_index(function, p, model));
    CAVIAR_REQUIRE(features, "%s: features is NULL", function);
    CAVIAR_REQUIRE(examples >= 1, "%s: examples is %lld, not 1 or more", function, (long long)examples);
    prediction_buffers *b = calloc(1, sizeof *b);
    if (!b) return caviar_fail_memory("predictions", sizeof *b);
    caviar_status status = allocate(b, p);
    if (status == CAVIAR_OK) status = predict_all(probabilities, classes, p, model, b, features, examples);
    free(b->probabilities);
    free(b->moved);
    free(b);
    return status;
}
