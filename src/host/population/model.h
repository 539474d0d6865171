/* A trained network in host memory: named tensors in one block. */
#ifndef CAVIAR_HOST_MODEL_H
#define CAVIAR_HOST_MODEL_H

#include "host/data/columns.h"

#include <caviar/caviar.h>

typedef enum caviar_model_tensor_kind {
    CAVIAR_MODEL_WEIGHT, /* [in, out] */
    CAVIAR_MODEL_GAMMA,  /* [out], hidden layers with batch norm only, and so the next three */
    CAVIAR_MODEL_BETA,
    CAVIAR_MODEL_RUNNING_MEAN,
    CAVIAR_MODEL_RUNNING_VARIANCE,
    CAVIAR_MODEL_BIAS, /* [out], layers without batch norm */
    CAVIAR_MODEL_MEAN, /* [features], of the input */
    CAVIAR_MODEL_SCALE /* [features], of the input */
} caviar_model_tensor_kind;

struct caviar_model {
    caviar_model_info info;
    float batch_norm_epsilon;
    float *values;          /* all tensors, one after another */
    char **class_names;     /* [classes], one block (names.h) */
    caviar_columns columns; /* how columns become features; empty: features go by position */
};

/*
 * Allocates a model with zeroed tensors, after checking `info`, whose `parameters` is computed. `class_names`
 * [classes] is copied; NULL: the classes are named by their numbers.
 */
caviar_status caviar_model_create(caviar_model **model, const caviar_model_info *info, float batch_norm_epsilon,
                                  char *const *class_names);

/*
 * One tensor of a model: layer 0 .. hidden_layers - 1 are the hidden layers, hidden_layers is the output layer; MEAN
 * and SCALE take layer 0. Writes its shape unless NULL (a vector has rows 1). NULL: the model has no such tensor.
 */
float *caviar_model_tensor(const caviar_model *model, caviar_model_tensor_kind kind, int32_t layer, int64_t *rows,
                           int64_t *columns);

/* Where each tensor lies in `values`, in the order of memory. */
typedef struct caviar_model_entry {
    caviar_model_tensor_kind kind;
    int32_t layer;
    int64_t rows, columns;
    int64_t offset; /* of its first value */
} caviar_model_entry;

enum { CAVIAR_MODEL_MAX_TENSORS = 5 * CAVIAR_MAX_HIDDEN_LAYERS + 4 };

/* Checks that `info` describes a model. `source` begins the message of a failure with `status`. */
caviar_status caviar_model_check(const caviar_model_info *info, float batch_norm_epsilon, caviar_status status,
                                 const char *source);

/* Writes the entries of a model that was checked, their count and the number of values. */
void caviar_model_layout(caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS], int32_t *count, int64_t *values,
                         const caviar_model_info *info);

/* What is expected of the columns of data that is to go with this model; it may be empty. */
const caviar_columns *caviar_model_columns(const caviar_model *model);

/*
 * Writes the features [count, features] of examples rows[first] .. rows[first + count - 1] (rows NULL: first .. first +
 * count - 1) as the model wants them, and predicts from such features. model_predict.c.
 */
caviar_status caviar_model_read_features(float *features, const char *function, const caviar_model *model,
                                         const caviar_dataset *dataset, const int32_t *rows, int64_t first,
                                         int64_t count);
caviar_status caviar_model_predict_features(float *probabilities, int32_t *classes, const caviar_model *model,
                                            caviar_device *device, const float *features, int64_t examples);

#endif
