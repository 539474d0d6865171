/* How columns become features: what is learnt of them, on the training part only, and how other tables follow it. */
#include "tables.h"

#include <float.h>

static void expect_names(const caviar_dataset *d, const char *const *names, int64_t count) {
    char name[64];
    cr_assert_eq(d->feature_count, count, "%lld features", (long long)d->feature_count);
    for (int64_t f = 0; f < count; f++) {
        SUCCEEDS(caviar_dataset_feature_name(name, sizeof name, d, f));
        cr_assert_str_eq(name, names[f]);
    }
    REFUSES(caviar_dataset_feature_name(name, sizeof name, d, count), CAVIAR_INVALID_ARGUMENT, "no feature");
}

static void expect_row(const caviar_dataset *d, int64_t example, const float *features) {
    for (int64_t f = 0; f < d->feature_count; f++)
        cr_assert_eq(feature_of(d, example, f), features[f], "example %lld, feature %lld is %g, not %g",
                     (long long)example, (long long)f, (double)feature_of(d, example, f), (double)features[f]);
}

static const char passengers[] = "age sex fare cabin label\n"
                                 "22 male 7.25 ? no\n"
                                 "38 female 71 C85 yes\n"
                                 "? female 8 ? yes\n"
                                 "35 male 53 C123 no\n"
                                 "4 ? 16 C85 no\n";

Test(columns, become_features) {
    caviar_dataset *d = make_dataset("titanic.csv", passengers);
    static const char *const names[] = { "age",        "age is missing", "sex is missing", "sex=female",
                                         "sex=male",   "sex=other",      "fare",           "cabin is missing",
                                         "cabin=C123", "cabin=C85",      "cabin=other" };
    static const float rows[5][11] = { { 22, 0, 0, 0, 1, 0, 7.25f, 1, 0, 0, 0 },
                                       { 38, 0, 0, 1, 0, 0, 71, 0, 0, 1, 0 },
                                       { 28.5f, 1, 0, 1, 0, 0, 8, 1, 0, 0, 0 },
                                       { 35, 0, 0, 0, 1, 0, 53, 0, 1, 0, 0 },
                                       { 4, 0, 1, 0, 0, 0, 16, 0, 0, 1, 0 } };
    expect_names(d, names, 11);
    for (int i = 0; i < 5; i++) expect_row(d, i, rows[i]);
    cr_assert(has_note(d, "column \"age\": 1 of 5 cells is missing: the median of the training part, 28.5, and a "
                          "feature that tells them apart stand in"));
    cr_assert(has_note(d, "column \"sex\" holds text: a feature for each of its 3 texts"));
    cr_assert_eq(caviar_dataset_note_count(d), 3);
    caviar_dataset_destroy(d);

    /* Plain numbers stay where they are, and bytes bytes. */
    d = make_dataset(NULL, "- -\n1 2\n3 4\n");
    static const char *const numbers[] = { "0", "1" };
    expect_names(d, numbers, 2);
    cr_assert_eq(d->features, d->table.cells);
    cr_assert_eq(caviar_dataset_note_count(d), 0);
    caviar_dataset_destroy(d);
}

static int is_in(const caviar_dataset *d, int part, int32_t example) {
    for (int64_t i = 0; i < d->part_examples[part]; i++)
        if (d->part[part][i] == example) return 1;
    return 0;
}

