/* A search space: what is known of each hyperparameter that it names. A plain value, copied by assignment. */
#ifndef CAVIAR_HOST_SPACE_H
#define CAVIAR_HOST_SPACE_H

#include "hyperparameter.h"

typedef struct caviar_space_parameter {
    const caviar_hyperparameter *hyperparameter;
    caviar_distribution distribution;
    double minimum, maximum, quantum; /* of a range; of the Q_ distributions multiples of the quantum */
    int32_t count;                    /* of CONSTANT (1) and CATEGORICAL (2 or more); 0 of a range */
    double values[CAVIAR_MAX_VALUES]; /* [count] */
} caviar_space_parameter;

struct caviar_space {
    int32_t size;
    caviar_space_parameter parameters[CAVIAR_HYPERPARAMETER_COUNT]; /* [size], no name twice */
    int32_t has_metric;
    caviar_metric metric;
};

/* The parameter of that name; NULL: the space does not have it. */
const caviar_space_parameter *caviar_space_find(const caviar_space *space, const char *name);

/* The name of a distribution in files ("log_uniform_values"), and back: CAVIAR_INVALID_ARGUMENT with a remedy. */
const char *caviar_distribution_name(caviar_distribution distribution);
caviar_status caviar_distribution_parse(caviar_distribution *distribution, const char *name);

/* "validation_accuracy", "validation_loss" */
const char *caviar_metric_name(caviar_metric metric);

#endif
