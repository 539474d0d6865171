/* Searches end to end on small data: the same bytes again, what is found, ranking, bad arguments. */
#include "host/search/rank.h"
#include "search_fixture.h"

#include <math.h>

TestSuite(search, .init = enter, .fini = leave);

/* -------------------------------------------------------------------------------------------------------- the same
 * bytes */

Test(search, a_seed_gives_the_same_bytes_whatever_trains_beside_what) {
    char *expected = trials_of("first"), *again = trials_of("second");
    cr_expect_str_eq(again, expected, "the same search twice");
    free(again);
    static const int32_t at_once[] = { 1, 2, 100 };
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "at-once-%d", at_once[i]);
        options.models_at_once = at_once[i];
        again = trials_of(name);
        cr_expect_str_eq(again, expected, "%d at once", at_once[i]);
        free(again);
    }
    options.models_at_once = 0;
    caviar_device_close(device);
    SUCCEEDS(caviar_device_open(&device, "cpu", 2));
    again = trials_of("threads");
    cr_expect_str_eq(again, expected, "2 threads");
    free(again);
    options.seed++;
    again = trials_of("seed");
    cr_expect_str_neq(again, expected, "another seed");
    free(again);
    free(expected);
}

/* A trial's record says how to train it: alone, from its hyperparameters, it comes to the same metrics after as many
 * epochs, and to none that are better after fewer or more. */
Test(search, a_trial_trains_alone_to_the_same_bits) {
    int at_end = 0, before = 0;
    options.epochs = 4;
    for (int independent = 0; independent < 2; independent++) {
        options.independent_streams = independent;
        caviar_search *search = make();
        SUCCEEDS(caviar_search_run(search));
        for (int32_t number = 0; number < options.trials; number += 5) {
            const caviar_trial trial = trial_of(search, number);
            cr_expect_eq(trial.hyperparameters.stream, independent ? (uint32_t)number : 0u);
            caviar_population_options shape = CAVIAR_POPULATION_OPTIONS_INIT;
            shape.hidden_layers = trial.hidden_layers;
            memcpy(shape.hidden_width, trial.hidden_width, sizeof shape.hidden_width);
            shape.batch_norm = trial.batch_norm;
            shape.batch_size = trial.batch_size;
            shape.seed = options.seed;
            caviar_population *population;
            caviar_metrics training, validation;
            SUCCEEDS(caviar_population_create(&population, device, dataset, &shape));
            SUCCEEDS(caviar_population_start(population, 0, 1, &trial.hyperparameters));
            for (int epoch = 1; epoch <= options.epochs; epoch++) {
                SUCCEEDS(caviar_population_train(population, caviar_population_steps_per_epoch(population)));
                SUCCEEDS(caviar_population_training_metrics(&training, population));
                SUCCEEDS(caviar_population_evaluate(&validation, population, CAVIAR_VALIDATION));
                caviar_trial now = trial;
                now.validation = validation;
                if (epoch != trial.best_epoch) {
                    cr_expect_eq(caviar_trial_is_better(&now, &trial, options.metric), 0, "trial %d is better at %d",
                                 number, epoch);
                    continue;
                }
                at_end += epoch == options.epochs;
                before += epoch < options.epochs;
                cr_expect(same_metrics(validation, trial.validation), "trial %d: loss %.17g, not %.17g", number,
                          validation.loss, trial.validation.loss);
                cr_expect(same_metrics(training, trial.training), "trial %d, of training", number);
            }
            caviar_population_destroy(population);
        }
        caviar_search_destroy(search);
    }
    cr_expect(at_end > 1 && before > 1, "%d trials were best at their end, %d before", at_end, before);
}

/* ------------------------------------------------------------------------------------------------------------- results
 */