/* Medians, means and texts are those of the training part: what the others hold changes nothing. */
Test(columns, are_learnt_on_the_training_part) {
    enum { ROWS = 40 };
    char text[4096], *to = text + sprintf(text, "x word whole label\n");
    for (int i = 0; i < ROWS; i++)
        to += i % 5 == 0 ? sprintf(to, "? w%d %d %c\n", i % 7, i * i, 'a' + i % 2)
                         : sprintf(to, "%d w%d %d %c\n", i * i, i % 7, i * i, 'a' + i % 2);
    caviar_dataset *d = make_dataset(NULL, text);
    SUCCEEDS(caviar_dataset_split(d, 0.3, 0.2, 3));
    float cells[ROWS];
    int count = 0, level[7] = { 0 };
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
        if (!is_in(d, CAVIAR_TRAIN, i)) continue;
        if (i % 5) cells[count++] = (float)(i * i); /* they ascend */
        level[i % 7] = 1;
        sum += i * i;
    }
    const float median = count % 2 ? cells[count / 2] : (cells[count / 2 - 1] + cells[count / 2]) / 2;
    int levels = 0;
    for (int l = 0; l < 7; l++) levels += level[l];
    cr_assert_eq(d->feature_count, 2 + levels + 1 + 1);
    cr_assert_eq(d->columns.items[0].fill, median);
    cr_assert_float_eq((double)d->columns.items[2].fill, sum / (double)d->part_examples[CAVIAR_TRAIN], 1e-4);
    for (int i = 0; i < ROWS; i++) {
        cr_assert_eq(feature_of(d, i, 0), i % 5 ? (float)(i * i) : median);
        cr_assert_eq(feature_of(d, i, 1), i % 5 == 0);
        float ones = 0;
        for (int f = 2; f < 3 + levels; f++) ones += feature_of(d, i, f);
        cr_assert_eq(ones, 1);
        cr_assert_eq(feature_of(d, i, 2 + levels), !level[i % 7]);
    }

    /* Another split learns other things, the same one the same. */
    caviar_dataset *again = make_dataset(NULL, text);
    SUCCEEDS(caviar_dataset_split(again, 0.2, 0.5, 8));
    cr_assert_not(caviar_columns_are_equal(&d->columns, &again->columns));
    SUCCEEDS(caviar_dataset_split(again, 0.3, 0.2, 3));
    cr_assert(caviar_columns_are_equal(&d->columns, &again->columns));
    cr_assert_arr_eq(d->features, again->features, (size_t)(ROWS * d->feature_count) * sizeof(float));
    cr_assert_arr_eq(d->mean, again->mean, (size_t)d->feature_count * sizeof(float));
    cr_assert_eq(caviar_dataset_note_count(d), caviar_dataset_note_count(again));
    caviar_dataset_destroy(again);
    caviar_dataset_destroy(d);
}

/* Cells that are missing outside the training part only count as its mean, which is 0 once standardised. */
Test(columns, fill_what_the_training_part_never_missed) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        caviar_dataset *d = make_dataset(NULL, "x label\n1 a\n2 b\n4 a\n8 b\n16 a\n32 b\n64 a\n? b\n");
        SUCCEEDS(caviar_dataset_split(d, 0.25, 0.25, seed));
        const int trains = is_in(d, CAVIAR_TRAIN, 7);
        cr_assert_eq(d->feature_count, trains ? 2 : 1);
        if (!trains) cr_assert_eq(feature_of(d, 7, 0), d->mean[0]);
        if (!trains) cr_assert(has_note(d, "the mean of the training part"));
        caviar_dataset_destroy(d);
    }
}

Test(columns, with_too_many_texts_are_refused) {
    char text[4096], *to = text + sprintf(text, "name label\n");
    for (int i = 0; i < 33; i++) to += sprintf(to, "n%d %c\n", i, 'a' + i % 2);
    caviar_dataset *d = NULL;
    caviar_table table = make_table("people.csv", text);
    REFUSES(caviar_dataset_from_table(&d, &table), CAVIAR_BAD_FILE,
            "people.csv: column \"name\" holds 33 different texts; up to 32 become features");
    table = make_table("people.csv", text);
    table.as_expected = 1; /* it is only classified */
    SUCCEEDS(caviar_dataset_from_table(&d, &table));
    cr_assert_eq(d->feature_count, 33);
    caviar_dataset_destroy(d);

    to -= strlen("n32 a\n");
    sprintf(to, "? a\n");
    d = make_dataset("people.csv", text);
    cr_assert_eq(d->feature_count, 34); /* missing cells come on top */
    caviar_dataset_destroy(d);
}

