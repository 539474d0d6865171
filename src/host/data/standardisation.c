/* The mean and deviation of each feature over the training part. */
#include "dataset.h"

#include <math.h>
#include <string.h>

typedef struct sums {
    double *row, *origin, *mean, *spread; /* [feature_count] each */
} sums;

static void read_row(double *row, const caviar_dataset *dataset, int64_t example) {
    const int64_t count = dataset->feature_count, first = example * count;
    if (dataset->type == CAVIAR_UINT8) {
        const uint8_t *from = (const uint8_t *)dataset->features + first;
        for (int64_t f = 0; f < count; f++) row[f] = from[f];
    } else {
        const float *from = (const float *)dataset->features + first;
        for (int64_t f = 0; f < count; f++) row[f] = from[f];
    }
}

/*
 * Pass 1 sums distances from the first example, which keeps the mean exact however far it is from 0; a feature is
 * constant when the sum of their magnitudes is 0. Pass 2 sums squared deviations from that mean, where
 * E[x^2] - E[x]^2 would lose everything at a mean far from 0.
 */
static void measure(float *mean, float *scale, const sums *work, const caviar_dataset *dataset, const int32_t *examples,
                    int64_t count) {
    const int64_t features = dataset->feature_count;
    double *restrict row = work->row, *restrict origin = work->origin, *restrict centre = work->mean,
                     *restrict spread = work->spread;
    read_row(origin, dataset, examples[0]);
    for (int64_t i = 0; i < count; i++) {
        read_row(row, dataset, examples[i]);
        for (int64_t f = 0; f < features; f++) {
            centre[f] += row[f] - origin[f];
            spread[f] += fabs(row[f] - origin[f]);
        }
    }
    for (int64_t f = 0; f < features; f++) {
        scale[f] = spread[f] > 0;
        centre[f] = origin[f] + centre[f] / (double)count;
        mean[f] = (float)centre[f];
        spread[f] = 0;
    }
    for (int64_t i = 0; i < count; i++) {
        read_row(row, dataset, examples[i]);
        for (int64_t f = 0; f < features; f++) spread[f] += (row[f] - centre[f]) * (row[f] - centre[f]);
    }
    for (int64_t f = 0; f < features; f++) {
        const float inverse = (float)(1 / sqrt(spread[f] / (double)count));
        /* A deviation so small that its inverse is no float is none. */
        scale[f] = scale[f] > 0 && isfinite(inverse) ? inverse : 0;
    }
}

void caviar_dataset_measure(float *mean, float *scale, double *work, const caviar_dataset *dataset,
                            const int32_t *examples, int64_t count) {
    const size_t features = (size_t)dataset->feature_count;
    memset(work, 0, features * 4 * sizeof *work);
    const sums s = { work, work + features, work + 2 * features, work + 3 * features };
    measure(mean, scale, &s, dataset, examples, count);
}
