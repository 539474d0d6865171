/* Where everything of a population lies: sizes, padding, the carving of the arena. */
#include "host/data/dataset.h"
#include "host/status.h"
#include "population.h"

#include <math.h>
#include <string.h>

static int64_t round_up(int64_t value, int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

static int64_t largest(int64_t a, int64_t b) {
    return a > b ? a : b;
}

caviar_status caviar_shape_check(const char *function, const caviar_population_shape *shape) {
    const caviar_population_options *o = &shape->options;
    CAVIAR_REQUIRE(o->struct_size == sizeof *o,
                   "%s: options.struct_size is %zu, not %zu; begin with CAVIAR_POPULATION_OPTIONS_INIT", function,
                   o->struct_size, sizeof *o);
    CAVIAR_REQUIRE(o->engine >= CAVIAR_ENGINE_AUTO && o->engine <= CAVIAR_ENGINE_WHOLE_STEP,
                   "%s: options.engine is %d, not in 0 .. %d", function, (int)o->engine, CAVIAR_ENGINE_WHOLE_STEP);
    CAVIAR_REQUIRE(o->models >= 1, "%s: options.models is %d, not 1 or more", function, o->models);
    CAVIAR_REQUIRE(o->hidden_layers >= 0 && o->hidden_layers <= CAVIAR_MAX_HIDDEN_LAYERS,
                   "%s: options.hidden_layers is %d, not in 0 .. %d", function, o->hidden_layers,
                   CAVIAR_MAX_HIDDEN_LAYERS);
    for (int32_t l = 0; l < o->hidden_layers; l++)
        CAVIAR_REQUIRE(o->hidden_width[l] >= 1 && o->hidden_width[l] <= CAVIAR_MAX_WIDTH,
                       "%s: options.hidden_width[%d] is %d, not in 1 .. %d", function, l, o->hidden_width[l],
                       CAVIAR_MAX_WIDTH);
    CAVIAR_REQUIRE(o->batch_norm == 0 || o->batch_norm == 1, "%s: options.batch_norm is %d, not 0 or 1", function,
                   o->batch_norm);
    const int normalises = o->batch_norm && o->hidden_layers > 0;
    CAVIAR_REQUIRE(o->batch_size >= 1 && o->batch_size <= 65536, "%s: options.batch_size is %d, not in 1 .. 65536",
                   function, o->batch_size);
    CAVIAR_REQUIRE(!normalises || o->batch_size >= 2,
                   "%s: options.batch_size is 1, and batch norm has no variance of one example; use 2 or more",
                   function);
    CAVIAR_REQUIRE(isfinite(o->batch_norm_epsilon) && o->batch_norm_epsilon >= 1e-30 && o->batch_norm_epsilon <= 1e30,
                   "%s: options.batch_norm_epsilon is %g, not in 1e-30 .. 1e30", function, o->batch_norm_epsilon);
    CAVIAR_REQUIRE(o->batch_norm_momentum >= 1e-6 && o->batch_norm_momentum <= 1,
                   "%s: options.batch_norm_momentum is %g, not in 1e-6 .. 1", function, o->batch_norm_momentum);
    if (!shape->trains) return CAVIAR_OK;
    CAVIAR_REQUIRE(shape->dataset->classes >= 2, "%s: the dataset has no labels to train on", function);
    CAVIAR_REQUIRE(shape->dataset->classes <= CAVIAR_MAX_WIDTH,
                   "%s: the dataset has %lld classes, and networks are trained on %d at most; use fewer labels",
                   function, (long long)shape->dataset->classes, CAVIAR_MAX_WIDTH);
    CAVIAR_REQUIRE(o->batch_size <= shape->dataset->part_examples[CAVIAR_TRAIN],
                   "%s: options.batch_size is %d, but the training part has %lld examples", function, o->batch_size,
                   (long long)shape->dataset->part_examples[CAVIAR_TRAIN]);
    return CAVIAR_OK;
}

/* Weight matrices come first in a model's parameters: weight decay is for a prefix. */
static void lay_out_parameters(caviar_population *p) {
    const caviar_population_options *o = &p->shape.options;
    p->padded_features = round_up(p->shape.features, 4);
    p->padded_classes = round_up(p->shape.classes, 4);
    p->layers = o->hidden_layers + 1;
    int64_t in = p->padded_features, parameters = 0, state = 0;
    for (int32_t l = 0; l < p->layers; l++) {
        caviar_layer *layer = &p->layer[l];
        layer->in = in;
        layer->out = l < o->hidden_layers ? round_up(o->hidden_width[l], 4) : p->padded_classes;
        layer->weight = parameters;
        parameters += layer->in * layer->out;
        in = layer->out;
    }
    p->decayed_count = parameters;
    for (int32_t l = 0; l < p->layers; l++) {
        caviar_layer *layer = &p->layer[l];
        int64_t *const vectors[2] = { &layer->gamma, &layer->beta };
        int64_t *const states[4] = { &layer->running_mean, &layer->running_variance, &layer->mean,
                                     &layer->inverse_deviation };
        if (o->batch_norm && l < o->hidden_layers) {
            for (int i = 0; i < 2; i++) *vectors[i] = parameters, parameters += layer->out;
            for (int i = 0; i < 4; i++) *states[i] = state, state += layer->out;
        } else {
            layer->bias = parameters;
            parameters += layer->out;
        }
    }
    p->parameter_count = round_up(parameters, 64);
    p->state_count = round_up(state, 64);
}

/* The arena being carved: `base` NULL measures. */
typedef struct carver {
    char *base;
    uint64_t used; /* UINT64_MAX: more than there can be */
} carver;

/* Models are counted in 32 bits and so are features: their product with a size may have more than 64. */
static void *carve(carver *c, int64_t models, int64_t each, size_t size) {
    const unsigned __int128 bytes = ((unsigned __int128)models * (uint64_t)each * size + 255) / 256 * 256;
    void *memory = c->base && bytes > 0 ? c->base + c->used : NULL;
    c->used = bytes > UINT64_MAX - c->used ? UINT64_MAX : c->used + (uint64_t)bytes;
    return memory;
}

/* An array with `each` elements a model. */
#define CARVE_EACH(pointer, models, each) ((pointer) = carve(&c, (models), (each), sizeof *(pointer)))
#define CARVE(pointer, count) CARVE_EACH(pointer, 1, count)

uint64_t caviar_population_lay_out(caviar_population *p, char *arena) {
    lay_out_parameters(p);
    const caviar_population_options *o = &p->shape.options;
    const caviar_dataset *dataset = p->shape.dataset;
    const int64_t models = o->models;
    const int64_t batch = largest(p->shape.trains ? o->batch_size : 0, CAVIAR_EVALUATION_BATCH);
    const int64_t trained = p->shape.trains ? models : 0, with_gradients = p->whole_step ? 0 : trained;
    carver c = { arena, 0 };

    CARVE_EACH(p->parameters, models, p->parameter_count);
    CARVE_EACH(p->state, models, p->state_count);
    CARVE_EACH(p->gradients, with_gradients, p->parameter_count);
    CARVE_EACH(p->first_moment, trained, p->parameter_count);
    CARVE_EACH(p->second_moment, trained, p->parameter_count);

    caviar_model_arrays *a = &p->arrays;
    int32_t **const integers[] = { &a->active, &a->optimizer, &a->schedule, &a->activation };
    double **const doubles[] = { &a->learning_rate, &a->decay_rate, &a->duration, &a->complement1, &a->complement2 };
    float **const floats[] = { &a->rate,     &a->correction1,       &a->correction2,
                               &a->momentum, &a->complement1_float, &a->complement2_float,
                               &a->epsilon,  &a->weight_decay,      &a->dropout,
                               &a->momenta };
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) CARVE(*integers[i], models);
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) CARVE(*doubles[i], models);
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) CARVE(*floats[i], models);
    CARVE(a->stream, models);
    CARVE(a->step, models);
    CARVE(a->averaged, models);

    CARVE(p->mean, p->shape.features);
    CARVE(p->scale, p->shape.features);
    CARVE(p->eval_cursor, 1);
    p->eval_order_count = CAVIAR_EVALUATION_BATCH;
    if (dataset) {
        for (int part = 0; part < 3; part++)
            p->eval_order_count = largest(p->eval_order_count, dataset->part_examples[part]);
        p->features = carve(&c, dataset->examples, dataset->feature_count, caviar_type_size(dataset->type));
        CARVE(p->labels, dataset->labels ? dataset->examples : 0);
    }
    CARVE(p->eval_order, p->eval_order_count);
    CARVE(p->raw, CAVIAR_EVALUATION_BATCH * p->shape.features);
    if (p->shape.trains) {
        CARVE(p->train_order, dataset->part_examples[CAVIAR_TRAIN]);
        CARVE(p->train_cursor, 1);
    }

    p->widest = 0;
    for (int32_t l = 0; l < p->layers; l++) {
        caviar_layer *layer = &p->layer[l];
        CARVE(layer->widths, models);
        if (l == o->hidden_layers) break;
        p->widest = largest(p->widest, layer->out);
        CARVE_EACH(layer->z, models, batch * layer->out);
        CARVE_EACH(layer->h, models, batch * layer->out);
    }
    CARVE_EACH(p->gradient_a, with_gradients, batch * p->widest);
    CARVE_EACH(p->gradient_b, with_gradients, batch * p->widest);
    CARVE(p->input, batch * p->padded_features);
    CARVE(p->input_labels, batch);
    CARVE_EACH(p->logits, models, batch * p->padded_classes);
    CARVE_EACH(p->losses, models, batch);
    CARVE_EACH(p->predictions, models, batch);
    CARVE(p->train_sums.loss, trained);
    CARVE(p->train_sums.correct, trained);
    CARVE(p->eval_sums.loss, models);
    CARVE(p->eval_sums.correct, models);
    return c.used;
}