/* Differences of a minute in 50 years: the origin is taken off in double, and what is measured is exact. */
Test(columns, keep_small_differences_of_large_numbers) {
    char text[4096], *to = text + sprintf(text, "time@1700000000 x label\n");
    for (int i = 0; i < 50; i++) to += sprintf(to, "%d 7 %c\n", 1700000000 + 60 * i, 'a' + i % 2);
    caviar_dataset *d = make_dataset(NULL, text);
    SUCCEEDS(caviar_dataset_split(d, 0.2, 0, 1));
    cr_assert_eq(d->features, d->table.cells);
    double sum = 0, squares = 0;
    const double count = (double)d->part_examples[CAVIAR_TRAIN];
    for (int64_t i = 0; i < d->part_examples[CAVIAR_TRAIN]; i++) sum += 60.0 * d->part[CAVIAR_TRAIN][i];
    for (int64_t i = 0; i < d->part_examples[CAVIAR_TRAIN]; i++)
        squares += pow(60.0 * d->part[CAVIAR_TRAIN][i] - sum / count, 2);
    cr_assert_eq(d->mean[0], (float)(sum / count));
    cr_assert_eq(d->scale[0], (float)(1 / sqrt(squares / count)));
    float row[2];
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(feature_of(d, i, 0), (float)(60 * i));
        SUCCEEDS(caviar_dataset_read(row, NULL, d, i, 1));
        cr_assert_eq(row[0], (float)(1700000000 + 60 * i)); /* as a float holds it */
        cr_assert_eq(row[1], 7);
    }
    caviar_dataset_destroy(d);
}

/* -------------------------------------------------------------------------------------------------------- other tables
 */

static const char train[] = "a b c label\n1 x 10 u\n2 y 20 v\n3 x 30 u\n4 z 40 v\n";

Test(columns, are_found_by_name) {
    caviar_dataset *d = make_dataset("train.csv", train),
                   *test = make_dataset("test.csv", "c id label b a\n50 900 v y 5\n60 901 u w 6\n? 902 v ? 7\n");
    SUCCEEDS(caviar_dataset_add_test(d, test));
    cr_assert(has_note(d, "test.csv: column \"id\" is not asked for and left alone"));
    SUCCEEDS(caviar_dataset_split(d, 0, 0, 1));
    /* a, b=x, b=y, b=z, b=other, c: "w" and a missing text are other ones, a missing number is the mean. */
    static const float rows[7][6] = { { 1, 1, 0, 0, 0, 10 }, { 2, 0, 1, 0, 0, 20 }, { 3, 1, 0, 0, 0, 30 },
                                      { 4, 0, 0, 1, 0, 40 }, { 5, 0, 1, 0, 0, 50 }, { 6, 0, 0, 0, 1, 60 },
                                      { 7, 0, 0, 0, 1, 25 } };
    cr_assert_eq(d->feature_count, 6);
    for (int i = 0; i < 7; i++) expect_row(d, i, rows[i]);
    cr_assert_eq(d->part_examples[CAVIAR_TEST], 3);
    cr_assert(d->labels[4] == 1 && d->labels[5] == 0 && d->labels[6] == 1);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);
}

static void refuse_part(const char *with, caviar_status status, const char *message) {
    caviar_dataset *d = make_dataset("train.csv", train), *part = make_dataset("test.csv", with);
    REFUSES(caviar_dataset_add_test(d, part), status, message);
    REFUSES(caviar_dataset_add_validation(d, part), status, message);
    cr_assert_eq(d->part_examples[CAVIAR_TEST] + d->part_examples[CAVIAR_VALIDATION], 0);
    expect_row(d, 3, (const float[]){ 4, 0, 0, 1, 0, 40 });
    SUCCEEDS(caviar_dataset_split(d, 0.5, 0, 1)); /* and it still works */
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(part);
}

Test(columns, that_do_not_agree_are_refused_by_name) {
    refuse_part("a b label\n1 x u\n2 x v\n", CAVIAR_BAD_FILE, "test.csv: has no column \"c\"; 1 of the 3");
    refuse_part("a B C label\n1 x 2 u\n2 x 2 v\n", CAVIAR_BAD_FILE, "no column \"b\"; 2 of the 3");
    refuse_part("- - label\n1 x u\n2 x v\n", CAVIAR_BAD_FILE, "has 2 features and 3 are expected");
    refuse_part("a b c label\n1 x many u\n2 x 2 v\n", CAVIAR_BAD_FILE,
                "column \"c\" holds text (\"many\") where numbers are expected");
    refuse_part("a b c label\n1 x 2 u\n2 x 2 w\n1 x 3 w\n", CAVIAR_INVALID_ARGUMENT,
                "example 1 has the label \"w\", which no training example has; there are 2 such");
    refuse_part("a b c\n1 x 2\n", CAVIAR_INVALID_ARGUMENT, "has no labels");
}

