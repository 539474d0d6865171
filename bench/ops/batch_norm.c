/* Batch norm with relu, forward, backward (in place, as in a training step) and inference. */
#include "../op.h"

#include <math.h>

static const float epsilon = 1e-5f, momentum = 0.1f;

#define WHOLE_COLUMNS (BENCH_MODELS | BENCH_WIDTH | BENCH_BATCH)

static void build_forward(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, w = size->width;
    call->args.batch_norm_forward =
        (caviar_batch_norm_forward_args){ .z = bench_matrix(o, k, b, w, -2, 3),
                                          .gamma = bench_tensor(o, k, w, 0.5, 1.5),
                                          .beta = bench_tensor(o, k, w, -0.5, 0.5),
                                          .running_mean = bench_tensor(o, k, w, -1, 1),
                                          .running_variance = bench_tensor(o, k, w, 0.5, 2),
                                          .mean = bench_tensor(o, k, w, 0, 0),
                                          .inverse_deviation = bench_tensor(o, k, w, 0, 0),
                                          .y = bench_matrix(o, k, b, w, 0, 0),
                                          .models = k,
                                          .batch = b,
                                          .width = w,
                                          .activation = bench_integers(o, k, CAVIAR_RELU, CAVIAR_RELU),
                                          .epsilon = epsilon,
                                          .momentum = momentum };
}

/* Of one column, after the formulas in caviar/ops.h. */
static void check_forward_column(bench_check *check, const bench_operands *o, const caviar_batch_norm_forward_args *a,
                                 int64_t k, int64_t j) {
    const double n = (double)a->batch;
    double mean = 0, variance = 0;
    for (int64_t b = 0; b < a->batch; b++) mean += bench_before(o, BENCH_AT(a->z, b, k, j)) / n;
    for (int64_t b = 0; b < a->batch; b++) variance += pow(bench_before(o, BENCH_AT(a->z, b, k, j)) - mean, 2) / n;
    const double inverse = 1 / sqrt(variance + a->epsilon), old_mean = bench_before(o, BENCH_OF(a->running_mean, k, j));
    const double old_variance = bench_before(o, BENCH_OF(a->running_variance, k, j));
    bench_expect(check, bench_after(o, BENCH_OF(a->mean, k, j)), mean, 1);
    bench_expect(check, bench_after(o, BENCH_OF(a->inverse_deviation, k, j)), inverse, inverse);
    bench_expect(check, bench_after(o, BENCH_OF(a->running_mean, k, j)), old_mean + a->momentum * (mean - old_mean), 1);
    bench_expect(check, bench_after(o, BENCH_OF(a->running_variance, k, j)),
                 old_variance + a->momentum * (variance * n / (n - 1) - old_variance), 1);
    const double gamma = bench_before(o, BENCH_OF(a->gamma, k, j)), beta = bench_before(o, BENCH_OF(a->beta, k, j));
    for (int64_t b = 0; b < a->batch; b++) {
        const double xhat = (bench_before(o, BENCH_AT(a->z, b, k, j)) - mean) * inverse;
        bench_expect(check, bench_after(o, BENCH_AT(a->y, b, k, j)), fmax(0, gamma * xhat + beta), 1 + fabs(xhat));
    }
}

static void check_forward(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_batch_norm_forward_args *a = &call->args.batch_norm_forward;
    for (int64_t j = 0; j < a->width; j++) check_forward_column(check, o, a, k, j);
}

const bench_op bench_op_batch_norm_forward = { "batch_norm_forward", WHOLE_COLUMNS, build_forward, check_forward };

static void build_backward(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, w = size->width;
    const caviar_matrix dy = bench_matrix(o, k, b, w, -1, 1);
    call->args.batch_norm_backward =
        (caviar_batch_norm_backward_args){ .z = bench_matrix(o, k, b, w, -2, 3),
                                           .dy = dy,
                                           .gamma = bench_tensor(o, k, w, 0.5, 1.5),
                                           .beta = bench_tensor(o, k, w, -0.5, 0.5),
                                           .mean = bench_tensor(o, k, w, 0.4, 0.6),
                                           .inverse_deviation = bench_tensor(o, k, w, 0.6, 0.8),
                                           .dz = dy,
                                           .dgamma = bench_tensor(o, k, w, 0, 0),
                                           .dbeta = bench_tensor(o, k, w, 0, 0),
                                           .models = k,
                                           .batch = b,
                                           .width = w,
                                           .activation = bench_integers(o, k, CAVIAR_RELU, CAVIAR_RELU) };
}

