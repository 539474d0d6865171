/* Columns, labels and parts of data as people have them, from `caviar train` to `caviar predict`. */
#include "command.h"

#include <math.h>

TestSuite(cli_columns, .init = command_enter, .fini = command_leave, .timeout = 120);

#define DATA CAVIAR_TEST_DATA "/"

static void train(const char *arguments) {
    command_result result = command_run("train --threads 1 --quiet --overwrite %s", arguments);
    assert_code(result, 0);
    command_free(&result);
}

/* The accuracy that predict says; NaN: it says none. */
static double accuracy_of(const command_result *result) {
    const char *at = strstr(result->err, "accuracy ");
    return at && at[9] >= '0' && at[9] <= '9' ? atof(at + 9) : (double)NAN;
}

static double predict(const char *arguments, int code) {
    command_result result = command_run("predict --threads 1 --out predicted.csv %s", arguments);
    assert_code(result, code);
    const double accuracy = accuracy_of(&result);
    command_free(&result);
    return accuracy;
}

Test(cli_columns, are_found_whatever_their_order) {
    train("--data " DATA "order_train.csv --epochs 30 --out m");
    const double same = predict("--model m --data " DATA "order_train.csv", 0);
    char *expected = file_text("predicted.csv");
    cr_assert_eq(line_count(expected), 301);
    cr_assert_gt(same, 0.95);
    cr_assert_eq(predict("--model m --data " DATA "order_new.csv", 0), same);
    char *predicted = file_text("predicted.csv");
    cr_assert_str_eq(predicted, expected);
    free(expected);
    free(predicted);

    /* As a test part, too. */
    command_result result =
        command_run("train --data " DATA "order_train.csv --test " DATA "order_new.csv --epochs 30 --quiet");
    assert_code(result, 0);
    cr_assert_gt(atof(strrchr(result.out, ' ')), 0.95);
    command_free(&result);
    /* A column that is not there is named. */
    write_file("narrow.csv", "a,b,d,label\n1,2,3,0\n4,5,6,1\n");
    result = command_run("predict --model m --data narrow.csv");
    assert_code(result, 2);
    assert_contains(result.err, "narrow.csv: has no column \"c\"");
    command_free(&result);
    result = command_run("train --data " DATA "order_train.csv --validation narrow.csv");
    assert_code(result, 2);
    assert_contains(result.err, "narrow.csv: has no column \"c\"");
    command_free(&result);
}

Test(cli_columns, labels_are_compared_as_numbers) {
    train("--data " DATA "lab_int.csv --epochs 30 --out m");
    const double same = predict("--model m --data " DATA "lab_int.csv", 0);
    cr_assert_gt(same, 0.95);
    cr_assert_eq(predict("--model m --data " DATA "lab_float.csv", 0), same);
    command_result result = command_run("train --data " DATA "lab_mix.csv --epochs 1");
    assert_code(result, 0);
    assert_contains(result.out, "4 features, 3 classes");
    command_free(&result);
}

/* A file without the label gets predictions and no accuracy; an id that the network never saw is left alone. */
Test(cli_columns, data_without_labels_is_classified) {
    train("--data " DATA "kaggle_train.csv --epochs 30 --out m");
    command_result result = command_run("predict --model m --data " DATA "kaggle_test.csv --json");
    assert_code(result, 0);
    assert_contains(result.err, "kaggle_test.csv: column \"id\" is not asked for and left alone");
    cr_assert_null(strstr(result.err, "accuracy"));
    json_t *document = parse_json(result.out);
    cr_assert(json_is_null(json_object_get(document, "accuracy")));
    cr_assert_eq(json_array_size(json_object_get(document, "predictions")), 100);
    /* What it says is what it says of the four columns alone. */
    cr_assert_eq(system("cut -d, -f2-5 " DATA "kaggle_test.csv >four.csv"), 0);
    command_result four = command_run("predict --model m --data four.csv --json");
    assert_code(four, 0);
    json_t *same = parse_json(four.out);
    cr_assert(json_equal(json_object_get(document, "predictions"), json_object_get(same, "predictions")));
    json_decref(document);
    json_decref(same);
    command_free(&result);
    command_free(&four);

    /* Without a header the number of columns says whether the label is there. */
    cr_assert_eq(system("tail -n +2 " DATA "kaggle_train.csv >all.csv; cut -d, -f1-4 all.csv >bare.csv"), 0);
    train("--data all.csv --epochs 30 --out m");
    cr_assert_gt(predict("--model m --data all.csv", 0), 0.9);
    char *labelled = file_text("predicted.csv");
    cr_assert(isnan(predict("--model m --data bare.csv", 0)));
    char *bare = file_text("predicted.csv");
    cr_assert_str_eq(bare, labelled);
    free(labelled);
    free(bare);
}

