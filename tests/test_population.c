/* Populations: training, the promises about bits, evaluation, models in and out, bad arguments. */
#include "blobs.h"
#include "host/population/model.h"

#include <math.h>
#include <string.h>

/* tests/simt runs these tests on the CUDA kernels, with fewer neighbours. */
#ifndef CAVIAR_TEST_DEVICE
#define CAVIAR_TEST_DEVICE "cpu"
#define NEIGHBOURS 1000
#endif
#ifndef CAVIAR_TEST_ENGINE
#define CAVIAR_TEST_ENGINE CAVIAR_ENGINE_AUTO
#endif

#define NEED(call) cr_assert_eq((call), CAVIAR_OK, "%s: %s", #call, caviar_last_error())

static caviar_device *cpu(int threads) {
    caviar_device *device = NULL;
    NEED(caviar_device_open(&device, CAVIAR_TEST_DEVICE, threads));
    return device;
}

static caviar_dataset *split_blobs(int64_t examples, int64_t features, int64_t classes, double spread) {
    caviar_dataset *dataset = make_blobs(examples, features, classes, spread, 7);
    NEED(caviar_dataset_split(dataset, 0.25, 0, 3));
    return dataset;
}

/* A model's numbers as bytes, to be freed: what training made of it. */
static float *read_bits(caviar_population *population, int32_t index, size_t *count) {
    caviar_model *model = NULL;
    NEED(caviar_population_read_model(&model, population, index));
    size_t n = 0;
    for (int32_t l = 0; l <= model->info.hidden_layers; l++)
        for (int kind = CAVIAR_MODEL_WEIGHT; kind <= CAVIAR_MODEL_BIAS; kind++) {
            int64_t rows = 0, columns = 0;
            if (caviar_model_tensor(model, kind, l, &rows, &columns)) n += (size_t)(rows * columns);
        }
    float *bits = malloc(n * sizeof *bits);
    cr_assert(bits);
    *count = 0;
    for (int32_t l = 0; l <= model->info.hidden_layers; l++)
        for (int kind = CAVIAR_MODEL_WEIGHT; kind <= CAVIAR_MODEL_BIAS; kind++) {
            int64_t rows = 0, columns = 0;
            const float *tensor = caviar_model_tensor(model, kind, l, &rows, &columns);
            if (!tensor) continue;
            memcpy(bits + *count, tensor, (size_t)(rows * columns) * sizeof *bits);
            *count += (size_t)(rows * columns);
        }
    caviar_model_destroy(model);
    return bits;
}

static int same_bits(caviar_population *a, int32_t i, caviar_population *b, int32_t j) {
    size_t n = 0, m = 0;
    float *x = read_bits(a, i, &n), *y = read_bits(b, j, &m);
    const int same = n == m && memcmp(x, y, n * sizeof *x) == 0;
    free(x);
    free(y);
    return same;
}

/* Hyperparameters that differ in everything from model to model. */
static caviar_hyperparameters varied(int k, int layers) {
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    h.optimizer = (caviar_optimizer)(k % 5);
    h.learning_rate = pow(10, -3 + (k % 17) / 10.0);
    h.momentum = 1 - pow(10, -(k % 3));
    h.beta2 = 1 - pow(10, -1 - (k % 4) / 2.0);
    h.weight_decay = k % 2 ? 0.01 : 0;
    h.schedule = (caviar_schedule)(k % 4);
    h.decay_rate = 0.7;
    h.schedule_epochs = 4;
    h.dropout = k % 3 == 1 ? 0.3 : 0;
    h.activation = (caviar_activation)(CAVIAR_RELU + k % 3);
    for (int l = 0; l < layers; l++) h.hidden_width[l] = 1 + (k * 7 + l * 5) % 19;
    h.stream = k % 4 == 3 ? (uint32_t)k : 0;
    return h;
}

static caviar_population_options options_of(int32_t models, int32_t layers, int32_t width, int32_t batch,
                                            int32_t batch_norm) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = models;
    options.hidden_layers = layers;
    for (int l = 0; l < layers; l++) options.hidden_width[l] = width;
    options.batch_size = batch;
    options.engine = CAVIAR_TEST_ENGINE;
    options.batch_norm = batch_norm;
    options.seed = 11;
    return options;
}

