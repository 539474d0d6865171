/* NPZ archives, the choice of their arrays, and data on standard input. */
#include "folder.h"
#include "host/data/dataset.h"

#include <fcntl.h>

TestSuite(npz, .init = make_folder, .fini = remove_folder);

/* An archive that is being written: members one after another, then the directory. */
typedef struct archive {
    unsigned char data[16384], directory[4096];
    size_t size, directory_size;
    int members, wide; /* wide: with the sizes of 64 bits that NumPy writes of large arrays */
} archive;

static size_t put(unsigned char *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = i < 8 ? (unsigned char)(value >> 8 * i) : 0;
    return (size_t)bytes;
}

static void add_member(archive *a, const char *name, const void *content, size_t size, int deflated) {
    unsigned char packed[8192];
    size_t packed_size = size;
    memcpy(packed, content, size);
    if (deflated) {
        z_stream stream = { .next_in = (unsigned char *)content, .avail_in = (unsigned)size };
        cr_assert(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
        stream.next_out = packed;
        stream.avail_out = sizeof packed;
        cr_assert(deflate(&stream, Z_FINISH) == Z_STREAM_END);
        packed_size = stream.total_out;
        deflateEnd(&stream);
    }
    const size_t length = strlen(name), local = a->size;
    const uint64_t crc = crc32(0, content, (unsigned)size), method = deflated ? 8 : 0;
    unsigned char *to = a->data + a->size;
    memcpy(to, "PK\3\4", 4);
    to += 4;
    to += put(to, 45, 2) + put(to + 2, 0, 2) + put(to + 4, method, 2) + put(to + 6, 0, 4);
    to += put(to, crc, 4) + put(to + 4, packed_size, 4) + put(to + 8, size, 4) + put(to + 12, length, 2);
    to += put(to, 0, 2);
    memcpy(to, name, length);
    memcpy(to + length, packed, packed_size);
    a->size = (size_t)(to - a->data) + length + packed_size;

    to = a->directory + a->directory_size;
    memcpy(to, "PK\1\2", 4);
    to += 4;
    to += put(to, 45, 2) + put(to + 2, 45, 2) + put(to + 4, 0, 2) + put(to + 6, method, 2) + put(to + 8, 0, 4);
    to += put(to, crc, 4);
    to += put(to, a->wide ? 0xffffffff : packed_size, 4) + put(to + 4, a->wide ? 0xffffffff : size, 4);
    to += put(to, length, 2) + put(to + 2, a->wide ? 28 : 0, 2) + put(to + 4, 0, 10);
    to += put(to, a->wide ? 0xffffffff : local, 4);
    memcpy(to, name, length);
    to += length;
    if (a->wide) {
        to += put(to, 1, 2) + put(to + 2, 24, 2);
        to += put(to, size, 8) + put(to + 8, packed_size, 8) + put(to + 16, local, 8);
    }
    a->directory_size = (size_t)(to - a->directory);
    a->members++;
}

static const char *finish(archive *a, const char *name) {
    const size_t directory = a->size;
    const uint64_t members = (uint64_t)a->members;
    unsigned char *to = a->data + directory;
    memcpy(to, a->directory, a->directory_size);
    to += a->directory_size;
    if (a->wide) {
        const size_t record = (size_t)(to - a->data);
        memcpy(to, "PK\6\6", 4);
        to += 4;
        to += put(to, 44, 8) + put(to + 8, 45, 2) + put(to + 10, 45, 2) + put(to + 12, 0, 8) + put(to + 20, members, 8);
        to += put(to, members, 8) + put(to + 8, a->directory_size, 8) + put(to + 16, directory, 8);
        memcpy(to, "PK\6\7", 4);
        to += 4;
        to += put(to, 0, 4) + put(to + 4, record, 8) + put(to + 12, 1, 4);
    }
    memcpy(to, "PK\5\6", 4);
    to += 4;
    to += put(to, 0, 4) + put(to + 4, a->wide ? 0xffff : members, 2) + put(to + 6, a->wide ? 0xffff : members, 2);
    to += put(to, a->wide ? 0xffffffff : a->directory_size, 4) + put(to + 4, a->wide ? 0xffffffff : directory, 4);
    to += put(to, 0, 2);
    a->size = (size_t)(to - a->data);
    return write_file(name, a->data, a->size);
}

/* Adds an array of whole numbers [rows] or [rows, columns], `first` and those after it modulo 7, times `factor`. */
static void add_array(archive *a, const char *name, int rows, int columns, int first, int factor, int deflated) {
    unsigned char file[4096] = "\x93NUMPY\1\0\x76";
    char member[64], shape[32];
    memset(file + 10, ' ', 118);
    snprintf(shape, sizeof shape, columns ? "%d, %d" : "%d,", rows, columns);
    const int length =
        snprintf((char *)file + 10, 118, "{'descr': '<i4', 'fortran_order': False, 'shape': (%s)}", shape);
    file[10 + length] = ' ';
    const int count = rows * (columns ? columns : 1);
    for (int i = 0; i < count; i++) put(file + 128 + 4 * i, (uint64_t)((first + i) % 7 * factor), 4);
    snprintf(member, sizeof member, "%s.npy", name);
    add_member(a, member, file, 128 + 4 * (size_t)count, deflated);
}

static void check(const char *source, int train, int validation, int test, int classes) {
    caviar_dataset *d = NULL;
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_load(&d, source, NULL));
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.part_examples[0] == train && info.part_examples[1] == validation && info.part_examples[2] == test,
              "%s: %d, %d, %d", source, (int)info.part_examples[0], (int)info.part_examples[1],
              (int)info.part_examples[2]);
    cr_expect_eq(info.features, 3);
    cr_expect_eq(info.classes, classes, "%s: %d classes", source, (int)info.classes);
    float features[3];
    int32_t label;
    SUCCEEDS(caviar_dataset_read(features, classes ? &label : NULL, d, 1, 1));
    cr_expect(features[0] == 3 && features[1] == 4 && features[2] == 5);
    cr_expect(!classes || label == 1);
    caviar_dataset_destroy(d);
}

