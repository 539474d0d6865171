/* Populations for timing: their data, their models, and what their losses must be. */
#ifndef CAVIAR_BENCH_TRAINING_H
#define CAVIAR_BENCH_TRAINING_H

#include "host/population/population.h"

/*
 * `examples` images of `inputs` 8-bit features of ten classes that can be learnt: noise about a pattern a class. The
 * same on every machine; a tenth of them validates, as in the measurement on Fashion-MNIST.
 */
caviar_status bench_make_dataset(caviar_dataset **dataset, int64_t examples, int64_t inputs);

/* Starts all models with Adam and learning rates from 1e-4 to 1e-2, evenly on the log scale. */
caviar_status bench_start_models(caviar_population *population);
double bench_learning_rate(int64_t model, int64_t models);

/*
 * The losses of the first `steps` minibatches of model `index` as a plain loop in double computes them, from the
 * population's initial weights and its order of examples. Call it before the population has trained.
 */
caviar_status bench_reference_losses(double *losses, caviar_population *population, int32_t index, int steps);

#endif
