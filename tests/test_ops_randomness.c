/* The random words and what is made of them: known answers, ranges, 10^x against long double. */
#include "kernels/randomness.h"

#include <criterion/criterion.h>
#include <string.h>

Test(ops_randomness, philox_known_answers) {
    const caviar_words zero = caviar_philox(0, 0, 0);
    static const uint32_t expected[4] = { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u };
    for (int i = 0; i < 4; i++) cr_assert(zero.word[i] == expected[i], "word %d is %08x", i, zero.word[i]);
    /* Random123's own known answers for a block and key of all ones and of the digits of pi. */
    const caviar_words ones = caviar_philox(UINT64_MAX, UINT64_MAX, UINT64_MAX);
    static const uint32_t all_ones[4] = { 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu };
    const caviar_words pi =
        caviar_philox(UINT64_C(0x299f31d0a4093822), UINT64_C(0x0370734413198a2e), UINT64_C(0x85a308d3243f6a88));
    static const uint32_t of_pi[4] = { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u };
    for (int i = 0; i < 4; i++)
        cr_assert(ones.word[i] == all_ones[i] && pi.word[i] == of_pi[i], "word %d is %08x and %08x", i, ones.word[i],
                  pi.word[i]);
}

Test(ops_randomness, subsequences_of_different_purposes_differ) {
    cr_assert(caviar_subsequence(CAVIAR_PURPOSE_DROPOUT, 3, 0x89abcdefu) == UINT64_C(0x0303000089abcdef));
    /* What the numbers of every study so far were drawn with. */
    cr_assert(caviar_subsequence(CAVIAR_PURPOSE_HYPERPARAMETERS, 0, 0) >> 56 == 1 &&
              caviar_subsequence(CAVIAR_PURPOSE_WEIGHTS, 0, 0) >> 56 == 2 &&
              caviar_subsequence(CAVIAR_PURPOSE_SHUFFLE, 0, 0) >> 56 == 4 &&
              caviar_subsequence(CAVIAR_PURPOSE_SPLIT, 0, 0) >> 56 == 5);
    cr_assert(caviar_dropout_counter(1, 0, 0) == UINT64_C(65536) * 1024);
    cr_assert(caviar_dropout_counter(0, 1, 0) == caviar_dropout_counter(0, 0, 4095) + 1);
    cr_assert(caviar_dropout_counter(0, 65535, 4095) + 1 == caviar_dropout_counter(1, 0, 0));
    cr_assert(caviar_dropout_counter(0, 0, 7) == 1 && caviar_dropout_counter(0, 0, 3) == 0);
}

Test(ops_randomness, ranges_are_open) {
    cr_assert(caviar_uniform52(0, 0) == 0x1p-53 && caviar_uniform52(~0u, ~0u) == 1 - 0x1p-53);
    cr_assert(caviar_uniform_symmetric(0) == -(1 - 0x1p-24f) && caviar_uniform_symmetric(~0u) == 1 - 0x1p-24f);
    for (uint32_t i = 0; i < 1u << 20; i++) {
        const uint32_t word = i * 4096u;
        cr_assert(caviar_uniform_symmetric(word) == -caviar_uniform_symmetric(~word), "word %08x", word);
    }
    cr_assert(caviar_dropout_threshold(0) == 0 && caviar_dropout_threshold(0.5f) == 1u << 31 &&
              caviar_dropout_threshold(0x1.fffffep-1f) == 0xffffff00u);
}

Test(ops_randomness, ten_to_the_x) {
    double worst = 0, at = 0;
    for (int i = -300000; i <= 300000; i++) {
        const double x = i / 1000.0 + (i % 7) * 1e-5;
        const long double exact = powl(10, x);
        int exponent;
        frexpl(exact, &exponent);
        const double units = (double)(fabsl((long double)caviar_exp10(x) - exact) / ldexpl(1, exponent - 53));
        if (units > worst) worst = units, at = x;
    }
    cr_assert(worst <= 2, "10^%.17g is %g units in the last place off", at, worst);
    /* Ends of ranges that users write must be what they wrote. */
    cr_assert(caviar_exp10(0) == 1 && caviar_exp10(1) == 10 && caviar_exp10(-1) == 0.1 && caviar_exp10(2) == 100);
}

