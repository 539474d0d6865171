/* Bias with relu, forward and backward, the gradient in place. */
#include "../op.h"

#include <math.h>

static void build_forward(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, w = size->width;
    const caviar_matrix z = bench_matrix(o, k, b, w, -1, 1);
    call->args.bias_forward =
        (caviar_bias_forward_args){ .z = z,
                                    .bias = bench_tensor(o, k, w, -0.5, 0.5),
                                    .y = bench_matrix(o, k, b, w, 0, 0),
                                    .models = k,
                                    .batch = b,
                                    .width = w,
                                    .activation = bench_integers(o, k, CAVIAR_RELU, CAVIAR_RELU) };
}

static void check_forward(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_bias_forward_args *a = &call->args.bias_forward;
    for (int64_t b = 0; b < a->batch; b++)
        for (int64_t j = 0; j < a->width; j++) {
            const double z = bench_before(o, BENCH_AT(a->z, b, k, j)) + bench_before(o, BENCH_OF(a->bias, k, j));
            bench_expect(check, bench_after(o, BENCH_AT(a->y, b, k, j)), fmax(0, z), 1);
        }
}

const bench_op bench_op_bias_forward = { "bias_forward", BENCH_MODELS | BENCH_WIDTH | BENCH_BATCH, build_forward,
                                         check_forward };

static void build_backward(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, w = size->width;
    const caviar_matrix dy = bench_matrix(o, k, b, w, -1, 1);
    call->args.bias_backward =
        (caviar_bias_backward_args){ .z = bench_matrix(o, k, b, w, -1, 1),
                                     .bias = bench_tensor(o, k, w, -0.5, 0.5),
                                     .dy = dy,
                                     .dz = dy,
                                     .dbias = bench_tensor(o, k, w, 0, 0),
                                     .models = k,
                                     .batch = b,
                                     .width = w,
                                     .activation = bench_integers(o, k, CAVIAR_RELU, CAVIAR_RELU) };
}

static void check_backward(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_bias_backward_args *a = &call->args.bias_backward;
    for (int64_t j = 0; j < a->width; j++) {
        double dbias = 0;
        for (int64_t b = 0; b < a->batch; b++) {
            const double act = bench_before(o, BENCH_AT(a->z, b, k, j)) + bench_before(o, BENCH_OF(a->bias, k, j));
            if (fabs(act) < 1e-6) continue; /* rounding decides on which side of 0 it is */
            const double dz = act > 0 ? bench_before(o, BENCH_AT(a->dy, b, k, j)) : 0;
            bench_expect(check, bench_after(o, BENCH_AT(a->dz, b, k, j)), dz, 1);
            dbias += dz;
        }
        bench_expect(check, bench_after(o, BENCH_OF(a->dbias, k, j)), dbias, (double)a->batch);
    }
}

const bench_op bench_op_bias_backward = { "bias_backward", BENCH_MODELS | BENCH_WIDTH | BENCH_BATCH, build_backward,
                                          check_backward };
