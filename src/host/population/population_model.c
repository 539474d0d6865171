/* Models on their own: out of a population and into one. */
#include "host/arithmetic.h"
#include "host/data/dataset.h"
#include "host/status.h"
#include "model.h"
#include "population.h"

#include <stdlib.h>
#include <string.h>

/* A model's blocks in host memory, and where a tensor of it lies in them. */
typedef struct blocks {
    float *parameters, *state;
} blocks;

typedef struct placed_tensor {
    float *padded; /* in the blocks: rows of `stride` */
    float *dense;  /* in the model: rows of `columns` */
    int64_t rows, columns, stride;
} placed_tensor;

/* The tensors of a layer, at most 6, each in both places; returns how many. */
static int place_layer(placed_tensor *tensors, const caviar_population *p, const blocks *b, const caviar_model *model,
                       int32_t l) {
    const caviar_layer *layer = &p->layer[l];
    float *const weight = b->parameters + layer->weight;
    const int normalised = p->shape.options.batch_norm && l < p->shape.options.hidden_layers;
    const struct {
        caviar_model_tensor_kind kind;
        float *padded;
    } places[] = {
        { CAVIAR_MODEL_WEIGHT, weight },
        { CAVIAR_MODEL_GAMMA, normalised ? b->parameters + layer->gamma : NULL },
        { CAVIAR_MODEL_BETA, normalised ? b->parameters + layer->beta : NULL },
        { CAVIAR_MODEL_RUNNING_MEAN, normalised ? b->state + layer->running_mean : NULL },
        { CAVIAR_MODEL_RUNNING_VARIANCE, normalised ? b->state + layer->running_variance : NULL },
        { CAVIAR_MODEL_BIAS, normalised ? NULL : b->parameters + layer->bias },
    };
    int count = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!places[i].padded) continue;
        placed_tensor *t = &tensors[count++];
        t->padded = places[i].padded;
        t->stride = layer->out;
        t->dense = caviar_model_tensor(model, places[i].kind, l, &t->rows, &t->columns);
    }
    return count;
}

static void copy_layers(const caviar_population *p, const blocks *b, const caviar_model *model, int into_model) {
    for (int32_t l = 0; l < p->layers; l++) {
        placed_tensor tensors[6];
        const int count = place_layer(tensors, p, b, model, l);
        for (int i = 0; i < count; i++) {
            const placed_tensor *t = &tensors[i];
            for (int64_t row = 0; row < t->rows; row++) {
                float *dense = t->dense + row * t->columns, *padded = t->padded + row * t->stride;
                memcpy(into_model ? dense : padded, into_model ? padded : dense, (size_t)t->columns * sizeof(float));
            }
        }
    }
}

static caviar_status allocate_blocks(blocks *b, const caviar_population *p) {
    const size_t count = (size_t)(p->parameter_count + p->state_count);
    b->parameters = calloc(count, sizeof(float));
    if (!b->parameters) return caviar_fail_memory("a model's parameters", count * sizeof(float));
    b->state = b->parameters + p->parameter_count;
    return CAVIAR_OK;
}

static caviar_model_info info_of(const caviar_population *p, int32_t index) {
    const caviar_population_options *o = &p->shape.options;
    const caviar_hyperparameters *h = &p->hyperparameters[index];
    caviar_model_info info = { .features = p->shape.features,
                               .classes = p->shape.classes,
                               .hidden_layers = o->hidden_layers,
                               .batch_norm = o->batch_norm,
                               .activation = h->activation ? h->activation : CAVIAR_RELU };
    for (int32_t l = 0; l < o->hidden_layers; l++)
        info.hidden_width[l] = h->hidden_width[l] ? h->hidden_width[l] : o->hidden_width[l];
    return info;
}

static caviar_status download_model(caviar_population *p, int32_t index, const blocks *b, const caviar_model *model) {
    const size_t features = (size_t)p->shape.features * sizeof(float);
    CAVIAR_TRY(caviar_device_download(p->device, b->parameters, p->parameters + index * p->parameter_count,
                                      (size_t)p->parameter_count * sizeof(float)));
    if (p->state_count > 0)
        CAVIAR_TRY(caviar_device_download(p->device, b->state, p->state + index * p->state_count,
                                          (size_t)p->state_count * sizeof(float)));
    CAVIAR_TRY(caviar_device_download(p->device, caviar_model_tensor(model, CAVIAR_MODEL_MEAN, 0, NULL, NULL), p->mean,
                                      features));
    return caviar_device_download(p->device, caviar_model_tensor(model, CAVIAR_MODEL_SCALE, 0, NULL, NULL), p->scale,
                                  features);
}

/* What says nothing is left out: features that have no names go by position. */
static caviar_status copy_columns(caviar_model *model, const caviar_dataset *dataset) {
    if (!dataset || (caviar_columns_say_nothing(&dataset->columns) && !dataset->columns.label_name)) return CAVIAR_OK;
    return caviar_columns_copy(&model->columns, &dataset->columns);
}