/* A column with an activation so near relu's kink that rounding decides on its slope is left out: its sums differ. */
static void check_backward_column(bench_check *check, const bench_operands *o, const caviar_batch_norm_backward_args *a,
                                  int64_t k, int64_t j) {
    const double gamma = bench_before(o, BENCH_OF(a->gamma, k, j)), beta = bench_before(o, BENCH_OF(a->beta, k, j));
    const double mean = bench_before(o, BENCH_OF(a->mean, k, j)), n = (double)a->batch;
    const double inverse = bench_before(o, BENCH_OF(a->inverse_deviation, k, j));
    double dgamma = 0, dbeta = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t b = 0; b < a->batch; b++) {
            const double xhat = (bench_before(o, BENCH_AT(a->z, b, k, j)) - mean) * inverse;
            const double act = gamma * xhat + beta, da = act > 0 ? bench_before(o, BENCH_AT(a->dy, b, k, j)) : 0;
            if (fabs(act) < 1e-5) return;
            if (pass == 0) dgamma += da * xhat, dbeta += da;
            if (pass == 1)
                bench_expect(check, bench_after(o, BENCH_AT(a->dz, b, k, j)),
                             gamma * inverse * (da - dbeta / n - xhat * dgamma / n), 1 + fabs(dbeta / n));
        }
    bench_expect(check, bench_after(o, BENCH_OF(a->dgamma, k, j)), dgamma, n);
    bench_expect(check, bench_after(o, BENCH_OF(a->dbeta, k, j)), dbeta, n);
}

static void check_backward(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_batch_norm_backward_args *a = &call->args.batch_norm_backward;
    for (int64_t j = 0; j < a->width; j++) check_backward_column(check, o, a, k, j);
}

const bench_op bench_op_batch_norm_backward = { "batch_norm_backward", WHOLE_COLUMNS, build_backward, check_backward };

static void build_inference(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, w = size->width;
    call->args.batch_norm_inference =
        (caviar_batch_norm_inference_args){ .z = bench_matrix(o, k, b, w, -2, 3),
                                            .gamma = bench_tensor(o, k, w, 0.5, 1.5),
                                            .beta = bench_tensor(o, k, w, -0.5, 0.5),
                                            .running_mean = bench_tensor(o, k, w, -1, 1),
                                            .running_variance = bench_tensor(o, k, w, 0.5, 2),
                                            .y = bench_matrix(o, k, b, w, 0, 0),
                                            .models = k,
                                            .batch = b,
                                            .width = w,
                                            .activation = bench_integers(o, k, CAVIAR_RELU, CAVIAR_RELU),
                                            .epsilon = epsilon };
}

static void check_inference(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_batch_norm_inference_args *a = &call->args.batch_norm_inference;
    for (int64_t j = 0; j < a->width; j++)
        for (int64_t b = 0; b < a->batch; b++) {
            const double xhat =
                (bench_before(o, BENCH_AT(a->z, b, k, j)) - bench_before(o, BENCH_OF(a->running_mean, k, j))) /
                sqrt(bench_before(o, BENCH_OF(a->running_variance, k, j)) + a->epsilon);
            const double want =
                bench_before(o, BENCH_OF(a->gamma, k, j)) * xhat + bench_before(o, BENCH_OF(a->beta, k, j));
            bench_expect(check, bench_after(o, BENCH_AT(a->y, b, k, j)), fmax(0, want), 1 + fabs(xhat));
        }
}

const bench_op bench_op_batch_norm_inference = { "batch_norm_inference", WHOLE_COLUMNS, build_inference,
                                                 check_inference };
