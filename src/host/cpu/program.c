/*
 * Running lists of calls. Consecutive operations on models become one parallel loop over models: a thread takes a
 * model through all of them before it takes the next one, so that the model's activations stay in its cache.
 */
#include "cpu.h"
#include "denormals.h"

#include "host/status.h"

#include <stdlib.h>
#include <string.h>

struct caviar_program {
    size_t count;
    const int32_t *active;
    caviar_call calls[];
};

caviar_cpu_unit caviar_cpu_unit_of(const caviar_call *call, int64_t *count) {
    switch (call->op) {
    case CAVIAR_OP_gather: *count = call->args.gather.batch; return CAVIAR_CPU_EXAMPLES;
    case CAVIAR_OP_advance: *count = 1; return CAVIAR_CPU_ONCE;
    case CAVIAR_OP_sample: *count = call->args.sample.trials; return CAVIAR_CPU_TRIALS;
    case CAVIAR_OP_linear_forward: *count = call->args.linear_forward.models; break;
    case CAVIAR_OP_linear_backward: *count = call->args.linear_backward.models; break;
    case CAVIAR_OP_batch_norm_forward: *count = call->args.batch_norm_forward.models; break;
    case CAVIAR_OP_batch_norm_backward: *count = call->args.batch_norm_backward.models; break;
    case CAVIAR_OP_batch_norm_inference: *count = call->args.batch_norm_inference.models; break;
    case CAVIAR_OP_bias_forward: *count = call->args.bias_forward.models; break;
    case CAVIAR_OP_bias_backward: *count = call->args.bias_backward.models; break;
    case CAVIAR_OP_softmax_cross_entropy: *count = call->args.softmax_cross_entropy.models; break;
    case CAVIAR_OP_metrics: *count = call->args.metrics.models; break;
    case CAVIAR_OP_schedule: *count = call->args.schedule.models; break;
    case CAVIAR_OP_optimizer_update: *count = call->args.optimizer_update.models; break;
    case CAVIAR_OP_initialize: *count = call->args.initialize.models; break;
    case CAVIAR_OP_COUNT: *count = 0; break;
    }
    return CAVIAR_CPU_MODELS;
}

void caviar_cpu_run(const caviar_call *call, int64_t first, int64_t last) {
    switch (call->op) {
#define CAVIAR_CPU_CASE(name)                                                                                          \
    case CAVIAR_OP_##name: caviar_cpu_##name(&call->args.name, first, last); break;
        CAVIAR_FOR_EACH_OP(CAVIAR_CPU_CASE)
#undef CAVIAR_CPU_CASE
    case CAVIAR_OP_COUNT: break;
    }
}

/* How many calls from the first on are operations on the same number of models. */
static size_t run_of_model_calls(const caviar_call *calls, size_t count, int64_t models) {
    size_t length = 1;
    int64_t next = 0;
    while (length < count && caviar_cpu_unit_of(&calls[length], &next) == CAVIAR_CPU_MODELS && next == models) length++;
    return length;
}

/* Models [first, last) on every thread of the team; each loop ends with all threads having arrived. */
static void run_once(const caviar_call *calls, size_t count, const int32_t *active, int64_t first, int64_t last) {
    for (size_t i = 0; i < count;) {
        int64_t units = 0;
        size_t length = 1;
        const caviar_cpu_unit unit = caviar_cpu_unit_of(&calls[i], &units);
        if (unit == CAVIAR_CPU_MODELS) {
            length = run_of_model_calls(calls + i, count - i, units);
#pragma omp for schedule(dynamic, 1)
            for (int64_t k = first; k < (last < units ? last : units); k++) {
                if (active && !active[k]) continue;
                for (size_t j = i; j < i + length; j++) caviar_cpu_run(&calls[j], k, k + 1);
            }
        } else {
#pragma omp for schedule(static)
            for (int64_t u = 0; u < units; u++) caviar_cpu_run(&calls[i], u, u + 1);
        }
        i += length;
    }
}

/* No more threads than the calls on models have models: the others would only wait at every loop's end. */
static int team_size(const caviar_call *calls, size_t count, int threads) {
    int64_t most = 0, units = 0;
    int models = 0;
    for (size_t i = 0; i < count; i++) {
        const int on_models = caviar_cpu_unit_of(&calls[i], &units) == CAVIAR_CPU_MODELS;
        if (on_models > models) most = 0; /* what else there is does not count beside them */
        models |= on_models;
        if (on_models == models && units > most) most = units;
    }
    return most < threads ? (int)most : threads;
}

/*
 * A population that is larger than the last cache is trained in groups of models, each through all runs before the next
 * one begins: its parameters and moments then come from memory once rather than in every run. The price is that each
 * group gathers the minibatches again. The bytes are those of parameters, gradients and moments; they are a guess at a
 * usual cache, as virtual machines report sizes of the last cache that are not theirs.
 */
enum { GROUP_BYTES = 8 << 20 };

typedef struct groups {
    int64_t models, size;
    int64_t *cursor; /* of the minibatches; NULL: the calls are not a training step */
} groups;

static groups groups_of(const caviar_call *calls, size_t count, int64_t times, int team) {
    groups g = { 1, 0, NULL };
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t units = 0;
        if (caviar_cpu_unit_of(&calls[i], &units) == CAVIAR_CPU_MODELS && units > g.models) g.models = units;
        if (calls[i].op == CAVIAR_OP_advance) g.cursor = calls[i].args.advance.cursor;
        if (calls[i].op == CAVIAR_OP_optimizer_update)
            bytes += calls[i].args.optimizer_update.count * 4 * (int64_t)sizeof(float);
    }
    g.size = bytes == 0 || !g.cursor || times == 1 ? g.models : GROUP_BYTES / bytes / team * team;
    if (g.size < CAVIAR_CPU_LEAST_GROUP * team) g.size = CAVIAR_CPU_LEAST_GROUP * team;
    return g;
}

void caviar_cpu_run_calls(const caviar_call *calls, size_t count, const int32_t *active, int64_t times, int threads) {
    const int team = team_size(calls, count, threads);
    const groups g = groups_of(calls, count, times, team);
    const int64_t start = g.cursor ? *g.cursor : 0;
#pragma omp parallel num_threads(team)
    {
        const uint64_t mode = caviar_cpu_flush_denormals();
        for (int64_t first = 0; first < g.models; first += g.size) {
            for (int64_t t = 0; t < times; t++) run_once(calls, count, active, first, first + g.size);
#pragma omp single
            if (g.cursor && first + g.size < g.models) *g.cursor = start;
        }
        caviar_cpu_restore_denormals(mode);
    }
}

caviar_status caviar_cpu_program_create(caviar_program **program, caviar_device *device, const caviar_call *calls,
                                        size_t count, const int32_t *active) {
    (void)device;
    caviar_program *p = malloc(sizeof *p + count * sizeof *calls);
    if (!p) return caviar_fail_memory("a program", sizeof *p + count * sizeof *calls);
    p->count = count;
    p->active = active;
    memcpy(p->calls, calls, count * sizeof *calls);
    *program = p;
    return CAVIAR_OK;
}

caviar_status caviar_cpu_program_run(caviar_device *device, caviar_program *program, int64_t times) {
    caviar_cpu_run_calls(program->calls, program->count, program->active, times, caviar_cpu_threads(device));
    return CAVIAR_OK;
}

void caviar_cpu_program_destroy(caviar_device *device, caviar_program *program) {
    (void)device;
    free(program);
}
