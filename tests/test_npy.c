/* NPY files. */
#include "folder.h"
#include "host/data/dataset.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

TestSuite(npy, .init = make_folder, .fini = remove_folder);

/* Writes an array of version `version` with this dictionary and these elements; blanks pad the header to 64 bytes. */
static const char *write_npy(const char *name, int version, const char *dictionary, const void *data, size_t size) {
    unsigned char file[4096];
    const size_t fixed = version == 1 ? 10 : 12, text = strlen(dictionary);
    const size_t length = (fixed + text + 1 + 63) / 64 * 64 - fixed;
    cr_assert(fixed + length + size <= sizeof file);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[7] = 0;
    file[8] = length & 255;
    file[9] = (unsigned char)(length >> 8);
    if (version != 1) file[10] = file[11] = 0;
    memset(file + fixed, ' ', length);
    memcpy(file + fixed, dictionary, text);
    file[fixed + length - 1] = '\n';
    memcpy(file + fixed + length, data, size);
    return write_file(name, file, fixed + length + size);
}

/* One element of a type, given as its value. */
static void store(unsigned char *to, const char *type, double value) {
    const int size = type[2] - '0';
    const int64_t whole = (int64_t)value;
    uint64_t bits = (uint64_t)whole;
    const float single = (float)value;
    uint32_t word;
    memcpy(&word, &single, sizeof word);
    if (type[1] == 'f' && size == 8) memcpy(&bits, &value, sizeof bits);
    if (type[1] == 'f' && size == 4) bits = word;
    /* Exact for what is used here: normal halves. */
    if (type[1] == 'f' && size == 2) {
        bits = word == 0 ? 0 : (word >> 16 & 0x8000) | ((word >> 23 & 255) - 112) << 10 | (word >> 13 & 1023);
    }
    for (int i = 0; i < size; i++) to[type[0] == '>' ? size - 1 - i : i] = (unsigned char)(bits >> 8 * i);
}

Test(npy, reads_every_type) {
    static const char *const types[] = { "|b1", "|u1", "|i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">u4", "<i4", ">i4",
                                         "<u8", ">u8", "<i8", ">i8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8" };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const char *type = types[t];
        const double values[6] = {
            0, 1, type[1] == 'b' ? 1 : 100, 1, type[1] == 'i' || type[1] == 'f' ? -2 : 1, type[1] == 'f' ? 0.5 : 0
        };
        unsigned char data[48];
        char dictionary[96];
        for (int i = 0; i < 6; i++) store(data + i * (type[2] - '0'), type, values[i]);
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (3, 2), }", type);
        for (int version = 1; version <= 3; version++) {
            caviar_dataset *d;
            caviar_dataset_info info;
            float features[6];
            SUCCEEDS(caviar_dataset_load_npy(
                &d, write_npy("x.npy", version, dictionary, data, 6 * (size_t)(type[2] - '0')), NULL));
            SUCCEEDS(caviar_dataset_get_info(&info, d));
            cr_expect(info.examples == 3 && info.features == 2 && info.classes == 0);
            cr_expect((info.type == CAVIAR_UINT8) == (type[1] == 'b' || strcmp(type, "|u1") == 0), "%s", type);
            SUCCEEDS(caviar_dataset_read(features, NULL, d, 0, 3));
            for (int i = 0; i < 6; i++) {
                cr_expect(features[i] == (float)values[i], "%s: %g, not %g", type, (double)features[i], values[i]);
            }
            caviar_dataset_destroy(d);
        }
    }
}

