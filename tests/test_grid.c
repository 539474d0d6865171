/* The distinct points of a space: counted, numbered, and no trial trained twice. */
#include "host/search/axis.h"
#include "host/search/distinct.h"
#include "host/search/grid.h"
#include "host/search/trial.h"
#include "search_fixture.h"

#include <math.h>

TestSuite(grid, .init = enter, .fini = leave);

enum { LINES = 8 };

static void make_space(const char *const lines[LINES]) {
    caviar_space_destroy(space);
    SUCCEEDS(caviar_space_create(&space));
    for (int i = 0; i < LINES && lines[i]; i++) add(lines[i]);
}

static const struct {
    const char *lines[LINES];
    int64_t points;
} spaces[] = {
    { { NULL }, 1 },
    { { "optimizer=sgd,adam", "hidden_layers=1,2" }, 4 },
    { { "optimizer=sgd,adam", "momentum=0.5,0.9" }, 2 },
    { { "optimizer=sgd,momentum", "momentum=0.5,0.9" }, 3 },
    { { "optimizer=sgd,momentum", "momentum=0.5..0.9" }, CAVIAR_ENDLESS },
    { { "optimizer=sgd,adam", "momentum=0.5..0.9" }, 2 },
    { { "momentum=0.5..0.9", "learning_rate=0.1..0.1", "dropout=0.25..0.25" }, 1 },
    { { "optimizer=sgd,momentum,rmsprop,adam,adamw", "momentum=0.5,0.9", "beta1=0.5,0.9", "beta2=0.9,0.99,0.999" },
      1 + 2 + 3 + 6 + 6 },
    { { "schedule=constant,inverse_time,exponential,cosine", "decay_rate=0.5,0.9", "schedule_epochs=9" },
      1 + 2 + 2 + 1 },
    { { "schedule=constant,cosine", "schedule_epochs=int_uniform:1..3" }, 1 + 3 },
    { { "hidden_layers=0..3", "dropout=0,0.5", "hidden_width_2=q_uniform:4..12:4", "hidden_width_1=5" },
      1 + 2 + 2 * 3 + 2 * 3 },
    /* hidden_width is the width of layers that have none of their own. */
    { { "hidden_width=1..5", "hidden_layers=1,2,3", "hidden_width_1=1,2", "hidden_width_3=7,8" },
      2 + 2 * 5 + 2 * 5 * 2 },
    { { "hidden_width=1..5", "hidden_layers=2", "hidden_width_1=1,2", "hidden_width_2=7,8" }, 4 },
    { { "batch_size=q_log_uniform_values:8..64:8", "dropout=q_uniform:0..0.3:0.1", "activation=relu,tanh" },
      8 * 4 * 2 },
    { { "hidden_width=q_normal:64,4:8", "batch_size=q_log_normal:2,0.5:2" }, 5 * 45 },
    { { "hidden_width=q_normal:2,1:1", "dropout=q_normal:0.1,0.02:0.05" }, 7 * 5 },
    { { "hidden_width=5", "dropout=normal:0.1,0.02" }, CAVIAR_ENDLESS },
    { { "hidden_layers=0", "activation=relu,tanh", "batch_norm=true,false", "dropout=0..0.5" }, 1 },
    { { "learning_rate=0.1,0.2", "weight_decay=0.1..0.2" }, CAVIAR_ENDLESS },
    { { "batch_size=1..65536", "hidden_width_1=1..4096", "hidden_width_2=1..4096",
        "dropout=q_uniform:0..0.9999:1e-15" },
      CAVIAR_MOST_POINTS },
};

Test(grid, counts_what_is_distinct) {
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        make_space(spaces[i].lines);
        const int64_t points = caviar_space_point_count(space);
        cr_expect_eq(points, spaces[i].points, "space %zu: %lld points", i, (long long)points);
    }
    cr_expect_eq(caviar_space_point_count(NULL), 0);
    caviar_space *usual;
    SUCCEEDS(caviar_space_create_default(&usual));
    cr_expect_eq(caviar_space_point_count(usual), CAVIAR_ENDLESS);
    caviar_space_destroy(usual);
}

