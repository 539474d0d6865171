/*
 * The trials of a round. Where a point of the space could be met twice, none is trained twice: a trial whose draw is an
 * earlier trial's point is drawn again, first from the round's box, then from the whole space; after so many attempts
 * the points of the box and then of the space are tried one after another from a random one on. So the end of a finite
 * space is reached, and a trial hangs on nothing but the seed, its number and the trials before it.
 */
#include "host/status.h"
#include "kernels/randomness.h"
#include "search.h"
#include "trial.h"

#include <stdlib.h>

enum { BOX_ATTEMPTS = 32, ATTEMPTS = 64 };

static caviar_trial trial_at(const caviar_search *search, const double *values, int32_t number) {
    caviar_trial trial = caviar_trial_make(&search->space, values, search->data.part_examples[CAVIAR_TRAIN], number,
                                           search->round, search->options.epochs);
    if (search->options.independent_streams) trial.hyperparameters.stream = (uint32_t)number;
    return trial;
}

/* Takes the first point of the grid that is new, from a random one on. 0: there is none. */
static int take_next(caviar_search *search, const caviar_grid *grid, int32_t number) {
    double *positions = search->positions + (int64_t)number * search->space.size;
    double *values = search->values + (int64_t)number * search->space.size;
    if (grid->points == CAVIAR_ENDLESS) return 0;
    const caviar_words words = caviar_philox(
        search->options.seed, caviar_subsequence(CAVIAR_PURPOSE_HYPERPARAMETERS, ATTEMPTS, (uint32_t)number), 0);
    const int64_t first = (int64_t)(caviar_uniform52(words.word[0], words.word[1]) * (double)grid->points);
    for (int64_t tried = 0; tried < grid->points && tried <= number; ++tried) {
        const int64_t left = grid->points - first; /* from `first` to the end */
        caviar_grid_point(positions, values, grid, tried < left ? first + tried : tried - left);
        search->trials[number] = trial_at(search, values, number);
        if (!caviar_distinct_has(&search->distinct, &search->trials[number])) return 1;
    }
    return 0;
}

/* Makes a trial from its draw, or from a later one if that was an earlier trial's. */
static void make_distinct(caviar_search *search, const caviar_box *box, const caviar_grid *grid, int32_t number) {
    double *positions = search->positions + (int64_t)number * search->space.size;
    double *values = search->values + (int64_t)number * search->space.size;
    search->trials[number] = trial_at(search, values, number);
    for (int32_t attempt = 1; attempt < ATTEMPTS; ++attempt) {
        if (!caviar_distinct_has(&search->distinct, &search->trials[number])) return;
        caviar_box_draw(positions, values, &search->space, attempt < BOX_ATTEMPTS ? box : &search->whole.box, number,
                        attempt, search->options.seed);
        search->trials[number] = trial_at(search, values, number);
    }
    if (!take_next(search, grid, number)) take_next(search, &search->whole, number);
}

/* The next points of the space in their order. */
static void take_in_order(caviar_search *search, int32_t count) {
    for (int32_t number = search->sampled; number < search->sampled + count; ++number) {
        double *values = search->values + (int64_t)number * search->space.size;
        caviar_grid_point(search->positions + (int64_t)number * search->space.size, values, &search->whole, number);
        search->trials[number] = trial_at(search, values, number);
        search->model_steps_total += caviar_search_trial_steps(search, &search->trials[number]);
    }
    search->sampled += count;
}

caviar_status caviar_search_sample_round(caviar_search *search, const caviar_box *box, int32_t count) {
    if (search->space.method == CAVIAR_GRID) {
        take_in_order(search, count);
        return CAVIAR_OK;
    }
    const int32_t first = search->sampled, size = search->space.size;
    double *values = search->values + (int64_t)first * size;
    CAVIAR_TRY(caviar_box_sample(search->positions + (int64_t)first * size, values, search->device, &search->space, box,
                                 first, count, search->options.seed));
    caviar_grid grid;
    caviar_grid_make(&grid, &search->space, box);
    for (int32_t number = first; number < first + count; ++number) {
        if (search->distinct.slots != NULL) {
            make_distinct(search, box, &grid, number);
            caviar_distinct_add(&search->distinct, number);
        } else {
            search->trials[number] = trial_at(search, search->values + (int64_t)number * size, number);
        }
        search->model_steps_total += caviar_search_trial_steps(search, &search->trials[number]);
    }
    search->sampled += count;
    return CAVIAR_OK;
}