Test(search, finds_a_good_model_and_keeps_it) {
    for (int metric = 0; metric < 2; metric++) {
        options.metric = (caviar_metric)metric;
        caviar_search *search = make();
        const caviar_model *model = NULL;
        REFUSES(caviar_search_best_model(&model, search), CAVIAR_NOT_FOUND, "no trial has been measured");
        cr_expect_eq(caviar_search_trial_count(search), 0);
        caviar_trial trial;
        REFUSES(caviar_search_get_trial(&trial, search, 0), CAVIAR_NOT_FOUND, "trial 0 has not been sampled");
        SUCCEEDS(caviar_search_run(search));
        REFUSES(caviar_search_run(search), CAVIAR_INVALID_ARGUMENT, "has been run: create another");
        cr_assert_eq(caviar_search_trial_count(search), options.trials);

        int32_t ranking[18];
        SUCCEEDS(caviar_search_rank(ranking, 18, search));
        for (int i = 1; i < 18; i++) {
            const caviar_trial a = trial_of(search, ranking[i - 1]), b = trial_of(search, ranking[i]);
            cr_assert(metric == CAVIAR_VALIDATION_LOSS ? a.validation.loss <= b.validation.loss
                                                       : a.validation.accuracy >= b.validation.accuracy);
        }
        const caviar_trial best = trial_of(search, ranking[0]);
        cr_expect_gt(best.validation.accuracy, 0.6);
        caviar_metrics metrics;
        SUCCEEDS(caviar_search_best_model(&model, search));
        SUCCEEDS(caviar_model_evaluate(&metrics, model, device, dataset, CAVIAR_VALIDATION));
        cr_expect(same_metrics(metrics, best.validation), "loss %.17g, not %.17g", metrics.loss, best.validation.loss);
        for (int32_t i = 0; i < options.trials; i++) {
            const caviar_trial t = trial_of(search, i);
            cr_expect(t.number == i && t.round == i / 6 && t.epochs == options.epochs);
            cr_expect(t.state == CAVIAR_TRIAL_COMPLETE && t.validation.examples == 99);
            /* 7 minibatches of 33 and one example, of which batch norm has no variance. */
            cr_expect_eq(t.training.examples, t.batch_norm && t.batch_size == 33 ? 231 : 232);
        }
        caviar_search_destroy(search);
    }
}

/* Rounds take the whole space, then what the elite that did not diverge lets them. */
Test(search, later_rounds_keep_to_the_elite_and_diverged_trials_do_not_count) {
    caviar_space_destroy(space);
    SUCCEEDS(caviar_space_create(&space));
    add("learning_rate=1e-3..1e6");
    add("batch_norm=false");
    add("batch_size=16");
    add("optimizer=sgd");
    options.trials = 25;
    options.rounds = 2;
    options.epochs = 1;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    int32_t ranking[25], finite = 0, elite = 0, diverged = 0;
    double a = INFINITY, b = -INFINITY;
    SUCCEEDS(caviar_search_rank(ranking, 25, search));
    for (int i = 0; i < 25; i++) {
        const caviar_trial t = trial_of(search, ranking[i]);
        if (t.round == 0 && t.state == CAVIAR_TRIAL_COMPLETE) finite++;
        if (t.state == CAVIAR_TRIAL_DIVERGED)
            diverged++;
        else
            cr_assert_eq(diverged, 0, "a diverged trial is ranked before one that is not");
        cr_expect((t.state == CAVIAR_TRIAL_DIVERGED) == !isfinite(t.validation.loss));
    }
    cr_assert(diverged > 2 && finite > 4, "%d diverged, %d of round 0 did not", diverged, finite);
    for (int i = 0; i < 25 && elite < (finite + 3) / 4; i++) {
        const caviar_trial t = trial_of(search, ranking[i]);
        if (t.round != 0) continue;
        a = fmin(a, log10(t.hyperparameters.learning_rate));
        b = fmax(b, log10(t.hyperparameters.learning_rate));
        elite++;
    }
    const double margin = fmax((b - a) / 10, (9.0 / 4 - (b - a)) / 2);
    for (int i = 0; i < 25; i++) {
        const caviar_trial t = trial_of(search, i);
        const double r = log10(t.hyperparameters.learning_rate);
        cr_expect_eq(t.round, i >= 13);
        if (t.round == 1)
            cr_expect(r >= fmax(a - margin, -3) - 1e-9 && r <= b + margin + 1e-9, "10^%g is not in 10^[%g, %g]", r,
                      a - margin, b + margin);
    }
    caviar_search_destroy(search);
}

