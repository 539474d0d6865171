/* Populations: creation, the start and stop of models, and the loop over minibatches. */
#include "population.h"
#include "host/arithmetic.h"
#include "host/data/dataset.h"
#include "host/shuffle.h"
#include "host/status.h"
#include "kernels/randomness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------------- creation
 */

static caviar_population_shape shape_of(const caviar_dataset *dataset, const caviar_population_options *options) {
    return (caviar_population_shape){ .options = *options,
                                      .features = dataset->feature_count,
                                      .classes = dataset->classes,
                                      .mean = dataset->mean,
                                      .scale = dataset->scale,
                                      .dataset = dataset,
                                      .trains = 1 };
}

caviar_status caviar_population_estimate(uint64_t *bytes, const caviar_device *device, const caviar_dataset *dataset,
                                         const caviar_population_options *options) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_population_estimate";
    CAVIAR_REQUIRE(bytes && device && dataset && options, "%s: an argument is NULL", function);
    caviar_population measured = { .shape = shape_of(dataset, options), .device = (caviar_device *)device };
    CAVIAR_TRY(caviar_shape_check(function, &measured.shape));
    CAVIAR_TRY(caviar_choose_engine(&measured));
    *bytes = caviar_population_lay_out(&measured, NULL);
    return CAVIAR_OK;
}

static int64_t part_examples(const caviar_population *p, int part) {
    return p->shape.dataset ? p->shape.dataset->part_examples[part] : 0;
}

/*
 * The examples that are left over from whole minibatches, as far as they are trained on. Under batch norm the variance
 * of a handful is noise that lands in the gradient and in the running averages: a validation loss of 0.1 was seen to
 * become 28 for one evaluation after a tail of 2. So a tail below a quarter of a minibatch is left out there.
 */
int64_t caviar_training_tail(int64_t training_examples, const caviar_population_options *options) {
    const int64_t tail = training_examples % options->batch_size;
    const int noisy = tail == 1 || 4 * tail < options->batch_size;
    return noisy && options->batch_norm && options->hidden_layers > 0 ? 0 : tail;
}

int64_t caviar_steps_per_epoch(int64_t training_examples, const caviar_population_options *options) {
    return training_examples / options->batch_size + (caviar_training_tail(training_examples, options) > 0);
}

static int64_t training_tail(const caviar_population *p) {
    return caviar_training_tail(part_examples(p, CAVIAR_TRAIN), &p->shape.options);
}

int64_t caviar_population_steps_per_epoch(const caviar_population *p) {
    return p && p->shape.trains ? caviar_steps_per_epoch(part_examples(p, CAVIAR_TRAIN), &p->shape.options) : 0;
}

static caviar_status make_program(caviar_program **program, const caviar_population *p, caviar_call_list *list,
                                  void build(caviar_call_list *, const caviar_population *, int64_t), int64_t batch,
                                  const int32_t *active) {
    if (batch == 0) return CAVIAR_OK;
    build(list, p, batch);
    return p->device->table->program_create(program, p->device, list->calls, list->count, active);
}

static caviar_status make_programs(caviar_population *p) {
    if (!p->shape.dataset) return CAVIAR_OK;
    caviar_call_list *list = malloc(sizeof *list);
    if (!list) return caviar_fail_memory("the calls of a training step", sizeof *list);
    caviar_status status = CAVIAR_OK;
    if (p->shape.trains) {
        status =
            make_program(&p->train_full, p, list, caviar_build_training, p->shape.options.batch_size, p->arrays.active);
        if (!status)
            status = make_program(&p->train_tail, p, list, caviar_build_training, training_tail(p), p->arrays.active);
    }
    if (!status && p->labels)
        status = make_program(&p->eval_full, p, list, caviar_build_evaluation, CAVIAR_EVALUATION_BATCH, NULL);
    for (int part = 0; part < 3 && !status && p->labels; part++)
        status = make_program(&p->eval_tail[part], p, list, caviar_build_evaluation,
                              part_examples(p, part) % CAVIAR_EVALUATION_BATCH, NULL);
    free(list);
    return status;
}

static caviar_status upload_data(caviar_population *p) {
    const caviar_dataset *dataset = p->shape.dataset;
    const size_t features = (size_t)p->shape.features;
    CAVIAR_TRY(caviar_device_upload(p->device, p->mean, p->shape.mean, features * sizeof(float)));
    CAVIAR_TRY(caviar_device_upload(p->device, p->scale, p->shape.scale, features * sizeof(float)));
    if (!dataset) return CAVIAR_OK;
    const size_t examples = (size_t)dataset->examples;
    CAVIAR_TRY(caviar_device_upload(p->device, p->features, dataset->features,
                                    examples * features * caviar_type_size(dataset->type)));
    if (!dataset->labels) return CAVIAR_OK;
    return caviar_device_upload(p->device, p->labels, dataset->labels, examples * sizeof(int32_t));
}

