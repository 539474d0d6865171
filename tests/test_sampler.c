/* Sampling on the device: scales, ends, frequencies, and that a trial depends on nothing but its seed and number. */
#include "folder.h"
#include "host/search/box.h"
#include "kernels/randomness.h"

#include <math.h>

enum { TRIALS = 40000, SEED = 2026 };

static caviar_device *device;
static caviar_space *space;
static double *positions, *values; /* [TRIALS, size] */

static void enter(void) {
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    SUCCEEDS(caviar_space_create(&space));
    positions = calloc((size_t)TRIALS * CAVIAR_HYPERPARAMETER_COUNT, sizeof *positions);
    values = calloc((size_t)TRIALS * CAVIAR_HYPERPARAMETER_COUNT, sizeof *values);
    cr_assert(positions && values);
}

static void leave(void) {
    free(positions);
    free(values);
    caviar_space_destroy(space);
    caviar_device_close(device);
}

TestSuite(sampler, .init = enter, .fini = leave);

/* Samples the whole space; positions and values are [count, size]. */
static void sample(int64_t first, int64_t count, uint64_t seed) {
    caviar_box box;
    caviar_box_of_space(&box, space);
    SUCCEEDS(caviar_box_sample(positions, values, device, space, &box, first, count, seed));
}

/* The space of this one parameter, sampled. */
static void sample_line(const char *line) {
    caviar_space_destroy(space);
    SUCCEEDS(caviar_space_create(&space));
    SUCCEEDS(caviar_space_parse(space, line));
    sample(0, TRIALS, SEED);
}

/*
 * Pearson's chi-square of counts against shares that sum to 1. With a fixed seed it either passes for ever or never:
 * the limit is its 99.9% point, that a right sampler exceeds for one seed in a thousand.
 */
static void check_shares(const char *what, const int64_t *counts, const double *shares, int cells) {
    static const double limits[] = { 0,     10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32,
                                     26.12, 27.88, 29.59, 31.26, 32.91, 34.53, 36.12, 37.70 };
    double chi_square = 0;
    int64_t total = 0;
    for (int i = 0; i < cells; i++) {
        const double expected = shares[i] * TRIALS;
        chi_square += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
        total += counts[i];
    }
    cr_assert_lt(cells - 1, (int)(sizeof limits / sizeof limits[0]));
    cr_expect_eq(total, TRIALS, "%s: %lld of %d samples lie outside", what, (long long)(TRIALS - total), TRIALS);
    cr_expect_leq(chi_square, limits[cells - 1], "%s, seed %d: chi-square %.2f of %d cells", what, SEED, chi_square,
                  cells);
}

/* Each of ten equal intervals of `scale` of the value, from low to high, holds a tenth of the samples. */
static void check_deciles(const char *line, double (*scale)(double), double low, double high) {
    int64_t counts[10] = { 0 };
    double shares[10];
    sample_line(line);
    for (int i = 0; i < 10; i++) shares[i] = 0.1;
    for (int t = 0; t < TRIALS; t++) {
        const double share = (scale(values[t]) - scale(low)) / (scale(high) - scale(low));
        if (values[t] >= low && values[t] <= high) counts[share < 1 ? (int)(10 * share) : 9]++;
    }
    check_shares(line, counts, shares, 10);
}

static double identity(double x) {
    return x;
}

static double minus_log_one_minus(double x) {
    return -log1p(-x);
}

Test(sampler, every_scale_is_uniform_on_itself) {
    check_deciles("learning_rate=1e-5..1e-1", log, 1e-5, 1e-1);
    check_deciles("weight_decay=3e-7..2e-3", log, 3e-7, 2e-3);
    check_deciles("dropout=0.1..0.6", identity, 0.1, 0.6);
    check_deciles("momentum=0.9..0.999", minus_log_one_minus, 0.9, 0.999);
    check_deciles("beta2=0..0.9999", minus_log_one_minus, 0, 0.9999);

    /* What mirrored logarithms get wrong: half of [0.9, 0.999] lies above 0.99. Four deviations are allowed. */
    sample_line("momentum=0.9..0.999");
    int above = 0;
    for (int t = 0; t < TRIALS; t++) above += values[t] > 0.99;
    cr_expect_lt(fabs(above / (double)TRIALS - 0.5), 4 * 0.5 / sqrt(TRIALS), "%d of %d above 0.99", above, TRIALS);
}

