/* A trained network in host memory: named tensors in one block. */
#ifndef CAVIAR_HOST_MODEL_H
#define CAVIAR_HOST_MODEL_H

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
    float *values;      /* all tensors, one after another */
    char **class_names; /* [classes], or NULL: classes are their numbers */
};

/* Allocates a model with zeroed tensors. `class_names` [classes] is copied; NULL: none. info->parameters is computed.
 */
caviar_status caviar_model_create(caviar_model **model, const caviar_model_info *info, float batch_norm_epsilon,
                                  char *const *class_names);

/*
 * One tensor of a model: layer 0 .. hidden_layers - 1 are the hidden layers, hidden_layers is the output layer; MEAN
 * and SCALE take layer 0. Writes its shape unless NULL (a vector has rows 1). NULL: the model has no such tensor.
 */
float *caviar_model_tensor(const caviar_model *model, caviar_model_tensor_kind kind, int32_t layer, int64_t *rows,
                           int64_t *columns);

#endif
