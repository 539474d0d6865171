/* IDX files, and the sources that `--data` names. */
#include "folder.h"
#include "host/data/dataset.h"

#include <sys/stat.h>

TestSuite(idx, .init = make_folder, .fini = remove_folder);

enum { IMAGES_SIZE = 16 + 12, LABELS_SIZE = 8 + 3 };
/* Three images of 2 x 2 and their labels. */
static const unsigned char images[IMAGES_SIZE] = { 0, 0, 8, 3, 0, 0, 0,  3,  0,  0,  0,  2,  0,   0,
                                                   0, 2, 0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 255, 23 };
static const unsigned char labels[LABELS_SIZE] = { 0, 0, 8, 1, 0, 0, 0, 3, 4, 0, 1 };

static void check_content(caviar_dataset *dataset) {
    caviar_dataset_info info;
    float features[12];
    int32_t classes[3];
    const char *name;
    SUCCEEDS(caviar_dataset_get_info(&info, dataset));
    cr_assert(info.examples == 3 && info.features == 4 && info.classes == 3 && info.type == CAVIAR_UINT8);
    SUCCEEDS(caviar_dataset_read(features, classes, dataset, 0, 3));
    for (int i = 0; i < 12; i++) cr_expect(features[i] == images[16 + i]);
    for (int i = 0; i < 3; i++) {
        SUCCEEDS(caviar_dataset_class_name(&name, dataset, classes[i]));
        cr_expect_eq(atoi(name), labels[8 + i]);
    }
    cr_expect(classes[0] == 2 && classes[1] == 0 && classes[2] == 1); /* of 0, 1 and 4, in this order */
}

Test(idx, reads_plain_and_compressed_files) {
    const char *paths[2][2] = {
        { write_file("images", images, IMAGES_SIZE), write_file("labels", labels, LABELS_SIZE) },
        { write_gzip("images.gz", images, IMAGES_SIZE), write_gzip("labels.gz", labels, LABELS_SIZE) }
    };
    for (int i = 0; i < 4; i++) {
        caviar_dataset *dataset;
        SUCCEEDS(caviar_dataset_load_idx(&dataset, paths[i / 2][0], paths[i % 2][1]));
        check_content(dataset);
        caviar_dataset_destroy(dataset);
    }
    caviar_dataset *dataset;
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_load_idx(&dataset, paths[0][0], NULL));
    SUCCEEDS(caviar_dataset_get_info(&info, dataset));
    cr_expect(info.classes == 0 && info.examples == 3);
    caviar_dataset_destroy(dataset);
    SUCCEEDS(caviar_dataset_load_idx(&dataset, paths[0][1], NULL)); /* rank 1: one feature */
    SUCCEEDS(caviar_dataset_get_info(&info, dataset));
    cr_expect(info.examples == 3 && info.features == 1);
    caviar_dataset_destroy(dataset);
}

