/* Cases of bias_forward and bias_backward. */
#include "cases.h"
#include "layer.h"

#include <math.h>

enum { SPECIAL = 1 };

static const shape shapes[] = {
    { 1, 1, 0, 1, MODEL_MAJOR, 0, 0, "the smallest" },
    { 2, 1, 0, 31, MODEL_MAJOR, ACTIVATION, 0, "a batch of one" },
    { 3, 128, 0, 12, MODEL_MAJOR, IN_PLACE, 0, "the output layer: no activation, z is not read backward" },
    { 4, 31, 0, 5, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "one example fewer than a warp; a partial quad of a mask" },
    { 4, 32, 0, 32, MODEL_MAJOR, ACTIVATION | IN_PLACE, 0, "a warp's width both ways, in place" },
    { 5, 33, 0, 33, LOOSE, ACTIVATION | DROPOUT, 0, "one more than a warp; nothing aligned" },
    { 3, 20, 0, 7, EXAMPLE_MAJOR, DROPOUT, 0, "dropout without an activation" },
    { 4, 19, 0, 65, MODEL_MAJOR, ACTIVATION | DROPOUT | IN_PLACE, 0, "a tile of the CPU and a column" },
    { 7, 37, 0, 131, LOOSE, ACTIVATION | DROPOUT | PADDED, 0, "padding" },
    { 8, 24, 0, 80, MODEL_MAJOR, ACTIVATION | PADDED | IN_PLACE, 0, "padding in place" },
    { 2, 1025, 0, 4, MODEL_MAJOR, ACTIVATION, 0, "a long sum" },
    { 3, 2, 0, 12, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "a batch of two" },
    { 2, 128, 0, 16, EXAMPLE_MAJOR, ACTIVATION, 0, "a whole block of columns, a whole block of examples" },
    { 3, 129, 0, 12, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "one more of each" },
    { 3, 61, 0, 131, EXAMPLE_MAJOR, IN_PLACE, 0, "primes" },
    { 3, 9, 0, 8, SHIFTED, ACTIVATION, 0, "strides are by quads, but no row is on 16 bytes" },
    { 3, 9, 0, 6, PITCHED, ACTIVATION, 0, "rows are by quads, but the last quad is not whole" },
    { 3, 9, 0, 8, RAGGED_ROWS, ACTIVATION, 0, "the first example is on 16 bytes, others are not" },
    { 3, 9, 0, 8, RAGGED_MODELS, ACTIVATION, 0, "the first model is on 16 bytes, others are not" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ACTIVATION | ODD_MATRIX, 0, "z is off 16 bytes" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ACTIVATION | ODD_MATRIX << 1, 0, "y, or dy, is off 16 bytes" },
    { 3, 9, 0, 8, EXAMPLE_MAJOR, ACTIVATION | ODD_MATRIX << 2, 0, "dz is off 16 bytes" },
    { 1000, 3, 0, 2, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "a thousand models" },
    { 8, 6, 0, 9, EXAMPLE_MAJOR, ACTIVATION, SPECIAL,
      "NaN stays, through relu too; infinite and huge inputs have limits; 0, where relu has its corner, and near it" },
};

static layer_operands l;
static operand *z, *bias, *y, *dy, *dz, *dbias;

static void put_common(scene *s) {
    put_layer(s, &l);
    /* What a layer's products leave in the padding is not said. */
    z = spoil_padding(fill(s, put_matrix(s, 1, s->shape.width, l.widths), -4, 4));
    const double most = s->shape.data == SPECIAL ? 0 : 1; /* a bias would round what is special away */
    bias = fill(s, put_tensor(s, 1, s->shape.width, NULL, l.widths), -most, most);
    static const float special[] = { NAN, INFINITY, -INFINITY, 100, -100, 1e-30f, -88, 88, 1e30f };
    static const float corner[COUNT(special)] = { 0, -0.0f, 5e-4f, -5e-4f, 1e-4f, -1e-4f, 1e-6f, -1e-6f, -1e-30f };
    for (int64_t k = 0; s->shape.data == SPECIAL && k < s->shape.models; k++)
        for (size_t j = 0; j < COUNT(special); j++) {
            WAS(float, z, k, 3, (int64_t)j) = special[j];
            WAS(float, z, k, 4, (int64_t)j) = corner[j];
        }
}

static void build_forward(scene *s, caviar_call *call) {
    put_common(s);
    const int in_place = s->shape.flags & IN_PLACE;
    operand *other = put_matrix(s, !in_place, s->shape.width, l.widths);
    y = output(in_place ? z : other);
    call->args.bias_forward = (caviar_bias_forward_args){ .z = matrix_of(z),
                                                          .bias = tensor_of(bias),
                                                          .y = matrix_of(y),
                                                          .models = s->shape.models,
                                                          .batch = s->shape.batch,
                                                          .width = s->shape.width,
                                                          .widths = on_device(l.widths),
                                                          .activation = on_device(l.activation),
                                                          .dropout = dropout_of(&l) };
}

