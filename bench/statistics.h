/* What is said of a row of samples. */
#ifndef CAVIAR_BENCH_STATISTICS_H
#define CAVIAR_BENCH_STATISTICS_H

typedef struct bench_summary {
    double median, p10, p90;
} bench_summary;

/* Sorts in place. */
void bench_sort(double *samples, int count);

/* The q-quantile (0 to 1) of sorted samples, linear between neighbours (Hyndman and Fan's type 7); NaN of none. */
double bench_quantile(const double *sorted, int count, double q);

/* Leaves the samples in their order. Where memory runs out or there are none everything is NaN. */
bench_summary bench_summarise(const double *samples, int count);

#endif
