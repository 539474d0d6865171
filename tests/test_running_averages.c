/* Batch norm's running averages: whole from the first minibatch on, PyTorch's after enough of them. */
#include "folder.h"
#include "host/population/model.h"

#include <math.h>

enum { EXAMPLES = 160, TRAINING = 128, FEATURES = 4, WIDTH = 8 };

static caviar_device *device;
static caviar_dataset *dataset;

static void enter(void) {
    static float points[EXAMPLES][FEATURES];
    int32_t labels[EXAMPLES];
    for (int i = 0; i < EXAMPLES; i++) {
        labels[i] = i % 2;
        for (int f = 0; f < FEATURES; f++)
            points[i][f] = (float)((i * 37 + f * 11 + i * i % 7) % 101) / 25 + (float)labels[i];
    }
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    SUCCEEDS(caviar_dataset_create(&dataset, points, CAVIAR_FLOAT32, labels, EXAMPLES, FEATURES, 2));
    SUCCEEDS(caviar_dataset_split(dataset, 0.2, 0, 1));
}

static void leave(void) {
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

TestSuite(running_averages, .init = enter, .fini = leave);

/* With such a rate the weights stay what they are. */
static caviar_population *make(int batch_size, double momentum) {
    caviar_population *population;
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    options.hidden_width[0] = WIDTH;
    options.batch_size = batch_size;
    options.batch_norm_momentum = momentum;
    h.optimizer = CAVIAR_SGD;
    h.learning_rate = 1e-30;
    SUCCEEDS(caviar_population_create(&population, device, dataset, &options));
    SUCCEEDS(caviar_population_start(population, 0, 1, &h));
    return population;
}

/* One minibatch of all examples: what was measured in training is what inference finds. */
Test(running_averages, one_step_is_enough) {
    caviar_population *population = make(TRAINING, 0.1);
    caviar_metrics training, inference;
    SUCCEEDS(caviar_population_train(population, 1));
    SUCCEEDS(caviar_population_training_metrics(&training, population));
    SUCCEEDS(caviar_population_evaluate(&inference, population, CAVIAR_TRAIN));
    /* The variance of inference is the unbiased one, larger by a 127th. */
    cr_expect(fabs(training.loss - inference.loss) < 4e-3 * training.loss, "%g, %g", training.loss, inference.loss);
    caviar_population_destroy(population);
}

static void read_averages(double to[2 * WIDTH], caviar_population *population) {
    caviar_model *model;
    SUCCEEDS(caviar_population_read_model(&model, population, 0));
    const float *mean = caviar_model_tensor(model, CAVIAR_MODEL_RUNNING_MEAN, 0, NULL, NULL);
    const float *variance = caviar_model_tensor(model, CAVIAR_MODEL_RUNNING_VARIANCE, 0, NULL, NULL);
    for (int j = 0; j < WIDTH; j++) to[j] = (double)mean[j], to[WIDTH + j] = (double)variance[j];
    caviar_model_destroy(model);
}

/*
 * A momentum of 1 shows the statistics s_n of each minibatch. PyTorch's average of them, which begins with 0 and 1, is
 * b_n = d b_(n-1) + (1 - d) s_n; less what is left of its beginning, d^n b_0, and divided by the sum of the weights,
 * 1 - d^n, it is ours.
 */
Test(running_averages, are_pytorch_s_without_their_beginning) {
    enum { STEPS = 60 };
    const double momentum = 0.1, d = 1 - momentum;
    caviar_population *population = make(16, momentum), *latest = make(16, 1);
    double ours[2 * WIDTH], statistics[2 * WIDTH], pytorch[2 * WIDTH];
    for (int j = 0; j < 2 * WIDTH; j++) pytorch[j] = j < WIDTH ? 0 : 1;
    for (int n = 1; n <= STEPS; n++) {
        SUCCEEDS(caviar_population_train(population, 1));
        SUCCEEDS(caviar_population_train(latest, 1));
        read_averages(ours, population);
        read_averages(statistics, latest);
        for (int j = 0; j < 2 * WIDTH; j++) {
            pytorch[j] = d * pytorch[j] + momentum * statistics[j];
            const double expected = (pytorch[j] - pow(d, n) * (j < WIDTH ? 0 : 1)) / (1 - pow(d, n));
            cr_expect(fabs(ours[j] - expected) < 1e-5, "step %d, average %d: %g, not %g", n, j, ours[j], expected);
            if (n == STEPS) cr_expect(fabs(ours[j] - pytorch[j]) < 0.01, "%d: %g, PyTorch %g", j, ours[j], pytorch[j]);
        }
    }
    caviar_population_destroy(population);
    caviar_population_destroy(latest);
}

/* A model that was written has its averages, and goes on with them. */
Test(running_averages, of_a_written_model_are_kept) {
    caviar_population *population = make(16, 0.1), *other = make(16, 0.1);
    double before[2 * WIDTH], after[2 * WIDTH];
    caviar_model *model;
    SUCCEEDS(caviar_population_train(population, 40));
    SUCCEEDS(caviar_population_read_model(&model, population, 0));
    SUCCEEDS(caviar_population_write_model(other, 0, model));
    read_averages(before, population);
    SUCCEEDS(caviar_population_train(population, 1));
    SUCCEEDS(caviar_population_train(other, 41));
    read_averages(after, other);
    for (int j = 0; j < WIDTH; j++) cr_expect(after[j] != before[j] && fabs(after[j] - before[j]) < 1, "%d", j);
    /* One step with the weight of the new value moves an average by a tenth of the way. */
    SUCCEEDS(caviar_population_write_model(other, 0, model));
    SUCCEEDS(caviar_population_train(other, 1));
    read_averages(after, other);
    double moved = 0, spread = 0;
    for (int j = 0; j < WIDTH; j++) {
        moved += fabs(after[j] - before[j]);
        spread += sqrt(before[WIDTH + j]);
    }
    cr_expect(moved > 0 && moved < 0.1 * spread, "%g of %g", moved, spread);
    caviar_model_destroy(model);
    caviar_population_destroy(population);
    caviar_population_destroy(other);
}