/* Weights that a decay of more than twice their size turns over grow slowly, until nothing is finite. */
Test(search, a_trial_that_diverges_counts_for_what_it_was) {
    caviar_space_destroy(space);
    SUCCEEDS(caviar_space_create(&space));
    add("learning_rate=0.021,0.001");
    add("optimizer=adamw");
    add("weight_decay=100");
    add("batch_norm=false");
    add("batch_size=16");
    add("epsilon=1e-8..1.1e-8"); /* so that the space does not end after two trials */
    options.trials = 12;
    options.rounds = 2;
    options.epochs = 40;
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    int32_t ranking[12], diverged = 0;
    SUCCEEDS(caviar_search_rank(ranking, 12, search));
    for (int i = 0; i < 12; i++) {
        const caviar_trial t = trial_of(search, ranking[i]);
        cr_expect_eq(t.state, t.hyperparameters.learning_rate == 0.021 ? CAVIAR_TRIAL_DIVERGED : CAVIAR_TRIAL_COMPLETE);
        cr_expect(t.epochs == 40 && isfinite(t.validation.loss), "trial %d: loss %g", t.number, t.validation.loss);
        if (t.state != CAVIAR_TRIAL_DIVERGED) continue;
        diverged++;
        cr_expect(t.best_epoch < 40);
        cr_expect_eq(t.round, 0, "trial %d was sampled like one that diverged", t.number);
    }
    cr_expect(diverged > 0 && diverged < 6, "%d of round 0 diverged", diverged);
    caviar_search_destroy(search);
}

Test(search, ranks_by_the_metric_then_the_other_then_the_number) {
    /* loss, accuracy, state */
    static const struct {
        double loss, accuracy;
        caviar_trial_state state;
    } rows[] = {
        { 0.5, 0.8, CAVIAR_TRIAL_COMPLETE },       { NAN, NAN, CAVIAR_TRIAL_DIVERGED },
        { 0.4, 0.8, CAVIAR_TRIAL_COMPLETE },       { 0.4, 0.9, CAVIAR_TRIAL_COMPLETE },
        { NAN, 1.0, CAVIAR_TRIAL_DIVERGED },       { 0.4, 0.8, CAVIAR_TRIAL_COMPLETE },
        { 0.1, 0.1, CAVIAR_TRIAL_PLANNED },        { 0.3, 0.7, CAVIAR_TRIAL_INTERRUPTED },
        { -INFINITY, 1.0, CAVIAR_TRIAL_DIVERGED }, { 9.0, 0.0, CAVIAR_TRIAL_COMPLETE },
        { 0.5, 0.85, CAVIAR_TRIAL_DIVERGED },      { 9.0, 0.6, CAVIAR_TRIAL_TRAINING },
    };
    enum { COUNT = sizeof rows / sizeof rows[0] };
    static const int32_t expected[2][COUNT - 1] = { { 3, 10, 2, 5, 0, 7, 11, 9, 1, 4, 8 },
                                                    { 7, 3, 2, 5, 10, 0, 11, 9, 1, 4, 8 } };
    caviar_trial trials[COUNT];
    for (int i = 0; i < COUNT; i++)
        trials[i] =
            (caviar_trial){ .number = i, .state = rows[i].state, .validation = { rows[i].loss, rows[i].accuracy, 10 } };
    for (int metric = 0; metric < 2; metric++) {
        int32_t numbers[COUNT], ranked;
        SUCCEEDS(caviar_rank(numbers, &ranked, trials, COUNT, (caviar_metric)metric));
        cr_assert_eq(ranked, COUNT - 1);
        for (int i = 0; i < ranked; i++)
            cr_expect_eq(numbers[i], expected[metric][i], "metric %d, place %d: trial %d", metric, i, numbers[i]);
        for (int i = 0; i < ranked; i++)
            for (int j = 0; j < ranked; j++)
                cr_expect_eq(caviar_trial_is_better(&trials[numbers[i]], &trials[numbers[j]], (caviar_metric)metric),
                             i < j);
    }
}

/* ------------------------------------------------------------------------------------------------------- bad arguments
 */

