/* What all groups of cases share: skipping, and timing within a share of the budget. */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>

/* 1: `seconds` are more than three times the case's share of the budget. */
static int beyond_share(bench_row *row, const bench_context *context, double seconds) {
    if (context->share <= 0 || seconds <= 3 * context->share) return 0;
    snprintf(row->message, sizeof row->message,
             "skipped: %d windows take %.2g s or more, this case's share of the budget is %.2g s", context->windows,
             seconds, context->share);
    return 1;
}

static double flushes(const bench_context *context, int cold) {
    return cold ? context->clock.flush_seconds * context->windows : 0;
}

int bench_skip(bench_row *row, const bench_context *context, uint64_t bytes, int cold) {
    caviar_device_info info = context->info;
    (void)caviar_device_get_info(&info, context->device);
    /* A quarter is left to what the machine does besides, and on a GPU to cuBLAS. */
    if (bytes >= info.memory_free / 4 * 3) {
        snprintf(row->message, sizeof row->message, "skipped: needs %.1f GB of memory, %.1f GB are free",
                 1e-9 * (double)bytes, 1e-9 * (double)info.memory_free);
        return 1;
    }
    /* Memory is cleared, filled and read back at no more than the copy rate. */
    const double prepared = 3 * (double)bytes / context->limits.copy;
    return beyond_share(row, context,
                        prepared + (cold ? 2 : 1) * row->floor * context->windows + flushes(context, cold));
}

/* Of a second run: the first pays for what is done once. */
static caviar_status estimate(double *seconds, bench_context *context, const bench_work *work) {
    caviar_status status = bench_time_window(seconds, &context->clock, work, 1);
    if (!status) status = bench_time_window(seconds, &context->clock, work, 1);
    return status;
}

caviar_status bench_time_row(bench_row *row, bench_context *context, const bench_work *warm, const bench_work *cold) {
    double once = 0;
    caviar_status status = estimate(&once, context, warm);
    if (status) return status;
    if (beyond_share(row, context, (cold ? 2 : 1) * once * context->windows + flushes(context, cold != NULL)))
        return CAVIAR_OK;
    /* A hundredth of a second a window, or what the share leaves when the flushes are paid. */
    double window = 0.01;
    const double left = (context->share - flushes(context, cold != NULL)) / (1.5 * context->windows);
    if (context->share > 0 && left < window) window = left > 1e-4 ? left : 1e-4;
    status = bench_time_warm(&row->warm, &context->clock, warm, context->windows, window);
    if (!status && cold) status = bench_time_cold(&row->cold, &context->clock, cold, context->windows);
    row->finished = !status;
    return status;
}

void bench_row_free(bench_row *row) {
    free(row->parts);
    bench_samples_free(&row->warm);
    bench_samples_free(&row->cold);
}

double bench_peak(const bench_row *row, const bench_limits *limits) {
    return row->source->tf32 ? limits->tf32 : limits->fp32;
}

void bench_set_floor(bench_row *row, const bench_limits *limits) {
    const bench_cost *parts = row->parts ? row->parts : &row->cost;
    const size_t count = row->parts ? row->part_count : 1;
    row->floor = 0;
    for (size_t i = 0; i < count; i++) row->floor += bench_floor(&parts[i], limits->copy, bench_peak(row, limits));
}