Test(npz, arrays_are_found_by_their_usual_names) {
    static const char *const names[][2] = {
        { "x", "y" },         { "X", "Y" },         { "features", "labels" }, { "train_images", "train_labels" },
        { "arr_0", "arr_1" }, { "data", "target" }, { "this", "that" }
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int form = 0; form < 4; form++) {
            archive a = { .wide = form / 2 };
            add_array(&a, names[i][1], 14, 0, 0, 10, form % 2);
            add_array(&a, names[i][0], 14, 3, 0, 1, form % 2);
            check(finish(&a, "x.npz"), 14, 0, 0, 7);
        }
    archive a = { .wide = 0 };
    add_array(&a, "X", 14, 3, 0, 1, 0);
    check(finish(&a, "x"), 14, 0, 0, 0); /* it is known by its content */
    add_array(&a, "more", 14, 0, 0, 1, 0);
    check(in_folder("x"), 14, 0, 0, 0);
}

Test(npz, parts_come_along) {
    archive a = { .wide = 0 };
    add_array(&a, "x_train", 14, 3, 0, 1, 1);
    add_array(&a, "y_train", 14, 1, 0, 10, 1);
    add_array(&a, "x_test", 7, 3, 0, 1, 0);
    add_array(&a, "y_test", 7, 0, 0, 10, 0);
    archive with_validation = a;
    check(finish(&a, "two.npz"), 14, 0, 7, 7);
    add_array(&with_validation, "x_val", 8, 3, 0, 1, 0);
    add_array(&with_validation, "y_val", 8, 0, 0, 10, 0);
    check(finish(&with_validation, "three.npz"), 14, 8, 7, 7);
    check(strcat(strcpy((char[256]){ 0 }, in_folder("three.npz")), ":x_train,y_train"), 14, 0, 0, 7);
    check(strcat(strcpy((char[256]){ 0 }, in_folder("three.npz")), ":x_train"), 14, 0, 0, 0);
}

