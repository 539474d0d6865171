/* Cases of batch_norm_forward, batch_norm_backward and batch_norm_inference. */
#include "cases.h"
#include "layer.h"

#include <math.h>

enum { ZERO_VARIANCE = 1, LARGE_MEAN, ONE_NAN };

static const shape shapes[] = {
    { 1, 2, 0, 1, MODEL_MAJOR, 0, 0, "the smallest" },
    { 3, 2, 0, 31, EXAMPLE_MAJOR, ACTIVATION, 0, "a batch of two" },
    { 4, 31, 0, 5, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "one example fewer than a warp; a partial quad of a mask" },
    { 4, 32, 0, 32, MODEL_MAJOR, ACTIVATION | IN_PLACE, 0, "a warp's width both ways, in place" },
    { 5, 33, 0, 33, LOOSE, ACTIVATION | DROPOUT, 0, "one more than a warp; nothing aligned" },
    { 2, 127, 0, 64, MODEL_MAJOR, ACTIVATION, 0, "one tile of the CPU" },
    { 3, 64, 0, 8, EXAMPLE_MAJOR, ACTIVATION, 0, "as many examples as two a thread of a GPU, by quads" },
    { 2, 65, 0, 12, MODEL_MAJOR, DROPOUT, 0, "one more than two a thread" },
    { 3, 64, 0, 5, MODEL_MAJOR, ACTIVATION | IN_PLACE, 0, "two a thread, not by quads" },
    { 3, 128, 0, 4, EXAMPLE_MAJOR, ACTIVATION | DROPOUT | IN_PLACE, 0, "as many as four a thread" },
    { 2, 129, 0, 8, MODEL_MAJOR, ACTIVATION, 0, "one more than four a thread" },
    { 2, 256, 0, 4, EXAMPLE_MAJOR, ACTIVATION, 0, "as many as eight a thread, the most that registers hold" },
    { 1, 256, 0, 3, MODEL_MAJOR, 0, 0, "the same, not by quads" },
    { 2, 257, 0, 8, MODEL_MAJOR, DROPOUT | IN_PLACE, 0, "one more: read again from memory, in place" },
    { 1, 257, 0, 6, LOOSE, ACTIVATION, 0, "the same, not by quads" },
    { 2, 289, 0, 4, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "a last row of one example" },
    { 4, 9, 0, 16, EXAMPLE_MAJOR, ACTIVATION, 0, "two whole blocks of columns" },
    { 3, 9, 0, 8, SHIFTED, ACTIVATION, 0, "strides are by quads, but no row is on 16 bytes" },
    { 3, 9, 0, 6, PITCHED, ACTIVATION, 0, "rows are by quads, but the last quad is not whole" },
    { 3, 9, 0, 8, RAGGED_ROWS, ACTIVATION, 0, "the first example is on 16 bytes, others are not" },
    { 3, 9, 0, 8, RAGGED_MODELS, ACTIVATION, 0, "the first model is on 16 bytes, others are not" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ODD_MATRIX, 0, "z is off 16 bytes" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ODD_MATRIX << 1, 0, "y, or dy, is off 16 bytes" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ODD_MATRIX << 2, 0, "dz is off 16 bytes" },
    { 4, 19, 0, 65, MODEL_MAJOR, ACTIVATION | DROPOUT, 0, "a tile and a column" },
    { 3, 61, 0, 131, EXAMPLE_MAJOR, IN_PLACE, 0, "primes" },
    { 7, 37, 0, 23, LOOSE, ACTIVATION | DROPOUT | PADDED | INACTIVE, 0, "padding; models that are not active" },
    { 8, 24, 0, 80, MODEL_MAJOR, ACTIVATION | PADDED | IN_PLACE | INACTIVE, 0, "padding of a tile and more, in place" },
    { 2, 1025, 0, 4, MODEL_MAJOR, ACTIVATION, 0, "a long sum" },
    { 1000, 3, 0, 2, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "a thousand models" },
    { 4, 12, 0, 6, EXAMPLE_MAJOR, ACTIVATION, ZERO_VARIANCE, "columns that are constant" },
    { 4, 128, 0, 5, MODEL_MAJOR, ACTIVATION, LARGE_MEAN, "mean 4096 and variance 0.25: E[z^2] - E[z]^2 would be 0" },
    { 4, 51, 0, 9, EXAMPLE_MAJOR, 0, LARGE_MEAN, "the same, with a mean that is not a float" },
    { 5, 16, 0, 7, LOOSE, ACTIVATION, ONE_NAN, "a NaN makes its column NaN, through relu too, and no other" },
};

