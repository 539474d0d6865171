/* CSV files. */
#include "folder.h"

#include <locale.h>
#include <stdint.h>

TestSuite(csv, .init = make_folder, .fini = remove_folder);

static caviar_csv_options with(const char *label, int header, char delimiter) {
    caviar_csv_options options = CAVIAR_CSV_OPTIONS_INIT;
    options.label = label;
    options.header = header;
    options.delimiter = delimiter;
    return options;
}

/* What a text is, in one line: "EXAMPLESxFEATURES TYPE: values | class names | labels". */
static const char *described(const char *text, const caviar_csv_options *options) {
    static char line[1024];
    caviar_dataset *d;
    caviar_dataset_info info;
    float features[64];
    int32_t labels[64];
    if (caviar_dataset_load_csv(&d, write_text("x.csv", text), options) != CAVIAR_OK) return caviar_last_error();
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_assert(info.examples <= 64 && info.examples * info.features <= 64);
    SUCCEEDS(caviar_dataset_read(features, info.classes ? labels : NULL, d, 0, info.examples));
    int n = snprintf(line, sizeof line, "%dx%d %s:", (int)info.examples, (int)info.features,
                     info.type == CAVIAR_UINT8 ? "bytes" : "floats");
    for (int64_t i = 0; i < info.examples * info.features; i++) {
        n += snprintf(line + n, sizeof line - (size_t)n, " %g", (double)features[i]);
    }
    n += snprintf(line + n, sizeof line - (size_t)n, " |");
    for (int64_t i = 0; i < info.classes; i++) {
        const char *name;
        SUCCEEDS(caviar_dataset_class_name(&name, d, i));
        n += snprintf(line + n, sizeof line - (size_t)n, " %s", name);
    }
    n += snprintf(line + n, sizeof line - (size_t)n, " |");
    for (int64_t i = 0; i < info.examples && info.classes; i++) {
        n += snprintf(line + n, sizeof line - (size_t)n, " %d", (int)labels[i]);
    }
    caviar_dataset_destroy(d);
    return line;
}

Test(csv, reads_what_spreadsheets_write) {
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "a,b,label\n1,2,x\n3,4,y\n", "2x2 bytes: 1 2 3 4 | x y | 0 1" },
        { "a,b,label\r\n1,2,x\r\n3,4,y", "2x2 bytes: 1 2 3 4 | x y | 0 1" },
        { "a,b,label\r1,2,x\r3,4,y\r\r", "2x2 bytes: 1 2 3 4 | x y | 0 1" },
        { "\xef\xbb\xbf"
          "label,b\n1,2\n0,4\n\n \n\t\n",
          "2x1 bytes: 2 4 | 0 1 | 1 0" },
        { "\n\n1;2;b\n\n3;4;a\n", "2x2 bytes: 1 2 3 4 | a b | 1 0" },
        { "a,label\n# said so\n#ff,0\n#00,1\n#ff,1\n", "3x3 floats: 0 1 0 1 0 0 0 1 0 | 0 1 | 0 1 1" },
        { "1\t2\tb\n3\t4\ta\n", "2x2 bytes: 1 2 3 4 | a b | 1 0" },
        { "\"1, one\";label\n1.5;x\n2;y\n", "2x1 floats: 1.5 2 | x y | 0 1" },
        { " 1 , \"2\" , \"a \"\"b\"\", c\" \n3,4,d\n", "2x2 bytes: 1 2 3 4 | a \"b\", c d | 0 1" },
        { "1,\"two\nlines\"\n2,z\n", "2x1 bytes: 1 2 | two\nlines z | 0 1" },
        /* Labels that are numbers are sorted as numbers, others as text. */
        { "1,10\n2,9\n3,-1\n4,9\n", "4x1 bytes: 1 2 3 4 | -1 9 10 | 2 1 0 1" },
        { "1,10.0\n2,9.0\n", "2x1 bytes: 1 2 | 9 10 | 1 0" },
        { "1,10\n2,9\n3,x\n", "3x1 bytes: 1 2 3 | 10 9 x | 0 1 2" },
        { "1,10.5\n2,9.5\n", "2x1 bytes: 1 2 | 10.5 9.5 | 0 1" },
        /* Only whole numbers in 0 .. 255 are bytes. */
        { "0,255,x\n-0,1e2,y\n", "2x2 bytes: 0 255 0 100 | x y | 0 1" },
        { "256,x\n0,y\n", "2x1 floats: 256 0 | x y | 0 1" },
        { "99999999999,x\n16777217,y\n", "2x1 floats: 1e+11 1.67772e+07 | x y | 0 1" },
        { "-1,x\n0,y\n", "2x1 floats: -1 0 | x y | 0 1" },
        { "0.5,x\n0,y\n", "2x1 floats: 0.5 0 | x y | 0 1" },
        { "+.5,x\n5.e-1,y\n1E+2,x\n12345678,y\n1e-50,x\n", "5x1 floats: 0.5 0.5 100 1.23457e+07 0 | x y | 0 1 0 1 0" },
        /* A header: its label is named, a feature is no number, or the label is none where the next is. */
        { "5.1,3.5,setosa\n6,3,virginica\n", "2x2 floats: 5.1 3.5 6 3 | setosa virginica | 0 1" },
        { "0,1,label\n1,2,a\n3,4,b\n", "2x2 bytes: 1 2 3 4 | a b | 0 1" },
        { "0,1,class\n1,2,0\n3,4,1\n", "2x2 bytes: 1 2 3 4 | 0 1 | 0 1" },
        { "0,1,2\n1,2,0\n", "2x2 bytes: 0 1 1 2 | 0 2 | 1 0" },
        { "label,a\nx,2\ny,4\n", "2x1 bytes: 2 4 | x y | 0 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = described(cases[i].text, NULL);
        cr_expect_str_eq(got, cases[i].expected, "\"%s\" is %s\nexpected %s", cases[i].text, got, cases[i].expected);
    }
}