static caviar_status load(const char *path) {
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_load(&dataset, path, NULL);
    if (status == CAVIAR_OK) check_usable(dataset);
    caviar_dataset_destroy(dataset);
    return status;
}

Test(npz, says_how_to_choose) {
    char source[256];
    archive a = { .wide = 0 };
    add_array(&a, "one", 14, 3, 0, 1, 0);
    add_array(&a, "two", 14, 0, 0, 1, 0);
    archive ambiguous = a, unknown = a, without_labels = { .wide = 0 }, empty = { .wide = 0 }, half = { .wide = 0 };
    add_array(&unknown, "three", 14, 0, 1, 1, 0);
    REFUSES(load(finish(&unknown, "x.npz")), CAVIAR_BAD_FILE, "holds the arrays one, two, three: name those of");
    snprintf(source, sizeof source, "%s:one,three", in_folder("x.npz"));
    SUCCEEDS(load(source));
    caviar_dataset *d;
    const char *note;
    SUCCEEDS(caviar_dataset_load(&d, source, NULL));
    SUCCEEDS(caviar_dataset_note(&note, d, 0));
    cr_expect(strstr(note, "left alone: two"), "%s", note);
    caviar_dataset_destroy(d);
    snprintf(source, sizeof source, "%s:one,four", in_folder("x.npz"));
    REFUSES(load(source), CAVIAR_BAD_FILE, "there is no array \"four\"");
    snprintf(source, sizeof source, "%s:,one", in_folder("x.npz"));
    REFUSES(load(source), CAVIAR_BAD_FILE, "there is no array \"\"");
    snprintf(source, sizeof source, "%s:one,two", in_folder("none.npz"));
    REFUSES(load(source), CAVIAR_IO_ERROR, "none.npz: cannot open");
    add_array(&ambiguous, "x", 14, 3, 0, 1, 0);
    add_array(&ambiguous, "X", 14, 3, 0, 1, 0);
    REFUSES(load(finish(&ambiguous, "x.npz")), CAVIAR_BAD_FILE, "several of its arrays may be the features");
    add_array(&without_labels, "x", 14, 3, 0, 1, 0);
    add_array(&without_labels, "z", 14, 0, 0, 1, 0);
    REFUSES(load(finish(&without_labels, "x.npz")), CAVIAR_BAD_FILE, "that they are the labels");
    add_array(&half, "x", 14, 3, 0, 1, 0);
    add_array(&half, "y", 14, 0, 0, 1, 0);
    add_array(&half, "x_test", 14, 3, 0, 1, 0);
    REFUSES(load(finish(&half, "x.npz")), CAVIAR_BAD_FILE, "features or labels only");
    add_member(&empty, "xl/workbook.xml", "<xml/>", 6, 0);
    REFUSES(load(finish(&empty, "x.xlsx")), CAVIAR_BAD_FILE, "of a spreadsheet save a sheet as CSV");
    /* An array's own fault is named with its name. */
    archive wrong = { .wide = 0 };
    add_array(&wrong, "X", 14, 3, 0, 1, 0);
    add_array(&wrong, "y", 13, 0, 0, 1, 1);
    REFUSES(load(finish(&wrong, "x.npz")), CAVIAR_BAD_FILE, "x.npz:y: has 13 labels, but");
}