#define EPSILON 1e-5f
#define MOMENTUM 0.1f

static layer_operands l;
static operand *z, *gamma_, *beta, *running_mean, *running_variance, *mean, *inverse, *y, *dy, *dz, *dgamma, *dbeta,
    *momenta;

static operand *put_columns(scene *s, double low, double high) {
    return fill(s, put_tensor(s, 1, s->shape.width, NULL, l.widths), low, high);
}

static void put_special(const scene *s) {
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t b = 0; b < s->shape.batch; b++)
            for (int64_t j = 0; j < live_columns(z, k); j++) {
                float *value = &WAS(float, z, k, b, j);
                if (s->shape.data == ZERO_VARIANCE && j % 2 == 0) *value = 0.75f - (float)j;
                if (s->shape.data == LARGE_MEAN) *value = (b + j) % 2 ? 4095.5f : 4096.5f;
                if (s->shape.data == ONE_NAN && b == 2 && j == 3) *value = NAN;
            }
}

static void put_common(scene *s) {
    put_layer(s, &l);
    /* What a layer's products leave in the padding is not said. */
    z = spoil_padding(fill(s, put_matrix(s, 1, s->shape.width, l.widths), -2, 3));
    gamma_ = put_columns(s, 0.5, 2);
    beta = put_columns(s, -1, 1);
    put_special(s);
}

static void build_forward(scene *s, caviar_call *call) {
    put_common(s);
    running_mean = output(put_columns(s, -1, 1));
    running_variance = output(put_columns(s, 0.5, 2));
    mean = output(put_tensor(s, 1, s->shape.width, NULL, l.widths));
    inverse = output(put_tensor(s, 1, s->shape.width, NULL, l.widths));
    const int in_place = s->shape.flags & IN_PLACE;
    operand *other = put_matrix(s, !in_place, s->shape.width, l.widths);
    y = output(in_place ? z : other);
    momenta = in_place ? fill(s, put_vector(s, 1, sizeof(float)), 0.1, 1) : NULL;
    call->args.batch_norm_forward = (caviar_batch_norm_forward_args){ .z = matrix_of(z),
                                                                      .gamma = tensor_of(gamma_),
                                                                      .beta = tensor_of(beta),
                                                                      .running_mean = tensor_of(running_mean),
                                                                      .running_variance = tensor_of(running_variance),
                                                                      .mean = tensor_of(mean),
                                                                      .inverse_deviation = tensor_of(inverse),
                                                                      .y = matrix_of(y),
                                                                      .models = s->shape.models,
                                                                      .batch = s->shape.batch,
                                                                      .width = s->shape.width,
                                                                      .widths = on_device(l.widths),
                                                                      .activation = on_device(l.activation),
                                                                      .dropout = dropout_of(&l),
                                                                      .epsilon = EPSILON,
                                                                      .momentum = MOMENTUM,
                                                                      .active = on_device(l.active),
                                                                      .momenta = on_device(momenta) };
}

/* z without its rounding to a mean of the batch's own: what the formula for a sees. */
static double backward_input(int64_t k, int64_t b, int64_t j) {
    const double xhat =
        ((double)WAS(float, z, k, b, j) - (double)WAS(float, mean, k, 0, j)) * (double)WAS(float, inverse, k, 0, j);
    return (double)WAS(float, gamma_, k, 0, j) * xhat + (double)WAS(float, beta, k, 0, j);
}