Test(idx, names_what_is_wrong_and_where) {
    caviar_dataset *d = NULL;
    const char *image_path = write_file("images", images, IMAGES_SIZE), *path;
    const char *label_path = write_file("labels", labels, LABELS_SIZE);
    REFUSES(caviar_dataset_load_idx(NULL, image_path, label_path), CAVIAR_INVALID_ARGUMENT, "dataset is NULL");
    REFUSES(caviar_dataset_load_idx(&d, NULL, label_path), CAVIAR_INVALID_ARGUMENT, "images_path is NULL");
    REFUSES(caviar_dataset_load_idx(&d, in_folder("none"), NULL), CAVIAR_IO_ERROR, "none: cannot open: No such file");
    REFUSES(caviar_dataset_load_idx(&d, image_path, in_folder("none")), CAVIAR_IO_ERROR, "none: cannot open");
    REFUSES(caviar_dataset_load_idx(&d, folder, NULL), CAVIAR_IO_ERROR, "is a folder");
    REFUSES(caviar_dataset_load_idx(&d, image_path, image_path), CAVIAR_BAD_FILE, "3 dimensions; labels have 1");

    struct {
        const char *bytes;
        size_t size;
        const char *message;
    } wrong[] = {
        { "", 0, "ends at byte 0" },
        { "\0\0\x0d\1\0\0\0\1xxxx", 12, "byte 2 says that its elements are of type 32-bit float" },
        { "\0\0\x08\0", 4, "no dimensions" },
        { "\0\1\x08\1\0\0\0\1x", 9, "is not an IDX file: bytes 0 to 3 are 00 01 08 01" },
        { "\0\0\x07\1\0\0\0\1x", 9, "is not an IDX file" },
        { "\0\0\x08\2\0\0\0\1\0\0", 10, "ends at byte 10, within its header of 12 bytes" },
        { "\0\0\x08\1\0\0\0\0", 8, "size 0 of dimension 0" },
        { "\0\0\x08\1\0\0\0\2x", 9, "ends at byte 9; its header announces 2 elements, up to byte 10" },
        { "\0\0\x08\1\0\0\0\1xx", 10, "goes on behind byte 9, where" },
        { "\0\0\x08\4\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377", 20, "impossibly large" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        path = write_file("wrong", wrong[i].bytes, wrong[i].size);
        REFUSES(caviar_dataset_load_idx(&d, path, NULL), CAVIAR_BAD_FILE, wrong[i].message);
        cr_expect(strncmp(caviar_last_error(), path, strlen(path)) == 0);
    }
    path = write_file("two", "\0\0\x08\1\0\0\0\2\0\1", 10);
    REFUSES(caviar_dataset_load_idx(&d, image_path, path), CAVIAR_BAD_FILE, "has 2 labels");
    path = write_file("zeros", "\0\0\x08\1\0\0\0\3\0\0\0", 11);
    REFUSES(caviar_dataset_load_idx(&d, image_path, path), CAVIAR_BAD_FILE, "1 classes");
    cr_expect(d == NULL);
}

static caviar_status load_images(const char *path) {
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_load_idx(&dataset, path, NULL);
    if (status == CAVIAR_OK) check_usable(dataset);
    caviar_dataset_destroy(dataset);
    return status;
}

static caviar_status load_labels(const char *path) {
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_load_idx(&dataset, in_folder("images"), path);
    if (status == CAVIAR_OK) check_usable(dataset);
    caviar_dataset_destroy(dataset);
    return status;
}

Test(idx, survives_damage) {
    write_file("images", images, IMAGES_SIZE);
    damage_count count = damage("cut", images, IMAGES_SIZE, 1, load_images);
    cr_expect(count.loaded == 0 && count.refused == IMAGES_SIZE);
    count = damage("flipped", images, IMAGES_SIZE, 0, load_images);
    cr_expect(count.loaded >= 8 * 12 && count.refused >= 8 * 4, "%d %d", count.loaded, count.refused);
    count = damage("cut", labels, LABELS_SIZE, 1, load_labels);
    cr_expect(count.loaded == 0 && count.refused == LABELS_SIZE);
    count = damage("flipped", labels, LABELS_SIZE, 0, load_labels);
    cr_expect(count.loaded == 8 * 3, "%d", count.loaded);

    size_t size;
    unsigned char *gzip = read_file(&size, write_gzip("images.gz", images, IMAGES_SIZE));
    count = damage("cut.gz", gzip, size, 1, load_images);
    cr_expect(count.loaded == 0 && count.refused == (int)size);
    count = damage("flipped.gz", gzip, size, 0, load_images);
    /* The header's time, flags and system do not matter; the data has a checksum. */
    cr_expect(count.refused > 8 * IMAGES_SIZE, "%d of %zu", count.refused, 8 * size);
    gzip[size - 8] ^= 1; /* of the checksum */
    REFUSES(load_images(write_file("crc.gz", gzip, size)), CAVIAR_BAD_FILE, "incorrect data check");
    REFUSES(load_images(write_file("early.gz", gzip, size - 9)), CAVIAR_BAD_FILE, "gzip data ends early");
    free(gzip);
}

/* ------------------------------------------------------------------------------------------------------------- sources
 */

static void write_four(const char *ending) {
    static const char *const names[] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                         "t10k-labels-idx1-ubyte" };
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", names[i], ending);
        const void *data = i % 2 ? labels : images;
        const size_t size = i % 2 ? LABELS_SIZE : IMAGES_SIZE;
        if (*ending) {
            write_gzip(name, data, size);
        } else {
            write_file(name, data, size);
        }
    }
}

