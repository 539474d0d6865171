/* Cases of initialize (in rows, width columns) and sample (models trials). */
#include "cases.h"

#include "kernels/randomness.h"

#include <math.h>

enum { CONSTANT = 1 };

static const shape shapes[] = {
    { 1, 1, 1, 1, MODEL_MAJOR, FEWER, 0, "the smallest" },
    { 3, 1, 7, 5, MODEL_MAJOR, ACTIVATION, 0, "a partial block of random words" },
    { 2, 1, 31, 33, MODEL_MAJOR, ACTIVATION, 0, "either side of a warp's width" },
    { 4, 1, 784, 64, MODEL_MAJOR, FEWER, 0, "the first layer on images" },
    { 3, 1, 2, 4096, MODEL_MAJOR, ACTIVATION, 0, "the widest" },
    { 2, 1, 16, 64, MODEL_MAJOR, ACTIVATION, 0, "as many quads as a block has threads" },
    { 2, 1, 257, 4, LOOSE, ACTIVATION, 0, "one more, off 16 bytes" },
    { 3, 1, 61, 67, MODEL_MAJOR, ACTIVATION, 0, "primes" },
    { 65537, 1, 1, 1, MODEL_MAJOR, ACTIVATION, 0, "two models more than a grid has blocks" },
    { 7, 1, 37, 23, MODEL_MAJOR, ACTIVATION | PADDED | INACTIVE, 0, "padding is 0; models that are not selected" },
    { 1000, 1, 3, 4, MODEL_MAJOR, ACTIVATION | PADDED, 0, "a thousand models" },
    { 6, 1, 1, 65, MODEL_MAJOR, PADDED | INACTIVE, CONSTANT, "gamma: a constant, with padding" },
    { 6, 1, 5, 4100, MODEL_MAJOR, 0, CONSTANT, "a constant wider than random matrices may be" },
};

#define WEIGHT_SEED 0xfeedfacecafebeefu
#define WEIGHT_LAYER 2

static operand *row_widths, *column_widths, *activation, *selected, *stream, *tensor;

static void build(scene *s, caviar_call *call) {
    const shape *size = &s->shape;
    const int constant = size->data == CONSTANT;
    row_widths = put_widths(s, size->flags & PADDED, size->in);
    column_widths = put_widths(s, size->flags & PADDED, size->width);
    activation = put_vector(s, size->flags & ACTIVATION, sizeof(int32_t));
    selected = put_vector(s, size->flags & INACTIVE, sizeof(int32_t));
    stream = put_vector(s, !constant, sizeof(uint32_t));
    if (stream) fill_integers(s, stream, 0, 4294967295);
    for (int64_t k = 0; k < size->models; k++) {
        if (activation) WAS(int32_t, activation, k, 0, 0) = (int32_t)((s->first + k) % 4);
        if (selected) WAS(int32_t, selected, k, 0, 0) = (s->first + k) % 3 != 2;
    }
    tensor = output(put_tensor(s, size->in, size->width, row_widths, column_widths));
    call->args.initialize = (caviar_initialize_args){
        .tensor = tensor_of(tensor),
        .models = size->models,
        .rows = size->in,
        .columns = size->width,
        .selected = on_device(selected),
        .row_widths = on_device(row_widths),
        .column_widths = on_device(column_widths),
        .activation = on_device(activation),
        .stream = on_device(stream),
        .kind = constant ? CAVIAR_INITIALIZE_CONSTANT : CAVIAR_INITIALIZE_UNIFORM_FAN_IN,
        .value = 1.5f,
        .seed = WEIGHT_SEED,
        .layer = WEIGHT_LAYER,
    };
}

/* On (-1, 1), by caviar/ops.h and randomness.h as they are written there. */
static double symmetric(int64_t k, int64_t i, int64_t j) {
    const uint64_t subsequence = UINT64_C(2) << 56 | (uint64_t)WEIGHT_LAYER << 48 | WAS(uint32_t, stream, k, 0, 0);
    const caviar_words words = caviar_philox(WEIGHT_SEED, subsequence, (uint64_t)(i * 1024 + j / 4));
    return (2.0 * (words.word[j % 4] >> 8) - 16777215.0) / 16777216.0;
}

