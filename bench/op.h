/*
 * How each operation is timed: which operands, and what must come out. The table is made from the list of all
 * operations, so that one without a benchmark does not link.
 */
#ifndef CAVIAR_BENCH_OP_H
#define CAVIAR_BENCH_OP_H

#include "operands.h"
#include "sizes.h"

typedef struct bench_op {
    const char *name;
    unsigned uses; /* the sizes it depends on: BENCH_MODELS | ... */
    /* Makes the operands and the call; operands->status says whether that went well. */
    void (*build)(bench_operands *operands, caviar_call *call, const bench_size *size);
    /* Compares model k's results (example k's of gather, trial k's of sample) with a plain loop in double. */
    void (*check)(bench_check *check, const bench_operands *operands, const caviar_call *call, int64_t k);
} bench_op;

/* bench_op_gather, bench_op_advance, ... */
#define BENCH_DECLARE_OP(name) extern const bench_op bench_op_##name;
CAVIAR_FOR_EACH_OP(BENCH_DECLARE_OP)
#undef BENCH_DECLARE_OP

/* By caviar_op. */
extern const bench_op *const bench_ops[CAVIAR_OP_COUNT];

/* How many models, examples or trials a call has, of which a check takes some. */
int64_t bench_op_units(const caviar_call *call);

/* What the checks of operations on matrices share: a model's matrix before and after, and its vectors. */
#define BENCH_AT(matrix, b, k, j) ((matrix).data + (b) * (matrix).example_stride + (k) * (matrix).model_stride + (j))
#define BENCH_OF(tensor, k, i) ((tensor).data + (k) * (tensor).model_stride + (i))

#endif
