/* Cases of schedule and optimizer_update (width parameters), alone and over several steps. */
#include "cases.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { FIRST_STEP = 1, FAR, HUGE_GRADIENTS };

/* ---------------------------------------------------------------------------------------------------------- schedule
 */

static const shape schedule_shapes[] = {
    { 4, 1, 0, 0, MODEL_MAJOR, 0, FIRST_STEP, "the first step: every rate is whole, corrections are exact" },
    { 1, 1, 0, 0, MODEL_MAJOR, 0, 0, "one model" },
    { 3, 1, 0, 0, LOOSE, 0, 0, "three, off 16 bytes" },
    { 31, 1, 0, 0, MODEL_MAJOR, 0, 0, "one fewer than a warp" },
    { 32, 1, 0, 0, MODEL_MAJOR, INACTIVE, 0, "a warp" },
    { 33, 1, 0, 0, MODEL_MAJOR, 0, 0, "one more" },
    { 128, 1, 0, 0, MODEL_MAJOR, 0, 0, "as many as a block has threads" },
    { 129, 1, 0, 0, MODEL_MAJOR, INACTIVE, 0, "early steps; models that are not active" },
    { 40, 1, 0, 0, MODEL_MAJOR, 0, FAR, "steps beyond 2^24, where a float sticks" },
    { 1000, 1, 0, 0, MODEL_MAJOR, INACTIVE, 0, "a thousand models" },
};

#define STEPS_PER_EPOCH 97.0
#define RUNNING_MOMENTUM 0.1

typedef struct schedule_operands {
    operand *active, *kind, *learning_rate, *decay_rate, *duration, *complement1, *complement2, *step;
    operand *rate, *correction1, *correction2, *averaged, *momenta;
} schedule_operands;
static schedule_operands h;

static operand *put_doubles(scene *s, double low, double high) {
    return fill(s, put_vector(s, 1, sizeof(double)), low, high);
}

static void build_schedule(scene *s, caviar_call *call) {
    const int64_t far = s->shape.data == FAR ? (int64_t)1 << 24 : 0;
    h.active = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 1, 1);
    h.kind = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 0, 3);
    h.learning_rate = put_doubles(s, 1e-4, 1);
    h.decay_rate = put_doubles(s, 0.1, 1);
    h.duration = put_doubles(s, 1, 3); /* ends within the steps below */
    h.complement1 = put_doubles(s, 1e-4, 1);
    h.complement2 = put_doubles(s, 1e-9, 1e-3);
    h.step = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), far, far + (far ? 3 : 400)));
    h.rate = output(put_vector(s, 1, sizeof(float)));
    h.correction1 = output(put_vector(s, 1, sizeof(float)));
    h.correction2 = output(put_vector(s, 1, sizeof(float)));
    h.averaged = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), 0, 90));
    h.momenta = output(put_vector(s, 1, sizeof(float)));
    for (int64_t k = 0; k < s->shape.models; k++) {
        const int64_t number = s->first + k;
        WAS(int32_t, h.kind, k, 0, 0) = (int32_t)(number % 4);
        if (s->shape.flags & INACTIVE && number % 3 == 2) WAS(int32_t, h.active, k, 0, 0) = 0;
        if (s->shape.data == FIRST_STEP) WAS(int64_t, h.step, k, 0, 0) = WAS(int64_t, h.averaged, k, 0, 0) = 0;
        if (number % 8 == 7) WAS(int64_t, h.averaged, k, 0, 0) = INT64_C(1) << 32;
        if (number % 8 == 5) WAS(double, h.complement1, k, 0, 0) = 1; /* beta1 = 0 */
        if (far && number % 8 == 6) WAS(int64_t, h.step, k, 0, 0) = ((int64_t)1 << 53) - 5;
    }
    call->args.schedule = (caviar_schedule_args){ .active = on_device(h.active),
                                                  .schedule = on_device(h.kind),
                                                  .learning_rate = on_device(h.learning_rate),
                                                  .decay_rate = on_device(h.decay_rate),
                                                  .duration = on_device(h.duration),
                                                  .complement1 = on_device(h.complement1),
                                                  .complement2 = on_device(h.complement2),
                                                  .step = on_device(h.step),
                                                  .rate = on_device(h.rate),
                                                  .correction1 = on_device(h.correction1),
                                                  .correction2 = on_device(h.correction2),
                                                  .models = s->shape.models,
                                                  .steps_per_epoch = STEPS_PER_EPOCH,
                                                  .averaged = on_device(h.averaged),
                                                  .momenta = on_device(h.momenta),
                                                  .running_momentum = RUNNING_MOMENTUM };
}