Test(csv, finds_the_label_by_name_and_number) {
    static const char text[] = "id,kind,size\n1,2,3\n4,5,6\n";
    static const struct {
        const char *label;
        int header;
        const char *expected;
    } cases[] = {
        { "kind", -1, "2x2 bytes: 1 3 4 6 | 2 5 | 0 1" }, { "id", 1, "2x2 bytes: 2 3 5 6 | 1 4 | 0 1" },
        { "0", -1, "2x2 bytes: 2 3 5 6 | 1 4 | 0 1" },    { "-1", -1, "2x2 bytes: 1 2 4 5 | 3 6 | 0 1" },
        { "-3", -1, "2x2 bytes: 2 3 5 6 | 1 4 | 0 1" },   { NULL, -1, "2x2 bytes: 1 2 4 5 | 3 6 | 0 1" },
        { "none", -1, "2x3 bytes: 1 2 3 4 5 6 | |" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const caviar_csv_options options = with(cases[i].label, cases[i].header, 0);
        const char *got = described(text, &options);
        cr_expect_str_eq(got, cases[i].expected, "%s: %s", cases[i].label, got);
    }
    caviar_csv_options options = with("none", 0, ';');
    cr_expect_str_eq(described("1;2\n3;4\n", &options), "2x2 bytes: 1 2 3 4 | |");
    options = with(NULL, 1, 0);
    cr_expect_str_eq(described("1,2\n3,4\n5,6\n", &options), "2x1 bytes: 3 5 | 4 6 | 0 1");
    options = with("1", 0, ' ');
    cr_expect_str_eq(described("1 a 2\n3 b 4\n", &options), "2x2 bytes: 1 2 3 4 | a b | 0 1");
    options = with("none", 0, 0);
    cr_expect_str_eq(described("7\n8\n", &options), "2x1 bytes: 7 8 | |");
}

Test(csv, names_what_is_wrong_and_where) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "", "x.csv: is empty" },
        { "\n \n\r\n", "x.csv: is empty" },
        { "a,label\n", "x.csv:1: there are no lines of data" },
        { "a,label\n\n\n", "x.csv:1: there are no lines of data" },
        { "a,b,label\n1,2,x\n1,2\n", "x.csv:3: has 2 cells, but the first line has 3" },
        { "a,b,label\n1,2,x\n\n1,2,x,4\n", "x.csv:4: has 4 cells" },
        { "a,b,label\n1,2,x\n1,3,\n", "x.csv:3: the label in column \"label\" (number 2, from 0) is empty" },
        { "1,x\n-Infinity,y\n", "\"-Infinity\" is not a finite number" },
        { "1,x\n1e39,y\n", "feature 0 of example 1 is" },
        { "1,x\n3e38,y\n", "feature 0 of example 1 is 3e+38" },
        { "1,x\n\"2\"3,y\n", "x.csv:2: text follows a closing quote" },
        { "1,x\n2,\"y\n3,z\n", "x.csv:2: a quote is opened on this line and never closed" },
        { "1,x\n2,x\n", "x.csv: all labels in column number 1 (from 0) are \"x\"" },
        { "1,2,x\n", "x.csv: all labels" },
        { "label,a,label\n1,2,3\n", "x.csv:1: several columns are named \"label\"" },
        { "1\n2\n", "x.csv:1: has one column only, the label" },
        { "1,x\n2,\xe9\n", "x.csv:2: the label in column number 1 (from 0) is not valid UTF-8" },
        { "1,x\n2,\xed\xa0\x80\n", "is not valid UTF-8" },
        { "1,x\n2,\xf4\x90\x80\x80\n", "is not valid UTF-8" },
        { "1,x\n2,\xc0\x80\n", "is not valid UTF-8" },
        { "1,x\n2,\xe2\x82\n", "is not valid UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *said = described(cases[i].text, NULL);
        cr_expect(strstr(said, cases[i].message), "\"%s\": %s\nexpected %s", cases[i].text, said, cases[i].message);
        cr_expect(strncmp(said, folder, strlen(folder)) == 0, "%s", said);
    }
    static const struct {
        const char *label;
        int header;
        const char *message;
    } options[] = {
        { "weight", -1, "x.csv:1: there is no column \"weight\" for the label" },
        { "kind", 0, "because the file has no header" },
        { "3", -1, "there is no column 3 for the label; there are 3 columns" },
        { "-4", -1, "there is no column -4" },
        { "99999999999999999999", -1, "there is no column" },
        { "1x", -1, "there is no column \"1x\"" },
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const caviar_csv_options one = with(options[i].label, options[i].header, 0);
        const char *said = described("id,kind,size\n1,2,3\n4,5,6\n", &one);
        cr_expect(strstr(said, options[i].message), "%s: %s", options[i].label, said);
    }
    caviar_dataset *d = NULL;
    REFUSES(caviar_dataset_load_csv(&d, write_file("x.csv", "1,x\n2\0,y\n", 9), NULL), CAVIAR_BAD_FILE,
            "x.csv:2: has a byte of zero");
}