/* The probability of less than x. */
static double normal_below(double x, double mean, double deviation) {
    return erfc((mean - x) / deviation * M_SQRT1_2) / 2;
}

/* Of a normal distribution that its hyperparameter's bounds cut off, each tenth of what is left holds a tenth. */
static void check_normal(const char *line, double mean, double deviation, int is_log) {
    int64_t counts[10] = { 0 };
    double shares[10];
    sample_line(line);
    const caviar_space_parameter *p = &space->parameters[0];
    const double low = normal_below(is_log ? log(p->minimum) : p->minimum, mean, deviation);
    const double high = normal_below(is_log ? log(p->maximum) : p->maximum, mean, deviation);
    for (int i = 0; i < 10; i++) shares[i] = 0.1;
    for (int t = 0; t < TRIALS; t++) {
        const double x = is_log ? log(values[t]) : values[t];
        const double share = (normal_below(x, mean, deviation) - low) / (high - low);
        if (values[t] >= p->minimum && values[t] <= p->maximum) counts[share < 1 ? (int)(10 * share) : 9]++;
    }
    check_shares(line, counts, shares, 10);
}

Test(sampler, normal_distributions_are_normal_within_what_is_allowed) {
    check_normal("dropout=normal:0.3,0.05", 0.3, 0.05, 0);
    check_normal("dropout=normal:0.1,0.4", 0.1, 0.4, 0); /* cut off at 0 and 1 */
    check_normal("momentum=normal:0,0.2", 0, 0.2, 0);    /* its upper half */
    check_normal("learning_rate=log_normal:-6,1", -6, 1, 1);
    check_normal("decay_rate=log_normal:0,3", 0, 3, 1);
}

/* The shares of values from + i * step, i below cells; NULL: equal. */
static void check_values(const char *line, double from, double step, const double *shares, int cells) {
    int64_t counts[16] = { 0 };
    double equal[16];
    for (int i = 0; i < cells; i++) equal[i] = 1.0 / cells;
    sample_line(line);
    for (int t = 0; t < TRIALS; t++) {
        const double i = round((values[t] - from) / step);
        if (i >= 0 && i < cells && values[t] == from + i * step) counts[(int)i]++;
    }
    check_shares(line, counts, shares ? shares : equal, cells);
}

Test(sampler, ends_are_as_likely_as_the_middle) {
    check_values("hidden_layers=0..8", 0, 1, NULL, 9);
    check_values("hidden_width=4095..4096", 4095, 1, NULL, 2);
    check_values("hidden_width=7..7", 7, 1, NULL, 1);
    check_values("hidden_width=q_uniform:16..128:16", 16, 16, NULL, 8);
    check_values("dropout=q_uniform:0..0.75:0.25", 0, 0.25, NULL, 4);
    check_values("hidden_width=32,64,96", 32, 32, NULL, 3);
    check_values("optimizer=sgd,momentum,rmsprop,adam,adamw", 0, 1, NULL, 5);
    check_values("activation=sigmoid,relu", 1, 2, NULL, 2);
    check_values("dropout=0.25", 0.25, 1, NULL, 1);
    /* A multiple k of the quantum owns the logarithms from k - 1/2 to k + 1/2. */
    double shares[8];
    for (int k = 1; k <= 8; k++) shares[k - 1] = log((k + 0.5) / (k - 0.5)) / log(8.5 / 0.5);
    check_values("hidden_width=q_log_uniform_values:16..128:16", 16, 16, shares, 8);
    /* Normal: the probabilities from k - 1/2 to k + 1/2, here of all that 5 deviations hold. */
    double whole = normal_below(6.5 * 16, 64, 8) - normal_below(1.5 * 16, 64, 8), normal[5], log_normal[4];
    for (int k = 2; k <= 6; k++)
        normal[k - 2] = (normal_below((k + 0.5) * 16, 64, 8) - normal_below((k - 0.5) * 16, 64, 8)) / whole;
    check_values("hidden_width=q_normal:64,8:16", 32, 16, normal, 5);
    whole = normal_below(log(6.5), log(4), 0.1) - normal_below(log(2.5), log(4), 0.1);
    for (int k = 3; k <= 6; k++)
        log_normal[k - 3] = (normal_below(log(k + 0.5), log(4), 0.1) - normal_below(log(k - 0.5), log(4), 0.1)) / whole;
    check_values("hidden_width=q_log_normal:1.3862943611198906,0.1:1", 3, 1, log_normal, 4);
}