static void check(const scene *s, const caviar_call *call) {
    norm n = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++) {
        const double gain = activation && WAS(int32_t, activation, k, 0, 0) == CAVIAR_RELU ? 2 : 1;
        const double bound = sqrt(3 * gain / (double)live_rows(tensor, k));
        double square = 0, largest = 0;
        for (int64_t i = 0; i < s->shape.in; i++)
            for (int64_t j = 0; j < s->shape.width; j++) {
                if (selected && !WAS(int32_t, selected, k, 0, 0)) {
                    cr_assert(unchanged(tensor, k, i, j));
                    continue;
                }
                const int padding = i >= live_rows(tensor, k) || j >= live_columns(tensor, k);
                double expected = (double)call->args.initialize.value;
                if (s->shape.data != CONSTANT && !padding) expected = bound * symmetric(k, i, j);
                near(s, &n, "tensor", k, i, j, (double)NOW(float, tensor, k, i, j), padding ? 0 : expected,
                     s->shape.data == CONSTANT || padding ? 0 : 2 * ULP * fabs(expected));
                const double got = (double)NOW(float, tensor, k, i, j);
                square += got * got / (double)(s->shape.in * s->shape.width);
                largest = fmax(largest, fabs(got));
            }
        /* 50176 numbers: the mean square is gain / rows within 4 of its standard deviations, sqrt(4/5 / n). */
        if (s->shape.in == 784)
            cr_assert(
                fabs(square * 784 / gain - 1) < 4 * sqrt(0.8 / 50176) && largest < bound && largest > 0.999 * bound,
                "model %lld: mean square times rows %g, largest %g of %g", (long long)k, square * 784, largest, bound);
    }
    norm_within(s, &n, "tensor", 2e-7);
}

/* ----------------------------------------------------------------------------------------------------------- sample
 */

static const caviar_axis axis_table[] = {
    { CAVIAR_UNIFORM, 0, -1, 3, -1, 3, 0, 0, 0 },
    { CAVIAR_LOG_UNIFORM, 0, -6, 0, 1e-6, 1, 0, 0, 0 },
    { CAVIAR_ONE_MINUS_LOG_UNIFORM, 0, 1, 3, 0.9, 0.999, 0, 0, 0 },
    { CAVIAR_INT_UNIFORM, 0, 0.5, 8.5, 1, 8, 0, 0, 0 },
    { CAVIAR_Q_UNIFORM, 0, 24, 264, 32, 256, 16, 0, 0 },
    { CAVIAR_Q_LOG_UNIFORM, 0, 1, 3, 16, 1008, 16, 0, 0 },
    { CAVIAR_CATEGORICAL, 0, 0, 5, 0, 4, 0, 0, 0 },
    { CAVIAR_CONSTANT, 0, 2, 2, 2, 2, 0, 0, 0 },
    { CAVIAR_LOG_UNIFORM, 0, -2, -2, 0.01, 0.01, 0, 0, 0 },
    { CAVIAR_NORMAL, 0, 1e-10, 1 - 1e-10, -100, 100, 0, 0.3, 0.1 },
    { CAVIAR_Q_NORMAL, 0, 0.02, 0.999, 32, 256, 16, 100, 40 },
    { CAVIAR_LOG_NORMAL, 0, 0.001, 0.999, 1e-6, 10, 0, -6, 2 },
    { CAVIAR_Q_LOG_NORMAL, 0, 0.1, 0.9, 8, 4096, 8, 4, 1 },
};
enum { AXES = COUNT(axis_table) };

static const shape sample_shapes[] = {
    { 1, 1, 0, 0, MODEL_MAJOR, 0, 0, "one trial" },
    { 3, 1, 0, 0, LOOSE, 0, 0, "three, off 16 bytes" },
    { 31, 1, 0, 0, MODEL_MAJOR, 0, 0, "one fewer than a warp" },
    { 32, 1, 0, 0, MODEL_MAJOR, 0, 0, "a warp" },
    { 128, 1, 0, 0, MODEL_MAJOR, 0, 0, "whole blocks" },
    { 1000, 1, 0, 0, MODEL_MAJOR, 0, 0, "a thousand" },
    { 33, 1, 0, 0, MODEL_MAJOR, 0, 1, "the last trials below 2^32" },
    { 2000, 1, 0, 0, MODEL_MAJOR, 0, 0, "many: half of [0.9, 0.999] above 0.99, ends of integer ranges as likely" },
};

static operand *axes, *positions, *values;

static void build_sample(scene *s, caviar_call *call) {
    axes = put_shared(s, 1, sizeof(caviar_axis), AXES, 1);
    for (int64_t i = 0; i < AXES; i++) WAS(caviar_axis, axes, 0, i, 0) = axis_table[i];
    positions = output(put(s, 1, sizeof(double), s->shape.models, 1, AXES));
    values = output(put(s, 1, sizeof(double), s->shape.models, 1, AXES));
    const int64_t last = ((int64_t)1 << 32) - s->shape.models;
    call->args.sample = (caviar_sample_args){ .axes = on_device(axes),
                                              .positions = on_device(positions),
                                              .values = on_device(values),
                                              .axis_count = AXES,
                                              .trials = s->shape.models,
                                              .first_trial = s->shape.data ? last : s->first,
                                              .seed = 0x0123456789abcdefu };
}