Test(csv, refuses_bad_arguments) {
    const char *path = write_text("good.csv", "1,x\n2,y\n");
    caviar_dataset *d = NULL;
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    REFUSES(caviar_dataset_load_csv(NULL, path, NULL), bad, "dataset is NULL");
    REFUSES(caviar_dataset_load_csv(&d, NULL, NULL), bad, "path is NULL");
    REFUSES(caviar_dataset_load_csv(&d, in_folder("none.csv"), NULL), CAVIAR_IO_ERROR, "No such file");
    caviar_csv_options options = with(NULL, 2, 0);
    REFUSES(caviar_dataset_load_csv(&d, path, &options), bad, "header is 2");
    options = with(NULL, -2, 0);
    REFUSES(caviar_dataset_load_csv(&d, path, &options), bad, "header is -2");
    options = with("", -1, 0);
    REFUSES(caviar_dataset_load_csv(&d, path, &options), bad, "label is empty");
    for (const char *c = "\"\n\r.+-5eE"; *c; c++) {
        options = with(NULL, -1, *c);
        REFUSES(caviar_dataset_load_csv(&d, path, &options), bad, "cannot be a delimiter");
    }
    options = with(NULL, -1, 0);
    options.struct_size = 0;
    REFUSES(caviar_dataset_load_csv(&d, path, &options), bad, "CAVIAR_CSV_OPTIONS_INIT");
    cr_expect(d == NULL);
}

/* Where a program's locale writes 1,5 for 1.5 the file's numbers stay what they are. The locale is made here, since
 * few systems have one installed. */
Test(csv, does_not_depend_on_the_locale) {
    char command[512];
    write_text("source", "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \"\"\ngrouping -1\nEND LC_NUMERIC\n");
    write_text("charmap", "<code_set_name> ASCII\n<comment_char> %\n<escape_char> /\nCHARMAP\n"
                          "<U0000>..<U007F> /x00 ascii\nEND CHARMAP\n");
    snprintf(command, sizeof command, "localedef -c -i %s/source -f %s/charmap %s/comma >/dev/null 2>&1", folder,
             folder, folder);
    const int made = system(command);
    setenv("LOCPATH", folder, 1);
    if (!setlocale(LC_NUMERIC, "comma")) cr_skip_test("localedef (%d) cannot make a locale with a decimal comma", made);
    cr_expect_str_eq(described("1.5,x\n2.25e0,y\n", NULL), "2x1 floats: 1,5 2,25 | x y | 0 1");
}

