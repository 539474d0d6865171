#include "refit.h"

#include "interrupt.h"

#include <math.h>
#include <string.h>

static caviar_population_options shape_of(const caviar_trial *trial, uint64_t seed) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.hidden_layers = trial->hidden_layers;
    memcpy(options.hidden_width, trial->hidden_width, sizeof options.hidden_width);
    options.batch_norm = trial->batch_norm;
    options.batch_size = trial->batch_size;
    options.seed = seed;
    return options;
}

/* In slices, so that Ctrl-C is heard. */
static caviar_status train(caviar_population *population, double epochs) {
    const int64_t steps = llround(epochs * (double)caviar_population_steps_per_epoch(population)),
                  slice = steps / 100 + 1;
    for (int64_t done = 0; done < steps; done += slice) {
        if (interrupt_requested()) return CAVIAR_INTERRUPTED;
        const caviar_status status = caviar_population_train(population, steps - done < slice ? steps - done : slice);
        if (status != CAVIAR_OK) return status;
    }
    return CAVIAR_OK;
}

caviar_status refit_best(caviar_model **model, caviar_search *search, caviar_device *device, caviar_dataset *dataset,
                         uint64_t seed) {
    int32_t best;
    caviar_trial trial;
    caviar_population *population = NULL;
    caviar_status status = caviar_search_rank(&best, 1, search);
    if (status == CAVIAR_OK) status = caviar_search_get_trial(&trial, search, best);
    if (status == CAVIAR_OK) status = caviar_dataset_train_on_validation(dataset);
    if (status != CAVIAR_OK) return status;
    const caviar_population_options options = shape_of(&trial, seed);
    status = caviar_population_create(&population, device, dataset, &options);
    if (status == CAVIAR_OK) status = caviar_population_start(population, 0, 1, &trial.hyperparameters);
    if (status == CAVIAR_OK) status = train(population, trial.best_epoch);
    if (status == CAVIAR_OK) status = caviar_population_read_model(model, population, 0);
    caviar_population_destroy(population);
    return status;
}
