/* Coarse to fine: the box around the elite, scale by scale. */
#include "folder.h"
#include "host/search/box.h"
#include "kernels/randomness.h"

#include <math.h>

static caviar_space *space;
static caviar_box box, whole;

static void enter(void) {
    SUCCEEDS(caviar_space_create(&space));
}

static void leave(void) {
    caviar_space_destroy(space);
}

TestSuite(refine, .init = enter, .fini = leave);

static void add(const char *line) {
    SUCCEEDS(caviar_space_parse(space, line));
    caviar_box_of_space(&whole, space);
    box = whole;
}

static int near(double a, double b) {
    return fabs(a - b) < 1e-12 * fmax(1, fabs(a));
}

Test(refine, follows_the_rule_of_the_header) {
    add("learning_rate=1e-5..1e-1"); /* positions -5 .. -1 */
    static const double positions[] = { -3.5, -4.9, -3.0, -1.0, -2.5 };
    static const int32_t elite[] = { 0, 2, 4 };
    caviar_box_refine(&box, space, positions, elite, 3, 1);
    /* The hull is [-3.5, -2.5]; a tenth on both sides; a quarter of the range, 1, is less than the hull. */
    cr_expect(near(box.axes[0].low, -3.6) && near(box.axes[0].high, -2.4), "%g %g", box.axes[0].low, box.axes[0].high);
    cr_expect(box.axes[0].minimum == 1e-5 && box.axes[0].maximum == 1e-1);

    /* A hull of 0.1 is widened to 4 / 2^2 about its middle in round 1, to 4 / 2^3 in round 2. */
    static const double narrow[] = { -3.05, -2.95 };
    static const int32_t two[] = { 1, 0 };
    caviar_box_refine(&box, space, narrow, two, 2, 1);
    cr_expect(near(box.axes[0].low, -3.5) && near(box.axes[0].high, -2.5), "%g %g", box.axes[0].low, box.axes[0].high);
    caviar_box_refine(&box, space, narrow, two, 2, 2);
    cr_expect(near(box.axes[0].low, -3.25) && near(box.axes[0].high, -2.75));

    /* It ends where the range ends, and may reach beyond the last round's box. */
    static const double edge[] = { -1.01, -1.0 };
    caviar_box_refine(&box, space, edge, two, 2, 2);
    cr_expect(near(box.axes[0].low, -1.255) && box.axes[0].high == whole.axes[0].high);

    const caviar_box before = box;
    caviar_box_refine(&box, space, positions, elite, 1, 3);
    caviar_box_refine(&box, space, positions, elite, 0, 3);
    cr_expect(memcmp(&before, &box, sizeof box) == 0, "fewer than two trials change nothing");
}

Test(refine, whole_numbers_and_quanta_keep_their_ends_as_likely) {
    add("hidden_layers=0..8");
    add("hidden_width=q_uniform:16..256:16");
    add("hidden_width_1=q_log_uniform_values:16..256:16");
    const double a[] = { 3.2, 100, 2.0 }, b[] = { 4.4, 130, 2.2 };
    double positions[6];
    memcpy(positions, a, sizeof a);
    memcpy(positions + 3, b, sizeof b);
    static const int32_t elite[] = { 0, 1 };
    caviar_box_refine(&box, space, positions, elite, 2, 3);
    /* [3.2, 4.4] widened by 0.12: the whole numbers 3 .. 5 (4.52 belongs to 5). */
    cr_expect(box.axes[0].low == 2.5 && box.axes[0].high == 5.5, "%g %g", box.axes[0].low, box.axes[0].high);
    /* [97, 133]: the multiples 96 .. 128, 133 < 136. */
    cr_expect(box.axes[1].low == 88 && box.axes[1].high == 136, "%g %g", box.axes[1].low, box.axes[1].high);
    /* 10^1.98 = 95.5 belongs to 96, 10^2.22 = 166 to 160. */
    cr_expect(near(box.axes[2].low, log10(88)) && near(box.axes[2].high, log10(168)), "%g %g", pow(10, box.axes[2].low),
              pow(10, box.axes[2].high));
}

/* Positions of a normal distribution are probabilities: 0.3 and 0.5 are the third and the fifth tenth's ends. */
Test(refine, normal_distributions_are_narrowed_by_their_quantiles) {
    add("dropout=normal:0.4,0.05");
    add("hidden_width=q_normal:64,16:16");
    const double positions[] = { 0.3, 0.4, 0.5, 0.6 };
    static const int32_t elite[] = { 0, 1 };
    caviar_box_refine(&box, space, positions, elite, 2, 3);
    cr_expect(near(box.axes[0].low, 0.28) && near(box.axes[0].high, 0.52), "%g %g", box.axes[0].low, box.axes[0].high);
    /* The probabilities 0.38 .. 0.62 are 64 -+ 4.9, which is rounded to 64: from 56 to 72, half a deviation each way.
     */
    const double half = erfc(0.5 * M_SQRT1_2) / 2;
    cr_expect(near(box.axes[1].low, half) && near(box.axes[1].high, 1 - half), "%g %g", box.axes[1].low,
              box.axes[1].high);
}

