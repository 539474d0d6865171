/* The kinds of data source that the command takes, told apart by what they hold. */
#include "host/arithmetic.h"
#include "host/status.h"
#include "loader.h"
#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

/* ---------------------------------------------------------------------------------------------------- readers of files
 */

static caviar_status read_with(caviar_table *table, const char *path, caviar_reader reader) {
    caviar_input *input;
    CAVIAR_TRY(caviar_input_open(&input, path, CAVIAR_MAYBE_COMPRESSED));
    const caviar_status status = reader(table, input);
    caviar_input_close(input);
    return status;
}

caviar_status caviar_loader_begin(caviar_table *table, const char *source, const caviar_csv_options *options) {
    *table = (caviar_table){ .source = strdup(source) };
    if (!table->source) return caviar_fail_memory("the name of a file", strlen(source) + 1);
    if (options) {
        table->accept_unlikely = options->accept_unlikely;
        table->as_expected = options->like || options->model;
    }
    return CAVIAR_OK;
}

caviar_status caviar_loader_finish(caviar_dataset **dataset, caviar_table *table, caviar_status status) {
    if (status == CAVIAR_OK) return caviar_dataset_from_table(dataset, table);
    caviar_table_destroy(table);
    return status;
}

caviar_status caviar_load_pair(caviar_dataset **dataset, const char *features, caviar_reader read_features,
                               const char *labels, caviar_reader read_labels, const caviar_csv_options *options) {
    caviar_table table;
    caviar_status status = caviar_loader_begin(&table, features, options);
    if (status == CAVIAR_OK) status = read_with(&table, features, read_features);
    if (status == CAVIAR_OK && labels) status = read_with(&table, labels, read_labels);
    return caviar_loader_finish(dataset, &table, status);
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

/* --------------------------------------------------------------------------------------------------- what files hold
 */

typedef enum source_kind { KIND_CSV, KIND_NPY, KIND_NPZ, KIND_IDX, KIND_OTHER } source_kind;

/* What files of a kind begin with. Those of KIND_OTHER are refused with what to do. */
static const struct signature {
    const char *bytes;
    size_t length;
    source_kind kind;
    const char *advice;
} signatures[] = {
    { "\x93NUMPY", 6, KIND_NPY, NULL },
    { "PK\3\4", 4, KIND_NPZ, NULL },
    { "PK\5\6", 4, KIND_NPZ, NULL },
    { "PAR1", 4, KIND_OTHER, "a Parquet file: save it as CSV, for example by pandas: read_parquet, then to_csv" },
    { "ARROW1", 6, KIND_OTHER, "a Feather file: save it as CSV, for example by pandas: read_feather, then to_csv" },
    { "\x89HDF", 4, KIND_OTHER, "an HDF5 file: save its arrays as NPZ, numpy.savez(file, X=..., y=...)" },
    { "MATLAB 5.0", 10, KIND_OTHER, "a MATLAB file: save its arrays as NPZ, scipy.io.loadmat, then numpy.savez" },
    { "\xd0\xcf\x11\xe0", 4, KIND_OTHER, "a spreadsheet of old: save the sheet as CSV" },
    { "SQLite format 3", 15, KIND_OTHER, "a database of SQLite: save the table as CSV, sqlite3 -header -csv" },
    { "\x80\4\x95", 3, KIND_OTHER, "a pickled object of Python: save its arrays as NPZ or its table as CSV" },
    { "{\"", 2, KIND_OTHER, "JSON: save it as CSV, for example by pandas: read_json, then to_csv" },
    { "[{\"", 3, KIND_OTHER, "JSON: save it as CSV, for example by pandas: read_json, then to_csv" },
    { "%PDF", 4, KIND_OTHER, "a document: save the table as CSV" },
    { "@relation", 9, KIND_OTHER, "an ARFF file: save it as CSV, for example by scipy.io.arff.loadarff and pandas" },
};

static int ends_with(const char *text, const char *ending) {
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcasecmp(text + length - tail, ending) == 0;
}

/* What the name promises, with or without a compression's ending: it counts where the content says nothing. */
static source_kind kind_by_name(const char *path) {
    static const char *const compressions[] = { "", ".gz", ".zst" };
    static const struct {
        const char *ending;
        source_kind kind;
    } names[] = { { ".npy", KIND_NPY }, { ".npz", KIND_NPZ }, { "-ubyte", KIND_IDX }, { ".arff", KIND_OTHER } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t c = 0; c < sizeof compressions / sizeof *compressions; c++) {
            char ending[16];
            snprintf(ending, sizeof ending, "%s%s", names[i].ending, compressions[c]);
            if (ends_with(path, ending)) return names[i].kind;
        }
    }
    return KIND_CSV;
}

/* Those of a device or of an archive without end would be read for long before they are refused. */
static caviar_status refuse_zero_bytes(const char *name, const unsigned char *bytes, size_t count) {
    const unsigned char *zero = memchr(bytes, 0, count);
    if (!zero) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: byte %td is zero: this is no text file, or one in UTF-16", name,
                       zero - bytes);
}

