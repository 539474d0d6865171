/* The kernels of a layer, on the SIMT emulator, against the formulas of caviar/ops.h in double. */
#include "operands.h"

#include "kernels/randomness.h"

#include <math.h>

#define HUGE_LOW 2e30
#define HUGE_HIGH 3e30

static const shape shapes[] = {
    { 1, 2, 1, EXAMPLE_MAJOR, "the smallest" },
    { 3, 31, 5, EXAMPLE_MAJOR, "one example fewer than a block has rows; a partial quad" },
    { 2, 32, 8, MODEL_MAJOR, "as many examples as a block has rows" },
    { 2, 33, 33, LOOSE, "one more; two blocks of columns; nothing aligned" },
    { 5, 64, 12, EXAMPLE_MAJOR, "two examples a thread" },
    { 9, 97, 4, MODEL_MAJOR, "four examples a thread, the last ones missing; models across two blocks" },
    { 3, 128, 7, LOOSE, "four examples a thread" },
    { 2, 200, 16, EXAMPLE_MAJOR, "eight examples a thread" },
    { 1, 257, 6, EXAMPLE_MAJOR, "more than fits registers" },
    { 4, 300, 8, MODEL_MAJOR, "the same, aligned" },
    { 1000, 3, 2, EXAMPLE_MAJOR, "a thousand models" },
};
#define SHAPES (sizeof shapes / sizeof *shapes)

static const int32_t activations[] = { CAVIAR_RELU, CAVIAR_TANH, CAVIAR_SIGMOID, CAVIAR_IDENTITY };

static double activate(int activation, double a) {
    switch (activation) {
    case CAVIAR_RELU: return a > 0 ? a : 0;
    case CAVIAR_TANH: return tanh(a);
    case CAVIAR_SIGMOID: return 1 / (1 + exp(-a));
    default: return a;
    }
}

static double slope(int activation, double a) {
    switch (activation) {
    case CAVIAR_RELU: return a > 0;
    case CAVIAR_TANH: return 1 - tanh(a) * tanh(a);
    case CAVIAR_SIGMOID: return exp(-a) / ((1 + exp(-a)) * (1 + exp(-a)));
    default: return 1;
    }
}

/* What a case has beside its matrices. Every second case has no widths, no activation and no dropout. */
typedef struct extras {
    int32_t *widths, *activation;
    caviar_dropout dropout;
} extras;

static extras make_extras(const shape *s) {
    extras e = { 0 };
    if (s->models % 2 == 0 && s->models < 1000) return e;
    e.widths = integers(s->models, 1, (int32_t)s->width);
    e.activation = integers(s->models, 0, 3);
    for (int64_t k = 0; k < s->models; ++k) e.activation[k] = activations[k % 4];
    float *const rate = reals(s->models, 0.1, 0.6);
    int32_t *const stream = integers(s->models, 0, 100);
    int64_t *const step = longs(s->models, 0);
    for (int64_t k = 0; k < s->models; ++k) {
        if (k % 3 == 2) rate[k] = 0;
        step[k] = 7 * k + 1;
    }
    e.dropout = (caviar_dropout){ rate, (const uint32_t *)stream, step, 0x123456789abcdefu, 3 };
    return e;
}

static int64_t live_width(const extras *e, const shape *s, int64_t k) {
    return e->widths ? e->widths[k] : s->width;
}

/* 0, or what a kept element is multiplied by. */
static double kept(const extras *e, int64_t b, int64_t k, int64_t j) {
    if (!e->dropout.rate) return 1;
    const float rate = e->dropout.rate[k];
    const caviar_words words =
        caviar_philox(e->dropout.seed, caviar_subsequence(CAVIAR_PURPOSE_DROPOUT, 3, e->dropout.stream[k]),
                      caviar_dropout_counter(e->dropout.step[k], b, j));
    return words.word[j % 4] >= (double)rate * 4294967296.0 ? 1 / (1 - (double)rate) : 0;
}

static int activation_of(const extras *e, int64_t k) {
    return e->activation ? e->activation[k] : CAVIAR_IDENTITY;
}

/* ------------------------------------------------------------------------------------------------------------ linear
 */

