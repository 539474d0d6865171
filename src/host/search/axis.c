/*
 * Positions are log10 x, -log10(1 - x), the probability of less than x under a normal distribution, or x itself. Whole
 * numbers and quanta are sampled on an interval that reaches
 * half a unit beyond its ends, so that these are as likely as the middle.
 */
#include "axis.h"

#include "kernels/randomness.h"

#include <math.h>

double caviar_axis_unit(const caviar_axis *axis) {
    switch ((caviar_distribution)axis->distribution) {
    case CAVIAR_INT_UNIFORM: return 1;
    case CAVIAR_Q_UNIFORM:
    case CAVIAR_Q_LOG_UNIFORM:
    case CAVIAR_Q_NORMAL:
    case CAVIAR_Q_LOG_NORMAL: return axis->quantum;
    default: return 0;
    }
}

/* The probability of less than x, kept to where caviar_normal_quantile knows its way back. */
static double probability_below(const caviar_axis *axis, double x) {
    const double p = erfc((axis->mean - x) / axis->deviation * M_SQRT1_2) / 2;
    return fmin(fmax(p, 1e-10), 1 - 1e-10);
}

double caviar_axis_position(const caviar_axis *axis, double value) {
    switch ((caviar_distribution)axis->distribution) {
    case CAVIAR_LOG_UNIFORM:
    case CAVIAR_Q_LOG_UNIFORM: return log10(value);
    case CAVIAR_ONE_MINUS_LOG_UNIFORM: return -log10(1 - value);
    case CAVIAR_NORMAL:
    case CAVIAR_Q_NORMAL: return probability_below(axis, value);
    case CAVIAR_LOG_NORMAL:
    case CAVIAR_Q_LOG_NORMAL: return probability_below(axis, log(value));
    default: return value;
    }
}

caviar_axis caviar_axis_of_range(const caviar_space_parameter *range) {
    caviar_axis axis = { .distribution = range->distribution,
                         .minimum = range->minimum,
                         .maximum = range->maximum,
                         .quantum = range->quantum,
                         .mean = range->mean,
                         .deviation = range->deviation };
    const double half = caviar_axis_unit(&axis) / 2;
    axis.low = caviar_axis_position(&axis, axis.minimum - half);
    axis.high = caviar_axis_position(&axis, axis.maximum + half);
    return axis;
}

/* The number at a position, before it is rounded to a multiple of the unit. */
static double unrounded(const caviar_axis *axis, double position) {
    caviar_axis smooth = *axis;
    smooth.minimum = -INFINITY;
    smooth.maximum = INFINITY;
    switch ((caviar_distribution)axis->distribution) {
    case CAVIAR_Q_LOG_UNIFORM: smooth.distribution = CAVIAR_LOG_UNIFORM; break;
    case CAVIAR_Q_NORMAL: smooth.distribution = CAVIAR_NORMAL; break;
    case CAVIAR_Q_LOG_NORMAL: smooth.distribution = CAVIAR_LOG_NORMAL; break;
    default: smooth.distribution = CAVIAR_UNIFORM; break;
    }
    return caviar_axis_value(&smooth, position);
}

void caviar_axis_ends(double *least, double *largest, const caviar_axis *axis) {
    const double unit = caviar_axis_unit(axis), nearly = 1e-9; /* positions of multiples are rounded */
    const double low = unrounded(axis, axis->low), high = unrounded(axis, axis->high);
    *least = fmax(floor(low / unit * (1 + nearly) + 0.5) * unit, axis->minimum);
    *largest = fmin(ceil(high / unit * (1 - nearly) - 0.5) * unit, axis->maximum);
}
