/*
 * The table of hyperparameters. Bounds are those of caviar_hyperparameters in caviar/caviar.h as 32-bit floats can hold
 * them: what is below 1 must stay so on the device, and what is above 0 too.
 */
#include "hyperparameter.h"

#include "host/nearest.h"
#include "host/status.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(caviar_optimizer) == sizeof(int32_t), "enumerators are written as int32_t");

#define BELOW_ONE 0.9999999
#define ABOVE_ZERO 1e-30
#define LEAST_EPSILON 1e-15 /* what a population takes with any beta2 up to BELOW_ONE */

static const char *const optimizers[] = { "sgd", "momentum", "rmsprop", "adam", "adamw" };
static const char *const schedules[] = { "constant", "inverse_time", "exponential", "cosine" };
static const char *const activations[] = { "relu", "tanh", "sigmoid" };
static const char *const truths[] = { "false", "true" };

/* When a hyperparameter matters. */
static int uses_momentum(const caviar_trial *trial) {
    return trial->hyperparameters.optimizer == CAVIAR_MOMENTUM;
}

static int uses_first_moment(const caviar_trial *trial) {
    return trial->hyperparameters.optimizer == CAVIAR_ADAM || trial->hyperparameters.optimizer == CAVIAR_ADAMW;
}

static int uses_second_moment(const caviar_trial *trial) {
    return uses_first_moment(trial) || trial->hyperparameters.optimizer == CAVIAR_RMSPROP;
}

static int decays(const caviar_trial *trial) {
    return trial->hyperparameters.schedule == CAVIAR_INVERSE_TIME ||
           trial->hyperparameters.schedule == CAVIAR_EXPONENTIAL;
}

static int is_cosine(const caviar_trial *trial) {
    return trial->hyperparameters.schedule == CAVIAR_COSINE;
}

static int is_deep(const caviar_trial *trial) {
    return trial->hidden_layers > 0;
}