static void build_backward(scene *s, caviar_call *call) {
    put_common(s);
    const double middle = s->shape.data == LARGE_MEAN ? 4096 : 0;
    mean = put_columns(s, middle - 0.5, middle + 0.5);
    inverse = put_columns(s, 0.5, 2);
    dy = spoil_padding(fill(s, put_matrix(s, 1, s->shape.width, l.widths), -1, 1));
    avoid_corner(&l, z, backward_input, 0.01f);
    dgamma = output(put_tensor(s, 1, s->shape.width, NULL, l.widths));
    dbeta = output(put_tensor(s, 1, s->shape.width, NULL, l.widths));
    const int in_place = s->shape.flags & IN_PLACE;
    operand *other = put_matrix(s, !in_place, s->shape.width, l.widths);
    dz = output(in_place ? dy : other);
    call->args.batch_norm_backward = (caviar_batch_norm_backward_args){ .z = matrix_of(z),
                                                                        .dy = matrix_of(dy),
                                                                        .gamma = tensor_of(gamma_),
                                                                        .beta = tensor_of(beta),
                                                                        .mean = tensor_of(mean),
                                                                        .inverse_deviation = tensor_of(inverse),
                                                                        .dz = matrix_of(dz),
                                                                        .dgamma = tensor_of(dgamma),
                                                                        .dbeta = tensor_of(dbeta),
                                                                        .models = s->shape.models,
                                                                        .batch = s->shape.batch,
                                                                        .width = s->shape.width,
                                                                        .widths = on_device(l.widths),
                                                                        .activation = on_device(l.activation),
                                                                        .dropout = dropout_of(&l) };
}

static void build_inference(scene *s, caviar_call *call) {
    put_common(s);
    running_mean = put_columns(s, -1, 1);
    running_variance = put_columns(s, 0, 2);
    const int in_place = s->shape.flags & IN_PLACE;
    operand *other = put_matrix(s, !in_place, s->shape.width, l.widths);
    y = output(in_place ? z : other);
    call->args.batch_norm_inference =
        (caviar_batch_norm_inference_args){ .z = matrix_of(z),
                                            .gamma = tensor_of(gamma_),
                                            .beta = tensor_of(beta),
                                            .running_mean = tensor_of(running_mean),
                                            .running_variance = tensor_of(running_variance),
                                            .y = matrix_of(y),
                                            .models = s->shape.models,
                                            .batch = s->shape.batch,
                                            .width = s->shape.width,
                                            .widths = on_device(l.widths),
                                            .activation = on_device(l.activation),
                                            .epsilon = EPSILON };
}

/* The padding columns of a written matrix are 0, of vectors untouched. */
static int check_padding(const scene *s, const operand *matrix, int64_t k, int64_t j) {
    if (j < live_columns(matrix, k)) return 0;
    for (int64_t b = 0; b < s->shape.batch; b++)
        near(s, NULL, "padding", k, b, j, (double)NOW(float, matrix, k, b, j), 0, 0);
    return 1;
}

static void check_vector_padding(const scene *s, const operand *o, int64_t k, int64_t j) {
    if (o)
        cr_assert(unchanged(o, k, 0, j), "%s: padding %lld of model %lld was written", s->shape.why, (long long)j,
                  (long long)k);
}

typedef struct moments {
    double mean, variance, largest;
} moments;

static moments moments_of(const scene *s, int64_t k, int64_t j) {
    moments m = { 0, 0, 0 };
    const double n = (double)s->shape.batch;
    for (int64_t b = 0; b < s->shape.batch; b++) {
        m.mean += (double)WAS(float, z, k, b, j) / n;
        m.largest = fmax(m.largest, fabs((double)WAS(float, z, k, b, j)));
    }
    for (int64_t b = 0; b < s->shape.batch; b++) m.variance += pow((double)WAS(float, z, k, b, j) - m.mean, 2) / n;
    return m;
}

/* Of what a model has one of for each column. */
typedef struct column_norms {
    norm mean, inverse, running_mean, running_variance;
} column_norms;

static void check_running(const scene *s, const moments *m, int64_t k, int64_t j, column_norms *n) {
    if (!is_active(&l, k)) {
        cr_assert(unchanged(running_mean, k, 0, j) && unchanged(running_variance, k, 0, j));
        return;
    }
    const double batch = (double)s->shape.batch, unbiased = m->variance * batch / (batch - 1);
    const double momentum = momenta ? (double)WAS(float, momenta, k, 0, 0) : (double)MOMENTUM;
    const double old_mean = (double)WAS(float, running_mean, k, 0, j);
    const double old_variance = (double)WAS(float, running_variance, k, 0, j);
    near(s, &n->running_mean, "running_mean", k, 0, j, (double)NOW(float, running_mean, k, 0, j),
         old_mean + momentum * (m->mean - old_mean), 4 * ULP * (1 + m->largest));
    /* The mean that deviations are taken from may be rounded to a float. */
    near(s, &n->running_variance, "running_variance", k, 0, j, (double)NOW(float, running_variance, k, 0, j),
         old_variance + momentum * (unbiased - old_variance),
         16 * ULP * (1 + unbiased) + 4 * ULP * m->largest * (sqrt(unbiased) + ULP * m->largest));
}

