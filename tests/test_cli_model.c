/* `caviar train` and `caviar predict`: the learning curve, the saved network, and what it says of examples. */
#include "command.h"

#include <math.h>

TestSuite(cli_model, .init = command_enter, .fini = command_leave, .timeout = 120);

#define TRAIN "train --data data.csv --test test.csv --epochs 6 --threads 1 --set batch_size=16 --set hidden_width=8 "

static void write_data(void) {
    write_examples("data.csv", 300, 11, 1);
    write_examples("test.csv", 90, 12, 1);
    write_examples("bare.csv", 90, 12, 0);
}

Test(cli_model, train_shows_a_learning_curve) {
    write_data();
    command_result text = command_run(TRAIN "--out model.safetensors --set schedule=cosine");
    assert_code(text, 0);
    cr_assert_str_empty(text.err);
    for (int epoch = 1; epoch <= 6; epoch++) {
        char row[16];
        snprintf(row, sizeof row, "\n%5d  ", epoch);
        assert_contains(text.out, row);
    }
    assert_contains(text.out, "saved as model.safetensors\n");
    command_result json = command_run(TRAIN "--json --set schedule=cosine --set learning_rate=0.01 --seed 3");
    assert_code(json, 0);
    json_t *document = parse_json(json.out);
    const json_t *epochs = json_object_get(document, "epochs");
    double loss[6], rate[6];
    cr_assert_eq(json_array_size(epochs), 6);
    for (size_t i = 0; i < 6; i++) {
        const json_t *row = json_array_get(epochs, i);
        loss[i] = json_number_value(json_object_get(json_object_get(row, "training"), "loss"));
        rate[i] = json_number_value(json_object_get(row, "learning_rate"));
        cr_assert_float_eq(rate[i], 0.01 * (1.0 + cos(3.14159265358979 * (double)i / 6.0)) / 2.0, 1e-12);
    }
    cr_assert_lt(loss[5], loss[0]);
    cr_assert_str_eq(json_string_value(json_object_get(document, "model")), "model-1.safetensors");
    cr_assert(file_exists("model-1.safetensors"));
    json_decref(document);

    command_result quiet = command_run(TRAIN "--overwrite --out model.safetensors --set schedule=cosine --quiet");
    assert_code(quiet, 0);
    cr_assert_eq(line_count(quiet.out), 1);
    cr_assert_eq(strncmp(quiet.out, "test accuracy ", 14), 0);
    assert_contains(text.out, quiet.out);
    command_free(&text);
    command_free(&json);
    command_free(&quiet);
}

Test(cli_model, train_says_that_it_diverged) {
    write_data();
    command_result result = command_run(TRAIN "--out model.safetensors --set optimizer=sgd --set batch_norm=false "
                                              "--set learning_rate=1e6");
    assert_code(result, 1);
    assert_contains(result.err, "not finite");
    cr_assert_not(file_exists("model.safetensors"));
    command_free(&result);
}

