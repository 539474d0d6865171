/* Training, validation and test parts of a dataset, and the standardisation that is measured on the training part. */
#include "dataset.h"

#include "host/shuffle.h"
#include "host/status.h"
#include "kernels/randomness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------- standardisation
 */

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

caviar_status caviar_dataset_measure(float *mean, float *scale, const caviar_dataset *dataset, const int32_t *examples,
                                     int64_t count) {
    const size_t features = (size_t)dataset->feature_count;
    double *block = calloc(features, 4 * sizeof *block);
    if (!block) return caviar_fail_memory("the standardisation of features", features * 4 * sizeof *block);
    const sums work = { block, block + features, block + 2 * features, block + 3 * features };
    measure(mean, scale, &work, dataset, examples, count);
    free(block);
    return CAVIAR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- splitting
 */

typedef struct division {
    int32_t *part[3];
    int64_t count[3];
    float *mean, *scale;
} division;

/* The shuffled order is cut into validation, test and training; each part then lists its examples in ascending order,
 * so that evaluation reads memory forwards. */
static caviar_status deal(division *dealt, int64_t examples, uint64_t seed) {
    int32_t *order = malloc((size_t)examples * sizeof *order);
    unsigned char *part_of = malloc((size_t)examples);
    int allocated = order && part_of;
    for (int part = 0; part < 3; part++) {
        dealt->part[part] = malloc(((size_t)dealt->count[part] + 1) * sizeof *order);
        allocated = allocated && dealt->part[part];
    }
    if (allocated) {
        for (int64_t i = 0; i < examples; i++) order[i] = (int32_t)i;
        caviar_shuffle(order, examples, seed, CAVIAR_PURPOSE_SPLIT, 0);
        const int64_t validation = dealt->count[CAVIAR_VALIDATION], test = dealt->count[CAVIAR_TEST];
        for (int64_t i = 0; i < examples; i++) {
            part_of[order[i]] = i < validation ? CAVIAR_VALIDATION : i < validation + test ? CAVIAR_TEST : CAVIAR_TRAIN;
        }
        int64_t filled[3] = { 0, 0, 0 };
        for (int64_t i = 0; i < examples; i++) dealt->part[part_of[i]][filled[part_of[i]]++] = (int32_t)i;
    }
    free(order);
    free(part_of);
    return allocated ? CAVIAR_OK : caviar_fail_memory("the parts of a dataset", (size_t)examples * 9);
}

static void destroy_division(division *dealt) {
    for (int part = 0; part < 3; part++) free(dealt->part[part]);
    free(dealt->mean);
    free(dealt->scale);
}

static caviar_status divide(division *dealt, const caviar_dataset *dataset, uint64_t seed) {
    const size_t vector = (size_t)dataset->feature_count * sizeof(float);
    CAVIAR_TRY(deal(dealt, dataset->examples - dataset->given_test, seed));
    dealt->mean = malloc(vector);
    dealt->scale = malloc(vector);
    if (!dealt->mean || !dealt->scale) return caviar_fail_memory("the standardisation of features", 2 * vector);
    return caviar_dataset_measure(dealt->mean, dealt->scale, dataset, dealt->part[CAVIAR_TRAIN],
                                  dealt->count[CAVIAR_TRAIN]);
}

static caviar_status count_parts(int64_t count[3], double validation_fraction, double test_fraction,
                                 const caviar_dataset *dataset) {
    const int64_t examples = dataset->examples - dataset->given_test;
    const double fractions[3] = { 0, validation_fraction, test_fraction };
    static const char *const names[3] = { "training", "validation", "test" };
    for (int part = CAVIAR_VALIDATION; part <= CAVIAR_TEST; part++) {
        const double fraction = fractions[part];
        CAVIAR_REQUIRE(fraction >= 0 && fraction < 1, "dataset_split: %s_fraction is %g; it must be in [0, 1)",
                       names[part], fraction);
        count[part] = (int64_t)floor(fraction * (double)examples + 0.5);
        CAVIAR_REQUIRE(fraction == 0 || count[part] > 0,
                       "dataset_split: %s_fraction %g of %lld examples is less than one example; give more",
                       names[part], fraction, (long long)examples);
    }
    CAVIAR_REQUIRE(test_fraction == 0 || dataset->given_test == 0,
                   "dataset_split: test_fraction is %g, but a test part was given; it must be 0", test_fraction);
    count[CAVIAR_TRAIN] = examples - count[CAVIAR_VALIDATION] - count[CAVIAR_TEST];
    CAVIAR_REQUIRE(count[CAVIAR_TRAIN] >= 1,
                   "dataset_split: validation_fraction %g and test_fraction %g of %lld examples leave none to train on",
                   validation_fraction, test_fraction, (long long)examples);
    return CAVIAR_OK;
}

caviar_status caviar_dataset_split(caviar_dataset *dataset, double validation_fraction, double test_fraction,
                                   uint64_t seed) {
    CAVIAR_REQUIRE(dataset, "dataset_split: dataset is NULL");
    division dealt = { { NULL, NULL, NULL }, { 0, 0, 0 }, NULL, NULL };
    CAVIAR_TRY(count_parts(dealt.count, validation_fraction, test_fraction, dataset));
    const caviar_status status = divide(&dealt, dataset, seed);
    if (status != CAVIAR_OK) {
        destroy_division(&dealt);
        return status;
    }
    for (int part = 0; part < 3; part++) {
        if (part == CAVIAR_TEST && dataset->given_test > 0) {
            free(dealt.part[part]); /* the given test part stays */
            continue;
        }
        free(dataset->part[part]);
        dataset->part[part] = dealt.part[part];
        dataset->part_examples[part] = dealt.count[part];
    }
    free(dataset->mean);
    free(dataset->scale);
    dataset->mean = dealt.mean;
    dataset->scale = dealt.scale;
    return CAVIAR_OK;
}
