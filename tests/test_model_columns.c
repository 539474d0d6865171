/* Models know their columns and classes by name: in their files, and in whatever data they meet. */
#include "host/population/model.h"
#include "host/population/population.h"
#include "tables.h"

TestSuite(model_columns, .init = make_folder, .fini = remove_folder);

static caviar_device *device(void) {
    caviar_device *d = NULL;
    SUCCEEDS(caviar_device_open(&d, "cpu", 1));
    return d;
}

/* A model of a few steps; what it says is not the matter here, but that it says the same. */
static caviar_model *learn(caviar_device *on, const caviar_dataset *d, caviar_population **kept) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    caviar_hyperparameters hyperparameters = CAVIAR_HYPERPARAMETERS_INIT;
    options.hidden_width[0] = 6;
    options.batch_size = 4;
    options.batch_norm = 0;
    hyperparameters.learning_rate = 0.05;
    caviar_population *p = NULL;
    caviar_model *model = NULL;
    SUCCEEDS(caviar_population_create(&p, on, d, &options));
    SUCCEEDS(caviar_population_start(p, 0, 1, &hyperparameters));
    SUCCEEDS(caviar_population_train(p, 400));
    SUCCEEDS(caviar_population_read_model(&model, p, 0));
    if (kept)
        *kept = p;
    else
        caviar_population_destroy(p);
    return model;
}

/* Time, a text and a number with missing cells; class by time. `order` 1: other columns first, one more, in reverse. */
static caviar_dataset *trips(int order, const char *classes) {
    char text[8192], *to = text;
    to += sprintf(to, order ? "id n word time@1700009999 label\n" : "time@1700000000 word n label\n");
    for (int i = 0; i < 40; i++) {
        const int time = 1700000000 + 10 * ((i * 7) % 40);
        char n[8];
        snprintf(n, sizeof n, i % 6 == 1 ? "?" : "%d", i % 9);
        const char class = classes[(i * 7) % 40 >= 20];
        if (order)
            to += sprintf(to, "%d %s %s %d %c\n", i, n, i % 2 ? "left" : "right", time, class);
        else
            to += sprintf(to, "%d %s %s %c\n", time, i % 2 ? "left" : "right", n, class);
    }
    return make_dataset(order ? "new.csv" : "old.csv", text);
}

enum { ROWS = 40 };

static void predict(float *probabilities, const caviar_model *model, caviar_device *on, const caviar_dataset *d) {
    int32_t classes[ROWS];
    SUCCEEDS(caviar_model_predict_dataset(probabilities, classes, model, on, d, 0, ROWS));
    for (int i = 0; i < ROWS; i++) cr_assert_eq(classes[i], probabilities[2 * i + 1] > probabilities[2 * i]);
}

Test(model_columns, are_found_by_name_and_travel_in_the_file) {
    caviar_device *on = device();
    caviar_dataset *d = trips(0, "xy"), *other = trips(1, "xy");
    SUCCEEDS(caviar_dataset_split(d, 0.2, 0.2, 1));
    caviar_model *model = learn(on, d, NULL), *loaded = NULL;
    SUCCEEDS(caviar_model_save(model, in_folder("model")));
    SUCCEEDS(caviar_model_load(&loaded, in_folder("model")));
    cr_assert(caviar_columns_are_equal(&loaded->columns, &d->columns));
    cr_assert_eq(caviar_model_column_count(loaded), 3);
    const char *name = "";
    char feature[32];
    SUCCEEDS(caviar_model_column_name(&name, loaded, 1));
    cr_assert_str_eq(name, "word");
    SUCCEEDS(caviar_model_label_name(&name, loaded));
    cr_assert_str_eq(name, "label");
    SUCCEEDS(caviar_model_feature_name(feature, sizeof feature, loaded, 1));
    cr_assert_str_eq(feature, "word=left");
    REFUSES(caviar_model_column_name(&name, loaded, 3), CAVIAR_INVALID_ARGUMENT, "no column 3");
    REFUSES(caviar_model_feature_name(feature, sizeof feature, loaded, 6), CAVIAR_INVALID_ARGUMENT, "no feature 6");

    /* The same rows in another order of columns, from another origin, with one more column: the same to the bit. */
    float expected[2 * ROWS], probabilities[2 * ROWS];
    predict(expected, model, on, d);
    predict(probabilities, loaded, on, other);
    cr_assert_arr_eq(expected, probabilities, sizeof expected);
    caviar_metrics metrics, by_name;
    SUCCEEDS(caviar_model_evaluate(&metrics, model, on, d, CAVIAR_TRAIN));
    SUCCEEDS(caviar_dataset_split(other, 0.2, 0.2, 1));
    SUCCEEDS(caviar_model_evaluate(&by_name, loaded, on, other, CAVIAR_TRAIN));
    cr_assert(metrics.examples == 24 && by_name.examples == 24);
    cr_assert(metrics.loss == by_name.loss && metrics.accuracy == by_name.accuracy);
    cr_assert_gt(metrics.accuracy, 0.9);

    caviar_dataset *narrow = make_dataset("narrow.csv", "time word\n1 left\n2 right\n");
    REFUSES(caviar_model_predict_dataset(probabilities, NULL, loaded, on, narrow, 0, 2), CAVIAR_BAD_FILE,
            "narrow.csv: has no column \"n\"");
    caviar_dataset_destroy(narrow);
    caviar_model_destroy(model);
    caviar_model_destroy(loaded);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(other);
    caviar_device_close(on);
}

