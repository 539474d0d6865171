/*
 * IDX, the format of MNIST: bytes 0, 0, type, rank; then `rank` sizes as 32-bit big-endian numbers; then the elements,
 * last index fastest (http://yann.lecun.com/exdb/mnist). Only unsigned bytes are read, which is what data sets of
 * images use.
 */
#include "host/input.h"
#include "host/status.h"
#include "loader.h"

#include <stdlib.h>
#include <string.h>

typedef struct idx {
    caviar_bytes file;
    int rank;
    size_t header;    /* bytes before the elements */
    int64_t examples; /* the first size */
    int64_t features; /* the product of the others */
} idx;

static const char *type_name(unsigned type) {
    switch (type) {
    case 0x08: return "unsigned byte";
    case 0x09: return "signed byte";
    case 0x0b: return "16-bit integer";
    case 0x0c: return "32-bit integer";
    case 0x0d: return "32-bit float";
    case 0x0e: return "64-bit float";
    default: return NULL;
    }
}

static caviar_status check_magic(const caviar_bytes *file, const char *path) {
    const unsigned char *data = file->data;
    if (file->size < 4) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, before the 4 bytes that begin an IDX file", path,
                           file->size);
    }
    if (data[0] != 0 || data[1] != 0 || !type_name(data[2])) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: is not an IDX file: bytes 0 to 3 are %02x %02x %02x %02x", path,
                           data[0], data[1], data[2], data[3]);
    }
    if (data[2] != 0x08) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: byte 2 says that its elements are of type %s; only unsigned bytes are read as IDX, "
                           "save others as NPY",
                           path, type_name(data[2]));
    }
    if (data[3] == 0) return caviar_fail(CAVIAR_BAD_FILE, "%s: byte 3 says that it has no dimensions", path);
    return CAVIAR_OK;
}

static caviar_status parse(idx *array, const char *path) {
    const caviar_bytes *file = &array->file;
    CAVIAR_TRY(check_magic(file, path));
    array->rank = file->data[3];
    array->header = 4 + 4 * (size_t)array->rank;
    if (file->size < array->header) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, within its header of %zu bytes", path, file->size,
                           array->header);
    }
    uint64_t elements = 1, features = 1;
    for (int i = 0; i < array->rank; i++) {
        const unsigned char *at = file->data + 4 + 4 * i;
        const uint64_t size = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        if (size == 0 || elements > PTRDIFF_MAX / size) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s: byte %d: size %llu of dimension %d %s", path, 4 + 4 * i,
                               (unsigned long long)size, i, size == 0 ? "is no size" : "makes it impossibly large");
        }
        elements *= size;
        if (i == 0) array->examples = (int64_t)size;
        if (i > 0) features *= size;
    }
    array->features = (int64_t)features;
    const size_t there = file->size - array->header;
    if (there == elements) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu; its header announces %llu elements, up to byte %llu",
                       path, file->size, (unsigned long long)elements, (unsigned long long)elements + array->header);
}

static caviar_status read_idx(idx *array, const char *path) {
    CAVIAR_TRY(caviar_file_read(&array->file, path, CAVIAR_MAYBE_COMPRESSED, 0));
    const caviar_status status = parse(array, path);
    if (status == CAVIAR_OK) return CAVIAR_OK;
    free(array->file.data);
    array->file.data = NULL;
    return status;
}

static caviar_status convert_labels(caviar_labels *labels, const idx *array, const char *path) {
    if (array->rank != 1) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: has %d dimensions; labels have 1 (are images and labels swapped?)",
                           path, array->rank);
    }
    const unsigned char *from = array->file.data + array->header;
    labels->examples = array->examples;
    labels->values = malloc((size_t)array->examples * sizeof(int32_t));
    if (!labels->values) return caviar_fail_memory("labels", (size_t)array->examples * sizeof(int32_t));
    for (int64_t i = 0; i < array->examples; i++) {
        labels->values[i] = from[i];
        if (from[i] >= labels->classes) labels->classes = from[i] + 1;
    }
    return CAVIAR_OK;
}

static caviar_status read_labels(caviar_labels *labels, const char *path) {
    idx array;
    CAVIAR_TRY(read_idx(&array, path));
    const caviar_status status = convert_labels(labels, &array, path);
    free(array.file.data);
    return status;
}

caviar_status caviar_dataset_load_idx(caviar_dataset **dataset, const char *images_path, const char *labels_path) {
    CAVIAR_REQUIRE(dataset && images_path, "dataset_load_idx: %s is NULL", dataset ? "images_path" : "dataset");
    idx images;
    caviar_labels labels = { NULL, 0, 0 };
    CAVIAR_TRY(read_idx(&images, images_path));
    caviar_status status = CAVIAR_OK;
    if (labels_path) status = read_labels(&labels, labels_path);
    if (labels_path && status == CAVIAR_OK) {
        status = caviar_labels_agree(&labels, labels_path, images.examples, images_path);
    }
    if (status != CAVIAR_OK) {
        free(images.file.data);
        free(labels.values);
        return status;
    }
    /* The file's own memory becomes the dataset's. */
    memmove(images.file.data, images.file.data + images.header, images.file.size - images.header);
    return caviar_dataset_adopt(dataset, images_path, images.file.data, CAVIAR_UINT8, labels.values, NULL,
                                images.examples, images.features, labels.classes);
}
