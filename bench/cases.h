/* Which cases there are. */
#ifndef CAVIAR_BENCH_CASES_H
#define CAVIAR_BENCH_CASES_H

#include "row.h"

/* Sizes as asked for; NULL: what is usual for the case. */
typedef struct bench_request {
    const char *filter; /* parts of names, with * and ? as in a shell, commas between; NULL: all */
    const bench_sizes *models, *width, *batch, *inputs, *classes;
    int gpu; /* products also in TF32, steps also by the whole-step engine */
} bench_request;

typedef struct bench_cases {
    bench_case *items;
    int count, capacity;
    int failed; /* memory ran out */
} bench_cases;

void bench_cases_make(bench_cases *cases, const bench_request *request);
void bench_cases_free(bench_cases *cases);

#endif