/* Values at the edges of their types, by their bits. */
Test(npy, converts_edges_exactly) {
    struct {
        const char *type;
        unsigned char bytes[8];
        float value;
    } edges[] = {
        { "<f2", { 0x01, 0x00 }, 0x1p-24f },
        { "<f2", { 0xff, 0x83 }, -1023 * 0x1p-24f },
        { "<f2", { 0xff, 0x7b }, 65504 },
        { "<f2", { 0x00, 0x04 }, 0x1p-14f },
        { "<f2", { 0x00, 0x80 }, -0.0f },
        { "|i1", { 0x80 }, -128 },
        { ">i2", { 0x80, 0x00 }, -32768 },
        { "<i4", { 0, 0, 0, 0x80 }, -2147483648.0f },
        { "<i8", { 0, 0, 0, 0, 0, 0, 0, 0x80 }, -0x1p63f },
        { "<u8", { 255, 255, 255, 255, 255, 255, 255, 255 }, 0x1p64f },
        { "<u4", { 255, 255, 255, 255 }, 0x1p32f },
        { "<f4", { 1, 0, 0, 0 }, FLT_TRUE_MIN },
        { "<f8", { 0, 0, 0, 0, 0, 0, 0xe0, 0x3f }, 0.5f },
    };
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        caviar_dataset *d;
        char dictionary[96];
        float value = 7;
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (1, 1), }",
                 edges[i].type);
        const size_t size = (size_t)(edges[i].type[2] - '0');
        SUCCEEDS(caviar_dataset_load_npy(&d, write_npy("x.npy", 1, dictionary, edges[i].bytes, size), NULL));
        SUCCEEDS(caviar_dataset_read(&value, NULL, d, 0, 1));
        cr_expect(value == edges[i].value && signbit(value) == signbit(edges[i].value), "%s: %g, not %g", edges[i].type,
                  (double)value, (double)edges[i].value);
        caviar_dataset_destroy(d);
    }
}

static const char *features_of_three(void) {
    return write_npy("features.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2, 1), }", "abcdef", 6);
}

static const char *write_labels(const char *dictionary, const void *data, size_t size) {
    return write_npy("labels.npy", 1, dictionary, data, size);
}

Test(npy, reads_labels) {
    const int64_t wide[3] = { 2, 0, 65535 };
    const char *features = features_of_three();
    const char *labels = write_labels("{'descr': '<i8', 'fortran_order': True, 'shape': (3,), }", wide, sizeof wide);
    caviar_dataset *d;
    caviar_dataset_info info;
    int32_t classes[3];
    char pair[512];
    snprintf(pair, sizeof pair, "%s,%s", features, labels);
    for (int i = 0; i < 2; i++) {
        SUCCEEDS(i ? caviar_dataset_load(&d, pair, NULL) : caviar_dataset_load_npy(&d, features, labels));
        SUCCEEDS(caviar_dataset_get_info(&info, d));
        cr_expect(info.classes == 3 && info.features == 2);
        SUCCEEDS(caviar_dataset_read(NULL, classes, d, 0, 3));
        cr_expect(classes[0] == 1 && classes[1] == 0 && classes[2] == 2);
        caviar_dataset_destroy(d);
    }
    /* Swapping keys, quotes and the last comma changes nothing. */
    labels = write_labels("{\"shape\":(3,),'fortran_order':False,'descr':\"|b1\"}", "\1\0\1", 3);
    SUCCEEDS(caviar_dataset_load_npy(&d, features, labels));
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.classes == 2);
    caviar_dataset_destroy(d);
    SUCCEEDS(caviar_dataset_load(&d, features, NULL));
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.classes == 0);
    caviar_dataset_destroy(d);
}

/* Whatever the labels are, classes are their distinct values, in order, named by them. */
Test(npy, compacts_labels) {
    const char *features = features_of_three();
    struct {
        const char *type, *shape;
        union {
            int64_t wide[3];
            double reals[3];
            float floats[3];
            uint32_t characters[6];
            unsigned char bytes[24];
        } data;
        size_t size;
        const char *names;
    } right[] = {
        { "<i8", "(3,)", { .wide = { 20, 10, 30 } }, 24, "10 20 30 102" },
        { "<i8", "(3, 1)", { .wide = { 20, 10, 30 } }, 24, "10 20 30 102" },
        { "<i8", "(1, 3)", { .wide = { 20, 10, 30 } }, 24, "10 20 30 102" },
        { "<i8", "(3,)", { .wide = { -1, 1, -1 } }, 24, "-1 1 010" },
        { "<i8",
          "(3,)",
          { .wide = { INT64_MIN, INT64_MAX, 0 } },
          24,
          "-9223372036854775808 0 9223372036854775807 021" },
        { "<u8", "(3,)", { .wide = { -1, 0, 0 } }, 24, "0 18446744073709551615 100" },
        { "<f8", "(3,)", { .reals = { 3, -0.0, 3 } }, 24, "0 3 101" },
        { "<f8", "(3, 1)", { .reals = { 0, -0.0, 0.5 } }, 24, "0 0.5 001" },
        { "<f4", "(3,)", { .floats = { 0.1f, 2, 0.1f } }, 12, "0.1 2 010" },
        { "|S4", "(3,)", { .bytes = "cat\0dog\0bird" }, 12, "bird cat dog 120" },
        { "|S3",
          "(3,)",
          { .bytes = "1\0\0"
                     "1.0"
                     "01\0"
                     "2" },
          9,
          NULL }, /* one class only */
        { "<U2", "(3,)", { .characters = { 0xe9, 'a', 'x', 0, 0x1f600, 0 } }, 24, "x \303\251a \360\237\230\200 102" },
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        char dictionary[96], got[128] = "";
        caviar_dataset *d = NULL;
        caviar_dataset_info info;
        int32_t classes[3];
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", right[i].type,
                 right[i].shape);
        const char *labels = write_labels(dictionary, &right[i].data, right[i].size);
        if (!right[i].names) {
            REFUSES(caviar_dataset_load_npy(&d, features, labels), CAVIAR_BAD_FILE, "1 classes");
            continue;
        }
        SUCCEEDS(caviar_dataset_load_npy(&d, features, labels));
        SUCCEEDS(caviar_dataset_get_info(&info, d));
        SUCCEEDS(caviar_dataset_read(NULL, classes, d, 0, 3));
        for (int64_t c = 0; c < info.classes; c++) {
            const char *name;
            SUCCEEDS(caviar_dataset_class_name(&name, d, c));
            strcat(strcat(got, name), " ");
        }
        for (int k = 0; k < 3; k++) snprintf(got + strlen(got), 4, "%d", (int)classes[k]);
        cr_expect_str_eq(got, right[i].names, "%s %s: %s", right[i].type, right[i].shape, got);
        caviar_dataset_destroy(d);
    }
}