static void check_forward(const scene *s, const caviar_call *call) {
    (void)call;
    norm n = { 0, 0 };
    column_norms columns = { { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 0 } };
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t j = 0; j < s->shape.width; j++) {
            if (check_padding(s, y, k, j)) {
                check_vector_padding(s, mean, k, j);
                check_vector_padding(s, inverse, k, j);
                check_vector_padding(s, running_mean, k, j);
                check_vector_padding(s, running_variance, k, j);
                continue;
            }
            const moments m = moments_of(s, k, j);
            const double i = 1 / sqrt(m.variance + (double)EPSILON);
            const double rounding = 8 * ULP + 2 * ULP * m.largest * i; /* relative, of the deviation */
            near(s, &columns.mean, "mean", k, 0, j, (double)NOW(float, mean, k, 0, j), m.mean, 2 * ULP * m.largest);
            near(s, &columns.inverse, "inverse_deviation", k, 0, j, (double)NOW(float, inverse, k, 0, j), i,
                 i * rounding);
            check_running(s, &m, k, j, &columns);
            const double g = (double)WAS(float, gamma_, k, 0, j), shift = (double)WAS(float, beta, k, 0, j);
            for (int64_t b = 0; b < s->shape.batch; b++) {
                const double xhat = ((double)WAS(float, z, k, b, j) - m.mean) * i, keep = kept(&l, k, b, j);
                const double expected = activate(activation_of(&l, k), g * xhat + shift);
                const double bound = g * (fabs(xhat) + 1) * rounding + 4 * ULP * (fabs(shift) + 1);
                near(s, &n, "y", k, b, j, (double)NOW(float, y, k, b, j), keep > 0 ? keep * expected : 0, keep * bound);
            }
        }
    /* Beside a large mean a float holds a deviation to 12 bits; constant columns magnify rounding by 1/sqrt(epsilon).
     */
    const double tight = s->shape.data == LARGE_MEAN ? 1e-3 : s->shape.data == ZERO_VARIANCE ? 2e-5 : 1e-6;
    norm_within(s, &n, "y", tight);
    norm_within(s, &columns.mean, "mean", 5e-7);
    norm_within(s, &columns.inverse, "inverse_deviation", s->shape.data == LARGE_MEAN ? 1e-4 : 1e-6);
    norm_within(s, &columns.running_mean, "running_mean", 5e-7);
    norm_within(s, &columns.running_variance, "running_variance", s->shape.data == LARGE_MEAN ? 1e-4 : 5e-7);
}

static void check_inference(const scene *s, const caviar_call *call) {
    (void)call;
    norm n = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t j = 0; j < s->shape.width; j++) {
            if (check_padding(s, y, k, j)) continue;
            const double i = 1 / sqrt((double)WAS(float, running_variance, k, 0, j) + (double)EPSILON);
            const double m = (double)WAS(float, running_mean, k, 0, j);
            const double g = (double)WAS(float, gamma_, k, 0, j), shift = (double)WAS(float, beta, k, 0, j);
            for (int64_t b = 0; b < s->shape.batch; b++) {
                const double a = g * ((double)WAS(float, z, k, b, j) - m) * i + shift;
                near(s, &n, "y", k, b, j, (double)NOW(float, y, k, b, j), activate(activation_of(&l, k), a),
                     8 * ULP * (1 + fabs(a) + fabs(shift)));
            }
        }
    norm_within(s, &n, "y", 1e-6);
}

typedef struct sums {
    double gamma, beta, gamma_sizes, beta_sizes;
} sums;

/* da, and what single precision may make it wrong by: 1 - tanh^2 is off by an ulp of 1, not of itself. */
static double output_gradient(int64_t k, int64_t b, int64_t j, double *error) {
    const double scale = (double)WAS(float, dy, k, b, j) * kept(&l, k, b, j);
    *error = 8 * ULP * fabs(scale);
    return scale == 0 ? 0 : scale * slope(activation_of(&l, k), backward_input(k, b, j));
}

