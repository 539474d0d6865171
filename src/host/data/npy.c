/*
 * NPY, NumPy's format of one array (numpy.lib.format): 6 bytes of magic, major and minor version, the length of the
 * header as 16 (version 1) or 32 bits (versions 2 and 3), little-endian, the header, which is a Python dictionary
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }
 * and the elements.
 */
#include "npy.h"

#include "host/arithmetic.h"
#include "host/status.h"
#include "loader.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------- the elements
 */

/* The `size` bytes of element i as one number. */
static uint64_t element_bits(const caviar_npy *array, int64_t i) {
    const unsigned char *at = array->elements + i * array->size;
    uint64_t bits = 0;
    for (int byte = 0; byte < array->size; byte++) {
        bits = bits << 8 | at[array->big_endian ? byte : array->size - 1 - byte];
    }
    return bits;
}

static int64_t signed_value(uint64_t bits, int size) {
    switch (size) {
    case 1: return (int8_t)bits;
    case 2: return (int16_t)bits;
    case 4: return (int32_t)bits;
    default: return (int64_t)bits;
    }
}

/* IEEE 754 binary16: every half is a float. */
static float half_value(uint64_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 0) {
        const float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    const uint32_t word = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static float float_value(uint64_t bits, int size) {
    if (size == 2) return half_value(bits);
    if (size == 4) {
        const uint32_t word = (uint32_t)bits;
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value; /* too large a value becomes infinite, which a dataset refuses */
}

static float element_value(const caviar_npy *array, int64_t i) {
    const uint64_t bits = element_bits(array, i);
    switch (array->kind) {
    case 'f': return float_value(bits, array->size);
    case 'i': return (float)signed_value(bits, array->size);
    default: return (float)bits;
    }
}

/* ------------------------------------------------------------------------------------------------------------ a
 * dataset
 */

static caviar_status convert_labels(caviar_labels *labels, const caviar_npy *array, const char *path) {
    if (array->kind == 'f' || array->rank != 1) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: labels are whole numbers of 1 dimension, this is %s of %d dimensions",
                           path, array->kind == 'f' ? "floats" : "whole numbers", array->rank);
    }
    labels->examples = array->shape[0];
    labels->values = malloc((size_t)labels->examples * sizeof(int32_t));
    if (!labels->values) return caviar_fail_memory("labels", (size_t)labels->examples * sizeof(int32_t));
    for (int64_t i = 0; i < labels->examples; i++) {
        const uint64_t bits = element_bits(array, i);
        const int64_t value = array->kind == 'i' ? signed_value(bits, array->size)
                              : bits < INT64_MAX ? (int64_t)bits
                                                 : INT64_MAX;
        if (value < 0 || value >= CAVIAR_MAX_CLASSES) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s: label %lld is %lld; labels must be 0 to %d", path, (long long)i,
                               (long long)value, CAVIAR_MAX_CLASSES - 1);
        }
        labels->values[i] = (int32_t)value;
        if (value >= labels->classes) labels->classes = value + 1;
    }
    return CAVIAR_OK;
}

static caviar_status read_labels(caviar_labels *labels, const char *path) {
    caviar_npy array;
    CAVIAR_TRY(caviar_npy_read(&array, path));
    const caviar_status status = convert_labels(labels, &array, path);
    free(array.file.data);
    return status;
}

typedef struct matrix {
    void *features;
    caviar_type type;
    int64_t examples, feature_count;
} matrix;

static caviar_status convert_features(matrix *made, const caviar_npy *array, const char *path) {
    if (array->rank < 2) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: has %d dimensions; features are [examples, ...]: reshape a single feature to (-1, 1)",
                           path, array->rank);
    }
    made->examples = array->shape[0];
    made->feature_count = array->count / array->shape[0];
    made->type = array->size == 1 && array->kind != 'i' ? CAVIAR_UINT8 : CAVIAR_FLOAT32;
    const size_t bytes = (size_t)array->count * caviar_type_size(made->type);
    made->features = malloc(bytes);
    if (!made->features) return caviar_fail_memory(path, bytes);
    if (made->type == CAVIAR_UINT8) {
        memcpy(made->features, array->elements, bytes);
        return CAVIAR_OK;
    }
    float *to = made->features;
    for (int64_t i = 0; i < array->count; i++) to[i] = element_value(array, i);
    return CAVIAR_OK;
}

static caviar_status read_features(matrix *made, const char *path) {
    caviar_npy array;
    CAVIAR_TRY(caviar_npy_read(&array, path));
    const caviar_status status = convert_features(made, &array, path);
    free(array.file.data);
    return status;
}

caviar_status caviar_dataset_load_npy(caviar_dataset **dataset, const char *features_path, const char *labels_path) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset && features_path, "dataset_load_npy: %s is NULL", dataset ? "features_path" : "dataset");
    matrix made = { NULL, CAVIAR_UINT8, 0, 0 };
    caviar_labels labels = { NULL, 0, 0 };
    CAVIAR_TRY(read_features(&made, features_path));
    caviar_status status = CAVIAR_OK;
    if (labels_path) status = read_labels(&labels, labels_path);
    if (labels_path && status == CAVIAR_OK) {
        status = caviar_labels_agree(&labels, labels_path, made.examples, features_path);
    }
    if (status != CAVIAR_OK) {
        free(made.features);
        free(labels.values);
        return status;
    }
    return caviar_dataset_adopt(dataset, features_path, made.features, made.type, labels.values, NULL, made.examples,
                                made.feature_count, labels.classes);
}
