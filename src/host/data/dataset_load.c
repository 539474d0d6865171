/* The kinds of data source that the command takes, told apart by their names. */
#include "host/arithmetic.h"
#include "host/status.h"
#include "loader.h"
#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FASHION_MNIST_VARIABLE "FASHION_MNIST_DIR"
#define FASHION_MNIST_FOLDER "/usr/share/datasets/fashion-mnist" /* of Debian's package */

static int is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int exists(const char *path) {
    struct stat about;
    return stat(path, &about) == 0;
}

static int ends_with(const char *text, const char *ending) {
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static int is_npy(const char *path) {
    return ends_with(path, ".npy") || ends_with(path, ".npy.gz");
}

static int is_idx(const char *path) {
    return ends_with(path, "-ubyte") || ends_with(path, "-ubyte.gz");
}

/* ---------------------------------------------------------------------------------------------------- readers of files
 */

static caviar_status read_with(caviar_table *table, const char *path, caviar_reader reader) {
    caviar_input *input;
    CAVIAR_TRY(caviar_input_open(&input, path, CAVIAR_MAYBE_COMPRESSED));
    const caviar_status status = reader(table, input);
    caviar_input_close(input);
    return status;
}

caviar_status caviar_load_pair(caviar_dataset **dataset, const char *features, caviar_reader read_features,
                               const char *labels, caviar_reader read_labels, const caviar_csv_options *options) {
    caviar_table table = { .source = strdup(features) };
    if (options) {
        table.accept_unlikely = options->accept_unlikely;
        table.as_expected = options->like || options->model;
    }
    caviar_status status = table.source ? CAVIAR_OK : caviar_fail_memory("the name of a file", strlen(features) + 1);
    if (status == CAVIAR_OK) status = read_with(&table, features, read_features);
    if (status == CAVIAR_OK && labels) status = read_with(&table, labels, read_labels);
    if (status == CAVIAR_OK) return caviar_dataset_from_table(dataset, &table);
    caviar_table_destroy(&table);
    return status;
}

/* ------------------------------------------------------------------------------------------------------------- folders
 */

/* The four files, as everyone names them; all lie in the folder as they are or compressed. */
enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILES };
static const char *const file_names[FILES] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                               "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" };

/* `path` has room for the folder, the name, a slash and ".gz". */
static caviar_status find_file(char *path, size_t size, const char *folder, const char *name) {
    snprintf(path, size, "%s/%s.gz", folder, name);
    if (exists(path)) return CAVIAR_OK;
    snprintf(path, size, "%s/%s", folder, name);
    if (exists(path)) return CAVIAR_OK;
    return caviar_fail(CAVIAR_IO_ERROR, "%s: has no file %s or %s.gz; a folder of data holds four IDX files", folder,
                       name, name);
}

static caviar_status load_both(caviar_dataset **dataset, caviar_dataset **test, char *const paths[FILES]) {
    CAVIAR_TRY(caviar_dataset_load_idx(dataset, paths[TRAIN_IMAGES], paths[TRAIN_LABELS]));
    CAVIAR_TRY(caviar_dataset_load_idx(test, paths[TEST_IMAGES], paths[TEST_LABELS]));
    return caviar_dataset_add_test(*dataset, *test);
}

static caviar_status load_folder(caviar_dataset **dataset, const char *folder) {
    const size_t size = strlen(folder) + 32;
    char *block = malloc(FILES * size);
    if (!block) return caviar_fail_memory("the names of files", FILES * size);
    char *paths[FILES];
    caviar_status status = CAVIAR_OK;
    for (int i = 0; i < FILES && status == CAVIAR_OK; i++) {
        paths[i] = block + (size_t)i * size;
        status = find_file(paths[i], size, folder, file_names[i]);
    }
    caviar_dataset *train = NULL, *test = NULL;
    if (status == CAVIAR_OK) status = load_both(&train, &test, paths);
    caviar_dataset_destroy(test);
    free(block);
    if (status != CAVIAR_OK) {
        caviar_dataset_destroy(train);
        return status;
    }
    *dataset = train;
    return CAVIAR_OK;
}

static caviar_status load_fashion_mnist(caviar_dataset **dataset) {
    const char *named = getenv(FASHION_MNIST_VARIABLE);
    const char *folder = named && *named ? named : FASHION_MNIST_FOLDER;
    if (is_folder(folder)) return load_folder(dataset, folder);
    return caviar_fail(CAVIAR_IO_ERROR,
                       "fashion-mnist: there is no folder %s; install Debian's package dataset-fashion-mnist or "
                       "set " FASHION_MNIST_VARIABLE " to the folder of its four IDX files",
                       folder);
}

/* --------------------------------------------------------------------------------------------------------------- pairs
 */

static caviar_status load_pair(caviar_dataset **dataset, const char *features, const char *labels,
                               const caviar_csv_options *options) {
    if (is_npy(features))
        return caviar_load_pair(dataset, features, caviar_npy_read_features, labels, caviar_npy_read_labels, options);
    if (is_idx(features))
        return caviar_load_pair(dataset, features, caviar_idx_read_features, labels, caviar_idx_read_labels, options);
    return caviar_fail(CAVIAR_INVALID_ARGUMENT,
                       "%s,%s: a pair of files is FEATURES.npy,LABELS.npy or "
                       "IMAGES-idx3-ubyte[.gz],LABELS-idx1-ubyte[.gz]",
                       features, labels);
}

static caviar_status split_and_load_pair(caviar_dataset **dataset, const char *source,
                                         const caviar_csv_options *options) {
    const size_t size = strlen(source) + 1;
    char *features = malloc(size);
    if (!features) return caviar_fail_memory("the names of files", size);
    memcpy(features, source, size);
    char *comma = strchr(features, ',');
    *comma = 0;
    const caviar_status status = load_pair(dataset, features, comma + 1, options);
    free(features);
    return status;
}

caviar_status caviar_dataset_load(caviar_dataset **dataset, const char *source, const caviar_csv_options *options) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset && source, "dataset_load: %s is NULL", dataset ? "source" : "dataset");
    CAVIAR_REQUIRE(*source,
                   "dataset_load: the source is empty; name a CSV file, a pair of NPY or IDX files, a folder of four "
                   "IDX files or fashion-mnist");
    if (strcmp(source, "fashion-mnist") == 0) return load_fashion_mnist(dataset);
    if (is_folder(source)) return load_folder(dataset, source);
    /* A file whose own name has a comma is that file. */
    if (!exists(source) && strchr(source, ',')) return split_and_load_pair(dataset, source, options);
    if (is_npy(source) || is_idx(source)) return load_pair(dataset, source, NULL, options);
    return caviar_dataset_load_csv(dataset, source, options);
}