static void linear(caviar_device *device, const shape *s) {
    const int64_t in = s->width + 3, out = s->width;
    caviar_matrix x = matrix(s, in, -1, 1);
    if (s->layout == EXAMPLE_MAJOR) { /* the minibatch itself, shared by all models */
        x.example_stride = in;
        x.model_stride = 0;
    }
    const caviar_tensor w = tensor(s->models, in * out, -1, 1);
    const caviar_matrix y = matrix(s, out, HUGE_LOW, HUGE_HIGH);
    const caviar_linear_forward_args forward = { x, w, y, s->models, s->batch, in, out, NULL, NULL };
    SUCCEEDS(caviar_op_linear_forward(device, &forward, NULL));
    check_gaps(&y, s, out);

    const caviar_matrix dy = matrix(s, out, -1, 1);
    const caviar_tensor dw = tensor(s->models, in * out, HUGE_LOW, HUGE_HIGH);
    const caviar_matrix dx = matrix(s, in, HUGE_LOW, HUGE_HIGH);
    caviar_linear_backward_args backward = { x, w, dy, dw, dx, s->models, s->batch, in, out, NULL, NULL };
    SUCCEEDS(caviar_op_linear_backward(device, &backward, NULL));
    check_gaps(&dx, s, in);
    backward.dx.data = NULL;
    SUCCEEDS(caviar_op_linear_backward(device, &backward, NULL));

    for (int64_t k = 0; k < s->models; ++k) {
        const float *const w_k = w.data + k * w.model_stride;
        for (int64_t b = 0; b < s->batch; ++b) {
            for (int64_t o = 0; o < out; ++o) {
                double sum = 0;
                for (int64_t i = 0; i < in; ++i) sum += (double)*element(&x, b, k, i) * w_k[i * out + o];
                check_near(*element(&y, b, k, o), sum, 1e-5, 1e-5, "y", s, b, k, o);
            }
            for (int64_t i = 0; i < in; ++i) {
                double sum = 0;
                for (int64_t o = 0; o < out; ++o) sum += (double)*element(&dy, b, k, o) * w_k[i * out + o];
                check_near(*element(&dx, b, k, i), sum, 1e-5, 1e-5, "dx", s, b, k, i);
            }
        }
        for (int64_t i = 0; i < in; ++i)
            for (int64_t o = 0; o < out; ++o) {
                double sum = 0;
                for (int64_t b = 0; b < s->batch; ++b) sum += (double)*element(&x, b, k, i) * *element(&dy, b, k, o);
                check_near(dw.data[k * dw.model_stride + i * out + o], sum, 1e-5, 1e-5, "dw", s, i, k, o);
            }
    }
}

Test(simt_layers, linear) {
    for (size_t i = 0; i < SHAPES; ++i) run_case(linear, &shapes[i]);
    const shape single = { 3, 1, 4, EXAMPLE_MAJOR, "a batch of one" };
    run_case(linear, &single);
    const shape many = { 65537, 1, 1, EXAMPLE_MAJOR, "more models than one call of cuBLAS takes" };
    run_case(linear, &many);
}

/* -------------------------------------------------------------------------------------------------------- batch norm
 */