/* Arrays of features as the data has them: origins are taken off in double, in populations and in models alike. */
Test(model_columns, take_raw_features) {
    caviar_device *on = device();
    caviar_dataset *d =
        make_dataset(NULL, "t@4096 x label\n4096 1 a\n4097 2 b\n4098 3 a\n4099 4 b\n4100 5 a\n4101 6 b\n"
                           "4102 7 a\n4103 8 b\n");
    caviar_population *p = NULL;
    caviar_model *model = learn(on, d, &p);
    float raw[16], by_row[16], by_array[16], by_population[16];
    SUCCEEDS(caviar_dataset_read(raw, NULL, d, 0, 8));
    cr_assert(raw[0] == 4096 && raw[14] == 4103);
    SUCCEEDS(caviar_model_predict_dataset(by_row, NULL, model, on, d, 0, 8));
    SUCCEEDS(caviar_model_predict(by_array, NULL, model, on, raw, 8));
    SUCCEEDS(caviar_population_predict(by_population, NULL, p, 0, raw, 8));
    cr_assert_arr_eq(by_row, by_array, sizeof by_row);
    cr_assert_arr_eq(by_row, by_population, sizeof by_row);

    /* A model goes back into a population of the same origins only: its mean is a distance from them. */
    SUCCEEDS(caviar_population_write_model(p, 0, model));
    model->columns.items[0].origin = 0;
    REFUSES(caviar_population_write_model(p, 0, model), CAVIAR_INVALID_ARGUMENT, "standardises its input otherwise");
    caviar_population_destroy(p);
    caviar_model_destroy(model);
    caviar_dataset_destroy(d);
    caviar_device_close(on);
}

static void expect_classes(const caviar_model *model, const caviar_dataset *d, const int32_t *expected) {
    int32_t class_of[8];
    SUCCEEDS(caviar_model_match_classes(class_of, model, d));
    cr_assert_arr_eq(class_of, expected, (size_t)d->classes * sizeof *class_of);
}

Test(model_columns, labels_that_a_model_does_not_know_are_no_errors) {
    caviar_device *on = device();
    caviar_dataset *d = trips(0, "xy"), *swapped = trips(1, "yx"), *partly = trips(1, "zy"), *other = trips(1, "zu");
    SUCCEEDS(caviar_dataset_split(d, 0, 0, 1));
    caviar_model *model = learn(on, d, NULL);
    expect_classes(model, swapped, (const int32_t[]){ 1, 0 });
    expect_classes(model, partly, (const int32_t[]){ -1, 1 });
    expect_classes(model, other, (const int32_t[]){ -1, -1 });

    caviar_metrics all, wrong, known, none;
    SUCCEEDS(caviar_model_evaluate(&all, model, on, d, CAVIAR_TRAIN));
    SUCCEEDS(caviar_model_evaluate(&wrong, model, on, swapped, CAVIAR_TRAIN));
    SUCCEEDS(caviar_model_evaluate(&known, model, on, partly, CAVIAR_TRAIN));
    SUCCEEDS(caviar_model_evaluate(&none, model, on, other, CAVIAR_TRAIN));
    cr_assert_eq(all.accuracy, 1);
    cr_assert_eq(wrong.accuracy, 0);
    cr_assert(known.examples == 20 && known.accuracy == 1);
    cr_assert(none.examples == 0 && isnan(none.accuracy) && isnan(none.loss));
    REFUSES(caviar_model_evaluate(&none, model, on, other, CAVIAR_TEST), CAVIAR_INVALID_ARGUMENT, "is empty");
    caviar_scores scores = CAVIAR_SCORES_INIT;
    SUCCEEDS(caviar_model_score(&scores, NULL, model, on, partly, CAVIAR_TRAIN));
    cr_assert(scores.examples == 20 && scores.accuracy == 1);
    caviar_model_destroy(model);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(swapped);
    caviar_dataset_destroy(partly);
    caviar_dataset_destroy(other);

    /* 1, 1.0 and 01 are one class; so are they in files of former versions, which kept them as they were written. */
    caviar_dataset *numbers = make_dataset(NULL, "x label\n1 1\n2 2\n3 1\n4 2\n5 10\n6 10\n"),
                   *reals = make_dataset(NULL, "x label\n1 1.0\n2 02\n3 1e1\n4 3\n");
    SUCCEEDS(caviar_dataset_split(numbers, 0, 0, 1));
    model = learn(on, numbers, NULL);
    expect_classes(model, reals, (const int32_t[]){ 0, 1, 2, -1 });
    caviar_model_destroy(model);
    caviar_dataset_destroy(numbers);
    caviar_dataset_destroy(reals);
    caviar_device_close(on);
}

