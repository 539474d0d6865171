/*
 * The CPU device and the CUDA kernels side by side: what the two promise to agree on to the bit, and whole training.
 */
#include "digits.h"
#include "operands.h"
#include "scorecard.h"

#include <math.h>
#include <string.h>

static caviar_device *cpu;

static void open_cpu(void) {
    if (!cpu) SUCCEEDS(caviar_device_open(&cpu, "cpu", 1));
}

static void same_tensor(const caviar_tensor *a, const caviar_tensor *b, int64_t models, const char *what) {
    cr_assert(memcmp(a->data, b->data, (size_t)(models * a->model_stride) * sizeof(float)) == 0, "%s differs", what);
}

/* Initial weights: a trial starts from the same bits on every device. */
static void initialize(caviar_device *device, const shape *s) {
    open_cpu();
    const caviar_tensor w = tensor(s->models, s->batch * s->width, 5, 6), on_cpu = tensor_copy(&w);
    int32_t *const rows = integers(s->models, 1, (int32_t)s->batch);
    int32_t *const columns = integers(s->models, 1, (int32_t)s->width);
    int32_t *const activation = integers(s->models, 0, 3), *const stream = integers(s->models, 0, 9);
    caviar_initialize_args args = { .tensor = w,
                                    .models = s->models,
                                    .rows = s->batch,
                                    .columns = s->width,
                                    .row_widths = rows,
                                    .column_widths = columns,
                                    .activation = activation,
                                    .stream = (const uint32_t *)stream,
                                    .kind = CAVIAR_INITIALIZE_UNIFORM_FAN_IN,
                                    .seed = 5,
                                    .layer = 1 };
    SUCCEEDS(caviar_op_initialize(device, &args, NULL));
    args.tensor = on_cpu;
    SUCCEEDS(caviar_op_initialize(cpu, &args, NULL));
    same_tensor(&w, &on_cpu, s->models, "an initial weight");
}

/* Every optimiser, of finite numbers. */
static void update(caviar_device *device, const shape *s) {
    open_cpu();
    const caviar_tensor p = tensor(s->models, s->width, -1, 1), g = tensor(s->models, s->width, -1, 1);
    const caviar_tensor m = tensor(s->models, s->width, -1, 1), v = tensor(s->models, s->width, 0, 1);
    const caviar_tensor cpu_p = tensor_copy(&p), cpu_m = tensor_copy(&m), cpu_v = tensor_copy(&v);
    int32_t *const active = integers(s->models, 0, 1), *const optimizer = integers(s->models, 0, 4);
    caviar_optimizer_update_args args = { .parameters = p,
                                          .gradients = g,
                                          .first_moment = m,
                                          .second_moment = v,
                                          .models = s->models,
                                          .count = s->width,
                                          .decayed = s->width / 2,
                                          .active = active,
                                          .optimizer = optimizer,
                                          .rate = reals(s->models, 1e-3, 1e-1),
                                          .correction1 = reals(s->models, 0.1, 1),
                                          .correction2 = reals(s->models, 0.001, 1),
                                          .momentum = reals(s->models, 0, 1),
                                          .complement1 = reals(s->models, 0.01, 1),
                                          .complement2 = reals(s->models, 0.001, 0.1),
                                          .epsilon = reals(s->models, 1e-8, 1e-6),
                                          .weight_decay = reals(s->models, 0, 0.1) };
    SUCCEEDS(caviar_op_optimizer_update(device, &args, NULL));
    args.parameters = cpu_p;
    args.first_moment = cpu_m;
    args.second_moment = cpu_v;
    SUCCEEDS(caviar_op_optimizer_update(cpu, &args, NULL));
    same_tensor(&p, &cpu_p, s->models, "a parameter");
    same_tensor(&m, &cpu_m, s->models, "a first moment");
    same_tensor(&v, &cpu_v, s->models, "a second moment");
}

static void gather(caviar_device *device, const shape *s) {
    open_cpu();
    const int64_t examples = 50;
    uint8_t *const features = bytes((size_t)(examples * s->width));
    for (int64_t i = 0; i < examples * s->width; i++) features[i] = (uint8_t)random_word();
    float *const out = reals(s->batch * s->width, 0, 0), *const cpu_out = reals(s->batch * s->width, 0, 0);
    caviar_gather_args args = { .features = features,
                                .feature_type = CAVIAR_UINT8,
                                .order = integers(examples, 0, (int32_t)examples - 1),
                                .cursor = longs(1, 33),
                                .mean = reals(s->width, 50, 200),
                                .scale = reals(s->width, 0.01, 0.1),
                                .out = out,
                                .feature_count = s->width,
                                .order_count = examples,
                                .batch = s->batch,
                                .out_stride = s->width };
    SUCCEEDS(caviar_op_gather(device, &args, NULL));
    args.out = cpu_out;
    SUCCEEDS(caviar_op_gather(cpu, &args, NULL));
    cr_assert(memcmp(out, cpu_out, (size_t)(s->batch * s->width) * sizeof *out) == 0);
}

Test(simt_agreement, equal_bits) {
    static const shape shapes[] = { { 1, 1, 4, "the smallest" },
                                    { 23, 17, 64, "some of everything" },
                                    { 9, 130, 20, "many rows" } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        run_case(initialize, &shapes[i]);
        run_case(update, &shapes[i]);
        run_case(gather, &shapes[i]);
    }
    caviar_device_close(cpu);
}

