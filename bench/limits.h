/* What the machine can do, measured: how fast it copies and how fast it multiplies. */
#ifndef CAVIAR_BENCH_LIMITS_H
#define CAVIAR_BENCH_LIMITS_H

#include "cost.h"
#include "timing.h"

typedef struct bench_limits_samples {
    size_t copy_bytes;    /* of one copy, read and written */
    int64_t product_size; /* of the square matrices */
    const char *copy_by;
    int windows;
    bench_samples copy, fp32, tf32;
} bench_limits_samples;

/* `scale` divides the sizes: 1 to measure, more for a trial that has no time. */
caviar_status bench_measure_limits(bench_limits *limits, bench_limits_samples *samples, bench_clock *clock, int windows,
                                   int scale);
/* Writes how far the ceilings moved, or "" if none did by more than a tenth. */
void bench_limits_drift(char *text, size_t size, const bench_limits *before, const bench_limits *after);
/* Of each ceiling the higher one, with its samples, goes into the first two, and the lower one into the others. */
void bench_limits_raise(bench_limits *limits, bench_limits_samples *samples, bench_limits *other,
                        bench_limits_samples *other_samples);
void bench_limits_samples_free(bench_limits_samples *samples);

#endif
