/* Trained networks in host memory. */
#include "model.h"

#include "host/data/dataset.h"
#include "host/data/names.h"
#include "host/status.h"

#include <math.h>
#include <stdlib.h>

/* -------------------------------------------------------------------------------------------------------------- layout
 */

typedef struct carving {
    caviar_model_entry *entries;
    int32_t count;
    int64_t values;
} carving;

static void carve(carving *made, caviar_model_tensor_kind kind, int32_t layer, int64_t rows, int64_t columns) {
    made->entries[made->count++] = (caviar_model_entry){ kind, layer, rows, columns, made->values };
    made->values += rows * columns;
}

void caviar_model_layout(caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS], int32_t *count, int64_t *values,
                         const caviar_model_info *info) {
    carving made = { entries, 0, 0 };
    int64_t in = info->features;
    for (int32_t layer = 0; layer < info->hidden_layers; layer++) {
        const int64_t out = info->hidden_width[layer];
        carve(&made, CAVIAR_MODEL_WEIGHT, layer, in, out);
        if (info->batch_norm) {
            carve(&made, CAVIAR_MODEL_GAMMA, layer, 1, out);
            carve(&made, CAVIAR_MODEL_BETA, layer, 1, out);
            carve(&made, CAVIAR_MODEL_RUNNING_MEAN, layer, 1, out);
            carve(&made, CAVIAR_MODEL_RUNNING_VARIANCE, layer, 1, out);
        } else {
            carve(&made, CAVIAR_MODEL_BIAS, layer, 1, out);
        }
        in = out;
    }
    carve(&made, CAVIAR_MODEL_WEIGHT, info->hidden_layers, in, info->classes);
    carve(&made, CAVIAR_MODEL_BIAS, info->hidden_layers, 1, info->classes);
    carve(&made, CAVIAR_MODEL_MEAN, 0, 1, info->features);
    carve(&made, CAVIAR_MODEL_SCALE, 0, 1, info->features);
    *count = made.count;
    *values = made.values;
}

static int is_learnt(caviar_model_tensor_kind kind) {
    return kind == CAVIAR_MODEL_WEIGHT || kind == CAVIAR_MODEL_BIAS || kind == CAVIAR_MODEL_GAMMA ||
           kind == CAVIAR_MODEL_BETA;
}

float *caviar_model_tensor(const caviar_model *model, caviar_model_tensor_kind kind, int32_t layer, int64_t *rows,
                           int64_t *columns) {
    caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS];
    int32_t count;
    int64_t values;
    caviar_model_layout(entries, &count, &values, &model->info);
    for (int32_t i = 0; i < count; i++) {
        if (entries[i].kind != kind || entries[i].layer != layer) continue;
        if (rows) *rows = entries[i].rows;
        if (columns) *columns = entries[i].columns;
        return model->values + entries[i].offset;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------------- a model
 */

/* With these bounds no product of sizes overflows. */
caviar_status caviar_model_check(const caviar_model_info *info, float batch_norm_epsilon, caviar_status status,
                                 const char *source) {
    if (info->features < 1 || info->features > INT32_MAX) {
        return caviar_fail(status, "%s: %lld features; there must be 1 to %d", source, (long long)info->features,
                           INT32_MAX);
    }
    if (info->classes < 2 || info->classes > CAVIAR_MAX_CLASSES) {
        return caviar_fail(status, "%s: %lld classes; there must be 2 to %d", source, (long long)info->classes,
                           CAVIAR_MAX_CLASSES);
    }
    if (info->hidden_layers < 0 || info->hidden_layers > CAVIAR_MAX_HIDDEN_LAYERS) {
        return caviar_fail(status, "%s: %d hidden layers; there may be 0 to %d", source, (int)info->hidden_layers,
                           CAVIAR_MAX_HIDDEN_LAYERS);
    }
    for (int32_t layer = 0; layer < info->hidden_layers; layer++) {
        const int32_t width = info->hidden_width[layer];
        if (width >= 1 && width <= CAVIAR_MAX_WIDTH) continue;
        return caviar_fail(status, "%s: hidden layer %d is %d wide; it must be 1 to %d", source, (int)layer, (int)width,
                           CAVIAR_MAX_WIDTH);
    }
    if (info->batch_norm != 0 && info->batch_norm != 1) {
        return caviar_fail(status, "%s: batch_norm is %d; it must be 0 or 1", source, (int)info->batch_norm);
    }
    if (info->activation < CAVIAR_IDENTITY || info->activation > CAVIAR_SIGMOID ||
        (info->activation == CAVIAR_IDENTITY && info->hidden_layers > 0)) {
        return caviar_fail(status, "%s: activation %d of hidden layers is neither relu, tanh nor sigmoid", source,
                           (int)info->activation);
    }
    /* Without batch norm it has no effect, but a file cannot hold an infinite one. */
    if (!(batch_norm_epsilon > 0 && isfinite(batch_norm_epsilon))) {
        return caviar_fail(status, "%s: batch_norm_epsilon is %g; it must be above 0 and finite", source,
                           (double)batch_norm_epsilon);
    }
    return CAVIAR_OK;
}

static caviar_status allocate(caviar_model *model, char *const *class_names) {
    caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS];
    int32_t count;
    int64_t values;
    caviar_model_layout(entries, &count, &values, &model->info);
    model->info.parameters = 0;
    for (int32_t i = 0; i < count; i++) {
        if (is_learnt(entries[i].kind)) model->info.parameters += entries[i].rows * entries[i].columns;
    }
    const int64_t classes = model->info.classes;
    model->values = calloc((size_t)values, sizeof(float));
    model->class_names = class_names ? caviar_names_copy(class_names, classes) : caviar_names_decimal(classes);
    if (!model->values || !model->class_names) return caviar_fail_memory("a model", (size_t)values * sizeof(float));
    return CAVIAR_OK;
}

