/* Cells of CSV files as people write them: booleans, missing ones, texts, large numbers, and what a header is. */
#include "host/data/csv_value.h"
#include "tables.h"

TestSuite(csv_cells, .init = make_folder, .fini = remove_folder);

static caviar_dataset *load(const char *text, const caviar_csv_options *options) {
    caviar_dataset *d = NULL;
    SUCCEEDS(caviar_dataset_load_csv(&d, write_text("x.csv", text), options));
    return d;
}

static void expect_features(const caviar_dataset *d, int64_t rows, int64_t features, const float *expected) {
    cr_assert(d->examples == rows && d->feature_count == features, "%lld x %lld", (long long)d->examples,
              (long long)d->feature_count);
    for (int64_t i = 0; i < rows * features; i++)
        cr_assert_eq(feature_of(d, i / features, i % features), expected[i], "example %lld, feature %lld: %g",
                     (long long)(i / features), (long long)(i % features),
                     (double)feature_of(d, i / features, i % features));
}

Test(csv_cells, are_booleans_numbers_missing_or_texts) {
    caviar_dataset *d = load("member,age,city,label\nTrue,30,Rome,a\nFALSE,NA,Oslo,b\nyes,?,,a\nno,50,Rome,b\n", NULL);
    /* member, age, age is missing, city is missing, city=Oslo, city=Rome, city=other */
    expect_features(d, 4, 7, (const float[]){ 1, 30, 0, 0, 0, 1, 0, 0, 40, 1, 0, 1, 0, 0,
                                              1, 40, 1, 1, 0, 0, 0, 0, 50, 0, 0, 0, 1, 0 });
    caviar_dataset_destroy(d);

    /* Booleans and whole numbers are bytes still. */
    d = load("a,b,label\ntrue,1,x\nfalse,255,y\n", NULL);
    cr_assert_eq(d->type, CAVIAR_UINT8);
    expect_features(d, 2, 2, (const float[]){ 1, 1, 0, 255 });
    caviar_dataset_destroy(d);

    /* Each of the words, and what only looks like them. */
    static const struct {
        const char *cell;
        caviar_csv_kind kind;
        double value;
    } cells[] = {
        { "", CAVIAR_CSV_MISSING, 0 },       { "  ", CAVIAR_CSV_MISSING, 0 },
        { "?", CAVIAR_CSV_MISSING, 0 },      { "NA", CAVIAR_CSV_MISSING, 0 },
        { "n/a", CAVIAR_CSV_MISSING, 0 },    { "NaN", CAVIAR_CSV_MISSING, 0 },
        { "-nan", CAVIAR_CSV_MISSING, 0 },   { "NULL", CAVIAR_CSV_MISSING, 0 },
        { "None", CAVIAR_CSV_MISSING, 0 },   { "none", CAVIAR_CSV_TEXT, 0 },
        { "<NA>", CAVIAR_CSV_MISSING, 0 },   { "nan0", CAVIAR_CSV_TEXT, 0 },
        { "inf", CAVIAR_CSV_NOT_FINITE, 0 }, { "1e999", CAVIAR_CSV_NOT_FINITE, 0 },
        { "TRUE", CAVIAR_CSV_TEXT, 0 },      { "no", CAVIAR_CSV_TEXT, 0 },
        { "truely", CAVIAR_CSV_TEXT, 0 },    { "-7.50", CAVIAR_CSV_NUMBER, -7.5 },
        { "5.", CAVIAR_CSV_NUMBER, 5 },      { ".5", CAVIAR_CSV_NUMBER, 0.5 },
        { "+3", CAVIAR_CSV_NUMBER, 3 },      { ".", CAVIAR_CSV_TEXT, 0 },
        { "-", CAVIAR_CSV_TEXT, 0 },         { "1.2.3", CAVIAR_CSV_TEXT, 0 },
        { "1e3", CAVIAR_CSV_NUMBER, 1000 },
    };
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        const caviar_csv_cell cell = { cells[i].cell, strlen(cells[i].cell), 0 };
        double value = 0;
        const caviar_csv_kind kind = caviar_csv_number(&value, &cell, c);
        cr_assert(kind == cells[i].kind && (kind != CAVIAR_CSV_NUMBER || value == cells[i].value), "%s", cells[i].cell);
    }
    freelocale(c);
}

/* The short way to read a number agrees with strtod to the bit. */
Test(csv_cells, numbers_are_read_as_strtod_does) {
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    unsigned state = 7;
    char text[64];
    for (int i = 0; i < 200000; i++) {
        char *to = text;
        state = state * 1664525u + 1013904223u;
        const int digits = 1 + (int)(state >> 27) % 20, point = (int)(state >> 20 & 31), sign = state >> 19 & 1;
        if (sign) *to++ = '-';
        for (int k = 0; k < digits; k++) {
            if (k == point) *to++ = '.';
            state = state * 1664525u + 1013904223u;
            *to++ = (char)('0' + (state >> 16) % 10);
        }
        *to = 0;
        const caviar_csv_cell cell = { text, strlen(text), 0 };
        double value = 0;
        cr_assert_eq(caviar_csv_number(&value, &cell, c), CAVIAR_CSV_NUMBER, "%s", text);
        cr_assert_eq(value, strtod_l(text, NULL, c), "%s: %.17g", text, value);
    }
    freelocale(c);
}