/* Positions count only where one side has no names at all; a nameless column among others has the name "". */
Test(columns, without_names_go_by_position) {
    caviar_dataset *d = make_dataset(NULL, train), *test = make_dataset(NULL, "- - - label\n5 y 50 v\n6 x 60 u\n");
    SUCCEEDS(caviar_dataset_add_test(d, test));
    expect_row(d, 4, (const float[]){ 5, 0, 1, 0, 0, 50 });
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);

    d = make_dataset(NULL, "- a b label\n0 1 2 u\n1 2 3 v\n");
    test = make_dataset(NULL, "b a - label\n30 20 10 u\n31 21 11 v\n");
    SUCCEEDS(caviar_dataset_add_test(d, test));
    expect_row(d, 2, (const float[]){ 10, 20, 30 });
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);

    /* Of columns of one name the first is the first. */
    d = make_dataset(NULL, "x y x label\n1 2 3 u\n4 5 6 v\n");
    test = make_dataset(NULL, "x x y label\n10 30 20 u\n11 31 21 v\n");
    SUCCEEDS(caviar_dataset_add_test(d, test));
    expect_row(d, 2, (const float[]){ 10, 20, 30 });
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);
}

/* Codes that are texts in one file and all numbers in another; classes 1, 1.0 and 01; origins that differ. */
Test(columns, are_compared_by_what_they_mean) {
    caviar_dataset *d = make_dataset(NULL,
                                     "code t@1000000000 label\n7 1000000001 1\nA 1000000002 2\n0.1 1000000003 1\n"),
                   *test = make_dataset(NULL, "t@2000000000 code label\n2000000064 7 02\n1000000512 0.1 1.0\n"
                                              "1000000000 3 2.0\n");
    SUCCEEDS(caviar_dataset_add_test(d, test));
    SUCCEEDS(caviar_dataset_split(d, 0, 0, 1));
    /* code=0.1, code=7, code=A, code=other, t */
    expect_row(d, 3, (const float[]){ 0, 1, 0, 0, 1000000064 });
    expect_row(d, 4, (const float[]){ 1, 0, 0, 0, 512 });
    expect_row(d, 5, (const float[]){ 0, 0, 0, 1, 0 });
    cr_assert(d->labels[3] == 1 && d->labels[4] == 0 && d->labels[5] == 1);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);

    /* Numbers and dates are not the same, whatever they are stored as. */
    d = make_dataset(NULL, "when label\n1 u\n2 v\n");
    test = make_dataset(NULL, "when label\n1 u\n2 v\n");
    test->table.columns[0].kind = CAVIAR_COLUMN_DATE;
    REFUSES(caviar_dataset_add_test(d, test), CAVIAR_INVALID_ARGUMENT, "holds dates where numbers are expected");
    test->table.columns[0].kind = CAVIAR_COLUMN_NUMBER;
    test->table.columns[0].origin = -1e300;
    REFUSES(caviar_dataset_add_test(d, test), CAVIAR_INVALID_ARGUMENT, "too far");
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);
}

Test(columns, validate_with_a_given_part) {
    caviar_dataset *d = make_dataset(NULL, train), *other = make_dataset(NULL, "c b a label\n1 x 2 u\n3 y 4 v\n");
    SUCCEEDS(caviar_dataset_add_validation(d, other));
    SUCCEEDS(caviar_dataset_add_test(d, other));
    REFUSES(caviar_dataset_add_validation(d, other), CAVIAR_INVALID_ARGUMENT, "has a validation part of 2");
    REFUSES(caviar_dataset_split(d, 0.2, 0, 1), CAVIAR_INVALID_ARGUMENT, "a validation part was given");
    REFUSES(caviar_dataset_split(d, 0, 0.2, 1), CAVIAR_INVALID_ARGUMENT, "a test part was given");
    SUCCEEDS(caviar_dataset_split(d, 0, 0, 1));
    cr_assert(d->part_examples[0] == 4 && d->part_examples[1] == 2 && d->part_examples[2] == 2);
    cr_assert(d->part[1][0] == 4 && d->part[1][1] == 5 && d->part[2][0] == 6 && d->part[2][1] == 7);
    cr_assert_float_eq((double)d->mean[0], 2.5, 0);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(other);
}

/* -------------------------------------------------------------------------------------------------------------- labels
 */

