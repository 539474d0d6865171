/* Cases of linear_forward and linear_backward. in and width are the layer's inputs and outputs. */
#include "cases.h"

#include <math.h>

enum { SHARED_X = 1 }; /* special data: all models read one minibatch */

static const shape shapes[] = {
    { 1, 1, 1, 1, MODEL_MAJOR, 0, 0, "the smallest" },
    { 1, 1, 7, 5, EXAMPLE_MAJOR, 0, 0, "one example: a row times a matrix" },
    { 2, 2, 31, 33, MODEL_MAJOR, 0, 0, "either side of a warp's width" },
    { 3, 31, 32, 1, EXAMPLE_MAJOR, 0, 0, "one output: a matrix times a column" },
    { 2, 33, 1, 32, LOOSE, 0, 0, "one input: an outer product" },
    { 3, 32, 31, 12, LOOSE, FEWER, 0, "gaps between rows; dx is not wanted" },
    { 2, 61, 67, 71, EXAMPLE_MAJOR, 0, 0, "primes" },
    { 5, 128, 784, 12, EXAMPLE_MAJOR, 0, SHARED_X, "the first layer on images: a long sum over shared inputs" },
    { 2, 257, 64, 64, MODEL_MAJOR, 0, 0, "a long sum in the gradient of the weights" },
    { 7, 37, 29, 23, MODEL_MAJOR, PADDED, 0, "true widths below the padded ones" },
    { 7, 16, 64, 48, EXAMPLE_MAJOR, PADDED, 0, "the same, aligned, models side by side" },
    { 3, 5, 8, 12, SHIFTED, 0, 0, "strides are by quads, but no row is on 16 bytes" },
    { 3, 5, 8, 12, RAGGED_ROWS, 0, 0, "the first example is on 16 bytes, others are not" },
    { 3, 5, 8, 12, RAGGED_MODELS, 0, 0, "the first model is on 16 bytes, others are not" },
    { 1000, 3, 5, 4, EXAMPLE_MAJOR, 0, 0, "a thousand models" },
    { 65535, 1, 1, 1, EXAMPLE_MAJOR, 0, 0, "as many models as one call of cuBLAS takes" },
    { 65537, 1, 1, 1, EXAMPLE_MAJOR, 0, 0, "two more" },
    { 1000, 2, 6, 8, MODEL_MAJOR, PADDED, 0, "a thousand models of different widths" },
};

static operand *in_widths, *out_widths, *x, *w, *y, *dy, *dw, *dx;

static void build_common(scene *s) {
    const shape *size = &s->shape;
    const int shared = size->data == SHARED_X, padded = size->flags & PADDED;
    in_widths = put_widths(s, padded, size->in);
    out_widths = put_widths(s, padded, size->width);
    operand *own = put_matrix(s, !shared, size->in, in_widths);
    operand *one = put_shared(s, shared, sizeof(float), size->batch, size->in);
    x = fill(s, shared ? one : own, -1, 1);
    w = fill(s, put_tensor(s, size->in, size->width, in_widths, out_widths), -1, 1);
}

static void build_forward(scene *s, caviar_call *call) {
    build_common(s);
    y = output(put_matrix(s, 1, s->shape.width, out_widths));
    call->args.linear_forward = (caviar_linear_forward_args){ .x = matrix_of(x),
                                                              .w = tensor_of(w),
                                                              .y = matrix_of(y),
                                                              .models = s->shape.models,
                                                              .batch = s->shape.batch,
                                                              .in = s->shape.in,
                                                              .out = s->shape.width,
                                                              .in_widths = on_device(in_widths),
                                                              .out_widths = on_device(out_widths) };
}

static void build_backward(scene *s, caviar_call *call) {
    build_common(s);
    dy = fill(s, put_matrix(s, 1, s->shape.width, out_widths), -1, 1);
    dw = output(put_tensor(s, s->shape.in, s->shape.width, in_widths, out_widths));
    dx = output(put_matrix(s, !(s->shape.flags & FEWER), s->shape.in, in_widths));
    call->args.linear_backward = (caviar_linear_backward_args){ .x = matrix_of(x),
                                                                .w = tensor_of(w),
                                                                .dy = matrix_of(dy),
                                                                .dw = tensor_of(dw),
                                                                .dx = matrix_of(dx),
                                                                .models = s->shape.models,
                                                                .batch = s->shape.batch,
                                                                .in = s->shape.in,
                                                                .out = s->shape.width,
                                                                .in_widths = on_device(in_widths),
                                                                .out_widths = on_device(out_widths) };
}