/* Every numbered point is another network, in the space, and stands at its position; a draw is one of them. */
static void check_points(const caviar_box *box, int all_are_likely) {
    enum { MOST = 100, DRAWS = 2000 };
    static caviar_trial trials[MOST + 1];
    caviar_grid grid;
    caviar_distinct distinct;
    double positions[CAVIAR_HYPERPARAMETER_COUNT], values[CAVIAR_HYPERPARAMETER_COUNT];
    caviar_grid_make(&grid, space, box);
    cr_assert(grid.points >= 1 && grid.points <= MOST, "%lld", (long long)grid.points);
    SUCCEEDS(caviar_distinct_make(&distinct, trials, MOST + 1));
    for (int32_t n = 0; n < grid.points; n++) {
        caviar_grid_point(positions, values, &grid, n);
        for (int32_t i = 0; i < space->size; i++) {
            const caviar_space_parameter *p = &space->parameters[i];
            if (p->count > 0)
                cr_assert_eq(values[i], p->values[(int)positions[i]]);
            else
                cr_assert(positions[i] >= box->axes[i].low && positions[i] <= box->axes[i].high);
            cr_assert(values[i] >= caviar_space_least(p) && values[i] <= caviar_space_largest(p));
        }
        trials[n] = caviar_trial_make(space, values, 1000, n, 0, 1);
        cr_assert_not(caviar_distinct_has(&distinct, &trials[n]), "point %d is an earlier one", n);
        caviar_distinct_add(&distinct, n);
        cr_assert(caviar_distinct_has(&distinct, &trials[n]));
    }
    int64_t met = 0;
    static int is_met[MOST];
    memset(is_met, 0, sizeof is_met);
    for (int32_t draw = 0; draw < DRAWS; draw++) {
        caviar_box_draw(positions, values, space, box, draw, 1 + draw % 255, 7);
        trials[MOST] = caviar_trial_make(space, values, 1000, draw, 0, 1);
        cr_assert(caviar_distinct_has(&distinct, &trials[MOST]), "draw %d is none of the points", draw);
        for (int n = 0; n < grid.points; n++) {
            caviar_distinct one;
            SUCCEEDS(caviar_distinct_make(&one, trials, 1));
            caviar_distinct_add(&one, n);
            if (caviar_distinct_has(&one, &trials[MOST])) met += !is_met[n], is_met[n] = 1;
            caviar_distinct_free(&one);
        }
    }
    cr_expect(met == grid.points || !all_are_likely, "%lld of %lld points are met by draws", (long long)met,
              (long long)grid.points);
    caviar_distinct_free(&distinct);
}

Test(grid, numbers_the_points) {
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        if (spaces[i].points < 0 || spaces[i].points > 100) continue;
        make_space(spaces[i].lines);
        caviar_box box;
        const char *line = spaces[i].lines[0] ? spaces[i].lines[0] : "";
        caviar_box_of_space(&box, space);
        check_points(&box, strstr(line, "normal") == NULL);
        /* And in a box around two of them. */
        double positions[2 * CAVIAR_HYPERPARAMETER_COUNT], values[CAVIAR_HYPERPARAMETER_COUNT];
        caviar_grid grid;
        caviar_grid_make(&grid, space, &box);
        caviar_grid_point(positions, values, &grid, 0);
        caviar_grid_point(positions + space->size, values, &grid, grid.points / 2);
        caviar_box_refine(&box, space, positions, (const int32_t[]){ 0, 1 }, 2, 2);
        check_points(&box, strstr(line, "normal") == NULL);
    }
}

