/* schedule and optimizer_update. Formulas: caviar/ops.h. */
#include "cpu.h"

#include <float.h>
#include <math.h>

/* 1 - (1 - complement)^t without the cancellation of the formula as it stands. */
static double bias_correction(double complement, double t) {
    return -expm1(t * log1p(-complement));
}

void caviar_cpu_schedule(const caviar_schedule_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        if (!a->active[k]) continue;
        const int64_t step = ++a->step[k];
        const double t = (double)step, epoch = (t - 1) / a->steps_per_epoch;
        double factor = 1;
        switch ((caviar_schedule)a->schedule[k]) {
        case CAVIAR_CONSTANT_RATE: break;
        case CAVIAR_INVERSE_TIME: factor = 1 / (1 + a->decay_rate[k] * epoch); break;
        case CAVIAR_EXPONENTIAL: factor = pow(a->decay_rate[k], epoch); break;
        case CAVIAR_COSINE: factor = (1 + cos(M_PI * fmin(epoch / a->duration[k], 1))) / 2; break;
        }
        a->rate[k] = (float)(a->learning_rate[k] * factor);
        a->correction1[k] = (float)bias_correction(a->complement1[k], t);
        a->correction2[k] = (float)bias_correction(a->complement2[k], t);
        if (!a->averaged) continue;
        const double n = (double)++a->averaged[k];
        a->momenta[k] = (float)(a->running_momentum / bias_correction(a->running_momentum, n));
    }
}

/* The constants of one model; decay is 0 for what does not decay. */
typedef struct rule {
    float rate, momentum, complement1, complement2, epsilon;
    float l2;             /* added to the gradient as a multiple of the parameter */
    float decoupled;      /* taken from the parameter as a multiple of itself */
    float corrected_rate; /* rate / correction1 */
    float root;           /* 1 / sqrt(correction2) */
} rule;

/* Of one model, `count` elements from one place on. */
typedef struct block {
    float *restrict p, *restrict m, *restrict v;
    const float *restrict g;
    int64_t count;
} block;

CAVIAR_VECTORISED static void update_sgd(const block *x, const rule *r) {
    float *restrict p = x->p;
    const float *restrict g = x->g;
    for (int64_t i = 0; i < x->count; i++) p[i] -= r->rate * (g[i] + r->l2 * p[i]);
}

CAVIAR_VECTORISED static void update_momentum(const block *x, const rule *r) {
    float *restrict p = x->p, *restrict m = x->m;
    const float *restrict g = x->g;
    for (int64_t i = 0; i < x->count; i++) {
        m[i] = r->momentum * m[i] + (g[i] + r->l2 * p[i]);
        p[i] -= r->rate * m[i];
    }
}

/* A comparison with NaN is false: NaN stays. */
static inline float square(float g) {
    const float squared = g * g;
    return squared > FLT_MAX ? FLT_MAX : squared;
}

CAVIAR_VECTORISED static void update_rmsprop(const block *x, const rule *r) {
    float *restrict p = x->p, *restrict v = x->v;
    const float *restrict gradient = x->g;
    for (int64_t i = 0; i < x->count; i++) {
        const float g = gradient[i] + r->l2 * p[i];
        v[i] += r->complement2 * (square(g) - v[i]);
        p[i] -= r->rate * g / (sqrtf(v[i]) + r->epsilon);
    }
}

CAVIAR_VECTORISED static void update_adam(const block *x, const rule *r) {
    float *restrict p = x->p, *restrict m = x->m, *restrict v = x->v;
    const float *restrict gradient = x->g;
    for (int64_t i = 0; i < x->count; i++) {
        const float g = gradient[i] + r->l2 * p[i], decayed = p[i] - r->decoupled * p[i];
        m[i] += r->complement1 * (g - m[i]);
        v[i] += r->complement2 * (square(g) - v[i]);
        p[i] = decayed - r->corrected_rate * m[i] / (sqrtf(v[i]) * r->root + r->epsilon);
    }
}

static void update(const caviar_optimizer_update_args *a, int64_t k, int64_t from, int64_t count, const rule *r) {
    const block x = { a->parameters.data + k * a->parameters.model_stride + from,
                      a->first_moment.data + k * a->first_moment.model_stride + from,
                      a->second_moment.data + k * a->second_moment.model_stride + from,
                      a->gradients.data + k * a->gradients.model_stride + from, count };
    switch ((caviar_optimizer)a->optimizer[k]) {
    case CAVIAR_SGD: update_sgd(&x, r); break;
    case CAVIAR_MOMENTUM: update_momentum(&x, r); break;
    case CAVIAR_RMSPROP: update_rmsprop(&x, r); break;
    case CAVIAR_ADAM:
    case CAVIAR_ADAMW: update_adam(&x, r); break;
    }
}

void caviar_cpu_optimizer_update(const caviar_optimizer_update_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        if (!a->active[k]) continue;
        const int decoupled = a->optimizer[k] == CAVIAR_ADAMW;
        rule r = { .rate = a->rate[k],
                   .momentum = a->momentum[k],
                   .complement1 = a->complement1[k],
                   .complement2 = a->complement2[k],
                   .epsilon = a->epsilon[k],
                   .l2 = decoupled ? 0 : a->weight_decay[k],
                   .decoupled = decoupled ? a->rate[k] * a->weight_decay[k] : 0,
                   .corrected_rate = a->rate[k] / a->correction1[k],
                   .root = 1 / sqrtf(a->correction2[k]) };
        update(a, k, 0, a->decayed, &r);
        r.l2 = r.decoupled = 0;
        update(a, k, a->decayed, a->count - a->decayed, &r);
    }
}