static sums sums_of(const scene *s, int64_t k, int64_t j) {
    sums t = { 0, 0, 0, 0 };
    for (int64_t b = 0; b < s->shape.batch; b++) {
        double error;
        const double da = output_gradient(k, b, j, &error);
        const double xhat =
            ((double)WAS(float, z, k, b, j) - (double)WAS(float, mean, k, 0, j)) * (double)WAS(float, inverse, k, 0, j);
        t.gamma += da * xhat;
        t.beta += da;
        t.gamma_sizes += (fabs(da) * ULP * (double)s->shape.batch / 2 + error) * fabs(xhat);
        t.beta_sizes += fabs(da) * ULP * (double)s->shape.batch / 2 + error;
    }
    return t;
}

static void check_backward(const scene *s, const caviar_call *call) {
    (void)call;
    norm inputs = { 0, 0 }, gammas = { 0, 0 }, betas = { 0, 0 };
    const double n = (double)s->shape.batch;
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t j = 0; j < s->shape.width; j++) {
            if (check_padding(s, dz, k, j)) {
                check_vector_padding(s, dgamma, k, j);
                check_vector_padding(s, dbeta, k, j);
                continue;
            }
            const sums t = sums_of(s, k, j);
            near(s, &gammas, "dgamma", k, 0, j, (double)NOW(float, dgamma, k, 0, j), t.gamma, t.gamma_sizes);
            near(s, &betas, "dbeta", k, 0, j, (double)NOW(float, dbeta, k, 0, j), t.beta, t.beta_sizes);
            const double i = (double)WAS(float, inverse, k, 0, j), scale = i * (double)WAS(float, gamma_, k, 0, j);
            for (int64_t b = 0; b < s->shape.batch; b++) {
                double error;
                const double da = output_gradient(k, b, j, &error);
                const double xhat = ((double)WAS(float, z, k, b, j) - (double)WAS(float, mean, k, 0, j)) * i;
                const double expected = scale * (da - t.beta / n - xhat * t.gamma / n);
                const double sizes = fabs(da) + fabs(t.beta / n) + fabs(xhat * t.gamma / n);
                const double bound = 8 * ULP * sizes + error + t.beta_sizes / n + fabs(xhat) * t.gamma_sizes / n;
                near(s, &inputs, "dz", k, b, j, (double)NOW(float, dz, k, b, j), expected, scale * bound);
            }
        }
    norm_within(s, &gammas, "dgamma", 2e-6);
    norm_within(s, &betas, "dbeta", 2e-6);
    norm_within(s, &inputs, "dz", 2e-6);
}

/* The sum of dy * y down one column, in double, with z[moved] moved by h, and gamma and beta by theirs. */
static double column_loss(const scene *s, int64_t k, int64_t j, int64_t moved, double h, double hgamma, double hbeta) {
    const double n = (double)s->shape.batch;
    double m = 0, v = 0, loss = 0;
    for (int64_t b = 0; b < s->shape.batch; b++) m += ((double)WAS(float, z, k, b, j) + (b == moved ? h : 0)) / n;
    for (int64_t b = 0; b < s->shape.batch; b++)
        v += pow((double)WAS(float, z, k, b, j) + (b == moved ? h : 0) - m, 2) / n;
    for (int64_t b = 0; b < s->shape.batch; b++) {
        const double xhat = ((double)WAS(float, z, k, b, j) + (b == moved ? h : 0) - m) / sqrt(v + (double)EPSILON);
        const double a =
            ((double)WAS(float, gamma_, k, 0, j) + hgamma) * xhat + (double)WAS(float, beta, k, 0, j) + hbeta;
        loss += (double)WAS(float, dy, k, b, j) * kept(&l, k, b, j) * activate(activation_of(&l, k), a);
    }
    return loss;
}

/* Gives a column the statistics of its batch, which the gradient is made of. Whether relu's corner is far from it. */
static int set_statistics(const scene *s, int64_t k, int64_t j) {
    const moments m = moments_of(s, k, j);
    double nearest = INFINITY;
    WAS(float, mean, k, 0, j) = (float)m.mean;
    WAS(float, inverse, k, 0, j) = (float)(1 / sqrt(m.variance + (double)EPSILON));
    for (int64_t b = 0; b < s->shape.batch; b++) nearest = fmin(nearest, fabs(backward_input(k, b, j)));
    return activation_of(&l, k) != CAVIAR_RELU || nearest > 1e-3;
}