static caviar_status load_labels(int64_t rows, int64_t classes, const char *format, int accept, int *notes) {
    caviar_table t = { .source = strdup("y.csv"), .rows = rows, .column_count = 1, .classes = classes };
    t.columns = calloc(1, sizeof *t.columns);
    t.cells = calloc((size_t)rows, 1);
    t.labels = malloc((size_t)rows * sizeof *t.labels);
    char **names = calloc((size_t)classes, sizeof *names);
    for (int64_t i = 0; i < rows; i++) t.labels[i] = (int32_t)(i % classes);
    for (int64_t c = 0; c < classes; c++) cr_assert(asprintf(&names[c], format, (int)c) > 0);
    t.class_names = caviar_names_copy(names, classes);
    for (int64_t c = 0; c < classes; c++) free(names[c]);
    free(names);
    t.labels_are_numbers = *format == '%';
    t.accept_unlikely = accept;
    caviar_dataset *d = NULL;
    const caviar_status status = caviar_dataset_from_table(&d, &t);
    if (notes) *notes = caviar_dataset_note_count(d);
    caviar_dataset_destroy(d);
    return status;
}

Test(columns, refuse_labels_that_are_no_classes) {
    static const struct {
        int64_t rows, classes;
        const char *format, *refused; /* NULL: taken */
    } cases[] = {
        { 300, 296, "%d.25",
          "y.csv: the label has 296 different numbers with decimals in 300 examples: this looks "
          "like a regression target" },
        { 440, 21, "%d.5", "regression target" },
        { 441, 21, "%d.5", NULL }, /* ratings */
        { 20, 20, "%d.5", NULL },
        { 442, 214, "%d", "a number of each example or a regression target" },
        { 63, 21, "%d", NULL },
        { 62, 21, "%d", "21 different values in 62 examples" },
        { 41, 21, "n%d", "a name of each example" },
        { 42, 21, "n%d", NULL },
        { 10, 2, "%d", NULL },
        { 20, 20, "%d", NULL },
        { 1000, 100, "%d", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].refused)
            REFUSES(load_labels(cases[i].rows, cases[i].classes, cases[i].format, 0, NULL), CAVIAR_BAD_FILE,
                    cases[i].refused);
        else
            SUCCEEDS(load_labels(cases[i].rows, cases[i].classes, cases[i].format, 0, NULL));
        SUCCEEDS(load_labels(cases[i].rows, cases[i].classes, cases[i].format, 1, NULL));
    }
    int notes;
    SUCCEEDS(load_labels(11, 10, "n%d", 0, &notes)); /* nine classes of a single example */
    cr_assert_eq(notes, 1);
    SUCCEEDS(load_labels(20, 10, "n%d", 0, &notes));
    cr_assert_eq(notes, 0);
}

Test(columns, unite_labels_that_are_one_number) {
    caviar_dataset *d = make_dataset(NULL, "x label\n1 2\n2 2.0\n3 1\n4 01\n5 0\n6 -0\n7 1e0\n8 +2\n");
    static const int32_t labels[] = { 0, 0, 1, 1, 2, 2, 1, 0 };
    static const char *const names[] = { "2", "1", "0" };
    const char *name = "";
    cr_assert_eq(d->classes, 3);
    cr_assert_arr_eq(d->labels, labels, sizeof labels);
    for (int c = 0; c < 3; c++) {
        SUCCEEDS(caviar_dataset_class_name(&name, d, c));
        cr_assert_str_eq(name, names[c]);
    }
    caviar_dataset_destroy(d);

    /* Identifiers above 2^53 are no numbers, nor is what only begins as one. */
    d = make_dataset(NULL, "x label\n1 90071992547409931\n2 90071992547409932\n3 1a\n4 1\n");
    cr_assert_eq(d->classes, 4);
    caviar_dataset_destroy(d);
    caviar_table t = make_table("y.csv", "x label\n1 1\n2 1.0\n");
    REFUSES(caviar_dataset_from_table(&d, &t), CAVIAR_BAD_FILE, "all labels are \"1\"");
    t = make_table("y.csv", "x label\n1 1\n2 1.0\n");
    t.as_expected = 1;
    SUCCEEDS(caviar_dataset_from_table(&d, &t));
    cr_assert_eq(d->classes, 1);
    caviar_dataset_destroy(d);
}