static caviar_status find_kind(source_kind *found, caviar_input *input) {
    const char *name = caviar_input_name(input), *advice = NULL;
    const unsigned char *bytes;
    size_t count;
    CAVIAR_TRY(caviar_input_peek(&bytes, &count, input));
    *found = kind_by_name(name);
    if (*found == KIND_OTHER) advice = signatures[sizeof signatures / sizeof *signatures - 1].advice;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *s = &signatures[i];
        if (count < s->length || strncasecmp((const char *)bytes, s->bytes, s->length) != 0) continue;
        *found = s->kind;
        advice = s->advice;
    }
    if (count >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] >= 8 && bytes[2] <= 14 && bytes[3] > 0)
        *found = KIND_IDX;
    if (*found == KIND_CSV) return refuse_zero_bytes(name, bytes, count);
    if (!advice) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: is %s", name, advice);
}

static caviar_status read_features(caviar_table *table, caviar_input *input) {
    source_kind kind;
    CAVIAR_TRY(find_kind(&kind, input));
    if (kind == KIND_NPY) return caviar_npy_read_features(table, input);
    if (kind == KIND_IDX) return caviar_idx_read_features(table, input);
    return caviar_fail(CAVIAR_BAD_FILE, "%s: is neither an NPY nor an IDX file, of which a pair of files consists",
                       caviar_input_name(input));
}

static caviar_status read_labels(caviar_table *table, caviar_input *input) {
    source_kind kind;
    CAVIAR_TRY(find_kind(&kind, input));
    if (kind == KIND_NPY) return caviar_npy_read_labels(table, input);
    if (kind == KIND_IDX) return caviar_idx_read_labels(table, input);
    return caviar_fail(CAVIAR_BAD_FILE, "%s: is neither an NPY nor an IDX file, of which a pair of files consists",
                       caviar_input_name(input));
}

static caviar_status read_table(caviar_dataset **dataset, caviar_input *input, caviar_reader reader,
                                const caviar_csv_options *options) {
    caviar_table table;
    caviar_status status = caviar_loader_begin(&table, caviar_input_name(input), options);
    if (status == CAVIAR_OK) status = reader(&table, input);
    return caviar_loader_finish(dataset, &table, status);
}

static caviar_status read_any(caviar_dataset **dataset, caviar_input *input, const caviar_csv_options *options) {
    source_kind kind;
    CAVIAR_TRY(find_kind(&kind, input));
    switch (kind) {
    case KIND_NPY: return read_table(dataset, input, caviar_npy_read_features, options);
    case KIND_IDX: return read_table(dataset, input, caviar_idx_read_features, options);
    case KIND_NPZ: return caviar_npz_read(dataset, input, NULL, options);
    default: return caviar_dataset_read_csv(dataset, input, options);
    }
}

/* --------------------------------------------------------------------------------------------------------- sources */

static caviar_status load_file(caviar_dataset **dataset, const char *path, const caviar_csv_options *options) {
    caviar_input *input;
    CAVIAR_TRY(caviar_input_open(&input, path, CAVIAR_MAYBE_COMPRESSED));
    const caviar_status status = read_any(dataset, input, options);
    caviar_input_close(input);
    return status;
}

/* FILE.npz:X,y */
static caviar_status load_arrays(caviar_dataset **dataset, const char *path, const char *keys,
                                 const caviar_csv_options *options) {
    caviar_input *input;
    CAVIAR_TRY(caviar_input_open(&input, path, CAVIAR_MAYBE_COMPRESSED));
    const caviar_status status = caviar_npz_read(dataset, input, keys, options);
    caviar_input_close(input);
    return status;
}

/* A source of two names: of files with a comma between them, or of an NPZ file and arrays. */
static caviar_status load_two(caviar_dataset **dataset, const char *source, size_t first,
                              const caviar_csv_options *options) {
    char *name = strdup(source);
    if (!name) return caviar_fail_memory("the names of files", strlen(source) + 1);
    const char separator = name[first], *second = name + first + 1;
    name[first] = 0;
    const caviar_status status = separator == ':'
                                     ? load_arrays(dataset, name, second, options)
                                     : caviar_load_pair(dataset, name, read_features, second, read_labels, options);
    free(name);
    return status;
}

caviar_status caviar_dataset_load(caviar_dataset **dataset, const char *source, const caviar_csv_options *options) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset && source, "dataset_load: %s is NULL", dataset ? "source" : "dataset");
    CAVIAR_REQUIRE(*source,
                   "dataset_load: the source is empty; name a file of CSV, NPZ, NPY or IDX, a pair of files, a folder "
                   "of four IDX files, fashion-mnist, or - for standard input");
    if (strcmp(source, "fashion-mnist") == 0) return load_fashion_mnist(dataset);
    if (is_folder(source)) return load_folder(dataset, source);
    /* A file whose own name has a comma or a colon is that file. */
    if (exists(source) || strcmp(source, "-") == 0) return load_file(dataset, source, options);
    const char *arrays = strstr(source, ".npz:");
    if (arrays) return load_two(dataset, source, (size_t)(arrays - source) + 4, options);
    if (strchr(source, ',')) return load_two(dataset, source, strcspn(source, ","), options);
    return load_file(dataset, source, options);
}