static void batch_norm(caviar_device *device, const shape *s) {
    const extras e = make_extras(s);
    const int shifted = s->batch == 128; /* mean 4096, variance 0.25: E[z^2] - E[z]^2 would be 0 */
    const caviar_matrix z = matrix(s, s->width, shifted ? 4095.5 : -2, shifted ? 4096.5 : 3);
    if (shifted)
        for (int64_t b = 0; b < s->batch; ++b) *element(&z, b, 0, 0) = 4095.5f + (float)(b % 2);
    if (s->batch == 64)
        for (int64_t b = 0; b < s->batch; ++b) *element(&z, b, 0, 0) = 0.75f; /* variance 0 */
    const caviar_tensor gamma = tensor(s->models, s->width, 0.5, 2), beta = tensor(s->models, s->width, -1, 1);
    const caviar_tensor running_mean = tensor(s->models, s->width, -1, 1);
    const caviar_tensor running_variance = tensor(s->models, s->width, 0.5, 2);
    const caviar_tensor old_mean = tensor_copy(&running_mean), old_variance = tensor_copy(&running_variance);
    const caviar_tensor mean = tensor(s->models, s->width, HUGE_LOW, HUGE_HIGH);
    const caviar_tensor inverse = tensor(s->models, s->width, HUGE_LOW, HUGE_HIGH);
    const int in_place = s->batch % 2 == 0;
    const caviar_matrix kept_z = matrix_copy(&z);
    const caviar_matrix y = in_place ? z : matrix(s, s->width, HUGE_LOW, HUGE_HIGH);
    int32_t *const active = integers(s->models, 1, 1);
    if (s->models > 1) active[1] = 0;

    const caviar_batch_norm_forward_args forward = {
        z,        gamma,    beta,     running_mean, running_variance, mean,  inverse, y,     s->models,
        s->batch, s->width, e.widths, e.activation, e.dropout,        1e-5f, 0.1f,    active
    };
    SUCCEEDS(caviar_op_batch_norm_forward(device, &forward, NULL));
    if (!in_place) check_gaps(&y, s, s->width);

    const caviar_matrix dy = matrix(s, s->width, -1, 1), kept_dy = matrix_copy(&dy);
    const caviar_matrix dz = in_place ? dy : matrix(s, s->width, HUGE_LOW, HUGE_HIGH);
    const caviar_tensor dgamma = tensor(s->models, s->width, HUGE_LOW, HUGE_HIGH);
    const caviar_tensor dbeta = tensor(s->models, s->width, HUGE_LOW, HUGE_HIGH);
    const caviar_batch_norm_backward_args backward = { kept_z,   dy,       gamma,    beta,         mean,
                                                       inverse,  dz,       dgamma,   dbeta,        s->models,
                                                       s->batch, s->width, e.widths, e.activation, e.dropout };
    SUCCEEDS(caviar_op_batch_norm_backward(device, &backward, NULL));
    if (!in_place) check_gaps(&dz, s, s->width);

    const double loose = shifted ? 4e-3 : 2e-5; /* one ulp of 4096 is 2.4e-4, and a deviation is 0.5 */
    for (int64_t k = 0; k < s->models; ++k)
        for (int64_t j = 0; j < s->width; ++j) {
            const int64_t at = k * gamma.model_stride + j;
            if (j >= live_width(&e, s, k)) {
                for (int64_t b = 0; b < s->batch; ++b) {
                    cr_assert(*element(&y, b, k, j) == 0 && *element(&dz, b, k, j) == 0);
                }
                cr_assert(mean.data[at] >= 1e30f && inverse.data[at] >= 1e30f && dgamma.data[at] >= 1e30f &&
                          dbeta.data[at] >= 1e30f && running_mean.data[at] == old_mean.data[at] &&
                          running_variance.data[at] == old_variance.data[at]);
                continue;
            }
            double m = 0, v = 0;
            for (int64_t b = 0; b < s->batch; ++b) m += *element(&kept_z, b, k, j);
            m /= (double)s->batch;
            for (int64_t b = 0; b < s->batch; ++b) {
                const double d = *element(&kept_z, b, k, j) - m;
                v += d * d;
            }
            v /= (double)s->batch;
            const double i = 1 / sqrt(v + 1e-5f);
            check_near(mean.data[at], m, 1e-6, 1e-6, "mean", s, 0, k, j);
            check_near(inverse.data[at], i, 0, shifted ? 1e-4 : 2e-5, "inverse_deviation", s, 0, k, j);
            const double unbiased = v * (double)s->batch / (double)(s->batch - 1);
            const double new_mean = old_mean.data[at] + 0.1f * (m - old_mean.data[at]) * active[k];
            const double new_variance = old_variance.data[at] + 0.1f * (unbiased - old_variance.data[at]) * active[k];
            check_near(running_mean.data[at], new_mean, 1e-6, 1e-6, "running_mean", s, 0, k, j);
            check_near(running_variance.data[at], new_variance, 1e-5, 1e-5, "running_variance", s, 0, k, j);
            double sum_gamma = 0, sum_beta = 0;
            for (int64_t b = 0; b < s->batch; ++b) {
                const double xhat = (*element(&kept_z, b, k, j) - m) * i;
                const double a = gamma.data[at] * xhat + beta.data[at];
                const double expected = activate(activation_of(&e, k), a) * kept(&e, b, k, j);
                check_near(*element(&y, b, k, j), expected, loose, loose, "y", s, b, k, j);
            }
            for (int64_t b = 0; b < s->batch; ++b) {
                /* As the kernel sees it, so that relu's corner is on the same side. */
                const float f = (*element(&kept_z, b, k, j) - mean.data[at]) * inverse.data[at];
                const float a = gamma.data[at] * f + beta.data[at];
                const double da = *element(&kept_dy, b, k, j) * kept(&e, b, k, j) * slope(activation_of(&e, k), a);
                sum_gamma += da * f;
                sum_beta += da;
            }
            const double n = (double)s->batch;
            check_near(dgamma.data[at], sum_gamma, 1e-4, 1e-5, "dgamma", s, 0, k, j);
            check_near(dbeta.data[at], sum_beta, 1e-4, 1e-5, "dbeta", s, 0, k, j);
            for (int64_t b = 0; b < s->batch; ++b) {
                const float f = (*element(&kept_z, b, k, j) - mean.data[at]) * inverse.data[at];
                const float a = gamma.data[at] * f + beta.data[at];
                const double da = *element(&kept_dy, b, k, j) * kept(&e, b, k, j) * slope(activation_of(&e, k), a);
                const double g = gamma.data[at] * (double)inverse.data[at];
                check_near(*element(&dz, b, k, j), g * (da - sum_beta / n - f * sum_gamma / n), 1e-5 * (1 + fabs(g)),
                           1e-5, "dz", s, b, k, j);
            }
        }
}

