/* What a model on its own says of examples, and how often it is right. */
#include "host/arithmetic.h"
#include "host/data/dataset.h"
#include "host/status.h"
#include "model.h"
#include "population.h"

#include <math.h>
#include <stdlib.h>

/* --------------------------------------------------------------------------------------------------------- predictions
 */

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
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(model && device && features, "caviar_model_predict: %s is NULL",
                   !model ? "model" : (!device ? "device" : "features"));
    CAVIAR_REQUIRE(examples >= 1, "caviar_model_predict: examples is %lld, not 1 or more", (long long)examples);
    if (caviar_columns_have_no_origins(&model->columns))
        return caviar_model_predict_features(probabilities, classes, model, device, features, examples);
    const size_t bytes = (size_t)examples * (size_t)model->info.features * sizeof(float);
    float *moved = malloc(bytes);
    if (!moved) return caviar_fail_memory("features", bytes);
    caviar_columns_move(moved, features, &model->columns, examples, -1);
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
    CAVIAR_TRY(caviar_match_make(&match, &model->columns, &dataset->table, NULL));
    for (int64_t i = 0; i < count; i++)
        caviar_match_encode(features + i * model->info.features, &match, rows ? rows[first + i] : first + i);
    caviar_match_destroy(&match);
    return CAVIAR_OK;
}

caviar_status caviar_model_predict_dataset(float *probabilities, int32_t *classes, const caviar_model *model,
                                           caviar_device *device, const caviar_dataset *dataset, int64_t first,
                                           int64_t count) {
    CAVIAR_OWN_ARITHMETIC;
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

caviar_status caviar_model_match_classes(int32_t *class_of, const caviar_model *model, const caviar_dataset *dataset) {
    CAVIAR_REQUIRE(class_of && model && dataset, "caviar_model_match_classes: %s is NULL",
                   !class_of ? "class_of" : (!model ? "model" : "dataset"));
    CAVIAR_REQUIRE(dataset->classes > 0, "caviar_model_match_classes: the dataset has no labels");
    return caviar_dataset_match_classes(class_of, dataset, model->class_names, model->info.classes);
}

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
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_model_evaluate";
    CAVIAR_REQUIRE(metrics && model && device && dataset, "%s: %s is NULL", function,
                   !metrics ? "metrics" : (!model ? "model" : (!device ? "device" : "dataset")));
    CAVIAR_REQUIRE(dataset->classes > 0, "%s: the dataset has no labels", function);
    CAVIAR_REQUIRE(part >= CAVIAR_TRAIN && part <= CAVIAR_TEST, "%s: part is %d, not a caviar_part", function,
                   (int)part);
    CAVIAR_REQUIRE(dataset->part_examples[part] > 0, "%s: that part of the dataset is empty; see caviar_dataset_split",
                   function);
    if (caviar_dataset_fits(dataset, &model->columns, model->class_names, model->info.classes))
        return evaluate(metrics, model, device, dataset, part);
    caviar_dataset *adapted = NULL;
    CAVIAR_TRY(caviar_dataset_adapt(&adapted, dataset, &model->columns, model->info.features, model->class_names,
                                    model->info.classes));
    caviar_status status = CAVIAR_OK;
    if (adapted->part_examples[part] > 0)
        status = evaluate(metrics, model, device, adapted, part);
    else
        *metrics = (caviar_metrics){ (double)NAN, (double)NAN, 0 };
    caviar_dataset_destroy(adapted);
    return status;
}
