/* Adding ranges and normal distributions to a space. */
#include "space.h"

#include "host/arithmetic.h"
#include "host/status.h"

#include <math.h>

enum { MOST_DEVIATIONS = 5 }; /* from the mean: what lies beyond, 6 samples of 10 million, is cut off */

static caviar_status check_scale(const caviar_space_parameter *range) {
    const char *name = range->hyperparameter->name, *distribution = caviar_distribution_name(range->distribution);
    CAVIAR_REQUIRE(range->hyperparameter->type == CAVIAR_REAL || range->distribution == CAVIAR_INT_UNIFORM ||
                       caviar_distribution_is_quantised(range->distribution),
                   "%s takes whole numbers, which %s does not give: use %s", name, distribution,
                   caviar_distribution_is_normal(range->distribution)
                       ? "q_normal or q_log_normal with a quantum of 1"
                       : "int_uniform, or q_log_uniform_values with a quantum of 1");
    if (range->distribution == CAVIAR_LOG_UNIFORM || range->distribution == CAVIAR_Q_LOG_UNIFORM)
        CAVIAR_REQUIRE(range->minimum >= 1e-300,
                       "%s: %s needs a minimum above 0 (it is %.9g): raise it, or use %suniform", name, distribution,
                       range->minimum, caviar_distribution_is_quantised(range->distribution) ? "q_" : "");
    if (range->distribution == CAVIAR_ONE_MINUS_LOG_UNIFORM)
        CAVIAR_REQUIRE(range->maximum < 1, "%s: %s needs a maximum below 1 (it is %.9g): lower it, or use uniform",
                       name, distribution, range->maximum);
    if (range->distribution == CAVIAR_INT_UNIFORM)
        CAVIAR_REQUIRE(range->minimum == floor(range->minimum) && range->maximum == floor(range->maximum),
                       "%s: int_uniform needs whole numbers for bounds (they are %.9g and %.9g)", name, range->minimum,
                       range->maximum);
    return CAVIAR_OK;
}

/* Narrows the bounds of a quantised range to the multiples of the quantum within. */
static caviar_status take_multiples(caviar_space_parameter *range) {
    const char *name = range->hyperparameter->name, *distribution = caviar_distribution_name(range->distribution);
    if (!caviar_distribution_is_quantised(range->distribution)) {
        CAVIAR_REQUIRE(range->quantum == 0,
                       "%s: a quantum (%.9g) is for distributions that begin with q_, such as q_uniform, not %s", name,
                       range->quantum, distribution);
        return CAVIAR_OK;
    }
    CAVIAR_REQUIRE(isfinite(range->quantum) && range->quantum > 0, "%s: %s needs a quantum above 0 (it is %.9g)", name,
                   distribution, range->quantum);
    CAVIAR_REQUIRE(range->hyperparameter->type == CAVIAR_REAL || range->quantum == floor(range->quantum),
                   "%s takes whole numbers: its quantum must be whole too (it is %.9g)", name, range->quantum);
    /* 0.3 / 0.1 is a hair below 3: what is that near to a multiple is meant to be one. */
    const double first = ceil(range->minimum / range->quantum * (1 - 1e-12));
    const double last = floor(range->maximum / range->quantum * (1 + 1e-12));
    CAVIAR_REQUIRE(first <= last && last <= 1e15, "%s: no multiple of %.9g lies from %.9g to %.9g", name,
                   range->quantum, range->minimum, range->maximum);
    range->minimum = first * range->quantum;
    range->maximum = last * range->quantum;
    return CAVIAR_OK;
}

