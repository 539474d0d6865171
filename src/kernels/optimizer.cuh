/* One parameter's update by each optimiser. */
#ifndef CAVIAR_KERNELS_OPTIMIZER_CUH
#define CAVIAR_KERNELS_OPTIMIZER_CUH

#include "activation.cuh"

#include <caviar/ops.h>

#include <cfloat>
#include <cmath>

/* The constants of one model. */
struct update_rule {
    float rate, momentum, complement1, complement2, epsilon, weight_decay;
    float corrected_rate; /* rate / correction1 */
    float inverse_root;   /* 1 / sqrt(correction2) */
};

__device__ static inline float square(float g) {
    const float squared = g * g;
    return squared == INFINITY ? FLT_MAX : squared;
}

/* Roots and quotients rounded as the CPU's are, and in a third of the instructions within 2 units in the last place. */
template <bool exact>
__device__ static inline float root_of(float v) {
#ifndef CAVIAR_SIMT
    if (!exact) {
        float root;
        asm("sqrt.approx.f32 %0, %1;" : "=f"(root) : "f"(v));
        return root;
    }
#endif
    return sqrtf(v);
}

template <bool exact>
__device__ static inline float quotient_of(float a, float b) {
#ifndef CAVIAR_SIMT
    if (!exact) return __fdividef(a, b);
#endif
    return a / b;
}

/* One parameter; formulas as in caviar/ops.h. If exact, operation by operation those of the CPU: the bits are equal. */
template <int optimizer, bool exact>
__device__ static inline void update_one(const update_rule &rule, bool decayed, float *p, float g, float *m, float *v) {
    if (decayed) {
        if (optimizer == CAVIAR_ADAMW)
            *p -= rule.rate * rule.weight_decay * *p;
        else
            g += rule.weight_decay * *p;
    }
    if (optimizer == CAVIAR_SGD) {
        *p -= rule.rate * g;
    } else if (optimizer == CAVIAR_MOMENTUM) {
        *m = rule.momentum * *m + g;
        *p -= rule.rate * *m;
    } else if (optimizer == CAVIAR_RMSPROP) {
        *v += rule.complement2 * (square(g) - *v);
        *p -= quotient_of<exact>(rule.rate * g, root_of<exact>(*v) + rule.epsilon);
    } else {
        *m += rule.complement1 * (g - *m);
        *v += rule.complement2 * (square(g) - *v);
        *p -= quotient_of<exact>(rule.corrected_rate * *m, root_of<exact>(*v) * rule.inverse_root + rule.epsilon);
    }
}

__device__ static inline update_rule load_rule(const caviar_optimizer_update_args &a, int64_t k) {
    return { a.rate[k],
             a.momentum[k],
             a.complement1[k],
             a.complement2[k],
             a.epsilon[k],
             a.weight_decay[k],
             a.rate[k] / a.correction1[k],
             1.0f / sqrtf(a.correction2[k]) };
}

/* Which moments an optimiser has a use for. */
__host__ __device__ constexpr bool has_first_moment(int optimizer) {
    return optimizer == CAVIAR_MOMENTUM || optimizer >= CAVIAR_ADAM;
}

__host__ __device__ constexpr bool has_second_moment(int optimizer) {
    return optimizer >= CAVIAR_RMSPROP;
}

/* Calls body(optimizer) with a constant. */
template <class Body>
__device__ static inline void with_optimizer(int optimizer, Body body) {
    switch (optimizer) {
    case CAVIAR_SGD: body(constant<CAVIAR_SGD>()); break;
    case CAVIAR_MOMENTUM: body(constant<CAVIAR_MOMENTUM>()); break;
    case CAVIAR_RMSPROP: body(constant<CAVIAR_RMSPROP>()); break;
    case CAVIAR_ADAM: body(constant<CAVIAR_ADAM>()); break;
    default: body(constant<CAVIAR_ADAMW>()); break;
    }
}

#endif