static long double rate_of(int64_t k, int64_t t) {
    const long double epoch = (long double)(t - 1) / STEPS_PER_EPOCH, decay = WAS(double, h.decay_rate, k, 0, 0);
    const long double whole = WAS(double, h.learning_rate, k, 0, 0);
    switch (WAS(int32_t, h.kind, k, 0, 0)) {
    case CAVIAR_INVERSE_TIME: return whole / (1 + decay * epoch);
    case CAVIAR_EXPONENTIAL: return whole * powl(decay, epoch);
    case CAVIAR_COSINE: return whole * (1 + cosl(acosl(-1) * fminl(epoch / WAS(double, h.duration, k, 0, 0), 1))) / 2;
    default: return whole;
    }
}

static long double correction_of(const operand *complement, int64_t k, int64_t t) {
    return 1 - powl(1 - (long double)WAS(double, complement, k, 0, 0), t);
}

static void check_momenta(const scene *s, int64_t k, norm *momenta) {
    const int64_t n = WAS(int64_t, h.averaged, k, 0, 0) + 1;
    const double expected = (double)(RUNNING_MOMENTUM / (1 - powl(1 - (long double)RUNNING_MOMENTUM, (long double)n)));
    const float momentum = NOW(float, h.momenta, k, 0, 0);
    cr_assert(NOW(int64_t, h.averaged, k, 0, 0) == n, "%s: averaged of model %lld", s->shape.why, (long long)k);
    near(s, momenta, "momenta", k, 0, 0, (double)momentum, expected, 0.51 * ULP * expected);
    cr_assert(n > 1 || momentum == 1, "%s: the first minibatch is all there is of an average", s->shape.why);
}

static void check_schedule(const scene *s, const caviar_call *call) {
    (void)call;
    norm momenta = { 0, 0 }, rates = { 0, 0 }, corrections1 = { 0, 0 }, corrections2 = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++) {
        if (!WAS(int32_t, h.active, k, 0, 0)) {
            cr_assert(unchanged(h.step, k, 0, 0) && unchanged(h.rate, k, 0, 0) && unchanged(h.correction1, k, 0, 0) &&
                      unchanged(h.correction2, k, 0, 0) && unchanged(h.averaged, k, 0, 0) &&
                      unchanged(h.momenta, k, 0, 0));
            continue;
        }
        const int64_t t = WAS(int64_t, h.step, k, 0, 0) + 1;
        cr_assert(NOW(int64_t, h.step, k, 0, 0) == t, "%s: step of model %lld", s->shape.why, (long long)k);
        const double rate = (double)rate_of(k, t), whole = WAS(double, h.learning_rate, k, 0, 0);
        /* A cosine near its end is small against the 1 that it came from. */
        near(s, &rates, "rate", k, 0, 0, (double)NOW(float, h.rate, k, 0, 0), rate, ULP * rate + 1e-15 * whole + 1e-38);
        const double c1 = (double)correction_of(h.complement1, k, t), c2 = (double)correction_of(h.complement2, k, t);
        near(s, &corrections1, "correction1", k, 0, 0, (double)NOW(float, h.correction1, k, 0, 0), c1, 0.51 * ULP * c1);
        near(s, &corrections2, "correction2", k, 0, 0, (double)NOW(float, h.correction2, k, 0, 0), c2, 0.51 * ULP * c2);
        check_momenta(s, k, &momenta);
        if (t > 1) continue;
        cr_assert(NOW(float, h.rate, k, 0, 0) == (float)whole, "%s: rate", s->shape.why);
        cr_assert(NOW(float, h.correction1, k, 0, 0) == (float)WAS(double, h.complement1, k, 0, 0) &&
                      NOW(float, h.correction2, k, 0, 0) == (float)WAS(double, h.complement2, k, 0, 0),
                  "%s: corrections of model %lld", s->shape.why, (long long)k);
    }
    norm_within(s, &rates, "rate", ULP / 2);
    norm_within(s, &corrections1, "correction1", ULP / 2);
    norm_within(s, &corrections2, "correction2", ULP / 2);
    norm_within(s, &momenta, "momenta", ULP / 2);
}

/* -------------------------------------------------------------------------------------------------- optimizer_update
 */