static void check_four(const char *source) {
    caviar_dataset *d;
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_load(&d, source, NULL));
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.examples == 6 && info.part_examples[CAVIAR_TRAIN] == 3 && info.part_examples[CAVIAR_TEST] == 3);
    cr_expect(info.features == 4 && info.classes == 3 && info.type == CAVIAR_UINT8);
    caviar_dataset_destroy(d);
}

Test(idx, sources_are_told_apart) {
    caviar_dataset *d = NULL;
    caviar_dataset_info info;
    char pair[512];
    write_four("");
    check_four(folder);
    snprintf(pair, sizeof pair, "%s/train-images-idx3-ubyte,%s/t10k-labels-idx1-ubyte", folder, folder);
    SUCCEEDS(caviar_dataset_load(&d, pair, NULL));
    check_content(d);
    caviar_dataset_destroy(d);
    SUCCEEDS(caviar_dataset_load(&d, in_folder("t10k-images-idx3-ubyte"), NULL));
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.classes == 0);
    caviar_dataset_destroy(d);
    SUCCEEDS(caviar_dataset_load(&d, write_text("a,b.csv", "1,2,x\n3,4,y\n"), NULL)); /* a comma in a file's name */
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.examples == 2 && info.features == 2 && info.classes == 2);
    caviar_dataset_destroy(d);

    d = NULL;
    REFUSES(caviar_dataset_load(NULL, "x", NULL), CAVIAR_INVALID_ARGUMENT, "dataset is NULL");
    REFUSES(caviar_dataset_load(&d, NULL, NULL), CAVIAR_INVALID_ARGUMENT, "source is NULL");
    REFUSES(caviar_dataset_load(&d, "", NULL), CAVIAR_INVALID_ARGUMENT, "the source is empty");
    REFUSES(caviar_dataset_load(&d, "one,two", NULL), CAVIAR_IO_ERROR, "one: cannot open");
    REFUSES(caviar_dataset_load(&d, in_folder("none.csv"), NULL), CAVIAR_IO_ERROR, "none.csv: cannot open");
    remove(in_folder("t10k-labels-idx1-ubyte"));
    REFUSES(caviar_dataset_load(&d, folder, NULL), CAVIAR_IO_ERROR, "has no file t10k-labels-idx1-ubyte");
    cr_expect(d == NULL);
}

Test(idx, fashion_mnist_is_found_where_the_variable_says) {
    write_four(".gz");
    setenv("FASHION_MNIST_DIR", folder, 1);
    check_four("fashion-mnist");
    setenv("FASHION_MNIST_DIR", "/nowhere/at/all", 1);
    caviar_dataset *d = NULL;
    REFUSES(caviar_dataset_load(&d, "fashion-mnist", NULL), CAVIAR_IO_ERROR, "/nowhere/at/all");
    cr_expect(strstr(caviar_last_error(), "dataset-fashion-mnist") && strstr(caviar_last_error(), "FASHION_MNIST_DIR"));
    unsetenv("FASHION_MNIST_DIR");
}

Test(idx, fashion_mnist_is_what_it_should_be) {
    struct stat about;
    if (!getenv("FASHION_MNIST_DIR") && stat("/usr/share/datasets/fashion-mnist", &about) != 0) {
        cr_skip_test("Fashion-MNIST is not installed");
    }
    caviar_dataset *d;
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_load(&d, "fashion-mnist", NULL));
    SUCCEEDS(caviar_dataset_get_info(&info, d));
    cr_expect(info.examples == 70000 && info.features == 784 && info.classes == 10 && info.type == CAVIAR_UINT8);
    cr_expect(info.part_examples[CAVIAR_TRAIN] == 60000 && info.part_examples[CAVIAR_TEST] == 10000);
    int count[10] = { 0 };
    int32_t *all = malloc(70000 * sizeof *all);
    SUCCEEDS(caviar_dataset_read(NULL, all, d, 0, 70000));
    for (int i = 0; i < 70000; i++) count[all[i]]++;
    for (int i = 0; i < 10; i++) cr_expect(count[i] == 7000, "class %d: %d", i, count[i]);
    /* The mean of all training pixels, as everyone quotes it: 0.2860 of 255. */
    double mean = 0;
    for (int f = 0; f < 784; f++) mean += (double)d->mean[f] / 784 / 255;
    cr_expect(mean > 0.28595 && mean < 0.28605, "%.6f", mean);
    free(all);
    caviar_dataset_destroy(d);
}
