/*
 * The distinct points of a box, counted and numbered. Two points are one if they differ only in what does not matter,
 * as momentum to the optimizer adam. What matters hangs on the optimizer, the schedule and the number of hidden layers:
 * each combination of these is a case, with a grid of its own over the other parameters that matter to it.
 */
#ifndef CAVIAR_HOST_GRID_H
#define CAVIAR_HOST_GRID_H

#include "box.h"

/* Larger counts stand as this one. */
#define CAVIAR_MOST_POINTS (INT64_C(1) << 62)

enum { CAVIAR_ENDLESS = -1 }; /* of a count: a continuous range matters */
enum { CAVIAR_GRID_CASES = (CAVIAR_ADAMW + 1) * (CAVIAR_COSINE + 1) * (CAVIAR_MAX_HIDDEN_LAYERS + 1) };

typedef struct caviar_grid_case {
    int32_t steps[3]; /* which of its values the optimizer, the schedule, hidden_layers takes; 0 if not in the space */
    uint32_t mattering; /* bit i: parameter i of the space matters, and is none of these three */
    int64_t points;     /* or CAVIAR_ENDLESS */
} caviar_grid_case;

typedef struct caviar_grid {
    const caviar_space *space;
    caviar_box box;
    int64_t
        first[CAVIAR_HYPERPARAMETER_COUNT]; /* the least multiple of the unit, of a range of whole numbers or quanta */
    int64_t steps[CAVIAR_HYPERPARAMETER_COUNT]; /* how many values a parameter has; 0: it is continuous */
    int32_t case_count;
    caviar_grid_case cases[CAVIAR_GRID_CASES]; /* [case_count] */
    int64_t points;                            /* of all cases, or CAVIAR_ENDLESS */
} caviar_grid;

/* Keeps `space`, which must outlive the grid. */
void caviar_grid_make(caviar_grid *grid, const caviar_space *space, const caviar_box *box);

/* Whether a point can be met twice, which needs a case without a continuous range. */
int caviar_grid_repeats(const caviar_grid *grid);

/* A parameter of the space that has no steps and matters; NULL: the space is finite. */
const caviar_space_parameter *caviar_space_continuum(const caviar_space *space);
/* What is said of it where the method is a grid; its name is the argument. */
#define CAVIAR_GRID_NEEDS_STEPS                                                                                        \
    "%s has a continuous range, of which a grid cannot try every value: give it values, or a distribution with a "     \
    "quantum such as q_uniform, or write method: random"

/*
 * Point 0 <= number < points of a finite grid: positions [size] and values [size], as those of caviar_box_sample. The
 * optimizer, the schedule and hidden_layers change slowest, then the parameters in their order, the last one fastest.
 * What does not matter has its first value.
 */
void caviar_grid_point(double *positions, double *values, const caviar_grid *grid, int64_t number);

#endif
