/*
 * Running lists of calls. Consecutive operations on models become one parallel loop over models: a thread takes a
 * model through all of them before it takes the next one, so that the model's activations stay in its cache. Where the
 * list is a step that is repeated, some minibatches are gathered ahead and a thread takes a model through all of
 * these: its parameters and moments stay there as well, and threads wait for one another less often.
 */
#include "cpu.h"
#include "denormals.h"
#include "team.h"

#include "host/status.h"

#include <stdlib.h>
#include <string.h>

/* Minibatches ahead; all but the last have memory of their own. */
typedef struct minibatches {
    int64_t most; /* 1: none is gathered ahead */
    float *x;
    int32_t *labels;
} minibatches;

struct caviar_program {
    size_t count;
    const int32_t *active;
    minibatches ahead;
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

/* Who works, and with how many threads. */
typedef struct workers {
    caviar_team *team;
    int threads;
} workers;

/* Calls first .. first + length - 1 of a list, as one parallel loop over their units. */
typedef struct stretch {
    const caviar_call *calls;
    size_t length;
    const int32_t *active;
} stretch;

static void run_models(void *context, int64_t first, int64_t last) {
    const stretch *s = context;
    for (int64_t k = first; k < last; k++) {
        if (s->active && !s->active[k]) continue;
        for (size_t j = 0; j < s->length; j++) caviar_cpu_run(&s->calls[j], k, k + 1);
    }
}

static void run_units(void *context, int64_t first, int64_t last) {
    const stretch *s = context;
    caviar_cpu_run(s->calls, first, last);
}

/* Units that cost alike are taken in a few ranges a thread. */
static int64_t even_grain(int64_t units, int threads) {
    const int64_t grain = units / (4 * (int64_t)threads);
    return grain > 1 ? grain : 1;
}

/* The calls, once. */
static void run_once(const caviar_call *calls, size_t count, const int32_t *active, const workers *w) {
    for (size_t i = 0; i < count;) {
        int64_t units = 0;
        stretch s = { &calls[i], 1, active };
        if (caviar_cpu_unit_of(&calls[i], &units) == CAVIAR_CPU_MODELS) {
            s.length = run_of_model_calls(calls + i, count - i, units);
            caviar_team_run(w->team, w->threads, units, 1, run_models, &s);
        } else {
            caviar_team_run(w->team, w->threads, units, even_grain(units, w->threads), run_units, &s);
        }
        i += s.length;
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

/* ------------------------------------------------------------------------------------------------- minibatches ahead
 */

/*
 * With 16 a model's state is loaded into the second cache for every sixteenth step: 3 us of 225 less than with 8. More
 * than AHEAD_BYTES would leave no room in a usual last cache.
 */
enum { AHEAD_BYTES = 8 << 20, MOST_AHEAD = 16, LINE = 64 };

/* A minibatch, operations on models, and on to the next minibatch. */
static int is_step(const caviar_call *calls, size_t count) {
    int64_t models = 0;
    if (count < 3 || calls[0].op != CAVIAR_OP_gather || calls[count - 1].op != CAVIAR_OP_advance) return 0;
    if (calls[count - 1].args.advance.cursor != calls[0].args.gather.cursor) return 0;
    return caviar_cpu_unit_of(&calls[1], &models) == CAVIAR_CPU_MODELS &&
           run_of_model_calls(calls + 1, count - 1, models) == count - 2;
}

static size_t floats_of(const caviar_gather_args *a) {
    return (size_t)(a->batch * a->out_stride);
}

static int64_t most_ahead(const caviar_call *calls, size_t count) {
    if (!is_step(calls, count)) return 1;
    const size_t bytes = floats_of(&calls[0].args.gather) * sizeof(float);
    return bytes * MOST_AHEAD <= AHEAD_BYTES ? MOST_AHEAD
           : bytes * 2 <= AHEAD_BYTES        ? (int64_t)(AHEAD_BYTES / bytes)
                                             : 1;
}

/* 0: there is no memory. They begin with a line of the cache, as memory of the device does. */
static int allocate(minibatches *ahead, const caviar_gather_args *gather) {
    const size_t others = (size_t)ahead->most - 1;
    ahead->x = aligned_alloc(LINE, (others * floats_of(gather) * sizeof(float) + LINE - 1) / LINE * LINE);
    ahead->labels = malloc(others * (size_t)gather->batch * sizeof *ahead->labels);
    return ahead->x && ahead->labels;
}

/* Where minibatch s of `now` is gathered: the last one where the call says. */
static caviar_gather_args place_of(const caviar_gather_args *gather, const minibatches *ahead, int64_t s, int64_t now) {
    caviar_gather_args a = *gather;
    if (s == now - 1) return a;
    a.out = ahead->x + (size_t)s * floats_of(gather);
    a.out_labels = a.labels ? ahead->labels + s * a.batch : NULL;
    return a;
}

/*
 * The call, or `moved` in its place: a copy that reads the minibatch at `to`. These four operations are all of a
 * training step or an evaluation that read one.
 */
static const caviar_call *at_place(caviar_call *moved, const caviar_call *call, const caviar_gather_args *from,
                                   const caviar_gather_args *to) {
    switch (call->op) {
    case CAVIAR_OP_linear_forward:
        if (call->args.linear_forward.x.data != from->out) return call;
        *moved = *call;
        moved->args.linear_forward.x.data = to->out;
        return moved;
    case CAVIAR_OP_linear_backward:
        if (call->args.linear_backward.x.data != from->out) return call;
        *moved = *call;
        moved->args.linear_backward.x.data = to->out;
        return moved;
    case CAVIAR_OP_softmax_cross_entropy:
        if (call->args.softmax_cross_entropy.labels != from->out_labels) return call;
        *moved = *call;
        moved->args.softmax_cross_entropy.labels = to->out_labels;
        return moved;
    case CAVIAR_OP_metrics:
        if (call->args.metrics.labels != from->out_labels) return call;
        *moved = *call;
        moved->args.metrics.labels = to->out_labels;
        return moved;
    default: return call;
    }
}

/* One model through the next `now` steps. */
static void run_model(const caviar_call *calls, size_t count, const minibatches *ahead, int64_t now, int64_t k) {
    const caviar_gather_args *const gather = &calls[0].args.gather;
    caviar_call moved;
    for (int64_t s = 0; s < now; s++) {
        const caviar_gather_args place = place_of(gather, ahead, s, now);
        for (size_t j = 1; j + 1 < count; j++)
            caviar_cpu_run(s == now - 1 ? &calls[j] : at_place(&moved, &calls[j], gather, &place), k, k + 1);
    }
}

/* The next `now` steps of a list. */
typedef struct steps {
    const caviar_call *calls;
    size_t count;
    const int32_t *active;
    const minibatches *ahead;
    int64_t now;
} steps;

/* Units are the examples of all the minibatches, one after another. */
static void gather_ahead(void *context, int64_t first, int64_t last) {
    const steps *s = context;
    const caviar_gather_args *const gather = &s->calls[0].args.gather;
    const caviar_advance_args *const advance = &s->calls[s->count - 1].args.advance;
    for (int64_t u = first; u < last; u++) {
        caviar_gather_args a = place_of(gather, s->ahead, u / gather->batch, s->now);
        int64_t cursor = *gather->cursor + u / gather->batch * advance->by;
        a.cursor = &cursor;
        caviar_cpu_gather(&a, u % gather->batch, u % gather->batch + 1);
    }
}

static void run_models_ahead(void *context, int64_t first, int64_t last) {
    const steps *s = context;
    for (int64_t k = first; k < last; k++)
        if (!s->active || s->active[k]) run_model(s->calls, s->count, s->ahead, s->now, k);
}

static void run_ahead(const caviar_call *calls, size_t count, const int32_t *active, const minibatches *ahead,
                      int64_t now, const workers *w) {
    steps s = { calls, count, active, ahead, now };
    const int64_t examples = now * calls[0].args.gather.batch;
    const caviar_advance_args *const advance = &calls[count - 1].args.advance;
    int64_t models = 0;
    caviar_cpu_unit_of(&calls[1], &models);
    caviar_team_run(w->team, w->threads, examples, even_grain(examples, w->threads), gather_ahead, &s);
    caviar_team_run(w->team, w->threads, models, 1, run_models_ahead, &s);
    *advance->cursor += now * advance->by;
}

static void run_calls(const caviar_call *calls, size_t count, const int32_t *active, const minibatches *ahead,
                      int64_t times, const caviar_device *device) {
    const workers w = { caviar_cpu_team(device), team_size(calls, count, caviar_cpu_threads(device)) };
    const uint64_t mode = caviar_cpu_flush_denormals();
    for (int64_t t = 0, now; t < times; t += now) {
        now = ahead->most < times - t ? ahead->most : times - t;
        if (now > 1)
            run_ahead(calls, count, active, ahead, now, &w);
        else
            run_once(calls, count, active, &w);
    }
    caviar_cpu_restore_denormals(mode);
}

void caviar_cpu_run_call(const caviar_call *call, const caviar_device *device) {
    run_calls(call, 1, NULL, &(minibatches){ .most = 1 }, 1, device);
}

caviar_status caviar_cpu_program_create(caviar_program **program, caviar_device *device, const caviar_call *calls,
                                        size_t count, const int32_t *active) {
    const minibatches ahead = { .most = most_ahead(calls, count) };
    const size_t bytes = sizeof(caviar_program) + count * sizeof *calls;
    caviar_program *p = malloc(bytes);
    if (!p) return caviar_fail_memory("a program", bytes);
    *p = (caviar_program){ .count = count, .active = active, .ahead = ahead };
    memcpy(p->calls, calls, count * sizeof *calls);
    if (ahead.most > 1 && !allocate(&p->ahead, &calls[0].args.gather)) {
        caviar_cpu_program_destroy(device, p);
        return caviar_fail_memory("minibatches ahead",
                                  (size_t)(ahead.most - 1) * floats_of(&calls[0].args.gather) * sizeof(float));
    }
    *program = p;
    return CAVIAR_OK;
}

caviar_status caviar_cpu_program_run(caviar_device *device, caviar_program *program, int64_t times) {
    run_calls(program->calls, program->count, program->active, &program->ahead, times, device);
    return CAVIAR_OK;
}

void caviar_cpu_program_destroy(caviar_device *device, caviar_program *program) {
    (void)device;
    if (!program) return;
    free(program->ahead.x);
    free(program->ahead.labels);
    free(program);
}
