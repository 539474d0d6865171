/* From a point of a search space to a network, and the rules that tie one hyperparameter to another. */
#include "trial.h"

#include "host/status.h"

#include <math.h>
#include <stdio.h>

/* 128, or the largest power of two that gives an epoch 8 minibatches; never below 2, for batch norm. */
static int32_t default_batch_size(int64_t training_examples) {
    int32_t size = 128;
    while (size > 2 && training_examples / size < 8) size /= 2;
    return size;
}

static caviar_trial default_trial(int64_t training_examples, int32_t epochs) {
    caviar_trial trial = { .state = CAVIAR_TRIAL_PLANNED,
                           .training = { NAN, NAN, 0 },
                           .validation = { NAN, NAN, 0 },
                           .hyperparameters = CAVIAR_HYPERPARAMETERS_INIT,
                           .hidden_layers = 2,
                           .hidden_width = { 128, 64, 64, 64, 64, 64, 64, 64 },
                           .batch_norm = 1,
                           .batch_size = default_batch_size(training_examples) };
    trial.hyperparameters.schedule_epochs = epochs;
    return trial;
}

caviar_trial caviar_trial_make(const caviar_space *space, const double *values, int64_t training_examples,
                               int32_t number, int32_t round, int32_t epochs) {
    caviar_trial trial = default_trial(training_examples, epochs);
    trial.number = number;
    trial.round = round;
    for (int h = 0; h < CAVIAR_HYPERPARAMETER_COUNT; ++h)
        for (int32_t i = 0; i < space->size; ++i)
            if (space->parameters[i].hyperparameter == &caviar_hyperparameter_table[h])
                caviar_hyperparameter_set(&trial, &caviar_hyperparameter_table[h], values[i]);
    for (int32_t layer = 0; layer < CAVIAR_MAX_HIDDEN_LAYERS; ++layer) {
        if (layer >= trial.hidden_layers) trial.hidden_width[layer] = 0;
        trial.hyperparameters.hidden_width[layer] = trial.hidden_width[layer];
    }
    return trial;
}

caviar_status caviar_trial_space(caviar_space **space, const caviar_trial *trial) {
    caviar_space *constants = NULL;
    CAVIAR_TRY(caviar_space_create(&constants));
    caviar_status status = CAVIAR_OK;
    for (int h = 0; h < CAVIAR_HYPERPARAMETER_COUNT && status == CAVIAR_OK; ++h) {
        const caviar_hyperparameter *hyperparameter = &caviar_hyperparameter_table[h];
        if (hyperparameter->layer == CAVIAR_EVERY_LAYER || !caviar_hyperparameter_matters(hyperparameter, trial))
            continue;
        const caviar_space_parameter constant = { .hyperparameter = hyperparameter,
                                                  .distribution = CAVIAR_CONSTANT,
                                                  .count = 1,
                                                  .values = { caviar_hyperparameter_get(trial, hyperparameter) } };
        status = caviar_space_put(constants, &constant);
    }
    if (status == CAVIAR_OK)
        *space = constants;
    else
        caviar_space_destroy(constants);
    return status;
}

/* The least and the largest value that a parameter can take in the space; `fixed` if the space does not name it. */
static void find_bounds(double *least, double *largest, const caviar_space *space, const char *name, double fixed) {
    const caviar_space_parameter *parameter = caviar_space_find(space, name);
    *least = *largest = fixed;
    if (parameter == NULL) return;
    *least = caviar_space_least(parameter);
    *largest = caviar_space_largest(parameter);
}

static caviar_status check_batches(const caviar_space *space, int64_t training_examples) {
    const caviar_trial fixed = default_trial(training_examples, 1);
    double least, largest, no_norm, norm, shallowest, deepest;
    find_bounds(&least, &largest, space, "batch_size", fixed.batch_size);
    find_bounds(&no_norm, &norm, space, "batch_norm", fixed.batch_norm);
    find_bounds(&shallowest, &deepest, space, "hidden_layers", fixed.hidden_layers);
    CAVIAR_REQUIRE(largest <= (double)training_examples,
                   "batch_size %s %.0f, and the training part has %lld examples: give the space a smaller batch_size",
                   caviar_space_find(space, "batch_size") ? "can be" : "is by default", largest,
                   (long long)training_examples);
    CAVIAR_REQUIRE(norm == 0 || deepest == 0 || least >= 2,
                   "batch_size can be 1, of which batch norm has no variance: give the space a batch_size of 2 or "
                   "more, or batch_norm=false");
    return CAVIAR_OK;
}

static caviar_status check_schedule(const caviar_space *space) {
    const caviar_space_parameter *schedule = caviar_space_find(space, "schedule");
    const caviar_trial fixed = default_trial(1, 1);
    double least, largest;
    find_bounds(&least, &largest, space, "decay_rate", fixed.hyperparameters.decay_rate);
    for (int32_t i = 0; schedule != NULL && i < schedule->count; ++i)
        CAVIAR_REQUIRE(
            schedule->values[i] != CAVIAR_EXPONENTIAL || (least >= 1e-30 && largest <= 1),
            "the schedule exponential needs a decay_rate above 0 and at most 1, and it is %.9g to %.9g: give "
            "the space one, as in decay_rate=0.5..0.99",
            least, largest);
    return CAVIAR_OK;
}

static caviar_status check_layers(const caviar_space *space) {
    const caviar_trial fixed = default_trial(1, 1);
    double least, largest;
    find_bounds(&least, &largest, space, "hidden_layers", fixed.hidden_layers);
    for (int32_t layer = (int32_t)largest + 1; layer <= CAVIAR_MAX_HIDDEN_LAYERS; ++layer) {
        char name[32];
        snprintf(name, sizeof name, "hidden_width_%d", layer);
        CAVIAR_REQUIRE(caviar_space_find(space, name) == NULL,
                       "%s is in the space, and networks have at most %.0f hidden layers: give it hidden_layers=%d, or "
                       "leave %s out",
                       name, largest, layer, name);
    }
    return CAVIAR_OK;
}

caviar_status caviar_space_check_trainable(const caviar_space *space, int64_t training_examples) {
    CAVIAR_TRY(check_batches(space, training_examples));
    CAVIAR_TRY(check_schedule(space));
    return check_layers(space);
}

const char *caviar_trial_state_name(caviar_trial_state state) {
    static const char *const names[] = { "planned", "complete", "diverged", "interrupted", "training" };
    return names[state];
}
