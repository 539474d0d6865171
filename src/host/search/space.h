/*
 * A search space: what is known of each hyperparameter that it names. A plain value, copied by assignment; the notes
 * stay with the original, so that a copy must be given none.
 */
#ifndef CAVIAR_HOST_SPACE_H
#define CAVIAR_HOST_SPACE_H

#include "host/notes.h"
#include "hyperparameter.h"

typedef struct caviar_space_parameter {
    const caviar_hyperparameter *hyperparameter;
    caviar_distribution distribution;
    double minimum, maximum, quantum; /* of a range; of the Q_ distributions multiples of the quantum */
    double mean, deviation;           /* of the NORMAL distributions, whose minimum and maximum cut the tails off */
    int32_t count;                    /* of CONSTANT (1) and CATEGORICAL (2 or more); 0 of a range */
    double values[CAVIAR_MAX_VALUES]; /* [count] */
    int is_usual;                     /* of the default space: nobody asked for it */
} caviar_space_parameter;

struct caviar_space {
    int32_t size;
    caviar_space_parameter parameters[CAVIAR_HYPERPARAMETER_COUNT]; /* [size], no name twice */
    int32_t has_metric;
    caviar_metric metric;
    caviar_method method;
    caviar_notes notes;
};

/* The parameter of that name; NULL: the space does not have it. */
const caviar_space_parameter *caviar_space_find(const caviar_space *space, const char *name);

/*
 * Puts the parameter where the one of its name stands, or at the end, and drops what it makes meaningless: the rule is
 * at caviar_space_add_range in caviar/caviar.h. On failure the space stays as it was.
 */
caviar_status caviar_space_put(caviar_space *space, const caviar_space_parameter *parameter);

/* The least and the largest value that a parameter can take. */
double caviar_space_least(const caviar_space_parameter *parameter);
double caviar_space_largest(const caviar_space_parameter *parameter);

enum { CAVIAR_DISTRIBUTION_COUNT = CAVIAR_Q_LOG_NORMAL + 1 };

int caviar_distribution_is_quantised(caviar_distribution distribution); /* its values are multiples of a quantum */
int caviar_distribution_is_normal(caviar_distribution distribution);

/* The name of a distribution in files ("log_uniform_values"), and back: CAVIAR_INVALID_ARGUMENT with a remedy. */
const char *caviar_distribution_name(caviar_distribution distribution);
caviar_status caviar_distribution_parse(caviar_distribution *distribution, const char *name);

/* "validation_accuracy", "validation_loss" */
const char *caviar_metric_name(caviar_metric metric);

#endif
