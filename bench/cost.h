/* What an operation must at least move and compute: the one place where bytes and operations are counted. */
#ifndef CAVIAR_BENCH_COST_H
#define CAVIAR_BENCH_COST_H

#include "kernels/device.h"

typedef struct bench_cost {
    double bytes;      /* every operand read once and every result written once, as if caches held the rest */
    double operations; /* floating-point additions, multiplications, divisions, comparisons; exp, sqrt, ... as one */
} bench_cost;

bench_cost bench_cost_of(const caviar_call *call);

/* What the machine can do, measured in the same run. */
typedef struct bench_limits {
    double copy; /* bytes a second, read and written, of a large copy */
    double fp32; /* operations a second of a matrix product */
    double tf32; /* the same on tensor cores; 0: not available */
} bench_limits;

/* The least seconds that the cost can take: whichever of memory and arithmetic takes longer. */
double bench_floor(const bench_cost *cost, double copy, double peak);

#endif
