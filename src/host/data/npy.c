/* Labels of NPY files, and the pair of files that makes a dataset. */
#include "npy.h"

#include "host/arithmetic.h"
#include "host/status.h"
#include "label_column.h"
#include "loader.h"
#include "npy_element.h"

#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------- texts */

/* Writes a character in UTF-8; what is none becomes a byte that is no UTF-8, which is refused later. */
static char *put_character(char *to, uint32_t c) {
    if (c > 0x10ffff) {
        *to++ = (char)0xff;
    } else if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 63));
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    }
    return to;
}

/* NumPy fills texts up with zeros. `text` has room for size + 1 bytes. */
static void read_text(char *text, const caviar_npy *array, const unsigned char *at) {
    caviar_npy character = *array;
    char *to = text;
    character.kind = 'u';
    character.size = array->kind == 'U' ? 4 : 1;
    for (int i = 0; i < array->size; i += character.size) {
        const uint32_t c = (uint32_t)caviar_npy_bits(&character, at + i);
        if (c == 0) break;
        if (array->kind == 'S')
            *to++ = (char)c;
        else
            to = put_character(to, c);
    }
    *to = 0;
}

/* ---------------------------------------------------------------------------------------------------------- labels */

static caviar_status add(caviar_label_column *labels, const caviar_npy *array, const unsigned char *at, char *text) {
    if (array->kind == 'S' || array->kind == 'U') {
        read_text(text, array, at);
        return caviar_label_column_add_text(labels, text);
    }
    const uint64_t bits = caviar_npy_bits(array, at);
    if (array->kind != 'f') return caviar_label_column_add_whole(labels, array->kind == 'i', bits);
    return caviar_label_column_add_real(labels, caviar_npy_number(array, bits), array->size < 8);
}

static caviar_status add_all(caviar_label_column *labels, caviar_npy *array, caviar_input *input, int64_t at_once,
                             unsigned char *block, char *text) {
    for (int64_t done = 0; done < array->count; done += at_once) {
        if (at_once > array->count - done) at_once = array->count - done;
        CAVIAR_TRY(caviar_npy_take(block, array, input, at_once));
        for (int64_t i = 0; i < at_once; i++) CAVIAR_TRY(add(labels, array, block + i * array->size, text));
    }
    return caviar_npy_end(array, input);
}

static caviar_status read_all(caviar_label_column *labels, caviar_npy *array, caviar_input *input) {
    enum { BLOCK = 1 << 16 };
    const size_t size = (size_t)array->size;
    unsigned char *block = malloc(BLOCK + size + 1);
    if (!block) return caviar_fail_memory("labels", BLOCK + size + 1);
    const caviar_status status =
        add_all(labels, array, input, (int64_t)(BLOCK / size), block, (char *)block + BLOCK / size * size);
    free(block);
    return status;
}

/* (n,), (n, 1) and (1, n) are n labels. */
static caviar_status check_shape(const caviar_npy *array, const char *path, const caviar_table *table) {
    int long_sizes = 0;
    for (int i = 0; i < array->rank; i++) long_sizes += array->shape[i] > 1;
    if (long_sizes > 1) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: has %d dimensions; labels are one for each example: of a column for each class save "
                           "a.argmax(axis=1) (or are features and labels swapped?)",
                           path, array->rank);
    }
    if (array->count == table->rows) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: has %lld labels, but %s has %lld examples", path, (long long)array->count,
                       table->source, (long long)table->rows);
}

caviar_status caviar_npy_read_labels(caviar_table *table, caviar_input *input) {
    caviar_npy array;
    caviar_label_column *labels;
    CAVIAR_TRY(caviar_npy_begin(&array, input));
    CAVIAR_TRY(check_shape(&array, caviar_input_name(input), table));
    CAVIAR_TRY(caviar_label_column_begin(&labels, caviar_input_name(input), array.count));
    caviar_status status = read_all(labels, &array, input);
    if (status == CAVIAR_OK) status = caviar_label_column_finish(table, labels, table->source);
    caviar_label_column_destroy(labels);
    return status;
}

caviar_status caviar_dataset_load_npy(caviar_dataset **dataset, const char *features_path, const char *labels_path) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset && features_path, "dataset_load_npy: %s is NULL", dataset ? "features_path" : "dataset");
    return caviar_load_pair(dataset, features_path, caviar_npy_read_features, labels_path, caviar_npy_read_labels,
                            NULL);
}