/* The accuracy that predict reports is the one that train measured, and every line says what the others say. */
Test(cli_model, predict_agrees_with_train) {
    write_data();
    command_result trained = command_run(TRAIN "--out model.safetensors --quiet");
    command_result csv = command_run("predict --model model.safetensors --data test.csv --probabilities");
    command_result json = command_run("predict --model model.safetensors --data test.csv --probabilities --json");
    command_result bare = command_run("predict --model model.safetensors --data bare.csv --label none");
    command_result file = command_run("predict --model model.safetensors --data bare.csv --label none --out classes");
    assert_code(trained, 0);
    assert_code(csv, 0);
    assert_code(json, 0);
    assert_code(bare, 0);
    assert_code(file, 0);
    double accuracy, reported;
    cr_assert_eq(sscanf(trained.out, "test accuracy %lf", &accuracy), 1);
    cr_assert_eq(sscanf(csv.err, "accuracy %lf: ", &reported), 1, "%s", csv.err);
    cr_assert_eq(accuracy, reported);
    cr_assert_str_empty(bare.err);
    cr_assert_str_empty(file.out);
    char *written = file_text("classes");
    cr_assert_str_eq(written, bare.out);
    cr_assert_not(file_exists("classes.partial"));

    json_t *document = parse_json(json.out);
    const json_t *predictions = json_object_get(document, "predictions");
    cr_assert_float_eq(json_number_value(json_object_get(document, "accuracy")), accuracy, 5.1e-5);
    cr_assert_eq(json_array_size(predictions), 90);
    cr_assert_eq(line_count(csv.out), 91);
    const char *line = csv.out, *bare_line = bare.out;
    static const char header[] = "example,class,probability,größer,low,middle\n";
    cr_assert_eq(strncmp(line, header, sizeof header - 1), 0, "%s", csv.out);
    static const char *const names[] = { "größer", "low", "middle" };
    for (int i = 0; i < 90; i++) {
        line = strchr(line, '\n') + 1;
        bare_line = strchr(bare_line, '\n') + 1;
        int example;
        char name[32];
        double of_class, p[3];
        cr_assert_eq(sscanf(line, "%d,%31[^,],%lf,%lf,%lf,%lf", &example, name, &of_class, &p[0], &p[1], &p[2]), 6);
        cr_assert_eq(example, i);
        cr_assert_float_eq(p[0] + p[1] + p[2], 1.0, 3e-6);
        int best = 0;
        for (int k = 1; k < 3; k++)
            if (p[k] > p[best]) best = k;
        cr_assert_eq(of_class, p[best]);
        cr_assert_str_eq(name, names[best]);
        const size_t common = (size_t)(strchr(strchr(strchr(line, ',') + 1, ',') + 1, ',') - line);
        cr_assert_eq(strncmp(line, bare_line, common), 0, "without labels it is another prediction");
        cr_assert_eq(bare_line[common], '\n');
        const json_t *one = json_array_get(predictions, (size_t)i);
        cr_assert_str_eq(json_string_value(json_object_get(one, "class")), name);
        cr_assert_float_eq(json_number_value(json_object_get(one, "probability")), of_class, 1e-6);
    }
    json_decref(document);
    free(written);
    command_free(&trained);
    command_free(&csv);
    command_free(&json);
    command_free(&bare);
    command_free(&file);
}

/* A file with only some of the classes numbers them otherwise; names still say which is right. */
Test(cli_model, predict_matches_classes_by_name) {
    write_data();
    cr_assert_eq(system("(head -1 test.csv; grep middle test.csv; grep low test.csv) >two.csv"), 0);
    command_result trained = command_run(TRAIN "--out model.safetensors --quiet");
    command_result all = command_run("predict --model model.safetensors --data test.csv --json");
    command_result two = command_run("predict --model model.safetensors --data two.csv");
    assert_code(trained, 0);
    assert_code(all, 0);
    assert_code(two, 0);
    json_t *document = parse_json(all.out);
    int right = 0; /* examples deal the classes in turn: low, middle, größer */
    for (size_t i = 0; i < 90; i++) {
        const json_t *one = json_array_get(json_object_get(document, "predictions"), i);
        const char *name = json_string_value(json_object_get(one, "class"));
        right += (i % 3 == 0 && !strcmp(name, "low")) || (i % 3 == 1 && !strcmp(name, "middle"));
    }
    char expected[64];
    snprintf(expected, sizeof expected, "accuracy %.4f: %d of 60 examples\n", right / 60.0, right);
    cr_assert_str_eq(two.err, expected);
    cr_assert_gt(right, 30);
    json_decref(document);
    command_free(&trained);
    command_free(&all);
    command_free(&two);
}

Test(cli_model, predict_refuses_other_data) {
    write_data();
    command_result trained = command_run(TRAIN "--out model.safetensors --quiet");
    assert_code(trained, 0);
    write_file("narrow.csv", "a,b\n1,2\n3,4\n");
    command_result narrow = command_run("predict --model model.safetensors --data narrow.csv");
    assert_code(narrow, 2);
    assert_contains(narrow.err, "narrow.csv: has no column \"");
    command_result part = command_run("predict --model model.safetensors --data test.csv --part test");
    assert_code(part, 2);
    assert_contains(part.err, "no test part");
    cr_assert_str_empty(part.out);
    command_result full = command_run("predict --model model.safetensors --data test.csv --out /dev/full/x");
    assert_code(full, 1);
    command_free(&trained);
    command_free(&narrow);
    command_free(&part);
    command_free(&full);
}
