/* Windows, repetitions, flushing of caches. */
#include "timing.h"

#include "host/cpu/cpu.h"
#include "host/status.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---------------------------------------------------------------------------------------------------------- the clock
 */

static size_t flush_size(caviar_device *device, int threads) {
    const size_t least = (size_t)64 << 20;
    size_t cache = 0;
    bench_gpu_facts facts;
    if (bench_is_gpu(device)) {
        if (bench_gpu_describe(&facts, device) == CAVIAR_OK) cache = (size_t)facts.l2_bytes;
    } else {
        cache = (size_t)bench_last_caches(BENCH_CACHES, threads);
    }
    return 2 * cache > least ? 2 * cache : least;
}

static void fill_parts(void *context, int64_t first, int64_t last) {
    const bench_clock *clock = context;
    const size_t part = clock->flush_bytes / (size_t)clock->threads;
    for (int64_t t = first; t < last; t++) memset(clock->flush + (size_t)t * part, (int)(part % 255) + 1, part);
}

/* Fills the caches with other lines: on the CPU each thread those of its own core. */
static caviar_status flush(bench_clock *clock) {
    if (clock->timer) return clock->device->table->clear(clock->device, clock->flush, clock->flush_bytes);
    caviar_team_run(caviar_cpu_team(clock->device), clock->threads, clock->threads, 1, fill_parts, clock);
    return CAVIAR_OK;
}

caviar_status bench_clock_open(bench_clock *clock, caviar_device *device, int threads, int scale) {
    *clock = (bench_clock){ .device = device,
                            .threads = threads,
                            .flush_bytes = flush_size(device, threads) / (size_t)scale };
    if (bench_is_gpu(device)) CAVIAR_TRY(bench_gpu_timer_create(&clock->timer, device));
    CAVIAR_TRY(caviar_device_allocate((void **)&clock->flush, device, clock->flush_bytes));
    const double begin = bench_now();
    CAVIAR_TRY(flush(clock));
    CAVIAR_TRY(caviar_device_wait(device));
    clock->flush_seconds = bench_now() - begin;
    return CAVIAR_OK;
}

void bench_clock_close(bench_clock *clock) {
    if (clock->device) caviar_device_free(clock->device, clock->flush);
    bench_gpu_timer_destroy(clock->timer);
    *clock = (bench_clock){ 0 };
}

caviar_status bench_time_window(double *seconds, bench_clock *clock, const bench_work *work, int64_t times) {
    if (clock->timer) {
        CAVIAR_TRY(bench_gpu_timer_begin(clock->timer));
        CAVIAR_TRY(work->run(work->state, times));
        CAVIAR_TRY(bench_gpu_timer_end(clock->timer));
        return bench_gpu_timer_elapsed(seconds, clock->timer);
    }
    const double begin = bench_now();
    CAVIAR_TRY(work->run(work->state, times));
    *seconds = bench_now() - begin;
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------ windows
 */

static caviar_status make_samples(bench_samples *samples, int windows, int64_t repetitions) {
    *samples = (bench_samples){ calloc((size_t)windows, sizeof(double)), 0, repetitions };
    return samples->seconds ? CAVIAR_OK : caviar_fail_memory("samples", (size_t)windows * sizeof(double));
}

/* Warms up, then finds how many runs make a window: doubled until a tenth of it is seen, then scaled. */
static caviar_status calibrate(int64_t *times, bench_clock *clock, const bench_work *work, double window) {
    double seconds = 0;
    CAVIAR_TRY(bench_time_window(&seconds, clock, work, 1));
    for (int64_t n = 1;; n *= 2) {
        CAVIAR_TRY(bench_time_window(&seconds, clock, work, n));
        if (seconds < window / 10) continue;
        const double enough = window / seconds * (double)n;
        *times = enough > 1 ? (int64_t)(enough + 0.5) : 1;
        return CAVIAR_OK;
    }
}

static caviar_status take(bench_samples *samples, bench_clock *clock, const bench_work *work, int64_t times) {
    double seconds = 0;
    CAVIAR_TRY(bench_time_window(&seconds, clock, work, times));
    samples->seconds[samples->count++] = seconds / (double)samples->repetitions;
    return CAVIAR_OK;
}

caviar_status bench_time_warm(bench_samples *samples, bench_clock *clock, const bench_work *work, int windows,
                              double window) {
    int64_t times = 1;
    CAVIAR_TRY(calibrate(&times, clock, work, window));
    CAVIAR_TRY(make_samples(samples, windows, times * work->unit));
    for (int i = 0; i < windows; i++) CAVIAR_TRY(take(samples, clock, work, times));
    return CAVIAR_OK;
}

caviar_status bench_time_cold(bench_samples *samples, bench_clock *clock, const bench_work *work, int windows) {
    CAVIAR_TRY(make_samples(samples, windows, work->unit));
    for (int i = 0; i < windows; i++) {
        CAVIAR_TRY(flush(clock));
        CAVIAR_TRY(take(samples, clock, work, 1));
    }
    return CAVIAR_OK;
}

void bench_samples_free(bench_samples *samples) {
    free(samples->seconds);
    *samples = (bench_samples){ 0 };
}
