/* caviar-bench as its users run it: the suite on tiny sizes, and searches until they have what they are after. */
#include "command.h"
#include "host/data/dataset.h"
#include "host/search/trial.h"

#include <caviar/ops.h>

/* -------------------------------------------------------------------------------------------------------- the program
 */

TestSuite(bench_program, .init = command_enter, .fini = command_leave);

#define TINY "--trial --device cpu --threads 1 --models 2 --width 8 --batch 6 --inputs 12 --classes 3 "

Test(bench_program, measures_every_operation_product_and_step) {
    command_result r = command_run(TINY "--format json --record tiny --results .");
    assert_code(r, 0);
    json_t *document = parse_json(r.out);
    const json_t *list = json_object_get(document, "rows");
    char *names = calloc(1, 65536);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(row, "name"));
        strcat(strcat(names, name), "\n");
        cr_expect_str_eq(json_string_value(json_object_get(row, "verdict")), "ok", "%s", name);
        cr_expect_gt(number_in(json_object_get(row, "warm"), "median"), 0, "%s", name);
        cr_expect_gt(number_in(row, "compared"), 0, "%s", name);
        cr_expect_gt(number_in(row, "floor"), 0, "%s", name);
    }
#define EXPECT_OP(op_name) assert_contains(names, "kernel/" #op_name);
    CAVIAR_FOR_EACH_OP(EXPECT_OP)
    assert_contains(names, "product/A.1.forward.fp32 models=2 width=8 batch=6 inputs=12");
    assert_contains(names, "product/C.3.input_gradient.fp32 models=2 width=12 batch=6 inputs=8");
    assert_contains(names, "step/A models=2 width=8 batch=6 inputs=12");
    assert_contains(names, "step/sweep");
    cr_expect(json_is_true(json_object_get(document, "trial")));
    cr_expect_gt(number_in(json_object_get(document, "limits"), "copy_bytes_per_second"), 0);
    cr_expect_gt(number_in(json_object_get(document, "limits"), "fp32_operations_per_second"), 0);
    const json_t *header = json_object_get(document, "header");
    const char *slug = json_string_value(json_object_get(json_object_get(header, "device"), "slug"));
    cr_expect(strncmp(slug, "cpu-", 4) == 0 && strlen(slug) > 4 && slug[strlen(slug) - 1] != '-' &&
                  slug[strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0',
              "%s", slug);
    char path[128];
    snprintf(path, sizeof path, "%.10s-%s-tiny.json", json_string_value(json_object_get(header, "date")), slug);
    cr_expect(file_exists(path), "there is no %s", path);
    cr_expect_str_neq(json_string_value(json_object_get(json_object_get(header, "build"), "compiler")), "");
    free(names);
    json_decref(document);
    command_free(&r);
}

Test(bench_program, lists_and_filters) {
    command_result r = command_run("--list --device cuda:0 --filter 'A.2.*tf32'");
    assert_code(r, 0);
    cr_expect_str_eq(r.out, "product/A.2.forward.tf32 models=1024 width=64 batch=128 inputs=64\n"
                            "product/A.2.weight_gradient.tf32 models=1024 width=64 batch=128 inputs=64\n"
                            "product/A.2.input_gradient.tf32 models=1024 width=64 batch=128 inputs=64\n");
    command_free(&r);
    r = command_run("--list --device cpu --models 1..4*2 --filter kernel/schedule,kernel/adv");
    cr_expect_str_eq(r.out, "kernel/advance\nkernel/schedule models=1\nkernel/schedule models=2\n"
                            "kernel/schedule models=4\n");
    command_free(&r);
}

