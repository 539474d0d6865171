/*
 * A population in memory: one arena on the device, carved by one function that also measures it, and the programs
 * (training step, evaluation) that were built on it once.
 */
#ifndef CAVIAR_HOST_POPULATION_H
#define CAVIAR_HOST_POPULATION_H

#include "kernels/device.h"

/* Evaluation takes examples by this many, whatever the training batch, so that its sums do not depend on that. */
#define CAVIAR_EVALUATION_BATCH 128

/* Every layer: where its tensors lie in a model's block of parameters, or of state. The last one is the output layer.
 */
typedef struct caviar_layer {
    int64_t in, out;                                                 /* padded to multiples of 4 */
    int64_t weight, gamma, beta, bias;                               /* offsets in the parameter block */
    int64_t running_mean, running_variance, mean, inverse_deviation; /* offsets in the state block, batch norm only */
    int32_t *widths;                                                 /* device, [models]: the true number of outputs */
    float *z, *h;                                                    /* device: before and after the activation */
} caviar_layer;

/* What the network is made for. `dataset` is NULL for a population that only predicts. */
typedef struct caviar_population_shape {
    caviar_population_options options;
    int64_t features, classes;
    const float *mean, *scale; /* host, [features]: the standardisation of the input */
    const caviar_dataset *dataset;
    int trains; /* 0: inference only, without gradients, moments and training buffers */
} caviar_population_shape;

/* Device arrays with one element a model. */
typedef struct caviar_model_arrays {
    int32_t *active, *optimizer, *schedule, *activation;
    uint32_t *stream;
    int64_t *step, *averaged; /* minibatches in the running averages, of which a model that was written has many */
    double *learning_rate, *decay_rate, *duration, *complement1, *complement2;
    float *rate, *correction1, *correction2, *momentum, *complement1_float, *complement2_float, *epsilon, *weight_decay;
    float *dropout, *momenta; /* the latter of the running averages, by schedule */
} caviar_model_arrays;

/* Running sums of metrics, with one element a model; on the device. */
typedef struct caviar_sums {
    double *loss;
    int64_t *correct;
} caviar_sums;

struct caviar_population {
    caviar_population_shape shape;
    caviar_device *device;
    int whole_step; /* trains by the whole-step engine: gradients and activations need no memory */
    void *arena;

    /* layout.c */
    int64_t padded_features, padded_classes, widest; /* hidden layer */
    int32_t layers;                                  /* hidden layers and the output layer */
    caviar_layer layer[CAVIAR_MAX_HIDDEN_LAYERS + 1];
    int64_t parameter_count, decayed_count, state_count;                  /* of one model's block, padded */
    float *parameters, *gradients, *first_moment, *second_moment, *state; /* device, [models, count] */
    caviar_model_arrays arrays;
    void *features;                    /* device: the dataset */
    int32_t *labels;                   /* device */
    float *mean, *scale;               /* device */
    int32_t *train_order, *eval_order; /* device: the examples of this epoch, and of the part that is evaluated */
    int64_t eval_order_count;
    int64_t *train_cursor, *eval_cursor;
    float *gradient_a, *gradient_b; /* device, [models, batch, widest], of layers of any width */
    float *input, *logits, *losses, *raw;
    int32_t *input_labels, *predictions;
    caviar_sums train_sums, eval_sums;

    caviar_program *train_full, *train_tail;
    caviar_program *eval_full, *eval_tail[3]; /* by caviar_part; NULL where nothing is left over */

    /* where training stands */
    int64_t epoch, position; /* minibatches of this epoch that are done; the order of `epoch` is uploaded when 0 */
    caviar_hyperparameters *hyperparameters; /* host, [models] */
    int32_t *active;                         /* host, [models] */
    int64_t *seen;                           /* host, [models]: examples in the training sums */
    int32_t *order;                          /* host, [eval_order_count] */
};

/* Checks the options against the data; `function` is the name in messages. */
caviar_status caviar_shape_check(const char *function, const caviar_population_shape *shape);
/* Sets every size and, from `arena` on, every device pointer; returns the arena's bytes. `arena` NULL only measures. */
uint64_t caviar_population_lay_out(caviar_population *population, char *arena);

/* A list of calls being built. A training step of 8 hidden layers has 43, or 163 in four groups. */
typedef struct caviar_call_list {
    caviar_call calls[192];
    size_t count;
} caviar_call_list;

/* step.c: sets whole_step as the options say, or says why it cannot be. */
caviar_status caviar_choose_engine(caviar_population *population);
/* The calls of one training step; of one minibatch of evaluation; of a prediction by one model. */
void caviar_build_training(caviar_call_list *list, const caviar_population *population, int64_t batch);
void caviar_build_evaluation(caviar_call_list *list, const caviar_population *population, int64_t batch);
void caviar_build_prediction(caviar_call_list *list, const caviar_population *population, int32_t model, int64_t batch);

/* The examples of an epoch that make its smaller last minibatch (0: none does), and how many minibatches that makes. */
int64_t caviar_training_tail(int64_t training_examples, const caviar_population_options *options);
int64_t caviar_steps_per_epoch(int64_t training_examples, const caviar_population_options *options);
/* As caviar_population_create, for any shape. */
caviar_status caviar_population_make(caviar_population **population, caviar_device *device,
                                     const caviar_population_shape *shape);
/* Sets the gradients and moments of `count` models to 0, of those that the population has. */
caviar_status caviar_clear_training(caviar_population *population, int32_t first, int32_t count);
/* CAVIAR_INVALID_ARGUMENT unless `model` is one of the population's. */
caviar_status caviar_check_model_index(const char *function, const caviar_population *population, int32_t model);

/* A population of this one model, for inference, on a dataset that fits it, or on features to come (NULL). */
caviar_status caviar_population_of_model(caviar_population **population, const caviar_model *model,
                                         caviar_device *device, const caviar_dataset *dataset);

#endif
