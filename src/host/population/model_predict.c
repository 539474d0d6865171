/* What a model on its own says of examples, and how often it is right. */
#include "host/data/dataset.h"
#include "host/status.h"
#include "model.h"
#include "population.h"

#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------------------- predictions
 */

/* Features as a file has them become distances from their columns' origins, which a float holds to the last bit. */
static float *without_origins(const caviar_model *model, const float *features, int64_t examples) {
    const int64_t count = model->info.features;
    float *moved = malloc((size_t)(examples * count) * sizeof *moved);
    if (!moved) return NULL;
    memcpy(moved, features, (size_t)(examples * count) * sizeof *moved);
    for (int64_t c = 0; c < model->columns.count; c++) {
        const caviar_encoding *e = &model->columns.items[c];
        for (int64_t i = 0; e->origin != 0 && i < examples; i++) {
            float *x = moved + i * count + e->first_feature;
            *x = (float)((double)*x - e->origin);
        }
    }
    return moved;
}

static int has_origins(const caviar_model *model) {
    for (int64_t c = 0; c < model->columns.count; c++)
        if (model->columns.items[c].origin != 0) return 1;
    return 0;
}

caviar_status caviar_model_predict_features(float *probabilities, int32_t *classes, const caviar_model *model,
                                            caviar_device *device, const float *features, int64_t examples) {
    caviar_population *p = NULL;
    CAVIAR_TRY(caviar_population_of_model(&p, model, device, NULL));
    const caviar_status status = caviar_population_predict(probabilities, classes, p, 0, features, examples);
    caviar_population_destroy(p);
    return status;
}

caviar_status caviar_model_predict(float *probabilities, int32_t *classes, const caviar_model *model,
                                   caviar_device *device, const float *features, int64_t examples) {
    CAVIAR_REQUIRE(model && device && features, "caviar_model_predict: %s is NULL",
                   !model ? "model" : (!device ? "device" : "features"));
    CAVIAR_REQUIRE(examples >= 1, "caviar_model_predict: examples is %lld, not 1 or more", (long long)examples);
    if (!has_origins(model))
        return caviar_model_predict_features(probabilities, classes, model, device, features, examples);
    float *moved = without_origins(model, features, examples);
    if (!moved) return caviar_fail_memory("features", (size_t)(examples * model->info.features) * sizeof *moved);
    const caviar_status status = caviar_model_predict_features(probabilities, classes, model, device, moved, examples);
    free(moved);
    return status;
}

/* Without columns features go by position, as the file has them. */
static caviar_status read_by_position(float *features, const char *function, const caviar_model *model,
                                      const caviar_dataset *dataset, const int32_t *rows, int64_t first,
                                      int64_t count) {
    const int64_t width = model->info.features;
    CAVIAR_REQUIRE(dataset->feature_count == width,
                   "%s: the dataset has %lld features and the model was trained on %lld", function,
                   (long long)dataset->feature_count, (long long)width);
    if (!rows) return caviar_dataset_read(features, NULL, dataset, first, count);
    for (int64_t i = 0; i < count; i++)
        CAVIAR_TRY(caviar_dataset_read(features + i * width, NULL, dataset, rows[first + i], 1));
    return CAVIAR_OK;
}

caviar_status caviar_model_read_features(float *features, const char *function, const caviar_model *model,
                                         const caviar_dataset *dataset, const int32_t *rows, int64_t first,
                                         int64_t count) {
    if (model->columns.count == 0) return read_by_position(features, function, model, dataset, rows, first, count);
    caviar_match match;
    CAVIAR_TRY(caviar_match_make(&match, function, &model->columns, &dataset->table, NULL));
    for (int64_t i = 0; i < count; i++)
        caviar_match_encode(features + i * model->info.features, &match, rows ? rows[first + i] : first + i);
    caviar_match_destroy(&match);
    return CAVIAR_OK;
}

caviar_status caviar_model_predict_dataset(float *probabilities, int32_t *classes, const caviar_model *model,
                                           caviar_device *device, const caviar_dataset *dataset, int64_t first,
                                           int64_t count) {
    const char *function = "caviar_model_predict_dataset";
    CAVIAR_REQUIRE(model && device && dataset, "%s: %s is NULL", function,
                   !model ? "model" : (!device ? "device" : "dataset"));
    CAVIAR_REQUIRE(first >= 0 && count >= 1 && first <= dataset->examples && count <= dataset->examples - first,
                   "%s: %lld examples from %lld on; the dataset has %lld", function, (long long)count, (long long)first,
                   (long long)dataset->examples);
    const size_t bytes = (size_t)count * (size_t)model->info.features * sizeof(float);
    float *features = malloc(bytes);
    if (!features) return caviar_fail_memory("features", bytes);
    caviar_status status = caviar_model_read_features(features, function, model, dataset, NULL, first, count);
    if (status == CAVIAR_OK)
        status = caviar_model_predict_features(probabilities, classes, model, device, features, count);
    free(features);
    return status;
}

/* -------------------------------------------------------------------------------------------------------- evaluations
 */

static caviar_status evaluate(caviar_metrics *metrics, const caviar_model *model, caviar_device *device,
                              const caviar_dataset *dataset, caviar_part part) {
    caviar_population *p = NULL;
    CAVIAR_TRY(caviar_population_of_model(&p, model, device, dataset));
    const caviar_status status = caviar_population_evaluate(metrics, p, part);
    caviar_population_destroy(p);
    return status;
}

caviar_status caviar_model_evaluate(caviar_metrics *metrics, const caviar_model *model, caviar_device *device,
                                    const caviar_dataset *dataset, caviar_part part) {
    const char *function = "caviar_model_evaluate";
    CAVIAR_REQUIRE(metrics && model && device && dataset, "%s: %s is NULL", function,
                   !metrics ? "metrics" : (!model ? "model" : (!device ? "device" : "dataset")));
    CAVIAR_REQUIRE(dataset->classes > 0, "%s: the dataset has no labels", function);
    CAVIAR_REQUIRE(part >= CAVIAR_TRAIN && part <= CAVIAR_TEST, "%s: part is %d, not a caviar_part", function,
                   (int)part);
    if (caviar_dataset_fits(dataset, &model->columns, model->class_names, model->info.classes))
        return evaluate(metrics, model, device, dataset, part);
    caviar_dataset *adapted = NULL;
    CAVIAR_TRY(caviar_dataset_adapt(&adapted, function, dataset, &model->columns, model->info.features,
                                    model->class_names, model->info.classes));
    caviar_status status = CAVIAR_OK;
    if (adapted->part_examples[part] == 0)
        status =
            caviar_fail(CAVIAR_INVALID_ARGUMENT, "%s: %s", function,
                        dataset->part_examples[part] ? "the model knows none of the labels of that part"
                                                     : "that part of the dataset is empty; see caviar_dataset_split");
    if (status == CAVIAR_OK) status = evaluate(metrics, model, device, adapted, part);
    caviar_dataset_destroy(adapted);
    return status;
}