Test(bench_program, refuses_what_it_cannot_do) {
    static const struct {
        const char *arguments, *says;
        int code;
    } bad[] = { { "--filter nothing", "--filter nothing matches no case", 2 },
                { "--models 3..1", "--models: \"3..1\" has a range that ends before it begins", 2 },
                { "--windows 29", "--windows must be a whole number from 30", 2 },
                { "--device abacus", "abacus", 1 },
                { "--formt csv", "--format", 2 },
                { "--out missing/file", "cannot write missing/file", 1 },
                { "--record all --results missing", "cannot write records into missing", 1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        command_result r = command_run("%s", bad[i].arguments);
        assert_code(r, bad[i].code);
        assert_contains(r.err, bad[i].says);
        command_free(&r);
    }
}

Test(bench_program, a_case_beyond_its_budget_is_skipped_and_nothing_measured_fails) {
    command_result r = command_run("--trial --device cpu --threads 1 --budget 0.000001 --models 256 --filter step/B");
    assert_code(r, 1);
    assert_contains(r.out, "skipped: the budget is spent");
    assert_contains(r.err, "nothing was measured");
    command_free(&r);
}

/*
 * The step would take minutes, and its population seconds to make: it is known before. By one thread: where others
 * compute, two that wait for each other can need the budget for the ceilings alone.
 */
Test(bench_program, a_case_beyond_its_share_is_skipped_before_it_is_made) {
    command_result r = command_run("--trial --device cpu --threads 1 --budget 3 --models 100 --batch 4096 "
                                   "--filter kernel/advance,step/C");
    assert_code(r, 0);
    assert_contains(r.out, "s or more, this case's share of the budget is");
    command_free(&r);
}

Test(bench_program, a_case_beyond_memory_is_skipped) {
    command_result r = command_run(
        "--trial --device cpu --threads 1 --models 2000000000 --batch 1000000 --filter kernel/metrics,advance");
    assert_code(r, 0);
    assert_contains(r.out, "skipped: needs 16000");
    command_free(&r);
}

/* ---------------------------------------------------------------------------------------------------- time to quality
 */

/* A search on three blobs, too small to be right about all of them. */
#define QUALITY "quality --data blobs.csv --device cpu --threads 1 --validation 0.4 --epochs 2 --seed 3 "

static json_t *quality_of(const char *options) {
    write_examples("blobs.csv", 300, 1, 1);
    command_result r = command_run(QUALITY "%s", options);
    assert_code(r, 0);
    json_t *document = parse_json(r.out);
    command_free(&r);
    return document;
}

static const json_t *target_at(const json_t *document, size_t index) {
    return json_array_get(json_object_get(document, "targets"), index);
}

Test(bench_program, tells_when_a_search_reached_its_targets) {
    json_t *document = quality_of("--trials 12 --rounds 3 --models-at-once 2 --targets 0.01,1");
    cr_expect_eq(number_in(document, "training"), 180);
    cr_expect_eq(number_in(document, "validation"), 120);
    cr_expect_eq(number_in(document, "model_epochs"), 24, "what is never reached does not end the search");
    cr_expect_eq(number_in(document, "trials_done"), 12);
    const json_t *first = target_at(document, 0), *never = target_at(document, 1);
    cr_expect_eq(number_in(first, "accuracy"), 0.01);
    cr_expect_eq(number_in(first, "model_epochs"), 2, "an epoch of the first two trials is enough");
    cr_expect(number_in(first, "seconds") > 0 && number_in(first, "seconds") < number_in(document, "seconds"));
    cr_expect(json_is_null(json_object_get(never, "seconds")) && json_is_null(json_object_get(never, "model_epochs")));

    const json_t *course = json_object_get(document, "course");
    double accuracy = 0, epochs = 0;
    for (size_t i = 0; i < json_array_size(course); i++) {
        const json_t *at = json_array_get(course, i);
        cr_expect_gt(number_in(at, "accuracy"), accuracy);
        cr_expect_gt(number_in(at, "model_epochs"), epochs);
        accuracy = number_in(at, "accuracy");
        epochs = number_in(at, "model_epochs");
    }
    cr_expect_gt(json_array_size(course), 1, "the search never found a better trial");
    json_decref(document);
}

Test(bench_program, a_search_ends_with_its_highest_target_or_its_limit) {
    json_t *document = quality_of("--trials 12 --rounds 1 --models-at-once 3 --targets 0.02,0.01");
    cr_expect_eq(number_in(document, "model_epochs"), 3);
    cr_expect_eq(number_in(target_at(document, 1), "model_epochs"), 3);
    json_decref(document);
    document = quality_of("--trials 100000 --models-at-once 1 --targets 0.01 --limit 0.000001");
    cr_expect_lt(number_in(document, "trials_done"), 2);
    cr_expect(json_is_null(json_object_get(target_at(document, 0), "seconds")), "what comes after the limit counts");
    json_decref(document);
}

Test(bench_program, tells_which_examples_a_search_validates_on) {
    json_t *document = quality_of("--split"), *list = json_object_get(document, "validation");
    caviar_dataset *dataset = NULL;
    cr_assert_eq(caviar_dataset_load(&dataset, "blobs.csv", NULL), CAVIAR_OK);
    cr_assert_eq(caviar_dataset_split(dataset, 0.4, 0, 3), CAVIAR_OK);
    cr_expect_eq(number_in(document, "training"), 180);
    cr_assert_eq(json_array_size(list), 120);
    for (size_t i = 0; i < 120; i++)
        cr_expect_eq(json_integer_value(json_array_get(list, i)), dataset->part[CAVIAR_VALIDATION][i]);
    caviar_dataset_destroy(dataset);
    json_decref(document);
}

Test(bench_program, quality_refuses_what_it_cannot_do) {
    static const struct {
        const char *arguments, *says;
        int code;
    } bad[] = { { "--targets 0.5,abc", "--targets: \"abc\" is no accuracy", 2 },
                { "--targets 1.5", "--targets: \"1.5\" is no accuracy", 2 },
                { "--targets 0.5,", "--targets: \"\" is no accuracy", 2 },
                { "--targets 0", "--targets: \"0\" is no accuracy", 2 },
                { "--targets .1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1", "--targets takes 16 accuracies", 2 },
                { "--trials 0", "--trials must be a whole number from 1", 2 },
                { "--sede 1", "--seed", 2 },
                { "--data missing.csv", "missing.csv", 1 },
                { "--space missing.yaml", "missing.yaml", 1 },
                { "--trials 2 --rounds 3", "options.rounds is 3", 1 } };
    write_examples("blobs.csv", 60, 1, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        command_result r = command_run("quality --data blobs.csv --epochs 1 --limit 1 %s", bad[i].arguments);
        assert_code(r, bad[i].code);
        assert_contains(r.err, bad[i].says);
        command_free(&r);
    }
}

/* bench/peers/quality_space.yaml is the default space first, then what that leaves to other defaults. */
Test(bench_program, the_space_of_the_peers_is_the_default_one) {
    caviar_space *space = NULL, *standard = NULL;
    cr_assert_eq(caviar_space_load(&space, BENCH_PEERS "/quality_space.yaml"), CAVIAR_OK, "%s", caviar_last_error());
    cr_assert_eq(caviar_space_create_default(&standard), CAVIAR_OK);
    cr_assert_eq(space->size, standard->size + 3);
    for (int32_t i = 0; i < standard->size; i++) {
        const caviar_space_parameter *a = &space->parameters[i], *b = &standard->parameters[i];
        cr_expect_eq(a->hyperparameter, b->hyperparameter, "%s stands for %s", a->hyperparameter->name,
                     b->hyperparameter->name);
        cr_expect(a->distribution == b->distribution && a->minimum == b->minimum && a->maximum == b->maximum &&
                      a->quantum == b->quantum && a->count == b->count &&
                      !memcmp(a->values, b->values, (size_t)a->count * sizeof *a->values),
                  "%s differs", a->hyperparameter->name);
    }
    const caviar_trial plain = caviar_trial_make(standard, (double[CAVIAR_HYPERPARAMETER_COUNT]){ 0 }, 54000, 0, 0, 10);
    cr_expect_eq(caviar_space_find(space, "batch_size")->values[0], plain.batch_size);
    cr_expect_eq(caviar_space_find(space, "batch_norm")->values[0], plain.batch_norm);
    cr_expect_eq(caviar_space_find(space, "hidden_layers")->values[0], plain.hidden_layers);
    caviar_space_destroy(space);
    caviar_space_destroy(standard);
}
