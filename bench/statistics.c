/* Medians and quantiles. */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_sort(double *samples, int count) {
    qsort(samples, (size_t)count, sizeof *samples, compare);
}

double bench_quantile(const double *sorted, int count, double q) {
    if (count < 1) return NAN;
    const double position = q * (count - 1);
    const int below = (int)position, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

bench_summary bench_summarise(const double *samples, int count) {
    double *sorted = count > 0 ? malloc((size_t)count * sizeof *sorted) : NULL;
    if (!sorted) return (bench_summary){ NAN, NAN, NAN };
    memcpy(sorted, samples, (size_t)count * sizeof *sorted);
    bench_sort(sorted, count);
    const bench_summary summary = { bench_quantile(sorted, count, 0.5), bench_quantile(sorted, count, 0.1),
                                    bench_quantile(sorted, count, 0.9) };
    free(sorted);
    return summary;
}