void check_batch_norm_differences(caviar_device *device) {
    static const shape small = { 8, 7, 0, 9, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "central differences" };
    const double h = 1e-5;
    int usable[8][9], columns = 0;
    scene s;
    caviar_call call = { .op = CAVIAR_OP_batch_norm_backward };
    scene_begin(&s, device, &small, 0);
    build_backward(&s, &call);
    for (int64_t k = 0; k < small.models; k++)
        for (int64_t j = 0; j < small.width; j++) columns += usable[k][j] = set_statistics(&s, k, j);
    cr_assert(columns >= 60, "only %d of 72 columns stay away from relu's corner: take another seed", columns);
    scene_send(&s);
    run_call(device, &call);
    scene_fetch(&s);
    for (int64_t k = 0; k < small.models; k++)
        for (int64_t j = 0; j < small.width; j++) {
            if (!usable[k][j]) continue;
            for (int64_t b = 0; b < small.batch; b++)
                near(&s, NULL, "dz", k, b, j, (double)NOW(float, dz, k, b, j),
                     (column_loss(&s, k, j, b, h, 0, 0) - column_loss(&s, k, j, b, -h, 0, 0)) / (2 * h), 2e-5);
            near(&s, NULL, "dgamma", k, 0, j, (double)NOW(float, dgamma, k, 0, j),
                 (column_loss(&s, k, j, -1, 0, h, 0) - column_loss(&s, k, j, -1, 0, -h, 0)) / (2 * h), 2e-5);
            near(&s, NULL, "dbeta", k, 0, j, (double)NOW(float, dbeta, k, 0, j),
                 (column_loss(&s, k, j, -1, 0, 0, h) - column_loss(&s, k, j, -1, 0, 0, -h)) / (2 * h), 2e-5);
        }
    scene_end(&s);
}

static const shape inference_shapes[] = {
    { 1, 1, 0, 1, MODEL_MAJOR, 0, 0, "the smallest: a batch of one is allowed" },
    { 5, 1, 0, 33, EXAMPLE_MAJOR, ACTIVATION, 0, "a batch of one" },
    { 4, 31, 0, 5, EXAMPLE_MAJOR, ACTIVATION, 0, "one example fewer than a warp" },
    { 4, 32, 0, 32, MODEL_MAJOR, ACTIVATION | IN_PLACE, 0, "a warp's width both ways, in place" },
    { 3, 2, 0, 12, EXAMPLE_MAJOR, ACTIVATION | IN_PLACE, 0, "a batch of two" },
    { 5, 33, 0, 129, LOOSE, ACTIVATION, 0, "two tiles and a column; nothing aligned" },
    { 2, 259, 0, 8, EXAMPLE_MAJOR, ACTIVATION, 0, "three blocks down, the last one partial" },
    { 3, 61, 0, 131, MODEL_MAJOR, ACTIVATION, 0, "primes" },
    { 3, 9, 0, 8, SHIFTED, ACTIVATION, 0, "strides are by quads, but no row is on 16 bytes" },
    { 3, 9, 0, 6, PITCHED, ACTIVATION, 0, "rows are by quads, but the last quad is not whole" },
    { 3, 9, 0, 8, RAGGED_ROWS, ACTIVATION, 0, "the first example is on 16 bytes, others are not" },
    { 3, 9, 0, 8, RAGGED_MODELS, ACTIVATION, 0, "the first model is on 16 bytes, others are not" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ODD_MATRIX, 0, "z is off 16 bytes" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ODD_MATRIX << 1, 0, "y is off 16 bytes" },
    { 4, 12, 0, 6, EXAMPLE_MAJOR, ACTIVATION, ZERO_VARIANCE, "running variances of 0" },
    { 4, 12, 0, 6, EXAMPLE_MAJOR, 0, LARGE_MEAN, "running means of 4096" },
    { 7, 37, 0, 67, LOOSE, ACTIVATION | PADDED, 0, "padding" },
    { 1000, 3, 0, 2, EXAMPLE_MAJOR, ACTIVATION, 0, "a thousand models" },
    { 5, 16, 0, 7, LOOSE, ACTIVATION, ONE_NAN, "a NaN stays where it is, through relu too" },
};

const op_cases cases_batch_norm_forward = { shapes, COUNT(shapes), build_forward, check_forward };
const op_cases cases_batch_norm_backward = { shapes, COUNT(shapes), build_backward, check_backward };
const op_cases cases_batch_norm_inference = { inference_shapes, COUNT(inference_shapes), build_inference,
                                              check_inference };