enum { MODELS = 12, STEPS = 60, PIECE = 12 };

/* Relative, of losses. Measured: 6e-8 and 2e-7. */
#define TRAINING_BOUND 1e-6
#define VALIDATION_BOUND 1e-5

/* What both devices measured of a piece of training. */
typedef struct measures {
    caviar_metrics training[2][MODELS], validation[2][MODELS];
} measures;

static double difference(double a, double b) {
    return fabs(a - b) / fabs(b);
}

/* The largest relative difference of training losses, the kernels' to the CPU's. */
static double compare(const measures *m, int batch_norm, int step) {
    double worst = 0;
    for (int k = 0; k < MODELS; k++) {
        const double t = difference(m->training[1][k].loss, m->training[0][k].loss);
        const double v = difference(m->validation[1][k].loss, m->validation[0][k].loss);
        cr_assert(t <= TRAINING_BOUND && v <= VALIDATION_BOUND,
                  "model %d, step %d, batch norm %d: training loss %.9g on the CPU, %.9g by the kernels (%.2g); "
                  "validation %.9g and %.9g (%.2g)",
                  k, step, batch_norm, m->training[0][k].loss, m->training[1][k].loss, t, m->validation[0][k].loss,
                  m->validation[1][k].loss, v);
        cr_assert(m->training[0][k].examples == m->training[1][k].examples);
        worst = fmax(worst, t);
    }
    return worst;
}

/*
 * Training gets somewhere, or the agreement would be of nothing: every loss falls, and most models tell the ten classes
 * apart (two layers of sigmoids are slow to begin).
 */
static void check_learning(const measures *first, const measures *last, int batch_norm) {
    int able = 0;
    for (int k = 0; k < MODELS; k++) {
        const caviar_metrics *before = &first->validation[1][k], *after = &last->validation[1][k];
        cr_assert(last->training[1][k].loss < 0.98 * first->training[1][k].loss && after->loss < before->loss,
                  "model %d, batch norm %d: training loss %g to %g, validation loss %g to %g", k, batch_norm,
                  first->training[1][k].loss, last->training[1][k].loss, before->loss, after->loss);
        able += after->accuracy > 0.5 && after->accuracy >= before->accuracy + 0.1;
    }
    cr_assert(able >= 9, "batch norm %d: only %d of %d models learnt something", batch_norm, able, MODELS);
}

static caviar_hyperparameters hyperparameters_of(int k) {
    static const double rates[] = { 0.2, 0.05, 0.002, 0.01, 0.01 }; /* by optimiser */
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    h.optimizer = (caviar_optimizer)(k % 5);
    h.learning_rate = rates[k % 5];
    h.activation = (caviar_activation)(CAVIAR_RELU + k % 3);
    h.dropout = k % 4 == 3 ? 0.25 : 0;
    h.weight_decay = k % 2 ? 0.01 : 0;
    h.schedule = (caviar_schedule)(k % 4);
    h.decay_rate = 0.8;
    h.schedule_epochs = 10;
    h.hidden_width[0] = k % 3 ? 24 : 13;
    return h;
}

/* The largest difference that `compare` found. */
static double train_both(caviar_device *const devices[2], const caviar_dataset *dataset, int batch_norm) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = MODELS;
    options.hidden_layers = 2;
    options.hidden_width[0] = 24;
    options.hidden_width[1] = 16;
    options.batch_norm = batch_norm;
    options.batch_size = 32; /* 300 training examples: an epoch's last minibatch has 12 */
    caviar_hyperparameters each[MODELS];
    for (int k = 0; k < MODELS; k++) each[k] = hyperparameters_of(k);
    caviar_population *population[2];
    for (int d = 0; d < 2; d++) {
        SUCCEEDS(caviar_population_create(&population[d], devices[d], dataset, &options));
        SUCCEEDS(caviar_population_start(population[d], 0, MODELS, each));
    }
    measures m, first;
    double worst = 0;
    for (int step = PIECE; step <= STEPS; step += PIECE) {
        for (int d = 0; d < 2; d++) {
            SUCCEEDS(caviar_population_train(population[d], PIECE));
            SUCCEEDS(caviar_population_training_metrics(m.training[d], population[d]));
            SUCCEEDS(caviar_population_evaluate(m.validation[d], population[d], CAVIAR_VALIDATION));
        }
        worst = fmax(worst, compare(&m, batch_norm, step));
        if (step == PIECE) first = m;
    }
    check_learning(&first, &m, batch_norm);
    for (int d = 0; d < 2; d++) caviar_population_destroy(population[d]);
    return worst;
}

/* Twelve models that differ in everything, trained on both devices: after each piece the losses agree. */
Test(simt_agreement, whole_training) {
    caviar_device *devices[2] = { NULL, NULL };
    SUCCEEDS(caviar_device_open(&devices[0], "cpu", 1));
    SUCCEEDS(caviar_device_open(&devices[1], "cuda:0", 0));
    caviar_dataset *dataset = make_digits(400, 3);
    SUCCEEDS(caviar_dataset_split(dataset, 0.25, 0, 1));
    const double without = train_both(devices, dataset, 0), with = train_both(devices, dataset, 1);

    caviar_dataset_destroy(dataset);
    for (int d = 0; d < 2; d++) caviar_device_close(devices[d]);
    cr_assert(simt_live_objects() == 0);
    scorecard("training-simt", fmax(without, with));
}