static const shape update_shapes[] = {
    { 5, 1, 0, 4, MODEL_MAJOR, 0, 0, "the smallest, of every optimiser" },
    { 5, 1, 0, 32, MODEL_MAJOR, 0, 0, "a few vectors" },
    { 5, 1, 0, 36, MODEL_MAJOR, 0, 0, "four more" },
    { 1, 1, 0, 4, MODEL_MAJOR, 0, 0, "one model" },
    { 31, 1, 0, 28, MODEL_MAJOR, INACTIVE, 0, "one model fewer than a warp" },
    { 33, 1, 0, 124, MODEL_MAJOR, 0, 0, "one more, with one vector fewer than a warp" },
    { 5, 1, 0, 1024, MODEL_MAJOR, 0, 0, "a vector for every thread of a block" },
    { 5, 1, 0, 4096, MODEL_MAJOR, 0, 0, "as many as a block takes of a model" },
    { 5, 1, 0, 4100, MODEL_MAJOR, 0, 0, "one vector more" },
    { 65537, 1, 0, 4, MODEL_MAJOR, 0, 0, "two models more than a grid has blocks" },
    { 11, 1, 0, 1028, MODEL_MAJOR, INACTIVE, 0,
      "more than a block's threads take at once; models that are not active" },
    { 6, 1, 0, 9004, MODEL_MAJOR, 0, 0, "several blocks a model" },
    { 10, 1, 0, 16, MODEL_MAJOR, 0, HUGE_GRADIENTS, "gradients of 0, 1e20, 3e38, infinity and NaN" },
    { 1000, 1, 0, 8, MODEL_MAJOR, INACTIVE, 0, "a thousand models" },
};

typedef struct update_operands {
    operand *p, *g, *m, *v, *active, *optimizer;
    operand *rate, *correction1, *correction2, *momentum, *complement1, *complement2, *epsilon, *decay;
} update_operands;
static update_operands u;

static operand *put_floats(scene *s, double low, double high) {
    return fill(s, put_vector(s, 1, sizeof(float)), low, high);
}

static void build_update(scene *s, caviar_call *call) {
    const int64_t count = s->shape.width;
    u.p = output(fill(s, put_tensor(s, 1, count, NULL, NULL), -1, 1));
    u.g = fill(s, put_tensor(s, 1, count, NULL, NULL), -1, 1);
    u.m = output(fill(s, put_tensor(s, 1, count, NULL, NULL), -1, 1));
    u.v = output(fill(s, put_tensor(s, 1, count, NULL, NULL), 0, 1));
    u.active = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 1, 1);
    u.optimizer = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 0, 4);
    u.rate = put_floats(s, 0.01, 0.1);
    u.correction1 = put_floats(s, 0.1, 1);
    u.correction2 = put_floats(s, 0.001, 1);
    u.momentum = put_floats(s, 0.5, 1);
    u.complement1 = put_floats(s, 0.01, 0.5);
    u.complement2 = put_floats(s, 0.001, 0.1);
    u.epsilon = put_floats(s, 1e-8, 1e-6);
    u.decay = put_floats(s, 0, 0.1);
    /* `decayed` ends before each of the four elements of a vector, depending on the count. */
    static const float special[] = { 1e20f, -1e20f, 3e38f, INFINITY, NAN, 0, 1e-30f };
    for (int64_t k = 0; k < s->shape.models; k++) {
        WAS(int32_t, u.optimizer, k, 0, 0) = (int32_t)((s->first + k) % 5);
        if (s->shape.flags & INACTIVE && (s->first + k) % 7 == 6) WAS(int32_t, u.active, k, 0, 0) = 0;
        for (size_t i = 0; s->shape.data == HUGE_GRADIENTS && i < 2 * COUNT(special); i++) {
            WAS(float, u.g, k, 0, (int64_t)i) = special[i % COUNT(special)];
            WAS(float, u.m, k, 0, (int64_t)i) = WAS(float, u.v, k, 0, (int64_t)i) = 0;
        }
    }
    call->args.optimizer_update = (caviar_optimizer_update_args){ .parameters = tensor_of(u.p),
                                                                  .gradients = tensor_of(u.g),
                                                                  .first_moment = tensor_of(u.m),
                                                                  .second_moment = tensor_of(u.v),
                                                                  .models = s->shape.models,
                                                                  .count = count,
                                                                  .decayed = count / 4 * 2 + count / 4 % 4,
                                                                  .active = on_device(u.active),
                                                                  .optimizer = on_device(u.optimizer),
                                                                  .rate = on_device(u.rate),
                                                                  .correction1 = on_device(u.correction1),
                                                                  .correction2 = on_device(u.correction2),
                                                                  .momentum = on_device(u.momentum),
                                                                  .complement1 = on_device(u.complement1),
                                                                  .complement2 = on_device(u.complement2),
                                                                  .epsilon = on_device(u.epsilon),
                                                                  .weight_decay = on_device(u.decay) };
}