/* The class hangs on seconds of half a century: their differences are kept. */
Test(cli_columns, times_are_as_good_as_other_numbers) {
    train("--data " DATA "timestamp.csv --epochs 30 --out m");
    cr_assert_eq(predict("--model m --data " DATA "timestamp.csv", 0), 1);
    /* A file of its own has an origin of its own, which the network's takes the place of. */
    write_file("day.csv", "time\n1700000010\n1700000012\n");
    write_file("night.csv", "time\n1700000040\n1700000042\n");
    cr_assert(isnan(predict("--model m --data day.csv", 0)));
    char *day = file_text("predicted.csv");
    cr_assert(isnan(predict("--model m --data night.csv", 0)));
    char *night = file_text("predicted.csv");
    cr_assert_str_neq(day, night);
    free(day);
    free(night);
    write_file("ids.csv", "id,label\n16777217,a\n16777216,b\n33554433,a\n1,b\n5,a\n9,b\n");
    command_result result = command_run("train --data ids.csv --epochs 1 --validation 0 --test-fraction 0 --set "
                                        "batch_size=2");
    assert_code(result, 0);
    assert_contains(result.err, "column \"id\": its numbers become 32-bit floats, which make 1 of 6 different ones "
                                "equal");
    command_free(&result);
}

/* Labels that the network does not know are named and counted apart, not taken for its errors. */
Test(cli_columns, unknown_labels_are_no_errors) {
    write_examples("data.csv", 300, 11, 1);
    write_examples("test.csv", 90, 12, 1);
    cr_assert_eq(system("sed 's/middle/centre/' test.csv >renamed.csv; sed 's/low/L/;s/middle/M/;s/größer/G/' test.csv "
                        ">other.csv"),
                 0);
    train("--data data.csv --test test.csv --epochs 20 --out m");
    command_result all = command_run("predict --model m --data test.csv --json");
    command_result some = command_run("predict --model m --data renamed.csv --json");
    command_result none = command_run("predict --model m --data other.csv --json");
    assert_code(all, 0);
    assert_code(some, 0);
    assert_code(none, 0);
    assert_contains(some.err, "30 examples have a label that the model does not know: \"centre\" (30); the accuracy is "
                              "of the others\n");
    assert_contains(some.err, " of 60 examples\n");
    assert_contains(none.err, "90 examples have a label that the model does not know: \"G\" (30), \"L\" (30), \"M\" "
                              "(30); so there is no accuracy\n");
    cr_assert(isnan(accuracy_of(&none)));
    json_t *document = parse_json(some.out), *other = parse_json(none.out), *whole = parse_json(all.out);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(document, "unknown_labels"), "centre")), 30);
    cr_assert_eq(json_object_size(json_object_get(document, "unknown_labels")), 1);
    cr_assert_eq(json_object_size(json_object_get(whole, "unknown_labels")), 0);
    cr_assert(json_is_null(json_object_get(other, "accuracy")));
    cr_assert(json_equal(json_object_get(document, "predictions"), json_object_get(whole, "predictions")));
    json_decref(document);
    json_decref(other);
    json_decref(whole);
    command_free(&all);
    command_free(&some);
    command_free(&none);
}

Test(cli_columns, implausible_labels_are_refused) {
    command_result result = command_run("train --data " DATA "continuous.csv");
    assert_code(result, 2);
    assert_contains(result.err,
                    "296 different numbers with decimals in 300 examples: this looks like a regression target");
    command_free(&result);
    train("--data " DATA "continuous.csv --epochs 1 --as-is"); /* somebody may mean it */
}

/* Class d occurs twice: it can be learnt with every seed, and that parts lack it is said. */
Test(cli_columns, rare_classes_are_said) {
    command_result result = command_run("train --data " DATA "rare.csv --epochs 1");
    assert_code(result, 0);
    assert_contains(result.err, "caviar train: note: the test part has no example of class \"d\"");
    cr_assert_null(strstr(result.err, "cannot be learnt"));
    command_free(&result);
}

Test(cli_columns, parts_are_fractions_files_or_nothing) {
    write_examples("data.csv", 300, 11, 1);
    write_examples("test.csv", 90, 12, 1);
    command_result given = command_run("train --data data.csv --validation test.csv --epochs 2");
    command_result without = command_run("train --data data.csv --validation 0 --test-fraction 0 --epochs 2");
    command_result json = command_run("train --data data.csv --validation 0 --test-fraction 0.1 --epochs 2 --json");
    command_result search = command_run(
        "search --data data.csv --validation test.csv --test-fraction 0 --trials 2 --epochs 1 --out s --json");
    assert_code(given, 0);
    assert_code(without, 0);
    assert_code(json, 0);
    assert_code(search, 0);
    assert_contains(given.out, "255 training, 90 validation, 45 test examples");
    assert_contains(without.out, "300 training, 0 validation, 0 test examples");
    assert_contains(without.out, "           -           -");
    cr_assert_null(strstr(without.out, "test accuracy"));
    cr_assert_null(strstr(without.out, "nan"));
    json_t *document = parse_json(json.out), *found = parse_json(search.out);
    const json_t *validation = json_object_get(json_array_get(json_object_get(document, "epochs"), 1), "validation");
    cr_assert(json_is_null(json_object_get(validation, "accuracy")));
    cr_assert(json_is_null(json_object_get(found, "test")));
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(found, "options"), "validation")), "test.csv");
    json_decref(document);
    json_decref(found);
    command_free(&given);
    command_free(&without);
    command_free(&json);
    command_free(&search);
}

