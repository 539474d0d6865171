/* gather and advance: reading minibatches of 8-bit features, as images are stored. */
#include "../op.h"

enum { EXAMPLES = 60000 };

static void build_gather(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t f = size->inputs, padded = (f + 3) / 4 * 4;
    call->args.gather = (caviar_gather_args){ .features = bench_operand_add(o, BENCH_UINT8, EXAMPLES * f, 0, 255),
                                              .feature_type = CAVIAR_UINT8,
                                              .labels = bench_integers(o, EXAMPLES, 0, 9),
                                              .order = bench_integers(o, EXAMPLES, 0, EXAMPLES - 1),
                                              .cursor = bench_operand_add(o, BENCH_INT64, 1, 100, 200),
                                              .mean = bench_floats(o, f, 0, 255),
                                              .scale = bench_floats(o, f, 0.001, 0.1),
                                              .out = bench_floats(o, size->batch * padded, 0, 0),
                                              .out_labels = bench_integers(o, size->batch, -1, -1),
                                              .feature_count = f,
                                              .order_count = EXAMPLES,
                                              .batch = size->batch,
                                              .out_stride = padded };
}

static void check_gather(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t b) {
    const caviar_gather_args *a = &call->args.gather;
    const int64_t cursor = (int64_t)bench_before(o, a->cursor);
    const int64_t e = (int64_t)bench_before(o, a->order + (cursor + b) % a->order_count);
    for (int64_t f = 0; f < a->feature_count; f++) {
        const double x = bench_before(o, (const uint8_t *)a->features + e * a->feature_count + f);
        const double want = (x - bench_before(o, a->mean + f)) * bench_before(o, a->scale + f);
        bench_expect(check, bench_after(o, a->out + b * a->out_stride + f), want, 1 + 255 * 0.1);
    }
    for (int64_t f = a->feature_count; f < a->out_stride; f++)
        bench_expect(check, bench_after(o, a->out + b * a->out_stride + f), 0, 1e-30);
    bench_expect(check, bench_after(o, a->out_labels + b), bench_before(o, a->labels + e), 1e-9);
}

const bench_op bench_op_gather = { "gather", BENCH_BATCH | BENCH_INPUTS, build_gather, check_gather };

static void build_advance(bench_operands *o, caviar_call *call, const bench_size *size) {
    (void)size;
    call->args.advance = (caviar_advance_args){ bench_operand_add(o, BENCH_INT64, 1, 7, 7), 128 };
}

static void check_advance(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    (void)k;
    bench_expect(check, bench_after(o, call->args.advance.cursor), 7 + 128, 1e-9);
}

const bench_op bench_op_advance = { "advance", 0, build_advance, check_advance };
