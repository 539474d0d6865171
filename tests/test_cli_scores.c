/* Which epoch `caviar train` keeps, and what it and `caviar search` say of the test part beside the accuracy. */
#include "command.h"

#include <math.h>

TestSuite(cli_scores, .init = command_enter, .fini = command_leave, .timeout = 120);

#define TRAIN "train --data data.csv --test test.csv --threads 1 --set batch_size=16 --set hidden_width=8 "

static void write_data(void) {
    write_examples("data.csv", 120, 11, 1);
    write_examples("test.csv", 90, 12, 1);
}

static double validation(const json_t *epochs, size_t i, const char *what) {
    return number_in(json_object_get(json_array_get(epochs, i), "validation"), what);
}

/* A rate this large makes accuracies go up and down. */
Test(cli_scores, train_keeps_its_best_epoch) {
    write_data();
    command_result best = command_run(TRAIN "--epochs 12 --set learning_rate=0.3 --seed 4 --json --out best");
    assert_code(best, 0);
    json_t *document = parse_json(best.out);
    const json_t *epochs = json_object_get(document, "epochs");
    size_t expected = 0;
    for (size_t i = 1; i < 12; i++) {
        const double gain = validation(epochs, i, "accuracy") - validation(epochs, expected, "accuracy");
        if (gain > 0 || (gain == 0 && validation(epochs, i, "loss") < validation(epochs, expected, "loss")))
            expected = i;
    }
    cr_assert_eq(number_in(document, "kept_epoch"), (double)expected + 1);
    cr_assert_lt(expected, 11, "this data shows nothing: its last epoch is the best");

    /* The network is the one that training so many epochs leaves; a constant rate does not know how many there are. */
    command_result shorter = command_run(TRAIN "--epochs %zu --set learning_rate=0.3 --seed 4 --keep last --quiet "
                                               "--out shorter",
                                         expected + 1);
    command_result last = command_run(TRAIN "--epochs 12 --set learning_rate=0.3 --seed 4 --keep last --quiet "
                                            "--out last");
    assert_code(shorter, 0);
    assert_code(last, 0);
    cr_assert_eq(system("cmp -s best shorter"), 0);
    cr_assert_neq(system("cmp -s best last"), 0);
    json_decref(document);
    command_free(&best);
    command_free(&shorter);
    command_free(&last);
}

Test(cli_scores, the_confusion_matrix_adds_up) {
    write_data();
    command_result result = command_run(TRAIN "--epochs 3 --json");
    command_result text = command_run(TRAIN "--epochs 3 --out model");
    assert_code(result, 0);
    json_t *document = parse_json(result.out);
    const json_t *test = json_object_get(document, "test"), *confusion = json_object_get(test, "confusion");
    int total = 0, right = 0;
    double recalls = 0;
    for (size_t row = 0; row < 3; row++) {
        int sum = 0;
        for (size_t c = 0; c < 3; c++) {
            const int count = (int)json_integer_value(json_array_get(json_array_get(confusion, row), c));
            sum += count;
            if (row == c) right += count, recalls += count / 30.0;
        }
        cr_assert_eq(sum, 30, "the test part has 30 examples of each class");
        total += sum;
    }
    cr_assert_float_eq(number_in(test, "accuracy"), (double)right / total, 1e-12);
    cr_assert_float_eq(number_in(test, "balanced_accuracy"), recalls / 3, 1e-12);
    cr_assert_float_eq(number_in(test, "log_loss"), number_in(test, "loss"), 1e-5);
    cr_assert(number_in(test, "auc") > 0.5 && number_in(test, "auc") <= 1);
    cr_assert_eq(json_array_size(json_object_get(test, "classes")), 3);
    assert_contains(text.out, "\nbalanced accuracy ");
    assert_contains(text.out, "größer");
    cr_assert_eq(strncmp(last_line(text.out), "test accuracy ", 14), 0);
    json_decref(document);
    command_free(&result);
    command_free(&text);
}

/* The winner's network, trained as train would train it on both parts: with as many examples and epochs. */
Test(cli_scores, refit_trains_on_both_parts) {
    write_data();
    command_result found = command_run("search --data data.csv --test test.csv --threads 1 --trials 3 --epochs 4 "
                                       "--rounds 1 --seed 2 --set schedule=constant --set hidden_width=8 "
                                       "--set batch_size=16 --refit --out found --json");
    assert_code(found, 0);
    json_t *document = parse_json(found.out);
    cr_assert_str_eq(json_string_value(json_object_get(document, "refit")), "found/refit.safetensors");
    command_result refit = command_run("predict --model found/refit.safetensors --data test.csv --json");
    assert_code(refit, 0);
    json_t *predicted = parse_json(refit.out);
    cr_assert_float_eq(number_in(predicted, "accuracy"), number_in(json_object_get(document, "test"), "accuracy"),
                       1e-12);
    cr_assert_neq(system("cmp -s found/best.safetensors found/refit.safetensors"), 0);
    json_decref(predicted);
    json_decref(document);
    command_free(&refit);
    command_free(&found);
}