/* Without columns, as in files of former versions, features go by position. */
Test(model_columns, may_be_unknown) {
    caviar_device *on = device();
    caviar_dataset *d = make_dataset(NULL, "- -\n1 2\n3 4\n5 6\n7 8\n"),
                   *named = make_dataset("named.csv", "b a label\n1 2 u\n3 4 v\n5 6 u\n7 8 v\n"),
                   *labelled = make_dataset(NULL, "- - label\n1 2 u\n3 4 v\n5 6 u\n7 8 v\n");
    free(labelled->table.label_name);
    free(labelled->columns.label_name);
    labelled->table.label_name = labelled->columns.label_name = NULL;
    caviar_model *model = learn(on, labelled, NULL), *loaded = NULL;
    const char *name;
    cr_assert_eq(caviar_model_column_count(model), 0);
    REFUSES(caviar_model_label_name(&name, model), CAVIAR_NOT_FOUND, "no name");
    SUCCEEDS(caviar_model_save(model, in_folder("model")));
    SUCCEEDS(caviar_model_load(&loaded, in_folder("model")));
    char file[2048] = "";
    FILE *in = fopen(in_folder("model"), "rb");
    cr_assert(in && fread(file, 1, sizeof file - 1, in) > 8 && fclose(in) == 0);
    cr_assert(strstr(file + 8, "\"format_version\":\"1\"") && !strstr(file + 8, "columns"));
    float expected[8], probabilities[8];
    SUCCEEDS(caviar_model_predict_dataset(expected, NULL, model, on, d, 0, 4));
    SUCCEEDS(caviar_model_predict_dataset(probabilities, NULL, loaded, on, named, 0, 4));
    cr_assert_arr_eq(expected, probabilities, sizeof expected);
    caviar_metrics metrics;
    SUCCEEDS(caviar_model_evaluate(&metrics, model, on, named, CAVIAR_TRAIN));
    cr_assert_eq(metrics.examples, 4);
    caviar_model_destroy(model);
    caviar_model_destroy(loaded);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(named);
    caviar_dataset_destroy(labelled);
    caviar_device_close(on);
}

/* ------------------------------------------------------------------------------------------------------- hostile files
 */

/* A model file of softmax regression on 2 features with these columns and this further metadata. */
static const char *write_model(const char *columns, const char *further) {
    unsigned char file[4096] = { 0 };
    char *header = (char *)file + 8, *to = header;
    to += sprintf(to,
                  "{\"__metadata__\":{\"format_version\":\"2\",\"features\":\"2\",\"classes\":\"2\",\"hidden_widths\":"
                  "\"[]\",\"batch_norm\":\"false\",\"activation\":\"\\\"relu\\\"\",\"batch_norm_epsilon\":\"1e-5\","
                  "\"class_names\":\"[\\\"a\\\",\\\"b\\\"]\",\"columns\":\"");
    for (const char *c = columns; *c; c++) {
        if (*c == '"' || *c == '\\') *to++ = '\\';
        *to++ = *c;
    }
    to += sprintf(to,
                  "\"%s},\"output.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},\"output.bias\":"
                  "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]},\"input.mean\":{\"dtype\":\"F32\","
                  "\"shape\":[2],\"data_offsets\":[24,32]},\"input.scale\":{\"dtype\":\"F32\",\"shape\":[2],"
                  "\"data_offsets\":[32,40]}}",
                  further);
    const uint64_t length = (uint64_t)(to - header);
    cr_assert(length + 48 < sizeof file);
    memset(to, 0, 40);
    memcpy(file, &length, 8);
    return write_file("hostile", file, 8 + length + 40);
}

