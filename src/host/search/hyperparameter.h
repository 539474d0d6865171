/* The hyperparameters that can be searched: one table for their names, bounds, scales and places in a trial. */
#ifndef CAVIAR_HOST_HYPERPARAMETER_H
#define CAVIAR_HOST_HYPERPARAMETER_H

#include "host/number.h"

#include <caviar/caviar.h>

typedef enum caviar_hyperparameter_type {
    CAVIAR_REAL,  /* a double of caviar_trial */
    CAVIAR_WHOLE, /* an int32_t */
    CAVIAR_CHOICE /* an int32_t or an enumerator, by name */
} caviar_hyperparameter_type;

typedef struct caviar_hyperparameter {
    const char *name;
    caviar_hyperparameter_type type;
    caviar_distribution scale;  /* of a range that names no distribution */
    double low, high;           /* bounds, both allowed; choices are numbered from low to high */
    const char *const *choices; /* of CHOICE */
    size_t offset;              /* of its value in caviar_trial */
    /* Whether it changes anything about a trial, judged by the trial's optimizer, schedule and hidden_layers alone.
       NULL: it always does. The width of a single layer has `layer` instead. */
    int (*matters)(const caviar_trial *trial);
    int32_t layer; /* 1 or more: it is the width of this hidden layer; CAVIAR_EVERY_LAYER; 0: it is no width */
} caviar_hyperparameter;

enum { CAVIAR_EVERY_LAYER = -1 };
enum { CAVIAR_HYPERPARAMETER_COUNT = 16 + CAVIAR_MAX_HIDDEN_LAYERS };

/* In the order in which a trial takes them on: hidden_width stands before the widths of single layers. */
extern const caviar_hyperparameter caviar_hyperparameter_table[CAVIAR_HYPERPARAMETER_COUNT];

/* NULL: there is none of that name. */
const caviar_hyperparameter *caviar_hyperparameter_find(const char *name);

/* As caviar_hyperparameter_find; CAVIAR_INVALID_ARGUMENT with all names and the likely one. */
caviar_status caviar_hyperparameter_require(const caviar_hyperparameter **hyperparameter, const char *name);

/* CAVIAR_INVALID_ARGUMENT unless the hyperparameter may have this value. */
caviar_status caviar_hyperparameter_check(const caviar_hyperparameter *hyperparameter, double value);

/* A value (the number of a choice) from text and to text. Parsing checks it too. */
caviar_status caviar_hyperparameter_parse(double *value, const caviar_hyperparameter *hyperparameter, const char *text);
void caviar_hyperparameter_format(char text[CAVIAR_NUMBER_SIZE], const caviar_hyperparameter *hyperparameter,
                                  double value);

/* Writes a value into a trial. */
void caviar_hyperparameter_set(caviar_trial *trial, const caviar_hyperparameter *hyperparameter, double value);
/* Reads it back; of hidden_width the width of the first layer. */
double caviar_hyperparameter_get(const caviar_trial *trial, const caviar_hyperparameter *hyperparameter);

/* Whether its value changes anything about this trial; hidden_width counts where there are hidden layers. */
int caviar_hyperparameter_matters(const caviar_hyperparameter *hyperparameter, const caviar_trial *trial);

#endif
