/* Data and models of populations that are timed. */
#include "training.h"

#include "host/data/dataset.h"
#include "host/status.h"

#include <math.h>
#include <stdlib.h>

static uint32_t mix(uint32_t x) {
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* Half of a feature is the class's pattern, half is the example's noise. */
static void fill(uint8_t *features, int32_t *labels, int64_t examples, int64_t inputs) {
    for (int64_t e = 0; e < examples; e++) {
        const uint32_t label = mix((uint32_t)e) % 10;
        labels[e] = (int32_t)label;
        for (int64_t f = 0; f < inputs; f++) {
            const uint32_t pattern = mix((uint32_t)f * 10 + label + 1) & 127;
            features[e * inputs + f] = (uint8_t)(pattern + (mix((uint32_t)(e * inputs + f)) & 127));
        }
    }
}

caviar_status bench_make_dataset(caviar_dataset **dataset, int64_t examples, int64_t inputs) {
    uint8_t *features = malloc((size_t)(examples * inputs));
    int32_t *labels = malloc((size_t)examples * sizeof *labels);
    caviar_status status = CAVIAR_OK;
    if (!features || !labels) status = caviar_fail_memory("a dataset", (size_t)(examples * inputs));
    if (!status) {
        fill(features, labels, examples, inputs);
        status = caviar_dataset_create(dataset, features, CAVIAR_UINT8, labels, examples, inputs, 10);
    }
    free(features);
    free(labels);
    if (status) return status;
    status = caviar_dataset_split(*dataset, 0.1, 0, 0);
    if (status) caviar_dataset_destroy(*dataset);
    return status;
}

double bench_learning_rate(int64_t model, int64_t models) {
    return pow(10, -4 + 2.0 * (double)model / (double)(models > 1 ? models - 1 : 1));
}

caviar_status bench_start_models(caviar_population *population) {
    const int32_t models = population->shape.options.models;
    caviar_hyperparameters *each = calloc((size_t)models, sizeof *each);
    if (!each) return caviar_fail_memory("hyperparameters", (size_t)models * sizeof *each);
    for (int32_t k = 0; k < models; k++) {
        const caviar_hyperparameters defaults = CAVIAR_HYPERPARAMETERS_INIT;
        each[k] = defaults;
        each[k].learning_rate = bench_learning_rate(k, models);
    }
    const caviar_status status = caviar_population_start(population, 0, models, each);
    free(each);
    return status;
}