/* z with a probability of p below it: Newton's steps from the approximation come to the exact one. */
static long double normal_quantile(double p) {
    long double z = caviar_normal_quantile(p);
    for (int step = 0; step < 3; step++) z -= (erfcl(-z * sqrtl(0.5L)) / 2 - p) * sqrtl(8 * atanl(1)) * expl(z * z / 2);
    return z;
}

static long double value_of(const caviar_axis *axis, double position) {
    switch (axis->distribution) {
    case CAVIAR_LOG_UNIFORM: return powl(10, position);
    case CAVIAR_ONE_MINUS_LOG_UNIFORM: return 1 - powl(10, -position);
    case CAVIAR_INT_UNIFORM: return floor(position + 0.5);
    case CAVIAR_Q_UNIFORM: return floor(position / axis->quantum + 0.5) * axis->quantum;
    case CAVIAR_Q_LOG_UNIFORM: return floorl(powl(10, position) / axis->quantum + 0.5) * axis->quantum;
    case CAVIAR_CATEGORICAL: return floor(position);
    case CAVIAR_NORMAL: return axis->mean + axis->deviation * normal_quantile(position);
    case CAVIAR_LOG_NORMAL: return expl(axis->mean + axis->deviation * normal_quantile(position));
    case CAVIAR_Q_NORMAL:
        return floorl((axis->mean + axis->deviation * normal_quantile(position)) / axis->quantum + 0.5L) *
               axis->quantum;
    case CAVIAR_Q_LOG_NORMAL:
        return floorl(expl(axis->mean + axis->deviation * normal_quantile(position)) / axis->quantum + 0.5L) *
               axis->quantum;
    default: return position;
    }
}

static void check_distributions(const scene *s) {
    const int64_t trials = s->shape.models;
    int64_t above = 0, whole[9] = { 0 }, category[5] = { 0 };
    for (int64_t t = 0; t < trials; t++) {
        above += NOW(double, values, t, 0, 2) > 0.99;
        whole[(int)NOW(double, values, t, 0, 3)]++;
        category[(int)NOW(double, values, t, 0, 6)]++;
    }
    /* Counts of a binomial distribution, within 4 standard deviations. */
    const double n = (double)trials;
    near(s, NULL, "values above 0.99", 0, 0, 2, (double)above, n / 2, 4 * sqrt(n / 4));
    for (int i = 1; i <= 8; i++) near(s, NULL, "whole", 0, i, 3, (double)whole[i], n / 8, 4 * sqrt(n * 7 / 64));
    for (int i = 0; i < 5; i++) near(s, NULL, "category", 0, i, 6, (double)category[i], n / 5, 4 * sqrt(n * 4 / 25));
}

/* How far a value may be from the exact one; the quantiles are exact to 4e-15. */
static double allowed_of(const caviar_axis *axis, double value) {
    switch (axis->distribution) {
    case CAVIAR_LOG_UNIFORM:
    case CAVIAR_ONE_MINUS_LOG_UNIFORM: return 0x1p-51 * value;
    case CAVIAR_NORMAL: return 5e-15 * axis->deviation + 0x1p-52 * fabs(value);
    case CAVIAR_LOG_NORMAL: return (5e-15 * axis->deviation + 4e-15) * value;
    default: return 0;
    }
}

static void check_sample(const scene *s, const caviar_call *call) {
    norm where = { 0, 0 }, what = { 0, 0 };
    const caviar_sample_args *a = &call->args.sample;
    for (int64_t t = 0; t < s->shape.models; t++)
        for (int64_t i = 0; i < AXES; i++) {
            const caviar_axis *axis = &axis_table[i];
            const caviar_words words =
                caviar_philox(a->seed, UINT64_C(1) << 56 | (uint64_t)(a->first_trial + t), (uint64_t)(i / 2));
            const uint64_t bits = (uint64_t)words.word[i % 2 * 2] << 32 | words.word[i % 2 * 2 + 1];
            const long double u = ((long double)(bits >> 12) + 0.5L) / 4503599627370496.0L;
            const double position = NOW(double, positions, t, 0, i);
            near(s, &where, "position", t, 0, i, position,
                 (double)((long double)axis->low + u * ((long double)axis->high - (long double)axis->low)),
                 1e-15 * 300);
            long double value = value_of(axis, position);
            value = fminl(fmaxl(value, axis->minimum), axis->maximum);
            near(s, &what, "value", t, 0, i, NOW(double, values, t, 0, i), (double)value,
                 allowed_of(axis, (double)value));
        }
    norm_within(s, &where, "positions", 1e-15);
    norm_within(s, &what, "values", 1e-15);
    if (s->shape.models >= 1000 && s->first == 0) check_distributions(s);
}

const op_cases cases_initialize = { shapes, COUNT(shapes), build, check };
const op_cases cases_sample = { sample_shapes, COUNT(sample_shapes), build_sample, check_sample };
