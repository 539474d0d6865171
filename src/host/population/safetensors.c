/*
 * Model files in the safetensors format (https://github.com/huggingface/safetensors): 8 bytes, the length of the header
 * as a little-endian number; the header, a JSON object that maps names to {"dtype", "shape", "data_offsets"} and
 * "__metadata__" to an object of strings; the tensors, without holes.
 *
 * The strings of the metadata are the model's architecture, each in JSON: format_version, features, classes,
 * hidden_widths, batch_norm, activation, batch_norm_epsilon, class_names, and, where columns have names or are no plain
 * numbers, columns and label (model_columns.c).
 */
#include "host/arithmetic.h"
#include "host/data/names.h"
#include "host/file.h"
#include "host/input.h"
#include "host/status.h"
#include "model.h"
#include "model_columns.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie in memory");

/* Version 1 had no columns, whose readers would take features as they stand. */
enum { FORMAT_VERSION = 2, LONGEST_HEADER = 100000000, NAME_SIZE = 48 };

static const char *const activation_names[] = { "identity", "relu", "tanh", "sigmoid" };
static const char *const kind_names[] = { "weight", "gamma", "beta", "running_mean", "running_variance", "bias" };

static const char *tensor_name(char name[NAME_SIZE], const caviar_model_entry *entry, const caviar_model_info *info) {
    if (entry->kind == CAVIAR_MODEL_MEAN || entry->kind == CAVIAR_MODEL_SCALE) {
        return entry->kind == CAVIAR_MODEL_MEAN ? "input.mean" : "input.scale";
    }
    if (entry->layer == info->hidden_layers) {
        snprintf(name, NAME_SIZE, "output.%s", kind_names[entry->kind]);
    } else {
        snprintf(name, NAME_SIZE, "hidden.%d.%s", (int)entry->layer, kind_names[entry->kind]);
    }
    return name;
}

static size_t tensor_bytes(const caviar_model_entry *entry) {
    return (size_t)(entry->rows * entry->columns) * sizeof(float);
}

/* -------------------------------------------------------------------------------------------------------------- saving
 */

/*
 * JSON as text, to be freed; NULL: out of memory. json_dumps would allocate as it writes, and the jansson of today
 * loses the name of a member, not the whole, when that fails.
 */
static char *dump(const json_t *value, size_t flags) {
    const size_t size = value ? json_dumpb(value, NULL, 0, flags) : 0;
    char *text = size > 0 ? malloc(size + 1) : NULL;
    if (!text) return NULL;
    if (json_dumpb(value, text, size, flags) != size) {
        free(text);
        return NULL;
    }
    text[size] = 0;
    return text;
}

/* Adds a value, whose reference it takes, to the metadata as JSON in a string. Returns 0 on success, as jansson does.
 */