static caviar_status allocate_host(caviar_population *p) {
    const size_t models = (size_t)p->shape.options.models;
    p->hyperparameters = calloc(models, sizeof *p->hyperparameters);
    p->active = calloc(models, sizeof *p->active);
    p->seen = calloc(models, sizeof *p->seen);
    p->order = calloc((size_t)p->eval_order_count, sizeof *p->order);
    if (!p->hyperparameters || !p->active || !p->seen || !p->order)
        return caviar_fail_memory("a population's records of its models",
                                  models * (sizeof *p->hyperparameters + sizeof *p->active + sizeof *p->seen));
    for (int64_t i = 0; i < p->eval_order_count; i++) p->order[i] = (int32_t)i;
    return CAVIAR_OK;
}

static caviar_status fill(caviar_population *p) {
    CAVIAR_TRY(caviar_choose_engine(p));
    const uint64_t bytes = caviar_population_lay_out(p, NULL);
    if (bytes > SIZE_MAX / 2)
        return caviar_fail(CAVIAR_OUT_OF_DEVICE_MEMORY,
                           "a population of %d such models takes more memory than there can be; train fewer at once",
                           p->shape.options.models);
    CAVIAR_TRY(caviar_device_allocate(&p->arena, p->device, (size_t)bytes));
    caviar_population_lay_out(p, p->arena);
    CAVIAR_TRY(allocate_host(p));
    CAVIAR_TRY(upload_data(p));
    CAVIAR_TRY(caviar_device_upload(p->device, p->eval_order, p->order, (size_t)p->eval_order_count * sizeof(int32_t)));
    return make_programs(p);
}

caviar_status caviar_population_make(caviar_population **population, caviar_device *device,
                                     const caviar_population_shape *shape) {
    caviar_population *p = calloc(1, sizeof *p);
    if (!p) return caviar_fail_memory("a population", sizeof *p);
    p->shape = *shape;
    p->device = device;
    const caviar_status status = fill(p);
    if (status) {
        caviar_population_destroy(p);
        return status;
    }
    *population = p;
    return CAVIAR_OK;
}

caviar_status caviar_population_create(caviar_population **population, caviar_device *device,
                                       const caviar_dataset *dataset, const caviar_population_options *options) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_population_create";
    CAVIAR_REQUIRE(population && device && dataset && options, "%s: an argument is NULL", function);
    const caviar_population_shape shape = shape_of(dataset, options);
    CAVIAR_TRY(caviar_shape_check(function, &shape));
    return caviar_population_make(population, device, &shape);
}

void caviar_population_destroy(caviar_population *p) {
    if (!p) return;
    caviar_program *const programs[] = { p->train_full,   p->train_tail,   p->eval_full,
                                         p->eval_tail[0], p->eval_tail[1], p->eval_tail[2] };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (programs[i]) p->device->table->program_destroy(p->device, programs[i]);
    caviar_device_free(p->device, p->arena);
    free(p->hyperparameters);
    free(p->active);
    free(p->seen);
    free(p->order);
    free(p);
}

/* ------------------------------------------------------------------------------------------------- starting a model */

caviar_status caviar_check_model_index(const char *function, const caviar_population *p, int32_t model) {
    CAVIAR_REQUIRE(p, "%s: population is NULL", function);
    CAVIAR_REQUIRE(model >= 0 && model < p->shape.options.models, "%s: model %d is not in 0 .. %d", function, model,
                   p->shape.options.models - 1);
    return CAVIAR_OK;
}

/* [low, high), or [low, high] where `closed`; NaN is outside. */
static caviar_status check_range(int32_t model, const char *field, double value, double low, double high, int closed) {
    CAVIAR_REQUIRE(value >= low && (closed ? value <= high : value < high),
                   "caviar_population_start: hyperparameters[%d].%s is %g, not in [%g, %g%c", model, field, value, low,
                   high, closed ? ']' : ')');
    return CAVIAR_OK;
}

/* Rates and decays become floats on the device, so the least that is above 0 is the least normal float. */
/* [0, 1) as the float that the device computes with: from 1 - 2^-25 on that is 1. */
static caviar_status check_below_one(int32_t model, const char *field, double value) {
    CAVIAR_TRY(check_range(model, field, value, 0, 1, 0));
    CAVIAR_REQUIRE(
        (float)value < 1,
        "caviar_population_start: hyperparameters[%d].%s is %.10g, which is 1 as a float; use 0.9999999 or less", model,
        field, value);
    return CAVIAR_OK;
}