caviar_status caviar_population_read_model(caviar_model **model, caviar_population *p, int32_t index) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_population_read_model";
    CAVIAR_REQUIRE(model, "%s: model is NULL", function);
    CAVIAR_TRY(caviar_check_model_index(function, p, index));
    CAVIAR_REQUIRE(p->hyperparameters[index].struct_size, "%s: model %d was never started", function, index);
    const caviar_model_info info = info_of(p, index);
    caviar_model *read = NULL;
    CAVIAR_TRY(caviar_model_create(&read, &info, (float)p->shape.options.batch_norm_epsilon,
                                   p->shape.dataset ? p->shape.dataset->class_names : NULL));
    blocks b = { NULL, NULL };
    caviar_status status = allocate_blocks(&b, p);
    if (!status) status = copy_columns(read, p->shape.dataset);
    if (!status) status = download_model(p, index, &b, read);
    if (!status) copy_layers(p, &b, read, 1);
    free(b.parameters);
    if (status) {
        caviar_model_destroy(read);
        return status;
    }
    *model = read;
    return CAVIAR_OK;
}

/* The widths must be those of the slot, whose padding and hyperparameters stay. */
static caviar_status check_same_shape(const char *function, const caviar_population *p, int32_t index,
                                      const caviar_model *model) {
    const caviar_model_info slot = info_of(p, index), *info = &model->info;
    int same = slot.features == info->features && slot.classes == info->classes &&
               slot.hidden_layers == info->hidden_layers && slot.activation == info->activation &&
               (slot.batch_norm == info->batch_norm || slot.hidden_layers == 0);
    for (int32_t l = 0; l < slot.hidden_layers && same; l++) same = slot.hidden_width[l] == info->hidden_width[l];
    CAVIAR_REQUIRE(same,
                   "%s: the model's features, classes, hidden widths, batch norm and activation are not those of model "
                   "%d of the population",
                   function, index);
    return CAVIAR_OK;
}

static caviar_status upload_model(caviar_population *p, int32_t index, const caviar_model *model) {
    const size_t parameters = (size_t)p->parameter_count * sizeof(float),
                 state = (size_t)p->state_count * sizeof(float);
    blocks b = { NULL, NULL };
    CAVIAR_TRY(allocate_blocks(&b, p));
    copy_layers(p, &b, model, 0);
    caviar_status status =
        caviar_device_upload(p->device, p->parameters + index * p->parameter_count, b.parameters, parameters);
    if (!status && state) status = caviar_device_upload(p->device, p->state + index * p->state_count, b.state, state);
    free(b.parameters);
    return status;
}

caviar_status caviar_population_write_model(caviar_population *p, int32_t index, const caviar_model *model) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_population_write_model";
    CAVIAR_REQUIRE(model, "%s: model is NULL", function);
    CAVIAR_TRY(caviar_check_model_index(function, p, index));
    CAVIAR_REQUIRE(p->hyperparameters[index].struct_size, "%s: model %d was never started", function, index);
    CAVIAR_TRY(check_same_shape(function, p, index, model));
    const size_t features = (size_t)p->shape.features * sizeof(float);
    const caviar_columns none = { NULL, 0, 0, NULL };
    CAVIAR_REQUIRE(
        caviar_columns_have_same_origins(p->shape.dataset ? &p->shape.dataset->columns : &none, &model->columns) &&
            memcmp(caviar_model_tensor(model, CAVIAR_MODEL_MEAN, 0, NULL, NULL), p->shape.mean, features) == 0 &&
            memcmp(caviar_model_tensor(model, CAVIAR_MODEL_SCALE, 0, NULL, NULL), p->shape.scale, features) == 0,
        "%s: the model standardises its input otherwise than this dataset; split the dataset with the seed and the "
        "fractions that the model was trained with",
        function);
    CAVIAR_TRY(upload_model(p, index, model));
    CAVIAR_TRY(caviar_clear_training(p, index, 1));
    /* Its running averages are whole: the next minibatch must not take their place, as the first of a fresh model does.
     */
    const int64_t step = 0, averaged = INT64_C(1) << 32;
    CAVIAR_TRY(caviar_device_upload(p->device, p->arrays.step + index, &step, sizeof step));
    return caviar_device_upload(p->device, p->arrays.averaged + index, &averaged, sizeof averaged);
}

caviar_status caviar_population_of_model(caviar_population **population, const caviar_model *model,
                                         caviar_device *device, const caviar_dataset *dataset) {
    CAVIAR_OWN_ARITHMETIC;
    caviar_population_shape shape = { .options = CAVIAR_POPULATION_OPTIONS_INIT,
                                      .features = model->info.features,
                                      .classes = model->info.classes,
                                      .mean = caviar_model_tensor(model, CAVIAR_MODEL_MEAN, 0, NULL, NULL),
                                      .scale = caviar_model_tensor(model, CAVIAR_MODEL_SCALE, 0, NULL, NULL),
                                      .dataset = dataset };
    shape.options.hidden_layers = model->info.hidden_layers;
    shape.options.batch_norm = model->info.batch_norm;
    shape.options.batch_norm_epsilon = (double)model->batch_norm_epsilon;
    memcpy(shape.options.hidden_width, model->info.hidden_width, sizeof shape.options.hidden_width);
    caviar_hyperparameters hyperparameters = CAVIAR_HYPERPARAMETERS_INIT;
    hyperparameters.activation = model->info.activation;
    caviar_population *p = NULL;
    CAVIAR_TRY(caviar_population_make(&p, device, &shape));
    caviar_status status = caviar_population_start(p, 0, 1, &hyperparameters);
    if (!status) status = upload_model(p, 0, model);
    if (status) {
        caviar_population_destroy(p);
        return status;
    }
    *population = p;
    return CAVIAR_OK;
}