static int add_metadata(json_t *metadata, const char *key, json_t *value) {
    char *text = dump(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    const int failed = !text || json_object_set_new(metadata, key, json_string(text)) != 0;
    free(text);
    json_decref(value);
    return failed;
}

static json_t *make_strings(char *const *texts, int64_t count) {
    json_t *array = json_array();
    for (int64_t i = 0; array && i < count; i++) {
        if (json_array_append_new(array, json_string(texts[i])) == 0) continue;
        json_decref(array);
        return NULL;
    }
    return array;
}

static json_t *make_widths(const caviar_model_info *info) {
    json_t *array = json_array();
    for (int32_t i = 0; array && i < info->hidden_layers; i++) {
        if (json_array_append_new(array, json_integer(info->hidden_width[i])) == 0) continue;
        json_decref(array);
        return NULL;
    }
    return array;
}

static json_t *make_metadata(const caviar_model *model) {
    const caviar_model_info *info = &model->info;
    json_t *metadata = json_object();
    const int failed =
        !metadata || json_object_set_new(metadata, "format", json_string("caviar")) != 0 ||
        add_metadata(metadata, "format_version", json_integer(model->columns.count ? FORMAT_VERSION : 1)) ||
        add_metadata(metadata, "features", json_integer(info->features)) ||
        add_metadata(metadata, "classes", json_integer(info->classes)) ||
        add_metadata(metadata, "hidden_widths", make_widths(info)) ||
        add_metadata(metadata, "batch_norm", json_boolean(info->batch_norm)) ||
        add_metadata(metadata, "activation", json_string(activation_names[info->activation])) ||
        add_metadata(metadata, "batch_norm_epsilon", json_real((double)model->batch_norm_epsilon)) ||
        add_metadata(metadata, "class_names", make_strings(model->class_names, info->classes)) ||
        (model->columns.count && add_metadata(metadata, "columns", caviar_columns_to_json(&model->columns))) ||
        (model->columns.label_name && add_metadata(metadata, "label", json_string(model->columns.label_name)));
    if (!failed) return metadata;
    json_decref(metadata);
    return NULL;
}

static json_t *make_tensor(const caviar_model_entry *entry) {
    const json_int_t begin = entry->offset * (json_int_t)sizeof(float);
    const json_int_t end = begin + (json_int_t)tensor_bytes(entry);
    const json_int_t rows = entry->rows, columns = entry->columns;
    json_t *shape = entry->kind == CAVIAR_MODEL_WEIGHT ? json_pack("[I, I]", rows, columns) : json_pack("[I]", columns);
    return json_pack("{s: s, s: o, s: [I, I]}", "dtype", "F32", "shape", shape, "data_offsets", begin, end);
}

static json_t *make_header(const caviar_model *model, int64_t *values) {
    caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS];
    char name[NAME_SIZE];
    int32_t count;
    caviar_model_layout(entries, &count, values, &model->info);
    json_t *header = json_object();
    int failed = !header || json_object_set_new(header, "__metadata__", make_metadata(model)) != 0;
    for (int32_t i = 0; i < count && !failed; i++) {
        const char *key = tensor_name(name, &entries[i], &model->info);
        failed = json_object_set_new(header, key, make_tensor(&entries[i])) != 0;
    }
    if (!failed) return header;
    json_decref(header);
    return NULL;
}

/* Blanks end the header so that the tensors, as the format asks, begin at a multiple of 8 bytes. */
static caviar_status write_file(const caviar_model *model, const char *path, const char *header, int64_t values) {
    const size_t text = strlen(header), blanks = (8 - text % 8) % 8;
    if (text + blanks > LONGEST_HEADER) {
        return caviar_fail(CAVIAR_INVALID_ARGUMENT, "%s: the names of classes are too long: %zu bytes, at most %d",
                           path, text, LONGEST_HEADER);
    }
    const uint64_t length = text + blanks;
    const caviar_piece pieces[4] = { { &length, sizeof length },
                                     { header, text },
                                     { "       ", blanks },
                                     { model->values, (size_t)values * sizeof(float) } };
    return caviar_file_replace(path, pieces, 4);
}

caviar_status caviar_model_save(const caviar_model *model, const char *path) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(model && path, "model_save: %s is NULL", model ? "path" : "model");
    for (int64_t i = 0; i < model->info.classes; i++) {
        CAVIAR_REQUIRE(caviar_is_utf8(model->class_names[i], strlen(model->class_names[i])),
                       "model_save: the name of class %lld is not valid UTF-8", (long long)i);
    }
    CAVIAR_TRY(caviar_columns_check_utf8(&model->columns));
    int64_t values = 0;
    json_t *header = make_header(model, &values);
    char *text = dump(header, JSON_COMPACT);
    const caviar_status status =
        text ? write_file(model, path, text, values) : caviar_fail_memory("the header of a model file", 1);
    free(text);
    json_decref(header);
    return status;
}

/* ------------------------------------------------------------------------------------------------------------- loading
 */

static caviar_status fail_metadata(const char *path, const char *key, const char *expected) {
    return caviar_fail(CAVIAR_BAD_FILE, "%s: %s in its metadata is not %s; it was not saved by caviar", path, key,
                       expected);
}

/* jansson leaves the message empty at most places where memory runs out. */
static int ran_out(const json_error_t *error) {
    return !*error->text || json_error_code(error) == json_error_out_of_memory;
}

/* The JSON value in a string of the metadata; NULL: there is none. */
static caviar_status metadata_value(json_t **value, const json_t *metadata, const char *key) {
    const char *text = json_string_value(json_object_get(metadata, key));
    json_error_t error;
    *value = text ? json_loads(text, JSON_DECODE_ANY, &error) : NULL;
    if (!text || *value || !ran_out(&error)) return CAVIAR_OK;
    return caviar_fail_memory("a model's metadata", strlen(text));
}