caviar_status caviar_model_create(caviar_model **model, const caviar_model_info *info, float batch_norm_epsilon,
                                  char *const *class_names) {
    CAVIAR_TRY(caviar_model_check(info, batch_norm_epsilon, CAVIAR_INVALID_ARGUMENT, "model"));
    caviar_model *made = calloc(1, sizeof *made);
    if (!made) return caviar_fail_memory("a model", sizeof *made);
    made->info = *info;
    made->batch_norm_epsilon = batch_norm_epsilon;
    for (int32_t i = info->hidden_layers; i < CAVIAR_MAX_HIDDEN_LAYERS; i++) made->info.hidden_width[i] = 0;
    const caviar_status status = allocate(made, class_names);
    if (status != CAVIAR_OK) {
        caviar_model_destroy(made);
        return status;
    }
    *model = made;
    return CAVIAR_OK;
}

void caviar_model_destroy(caviar_model *model) {
    if (!model) return;
    free(model->values);
    free(model->class_names);
    caviar_columns_destroy(&model->columns);
    free(model);
}

caviar_status caviar_model_get_info(caviar_model_info *info, const caviar_model *model) {
    CAVIAR_REQUIRE(info && model, "model_get_info: %s is NULL", info ? "model" : "info");
    *info = model->info;
    return CAVIAR_OK;
}

caviar_status caviar_model_class_name(const char **name, const caviar_model *model, int64_t class_index) {
    CAVIAR_REQUIRE(name && model, "model_class_name: %s is NULL", name ? "model" : "name");
    CAVIAR_REQUIRE(class_index >= 0 && class_index < model->info.classes,
                   "model_class_name: there is no class %lld; the model has %lld classes", (long long)class_index,
                   (long long)model->info.classes);
    *name = model->class_names[class_index];
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- columns
 */

const caviar_columns *caviar_model_columns(const caviar_model *model) {
    return &model->columns;
}

int64_t caviar_model_column_count(const caviar_model *model) {
    return model ? model->columns.count : 0;
}

caviar_status caviar_model_column_name(const char **name, const caviar_model *model, int64_t column) {
    CAVIAR_REQUIRE(name && model, "model_column_name: %s is NULL", name ? "model" : "name");
    CAVIAR_REQUIRE(column >= 0 && column < model->columns.count,
                   "model_column_name: there is no column %lld; the model knows %lld columns", (long long)column,
                   (long long)model->columns.count);
    if (!model->columns.items[column].name)
        return caviar_fail(CAVIAR_NOT_FOUND, "column %lld has no name", (long long)column);
    *name = model->columns.items[column].name;
    return CAVIAR_OK;
}

caviar_status caviar_model_label_name(const char **name, const caviar_model *model) {
    CAVIAR_REQUIRE(name && model, "model_label_name: %s is NULL", name ? "model" : "name");
    if (!model->columns.label_name) return caviar_fail(CAVIAR_NOT_FOUND, "the model's label has no name");
    *name = model->columns.label_name;
    return CAVIAR_OK;
}

caviar_status caviar_model_feature_name(char *name, size_t size, const caviar_model *model, int64_t feature) {
    CAVIAR_REQUIRE(name && size > 0 && model, "model_feature_name: an argument is NULL or size is 0");
    CAVIAR_REQUIRE(feature >= 0 && feature < model->info.features,
                   "model_feature_name: there is no feature %lld; the model has %lld features", (long long)feature,
                   (long long)model->info.features);
    caviar_columns_feature_name(name, size, &model->columns, feature);
    return CAVIAR_OK;
}
