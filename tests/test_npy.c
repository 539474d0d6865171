/* NPY files. */
#include "folder.h"

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
        cr_expect(info.classes == 65536 && info.features == 2);
        SUCCEEDS(caviar_dataset_read(NULL, classes, d, 0, 3));
        cr_expect(classes[0] == 2 && classes[1] == 0 && classes[2] == 65535);
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

Test(npy, refuses_wrong_labels) {
    const char *features = features_of_three();
    caviar_dataset *d = NULL;
    struct {
        const char *dictionary;
        union {
            int64_t wide[4];
            int32_t narrow[8];
            unsigned char bytes[32];
        } data;
        size_t size;
        const char *message;
    } wrong[] = {
        { "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", { .wide = { 0, 1, -1 } }, 24, "label 2 is -1" },
        { "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }",
          { .wide = { 0, INT64_C(1) << 32, 1 } },
          24,
          "label 1 is 4294967296" },
        { "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }",
          { .wide = { INT64_MIN, 0, 1 } },
          24,
          "label 0 is -9223372036854775808" },
        { "{'descr': '<u8', 'fortran_order': False, 'shape': (3,), }",
          { .wide = { -1, 0, 1 } },
          24,
          "label 0 is 9223" },
        { "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }",
          { .narrow = { 0, 65536, 1 } },
          12,
          "must be 0 to 65535" },
        { "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", { .narrow = { 0, 1 } }, 8, "has 2 labels" },
        { "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 1), }",
          { .narrow = { 0, 1, 2 } },
          12,
          "2 dimensions" },
        { "{'descr': '<i4', 'fortran_order': False, 'shape': (), }", { .narrow = { 0 } }, 4, "0 dimensions" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", { .narrow = { 0 } }, 12, "this is floats" },
        { "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", { .bytes = { 0, 0, 0 } }, 3, "1 classes" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *labels = write_labels(wrong[i].dictionary, &wrong[i].data, wrong[i].size);
        REFUSES(caviar_dataset_load_npy(&d, features, labels), CAVIAR_BAD_FILE, wrong[i].message);
    }
    cr_expect(d == NULL);
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
        { "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 16, "ascontiguousarray" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", 16, "reshape a single feature" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4), }", 16, "(N,) for one dimension" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }", 0, "size 1 of its shape is 0" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -2), }", 16, "expected a size" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }", 16, "expected , or )" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }", 16, "a smaller size" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 16, "larger than memory" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 15, "announces 16 bytes" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 17, "announces 16 bytes" },
        { "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 2), }", 16, "expected True or False" },
        { "{'descr': '<f4', 'fortran_order': False, }", 16, "descr, fortran_order and shape" },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 16, "each once" },
        { "{'descr': '<f4', 'order': False, 'shape': (2, 2), }", 16, "each once" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), } x", 16, "nothing but blanks" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)", 16, "expected , or }" },
        { "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2), }", 32, "type '<c8'" },
        { "{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", 32, "type '|O'" },
        { "{'descr': '<f16', 'fortran_order': False, 'shape': (2, 2), }", 64, "type '<f16'" },
        { "{'descr': '<U5', 'fortran_order': False, 'shape': (2, 2), }", 80, "type '<U5'" },
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