/* What a column is to a model it is in a file for it, though all its cells may look like something else. */
Test(csv_cells, are_read_as_they_are_expected) {
    caviar_dataset *d = load("answer,code,label\nyes,7,a\nno,A,b\nmaybe,7,a\n", NULL);
    caviar_csv_options options = CAVIAR_CSV_OPTIONS_INIT;
    options.like = d;
    caviar_dataset *like = NULL;
    SUCCEEDS(caviar_dataset_load_csv(&like, write_text("y.csv", "code,answer\n7.0,yes\n07,no\n"), &options));
    cr_assert_eq(like->classes, 0);
    float row[7];
    caviar_match match;
    SUCCEEDS(caviar_match_make(&match, &d->columns, &like->table, NULL));
    caviar_match_encode(row, &match, 1);
    cr_assert_arr_eq(row, ((const float[]){ 0, 1, 0, 0, 1, 0, 0 }), sizeof row); /* answer=no, code=7 */
    caviar_match_destroy(&match);
    caviar_dataset_destroy(like);
    REFUSES(caviar_dataset_load_csv(&like, write_text("y.csv", "answer,kode\nyes,7\n"), &options), CAVIAR_BAD_FILE,
            "y.csv: has no column \"code\"");
    caviar_dataset_destroy(d);
}

Test(csv_cells, headers_are_told_from_data) {
    static const struct {
        const char *text;
        int64_t rows;
        const char *note; /* NULL: none of them */
    } cases[] = {
        { "a,b,label\n1,2,x\n3,4,y\n", 2, NULL },
        { "1,2,x\n3,4,y\n", 2, NULL },
        { "22,male,1.5,no\n38,female,2,yes\n26,female,3,yes\n", 3, NULL }, /* texts above texts, beside numbers */
        { "sex,deck,label\nmale,A,no\nfemale,B,yes\n", 2, NULL },
        { "1,NA,x\n3,4,y\n", 2, NULL },
        { "0,1,2,3\n0.5,1.5,2.5,a\n1.5,2.5,3.5,b\n", 2,
          "this line is taken for a header, though \"0\" in it is a number" },
        { "0,1,2\n1,2,0\n", 2, NULL },
        { "7,size,label\n1,2,x\n3,4,y\n", 2, "though \"7\" in it is a number" },
        { ",a,label\n0,1,x\n1,2,y\n", 2, "the first column has no name and counts the rows" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        caviar_dataset *d = load(cases[i].text, NULL);
        cr_assert_eq(d->examples, cases[i].rows, "%s: %lld", cases[i].text, (long long)d->examples);
        cr_assert(!cases[i].note || has_note(d, cases[i].note), "%s", cases[i].text);
        if (!cases[i].note) cr_assert(!has_note(d, "header") && !has_note(d, "no name"), "%s", cases[i].text);
        caviar_dataset_destroy(d);
    }
}

/* Cases of other programs' users. */
Test(csv_cells, files_of_people_are_understood) {
    caviar_dataset *d = NULL;
    SUCCEEDS(caviar_dataset_load_csv(&d, CAVIAR_TEST_DATA "/bools.csv", NULL));
    for (int64_t i = 0; i < d->examples; i++) cr_assert(feature_of(d, i, 0) == 0 || feature_of(d, i, 0) == 1);
    cr_assert_eq(d->feature_count, 4);
    caviar_dataset_destroy(d);
    SUCCEEDS(caviar_dataset_load_csv(&d, CAVIAR_TEST_DATA "/numheader.csv", NULL));
    cr_assert_eq(d->classes, 3);
    caviar_dataset_destroy(d);
    SUCCEEDS(caviar_dataset_load_csv(&d, CAVIAR_TEST_DATA "/index.csv", NULL));
    cr_assert(has_note(d, "the first column has no name and counts the rows: it is left out") && d->feature_count == 3);
    caviar_dataset_destroy(d);
    caviar_csv_options options = CAVIAR_CSV_OPTIONS_INIT;
    REFUSES(caviar_dataset_load_csv(&d, CAVIAR_TEST_DATA "/label_na.csv", &options), CAVIAR_BAD_FILE,
            "label_na.csv:2: the label in column \"label\" (number 4, from 0) is missing: \"NA\"");
    cr_assert(strstr(caviar_last_error(), "label_na.csv:182: ") && strstr(caviar_last_error(), "and 5 more"));
    options.skip_unlabelled = 1;
    SUCCEEDS(caviar_dataset_load_csv(&d, CAVIAR_TEST_DATA "/label_na.csv", &options));
    caviar_dataset_destroy(d);
}
