/* The table of all operations' benchmarks. */
#include "op.h"

const bench_op *const bench_ops[CAVIAR_OP_COUNT] = {
#define BENCH_OP_ENTRY(name) [CAVIAR_OP_##name] = &bench_op_##name,
    CAVIAR_FOR_EACH_OP(BENCH_OP_ENTRY)
#undef BENCH_OP_ENTRY
};

int64_t bench_op_units(const caviar_call *call) {
    switch (call->op) {
    case CAVIAR_OP_gather: return call->args.gather.batch;
    case CAVIAR_OP_advance: return 1;
    case CAVIAR_OP_sample: return call->args.sample.trials;
#define BENCH_MODELS_OF(name)                                                                                          \
    case CAVIAR_OP_##name: return call->args.name.models;
        BENCH_MODELS_OF(linear_forward)
        BENCH_MODELS_OF(linear_backward)
        BENCH_MODELS_OF(batch_norm_forward)
        BENCH_MODELS_OF(batch_norm_backward)
        BENCH_MODELS_OF(batch_norm_inference)
        BENCH_MODELS_OF(bias_forward)
        BENCH_MODELS_OF(bias_backward)
        BENCH_MODELS_OF(softmax_cross_entropy)
        BENCH_MODELS_OF(metrics)
        BENCH_MODELS_OF(schedule)
        BENCH_MODELS_OF(optimizer_update)
        BENCH_MODELS_OF(initialize)
#undef BENCH_MODELS_OF
    case CAVIAR_OP_COUNT: break;
    }
    return 0;
}