Test(search, refuses_bad_arguments) {
    caviar_search *search = NULL;
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    REFUSES(caviar_search_create(NULL, device, dataset, space, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, NULL, dataset, space, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, device, NULL, space, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, device, dataset, NULL, &options), bad, "NULL");
    REFUSES(caviar_search_create(&search, device, dataset, space, NULL), bad, "NULL");
    const caviar_search_options good = options;
#define REFUSES_OPTION(field, value, fragment)                                                                         \
    do {                                                                                                               \
        options = good;                                                                                                \
        options.field = (value);                                                                                       \
        REFUSES(caviar_search_create(&search, device, dataset, space, &options), bad, fragment);                       \
    } while (0)
    REFUSES_OPTION(struct_size, 0, "start from CAVIAR_SEARCH_OPTIONS_INIT");
    REFUSES_OPTION(trials, 0, "options.trials is 0, which stands for every point of the space, and that has too many");
    REFUSES_OPTION(trials, -1, "options.trials is -1");
    REFUSES_OPTION(epochs, 0, "options.epochs is 0");
    REFUSES_OPTION(rounds, 0, "options.rounds is 0");
    REFUSES_OPTION(rounds, 19, "must be from 1 to the number of trials, 18");
    REFUSES_OPTION(models_at_once, -1, "options.models_at_once is -1");
    REFUSES_OPTION(metric, (caviar_metric)2, "options.metric is 2");
    options = good;

    caviar_dataset *whole = make_blobs(50, 4, 2, 1, 1), *unlabelled;
    const float x[] = { 1, 2, 3 };
    REFUSES(caviar_search_create(&search, device, whole, space, &options), bad,
            "no validation part to compare trials on: call caviar_dataset_split");
    SUCCEEDS(caviar_dataset_split(whole, 0.5, 0, 1));
    REFUSES(caviar_search_create(&search, device, whole, space, &options), bad,
            "batch_size can be 33, and the training part has 25 examples");
    SUCCEEDS(caviar_dataset_create(&unlabelled, x, CAVIAR_FLOAT32, NULL, 3, 1, 0));
    REFUSES(caviar_search_create(&search, device, unlabelled, space, &options), bad, "has no labels");
    caviar_dataset_destroy(whole);
    caviar_dataset_destroy(unlabelled);

    cr_expect_null(search);
    REFUSES(caviar_search_run(NULL), bad, "NULL");
    search = make();
    char text[8] = "before";
    caviar_trial trial = { .number = 77 };
    int32_t numbers[2] = { 77, 77 };
    const caviar_model *model = NULL;
    REFUSES(caviar_search_get_trial(NULL, search, 0), bad, "NULL");
    REFUSES(caviar_search_get_trial(&trial, NULL, 0), bad, "NULL");
    REFUSES(caviar_search_get_trial(&trial, search, -1), bad, "trial -1 is not one of the search's 18 trials");
    REFUSES(caviar_search_get_trial(&trial, search, 18), bad, "trial 18");
    REFUSES(caviar_search_rank(NULL, 0, search), bad, "NULL");
    REFUSES(caviar_search_rank(numbers, 0, NULL), bad, "NULL");
    REFUSES(caviar_search_rank(numbers, -1, search), bad, "count is -1");
    REFUSES(caviar_search_rank(numbers, 1, search), bad, "count is 1, and 0 trials have been measured");
    SUCCEEDS(caviar_search_rank(numbers, 0, search));
    REFUSES(caviar_search_best_model(NULL, search), bad, "NULL");
    REFUSES(caviar_search_best_model(&model, NULL), bad, "NULL");
    REFUSES(caviar_search_get_value(text, 8, search, 0, 0), CAVIAR_NOT_FOUND, "has not been sampled");
    SUCCEEDS(caviar_search_run(search));
    REFUSES(caviar_search_get_value(NULL, 8, search, 0, 0), bad, "NULL");
    REFUSES(caviar_search_get_value(text, 0, search, 0, 0), bad, "size is 0");
    REFUSES(caviar_search_get_value(text, 8, NULL, 0, 0), bad, "NULL");
    REFUSES(caviar_search_get_value(text, 8, search, 18, 0), bad, "trial 18");
    REFUSES(caviar_search_get_value(text, 8, search, 0, 8), bad, "parameter 8 is not one of the space's 8");
    REFUSES(caviar_search_get_value(text, 8, search, 0, -1), bad, "parameter -1");
    cr_expect(strcmp(text, "before") == 0 && trial.number == 77 && numbers[0] == 77 && model == NULL);
    SUCCEEDS(caviar_search_get_value(text, 3, search, 0, 5)); /* "true" or "false" */
    cr_expect(strcmp(text, "tr") == 0 || strcmp(text, "fa") == 0);
    cr_expect_eq(caviar_search_trial_count(NULL), 0);
    caviar_search_destroy(search);
    caviar_search_destroy(NULL);
}