typedef struct constants {
    double rate, correction1, correction2, momentum, complement1, complement2, epsilon, decay;
} constants;

typedef struct state {
    double p, m, v;
} state;

static void step_reference(int optimizer, const constants *c, int decayed, double g, state *x) {
    const double decay = decayed ? c->decay * x->p : 0;
    if (optimizer == CAVIAR_ADAMW)
        x->p -= c->rate * decay;
    else
        g += decay;
    const double squared = g * g > (double)FLT_MAX ? (double)FLT_MAX : g * g;
    switch (optimizer) {
    case CAVIAR_SGD: x->p -= c->rate * g; break;
    case CAVIAR_MOMENTUM:
        x->m = c->momentum * x->m + g;
        x->p -= c->rate * x->m;
        break;
    case CAVIAR_RMSPROP:
        x->v += c->complement2 * (squared - x->v);
        x->p -= c->rate * g / (sqrt(x->v) + c->epsilon);
        break;
    default:
        x->m += c->complement1 * (g - x->m);
        x->v += c->complement2 * (squared - x->v);
        x->p -= c->rate / c->correction1 * x->m / (sqrt(x->v) / sqrt(c->correction2) + c->epsilon);
    }
}

static double single(const operand *o, int64_t k) {
    return (double)WAS(float, o, k, 0, 0);
}

/* Of infinite gradients what is finite is exact: it was not touched. */
static double finite_bound(double bound) {
    return isfinite(bound) ? bound : 0;
}

static void check_update(const scene *s, const caviar_call *call) {
    norm n = { 0, 0 }, first = { 0, 0 }, second = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++) {
        const int optimizer = WAS(int32_t, u.optimizer, k, 0, 0);
        const constants c = { single(u.rate, k),     single(u.correction1, k), single(u.correction2, k),
                              single(u.momentum, k), single(u.complement1, k), single(u.complement2, k),
                              single(u.epsilon, k),  single(u.decay, k) };
        for (int64_t i = 0; i < s->shape.width; i++) {
            if (!WAS(int32_t, u.active, k, 0, 0)) {
                cr_assert(unchanged(u.p, k, 0, i) && unchanged(u.m, k, 0, i) && unchanged(u.v, k, 0, i));
                continue;
            }
            const state old = { (double)WAS(float, u.p, k, 0, i), (double)WAS(float, u.m, k, 0, i),
                                (double)WAS(float, u.v, k, 0, i) };
            const double g = (double)WAS(float, u.g, k, 0, i), size = fabs(g) + fabs(old.p) * c.decay;
            state x = old;
            step_reference(optimizer, &c, i < call->args.optimizer_update.decayed, g, &x);
            const double error_m = 4 * ULP * (fabs(old.m) + size);
            const double error_v = 4 * ULP * (old.v + c.complement2 * fmin(size * size, (double)FLT_MAX));
            double error_p = 2 * ULP * fabs(old.p) + 8 * ULP * fabs(x.p - old.p);
            /* What m lost in a sum that nearly cancelled. */
            if (optimizer == CAVIAR_MOMENTUM || optimizer == CAVIAR_SGD) error_p += c.rate * error_m;
            if (optimizer == CAVIAR_RMSPROP) error_p += c.rate * ULP * size / (sqrt(x.v) + c.epsilon);
            if (optimizer >= CAVIAR_ADAM)
                error_p += c.rate / c.correction1 * error_m / (sqrt(x.v / c.correction2) + c.epsilon);
            near(s, &n, "p", k, 0, i, (double)NOW(float, u.p, k, 0, i), x.p, finite_bound(error_p));
            near(s, &first, "m", k, 0, i, (double)NOW(float, u.m, k, 0, i), x.m, finite_bound(error_m));
            near(s, &second, "v", k, 0, i, (double)NOW(float, u.v, k, 0, i), x.v, finite_bound(error_v));
        }
    }
    if (s->shape.data == HUGE_GRADIENTS) return; /* beside 1e38 a norm says nothing */
    norm_within(s, &n, "p", 5e-7);
    norm_within(s, &first, "m", 3e-7);
    norm_within(s, &second, "v", 3e-7);
}