/* As nested loops have them: what decides what matters outermost, then the space's order. */
Test(grid, keeps_the_order_of_the_space) {
    make_space((const char *const[LINES]){ "batch_size=8,16", "optimizer=sgd,momentum", "momentum=0.5,0.9",
                                           "dropout=q_uniform:0..0.25:0.25" });
    static const double expected[12][4] = {
        { 8, CAVIAR_SGD, 0.5, 0 },          { 8, CAVIAR_SGD, 0.5, 0.25 },      { 16, CAVIAR_SGD, 0.5, 0 },
        { 16, CAVIAR_SGD, 0.5, 0.25 },      { 8, CAVIAR_MOMENTUM, 0.5, 0 },    { 8, CAVIAR_MOMENTUM, 0.5, 0.25 },
        { 8, CAVIAR_MOMENTUM, 0.9, 0 },     { 8, CAVIAR_MOMENTUM, 0.9, 0.25 }, { 16, CAVIAR_MOMENTUM, 0.5, 0 },
        { 16, CAVIAR_MOMENTUM, 0.5, 0.25 }, { 16, CAVIAR_MOMENTUM, 0.9, 0 },   { 16, CAVIAR_MOMENTUM, 0.9, 0.25 },
    };
    caviar_box box;
    caviar_grid grid;
    caviar_box_of_space(&box, space);
    caviar_grid_make(&grid, space, &box);
    cr_assert_eq(grid.points, 12);
    for (int n = 0; n < 12; n++) {
        double positions[4], values[4];
        caviar_grid_point(positions, values, &grid, n);
        for (int i = 0; i < 4; i++) cr_expect_eq(values[i], expected[n][i], "point %d, parameter %d", n, i);
    }
}

/* ------------------------------------------------------------------------------------------------------------ searches
 */

/* Pairs of trials that agree in all that matters. */
static int repeats_of(const caviar_search *search, int32_t count) {
    int repeats = 0;
    for (int32_t a = 0; a < count; a++) {
        caviar_trial trials[2] = { trial_of(search, a) };
        caviar_distinct distinct;
        SUCCEEDS(caviar_distinct_make(&distinct, trials, 1));
        caviar_distinct_add(&distinct, 0);
        for (int32_t b = 0; b < a; b++) {
            const caviar_trial other = trial_of(search, b);
            repeats += caviar_distinct_has(&distinct, &other);
        }
        caviar_distinct_free(&distinct);
    }
    return repeats;
}

static int last_trials;

static int keep_trials(void *context, const caviar_search_progress *progress) {
    (void)context;
    last_trials = progress->trials;
    return 0;
}

Test(grid, a_search_trains_every_point_of_a_finite_space_once) {
    static const int32_t rounds[] = { 1, 2, 3, 7, 24 };
    make_space((const char *const[LINES]){ "optimizer=sgd,momentum", "momentum=0.5,0.9", "hidden_layers=0,1",
                                           "hidden_width=3,4", "batch_size=16" });
    options.trials = 24;
    options.epochs = 1;
    options.progress = keep_trials;
    for (int r = 0; r < 5; r++) {
        options.rounds = rounds[r];
        options.trials = r == 1 ? 0 : 24;
        caviar_search *search = make();
        SUCCEEDS(caviar_search_run(search));
        cr_expect_eq(caviar_search_trial_count(search), 9);
        cr_expect_eq(last_trials, 9);
        cr_expect_eq(repeats_of(search, 9), 0, "%d rounds", rounds[r]);
        cr_expect_eq(trial_of(search, 8).round, rounds[r] < 9 ? rounds[r] - 1 : 8);
        caviar_trial trial;
        REFUSES(caviar_search_get_trial(&trial, search, 9), CAVIAR_INVALID_ARGUMENT, "the search's 9 trials");
        caviar_search_destroy(search);
    }
}

