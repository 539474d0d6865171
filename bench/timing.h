/* Timing work on a device: by events on a GPU, by the monotonic clock on the CPU. */
#ifndef CAVIAR_BENCH_TIMING_H
#define CAVIAR_BENCH_TIMING_H

#include "gpu.h"

/* Does the work `times` times; on a GPU it may only be enqueued. One time is `unit` repetitions of what is timed. */
typedef struct bench_work {
    caviar_status (*run)(void *state, int64_t times);
    void *state;
    int64_t unit;
} bench_work;

/* Seconds of one repetition, a window each. */
typedef struct bench_samples {
    double *seconds;
    int count;
    int64_t repetitions; /* in a window */
} bench_samples;

typedef struct bench_clock {
    caviar_device *device;
    bench_gpu_timer *timer; /* NULL on the CPU */
    int threads;
    char *flush;
    size_t flush_bytes;   /* twice the last cache at least */
    double flush_seconds; /* about */
} bench_clock;

enum { BENCH_LEAST_WINDOWS = 30 };

double bench_now(void); /* seconds of a clock that only goes forward */

/* `scale` divides the size of the memory that flushes the caches: 1, or more for a trial that has no time. */
caviar_status bench_clock_open(bench_clock *clock, caviar_device *device, int threads, int scale);
void bench_clock_close(bench_clock *clock);

/* Seconds of one window. */
caviar_status bench_time_window(double *seconds, bench_clock *clock, const bench_work *work, int64_t times);

/*
 * Times `windows` windows of about `window` seconds each (at least one repetition). warm: one after another, after a
 * warm-up, so that what fits a cache is in it. cold: one run of the work a window, the caches flushed before each.
 */
caviar_status bench_time_warm(bench_samples *samples, bench_clock *clock, const bench_work *work, int windows,
                              double window);
caviar_status bench_time_cold(bench_samples *samples, bench_clock *clock, const bench_work *work, int windows);
void bench_samples_free(bench_samples *samples);

#endif