Test(simt_layers, batch_norm) {
    for (size_t i = 0; i < SHAPES; ++i) run_case(batch_norm, &shapes[i]);
}

static void inference(caviar_device *device, const shape *s) {
    const extras e = make_extras(s);
    const caviar_matrix z = matrix(s, s->width, -2, 3), kept_z = matrix_copy(&z);
    const caviar_matrix y = s->batch % 2 == 0 ? z : matrix(s, s->width, HUGE_LOW, HUGE_HIGH);
    const caviar_tensor gamma = tensor(s->models, s->width, 0.5, 2), beta = tensor(s->models, s->width, -1, 1);
    const caviar_tensor mean = tensor(s->models, s->width, -1, 1), variance = tensor(s->models, s->width, 0.5, 2);
    const caviar_batch_norm_inference_args args = { z,         gamma,    beta,     mean,     variance,     y,
                                                    s->models, s->batch, s->width, e.widths, e.activation, 1e-3f };
    SUCCEEDS(caviar_op_batch_norm_inference(device, &args, NULL));
    if (s->batch % 2) check_gaps(&y, s, s->width);
    for (int64_t b = 0; b < s->batch; ++b)
        for (int64_t k = 0; k < s->models; ++k)
            for (int64_t j = 0; j < s->width; ++j) {
                const int64_t at = k * gamma.model_stride + j;
                const double xhat = (*element(&kept_z, b, k, j) - mean.data[at]) / sqrt(variance.data[at] + 1e-3f);
                const double a = activate(activation_of(&e, k), gamma.data[at] * xhat + beta.data[at]);
                check_near(*element(&y, b, k, j), j < live_width(&e, s, k) ? a : 0, 2e-6, 2e-6, "y", s, b, k, j);
            }
}

Test(simt_layers, inference) {
    for (size_t i = 0; i < SHAPES; ++i) run_case(inference, &shapes[i]);
    const shape single = { 3, 1, 4, EXAMPLE_MAJOR, "a batch of one" };
    run_case(inference, &single);
}

/* -------------------------------------------------------------------------------------------------------------- bias
 */

