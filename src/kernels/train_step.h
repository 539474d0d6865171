/*
 * The whole-step engine: forward, loss, backward and update of every model of a cohort in one launch. A device may have
 * it beside the operations of caviar/ops.h, from which the layered engine makes the same step.
 */
#ifndef CAVIAR_KERNELS_TRAIN_STEP_H
#define CAVIAR_KERNELS_TRAIN_STEP_H

#include <caviar/ops.h>

enum { CAVIAR_TRAIN_MOST_LAYERS = CAVIAR_MAX_HIDDEN_LAYERS + 1 }; /* hidden layers and the output layer */

/*
 * A layer; the last one is the output layer, without batch norm or activation. Offsets count floats in a model's block
 * of parameters or of state and are multiples of 4.
 */
typedef struct caviar_train_layer {
    int64_t in, out;                                                 /* padded to multiples of 4 */
    int64_t weight;                                                  /* [in, out] */
    int64_t gamma, beta;                                             /* [out]; without batch norm beta is the bias */
    int64_t running_mean, running_variance, mean, inverse_deviation; /* [out], in the state; batch norm only */
    const int32_t *widths;                                           /* [models]: the true number of outputs */
} caviar_train_layer;

/*
 * What the operations from schedule's end to optimizer_update do, with their formulas: linear, batch norm or bias with
 * activation and dropout, softmax cross-entropy, metrics, and all backward; then the update. Activations and gradients
 * stay on the chip. Models that are not active keep their bits.
 */
typedef struct caviar_train_step_args {
    const float *x;                      /* [batch, layer[0].in]: the minibatch, on 16 bytes */
    const int32_t *labels;               /* [batch] */
    caviar_optimizer_update_args update; /* models, parameters and all else but gradients */
    caviar_tensor state;                 /* of the batch norms, a model */
    caviar_train_layer layer[CAVIAR_TRAIN_MOST_LAYERS];
    int32_t layers;     /* hidden layers and the output layer */
    int32_t batch_norm; /* 0 or 1 */
    int64_t batch, classes;
    const int32_t *activation; /* [models] */
    caviar_dropout dropout;    /* of layer 0; the others' differ in the layer's number only */
    float epsilon;             /* of batch norm */
    const float *momenta;      /* [models], of its running averages: schedule's */
    double *loss_sum;          /* [models] */
    int64_t *correct;          /* [models] */
} caviar_train_step_args;

#endif
