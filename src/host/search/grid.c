#include "grid.h"

#include "axis.h"
#include "host/arithmetic.h"
#include "trial.h"

#include <math.h>
#include <string.h>

static const char *const deciding[3] = { "optimizer", "schedule", "hidden_layers" };

/* Which parameter of the space has this name; -1: none. */
static int32_t index_of(const caviar_space *space, const char *name) {
    const caviar_space_parameter *parameter = caviar_space_find(space, name);
    return parameter == NULL ? -1 : (int32_t)(parameter - space->parameters);
}

static int64_t product(int64_t a, int64_t b) {
    int64_t result;
    return __builtin_mul_overflow(a, b, &result) || result > CAVIAR_MOST_POINTS ? CAVIAR_MOST_POINTS : result;
}

/* --------------------------------------------------------------------------------------------- steps of one parameter
 */

static void count_steps(caviar_grid *grid, int32_t i) {
    const caviar_axis *axis = &grid->box.axes[i];
    grid->first[i] = 0;
    if (grid->box.allowed[i] != 0) {
        grid->steps[i] = __builtin_popcountll(grid->box.allowed[i]);
        return;
    }
    const double unit = caviar_axis_unit(axis);
    if (unit == 0) {
        grid->steps[i] = axis->minimum == axis->maximum;
        return;
    }
    double low, high;
    caviar_axis_ends(&low, &high, axis);
    grid->first[i] = llround(low / unit);
    grid->steps[i] = llround(high / unit) - grid->first[i] + 1;
}

static double value_at(const caviar_grid *grid, int32_t i, int64_t step) {
    const caviar_axis *axis = &grid->box.axes[i];
    if (grid->box.allowed[i] != 0)
        return grid->space->parameters[i].values[caviar_nth_bit(grid->box.allowed[i], (int32_t)step)];
    const double unit = caviar_axis_unit(axis);
    if (unit == 0) return axis->minimum;
    return fmin(fmax((double)(grid->first[i] + step) * unit, axis->minimum), axis->maximum);
}

static double position_at(const caviar_grid *grid, int32_t i, int64_t step) {
    if (grid->box.allowed[i] != 0) return caviar_nth_bit(grid->box.allowed[i], (int32_t)step);
    return caviar_axis_position(&grid->box.axes[i], value_at(grid, i, step));
}

/* ----------------------------------------------------------------------------------------------------------------
 * cases
 */

/* The parameters that matter to a case: bit i stands for parameter i of the space. */
static uint32_t find_mattering(const caviar_grid *grid, const caviar_trial *trial) {
    const caviar_space *space = grid->space;
    uint32_t mattering = 0;
    int32_t own_widths = 0; /* layers that have one */
    for (int32_t i = 0; i < space->size; ++i) {
        const caviar_hyperparameter *hyperparameter = space->parameters[i].hyperparameter;
        if (!caviar_hyperparameter_matters(hyperparameter, trial)) continue;
        mattering |= UINT32_C(1) << i;
        own_widths += hyperparameter->layer > 0;
    }
    for (int32_t i = 0; i < space->size; ++i)
        if (space->parameters[i].hyperparameter->layer == CAVIAR_EVERY_LAYER && own_widths == trial->hidden_layers)
            mattering &= ~(UINT32_C(1) << i);
    for (int d = 0; d < 3; ++d) {
        const int32_t i = index_of(space, deciding[d]);
        if (i >= 0) mattering &= ~(UINT32_C(1) << i);
    }
    return mattering;
}

static void add_case(caviar_grid *grid, const int32_t steps[3]) {
    const caviar_space *space = grid->space;
    caviar_grid_case *added = &grid->cases[grid->case_count++];
    double values[CAVIAR_HYPERPARAMETER_COUNT];
    for (int32_t i = 0; i < space->size; ++i) values[i] = value_at(grid, i, 0);
    for (int d = 0; d < 3; ++d) {
        const int32_t i = index_of(space, deciding[d]);
        added->steps[d] = steps[d];
        if (i >= 0) values[i] = value_at(grid, i, steps[d]);
    }
    const caviar_trial trial = caviar_trial_make(space, values, 1, 0, 0, 1);
    added->mattering = find_mattering(grid, &trial);
    added->points = 1;
    for (int32_t i = 0; i < space->size && added->points != CAVIAR_ENDLESS; ++i)
        if (added->mattering >> i & 1)
            added->points = grid->steps[i] == 0 ? CAVIAR_ENDLESS : product(added->points, grid->steps[i]);
}

void caviar_grid_make(caviar_grid *grid, const caviar_space *space, const caviar_box *box) {
    memset(grid, 0, sizeof *grid);
    grid->space = space;
    grid->box = *box;
    for (int32_t i = 0; i < space->size; ++i) count_steps(grid, i);
    int32_t counts[3], at[3];
    for (int d = 0; d < 3; ++d) {
        const int32_t i = index_of(space, deciding[d]);
        counts[d] = i < 0 ? 1 : (int32_t)grid->steps[i];
    }
    for (at[0] = 0; at[0] < counts[0]; ++at[0])
        for (at[1] = 0; at[1] < counts[1]; ++at[1])
            for (at[2] = 0; at[2] < counts[2]; ++at[2]) add_case(grid, at);
    for (int32_t c = 0; c < grid->case_count && grid->points != CAVIAR_ENDLESS; ++c) {
        const int64_t points = grid->cases[c].points;
        grid->points = points == CAVIAR_ENDLESS                     ? CAVIAR_ENDLESS
                       : points > CAVIAR_MOST_POINTS - grid->points ? CAVIAR_MOST_POINTS
                                                                    : grid->points + points;
    }
}

int caviar_grid_repeats(const caviar_grid *grid) {
    for (int32_t c = 0; c < grid->case_count; ++c)
        if (grid->cases[c].points != CAVIAR_ENDLESS) return 1;
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------------
 * points
 */

void caviar_grid_point(double *positions, double *values, const caviar_grid *grid, int64_t number) {
    const caviar_grid_case *of = grid->cases;
    for (; number >= of->points; ++of) number -= of->points;
    int64_t steps[CAVIAR_HYPERPARAMETER_COUNT] = { 0 };
    for (int32_t i = grid->space->size - 1; i >= 0; --i) {
        if (!(of->mattering >> i & 1)) continue;
        steps[i] = number % grid->steps[i];
        number /= grid->steps[i];
    }
    for (int d = 0; d < 3; ++d) {
        const int32_t i = index_of(grid->space, deciding[d]);
        if (i >= 0) steps[i] = of->steps[d];
    }
    for (int32_t i = 0; i < grid->space->size; ++i) {
        positions[i] = position_at(grid, i, steps[i]);
        values[i] = value_at(grid, i, steps[i]);
    }
}

static void make_whole(caviar_grid *grid, const caviar_space *space) {
    caviar_box box;
    caviar_box_of_space(&box, space);
    caviar_grid_make(grid, space, &box);
}

const caviar_space_parameter *caviar_space_continuum(const caviar_space *space) {
    caviar_grid grid;
    make_whole(&grid, space);
    for (int32_t c = 0; c < grid.case_count; ++c)
        for (int32_t i = 0; i < space->size; ++i)
            if (grid.cases[c].mattering >> i & 1 && grid.steps[i] == 0) return &space->parameters[i];
    return NULL;
}

int64_t caviar_space_point_count(const caviar_space *space) {
    caviar_grid grid;
    CAVIAR_OWN_ARITHMETIC;
    if (space == NULL) return 0;
    make_whole(&grid, space);
    return grid.points;
}
