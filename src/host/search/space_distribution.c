/* The distributions by name, and what to write instead of those that are not taken. */
#include "space.h"

#include "host/nearest.h"
#include "host/status.h"

#include <string.h>

static const char *const distribution_names[CAVIAR_DISTRIBUTION_COUNT] = {
    "constant",
    "categorical",
    "uniform",
    "log_uniform_values",
    "one_minus_log_uniform_values",
    "int_uniform",
    "q_uniform",
    "q_log_uniform_values",
    "normal",
    "log_normal",
    "q_normal",
    "q_log_normal",
};

/* Those of W&B that are left out on purpose, and what to write instead. */
static const struct {
    const char *name, *remedy;
} refused_distributions[] = {
    { "log_uniform", "its bounds are exponents of e; write log_uniform_values with the bounds themselves" },
    { "q_log_uniform", "its bounds are exponents of e; write q_log_uniform_values with the bounds themselves" },
    { "inv_log_uniform", "it mirrors the logarithm about the wrong point; write one_minus_log_uniform_values, "
                         "which is 1 - 10^-r, with the bounds themselves" },
    { "inv_log_uniform_values", "it puts 9% of [0.9, 0.999] above 0.99, where half of it belongs; write "
                                "one_minus_log_uniform_values, which is 1 - 10^-r" },
    { "beta", "write uniform or normal" },
    { "q_beta", "write q_uniform or q_normal" },
    { "categorical_w_probabilities", "values are equally likely here; write categorical" },
};

const char *caviar_distribution_name(caviar_distribution distribution) {
    return distribution_names[distribution];
}

int caviar_distribution_is_quantised(caviar_distribution distribution) {
    return distribution == CAVIAR_Q_UNIFORM || distribution == CAVIAR_Q_LOG_UNIFORM ||
           distribution == CAVIAR_Q_NORMAL || distribution == CAVIAR_Q_LOG_NORMAL;
}

int caviar_distribution_is_normal(caviar_distribution distribution) {
    return distribution >= CAVIAR_NORMAL && distribution <= CAVIAR_Q_LOG_NORMAL;
}

caviar_status caviar_distribution_parse(caviar_distribution *distribution, const char *name) {
    for (int i = 0; i < CAVIAR_DISTRIBUTION_COUNT; ++i) {
        if (strcmp(name, distribution_names[i]) != 0) continue;
        *distribution = (caviar_distribution)i;
        return CAVIAR_OK;
    }
    for (size_t i = 0; i < sizeof refused_distributions / sizeof refused_distributions[0]; ++i)
        CAVIAR_REQUIRE(strcmp(name, refused_distributions[i].name) != 0, "the distribution %s is not taken: %s", name,
                       refused_distributions[i].remedy);
    const char *nearest = caviar_nearest_name(name, distribution_names, CAVIAR_DISTRIBUTION_COUNT);
    return caviar_fail(
        CAVIAR_INVALID_ARGUMENT,
        "there is no distribution \"%.64s\"%s%s%s; there are: constant, categorical, uniform, "
        "log_uniform_values, one_minus_log_uniform_values, int_uniform, q_uniform, q_log_uniform_values, "
        "normal, log_normal, q_normal, q_log_normal",
        name, nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
}