/* A sum of products: any order of summing n terms is within n units of rounding of the sum of their sizes. */
typedef struct dot {
    double sum, sizes;
    int64_t terms;
} dot;

static void add(dot *d, float a, float b) {
    d->sum += (double)a * (double)b;
    d->sizes += fabs((double)a * (double)b);
    d->terms++;
}

static void check_dot(const scene *s, norm *n, const char *what, const operand *o, int64_t k, int64_t r, int64_t c,
                      const dot *d) {
    if (r < live_rows(o, k) && c < live_columns(o, k)) {
        near(s, n, what, k, r, c, (double)NOW(float, o, k, r, c), d->sum, (double)(d->terms + 1) * ULP / 2 * d->sizes);
    } else if (!unchanged(o, k, r, c)) {
        near(s, NULL, what, k, r, c, (double)NOW(float, o, k, r, c), 0, 0);
    }
}

static void check_forward(const scene *s, const caviar_call *call) {
    (void)call;
    norm n = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t b = 0; b < s->shape.batch; b++)
            for (int64_t j = 0; j < s->shape.width; j++) {
                dot d = { 0, 0, 0 };
                for (int64_t i = 0; i < s->shape.in; i++) add(&d, WAS(float, x, k, b, i), WAS(float, w, k, i, j));
                check_dot(s, &n, "y", y, k, b, j, &d);
            }
    norm_within(s, &n, "y", 1e-6);
}

static void check_backward(const scene *s, const caviar_call *call) {
    (void)call;
    norm weights = { 0, 0 }, inputs = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t i = 0; i < s->shape.in; i++) {
            for (int64_t j = 0; j < s->shape.width; j++) {
                dot d = { 0, 0, 0 };
                for (int64_t b = 0; b < s->shape.batch; b++) add(&d, WAS(float, x, k, b, i), WAS(float, dy, k, b, j));
                check_dot(s, &weights, "dw", dw, k, i, j, &d);
            }
            for (int64_t b = 0; dx && b < s->shape.batch; b++) {
                dot d = { 0, 0, 0 };
                for (int64_t j = 0; j < s->shape.width; j++) add(&d, WAS(float, dy, k, b, j), WAS(float, w, k, i, j));
                check_dot(s, &inputs, "dx", dx, k, b, i, &d);
            }
        }
    norm_within(s, &weights, "dw", 1e-6);
    if (dx) norm_within(s, &inputs, "dx", 1e-6);
}

/* The sum of dy * y over batch and outputs, in double, with one number moved by h. */
static double loss(const scene *s, const operand *moved, int64_t r, int64_t c, double h) {
    double sum = 0;
    for (int64_t b = 0; b < s->shape.batch; b++)
        for (int64_t j = 0; j < s->shape.width; j++)
            for (int64_t i = 0; i < s->shape.in; i++) {
                const double xi = (double)WAS(float, x, 0, b, i) + (moved == x && r == b && c == i ? h : 0);
                const double wij = (double)WAS(float, w, 0, i, j) + (moved == w && r == i && c == j ? h : 0);
                sum += (double)WAS(float, dy, 0, b, j) * xi * wij;
            }
    return sum;
}

static void check_differences(const scene *s, const char *what, const operand *moved, const operand *gradient) {
    const double h = 1e-3; /* the loss is linear in each number: only rounding limits h */
    for (int64_t r = 0; r < moved->rows; r++)
        for (int64_t c = 0; c < moved->columns; c++) {
            const double slope = (loss(s, moved, r, c, h) - loss(s, moved, r, c, -h)) / (2 * h);
            near(s, NULL, what, 0, r, c, (double)NOW(float, gradient, 0, r, c), slope, 1e-5 * (1 + fabs(slope)));
        }
}

void check_linear_differences(caviar_device *device) {
    static const shape small = { 1, 3, 4, 5, MODEL_MAJOR, 0, 0, "central differences" };
    scene s;
    caviar_call call = { .op = CAVIAR_OP_linear_backward };
    scene_begin(&s, device, &small, 0);
    build_backward(&s, &call);
    scene_send(&s);
    run_call(device, &call);
    scene_fetch(&s);
    check_differences(&s, "dw", w, dw);
    check_differences(&s, "dx", x, dx);
    scene_end(&s);
}

const op_cases cases_linear_forward = { shapes, COUNT(shapes), build_forward, check_forward };
const op_cases cases_linear_backward = { shapes, COUNT(shapes), build_backward, check_backward };