/* Fewer trials than points: none is trained twice either, whatever the rounds narrow the box to. */
Test(grid, a_search_of_a_part_of_a_finite_space_repeats_nothing) {
    make_space((const char *const[LINES]){ "optimizer=adam", "learning_rate=0.001,0.01,0.1", "dropout=0,0.1,0.2,0.3",
                                           "hidden_layers=1", "hidden_width=2..4", "batch_size=16" });
    options.epochs = 1;
    for (uint64_t seed = 0; seed < 20; seed++) {
        options.seed = seed;
        options.rounds = 1 + (int32_t)seed % 5;
        options.trials = 20 + (int32_t)seed % 17;
        caviar_search *search = make();
        SUCCEEDS(caviar_search_run(search));
        cr_expect_eq(caviar_search_trial_count(search), options.trials);
        cr_expect_eq(repeats_of(search, options.trials), 0, "seed %d", (int)seed);
        caviar_search_destroy(search);
    }
}

/* A grid takes the points in their order, the first so many of them if there are fewer trials. */
Test(grid, a_grid_is_trained_in_order) {
    make_space((const char *const[LINES]){ "batch_size=16", "optimizer=sgd,momentum", "momentum=0.5,0.9",
                                           "hidden_layers=0", "learning_rate=0.1,0.2" });
    static const double rates[6] = { 0.1, 0.2, 0.1, 0.2, 0.1, 0.2 }, momenta[6] = { 0, 0, 0.5, 0.5, 0.9, 0.9 };
    SUCCEEDS(caviar_space_set_method(space, CAVIAR_GRID));
    options.epochs = 1;
    options.rounds = 1;
    for (int trials = 0; trials <= 4; trials += 4) {
        options.trials = trials;
        caviar_search *search = make();
        SUCCEEDS(caviar_search_run(search));
        cr_assert_eq(caviar_search_trial_count(search), trials ? trials : 6);
        for (int32_t i = 0; i < (trials ? trials : 6); i++) {
            const caviar_trial trial = trial_of(search, i);
            cr_expect(trial.round == 0 && trial.hyperparameters.learning_rate == rates[i]);
            cr_expect(i < 2 ? trial.hyperparameters.optimizer == CAVIAR_SGD
                            : trial.hyperparameters.momentum == momenta[i]);
        }
        caviar_search_destroy(search);
    }
    add("dropout=0..0.5"); /* which means nothing without hidden layers */
    caviar_search_destroy(make());
    add("weight_decay=0.1..0.5");
    caviar_search *search = NULL;
    REFUSES(caviar_search_create(&search, device, dataset, space, &options), CAVIAR_INVALID_ARGUMENT,
            "weight_decay has a continuous range, of which a grid cannot try every value");
}

/* A space without end may have cases that end: sgd, where only the momentum is a range. */
Test(grid, a_search_trains_the_finite_case_of_an_endless_space_once) {
    make_space((const char *const[LINES]){ "optimizer=sgd,momentum", "momentum=0.5..0.9", "hidden_layers=0",
                                           "batch_size=16" });
    options.epochs = 1;
    options.trials = 12;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    cr_expect_eq(caviar_search_trial_count(search), 12);
    cr_expect_eq(repeats_of(search, 12), 0);
    caviar_search_destroy(search);
}

Test(grid, a_finite_search_is_the_same_whatever_trains_beside_what) {
    make_space((const char *const[LINES]){ "optimizer=sgd,momentum,adam", "momentum=0.5,0.9", "hidden_layers=0,1",
                                           "hidden_width=3..5", "batch_size=16" });
    options.trials = 13;
    char *expected = trials_of("first");
    static const int32_t at_once[] = { 1, 3 };
    for (int i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "at-once-%d", i);
        options.models_at_once = at_once[i];
        char *again = trials_of(name);
        cr_expect_str_eq(again, expected);
        free(again);
    }
    options.seed++;
    char *other = trials_of("other");
    cr_expect_str_neq(other, expected);
    free(other);
    free(expected);
}