Test(refine, values_are_those_of_the_elite) {
    caviar_device *device;
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    add("batch_size=8,16,32,64,128");
    add("optimizer=adam");
    add("dropout=0.25..0.25");
    static const double positions[] = { 4, 0, 0.25, 2, 0, 0.25, 1, 0, 0.25, 4, 0, 0.25 };
    static const int32_t elite[] = { 0, 2, 3 };
    caviar_box_refine(&box, space, positions, elite, 3, 1);
    cr_expect(box.allowed[0] == (1 << 1 | 1 << 4) && box.allowed[1] == 1);
    cr_expect(box.axes[2].low == 0.25 && box.axes[2].high == 0.25);
    double sampled[300], values[300];
    int count[2] = { 0, 0 };
    SUCCEEDS(caviar_box_sample(sampled, values, device, space, &box, 50, 100, 7));
    for (int t = 0; t < 100; t++) {
        cr_assert((values[3 * t] == 16 && sampled[3 * t] == 1) || (values[3 * t] == 128 && sampled[3 * t] == 4));
        cr_assert(values[3 * t + 1] == CAVIAR_ADAM && values[3 * t + 2] == 0.25);
        count[values[3 * t] == 128]++;
    }
    cr_expect(count[0] > 30 && count[1] > 30, "%d and %d", count[0], count[1]);
    caviar_device_close(device);
}

/* Whatever the elite is: the next box holds it, lies in the whole, and is narrower when the elite is. */
Test(refine, boxes_hold_the_elite_and_stay_within_the_space) {
    enum { TRIALS = 40 };
    static const char *const lines[] = {
        "learning_rate=1e-5..1e-1",
        "momentum=0.5..0.999",
        "dropout=0..0.5",
        "hidden_layers=0..8",
        "hidden_width=q_uniform:16..256:16",
        "hidden_width_1=q_log_uniform_values:8..4096:8",
        "batch_size=1,2,4,8",
        "weight_decay=log_normal:-7,2",
        "hidden_width_2=q_normal:64,30:8",
        "hidden_width_3=q_log_normal:3,1:1",
    };
    enum { SIZE = sizeof lines / sizeof lines[0] };
    for (int i = 0; i < SIZE; i++) add(lines[i]);
    for (uint64_t seed = 0; seed < 50; seed++) {
        double positions[TRIALS * SIZE], values[TRIALS * SIZE];
        caviar_device *device;
        SUCCEEDS(caviar_device_open(&device, "cpu", 1));
        box = whole;
        for (int round = 1; round <= 4; round++) {
            SUCCEEDS(caviar_box_sample(positions, values, device, space, &box, 0, TRIALS, seed));
            int32_t elite[TRIALS];
            const int32_t count = 2 + (int32_t)((seed + (uint64_t)round) % 10);
            for (int32_t e = 0; e < count; e++) elite[e] = (int32_t)((7 * (uint64_t)e + seed) % TRIALS);
            caviar_box_refine(&box, space, positions, elite, count, round);
            for (int i = 0; i < SIZE; i++) {
                const caviar_axis *axis = &box.axes[i], *all = &whole.axes[i];
                double a = INFINITY, b = -INFINITY;
                for (int32_t e = 0; e < count; e++) {
                    const double position = positions[elite[e] * SIZE + i];
                    a = fmin(a, position), b = fmax(b, position);
                    if (box.allowed[i])
                        cr_assert(box.allowed[i] >> (int)position & 1);
                    else
                        cr_assert(position >= axis->low && position <= axis->high, "seed %d, round %d, %s", (int)seed,
                                  round, lines[i]);
                }
                cr_assert(axis->low >= all->low && axis->high <= all->high && axis->low <= axis->high);
                const double unit = i == 3 ? 1 : i == 4 ? 16 : i == 5 ? 0.6 : i == 8 ? 0.11 : i == 9 ? 0.2 : 0;
                const double w = all->high - all->low;
                if (!box.allowed[i])
                    cr_assert(axis->high - axis->low <= fmax(1.2 * (b - a), ldexp(w, -round - 1)) + 2 * unit + 1e-9,
                              "seed %d, round %d, %s: %g wide", (int)seed, round, lines[i], axis->high - axis->low);
            }
        }
        caviar_device_close(device);
    }
}