static caviar_status read_integer(json_int_t *number, const json_t *metadata, const char *key, const char *path) {
    json_t *value;
    CAVIAR_TRY(metadata_value(&value, metadata, key));
    const int is_integer = json_is_integer(value);
    if (is_integer) *number = json_integer_value(value);
    json_decref(value);
    return is_integer ? CAVIAR_OK : fail_metadata(path, key, "a whole number");
}

static caviar_status read_epsilon(float *epsilon, const json_t *metadata, const char *path) {
    json_t *value;
    CAVIAR_TRY(metadata_value(&value, metadata, "batch_norm_epsilon"));
    const int is_number = json_is_number(value);
    if (is_number) *epsilon = (float)json_number_value(value);
    json_decref(value);
    return is_number ? CAVIAR_OK : fail_metadata(path, "batch_norm_epsilon", "a number");
}

static caviar_status read_batch_norm(int32_t *batch_norm, const json_t *metadata, const char *path) {
    json_t *value;
    CAVIAR_TRY(metadata_value(&value, metadata, "batch_norm"));
    const int is_boolean = json_is_boolean(value);
    if (is_boolean) *batch_norm = json_is_true(value);
    json_decref(value);
    return is_boolean ? CAVIAR_OK : fail_metadata(path, "batch_norm", "true or false");
}

static caviar_status read_activation(caviar_activation *activation, const json_t *metadata, const char *path) {
    json_t *value;
    CAVIAR_TRY(metadata_value(&value, metadata, "activation"));
    const char *name = json_string_value(value);
    int found = 0;
    for (int i = CAVIAR_IDENTITY; name && i <= CAVIAR_SIGMOID; i++) {
        if (strcmp(name, activation_names[i]) != 0) continue;
        *activation = (caviar_activation)i;
        found = 1;
    }
    json_decref(value);
    return found ? CAVIAR_OK : fail_metadata(path, "activation", "\"relu\", \"tanh\" or \"sigmoid\"");
}

static caviar_status read_widths(caviar_model_info *info, const json_t *metadata, const char *path) {
    json_t *value;
    CAVIAR_TRY(metadata_value(&value, metadata, "hidden_widths"));
    const size_t count = json_array_size(value);
    int right = json_is_array(value) && count <= CAVIAR_MAX_HIDDEN_LAYERS;
    for (size_t i = 0; right && i < count; i++) {
        const json_int_t width = json_integer_value(json_array_get(value, i)); /* 0 for what is no integer */
        right = width >= 1 && width <= CAVIAR_MAX_WIDTH;
        if (right) info->hidden_width[i] = (int32_t)width;
    }
    if (right) info->hidden_layers = (int32_t)count;
    json_decref(value);
    return right ? CAVIAR_OK : fail_metadata(path, "hidden_widths", "an array of widths");
}

static caviar_status read_architecture(caviar_model_info *info, float *epsilon, const json_t *header,
                                       const char *path) {
    const json_t *metadata = json_object_get(header, "__metadata__");
    json_int_t version = 0, features = 0, classes = 0;
    if (!json_is_object(metadata)) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: has no __metadata__; it was not saved by caviar", path);
    }
    CAVIAR_TRY(read_integer(&version, metadata, "format_version", path));
    if (version < 1 || version > FORMAT_VERSION) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: is of format version %lld; this caviar reads versions 1 to %d", path,
                           (long long)version, FORMAT_VERSION);
    }
    CAVIAR_TRY(read_integer(&features, metadata, "features", path));
    CAVIAR_TRY(read_integer(&classes, metadata, "classes", path));
    info->features = features;
    info->classes = classes;
    CAVIAR_TRY(read_widths(info, metadata, path));
    CAVIAR_TRY(read_batch_norm(&info->batch_norm, metadata, path));
    CAVIAR_TRY(read_activation(&info->activation, metadata, path));
    CAVIAR_TRY(read_epsilon(epsilon, metadata, path));
    return caviar_model_check(info, *epsilon, CAVIAR_BAD_FILE, path);
}

