/* Coarse to fine: the box that a round samples, from the best trials of the rounds before it. */
#include "axis.h"
#include "box.h"

#include "kernels/randomness.h"

#include <math.h>

/* Rounds the ends of an interval outwards, to where whole numbers and quanta begin and end. */
static void round_outwards(double *low, double *high, const caviar_axis *axis) {
    const double q = axis->distribution == CAVIAR_INT_UNIFORM ? 1 : axis->quantum;
    switch ((caviar_distribution)axis->distribution) {
    case CAVIAR_INT_UNIFORM:
    case CAVIAR_Q_UNIFORM:
        *low = (floor(*low / q + 0.5) - 0.5) * q;
        *high = (ceil(*high / q - 0.5) + 0.5) * q;
        break;
    case CAVIAR_Q_LOG_UNIFORM: {
        const double first = floor(caviar_exp10(*low) / q + 0.5), last = ceil(caviar_exp10(*high) / q - 0.5);
        *low = first < 1 ? axis->low : log10((first - 0.5) * q);
        *high = log10((last + 0.5) * q);
        break;
    }
    case CAVIAR_Q_NORMAL:
    case CAVIAR_Q_LOG_NORMAL: {
        caviar_axis within = *axis;
        within.low = fmax(*low, axis->low);
        within.high = fmin(*high, axis->high);
        caviar_axis_ends(&within.minimum, &within.maximum, &within);
        *low = caviar_axis_position(axis, within.minimum - q / 2);
        *high = caviar_axis_position(axis, within.maximum + q / 2);
        break;
    }
    default: break;
    }
}

/*
 * A range: with [a, b] the hull of the elite's positions and W the width of the whole range,
 *     m = max((b - a) / 10, (W / 2^(round + 1) - (b - a)) / 2)
 *     [a - m, b + m], rounded outwards to whole numbers or quanta, cut off at the ends of the whole range.
 * The margin lets the best lie just outside of what was tried; the least width keeps a lucky pair of trials from
 * ending the search in a point. An interval may reach beyond the last round's, never beyond the range.
 */
static void refine_range(caviar_axis *axis, const caviar_axis *whole, double a, double b, int32_t round) {
    const double least = ldexp(whole->high - whole->low, -(round + 1));
    const double margin = fmax((b - a) / 10, (least - (b - a)) / 2);
    double low = a - margin, high = b + margin;
    round_outwards(&low, &high, whole);
    axis->low = fmax(low, whole->low);
    axis->high = fmin(high, whole->high);
}

void caviar_box_refine(caviar_box *box, const caviar_space *space, const double *positions, const int32_t *elite,
                       int32_t count, int32_t round) {
    if (count < 2) return;
    caviar_box whole;
    caviar_box_of_space(&whole, space);
    for (int32_t i = 0; i < box->size; ++i) {
        double a = INFINITY, b = -INFINITY;
        uint64_t seen = 0;
        for (int32_t e = 0; e < count; ++e) {
            const double position = positions[(int64_t)elite[e] * box->size + i];
            a = fmin(a, position);
            b = fmax(b, position);
            if (whole.allowed[i] != 0) seen |= UINT64_C(1) << (int)position;
        }
        if (whole.allowed[i] != 0) {
            box->allowed[i] = seen;
            box->axes[i].high = __builtin_popcountll(seen);
            box->axes[i].maximum = box->axes[i].high - 1;
        } else {
            refine_range(&box->axes[i], &whole.axes[i], a, b, round);
        }
    }
}