static void fill_space(void) {
    static const char *const lines[] = {
        "optimizer=sgd,momentum,rmsprop,adam,adamw",
        "learning_rate=1e-30..1e6",
        "momentum=0..0.9999999",
        "beta1=uniform:0..0.9999999",
        "epsilon=1e-15..1",
        "dropout=q_uniform:0..0.99:0.01",
        "batch_size=q_log_uniform_values:1..65536:1",
        "hidden_width=1..4096",
        "hidden_layers=0..8",
        "schedule_epochs=log_uniform_values:1e-6..1e9",
        "batch_norm=true,false",
        "weight_decay=0.5",
        "decay_rate=normal:1,0.5",
        "hidden_width_1=q_log_normal:4,2:4",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) SUCCEEDS(caviar_space_parse(space, lines[i]));
}

Test(sampler, values_are_allowed_and_stand_at_their_positions) {
    fill_space();
    sample(0, TRIALS / 4, SEED);
    for (int64_t at = 0; at < (int64_t)TRIALS / 4 * space->size; at++) {
        const caviar_space_parameter *p = &space->parameters[at % space->size];
        const double value = values[at], position = positions[at];
        cr_assert_eq(caviar_hyperparameter_check(p->hyperparameter, value), CAVIAR_OK, "%s", caviar_last_error());
        double expected = position, allowed = 0;
        switch (p->distribution) {
        case CAVIAR_CONSTANT:
        case CAVIAR_CATEGORICAL: expected = p->values[(int)position]; break;
        case CAVIAR_LOG_UNIFORM: expected = pow(10, position), allowed = 1e-14 * value; break;
        case CAVIAR_ONE_MINUS_LOG_UNIFORM: expected = 1 - pow(10, -position), allowed = 1e-15; break;
        case CAVIAR_INT_UNIFORM: allowed = 0.5; break;
        case CAVIAR_NORMAL: expected = 1 + 0.5 * caviar_normal_quantile(position), allowed = 1e-15; break;
        case CAVIAR_Q_LOG_NORMAL:
            expected = exp(4 + 2 * caviar_normal_quantile(position)), allowed = p->quantum / 2 * (1 + 1e-9);
            break;
        case CAVIAR_Q_LOG_UNIFORM: expected = pow(10, position); /* fall through */
        case CAVIAR_Q_UNIFORM: allowed = p->quantum / 2 * (1 + 1e-9); break;
        default: break;
        }
        cr_assert(fabs(value - expected) <= allowed, "%s: value %.17g at position %.17g", p->hyperparameter->name,
                  value, position);
        if (p->count == 0)
            cr_assert(value >= p->minimum && value <= p->maximum, "%s: %.17g", p->hyperparameter->name, value);
    }
}

Test(sampler, a_trial_depends_on_its_seed_and_number_only) {
    enum { COUNT = 300 };
    static double expected[COUNT * CAVIAR_HYPERPARAMETER_COUNT];
    fill_space();
    const size_t row = (size_t)space->size * sizeof(double);
    sample(1000, COUNT, SEED);
    memcpy(expected, values, COUNT * row);
    for (int t = 0; t < COUNT; t++) {
        sample(1000 + t, 1, SEED);
        cr_assert(memcmp(values, expected + t * space->size, row) == 0, "trial %d alone", 1000 + t);
    }
    sample(900, COUNT, SEED);
    cr_expect(memcmp(values + 100 * space->size, expected, 200 * row) == 0);
    caviar_device_close(device);
    SUCCEEDS(caviar_device_open(&device, "cpu", 2));
    sample(1000, COUNT, SEED);
    cr_expect(memcmp(values, expected, COUNT * row) == 0, "2 threads");
    sample(1000, COUNT, SEED + 1);
    cr_expect(memcmp(values, expected, COUNT * row) != 0, "another seed gives the same trials");
    sample(UINT32_MAX, 1, UINT64_MAX);

    /* A parameter that is added at the end leaves the others alone. */
    const int32_t before = space->size;
    SUCCEEDS(caviar_space_parse(space, "beta2=0.9..0.999"));
    sample(1000, COUNT, SEED);
    for (int t = 0; t < COUNT; t++)
        cr_assert(memcmp(values + t * space->size, expected + t * before, row) == 0, "trial %d", 1000 + t);
}

/* An empty space has nothing to sample, and that is no error. */
Test(sampler, samples_nothing_of_nothing) {
    values[0] = 77;
    sample(0, 10, SEED);
    cr_expect(values[0] == 77);
}
