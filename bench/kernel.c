/* One operation on its own: checked against a plain loop, then timed. */
#include "host/status.h"
#include "op.h"
#include "row.h"

/* On a GPU, warm launches are replayed from a graph of this many, as a training step's are. */
enum { GRAPH_CALLS = 16, CHECKED_UNITS = 3 };

typedef struct kernel_state {
    caviar_device *device;
    caviar_call call;
    caviar_program *program;
} kernel_state;

static caviar_status call_once(caviar_device *device, const caviar_call *call) {
    switch (call->op) {
#define BENCH_CALL(name)                                                                                               \
    case CAVIAR_OP_##name: return caviar_op_##name(device, &call->args.name, NULL);
        CAVIAR_FOR_EACH_OP(BENCH_CALL)
#undef BENCH_CALL
    case CAVIAR_OP_COUNT: break;
    }
    return CAVIAR_OK;
}

static caviar_status run_calls(void *state, int64_t times) {
    const kernel_state *s = state;
    for (int64_t i = 0; i < times; i++) CAVIAR_TRY(call_once(s->device, &s->call));
    return CAVIAR_OK;
}

static caviar_status run_program(void *state, int64_t times) {
    const kernel_state *s = state;
    return s->device->table->program_run(s->device, s->program, times);
}

/* Runs the call once on fresh operands and compares what some models hold then. */
static caviar_status check(bench_row *row, const kernel_state *s, bench_operands *operands) {
    const bench_op *op = bench_ops[s->call.op];
    const int64_t units = bench_op_units(&s->call);
    CAVIAR_TRY(call_once(s->device, &s->call));
    CAVIAR_TRY(bench_operands_read(operands));
    for (int64_t i = 0; i < CHECKED_UNITS && i < units; i++) {
        const int64_t last = units - 1, chosen[CHECKED_UNITS] = { 0, last, last / 2 };
        op->check(&row->check, operands, &s->call, chosen[i]);
    }
    return CAVIAR_OK;
}

static caviar_status time_kernel(bench_row *row, bench_context *context, kernel_state *s) {
    const bench_work direct = { run_calls, s, 1 }, replayed = { run_program, s, GRAPH_CALLS };
    if (!context->clock.timer) return bench_time_row(row, context, &direct, &direct);
    caviar_call calls[GRAPH_CALLS];
    for (int i = 0; i < GRAPH_CALLS; i++) calls[i] = s->call;
    CAVIAR_TRY(s->device->table->program_create(&s->program, s->device, calls, GRAPH_CALLS, NULL));
    const caviar_status status = bench_time_row(row, context, &replayed, &direct);
    s->device->table->program_destroy(s->device, s->program);
    return status;
}

caviar_status bench_run_kernel(bench_row *row, bench_context *context) {
    const bench_op *op = bench_ops[row->source->index];
    kernel_state state = { .device = context->device, .call.op = (caviar_op)row->source->index };
    bench_operands operands = { .device = context->device, .measures = 1 };
    op->build(&operands, &state.call, &row->source->size);
    row->cost = bench_cost_of(&state.call);
    bench_set_floor(row, &context->limits);
    if (bench_skip(row, context, operands.bytes, 1)) return CAVIAR_OK;
    operands = (bench_operands){ .device = context->device };
    op->build(&operands, &state.call, &row->source->size);
    row->tolerance = 1e-5;
    caviar_status status = operands.status;
    if (!status) status = check(row, &state, &operands);
    if (!status) status = time_kernel(row, context, &state);
    bench_operands_free(&operands);
    return status;
}