Test(csv, reads_compressed_and_many_lines) {
    enum { LINES = 5000, COLUMNS = 7 };
    char *text = malloc(LINES * COLUMNS * 16);
    size_t size = 0;
    for (int i = 0; i < LINES; i++) {
        for (int c = 0; c < COLUMNS; c++) size += (size_t)sprintf(text + size, "%.9g,", (double)((float)i / (c + 1)));
        size += (size_t)sprintf(text + size, "class %d\n", i * 31 % 300);
    }
    caviar_dataset *d;
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_load(&d, write_gzip("many.csv.gz", text, size), NULL));
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_assert(info.examples == LINES && info.features == COLUMNS && info.classes == 300);
    for (int i = 0; i < LINES; i++) {
        float features[COLUMNS];
        int32_t label;
        const char *name;
        char expected[32];
        SUCCEEDS(caviar_dataset_read(features, &label, d, i, 1));
        for (int c = 0; c < COLUMNS; c++) cr_assert(features[c] == (float)i / (float)(c + 1));
        SUCCEEDS(caviar_dataset_class_name(&name, d, label));
        snprintf(expected, sizeof expected, "class %d", i * 31 % 300);
        cr_assert_str_eq(name, expected);
    }
    caviar_dataset_destroy(d);

    /* One class more than there may be. */
    size = 0;
    for (int i = 0; i <= 65536; i++) size += (size_t)sprintf(text + size, "0,%x\n", i);
    d = NULL;
    REFUSES(caviar_dataset_load_csv(&d, write_file("classes.csv", text, size), NULL), CAVIAR_BAD_FILE,
            "classes.csv:65537: more than 65536 different labels");
    free(text);
}

Test(csv, a_test_part_is_matched_by_the_names_of_classes) {
    caviar_dataset *d, *test;
    int32_t labels[3];
    SUCCEEDS(caviar_dataset_load_csv(&d, write_text("train.csv", "1,cat\n2,dog\n3,eel\n"), NULL));
    SUCCEEDS(caviar_dataset_load_csv(&test, write_text("test.csv", "0.5,eel\n1,dog\n7,eel\n"), NULL));
    SUCCEEDS(caviar_dataset_add_test(d, test));
    SUCCEEDS(caviar_dataset_read(NULL, labels, d, 3, 3));
    cr_expect(labels[0] == 2 && labels[1] == 1 && labels[2] == 2);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);
    SUCCEEDS(caviar_dataset_load_csv(&d, write_text("train.csv", "1,cat\n2,dog\n3,eel\n"), NULL));
    SUCCEEDS(caviar_dataset_load_csv(&test, write_text("test.csv", "1,dog\n2,emu\n"), NULL));
    REFUSES(caviar_dataset_add_test(d, test), CAVIAR_INVALID_ARGUMENT, "test example 1 has the label \"emu\"");
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.examples == 3 && info.part_examples[CAVIAR_TEST] == 0);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);
}

static caviar_status load(const char *path) {
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_load_csv(&dataset, path, NULL);
    if (status == CAVIAR_OK) check_usable(dataset);
    caviar_dataset_destroy(dataset);
    return status;
}

Test(csv, survives_damage) {
    static const char text[] = "a;\"b \"\"c\"\"\";label\r\n1;2.5;\"x;\"\"1\"\"\"\r\n-3e1;\"4\";\xc3\xa9\r\n5;6;x\r\n";
    const unsigned char *bytes = (const unsigned char *)text;
    const damage_count cut = damage("cut.csv", bytes, sizeof text - 1, 1, load);
    const damage_count flipped = damage("flipped.csv", bytes, sizeof text - 1, 0, load);
    cr_expect(cut.refused >= 50 && cut.loaded >= 4, "%d %d", cut.refused, cut.loaded);
    cr_expect(flipped.refused >= 100 && flipped.loaded >= 100, "%d %d", flipped.refused, flipped.loaded);
}