static caviar_population *make(caviar_device *device, const caviar_dataset *dataset,
                               const caviar_population_options *options) {
    caviar_population *population = NULL;
    NEED(caviar_population_create(&population, device, dataset, options));
    return population;
}

static caviar_population *train_varied(caviar_device *device, const caviar_dataset *dataset,
                                       const caviar_population_options *options, int64_t steps) {
    caviar_population *population = make(device, dataset, options);
    caviar_hyperparameters *each = calloc((size_t)options->models, sizeof *each);
    for (int k = 0; k < options->models; k++) each[k] = varied(k, options->hidden_layers);
    NEED(caviar_population_start(population, 0, options->models, each));
    free(each);
    NEED(caviar_population_train(population, steps));
    return population;
}

/* Alone, a model has its own width and no padding; among the others it is padded to 19. */
Test(population, a_models_bits_do_not_depend_on_its_neighbours) {
    caviar_device *device = cpu(2);
    caviar_dataset *dataset = split_blobs(130, 7, 3, 0.7);
    for (int batch_norm = 0; batch_norm < 2; batch_norm++) {
        const caviar_population_options options = options_of(NEIGHBOURS, 2, 19, 32, batch_norm);
        caviar_population *many = train_varied(device, dataset, &options, 9);
        static const int32_t chosen[] = { 0, 1, 2, 3, 4, 17, NEIGHBOURS / 2 - 1, NEIGHBOURS - 2, NEIGHBOURS - 1 };
        for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
            const caviar_hyperparameters h = varied(chosen[i], 2);
            caviar_population_options alone = options_of(1, 2, 0, 32, batch_norm);
            memcpy(alone.hidden_width, h.hidden_width, sizeof alone.hidden_width);
            caviar_population *one = make(device, dataset, &alone);
            NEED(caviar_population_start(one, 0, 1, &h));
            NEED(caviar_population_train(one, 9));
            cr_expect(same_bits(many, chosen[i], one, 0), "model %d, batch norm %d", chosen[i], batch_norm);
            caviar_population_destroy(one);
        }
        caviar_population_destroy(many);
    }
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

