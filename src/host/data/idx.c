/*
 * IDX, the format of MNIST: bytes 0, 0, type, rank; then `rank` sizes as 32-bit big-endian numbers; then the elements,
 * last index fastest (http://yann.lecun.com/exdb/mnist). Only unsigned bytes are read, which is what data sets of
 * images use.
 */
#include "host/status.h"
#include "label_column.h"
#include "loader.h"

#include <stdlib.h>

typedef struct idx {
    int rank;
    size_t header;     /* bytes before the elements */
    int64_t examples;  /* the first size */
    int64_t features;  /* the product of the others */
    uint64_t elements; /* of both */
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

static caviar_status check_magic(const unsigned char *data, size_t count, const char *path) {
    if (count < 4) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, before the 4 bytes that begin an IDX file", path,
                           count);
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

static caviar_status parse_sizes(idx *array, const unsigned char *data, const char *path) {
    uint64_t elements = 1, features = 1;
    for (int i = 0; i < array->rank; i++) {
        const unsigned char *at = data + 4 * i;
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
    array->elements = elements;
    return CAVIAR_OK;
}

static caviar_status fail_size(const idx *array, const char *path, uint64_t there) {
    const unsigned long long announced = array->elements + array->header;
    if (there > announced) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: goes on behind byte %llu, where the elements end that its header announces", path,
                           announced);
    }
    return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %llu; its header announces %llu elements, up to byte %llu",
                       path, (unsigned long long)there, (unsigned long long)array->elements, announced);
}

/* Reads the header. The elements must be as many as it says, which is known before they are read, or after. */
static caviar_status begin(idx *array, caviar_input *input) {
    const char *path = caviar_input_name(input);
    unsigned char magic[4], sizes[4 * 255];
    size_t got, more;
    CAVIAR_TRY(caviar_input_read(&got, input, magic, sizeof magic));
    CAVIAR_TRY(check_magic(magic, got, path));
    array->rank = magic[3];
    array->header = 4 + 4 * (size_t)array->rank;
    CAVIAR_TRY(caviar_input_read(&more, input, sizes, array->header - 4));
    if (4 + more < array->header) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, within its header of %zu bytes", path, 4 + more,
                           array->header);
    }
    CAVIAR_TRY(parse_sizes(array, sizes, path));
    const size_t there = caviar_input_size(input);
    if (there && there != array->header + array->elements) return fail_size(array, path, there);
    /* Beside its elements, each column has a description. */
    const double bytes = (double)array->elements + (double)array->features * sizeof(caviar_column);
    if (bytes <= (double)caviar_input_limit()) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: needs %.3g bytes of memory, more than half of what is free here", path,
                       bytes);
}

static caviar_status read_elements(unsigned char **elements, const idx *array, caviar_input *input) {
    const char *path = caviar_input_name(input);
    unsigned char byte;
    size_t got, more;
    *elements = malloc((size_t)array->elements);
    if (!*elements) return caviar_fail_memory(path, (size_t)array->elements);
    CAVIAR_TRY(caviar_input_read(&got, input, *elements, (size_t)array->elements));
    if (got < array->elements) return fail_size(array, path, array->header + got);
    CAVIAR_TRY(caviar_input_read(&more, input, &byte, 1));
    return more == 0 ? CAVIAR_OK : fail_size(array, path, array->header + got + 1);
}

caviar_status caviar_idx_read_features(caviar_table *table, caviar_input *input) {
    idx images;
    unsigned char *cells = NULL;
    CAVIAR_TRY(begin(&images, input));
    const caviar_status status = read_elements(&cells, &images, input);
    table->cells = cells;
    table->type = CAVIAR_UINT8;
    CAVIAR_TRY(status);
    table->columns = calloc((size_t)images.features, sizeof *table->columns);
    if (!table->columns) return caviar_fail_memory("columns", (size_t)images.features * sizeof *table->columns);
    table->rows = images.examples;
    table->column_count = images.features;
    return CAVIAR_OK;
}

static caviar_status add_labels(caviar_table *table, const unsigned char *from, int64_t count, const char *path) {
    caviar_label_column *labels;
    CAVIAR_TRY(caviar_label_column_begin(&labels, path, count));
    caviar_status status = CAVIAR_OK;
    for (int64_t i = 0; i < count && status == CAVIAR_OK; i++)
        status = caviar_label_column_add_whole(labels, 0, from[i]);
    if (status == CAVIAR_OK) status = caviar_label_column_finish(table, labels, table->source);
    caviar_label_column_destroy(labels);
    return status;
}

caviar_status caviar_idx_read_labels(caviar_table *table, caviar_input *input) {
    idx array;
    unsigned char *elements = NULL;
    CAVIAR_TRY(begin(&array, input));
    if (array.rank != 1) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: has %d dimensions; labels have 1 (are images and labels swapped?)",
                           caviar_input_name(input), array.rank);
    }
    caviar_status status = read_elements(&elements, &array, input);
    if (status == CAVIAR_OK) status = add_labels(table, elements, array.examples, caviar_input_name(input));
    free(elements);
    return status;
}

caviar_status caviar_dataset_load_idx(caviar_dataset **dataset, const char *images_path, const char *labels_path) {
    CAVIAR_REQUIRE(dataset && images_path, "dataset_load_idx: %s is NULL", dataset ? "images_path" : "dataset");
    return caviar_load_pair(dataset, images_path, caviar_idx_read_features, labels_path, caviar_idx_read_labels, NULL);
}
