/* schedule, and optimizer_update of all parameters of  inputs - width - width - 10  with Adam in every model. */
#include "../op.h"

#include <math.h>

/* Weights of three layers, gamma and beta of two, biases of the output layer, as populations lay them out. */
static int64_t parameters(const bench_size *size) {
    const int64_t in = (size->inputs + 3) / 4 * 4, w = (size->width + 3) / 4 * 4, out = 12;
    return (in * w + w * w + w * out + 4 * w + out + 63) / 64 * 64;
}

static void build_update(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models, count = parameters(size);
    call->args.optimizer_update =
        (caviar_optimizer_update_args){ .parameters = bench_tensor(o, k, count, -1, 1),
                                        .gradients = bench_tensor(o, k, count, -1, 1),
                                        .first_moment = bench_tensor(o, k, count, -1, 1),
                                        .second_moment = bench_tensor(o, k, count, 0, 1),
                                        .models = k,
                                        .count = count,
                                        .decayed = count,
                                        .active = bench_integers(o, k, 1, 1),
                                        .optimizer = bench_integers(o, k, CAVIAR_ADAM, CAVIAR_ADAM),
                                        .rate = bench_floats(o, k, 1e-4, 1e-2),
                                        .correction1 = bench_floats(o, k, 0.5, 1),
                                        .correction2 = bench_floats(o, k, 0.5, 1),
                                        .momentum = bench_floats(o, k, 0.9, 0.9),
                                        .complement1 = bench_floats(o, k, 0.05, 0.2),
                                        .complement2 = bench_floats(o, k, 0.001, 0.01),
                                        .epsilon = bench_floats(o, k, 1e-8, 1e-6),
                                        .weight_decay = bench_floats(o, k, 0, 1e-3) };
}

static void check_update(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_optimizer_update_args *a = &call->args.optimizer_update;
    const double rate = bench_before(o, a->rate + k), decay = bench_before(o, a->weight_decay + k);
    const double c1 = bench_before(o, a->complement1 + k), c2 = bench_before(o, a->complement2 + k);
    for (int64_t i = 0; i < a->count; i++) {
        const double p = bench_before(o, BENCH_OF(a->parameters, k, i));
        const double g = bench_before(o, BENCH_OF(a->gradients, k, i)) + decay * p;
        double m = bench_before(o, BENCH_OF(a->first_moment, k, i)),
               v = bench_before(o, BENCH_OF(a->second_moment, k, i));
        m += c1 * (g - m);
        v += c2 * (g * g - v);
        const double root = sqrt(v) / sqrt(bench_before(o, a->correction2 + k)) + bench_before(o, a->epsilon + k);
        const double step = rate / bench_before(o, a->correction1 + k) * m / root;
        bench_expect(check, bench_after(o, BENCH_OF(a->first_moment, k, i)), m, 1);
        bench_expect(check, bench_after(o, BENCH_OF(a->second_moment, k, i)), v, 1);
        bench_expect(check, bench_after(o, BENCH_OF(a->parameters, k, i)), p - step, 1 + fabs(step));
    }
}

const bench_op bench_op_optimizer_update = { "optimizer_update", BENCH_MODELS | BENCH_WIDTH | BENCH_INPUTS,
                                             build_update, check_update };

static void build_schedule(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models;
    call->args.schedule = (caviar_schedule_args){ .active = bench_integers(o, k, 1, 1),
                                                  .schedule = bench_integers(o, k, CAVIAR_COSINE, CAVIAR_COSINE),
                                                  .learning_rate = bench_operand_add(o, BENCH_DOUBLE, k, 1e-4, 1e-2),
                                                  .decay_rate = bench_operand_add(o, BENCH_DOUBLE, k, 0, 1),
                                                  .duration = bench_operand_add(o, BENCH_DOUBLE, k, 5, 20),
                                                  .complement1 = bench_operand_add(o, BENCH_DOUBLE, k, 0.05, 0.2),
                                                  .complement2 = bench_operand_add(o, BENCH_DOUBLE, k, 0.001, 0.01),
                                                  .step = bench_operand_add(o, BENCH_INT64, k, 0, 1000),
                                                  .rate = bench_floats(o, k, 0, 0),
                                                  .correction1 = bench_floats(o, k, 0, 0),
                                                  .correction2 = bench_floats(o, k, 0, 0),
                                                  .models = k,
                                                  .steps_per_epoch = 422 };
}

static void check_schedule(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_schedule_args *a = &call->args.schedule;
    const double t = bench_before(o, a->step + k) + 1, epoch = (t - 1) / a->steps_per_epoch;
    const double factor = (1 + cos(acos(-1) * fmin(epoch / bench_before(o, a->duration + k), 1))) / 2;
    bench_expect(check, bench_after(o, a->step + k), t, 1e-9);
    bench_expect(check, bench_after(o, a->rate + k), bench_before(o, a->learning_rate + k) * factor, 1e-2);
    bench_expect(check, bench_after(o, a->correction1 + k), 1 - pow(1 - bench_before(o, a->complement1 + k), t), 1);
    bench_expect(check, bench_after(o, a->correction2 + k), 1 - pow(1 - bench_before(o, a->complement2 + k), t), 1);
}

const bench_op bench_op_schedule = { "schedule", BENCH_MODELS, build_schedule, check_schedule };