/* Whether a tensor's description has this type and shape; its first byte is then written. */
static int is_described(int64_t *begin, const json_t *tensor, const caviar_model_entry *entry) {
    const json_t *shape = json_object_get(tensor, "shape"), *offsets = json_object_get(tensor, "data_offsets");
    const char *type = json_string_value(json_object_get(tensor, "dtype"));
    const size_t rank = entry->kind == CAVIAR_MODEL_WEIGHT ? 2 : 1;
    if (!type || strcmp(type, "F32") != 0 || json_array_size(shape) != rank || json_array_size(offsets) != 2) return 0;
    if (rank == 2 && json_integer_value(json_array_get(shape, 0)) != entry->rows) return 0;
    if (json_integer_value(json_array_get(shape, rank - 1)) != entry->columns) return 0;
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (!json_is_integer(first) || !json_is_integer(last) || json_integer_value(first) < 0) return 0;
    *begin = json_integer_value(first);
    return json_integer_value(last) > *begin && json_integer_value(last) - *begin == (json_int_t)tensor_bytes(entry);
}

/* That the tensors, taken in the order of their offsets, touch one another from byte 0 to the end of the data. */
static int fill_exactly(const int64_t *begin, const caviar_model_entry *entries, int32_t count, size_t data) {
    uint64_t reached = 0;
    for (int32_t placed = 0; placed < count; placed++) {
        int32_t i = 0;
        while (i < count && (uint64_t)begin[i] != reached) i++;
        if (i == count) return 0;
        reached += tensor_bytes(&entries[i]);
    }
    return reached == data;
}

typedef struct file_layout {
    caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS];
    int64_t begin[CAVIAR_MODEL_MAX_TENSORS]; /* bytes into the data, which may be in another order than memory's */
    int32_t count;
} file_layout;

static caviar_status find_tensors(file_layout *layout, const json_t *header, const caviar_model_info *info, size_t data,
                                  const char *path) {
    char name[NAME_SIZE];
    int64_t values;
    caviar_model_layout(layout->entries, &layout->count, &values, info);
    for (int32_t i = 0; i < layout->count; i++) {
        const char *key = tensor_name(name, &layout->entries[i], info);
        const json_t *tensor = json_object_get(header, key);
        if (!tensor) return caviar_fail(CAVIAR_BAD_FILE, "%s: has no tensor %s", path, key);
        if (is_described(&layout->begin[i], tensor, &layout->entries[i])) continue;
        return caviar_fail(
            CAVIAR_BAD_FILE,
            "%s: tensor %s must be of dtype F32, shape [%lld, %lld] and as many bytes (a vector: [%lld])", path, key,
            (long long)layout->entries[i].rows, (long long)layout->entries[i].columns,
            (long long)layout->entries[i].columns);
    }
    if (json_object_size(header) != (size_t)layout->count + 1) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: has tensors that its architecture has not", path);
    }
    if (!fill_exactly(layout->begin, layout->entries, layout->count, data)) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: its tensors of %lld bytes do not fill its %zu bytes of data exactly",
                           path, (long long)values * 4, data);
    }
    return CAVIAR_OK;
}

/* Copies the names of the classes, one block. */
static caviar_status read_class_names(char ***names, const json_t *metadata, int64_t count, const char *path) {
    json_t *array;
    CAVIAR_TRY(metadata_value(&array, metadata, "class_names"));
    const char **texts = malloc((size_t)count * sizeof *texts);
    int right = json_array_size(array) == (size_t)count;
    *names = NULL;
    for (int64_t i = 0; texts && right && i < count; i++) {
        texts[i] = json_string_value(json_array_get(array, (size_t)i));
        right = texts[i] != NULL;
    }
    if (texts && right) *names = caviar_names_copy((char *const *)texts, count);
    free(texts);
    json_decref(array);
    if (*names) return CAVIAR_OK;
    return right ? caviar_fail_memory("the names of classes", (size_t)count * sizeof *texts)
                 : fail_metadata(path, "class_names", "an array of one name for each class");
}