/*
 * What decays to less than 2^-126 is 0 in a float as the device computes. The average of squares v is that after a
 * first gradient g of (1 - beta2) g^2 < 2^-126, and the step then is rate * g / epsilon, which is no more than the
 * rate, as Adam's steps should be, where epsilon >= |g|.
 */
static caviar_status check_epsilon(int32_t model, const caviar_hyperparameters *h) {
    const double least = 0x1p-63 / sqrt(1 - h->beta2);
    if (h->optimizer == CAVIAR_SGD || h->optimizer == CAVIAR_MOMENTUM) return CAVIAR_OK;
    CAVIAR_REQUIRE(
        h->epsilon >= least,
        "caviar_population_start: hyperparameters[%d].epsilon is %g; with a beta2 of %g it must be %.2g or more, "
        "since the average of smaller squares is 0 in a float",
        model, h->epsilon, h->beta2, least);
    return CAVIAR_OK;
}

static caviar_status check_hyperparameters(const caviar_population *p, int32_t i, const caviar_hyperparameters *h) {
    const double least = 1.2e-38, most = 3.4e38;
    const caviar_population_options *o = &p->shape.options;
    CAVIAR_REQUIRE(h->struct_size == sizeof *h,
                   "caviar_population_start: hyperparameters[%d].struct_size is %zu, not %zu; begin with "
                   "CAVIAR_HYPERPARAMETERS_INIT",
                   i, h->struct_size, sizeof *h);
    CAVIAR_TRY(check_range(i, "optimizer", (double)h->optimizer, CAVIAR_SGD, CAVIAR_ADAMW, 1));
    CAVIAR_TRY(check_range(i, "schedule", (double)h->schedule, CAVIAR_CONSTANT_RATE, CAVIAR_COSINE, 1));
    CAVIAR_TRY(check_range(i, "activation", (double)h->activation, CAVIAR_RELU, CAVIAR_SIGMOID, 1));
    CAVIAR_TRY(check_range(i, "learning_rate", h->learning_rate, least, most, 1));
    CAVIAR_TRY(check_below_one(i, "momentum", h->momentum));
    CAVIAR_TRY(check_range(i, "beta1", h->beta1, 0, 1, 0));
    CAVIAR_TRY(check_range(i, "beta2", h->beta2, 0, 1, 0));
    CAVIAR_TRY(check_range(i, "epsilon", h->epsilon, least, most, 1));
    CAVIAR_TRY(check_epsilon(i, h));
    CAVIAR_TRY(check_range(i, "weight_decay", h->weight_decay, 0, most, 1));
    CAVIAR_TRY(check_below_one(i, "dropout", h->dropout));
    if (h->schedule == CAVIAR_INVERSE_TIME) CAVIAR_TRY(check_range(i, "decay_rate", h->decay_rate, 0, most, 1));
    if (h->schedule == CAVIAR_EXPONENTIAL) CAVIAR_TRY(check_range(i, "decay_rate", h->decay_rate, least, 1, 1));
    if (h->schedule == CAVIAR_COSINE) CAVIAR_TRY(check_range(i, "schedule_epochs", h->schedule_epochs, least, most, 1));
    for (int32_t l = 0; l < o->hidden_layers; l++)
        CAVIAR_REQUIRE(h->hidden_width[l] >= 0 && h->hidden_width[l] <= o->hidden_width[l],
                       "caviar_population_start: hyperparameters[%d].hidden_width[%d] is %d, not in 0 .. %d, the "
                       "population's width",
                       i, l, h->hidden_width[l], o->hidden_width[l]);
    return CAVIAR_OK;
}

/* Uploads one number a model: element i of `to` is EXPRESSION of h = hyperparameters[i]. */
#define UPLOAD_EACH(to, expression)                                                                                    \
    do {                                                                                                               \
        for (int32_t i = 0; i < count; i++) {                                                                          \
            const caviar_hyperparameters *h = &hyperparameters[i];                                                     \
            memcpy((char *)scratch + (size_t)i * sizeof *(to), &(__typeof__(*(to))){ (expression) }, sizeof *(to));    \
        }                                                                                                              \
        CAVIAR_TRY(caviar_device_upload(p->device, (to) + first, scratch, (size_t)count * sizeof *(to)));              \
    } while (0)