/* With layers this wide the CPU device trains 8 models through all the steps and then the other 5. */
Test(population, a_models_bits_do_not_depend_on_the_group_that_it_is_trained_in) {
    caviar_device *device = cpu(2);
    caviar_dataset *dataset = split_blobs(130, 300, 3, 0.7);
    const caviar_population_options options = options_of(13, 1, 2600, 32, 1);
    caviar_population *many = train_varied(device, dataset, &options, 2);
    NEED(caviar_population_train(many, 5));
    for (int32_t k = 0; k < 13; k++) {
        const caviar_hyperparameters h = varied(k, 1);
        caviar_population_options alone = options_of(1, 1, h.hidden_width[0], 32, 1);
        caviar_population *one = make(device, dataset, &alone);
        NEED(caviar_population_start(one, 0, 1, &h));
        NEED(caviar_population_train(one, 7));
        cr_expect(same_bits(many, k, one, 0), "model %d", k);
        caviar_population_destroy(one);
    }
    caviar_population_destroy(many);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

/* The CUDA device trains these models in four branches of 130: those at the ends of each, with what is said of them. */
Test(population, a_models_bits_do_not_depend_on_its_branch) {
    enum { MODELS = 520, BRANCH = 130 };
    caviar_device *device = cpu(2);
    caviar_dataset *dataset = split_blobs(60, 5, 3, 0.7);
    const caviar_population_options options = options_of(MODELS, 1, 19, 16, 1);
    caviar_population *many = train_varied(device, dataset, &options, 4);
    static caviar_metrics trained[MODELS], evaluated[MODELS];
    NEED(caviar_population_training_metrics(trained, many));
    NEED(caviar_population_evaluate(evaluated, many, CAVIAR_VALIDATION));
    for (int i = 0; i < 8; i++) {
        const int k = i / 2 * BRANCH + i % 2 * (BRANCH - 1);
        const caviar_hyperparameters h = varied(k, 1);
        const caviar_population_options alone = options_of(1, 1, h.hidden_width[0], 16, 1);
        caviar_population *one = make(device, dataset, &alone);
        caviar_metrics metrics;
        NEED(caviar_population_start(one, 0, 1, &h));
        NEED(caviar_population_train(one, 4));
        NEED(caviar_population_training_metrics(&metrics, one));
        cr_expect(metrics.loss == trained[k].loss && metrics.accuracy == trained[k].accuracy, "model %d", k);
        NEED(caviar_population_evaluate(&metrics, one, CAVIAR_VALIDATION));
        cr_expect(metrics.loss == evaluated[k].loss && metrics.accuracy == evaluated[k].accuracy, "model %d", k);
        cr_expect(same_bits(many, k, one, 0), "model %d", k);
        caviar_population_destroy(one);
    }
    caviar_population_destroy(many);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

/* Layers of different widths, which have their gradients in the same memory: one model may be at another than the next.
 */
Test(population, other_layers_widths_do_not_matter_in_its_branch) {
    enum { MODELS = 260, STEPS = 6 };
    const int32_t widths[] = { 60, 19, 40, 19 };
    caviar_device *device = cpu(2);
    caviar_dataset *dataset = split_blobs(60, 5, 3, 0.7);
    caviar_population_options options = options_of(MODELS, 4, 0, 16, 1);
    memcpy(options.hidden_width, widths, sizeof widths);
    caviar_population *many = train_varied(device, dataset, &options, STEPS);
    options.models = 1;
    for (int k = 1; k < MODELS; k += 43) {
        const caviar_hyperparameters h = varied(k, 4);
        caviar_population *one = make(device, dataset, &options);
        NEED(caviar_population_start(one, 0, 1, &h));
        NEED(caviar_population_train(one, STEPS));
        cr_expect(same_bits(many, k, one, 0), "model %d", k);
        caviar_population_destroy(one);
    }
    caviar_population_destroy(many);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

Test(population, bits_depend_on_neither_threads_nor_pieces_nor_evaluation) {
    caviar_device *one = cpu(1), *two = cpu(2);
    caviar_dataset *dataset = split_blobs(150, 5, 4, 0.7);
    caviar_population_options options = options_of(23, 3, 19, 16, 1);
    options.hidden_width[1] = 30;
    options.hidden_width[2] = 20;
    caviar_population *a = train_varied(one, dataset, &options, 20), *b = train_varied(two, dataset, &options, 3);
    caviar_metrics metrics[23];
    for (int piece = 0; piece < 17; piece += 1 + piece % 5) {
        NEED(caviar_population_evaluate(metrics, b, CAVIAR_VALIDATION));
        const int steps = 1 + piece % 5;
        NEED(caviar_population_train(b, piece + steps > 17 ? 17 - piece : steps));
    }
    for (int32_t k = 0; k < 23; k++) cr_expect(same_bits(a, k, b, k), "model %d", k);
    caviar_population_destroy(a);
    caviar_population_destroy(b);
    caviar_dataset_destroy(dataset);
    caviar_device_close(one);
    caviar_device_close(two);
}

/* Widths are those of options_of; model 1 diverges at once, model 2 is stopped half-way. */
Test(population, a_diverged_or_stopped_model_leaves_the_others_alone) {
    caviar_device *device = cpu(2);
    caviar_dataset *dataset = split_blobs(150, 5, 4, 0.7);
    const caviar_population_options options = options_of(6, 2, 16, 16, 1);
    caviar_hyperparameters each[6];
    for (int k = 0; k < 6; k++) each[k] = (caviar_hyperparameters)CAVIAR_HYPERPARAMETERS_INIT;
    caviar_population *calm = make(device, dataset, &options), *wild = make(device, dataset, &options);
    NEED(caviar_population_start(calm, 0, 6, each));
    each[1].optimizer = CAVIAR_SGD;
    each[1].learning_rate = 1e30;
    NEED(caviar_population_start(wild, 0, 6, each));
    NEED(caviar_population_train(calm, 10));
    NEED(caviar_population_train(wild, 10));
    size_t count = 0;
    NEED(caviar_population_stop(wild, 2));
    float *stopped = read_bits(wild, 2, &count);
    NEED(caviar_population_train(calm, 10));
    NEED(caviar_population_train(wild, 10));
    for (int32_t k = 0; k < 6; k++)
        if (k != 1 && k != 2) cr_expect(same_bits(calm, k, wild, k), "model %d", k);
    size_t after_count = 0;
    float *after = read_bits(wild, 2, &after_count);
    cr_expect(count == after_count && memcmp(stopped, after, count * sizeof *after) == 0, "a stopped model changed");
    caviar_metrics metrics[6], training[6];
    NEED(caviar_population_evaluate(metrics, wild, CAVIAR_VALIDATION));
    NEED(caviar_population_training_metrics(training, wild));
    cr_expect(!isfinite(metrics[1].loss), "a learning rate of 1e30 gave the finite loss %g", metrics[1].loss);
    cr_expect(isfinite(metrics[2].loss) && isfinite(metrics[0].loss));
    cr_expect_gt(training[0].examples, training[2].examples);
    cr_expect(isfinite(training[2].loss));
    free(stopped);
    free(after);
    caviar_population_destroy(calm);
    caviar_population_destroy(wild);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

/*
 * Softmax over two classes is logistic regression: with d = (w1 - w0, b1 - b0), p(class 1) = sigmoid(d x), and as
 * gradients on w1 and w0 are opposite, gradient descent moves d at twice the rate.
 */
Test(population, two_classes_are_logistic_regression) {
    enum { EXAMPLES = 60, FEATURES = 3, STEPS = 50 };
    caviar_device *device = cpu(1);
    caviar_dataset *dataset = make_blobs(EXAMPLES, FEATURES, 2, 1.5, 5);
    NEED(caviar_dataset_split(dataset, 0, 0, 0));
    const caviar_population_options options = options_of(1, 0, 0, EXAMPLES, 1);
    caviar_population *population = make(device, dataset, &options);
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    h.optimizer = CAVIAR_SGD;
    h.learning_rate = 0.1;
    NEED(caviar_population_start(population, 0, 1, &h));
    caviar_model *before = NULL, *after = NULL;
    NEED(caviar_population_read_model(&before, population, 0));
    const float *w = caviar_model_tensor(before, CAVIAR_MODEL_WEIGHT, 0, NULL, NULL);
    const float *mean = caviar_model_tensor(before, CAVIAR_MODEL_MEAN, 0, NULL, NULL);
    const float *scale = caviar_model_tensor(before, CAVIAR_MODEL_SCALE, 0, NULL, NULL);
    double d[FEATURES + 1] = { 0 }, loss = 0;
    for (int f = 0; f < FEATURES; f++) d[f] = (double)w[2 * f + 1] - (double)w[2 * f];
    float x[EXAMPLES * FEATURES];
    int32_t labels[EXAMPLES];
    NEED(caviar_dataset_read(x, labels, dataset, 0, EXAMPLES));
    for (int step = 0; step < STEPS; step++) {
        double gradient[FEATURES + 1] = { 0 };
        loss = 0;
        for (int i = 0; i < EXAMPLES; i++) {
            double z = d[FEATURES], features[FEATURES + 1];
            for (int f = 0; f < FEATURES; f++)
                z += d[f] * (features[f] = ((double)x[i * FEATURES + f] - (double)mean[f]) * (double)scale[f]);
            features[FEATURES] = 1;
            const double p = 1 / (1 + exp(-z));
            loss -= log(labels[i] ? p : 1 - p) / EXAMPLES;
            for (int f = 0; f <= FEATURES; f++) gradient[f] += (p - labels[i]) * features[f] / EXAMPLES;
        }
        for (int f = 0; f <= FEATURES; f++) d[f] -= 2 * 0.1 * gradient[f];
    }
    NEED(caviar_population_train(population, STEPS - 1));
    caviar_metrics metrics;
    NEED(caviar_population_training_metrics(&metrics, population));
    NEED(caviar_population_train(population, 1));
    NEED(caviar_population_training_metrics(&metrics, population));
    cr_expect_float_eq(metrics.loss, loss, 1e-5 * loss, "loss %.9g, reference %.9g", metrics.loss, loss);
    NEED(caviar_population_read_model(&after, population, 0));
    const float *trained = caviar_model_tensor(after, CAVIAR_MODEL_WEIGHT, 0, NULL, NULL);
    for (int f = 0; f < FEATURES; f++)
        cr_expect_float_eq((double)trained[2 * f + 1] - (double)trained[2 * f], d[f], 1e-5 * (1 + fabs(d[f])));
    caviar_model_destroy(before);
    caviar_model_destroy(after);
    caviar_population_destroy(population);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

/* Everything that a model can be made of learns a problem that is easy. */
Test(population, every_kind_of_model_learns) {
    caviar_device *device = cpu(2);
    caviar_dataset *dataset = split_blobs(600, 8, 4, 0.3);
    for (int32_t layers = 0; layers <= CAVIAR_MAX_HIDDEN_LAYERS; layers += layers < 2 ? 1 : 3) {
        for (int batch_norm = 0; batch_norm < 2; batch_norm++) {
            enum { MODELS = 15 };
            const caviar_population_options options = options_of(MODELS, layers, 24, 32, batch_norm);
            caviar_population *population = make(device, dataset, &options);
            caviar_hyperparameters each[MODELS];
            for (int k = 0; k < MODELS; k++) {
                each[k] = (caviar_hyperparameters)CAVIAR_HYPERPARAMETERS_INIT;
                each[k].optimizer = (caviar_optimizer)(k % 5);
                each[k].activation = (caviar_activation)(CAVIAR_RELU + k / 5);
                static const double rate[5] = { 0.1, 0.02, 0.002, 0.005, 0.005 };
                each[k].learning_rate = rate[k % 5];
            }
            NEED(caviar_population_start(population, 0, MODELS, each));
            NEED(caviar_population_train(population, 12 * caviar_population_steps_per_epoch(population)));
            caviar_metrics metrics[MODELS];
            NEED(caviar_population_evaluate(metrics, population, CAVIAR_VALIDATION));
            for (int k = 0; k < MODELS; k++) {
                /* Without batch norm stacked sigmoids and deep networks learn slowly: their gradients vanish. */
                const int slow = !batch_norm && (each[k].activation == CAVIAR_SIGMOID ? layers >= 2 : layers > 2);
                if (!slow)
                    cr_expect_gt(metrics[k].accuracy, 0.9, "%d layers, batch norm %d, optimizer %d, activation %d: %g",
                                 layers, batch_norm, k % 5, each[k].activation, metrics[k].accuracy);
                cr_expect(isfinite(metrics[k].loss));
            }
            caviar_population_destroy(population);
        }
    }
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

Test(population, the_last_minibatch_of_an_epoch) {
    caviar_device *device = cpu(1);
    static const struct {
        int64_t examples;
        int32_t batch, batch_norm;
        int64_t steps, seen;
    } cases[] = {
        { 64, 32, 1, 2, 64 }, /* divides evenly */
        { 72, 32, 1, 3, 72 }, /* a quarter of a minibatch is left over */
        { 71, 32, 1, 2, 64 }, /* less than a quarter is, and that is too few for batch norm */
        { 71, 32, 0, 3, 71 }, /* ... but not without it */
        { 5, 2, 1, 2, 4 },    /* one is left over, of which batch norm has no variance */
        { 33, 1, 0, 33, 33 }, /* one at a time */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        caviar_dataset *dataset = make_blobs(cases[i].examples, 3, 2, 1, 1);
        const caviar_population_options options = options_of(2, 1, 19, cases[i].batch, cases[i].batch_norm);
        caviar_population *population = train_varied(device, dataset, &options, 0);
        cr_expect_eq(caviar_population_steps_per_epoch(population), cases[i].steps, "case %zu", i);
        NEED(caviar_population_train(population, cases[i].steps));
        caviar_metrics metrics[2];
        NEED(caviar_population_training_metrics(metrics, population));
        cr_expect_eq(metrics[0].examples, cases[i].seen, "case %zu", i);
        caviar_population_destroy(population);
        caviar_dataset_destroy(dataset);
    }
    caviar_device_close(device);
}

Test(population, predictions_agree_with_evaluation_and_with_the_model_alone) {
    enum { MODELS = 3, EXAMPLES = 400, FEATURES = 6, CLASSES = 5 };
    caviar_device *device = cpu(2);
    caviar_dataset *dataset = make_blobs(EXAMPLES, FEATURES, CLASSES, 1.2, 2);
    const caviar_population_options options = options_of(MODELS, 2, 19, 32, 1);
    caviar_population *population = train_varied(device, dataset, &options, 40);
    caviar_metrics metrics[MODELS], alone;
    NEED(caviar_population_evaluate(metrics, population, CAVIAR_TRAIN));
    static float x[EXAMPLES * FEATURES], p[EXAMPLES * CLASSES], q[EXAMPLES * CLASSES];
    static int32_t labels[EXAMPLES], classes[EXAMPLES];
    NEED(caviar_dataset_read(x, labels, dataset, 0, EXAMPLES));
    for (int32_t k = 0; k < MODELS; k++) {
        NEED(caviar_population_predict(p, classes, population, k, x, EXAMPLES));
        int right = 0;
        double loss = 0;
        for (int i = 0; i < EXAMPLES; i++) {
            double sum = 0, largest = 0;
            for (int c = 0; c < CLASSES; c++)
                sum += (double)p[i * CLASSES + c], largest = fmax(largest, (double)p[i * CLASSES + c]);
            cr_assert_float_eq(sum, 1, 1e-5);
            cr_assert_eq((double)p[i * CLASSES + classes[i]], largest);
            right += classes[i] == labels[i];
            loss -= log((double)p[i * CLASSES + labels[i]]) / EXAMPLES;
        }
        cr_expect_float_eq(metrics[k].accuracy, (double)right / EXAMPLES, 1e-12);
        cr_expect_float_eq(metrics[k].loss, loss, 1e-4);
        caviar_model *model = NULL;
        NEED(caviar_population_read_model(&model, population, k));
        NEED(caviar_model_predict(q, NULL, model, device, x, EXAMPLES));
        cr_expect_eq(memcmp(p, q, sizeof p), 0, "model %d predicts otherwise on its own", k);
        NEED(caviar_model_evaluate(&alone, model, device, dataset, CAVIAR_TRAIN));
        cr_expect_eq(alone.loss, metrics[k].loss);
        cr_expect_eq(alone.accuracy, metrics[k].accuracy);

        /* Written into a fresh population it is the same model again. */
        caviar_population_options same = options;
        same.models = 1;
        caviar_population *fresh = make(device, dataset, &same);
        const caviar_hyperparameters h = varied(k, 2);
        NEED(caviar_population_start(fresh, 0, 1, &h));
        NEED(caviar_population_write_model(fresh, 0, model));
        cr_expect(same_bits(fresh, 0, population, k));
        NEED(caviar_population_evaluate(&alone, fresh, CAVIAR_TRAIN));
        cr_expect_eq(alone.loss, metrics[k].loss);
        caviar_population_destroy(fresh);
        caviar_model_destroy(model);
    }
    caviar_population_destroy(population);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

#define REFUSED(call, words)                                                                                           \
    do {                                                                                                               \
        cr_expect_eq((call), CAVIAR_INVALID_ARGUMENT, "%s", #call);                                                    \
        cr_expect(strstr(caviar_last_error(), words), "%s says: %s", #call, caviar_last_error());                      \
    } while (0)

static void refuse_options(caviar_device *device, const caviar_dataset *dataset) {
    const caviar_population_options good = { sizeof good, 1, 1, { 4 }, 1, 8, 1e-5, 0.1, 0, CAVIAR_ENGINE_AUTO };
    caviar_population_options bad;
    caviar_population *population = NULL;
    uint64_t bytes = 0;
#define BAD(field, value, words)                                                                                       \
    bad = good;                                                                                                        \
    bad.field = (value);                                                                                               \
    REFUSED(caviar_population_create(&population, device, dataset, &bad), words);                                      \
    REFUSED(caviar_population_estimate(&bytes, device, dataset, &bad), words)
    BAD(struct_size, 0, "struct_size");
    BAD(models, 0, "models");
    BAD(hidden_layers, 9, "hidden_layers");
    BAD(hidden_layers, -1, "hidden_layers");
    BAD(hidden_layers, 2, "hidden_width[1]");
    BAD(hidden_width[0], 4097, "hidden_width[0]");
    BAD(batch_norm, 2, "batch_norm");
    BAD(batch_size, 0, "batch_size");
    BAD(batch_size, 1, "batch_size");
    BAD(batch_size, 5000, "training part");
    BAD(batch_norm_epsilon, 0, "epsilon");
    BAD(batch_norm_momentum, 1.5, "momentum");
    BAD(engine, (caviar_engine)3, "engine");
    BAD(engine, (caviar_engine)-1, "engine");
#undef BAD
    cr_expect(!population && bytes == 0);
}

static void refuse_hyperparameters(caviar_population *population) {
    const caviar_hyperparameters good = CAVIAR_HYPERPARAMETERS_INIT;
    caviar_hyperparameters bad;
#define BAD(field, value)                                                                                              \
    bad = good;                                                                                                        \
    bad.field = (value);                                                                                               \
    REFUSED(caviar_population_start(population, 0, 1, &bad), #field)
    BAD(struct_size, 3);
    BAD(optimizer, (caviar_optimizer)5);
    BAD(learning_rate, 0);
    BAD(learning_rate, NAN);
    BAD(learning_rate, 1e300);
    BAD(momentum, 1);
    BAD(beta1, -0.1);
    BAD(beta2, 1);
    BAD(epsilon, 0);
    BAD(weight_decay, -1);
    BAD(dropout, 1);
    BAD(activation, CAVIAR_IDENTITY);
    BAD(hidden_width[0], 5);
    bad = good;
    bad.schedule = CAVIAR_EXPONENTIAL;
    REFUSED(caviar_population_start(population, 0, 1, &bad), "decay_rate");
    bad.schedule = CAVIAR_COSINE;
    bad.schedule_epochs = 0;
    REFUSED(caviar_population_start(population, 0, 1, &bad), "schedule_epochs");
    REFUSED(caviar_population_start(population, 0, 1, NULL), "hyperparameters");
    REFUSED(caviar_population_start(population, 0, 3, &good), "count");
    REFUSED(caviar_population_start(population, 2, 1, &good), "model");
    REFUSED(caviar_population_start(NULL, 0, 1, &good), "population");
}

Test(population, bad_arguments_are_refused_by_name) {
    caviar_device *device = cpu(1);
    caviar_dataset *dataset = make_blobs(40, 3, 2, 1, 1);
    refuse_options(device, dataset);
    const caviar_population_options options = options_of(2, 1, 4, 8, 1);
    caviar_population *population = make(device, dataset, &options);
    refuse_hyperparameters(population);

    caviar_metrics metrics[2];
    caviar_model *model = NULL;
    int32_t classes[1];
    const float x[3] = { 0 };
    uint64_t bytes = 0;
    REFUSED(caviar_population_create(NULL, device, dataset, &options), "NULL");
    REFUSED(caviar_population_estimate(&bytes, device, NULL, &options), "NULL");
    REFUSED(caviar_population_read_model(&model, population, 0), "never started");
    const caviar_hyperparameters h[2] = { CAVIAR_HYPERPARAMETERS_INIT, CAVIAR_HYPERPARAMETERS_INIT };
    NEED(caviar_population_start(population, 0, 2, h));
    REFUSED(caviar_population_train(NULL, 1), "population");
    REFUSED(caviar_population_train(population, -1), "steps");
    REFUSED(caviar_population_stop(population, 2), "model");
    REFUSED(caviar_population_evaluate(metrics, population, CAVIAR_TEST), "empty");
    REFUSED(caviar_population_evaluate(metrics, population, (caviar_part)9), "part");
    REFUSED(caviar_population_evaluate(NULL, population, CAVIAR_TRAIN), "metrics");
    REFUSED(caviar_population_training_metrics(NULL, population), "metrics");
    REFUSED(caviar_population_predict(NULL, classes, population, 0, NULL, 1), "features");
    REFUSED(caviar_population_predict(NULL, classes, population, 0, x, 0), "examples");
    REFUSED(caviar_population_predict(NULL, classes, population, 7, x, 1), "model");
    REFUSED(caviar_population_read_model(NULL, population, 0), "model");
    REFUSED(caviar_population_write_model(population, 0, NULL), "model");
    REFUSED(caviar_model_predict(NULL, classes, NULL, device, x, 1), "model");
    REFUSED(caviar_model_evaluate(NULL, NULL, device, dataset, CAVIAR_TRAIN), "metrics");
    NEED(caviar_population_estimate(&bytes, device, dataset, &options));
    cr_expect_gt(bytes, 4 * 2 * 3 * 4 * sizeof(float));
    cr_expect_eq(caviar_population_steps_per_epoch(NULL), 0);
    caviar_population_destroy(population);
    caviar_population_destroy(NULL);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}