/* Where the interval of a whole number, or of a quantum, ends: a part in ten thousand on either side. */
Test(ops_randomness, whole_numbers_own_intervals_about_themselves) {
    const caviar_axis whole = { CAVIAR_INT_UNIFORM, 0, 0.5, 8.5, 1, 8, 0, 0, 0 };
    const caviar_axis quanta = { CAVIAR_Q_UNIFORM, 0, 24, 264, 32, 256, 16, 0, 0 };
    const caviar_axis log_quanta = { CAVIAR_Q_LOG_UNIFORM, 0, 1, 3, 16, 1008, 16, 0, 0 };
    cr_assert(caviar_axis_value(&whole, 2.4999) == 2 && caviar_axis_value(&whole, 2.5) == 3);
    cr_assert(caviar_axis_value(&quanta, 16 * 3.4999) == 48 && caviar_axis_value(&quanta, 16 * 3.5) == 64);
    cr_assert(caviar_axis_value(&log_quanta, log10(16 * 3.4999)) == 48 &&
              caviar_axis_value(&log_quanta, log10(16 * 3.5001)) == 64);
}

/* ln x within two units in the last place, from the smallest normal number to the largest. */
Test(ops_randomness, natural_logarithm) {
    double worst = 0, at = 0;
    for (int i = -2000; i <= 2000; i++) {
        const double x = caviar_exp10(i * 0.15) * (1 + (i % 13) * 0.01);
        const long double exact = logl(x);
        int exponent;
        frexpl(exact, &exponent);
        const double units = (double)(fabsl((long double)caviar_log(x) - exact) / ldexpl(1, exponent - 53));
        if (exact != 0 && units > worst) worst = units, at = x;
    }
    cr_assert(worst <= 2, "ln %.17g is %g units in the last place off", at, worst);
    cr_assert(caviar_log(1) == 0);
}

/* The probability of less than the quantile is the one that was asked for, as far as a double of it can tell. */
Test(ops_randomness, quantiles_of_the_normal_distribution) {
    double worst = 0, at = 0;
    for (int i = 1; i < 4000; i++) {
        const double p = i < 2000 ? caviar_exp10(-10 + i * 9.69 / 2000) : 0.5 + (i - 3000) / 2001.0;
        const long double x = caviar_normal_quantile(p), root = sqrtl(0.5L);
        const long double density = expl(-x * x / 2) / sqrtl(8 * atanl(1));
        const double error = (double)(fabsl(erfcl(-x * root) / 2 - p) / density); /* of x */
        if (error > worst) worst = error, at = p;
    }
    cr_assert(worst <= 4e-15, "the quantile of %.17g is %g off", at, worst);
    cr_assert(caviar_normal_quantile(0.5) == 0);
    cr_assert(caviar_normal_quantile(0.25) == -caviar_normal_quantile(0.75));
    cr_assert(caviar_normal_quantile(0x1p-20) == -caviar_normal_quantile(1 - 0x1p-20));
}

/* As below, by reference/normal.py. */
Test(ops_randomness, the_bits_of_normal_quantiles) {
    uint64_t digest = 0xcbf29ce484222325u;
    for (int64_t i = 20; i < 20000; i++) {
        const double p = (double)(i * i * i) * 1.25e-13;
        const double values[2] = { caviar_normal_quantile(p), caviar_normal_quantile(1 - p) };
        for (int v = 0; v < 2; v++) {
            uint64_t bits;
            memcpy(&bits, &values[v], sizeof bits);
            for (int byte = 0; byte < 8; byte++) digest = (digest ^ (bits >> 8 * byte & 255)) * 0x100000001b3u;
        }
    }
    cr_assert(digest == 0xea488598c9338fe6u, "the digest is %llx", (unsigned long long)digest);
}

/* A trial's bits are for ever: reference/exp10.py computes them from exact fractions. Every coefficient shows. */
Test(ops_randomness, the_bits_of_ten_to_the_x) {
    uint64_t digest = 0xcbf29ce484222325u; /* FNV-1a, the lowest byte first */
    for (int i = -20000; i < 20000; i++) {
        const double value = caviar_exp10(i * 0.01234567890123);
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        for (int byte = 0; byte < 8; byte++) digest = (digest ^ (bits >> 8 * byte & 255)) * 0x100000001b3u;
    }
    cr_assert(digest == 0xb7a83e9718287784u, "the digest is %llx", (unsigned long long)digest);
}