Test(npy, refuses_wrong_labels) {
    const char *features = features_of_three();
    caviar_dataset *d = NULL;
    struct {
        const char *dictionary;
        union {
            int64_t wide[3];
            float floats[8];
            uint32_t characters[6];
            unsigned char bytes[32];
        } data;
        size_t size;
        const char *message;
    } wrong[] = {
        { "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", { .wide = { 0, 1 } }, 16, "has 2 labels" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", { .floats = { 0 } }, 24, "argmax(axis=1)" },
        { "{'descr': '<i8', 'fortran_order': False, 'shape': (), }", { .wide = { 0 } }, 8, "has 1 labels" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", { .floats = { 0, NAN } }, 12, "label 1 is nan" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
          { .floats = { 0, 1, -INFINITY } },
          12,
          "label 2 is -inf" },
        { "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", { .bytes = { 0, 0, 0 } }, 3, "1 classes" },
        { "{'descr': '|S2', 'fortran_order': False, 'shape': (3,), }", { .bytes = "a\0\0\0b" }, 6, "label 1 is empty" },
        { "{'descr': '|S2', 'fortran_order': False, 'shape': (3,), }",
          { .bytes = "a\0\377\0b" },
          6,
          "not valid UTF-8" },
        { "{'descr': '<U1', 'fortran_order': False, 'shape': (3,), }",
          { .characters = { 'a', 0x1040000, 'b' } },
          12,
          "label 1 is not valid UTF-8" },
        { "{'descr': '<U1', 'fortran_order': False, 'shape': (3,), }",
          { .characters = { 'a', 'b', 0xd800 } },
          12,
          "label 2 is not valid UTF-8" },
        { "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", { .bytes = { 0 } }, 24, "a.astype(str)" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *labels = write_labels(wrong[i].dictionary, &wrong[i].data, wrong[i].size);
        REFUSES(caviar_dataset_load_npy(&d, features, labels), CAVIAR_BAD_FILE, wrong[i].message);
    }
    cr_expect(d == NULL);
}

/* An array in Fortran order is its transpose in C order, whatever its rank. */
Test(npy, reads_both_orders) {
    enum { ROWS = 37, HIGH = 5, WIDE = 7, COLUMNS = HIGH * WIDE };
    static const char *const types[] = { "|u1", "<i2", ">f4", "<f8" };
    static unsigned char data[2][ROWS * COLUMNS * 8];
    static char file[ROWS * COLUMNS * 8 + 256];
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const size_t size = (size_t)(types[t][2] - '0');
        for (int rank = 2; rank <= 3; rank++) {
            caviar_dataset *d[2];
            static float features[2][ROWS * COLUMNS];
            for (int r = 0; r < ROWS; r++)
                for (int c = 0; c < COLUMNS; c++) {
                    const int place = rank == 2 ? c : c % WIDE * HIGH + c / WIDE;
                    store(data[0] + (size_t)(r * COLUMNS + c) * size, types[t], (r * 11 + c * 3) % 200);
                    store(data[1] + (size_t)(place * ROWS + r) * size, types[t], (r * 11 + c * 3) % 200);
                }
            for (int fortran = 0; fortran < 2; fortran++) {
                memset(file, ' ', 128);
                memcpy(file, "\x93NUMPY\1\0\x76\0", 10);
                const int length = snprintf(file + 10, 100, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s)}",
                                            types[t], fortran ? "True" : "False", rank == 2 ? "37, 35" : "37, 5, 7");
                file[10 + length] = ' ';
                memcpy(file + 128, data[fortran], ROWS * COLUMNS * size);
                SUCCEEDS(
                    caviar_dataset_load_npy(&d[fortran], write_file("x.npy", file, 128 + ROWS * COLUMNS * size), NULL));
                SUCCEEDS(caviar_dataset_read(features[fortran], NULL, d[fortran], 0, ROWS));
                caviar_dataset_destroy(d[fortran]);
            }
            cr_expect(memcmp(features[0], features[1], sizeof features[0]) == 0, "%s of rank %d", types[t], rank);
            cr_expect(features[0][COLUMNS + 1] == 14);
        }
    }
}