static caviar_status upload_hyperparameters(caviar_population *p, int32_t first, int32_t count,
                                            const caviar_hyperparameters *hyperparameters, void *scratch) {
    caviar_model_arrays *a = &p->arrays;
    UPLOAD_EACH(a->optimizer, (int32_t)h->optimizer);
    UPLOAD_EACH(a->schedule, (int32_t)h->schedule);
    UPLOAD_EACH(a->activation, (int32_t)h->activation);
    UPLOAD_EACH(a->stream, h->stream);
    UPLOAD_EACH(a->step, ((void)h, 0));
    UPLOAD_EACH(a->averaged, ((void)h, 0));
    UPLOAD_EACH(a->learning_rate, h->learning_rate);
    UPLOAD_EACH(a->decay_rate, h->decay_rate);
    UPLOAD_EACH(a->duration, h->schedule_epochs);
    UPLOAD_EACH(a->complement1, 1 - h->beta1);
    UPLOAD_EACH(a->complement2, 1 - h->beta2);
    UPLOAD_EACH(a->complement1_float, (float)(1 - h->beta1));
    UPLOAD_EACH(a->complement2_float, (float)(1 - h->beta2));
    UPLOAD_EACH(a->momentum, (float)h->momentum);
    UPLOAD_EACH(a->epsilon, (float)h->epsilon);
    UPLOAD_EACH(a->weight_decay, (float)h->weight_decay);
    UPLOAD_EACH(a->dropout, (float)h->dropout);
    for (int32_t l = 0; l + 1 < p->layers; l++)
        UPLOAD_EACH(p->layer[l].widths, h->hidden_width[l] ? h->hidden_width[l] : p->shape.options.hidden_width[l]);
    UPLOAD_EACH(p->layer[p->layers - 1].widths, ((void)h, (int32_t)p->shape.classes));
    UPLOAD_EACH(a->active, ((void)h, 1));
    return CAVIAR_OK;
}

/* Sets a tensor of models first .. first + count - 1: see `initialize` in caviar/ops.h. */
static caviar_status initialize(caviar_population *p, int32_t first, int32_t count, caviar_initialize_args args,
                                float *block, int64_t stride, int64_t offset) {
    args.tensor = (caviar_tensor){ block + first * stride + offset, stride };
    args.models = count;
    args.seed = p->shape.options.seed;
    return caviar_op_initialize(p->device, &args, NULL);
}

static caviar_status initialize_tensors(caviar_population *p, int32_t first, int32_t count) {
    const int32_t output = p->layers - 1;
    for (int32_t l = 0; l <= output; l++) {
        const caviar_layer *layer = &p->layer[l];
        const int32_t *rows = l > 0 ? p->layer[l - 1].widths + first : NULL;
        const int32_t *columns = layer->widths + first;
        const caviar_initialize_args weight = { .rows = l > 0 ? layer->in : p->shape.features,
                                                .columns = layer->out,
                                                .row_widths = rows,
                                                .column_widths = columns,
                                                .activation = l < output ? p->arrays.activation + first : NULL,
                                                .stream = p->arrays.stream + first,
                                                .kind = CAVIAR_INITIALIZE_UNIFORM_FAN_IN,
                                                .layer = l };
        CAVIAR_TRY(initialize(p, first, count, weight, p->parameters, p->parameter_count, layer->weight));
        if (l == output || !p->shape.options.batch_norm) continue;
        const caviar_initialize_args one = {
            .rows = 1, .columns = layer->out, .column_widths = columns, .kind = CAVIAR_INITIALIZE_CONSTANT, .value = 1
        };
        CAVIAR_TRY(initialize(p, first, count, one, p->parameters, p->parameter_count, layer->gamma));
        CAVIAR_TRY(initialize(p, first, count, one, p->state, p->state_count, layer->running_variance));
    }
    return CAVIAR_OK;
}

caviar_status caviar_clear_training(caviar_population *p, int32_t first, int32_t count) {
    float *const blocks[3] = { p->gradients, p->first_moment, p->second_moment };
    const size_t bytes = (size_t)count * (size_t)p->parameter_count * sizeof(float);
    for (int i = 0; i < 3; i++)
        if (blocks[i]) CAVIAR_TRY(p->device->table->clear(p->device, blocks[i] + first * p->parameter_count, bytes));
    return CAVIAR_OK;
}