/* ----------------------------------------------------------------------------------------------------- several steps
 */

/* What the schedule gives is what the update takes; beta2 and weight decay are the same numbers in both. */
static void connect(scene *s, const caviar_schedule_args *schedule, caviar_optimizer_update_args *update) {
    update->rate = schedule->rate;
    update->correction1 = schedule->correction1;
    update->correction2 = schedule->correction2;
    for (int64_t k = 0; k < s->shape.models; k++) {
        WAS(float, u.complement1, k, 0, 0) = (float)WAS(double, h.complement1, k, 0, 0);
        WAS(float, u.complement2, k, 0, 0) = (float)WAS(double, h.complement2, k, 0, 0);
        WAS(int32_t, h.kind, k, 0, 0) = (int32_t)(k / 5);
        WAS(int64_t, h.step, k, 0, 0) = 0;
        for (int64_t i = 0; i < s->shape.width; i++) WAS(float, u.m, k, 0, i) = WAS(float, u.v, k, 0, i) = 0;
    }
}

static void check_first_adam_step(const scene *s, int64_t k) {
    /* m / correction1 is g and v / correction2 is g^2: the step is the rate, whatever the gradient's size. */
    for (int64_t i = 0; i < s->shape.width; i++) {
        const double moved = fabs((double)NOW(float, u.p, k, 0, i) - (double)WAS(float, u.p, k, 0, i));
        const double g = fabs((double)WAS(float, u.g, k, 0, i)), rate = WAS(double, h.learning_rate, k, 0, 0);
        near(s, NULL, "Adam's first step", k, 0, i, moved, rate * g / (g + single(u.epsilon, k)), ULP * (1 + 4 * rate));
    }
}

void check_several_steps(caviar_device *device) {
    static const shape steps = { 20, 1, 0, 12, MODEL_MAJOR, 0, 0, "five optimisers by four schedules, nine steps" };
    static state x[20][12];
    scene s;
    caviar_call schedule = { .op = CAVIAR_OP_schedule }, update = { .op = CAVIAR_OP_optimizer_update };
    scene_begin(&s, device, &steps, 0);
    build_schedule(&s, &schedule);
    build_update(&s, &update);
    fill(&s, h.complement1, 0.05, 0.5);
    fill(&s, u.decay, 0, 0);
    connect(&s, &schedule.args.schedule, &update.args.optimizer_update);
    for (int64_t k = 0; k < 20; k++)
        for (int64_t i = 0; i < 12; i++) x[k][i] = (state){ (double)WAS(float, u.p, k, 0, i), 0, 0 };
    scene_send(&s);
    for (int64_t t = 1; t <= 9; t++) {
        for (int64_t k = 0; k < 20; k++)
            for (int64_t i = 0; i < 12; i++)
                WAS(float, u.g, k, 0, i) = (float)(2 * draw(&s, (uint64_t)(1000 + t), k, 0, i) - 1);
        SUCCEEDS(device->table->upload(device, u.g->memory, u.g->before, u.g->bytes));
        run_call(device, &schedule);
        run_call(device, &update);
        scene_fetch(&s);
        for (int64_t k = 0; k < 20; k++) {
            const constants c = { (double)rate_of(k, t),
                                  (double)correction_of(h.complement1, k, t),
                                  (double)correction_of(h.complement2, k, t),
                                  single(u.momentum, k),
                                  WAS(double, h.complement1, k, 0, 0),
                                  WAS(double, h.complement2, k, 0, 0),
                                  single(u.epsilon, k),
                                  0 };
            cr_assert(NOW(int64_t, h.step, k, 0, 0) == t);
            for (int64_t i = 0; i < 12; i++) {
                step_reference((int)(k % 5), &c, 0, (double)WAS(float, u.g, k, 0, i), &x[k][i]);
                near(&s, NULL, "p after several steps", k, t, i, (double)NOW(float, u.p, k, 0, i), x[k][i].p,
                     (double)t * 16 * ULP * (1 + fabs(x[k][i].p)));
            }
            if (t == 1 && k % 5 == CAVIAR_ADAM) check_first_adam_step(&s, k);
        }
    }
    scene_end(&s);
}

const op_cases cases_schedule = { schedule_shapes, COUNT(schedule_shapes), build_schedule, check_schedule };
const op_cases cases_optimizer_update = { update_shapes, COUNT(update_shapes), build_update, check_update };