#define REAL(name, scale, low, high, matters)                                                                          \
    { #name, CAVIAR_REAL, scale, low, high, NULL, offsetof(caviar_trial, hyperparameters.name), matters, 0 }
#define WHOLE(name, low, high, matters)                                                                                \
    { #name, CAVIAR_WHOLE, CAVIAR_INT_UNIFORM, low, high, NULL, offsetof(caviar_trial, name), matters, 0 }
#define CHOICE(name, low, high, choices, member, matters)                                                              \
    { #name, CAVIAR_CHOICE, CAVIAR_CATEGORICAL, low, high, choices, offsetof(caviar_trial, member), matters, 0 }
#define WIDTH(number)                                                                                                  \
    {                                                                                                                  \
        "hidden_width_" #number, CAVIAR_WHOLE, CAVIAR_INT_UNIFORM, 1, CAVIAR_MAX_WIDTH, NULL,                          \
            offsetof(caviar_trial, hidden_width) + (number - 1) * sizeof(int32_t), NULL, number                        \
    }

const caviar_hyperparameter caviar_hyperparameter_table[CAVIAR_HYPERPARAMETER_COUNT] = {
    CHOICE(optimizer, CAVIAR_SGD, CAVIAR_ADAMW, optimizers, hyperparameters.optimizer, NULL),
    REAL(learning_rate, CAVIAR_LOG_UNIFORM, ABOVE_ZERO, 1e6, NULL),
    REAL(momentum, CAVIAR_ONE_MINUS_LOG_UNIFORM, 0, BELOW_ONE, uses_momentum),
    REAL(beta1, CAVIAR_ONE_MINUS_LOG_UNIFORM, 0, BELOW_ONE, uses_first_moment),
    REAL(beta2, CAVIAR_ONE_MINUS_LOG_UNIFORM, 0, BELOW_ONE, uses_second_moment),
    REAL(epsilon, CAVIAR_LOG_UNIFORM, LEAST_EPSILON, 1, uses_second_moment),
    REAL(weight_decay, CAVIAR_LOG_UNIFORM, 0, 1e6, NULL),
    CHOICE(schedule, CAVIAR_CONSTANT_RATE, CAVIAR_COSINE, schedules, hyperparameters.schedule, NULL),
    REAL(decay_rate, CAVIAR_UNIFORM, 0, 1e6, decays),
    REAL(schedule_epochs, CAVIAR_UNIFORM, 1e-6, 1e9, is_cosine),
    REAL(dropout, CAVIAR_UNIFORM, 0, BELOW_ONE, is_deep),
    CHOICE(activation, CAVIAR_RELU, CAVIAR_SIGMOID, activations, hyperparameters.activation, is_deep),
    CHOICE(batch_norm, 0, 1, truths, batch_norm, is_deep),
    WHOLE(batch_size, 1, 65536, NULL),
    WHOLE(hidden_layers, 0, CAVIAR_MAX_HIDDEN_LAYERS, NULL),
    { "hidden_width", CAVIAR_WHOLE, CAVIAR_INT_UNIFORM, 1, CAVIAR_MAX_WIDTH, NULL, offsetof(caviar_trial, hidden_width),
      is_deep, CAVIAR_EVERY_LAYER },
    WIDTH(1),
    WIDTH(2),
    WIDTH(3),
    WIDTH(4),
    WIDTH(5),
    WIDTH(6),
    WIDTH(7),
    WIDTH(8),
};

const caviar_hyperparameter *caviar_hyperparameter_find(const char *name) {
    for (int i = 0; i < CAVIAR_HYPERPARAMETER_COUNT; ++i)
        if (strcmp(caviar_hyperparameter_table[i].name, name) == 0) return &caviar_hyperparameter_table[i];
    return NULL;
}

/* Appends to a text of at most `size` bytes; what does not fit is cut off. */
static void append(char *text, size_t size, const char *separator, const char *word) {
    const size_t length = strlen(text);
    snprintf(text + length, size - length, "%s%s", length > 0 ? separator : "", word);
}

caviar_status caviar_hyperparameter_require(const caviar_hyperparameter **hyperparameter, const char *name) {
    const caviar_hyperparameter *found = caviar_hyperparameter_find(name);
    if (found == NULL) {
        const char *names[CAVIAR_HYPERPARAMETER_COUNT];
        char list[512] = "";
        for (int i = 0; i < CAVIAR_HYPERPARAMETER_COUNT; ++i) {
            names[i] = caviar_hyperparameter_table[i].name;
            if (i <= CAVIAR_HYPERPARAMETER_COUNT - CAVIAR_MAX_HIDDEN_LAYERS) append(list, sizeof list, ", ", names[i]);
        }
        const char *nearest = caviar_nearest_name(name, names, CAVIAR_HYPERPARAMETER_COUNT);
        return caviar_fail(CAVIAR_INVALID_ARGUMENT,
                           "there is no hyperparameter \"%.64s\"%s%s%s; there are: %s .. hidden_width_%d", name,
                           nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "", list,
                           CAVIAR_MAX_HIDDEN_LAYERS);
    }
    *hyperparameter = found;
    return CAVIAR_OK;
}

caviar_status caviar_hyperparameter_check(const caviar_hyperparameter *hyperparameter, double value) {
    CAVIAR_REQUIRE(value >= hyperparameter->low && value <= hyperparameter->high,
                   "%s cannot be %.9g: it takes values from %.9g to %.9g", hyperparameter->name, value,
                   hyperparameter->low, hyperparameter->high);
    CAVIAR_REQUIRE(hyperparameter->type == CAVIAR_REAL || value == floor(value),
                   "%s cannot be %.9g: it takes whole numbers", hyperparameter->name, value);
    return CAVIAR_OK;
}

/* Whether a word is this choice, whatever the case of its ASCII letters: Adam, True. */
static int is_choice(const char *word, const char *choice) {
    for (; *choice != '\0'; ++word, ++choice) {
        const char small = *word >= 'A' && *word <= 'Z' ? (char)(*word - 'A' + 'a') : *word;
        if (small != *choice) return 0;
    }
    return *word == '\0';
}

static caviar_status parse_choice(double *value, const caviar_hyperparameter *hyperparameter, const char *text) {
    const int count = (int)(hyperparameter->high - hyperparameter->low) + 1;
    char list[128] = "";
    for (int i = 0; i < count; ++i) {
        if (is_choice(text, hyperparameter->choices[i])) {
            *value = hyperparameter->low + i;
            return CAVIAR_OK;
        }
        append(list, sizeof list, ", ", hyperparameter->choices[i]);
    }
    const char *nearest = caviar_nearest_name(text, hyperparameter->choices, count);
    return caviar_fail(CAVIAR_INVALID_ARGUMENT, "%s cannot be \"%.64s\"%s%s%s; it is one of: %s", hyperparameter->name,
                       text, nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "", list);
}

caviar_status caviar_hyperparameter_parse(double *value, const caviar_hyperparameter *hyperparameter,
                                          const char *text) {
    if (hyperparameter->type == CAVIAR_CHOICE) return parse_choice(value, hyperparameter, text);
    double parsed;
    CAVIAR_REQUIRE(caviar_number_parse(&parsed, text), "%s: \"%.64s\" is not a number", hyperparameter->name, text);
    CAVIAR_TRY(caviar_hyperparameter_check(hyperparameter, parsed));
    *value = parsed;
    return CAVIAR_OK;
}

void caviar_hyperparameter_format(char text[CAVIAR_NUMBER_SIZE], const caviar_hyperparameter *hyperparameter,
                                  double value) {
    if (hyperparameter->type == CAVIAR_CHOICE)
        snprintf(text, CAVIAR_NUMBER_SIZE, "%s", hyperparameter->choices[(int)(value - hyperparameter->low)]);
    else
        caviar_number_format(text, value);
}

void caviar_hyperparameter_set(caviar_trial *trial, const caviar_hyperparameter *hyperparameter, double value) {
    char *place = (char *)trial + hyperparameter->offset;
    if (hyperparameter->type == CAVIAR_REAL) {
        memcpy(place, &value, sizeof value);
        return;
    }
    const int32_t whole = (int32_t)value;
    const int copies = hyperparameter->layer == CAVIAR_EVERY_LAYER ? CAVIAR_MAX_HIDDEN_LAYERS : 1;
    for (int i = 0; i < copies; ++i) memcpy(place + (size_t)i * sizeof whole, &whole, sizeof whole);
}

double caviar_hyperparameter_get(const caviar_trial *trial, const caviar_hyperparameter *hyperparameter) {
    const char *place = (const char *)trial + hyperparameter->offset;
    if (hyperparameter->type == CAVIAR_REAL) {
        double value;
        memcpy(&value, place, sizeof value);
        return value;
    }
    int32_t whole;
    memcpy(&whole, place, sizeof whole);
    return whole;
}

int caviar_hyperparameter_matters(const caviar_hyperparameter *hyperparameter, const caviar_trial *trial) {
    if (hyperparameter->layer > 0) return hyperparameter->layer <= trial->hidden_layers;
    return hyperparameter->matters == NULL || hyperparameter->matters(trial);
}

int caviar_trial_uses(const caviar_trial *trial, const char *name) {
    const caviar_hyperparameter *hyperparameter = trial && name ? caviar_hyperparameter_find(name) : NULL;
    return hyperparameter != NULL && caviar_hyperparameter_matters(hyperparameter, trial);
}