#define NUMBER "{\"name\":\"x\",\"kind\":\"number\",\"origin\":1.5,\"fill\":2,\"indicator\":true}"
#define LABEL ",\"label\":\"\\\"y\\\"\""

Test(model_columns, of_hostile_files_are_refused) {
    caviar_model *model = NULL;
    SUCCEEDS(caviar_model_load(&model, write_model("[" NUMBER "]", LABEL)));
    cr_assert(model->columns.count == 1 && model->columns.items[0].origin == 1.5);
    caviar_model_destroy(model);
    SUCCEEDS(caviar_model_load(&model, write_model("[{\"name\":null,\"kind\":\"text\",\"levels\":[\"q\"]}]", "")));
    caviar_model_destroy(model);
    static const char *const wrong[] = {
        "",
        "7",
        "[]",
        "{}",
        "[7]",
        "[{}]",
        "[" NUMBER "," NUMBER "]",
        "[{\"name\":\"x\",\"kind\":\"number\",\"origin\":1,\"fill\":2,\"indicator\":false}]",
        "[{\"name\":\"x\",\"kind\":\"numbers\",\"origin\":1,\"fill\":2,\"indicator\":true}]",
        "[{\"name\":7,\"kind\":\"number\",\"origin\":1,\"fill\":2,\"indicator\":true}]",
        "[{\"kind\":\"number\",\"origin\":1,\"fill\":2,\"indicator\":true}]",
        "[{\"name\":\"x\",\"kind\":\"number\",\"origin\":\"1\",\"fill\":2,\"indicator\":true}]",
        "[{\"name\":\"x\",\"kind\":\"number\",\"origin\":1,\"fill\":1e39,\"indicator\":true}]",
        "[{\"name\":\"x\",\"kind\":\"number\",\"origin\":1,\"fill\":2,\"indicator\":1}]",
        "[{\"name\":\"x\",\"kind\":\"number\",\"origin\":1,\"indicator\":true}]",
        "[{\"name\":\"x\",\"kind\":\"text\"}]",
        "[{\"name\":\"x\",\"kind\":\"text\",\"levels\":{}}]",
        "[{\"name\":\"x\",\"kind\":\"text\",\"levels\":[7]}]",
        "[{\"name\":\"x\",\"kind\":\"text\",\"levels\":[]}]",
        "[{\"name\":\"x\",\"kind\":\"text\",\"levels\":[\"b\",\"a\"]}]",
        "[{\"name\":\"x\",\"kind\":\"text\",\"levels\":[\"a\",\"a\"]}]",
        "[{\"name\":\"x\\u0000y\",\"kind\":\"text\",\"levels\":[\"a\"]}]",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        model = NULL;
        REFUSES(caviar_model_load(&model, write_model(wrong[i], "")), CAVIAR_BAD_FILE, "columns");
        cr_assert_null(model, "%s", wrong[i]);
    }
    char many[1024], *to = many + sprintf(many, "[{\"name\":\"x\",\"kind\":\"text\",\"levels\":[");
    for (int i = 0; i < 40; i++) to += sprintf(to, "%s\"%03d\"", i ? "," : "", i);
    sprintf(to, "]}]");
    REFUSES(caviar_model_load(&model, write_model(many, "")), CAVIAR_BAD_FILE, "columns");
    REFUSES(caviar_model_load(&model, write_model("[" NUMBER "]", ",\"label\":\"7\"")), CAVIAR_BAD_FILE, "label");
    REFUSES(caviar_model_load(&model, write_model("[" NUMBER "]", ",\"label\":\"x\"")), CAVIAR_BAD_FILE, "label");
}

Test(model_columns, that_json_cannot_hold_are_not_saved) {
    const caviar_model_info info = { 2, 2, 0, { 0 }, 0, CAVIAR_RELU, 0 };
    caviar_encoding item = { .name = (char *)"\xff", .indicator = 1 };
    caviar_model *model = NULL;
    SUCCEEDS(caviar_model_create(&model, &info, 1e-5f, NULL));
    const caviar_columns columns = { &item, 1, 2, NULL };
    SUCCEEDS(caviar_columns_copy(&model->columns, &columns));
    REFUSES(caviar_model_save(model, in_folder("model")), CAVIAR_INVALID_ARGUMENT, "not valid UTF-8");
    caviar_model_destroy(model);
}