/* What ranges of every distribution have in common: names, and the distribution's kind. */
static caviar_status begin(caviar_space_parameter *range, const char *name, caviar_distribution distribution,
                           int is_normal) {
    CAVIAR_TRY(caviar_hyperparameter_require(&range->hyperparameter, name));
    CAVIAR_REQUIRE((int)distribution >= 0 && (int)distribution < CAVIAR_DISTRIBUTION_COUNT,
                   "%s: there is no distribution %d", name, (int)distribution);
    const char *called = caviar_distribution_name(distribution);
    CAVIAR_REQUIRE(distribution > CAVIAR_CATEGORICAL, "%s: %s takes values, not a range", name, called);
    CAVIAR_REQUIRE(range->hyperparameter->type != CAVIAR_CHOICE, "%s has no range: name its values, as in %s=%s,%s",
                   name, name, range->hyperparameter->choices[0], range->hyperparameter->choices[1]);
    if (is_normal)
        CAVIAR_REQUIRE(caviar_distribution_is_normal(distribution), "%s: %s takes min and max, not mu and sigma", name,
                       called);
    else
        CAVIAR_REQUIRE(!caviar_distribution_is_normal(distribution), "%s: %s takes mu and sigma, not min and max", name,
                       called);
    range->distribution = distribution;
    return CAVIAR_OK;
}

/*
 * A uniform range may begin at 0 or end at 1 where the hyperparameter comes near that and no further: an end is moved
 * to what it can be, if the range loses no more than a millionth of its width.
 */
static void move_ends(caviar_space_parameter *range) {
    const double low = range->hyperparameter->low, high = range->hyperparameter->high;
    const double least = 1.001e-6 * (range->maximum - range->minimum);
    if (range->distribution != CAVIAR_UNIFORM) return;
    if (range->minimum < low && low - range->minimum <= least) range->minimum = low;
    if (range->maximum > high && range->maximum - high <= least) range->maximum = high;
}

caviar_status caviar_space_add_range(caviar_space *space, const char *name, caviar_distribution distribution,
                                     double minimum, double maximum, double quantum) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(space != NULL && name != NULL, "caviar_space_add_range: an argument is NULL");
    caviar_space_parameter range = { .minimum = minimum, .maximum = maximum, .quantum = quantum };
    CAVIAR_TRY(begin(&range, name, distribution, 0));
    CAVIAR_REQUIRE(isfinite(minimum) && isfinite(maximum), "%s: a bound of the range is not a finite number", name);
    CAVIAR_REQUIRE(minimum <= maximum, "%s: the range ends (%.9g) before it begins (%.9g)", name, maximum, minimum);
    CAVIAR_TRY(check_scale(&range));
    CAVIAR_TRY(take_multiples(&range));
    move_ends(&range);
    CAVIAR_TRY(caviar_hyperparameter_check(range.hyperparameter, range.minimum));
    CAVIAR_TRY(caviar_hyperparameter_check(range.hyperparameter, range.maximum));
    return caviar_space_put(space, &range);
}

caviar_status caviar_space_add_normal(caviar_space *space, const char *name, caviar_distribution distribution,
                                      double mean, double deviation, double quantum) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(space != NULL && name != NULL, "caviar_space_add_normal: an argument is NULL");
    caviar_space_parameter range = { .mean = mean, .deviation = deviation, .quantum = quantum };
    CAVIAR_TRY(begin(&range, name, distribution, 1));
    const int is_log = distribution == CAVIAR_LOG_NORMAL || distribution == CAVIAR_Q_LOG_NORMAL;
    const double low = range.hyperparameter->low, high = range.hyperparameter->high;
    const double centre = is_log ? exp(mean) : mean, reach = MOST_DEVIATIONS * deviation;
    CAVIAR_REQUIRE(isfinite(deviation) && deviation > 0, "%s: sigma must be above 0 (it is %.9g)", name, deviation);
    CAVIAR_REQUIRE(centre >= low && centre <= high,
                   "%s: %s %.9g has its middle at %.9g, and %s takes values from %.9g to "
                   "%.9g",
                   name, is_log ? "e to the mu of" : "mu", mean, centre, name, low, high);
    range.minimum = fmax(low, is_log ? exp(mean - reach) : mean - reach);
    range.maximum = fmin(high, is_log ? exp(mean + reach) : mean + reach);
    CAVIAR_TRY(check_scale(&range));
    CAVIAR_TRY(take_multiples(&range));
    return caviar_space_put(space, &range);
}