/* What is only classified may have few examples of many classes, in any form. */
Test(cli_columns, few_labelled_examples_are_enough_to_classify) {
    char header[128], text[4096], *to = text;
    const float x[25] = { 0, 1, 2, 3, 4 };
    int64_t y[25];
    for (int i = 0; i < 200; i++) to += sprintf(to, "%d,%d\n", i % 2, i % 2);
    write_file("data.csv", text);
    train("--data data.csv --epochs 1 --out m");
    for (int i = 0; i < 25; i++) y[i] = i;
    const struct {
        const char *name, *type, *shape;
        const void *data;
        size_t size;
    } arrays[2] = { { "x.npy", "<f4", "(25, 1)", x, sizeof x }, { "y.npy", "<i8", "(25,)", y, sizeof y } };
    for (int i = 0; i < 2; i++) {
        const int length = sprintf(header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", arrays[i].type,
                                   arrays[i].shape);
        FILE *file = fopen(arrays[i].name, "wb");
        cr_assert(file && fwrite("\x93NUMPY\1\0", 1, 8, file) == 8);
        fputc(length, file);
        fputc(0, file);
        fputs(header, file);
        cr_assert(fwrite(arrays[i].data, 1, arrays[i].size, file) == arrays[i].size && fclose(file) == 0);
    }
    command_result result = command_run("predict --model m --data x.npy,y.npy");
    assert_code(result, 0);
    assert_contains(result.err, "23 examples have a label that the model does not know");
    command_free(&result);
    result = command_run("train --data x.npy,y.npy");
    assert_code(result, 2);
    assert_contains(result.err, "25 different values in 25 examples");
    command_free(&result);
}

/* A table of people, from CSV to predictions with no option but the data: words, gaps and texts as they come. */
static void write_people(const char *path, int first, int count, int labelled) {
    static const char *const decks[] = { "A", "B", "C", "" };
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fprintf(file, labelled ? "age,alone,sex,deck,survived\n" : "deck,sex,name,alone,age\n");
    for (int i = first; i < first + count; i++) {
        char age[16] = "";
        const int female = i * 7 % 11 < 5;
        if (i % 5) snprintf(age, sizeof age, "%d.5", i * 13 % 70);
        const char *alone = i % 3 ? "True" : "False", *sex = female ? "female" : "male", *deck = decks[i % 4];
        if (labelled)
            fprintf(file, "%s,%s,%s,%s,%s\n", age, alone, sex, deck, female ? "yes" : "no");
        else
            fprintf(file, "%s,%s,\"Person, %d\",%s,%s\n", deck, sex, i, alone, age);
    }
    cr_assert_eq(fclose(file), 0);
}

Test(cli_columns, tables_of_people_need_no_preparation) {
    write_people("train.csv", 0, 300, 1);
    write_people("new.csv", 300, 60, 0);
    command_result trained = command_run("train --data train.csv --epochs 20 --out m --threads 1");
    assert_code(trained, 0);
    assert_contains(trained.err, "note: column \"age\": 60 of 300 cells are missing: the median of the training part");
    assert_contains(trained.err, "note: column \"sex\" holds text: a feature for each of its 2 texts");
    assert_contains(trained.out, "11 features, 2 classes");
    command_result result = command_run("predict --model m --data new.csv --json");
    assert_code(result, 0);
    assert_contains(result.err, "column \"name\" is not asked for and left alone");
    json_t *document = parse_json(result.out);
    const json_t *predictions = json_object_get(document, "predictions");
    cr_assert_eq(json_array_size(predictions), 60);
    for (size_t i = 0; i < 60; i++) {
        const char *class = json_string_value(json_object_get(json_array_get(predictions, i), "class"));
        cr_assert_str_eq(class, (300 + i) * 7 % 11 < 5 ? "yes" : "no");
    }
    json_decref(document);
    command_free(&trained);
    command_free(&result);

    /* To learn from, a column of names is no help. */
    write_people("names.csv", 0, 300, 0);
    result = command_run("train --data names.csv --label sex");
    assert_code(result, 2);
    assert_contains(result.err, "column \"name\" (number 2, from 0) has 300 different texts");
    command_free(&result);
}