static void bias(caviar_device *device, const shape *s) {
    const extras e = make_extras(s);
    const caviar_matrix z = matrix(s, s->width, -2, 2), kept_z = matrix_copy(&z);
    const int in_place = s->batch % 2 == 0;
    const caviar_matrix y = in_place ? z : matrix(s, s->width, HUGE_LOW, HUGE_HIGH);
    const caviar_tensor b_k = tensor(s->models, s->width, -1, 1);
    const caviar_bias_forward_args forward = { z,        b_k,          y,        s->models, s->batch, s->width,
                                               e.widths, e.activation, e.dropout };
    SUCCEEDS(caviar_op_bias_forward(device, &forward, NULL));
    const caviar_matrix dy = matrix(s, s->width, -1, 1), kept_dy = matrix_copy(&dy);
    const caviar_matrix dz = in_place ? dy : matrix(s, s->width, HUGE_LOW, HUGE_HIGH);
    if (!in_place) check_gaps(&y, s, s->width);
    const caviar_tensor dbias = tensor(s->models, s->width, HUGE_LOW, HUGE_HIGH);
    const caviar_matrix none = { NULL, 0, 0 };
    const caviar_bias_backward_args backward = { e.activation ? kept_z : none,
                                                 b_k,
                                                 dy,
                                                 dz,
                                                 dbias,
                                                 s->models,
                                                 s->batch,
                                                 s->width,
                                                 e.widths,
                                                 e.activation,
                                                 e.dropout };
    SUCCEEDS(caviar_op_bias_backward(device, &backward, NULL));
    if (!in_place) check_gaps(&dz, s, s->width);
    for (int64_t k = 0; k < s->models; ++k)
        for (int64_t j = 0; j < s->width; ++j) {
            const int64_t at = k * b_k.model_stride + j;
            const int live = j < live_width(&e, s, k);
            double sum = 0;
            for (int64_t b = 0; b < s->batch; ++b) {
                const double a = (double)(*element(&kept_z, b, k, j) + b_k.data[at]);
                const double factor = kept(&e, b, k, j);
                const double expected = activate(activation_of(&e, k), a) * factor;
                const double gradient = *element(&kept_dy, b, k, j) * factor * slope(activation_of(&e, k), a);
                check_near(*element(&y, b, k, j), live ? expected : 0, 1e-6, 1e-6, "y", s, b, k, j);
                check_near(*element(&dz, b, k, j), live ? gradient : 0, 2e-6, 2e-6, "dz", s, b, k, j);
                sum += gradient;
            }
            if (live)
                check_near(dbias.data[at], sum, 1e-4, 1e-5, "dbias", s, 0, k, j);
            else
                cr_assert(dbias.data[at] >= 1e30f);
        }
}

Test(simt_layers, bias) {
    for (size_t i = 0; i < SHAPES; ++i) run_case(bias, &shapes[i]);
    const shape single = { 3, 1, 4, EXAMPLE_MAJOR, "a batch of one" };
    run_case(bias, &single);
}

/* -------------------------------------------------------------------------------------------------------- neighbours
 */

/* A NaN stays in its model, and a model's bits do not depend on its neighbours. */
static void poisoned(caviar_device *device, const shape *s) {
    const extras e = { 0 };
    int32_t *const activation = integers(s->models, CAVIAR_RELU, CAVIAR_RELU);
    const caviar_matrix z = matrix(s, s->width, -2, 3), poisoned_z = matrix_copy(&z);
    *element(&poisoned_z, 1, 1, 0) = NAN;
    *element(&poisoned_z, 0, 1, s->width - 1) = INFINITY;
    const caviar_tensor gamma = tensor(s->models, s->width, 0.5, 2), beta = tensor(s->models, s->width, -1, 1);
    const caviar_tensor running = tensor(s->models, s->width, 0.5, 2);
    const caviar_tensor mean = tensor(s->models, s->width, 0, 0), inverse = tensor(s->models, s->width, 0, 0);
    const caviar_matrix y = matrix(s, s->width, 0, 0), poisoned_y = matrix(s, s->width, 0, 0);
    caviar_batch_norm_forward_args args = { z,          gamma,     beta,      running,  running,  mean,
                                            inverse,    y,         s->models, s->batch, s->width, e.widths,
                                            activation, e.dropout, 1e-5f,     0.0f,     NULL };
    SUCCEEDS(caviar_op_batch_norm_forward(device, &args, NULL));
    args.z = poisoned_z;
    args.y = poisoned_y;
    SUCCEEDS(caviar_op_batch_norm_forward(device, &args, NULL));
    for (int64_t b = 0; b < s->batch; ++b)
        for (int64_t k = 0; k < s->models; ++k)
            for (int64_t j = 0; j < s->width; ++j) {
                const int hit = k == 1 && (j == 0 || j == s->width - 1);
                cr_assert(hit ? isnan(*element(&poisoned_y, b, k, j))
                              : *element(&poisoned_y, b, k, j) == *element(&y, b, k, j));
            }
}

Test(simt_layers, poisoned) {
    const shape s = { 3, 40, 6, EXAMPLE_MAJOR, "models share a block of columns" };
    run_case(poisoned, &s);
}
