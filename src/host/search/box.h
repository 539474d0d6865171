/* A box of a search space: the part of it that one round of a search samples. A plain value, copied by assignment. */
#ifndef CAVIAR_HOST_BOX_H
#define CAVIAR_HOST_BOX_H

#include "space.h"

#include <caviar/ops.h>

typedef struct caviar_box {
    int32_t size;                                  /* parameters of the space */
    caviar_axis axes[CAVIAR_HYPERPARAMETER_COUNT]; /* [size]; of values: an index among those that are allowed */
    uint64_t allowed[CAVIAR_HYPERPARAMETER_COUNT]; /* [size]; bit k: value k may be sampled; 0 for a range */
} caviar_box;

/* The box that is the whole space. */
void caviar_box_of_space(caviar_box *box, const caviar_space *space);

/*
 * Narrows `box` around the elite: caviar_search_create in caviar/caviar.h has the rule. elite [count] are rows of
 * positions [trials, size]; round is the number of the round to come, 1 or more. Fewer than two: the box stays.
 */
void caviar_box_refine(caviar_box *box, const caviar_space *space, const double *positions, const int32_t *elite,
                       int32_t count, int32_t round);

/*
 * Samples trials first .. first + trials - 1 of a seed on the device, all in one launch. Writes positions
 * [trials, size] on each parameter's own scale and values [trials, size]: numbers, or the numbers of choices. Of a
 * parameter that takes values the position is the index of the value in the space.
 */
caviar_status caviar_box_sample(double *positions, double *values, caviar_device *device, const caviar_space *space,
                                const caviar_box *box, int64_t first, int64_t trials, uint64_t seed);

/*
 * Another draw of one trial, on the host and with the same bits wherever it runs: attempt 1 to 255; caviar_box_sample
 * is attempt 0. Writes positions [size] and values [size] as that does.
 */
void caviar_box_draw(double *positions, double *values, const caviar_space *space, const caviar_box *box, int32_t trial,
                     int32_t attempt, uint64_t seed);

/* The index of the n-th bit that is set, counted from 0. */
int32_t caviar_nth_bit(uint64_t bits, int32_t n);

#endif
