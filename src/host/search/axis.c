/*
 * Positions are log10 x, -log10(1 - x) or x itself. Whole numbers and quanta are sampled on an interval that reaches
 * half a unit beyond its ends, so that these are as likely as the middle.
 */
#include "axis.h"

#include "kernels/randomness.h"

#include <math.h>

double caviar_axis_unit(const caviar_axis *axis) {
    switch ((caviar_distribution)axis->distribution) {
    case CAVIAR_INT_UNIFORM: return 1;
    case CAVIAR_Q_UNIFORM:
    case CAVIAR_Q_LOG_UNIFORM: return axis->quantum;
    default: return 0;
    }
}

double caviar_axis_position(const caviar_axis *axis, double value) {
    switch ((caviar_distribution)axis->distribution) {
    case CAVIAR_LOG_UNIFORM:
    case CAVIAR_Q_LOG_UNIFORM: return log10(value);
    case CAVIAR_ONE_MINUS_LOG_UNIFORM: return -log10(1 - value);
    default: return value;
    }
}

caviar_axis caviar_axis_of_range(const caviar_space_parameter *range) {
    caviar_axis axis = { .distribution = range->distribution,
                         .minimum = range->minimum,
                         .maximum = range->maximum,
                         .quantum = range->quantum };
    const double half = caviar_axis_unit(&axis) / 2;
    axis.low = caviar_axis_position(&axis, axis.minimum - half);
    axis.high = caviar_axis_position(&axis, axis.maximum + half);
    return axis;
}

void caviar_axis_ends(double *least, double *largest, const caviar_axis *axis) {
    const int is_log = axis->distribution == CAVIAR_Q_LOG_UNIFORM;
    const double unit = caviar_axis_unit(axis), nearly = 1e-12; /* log10 and its inverse round */
    const double low = is_log ? caviar_exp10(axis->low) : axis->low;
    const double high = is_log ? caviar_exp10(axis->high) : axis->high;
    *least = fmax(floor(low / unit * (1 + nearly) + 0.5) * unit, axis->minimum);
    *largest = fmin(ceil(high / unit * (1 - nearly) - 0.5) * unit, axis->maximum);
}