Test(npz, survives_damage) {
    for (int form = 0; form < 3; form++) {
        archive a = { .wide = form == 2 };
        add_array(&a, "X", 6, 2, 0, 1, form == 1);
        add_array(&a, "y", 6, 0, 0, 1, 0);
        finish(&a, "whole.npz");
        const damage_count cut = damage("cut.npz", a.data, a.size, 1, load);
        cr_expect(cut.loaded == 0 && cut.refused == (int)a.size, "%d", cut.loaded);
        const damage_count flipped = damage("flipped.npz", a.data, a.size, 0, load);
        cr_expect(flipped.refused > 8 * 48, "%d", flipped.refused); /* each bit of the content at least */
    }
    archive a = { .wide = 0 };
    add_array(&a, "X", 6, 2, 0, 1, 0);
    a.data[30 + 5 + 128] ^= 1; /* the first element */
    REFUSES(load(finish(&a, "x.npz")), CAVIAR_BAD_FILE, "x.npz:X: is damaged: size or checksum");
}

/* ----------------------------------------------------------------------------------------------------------- content
 */

static void become_standard_input(const char *path) {
    const int descriptor = open(path, O_RDONLY);
    cr_assert(descriptor >= 0 && dup2(descriptor, STDIN_FILENO) == STDIN_FILENO);
    close(descriptor);
}

Test(npz, standard_input_is_known_by_its_content) {
    static const unsigned char idx[] = { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4 };
    archive a = { .wide = 0 };
    add_array(&a, "X", 14, 3, 0, 1, 0);
    add_array(&a, "y", 14, 0, 0, 1, 0);
    become_standard_input(finish(&a, "x.npz"));
    check("-", 14, 0, 0, 7);
    static const char csv[] = "a,b,c,label\n0,1,2,x\n3,4,5,y\n6,0,1,x\n";
    become_standard_input(write_text("x.csv", csv));
    check("-", 3, 0, 0, 2);
    become_standard_input(write_gzip("x.csv.gz", csv, sizeof csv - 1));
    check("-", 3, 0, 0, 2);
    become_standard_input(write_file("x", idx, sizeof idx));
    SUCCEEDS(load("-"));
    become_standard_input(write_text("x", "PAR1"));
    REFUSES(load("-"), CAVIAR_BAD_FILE, "standard input: is a Parquet file: save it as CSV");
}

/* What a header announces is not believed where it is more than can be had, and then nothing is read. */
Test(npz, more_than_memory_is_refused_at_once) {
    char header[129], gzip[192];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\1\0\x76", 9);
    header[9] = 0;
    const int length =
        snprintf(header + 10, 118, "{'descr': '<f8', 'fortran_order': False, 'shape': (1048576, 1048576)}");
    header[10 + length] = ' ';
    snprintf(gzip, sizeof gzip, "%s", write_gzip("x.gz", header, 128));
    REFUSES(load(gzip), CAVIAR_BAD_FILE, "of memory, more than half of what is free here");
    static const unsigned char idx[] = { 0, 0, 8, 2, 0x7f, 0, 0, 0, 0x7f, 0, 0, 0 };
    REFUSES(load(write_gzip("y.gz", idx, sizeof idx)), CAVIAR_BAD_FILE, "more than half of what is free here");
}

Test(npz, other_formats_are_refused_with_what_to_do) {
    REFUSES(load(write_text("x", "{\"a\": 1}\n")), CAVIAR_BAD_FILE, "is JSON: save it as CSV");
    REFUSES(load(write_text("x.csv", "\x89HDF\r\n")), CAVIAR_BAD_FILE, "an HDF5 file");
    REFUSES(load(write_text("x.arff", "% a comment\n@RELATION x\n")), CAVIAR_BAD_FILE, "an ARFF file");
    REFUSES(load(write_text("x.npz", "1,2,a\n3,4,b\n")), CAVIAR_BAD_FILE, "archive");
    REFUSES(load(write_text("x.npy", "1,2,a\n3,4,b\n")), CAVIAR_BAD_FILE, "is not an NPY file");
    REFUSES(load("/dev/zero"), CAVIAR_BAD_FILE, "/dev/zero: byte 0 is zero: this is no text file");
    caviar_model *model = NULL;
    REFUSES(caviar_model_load(&model, "/dev/zero"), CAVIAR_BAD_FILE, "/dev/zero: is not a whole safetensors file");
}