caviar_status caviar_population_start(caviar_population *p, int32_t first, int32_t count,
                                      const caviar_hyperparameters *hyperparameters) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_population_start";
    CAVIAR_TRY(caviar_check_model_index(function, p, first));
    CAVIAR_REQUIRE(hyperparameters, "%s: hyperparameters is NULL", function);
    CAVIAR_REQUIRE(count >= 1 && count <= p->shape.options.models - first, "%s: count is %d, not in 1 .. %d", function,
                   count, p->shape.options.models - first);
    for (int32_t i = 0; i < count; i++) CAVIAR_TRY(check_hyperparameters(p, i, &hyperparameters[i]));

    const size_t scratch_bytes = (size_t)count * sizeof(double);
    void *scratch = malloc(scratch_bytes);
    if (!scratch) return caviar_fail_memory("hyperparameters", scratch_bytes);
    caviar_status status = upload_hyperparameters(p, first, count, hyperparameters, scratch);
    free(scratch);
    CAVIAR_TRY(status);

    const caviar_device_table *table = p->device->table;
    const size_t parameters = (size_t)p->parameter_count * sizeof(float),
                 state = (size_t)p->state_count * sizeof(float);
    CAVIAR_TRY(table->clear(p->device, p->parameters + first * p->parameter_count, (size_t)count * parameters));
    CAVIAR_TRY(caviar_clear_training(p, first, count));
    if (state) CAVIAR_TRY(table->clear(p->device, p->state + first * p->state_count, (size_t)count * state));
    CAVIAR_TRY(initialize_tensors(p, first, count));
    if (p->shape.trains) {
        CAVIAR_TRY(table->clear(p->device, p->train_sums.loss + first, (size_t)count * sizeof(double)));
        CAVIAR_TRY(table->clear(p->device, p->train_sums.correct + first, (size_t)count * sizeof(int64_t)));
    }
    for (int32_t i = 0; i < count; i++) {
        p->hyperparameters[first + i] = hyperparameters[i];
        p->active[first + i] = 1;
        p->seen[first + i] = 0;
    }
    return table->wait(p->device);
}

caviar_status caviar_population_stop(caviar_population *p, int32_t model) {
    CAVIAR_TRY(caviar_check_model_index("caviar_population_stop", p, model));
    const int32_t off = 0;
    CAVIAR_TRY(caviar_device_upload(p->device, p->arrays.active + model, &off, sizeof off));
    p->active[model] = 0;
    return CAVIAR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- training
 */

static caviar_status begin_epoch(caviar_population *p) {
    const int64_t count = part_examples(p, CAVIAR_TRAIN), start = 0;
    memcpy(p->order, p->shape.dataset->part[CAVIAR_TRAIN], (size_t)count * sizeof *p->order);
    caviar_shuffle(p->order, count, p->shape.options.seed, CAVIAR_PURPOSE_SHUFFLE, (uint32_t)p->epoch);
    CAVIAR_TRY(caviar_device_upload(p->device, p->train_order, p->order, (size_t)count * sizeof *p->order));
    return caviar_device_upload(p->device, p->train_cursor, &start, sizeof start);
}

/* Counts examples only after the device has taken them: a failure leaves the records as they were. */
static caviar_status run_steps(caviar_population *p, caviar_program *program, int64_t steps, int64_t batch) {
    CAVIAR_TRY(p->device->table->program_run(p->device, program, steps));
    CAVIAR_TRY(p->device->table->wait(p->device));
    p->position += steps;
    for (int32_t k = 0; k < p->shape.options.models; k++)
        if (p->active[k]) p->seen[k] += steps * batch;
    return CAVIAR_OK;
}

caviar_status caviar_population_train(caviar_population *p, int64_t steps) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(p, "caviar_population_train: population is NULL");
    CAVIAR_REQUIRE(p->shape.trains, "caviar_population_train: this population was made for inference only");
    CAVIAR_REQUIRE(steps >= 0, "caviar_population_train: steps is %lld, not 0 or more", (long long)steps);
    const int64_t per_epoch = caviar_population_steps_per_epoch(p), batch = p->shape.options.batch_size;
    const int64_t full = part_examples(p, CAVIAR_TRAIN) / batch;
    while (steps > 0) {
        if (p->position == 0) CAVIAR_TRY(begin_epoch(p));
        const int64_t before = p->position;
        if (p->position < full) {
            const int64_t left = full - p->position;
            CAVIAR_TRY(run_steps(p, p->train_full, steps < left ? steps : left, batch));
        } else {
            CAVIAR_TRY(run_steps(p, p->train_tail, 1, training_tail(p)));
        }
        steps -= p->position - before;
        if (p->position == per_epoch) {
            p->position = 0;
            p->epoch++;
        }
    }
    return CAVIAR_OK;
}
