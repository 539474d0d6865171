/* linear_forward and linear_backward between two hidden layers of one width. */
#include "../op.h"

#include <math.h>

static void build_forward(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, w = size->width;
    call->args.linear_forward = (caviar_linear_forward_args){ .x = bench_matrix(o, k, b, w, -1, 1),
                                                              .w = bench_tensor(o, k, w * w, -1, 1),
                                                              .y = bench_matrix(o, k, b, w, 0, 0),
                                                              .models = k,
                                                              .batch = b,
                                                              .in = w,
                                                              .out = w };
}

/* A sum of products is compared on the scale of the sum of their magnitudes. */
typedef struct product {
    double sum, magnitude;
} product;

static void add(product *p, double a, double b) {
    p->sum += a * b;
    p->magnitude += fabs(a * b);
}

static void check_forward(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_linear_forward_args *a = &call->args.linear_forward;
    for (int64_t b = 0; b < a->batch; b += 7)
        for (int64_t j = 0; j < a->out; j += 3) {
            product p = { 0, 0 };
            for (int64_t i = 0; i < a->in; i++)
                add(&p, bench_before(o, BENCH_AT(a->x, b, k, i)), bench_before(o, BENCH_OF(a->w, k, i * a->out + j)));
            bench_expect(check, bench_after(o, BENCH_AT(a->y, b, k, j)), p.sum, p.magnitude);
        }
}

const bench_op bench_op_linear_forward = { "linear_forward", BENCH_MODELS | BENCH_WIDTH | BENCH_BATCH, build_forward,
                                           check_forward };

static void build_backward(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, w = size->width;
    call->args.linear_backward = (caviar_linear_backward_args){ .x = bench_matrix(o, k, b, w, -1, 1),
                                                                .w = bench_tensor(o, k, w * w, -1, 1),
                                                                .dy = bench_matrix(o, k, b, w, -1, 1),
                                                                .dw = bench_tensor(o, k, w * w, 0, 0),
                                                                .dx = bench_matrix(o, k, b, w, 0, 0),
                                                                .models = k,
                                                                .batch = b,
                                                                .in = w,
                                                                .out = w };
}

static void check_backward(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_linear_backward_args *a = &call->args.linear_backward;
    for (int64_t i = 0; i < a->in; i += 5)
        for (int64_t j = 0; j < a->out; j += 3) {
            product p = { 0, 0 };
            for (int64_t b = 0; b < a->batch; b++)
                add(&p, bench_before(o, BENCH_AT(a->x, b, k, i)), bench_before(o, BENCH_AT(a->dy, b, k, j)));
            bench_expect(check, bench_after(o, BENCH_OF(a->dw, k, i * a->out + j)), p.sum, p.magnitude);
        }
    for (int64_t b = 0; b < a->batch; b += 7)
        for (int64_t i = 0; i < a->in; i += 3) {
            product p = { 0, 0 };
            for (int64_t j = 0; j < a->out; j++)
                add(&p, bench_before(o, BENCH_AT(a->dy, b, k, j)), bench_before(o, BENCH_OF(a->w, k, i * a->out + j)));
            bench_expect(check, bench_after(o, BENCH_AT(a->dx, b, k, i)), p.sum, p.magnitude);
        }
}

const bench_op bench_op_linear_backward = { "linear_backward", BENCH_MODELS | BENCH_WIDTH | BENCH_BATCH, build_backward,
                                            check_backward };