static double input(int64_t k, int64_t b, int64_t j) {
    return (double)WAS(float, z, k, b, j) + (double)WAS(float, bias, k, 0, j);
}

static void build_backward(scene *s, caviar_call *call) {
    put_common(s);
    dy = spoil_padding(fill(s, put_matrix(s, 1, s->shape.width, l.widths), -1, 1));
    if (s->shape.data != SPECIAL) avoid_corner(&l, z, input, 0.01f);
    dbias = output(put_tensor(s, 1, s->shape.width, NULL, l.widths));
    const int in_place = s->shape.flags & IN_PLACE, reads_z = s->shape.flags & (ACTIVATION | DROPOUT);
    operand *other = put_matrix(s, !in_place, s->shape.width, l.widths);
    dz = output(in_place ? dy : other);
    call->args.bias_backward = (caviar_bias_backward_args){ .z = matrix_of(reads_z ? z : NULL),
                                                            .bias = tensor_of(bias),
                                                            .dy = matrix_of(dy),
                                                            .dz = matrix_of(dz),
                                                            .dbias = tensor_of(dbias),
                                                            .models = s->shape.models,
                                                            .batch = s->shape.batch,
                                                            .width = s->shape.width,
                                                            .widths = on_device(l.widths),
                                                            .activation = on_device(l.activation),
                                                            .dropout = dropout_of(&l) };
}

static void check_forward(const scene *s, const caviar_call *call) {
    (void)call;
    norm n = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t b = 0; b < s->shape.batch; b++)
            for (int64_t j = 0; j < s->shape.width; j++) {
                const double a = input(k, b, j), keep = kept(&l, k, b, j);
                const int padding = j >= live_columns(y, k);
                const double expected = padding || keep == 0 ? 0 : keep * activate(activation_of(&l, k), a);
                /* A sigmoid of -100 may be 0 or a denormal: its bound is absolute. */
                near(s, &n, "y", k, b, j, (double)NOW(float, y, k, b, j), expected,
                     padding ? 0 : 4 * ULP * fmax(keep, fabs(expected)));
            }
    norm_within(s, &n, "y", 1e-6);
}

static void check_backward(const scene *s, const caviar_call *call) {
    (void)call;
    norm inputs = { 0, 0 }, biases = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t j = 0; j < s->shape.width; j++) {
            const int padding = j >= live_columns(dz, k);
            double sum = 0, bound = 0;
            /* What flows back past a NaN is not promised: the loss has shown it. Other columns are as ever. */
            if (!padding && s->shape.data == SPECIAL && isnan(input(k, 3, j))) continue;
            for (int64_t b = 0; b < s->shape.batch; b++) {
                const double scale = (double)WAS(float, dy, k, b, j) * kept(&l, k, b, j), a = input(k, b, j);
                const double got = (double)NOW(float, dz, k, b, j);
                const double error = padding ? 0 : 8 * ULP * fabs(scale) * (1 + fmin(fabs(a), 8));
                const double expected = padding || scale == 0 ? 0 : scale * slope(activation_of(&l, k), a);
                near(s, &inputs, "dz", k, b, j, got, expected, error);
                sum += expected;
                bound += fabs(expected) * ULP * (double)s->shape.batch / 2 + error;
            }
            if (padding)
                cr_assert(unchanged(dbias, k, 0, j), "%s: padding of dbias was written", s->shape.why);
            else
                near(s, &biases, "dbias", k, 0, j, (double)NOW(float, dbias, k, 0, j), sum, bound);
        }
    norm_within(s, &inputs, "dz", 1e-6);
    norm_within(s, &biases, "dbias", 2e-6);
}

void check_bias_differences(caviar_device *device) {
    static const shape small = { 8, 6, 0, 9, EXAMPLE_MAJOR, ACTIVATION | DROPOUT, 0, "central differences" };
    const double h = 1e-5;
    scene s;
    caviar_call call = { .op = CAVIAR_OP_bias_backward };
    scene_begin(&s, device, &small, 0);
    build_backward(&s, &call);
    scene_send(&s);
    run_call(device, &call);
    scene_fetch(&s);
    for (int64_t k = 0; k < small.models; k++)
        for (int64_t j = 0; j < small.width; j++) {
            double sum = 0;
            for (int64_t b = 0; b < small.batch; b++) {
                const double a = input(k, b, j), scale = (double)WAS(float, dy, k, b, j) * kept(&l, k, b, j);
                const int act = activation_of(&l, k);
                const double slope_here = scale * (activate(act, a + h) - activate(act, a - h)) / (2 * h);
                near(&s, NULL, "dz", k, b, j, (double)NOW(float, dz, k, b, j), slope_here, 1e-5);
                sum += slope_here;
            }
            near(&s, NULL, "dbias", k, 0, j, (double)NOW(float, dbias, k, 0, j), sum, 3e-5);
        }
    scene_end(&s);
}

const op_cases cases_bias_forward = { shapes, COUNT(shapes), build_forward, check_forward };
const op_cases cases_bias_backward = { shapes, COUNT(shapes), build_backward, check_backward };