/* What 64 bits tell apart and 32 do not, is told apart by the distance from an origin, or a note says that it is not.
 */
Test(npy, keeps_small_differences_of_large_numbers) {
    static const char *const types[] = { "<f8", "<i8", "<u8", ">i4" };
    for (int fortran = 0; fortran < 2; fortran++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            const size_t size = (size_t)(types[t][2] - '0');
            const double start = size == 4 ? 2147480000.0 : types[t][1] == 'f' ? 1.7e15 : 0x1p62;
            unsigned char data[64];
            char dictionary[96];
            caviar_dataset *d;
            for (int i = 0; i < 8; i++) {
                store(data + (size_t)i * size, types[t], start);
                data[(size_t)i * size + (types[t][0] == '>' ? size - 1 : 0)] ^= (unsigned char)i; /* the last bits */
            }
            snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", types[t],
                     fortran ? "True" : "False", "8, 1");
            SUCCEEDS(caviar_dataset_load_npy(&d, write_npy("x.npy", 1, dictionary, data, 8 * size), NULL));
            cr_expect(d->columns.items[0].origin != 0);
            const float *cells = d->table.cells;
            for (int i = 1; i < 8; i++) {
                const float step = (float)((double)(cells[i] - cells[0]) / (types[t][1] == 'f' ? 0.25 : 1));
                cr_expect(step == (float)i, "%s: step %d is %g", types[t], i, (double)step);
            }
            cr_expect_eq(caviar_dataset_note_count(d), 0);
            caviar_dataset_destroy(d);
        }
    const double far[4] = { 0, 1e12, 1e12 + 1, 1e12 + 2 }, missing[4] = { 1, NAN, 3, 4 };
    caviar_dataset *d;
    const char *note;
    static const char dictionary[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 1), }";
    SUCCEEDS(caviar_dataset_load_npy(&d, write_npy("x.npy", 1, dictionary, far, sizeof far), NULL));
    SUCCEEDS(caviar_dataset_note(&note, d, 0));
    cr_expect(strstr(note, "column 0") && strstr(note, "2 of 4 different ones equal"), "%s", note);
    caviar_dataset_destroy(d);
    /* A NaN is a missing cell. */
    SUCCEEDS(caviar_dataset_load_npy(&d, write_npy("x.npy", 1, dictionary, missing, sizeof missing), NULL));
    cr_expect_eq(d->table.columns[0].missing, 1);
    caviar_dataset_destroy(d);
}