/* Files of former versions have none: their features go by position. */
static caviar_status read_columns(caviar_model *model, const json_t *metadata, const char *path) {
    json_t *columns, *label;
    CAVIAR_TRY(metadata_value(&columns, metadata, "columns"));
    const int there = json_object_get(metadata, "columns") != NULL;
    caviar_status status = there && !columns ? fail_metadata(path, "columns", "JSON") : CAVIAR_OK;
    if (columns) status = caviar_columns_from_json(&model->columns, columns, model->info.features, path);
    json_decref(columns);
    CAVIAR_TRY(status);
    CAVIAR_TRY(metadata_value(&label, metadata, "label"));
    const char *name = json_string_value(label);
    if (name && columns) {
        model->columns.label_name = strdup(name);
        if (!model->columns.label_name) status = caviar_fail_memory("the name of the label", strlen(name) + 1);
    } else if (json_object_get(metadata, "label")) {
        status = fail_metadata(path, "label", "a name beside columns");
    }
    json_decref(label);
    return status;
}

static caviar_status make_model(caviar_model **model, const json_t *header, const unsigned char *data, size_t size,
                                const char *path) {
    caviar_model_info info = { .features = 0 };
    float epsilon = 0;
    file_layout layout;
    CAVIAR_TRY(read_architecture(&info, &epsilon, header, path));
    CAVIAR_TRY(find_tensors(&layout, header, &info, size, path));
    char **names;
    CAVIAR_TRY(read_class_names(&names, json_object_get(header, "__metadata__"), info.classes, path));
    caviar_model *made;
    caviar_status status = caviar_model_create(&made, &info, epsilon, names);
    free(names);
    CAVIAR_TRY(status);
    status = read_columns(made, json_object_get(header, "__metadata__"), path);
    if (status != CAVIAR_OK) {
        caviar_model_destroy(made);
        return status;
    }
    for (int32_t i = 0; i < layout.count; i++) {
        memcpy(made->values + layout.entries[i].offset, data + layout.begin[i], tensor_bytes(&layout.entries[i]));
    }
    *model = made;
    return CAVIAR_OK;
}

static caviar_status parse(caviar_model **model, const caviar_bytes *file, const char *path) {
    uint64_t length = 0;
    if (file->size < sizeof length) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, within the 8 bytes that begin a safetensors file",
                           path, file->size);
    }
    memcpy(&length, file->data, sizeof length);
    if (length > LONGEST_HEADER || length > file->size - sizeof length) {
        return caviar_fail(
            CAVIAR_BAD_FILE,
            "%s: is not a whole safetensors file: its first 8 bytes announce a header of %llu bytes, and "
            "it has %zu",
            path, (unsigned long long)length, file->size);
    }
    const unsigned char *data = file->data + sizeof length + length;
    json_error_t error;
    json_t *header =
        json_loadb((const char *)file->data + sizeof length, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!header && ran_out(&error)) {
        return caviar_fail_memory("the header of a model file", (size_t)length);
    }
    if (!header) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: byte %d of its header: %s", path, error.position, error.text);
    }
    const caviar_status status = make_model(model, header, data, file->size - sizeof length - (size_t)length, path);
    json_decref(header);
    return status;
}

/* What does not begin as a model is not read whole: it may be a device without end. */
static caviar_status read_model(caviar_bytes *file, caviar_input *input, const char *path) {
    const unsigned char *bytes;
    size_t count;
    CAVIAR_TRY(caviar_input_peek(&bytes, &count, input));
    uint64_t length = 1;
    if (count >= sizeof length) memcpy(&length, bytes, sizeof length);
    if (length == 0 || length > LONGEST_HEADER) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: is not a whole safetensors file: its first 8 bytes announce a header of %llu bytes",
                           path, (unsigned long long)length);
    }
    return caviar_input_read_all(file, input, 0);
}

caviar_status caviar_model_load(caviar_model **model, const char *path) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(model && path, "model_load: %s is NULL", model ? "path" : "model");
    caviar_bytes file = { NULL, 0 };
    caviar_input *input;
    CAVIAR_TRY(caviar_input_open(&input, path, CAVIAR_PLAIN));
    caviar_status status = read_model(&file, input, caviar_input_name(input));
    if (status == CAVIAR_OK) status = parse(model, &file, caviar_input_name(input));
    caviar_input_close(input);
    free(file.data);
    return status;
}
