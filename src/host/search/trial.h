/* Trials: points of a search space as networks that can be trained. */
#ifndef CAVIAR_HOST_TRIAL_H
#define CAVIAR_HOST_TRIAL_H

#include "space.h"

/* A planned trial from its values [space->size]: what the space does not name has its default. */
caviar_trial caviar_trial_make(const caviar_space *space, const double *values, int64_t training_examples,
                               int32_t number, int32_t round, int32_t epochs);

/* The space of constants whose one network this trial is: every hyperparameter that matters to it, widths by layer. */
caviar_status caviar_trial_space(caviar_space **space, const caviar_trial *trial);

/*
 * Whether every point of the space can be trained on so many examples. CAVIAR_INVALID_ARGUMENT names the parameter
 * and what to change.
 */
caviar_status caviar_space_check_trainable(const caviar_space *space, int64_t training_examples);

/* "planned", "complete", "diverged", "interrupted" or "training". */
const char *caviar_trial_state_name(caviar_trial_state state);

#endif
