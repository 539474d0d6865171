/* A space of constants as the configuration of one network. */
#include "host/arithmetic.h"
#include "host/status.h"
#include "trial.h"

caviar_status caviar_space_configure(caviar_hyperparameters *hyperparameters, caviar_population_options *options,
                                     const caviar_space *space, int64_t training_examples, int32_t epochs) {
    CAVIAR_OWN_ARITHMETIC;
    double values[CAVIAR_HYPERPARAMETER_COUNT];
    CAVIAR_REQUIRE(hyperparameters && options && space,
                   "caviar_space_configure: hyperparameters, options and space must not be NULL");
    CAVIAR_REQUIRE(training_examples >= 1, "caviar_space_configure: training_examples must be 1 or more, not %lld",
                   (long long)training_examples);
    CAVIAR_REQUIRE(epochs >= 1, "caviar_space_configure: epochs must be 1 or more, not %d", epochs);
    for (int32_t i = 0; i < space->size; i++) {
        CAVIAR_REQUIRE(space->parameters[i].count == 1,
                       "%s has more than one value, and one network takes one: give it as in %s=VALUE",
                       space->parameters[i].hyperparameter->name, space->parameters[i].hyperparameter->name);
        values[i] = space->parameters[i].values[0];
    }
    const caviar_trial trial = caviar_trial_make(space, values, training_examples, 0, 0, epochs);
    *hyperparameters = trial.hyperparameters;
    options->hidden_layers = trial.hidden_layers;
    for (int32_t i = 0; i < CAVIAR_MAX_HIDDEN_LAYERS; i++) options->hidden_width[i] = trial.hidden_width[i];
    options->batch_norm = trial.batch_norm;
    options->batch_size = trial.batch_size;
    return CAVIAR_OK;
}