Test(npy, names_what_is_wrong) {
    caviar_dataset *d = NULL;
    REFUSES(caviar_dataset_load_npy(NULL, "x", NULL), CAVIAR_INVALID_ARGUMENT, "dataset is NULL");
    REFUSES(caviar_dataset_load_npy(&d, NULL, NULL), CAVIAR_INVALID_ARGUMENT, "features_path is NULL");
    REFUSES(caviar_dataset_load_npy(&d, in_folder("none.npy"), NULL), CAVIAR_IO_ERROR, "none.npy: cannot open");
    REFUSES(caviar_dataset_load_npy(&d, features_of_three(), in_folder("none.npy")), CAVIAR_IO_ERROR, "cannot open");
    REFUSES(caviar_dataset_load_npy(&d, write_text("x.npy", "PK\3\4"), NULL), CAVIAR_BAD_FILE, "is not an NPY file");
    REFUSES(caviar_dataset_load_npy(&d, write_file("x.npy", "\x93NUMPY\4\0\0\0\0\0\0", 13), NULL), CAVIAR_BAD_FILE,
            "version 4.0");
    struct {
        const char *dictionary;
        size_t size;
        const char *message;
    } wrong[] = {
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", 16, "reshape a single feature" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4), }", 16, "(N,) for one dimension" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }", 0, "size 1 of its shape is 0" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -2), }", 16, "expected a size" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }", 16, "expected , or )" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }", 16, "a smaller size" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 16, "larger than memory" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 15, "announces 16 bytes" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 17, "goes on behind byte 144" },
        { "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 2), }", 16, "expected True or False" },
        { "{'descr': '<f4', 'fortran_order': False, }", 16, "descr, fortran_order and shape" },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 16, "each once" },
        { "{'descr': '<f4', 'order': False, 'shape': (2, 2), }", 16, "each once" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), } x", 16, "nothing but blanks" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)", 16, "expected , or }" },
        { "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2), }", 32, "type '<c8'" },
        { "{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", 32, "type '|O'" },
        { "{'descr': '<f16', 'fortran_order': False, 'shape': (2, 2), }", 64, "type '<f16'" },
        { "{'descr': '<U5', 'fortran_order': False, 'shape': (2, 2), }", 80, "which only labels may be" },
        { "{'descr': '|f4', 'fortran_order': False, 'shape': (2, 2), }", 16, "type '|f4'" },
        { "{'descr': '<f1', 'fortran_order': False, 'shape': (2, 2), }", 4, "type '<f1'" },
        { "{'descr': '', 'fortran_order': False, 'shape': (2, 2), }", 4, "type ''" },
        { "{'descr': 'an endless description', 'fortran_order': False, 'shape': (2, 2), }", 4, "a shorter word" },
        { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2), }", 16, "structures" },
        { "['descr']", 16, "expected {" },
    };
    const unsigned char zeros[96] = { 0 };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *path = write_npy("x.npy", 1, wrong[i].dictionary, zeros, wrong[i].size);
        REFUSES(caviar_dataset_load_npy(&d, path, NULL), CAVIAR_BAD_FILE, wrong[i].message);
        cr_expect(strncmp(caviar_last_error(), path, strlen(path)) == 0);
    }
    static const double too_large[] = { INFINITY, 1e39, -1e300, 3e38 };
    for (size_t i = 0; i < sizeof too_large / sizeof *too_large; i++) {
        const double values[4] = { 1, 2, too_large[i], 4 };
        const char *path =
            write_npy("x.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", values, sizeof values);
        REFUSES(caviar_dataset_load_npy(&d, path, NULL), CAVIAR_BAD_FILE, "feature 0 of example 1");
    }
    cr_expect(d == NULL);
}

static caviar_status load_features(const char *path) {
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_load_npy(&dataset, path, NULL);
    if (status == CAVIAR_OK) check_usable(dataset);
    caviar_dataset_destroy(dataset);
    return status;
}

static caviar_status load_labels(const char *path) {
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_load_npy(&dataset, in_folder("features.npy"), path);
    if (status == CAVIAR_OK) check_usable(dataset);
    caviar_dataset_destroy(dataset);
    return status;
}

Test(npy, survives_damage) {
    const float values[6] = { 1, 2, -3, 4e5f, 5, 6 };
    size_t size;
    for (int version = 1; version <= 2; version++) {
        const char *path = write_npy(
            "whole.npy", version, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", values, sizeof values);
        unsigned char *data = read_file(&size, path);
        damage_count count = damage("cut.npy", data, size, 1, load_features);
        cr_expect(count.loaded == 0 && count.refused == (int)size);
        count = damage("flipped.npy", data, size, 0, load_features);
        cr_expect(count.loaded >= 100 && count.refused >= 8 * 50, "%d %d", count.loaded, count.refused);
        free(data);
    }
    const short numbers[3] = { 1, 0, 2 };
    features_of_three();
    unsigned char *data = read_file(
        &size, write_labels("{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }", numbers, sizeof numbers));
    damage_count count = damage("cut.npy", data, size, 1, load_labels);
    cr_expect(count.loaded == 0 && count.refused == (int)size);
    count = damage("flipped.npy", data, size, 0, load_labels);
    cr_expect(count.loaded >= 16 && count.refused >= 8 * 50, "%d %d", count.loaded, count.refused);
    free(data);
}
