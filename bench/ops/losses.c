/* softmax_cross_entropy with the gradient in place of the logits, as in a training step, and metrics. */
#include "../op.h"

#include <math.h>

static void build_softmax(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch, padded = (size->classes + 3) / 4 * 4;
    const caviar_matrix logits = bench_matrix(o, k, b, padded, -5, 5);
    call->args.softmax_cross_entropy =
        (caviar_softmax_cross_entropy_args){ .logits = logits,
                                             .labels = bench_integers(o, b, 0, (int32_t)size->classes - 1),
                                             .gradient = logits,
                                             .losses = bench_matrix(o, k, b, 1, 0, 0),
                                             .predictions = bench_integers(o, k * b, -1, -1),
                                             .models = k,
                                             .batch = b,
                                             .classes = size->classes,
                                             .padded_classes = padded };
}

static void check_row(bench_check *check, const bench_operands *o, const caviar_softmax_cross_entropy_args *a,
                      int64_t k, int64_t b) {
    const int64_t label = (int64_t)bench_before(o, a->labels + b);
    double most = -INFINITY, sum = 0;
    int64_t first = 0;
    for (int64_t c = 0; c < a->classes; c++) {
        const double l = bench_before(o, BENCH_AT(a->logits, b, k, c));
        if (l > most) most = l, first = c;
    }
    for (int64_t c = 0; c < a->classes; c++) sum += exp(bench_before(o, BENCH_AT(a->logits, b, k, c)) - most);
    for (int64_t c = 0; c < a->padded_classes; c++) {
        const double p = exp(bench_before(o, BENCH_AT(a->logits, b, k, c)) - most) / sum;
        bench_expect(check, bench_after(o, BENCH_AT(a->gradient, b, k, c)),
                     c < a->classes ? (p - (c == label)) / (double)a->batch : 0, 1 / (double)a->batch);
    }
    const int64_t row = b * a->losses.example_stride + k * a->losses.model_stride;
    bench_expect(check, bench_after(o, a->losses.data + row),
                 log(sum) - (bench_before(o, BENCH_AT(a->logits, b, k, label)) - most), 1);
    bench_expect(check, bench_after(o, a->predictions + row), (double)first, 1e-9);
}

static void check_softmax(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_softmax_cross_entropy_args *a = &call->args.softmax_cross_entropy;
    for (int64_t b = 0; b < a->batch; b++) check_row(check, o, a, k, b);
}

const bench_op bench_op_softmax_cross_entropy = { "softmax_cross_entropy", BENCH_MODELS | BENCH_BATCH | BENCH_CLASSES,
                                                  build_softmax, check_softmax };

static void build_metrics(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, b = size->batch;
    call->args.metrics = (caviar_metrics_args){ .losses = bench_matrix(o, k, b, 1, 0, 3),
                                                .predictions = bench_integers(o, k * b, 0, 9),
                                                .labels = bench_integers(o, b, 0, 9),
                                                .loss_sum = bench_operand_add(o, BENCH_DOUBLE, k, 0, 100),
                                                .correct = bench_operand_add(o, BENCH_INT64, k, 0, 100),
                                                .models = k,
                                                .batch = b };
}

static void check_metrics(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_metrics_args *a = &call->args.metrics;
    double loss = bench_before(o, a->loss_sum + k), correct = bench_before(o, a->correct + k);
    for (int64_t b = 0; b < a->batch; b++) {
        const int64_t row = b * a->losses.example_stride + k * a->losses.model_stride;
        loss += bench_before(o, a->losses.data + row);
        correct += bench_before(o, a->predictions + row) == bench_before(o, a->labels + b);
    }
    bench_expect(check, bench_after(o, a->loss_sum + k), loss, loss);
    bench_expect(check, bench_after(o, a->correct + k), correct, 1e-9);
}

const bench_op bench_op_metrics = { "metrics", BENCH_MODELS | BENCH_BATCH, build_metrics, check_metrics };
