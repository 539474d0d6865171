/* Models in host memory and in safetensors files. */
#include "folder.h"
#include "host/population/model.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(model_file, .init = make_folder, .fini = remove_folder);

/* A model whose values are all different, with a NaN and an infinity among them. */
static caviar_model *make(const caviar_model_info *info, char *const *names) {
    caviar_model *model;
    SUCCEEDS(caviar_model_create(&model, info, 1e-5f, names));
    caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS];
    int32_t count;
    int64_t values;
    caviar_model_layout(entries, &count, &values, info);
    for (int64_t i = 0; i < values; i++) {
        cr_assert(model->values[i] == 0);
        model->values[i] = (float)i * 0.37f - 5;
    }
    model->values[1] = NAN;
    model->values[2] = -INFINITY;
    return model;
}

static int64_t value_count(const caviar_model_info *info) {
    caviar_model_entry entries[CAVIAR_MODEL_MAX_TENSORS];
    int32_t count;
    int64_t values;
    caviar_model_layout(entries, &count, &values, info);
    return values;
}

static const caviar_model_info shapes[] = {
    { 3, 2, 0, { 0 }, 0, CAVIAR_RELU, 0 },
    { 1, 3, 1, { 1 }, 1, CAVIAR_TANH, 0 },
    { 5, 4, 2, { 6, 3 }, 1, CAVIAR_RELU, 0 },
    { 5, 4, 2, { 6, 3 }, 0, CAVIAR_SIGMOID, 0 },
    { 2, 2, 8, { 1, 2, 3, 4, 5, 6, 7, 8 }, 1, CAVIAR_RELU, 0 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

Test(model_file, tensors_are_where_the_architecture_says) {
    caviar_model *model = make(&shapes[2], NULL);
    int64_t rows = 0, columns = 0;
    float *weight = caviar_model_tensor(model, CAVIAR_MODEL_WEIGHT, 1, &rows, &columns);
    cr_expect(weight && rows == 6 && columns == 3);
    cr_expect(caviar_model_tensor(model, CAVIAR_MODEL_GAMMA, 1, &rows, &columns) && rows == 1 && columns == 3);
    cr_expect(caviar_model_tensor(model, CAVIAR_MODEL_SCALE, 0, &rows, &columns) && rows == 1 && columns == 5);
    cr_expect(caviar_model_tensor(model, CAVIAR_MODEL_BIAS, 2, NULL, NULL));
    cr_expect(!caviar_model_tensor(model, CAVIAR_MODEL_BIAS, 0, NULL, NULL), "with batch norm there is no bias");
    cr_expect(!caviar_model_tensor(model, CAVIAR_MODEL_GAMMA, 2, NULL, NULL));
    cr_expect(!caviar_model_tensor(model, CAVIAR_MODEL_WEIGHT, 3, NULL, NULL));
    cr_expect(!caviar_model_tensor(model, CAVIAR_MODEL_WEIGHT, -1, NULL, NULL));
    caviar_model_info info;
    SUCCEEDS(caviar_model_get_info(&info, model));
    /* weights 5x6 + 6x3 + 3x4, gamma and beta of 6 and 3, the output's bias */
    cr_expect(info.parameters == 30 + 18 + 12 + 2 * 9 + 4, "%lld", (long long)info.parameters);
    caviar_model_destroy(model);
    const caviar_model_info leftover = { 5, 4, 1, { 6, 3 }, 1, CAVIAR_RELU, 77 };
    SUCCEEDS(caviar_model_create(&model, &leftover, 1e-5f, NULL));
    SUCCEEDS(caviar_model_get_info(&info, model));
    cr_expect(info.hidden_width[1] == 0 && info.parameters == 30 + 24 + 12 + 4);
    caviar_model_destroy(model);

    /* No two tensors share a value, and none is left over. */
    for (int s = 0; s < SHAPES; s++) {
        model = make(&shapes[s], NULL);
        const int64_t values = value_count(&shapes[s]);
        char *taken = calloc((size_t)values, 1);
        for (int kind = CAVIAR_MODEL_WEIGHT; kind <= CAVIAR_MODEL_SCALE; kind++) {
            for (int layer = 0; layer <= CAVIAR_MAX_HIDDEN_LAYERS; layer++) {
                const float *tensor =
                    caviar_model_tensor(model, (caviar_model_tensor_kind)kind, layer, &rows, &columns);
                for (int64_t i = 0; tensor && i < rows * columns; i++) cr_assert(!taken[tensor - model->values + i]++);
            }
        }
        for (int64_t i = 0; i < values; i++) cr_assert(taken[i]);
        free(taken);
        caviar_model_destroy(model);
    }
}

static void check_equal(const caviar_model *a, const caviar_model *b) {
    cr_expect(memcmp(&a->info, &b->info, sizeof a->info) == 0);
    cr_expect(a->batch_norm_epsilon == b->batch_norm_epsilon);
    cr_expect(memcmp(a->values, b->values, (size_t)value_count(&a->info) * sizeof(float)) == 0);
    for (int64_t i = 0; i < a->info.classes; i++) {
        const char *name, *other;
        SUCCEEDS(caviar_model_class_name(&name, a, i));
        SUCCEEDS(caviar_model_class_name(&other, b, i));
        cr_expect_str_eq(name, other);
    }
}

Test(model_file, loads_what_it_saved) {
    static char *const names[4] = { "a \"quoted\"\nname", "", "\xc3\xa9\xf0\x9f\x90\x9f", "[\\]" };
    for (int s = 0; s < SHAPES; s++) {
        for (int named = 0; named < 2; named++) {
            caviar_model *model = make(&shapes[s], named ? names : NULL), *loaded;
            const char *path = in_folder("model.safetensors");
            SUCCEEDS(caviar_model_save(model, path)); /* each replaces the one before */
            SUCCEEDS(caviar_model_load(&loaded, path));
            check_equal(model, loaded);
            size_t size, again;
            unsigned char *first = read_file(&size, path);
            SUCCEEDS(caviar_model_save(loaded, path));
            unsigned char *second = read_file(&again, path);
            cr_expect(size == again && memcmp(first, second, size) == 0, "the same model makes the same file");
            cr_expect(first[0] % 8 == 0, "tensors begin at a multiple of 8 bytes");
            free(first);
            free(second);
            caviar_model_destroy(model);
            caviar_model_destroy(loaded);
        }
    }
}

Test(model_file, refuses_bad_arguments) {
    caviar_model *untouched = (caviar_model *)(uintptr_t)16, *model = untouched;
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    const caviar_model_info good = shapes[2];
    caviar_model_info wrong = good;
    wrong.features = 0;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "0 features");
    wrong.features = INT64_MAX;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "features");
    wrong = good;
    wrong.classes = 1;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "1 classes");
    wrong.classes = 65537;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "65537 classes");
    wrong = good;
    wrong.hidden_layers = 9;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "9 hidden layers");
    wrong.hidden_layers = -1;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "-1 hidden layers");
    wrong = good;
    wrong.hidden_width[1] = 0;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "hidden layer 1 is 0 wide");
    wrong.hidden_width[1] = 4097;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "hidden layer 1 is 4097 wide");
    wrong = good;
    wrong.batch_norm = 2;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "batch_norm is 2");
    wrong = good;
    wrong.activation = CAVIAR_IDENTITY;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "activation 0");
    wrong.activation = (caviar_activation)4;
    REFUSES(caviar_model_create(&model, &wrong, 1e-5f, NULL), bad, "activation 4");
    static const float epsilons[] = { 0, -1, NAN, INFINITY };
    for (size_t i = 0; i < 2 * sizeof epsilons / sizeof *epsilons; i++) { /* without batch norm, too */
        wrong = good, wrong.batch_norm = i % 2;
        REFUSES(caviar_model_create(&model, &wrong, epsilons[i / 2], NULL), bad, "batch_norm_epsilon");
    }
    REFUSES(caviar_model_load(&model, NULL), bad, "path is NULL");
    REFUSES(caviar_model_load(NULL, "x"), bad, "model is NULL");
    REFUSES(caviar_model_load(&model, in_folder("none")), CAVIAR_IO_ERROR, "none: cannot open");
    REFUSES(caviar_model_load(&model, folder), CAVIAR_IO_ERROR, "is a folder");
    cr_expect(model == untouched);

    model = make(&good, NULL);
    caviar_model_info info;
    const char *name;
    REFUSES(caviar_model_get_info(NULL, model), bad, "info is NULL");
    REFUSES(caviar_model_get_info(&info, NULL), bad, "model is NULL");
    REFUSES(caviar_model_class_name(NULL, model, 0), bad, "name is NULL");
    REFUSES(caviar_model_class_name(&name, NULL, 0), bad, "model is NULL");
    REFUSES(caviar_model_class_name(&name, model, 4), bad, "no class 4");
    REFUSES(caviar_model_class_name(&name, model, -1), bad, "no class -1");
    REFUSES(caviar_model_save(NULL, in_folder("x")), bad, "model is NULL");
    REFUSES(caviar_model_save(model, NULL), bad, "path is NULL");
    caviar_model_destroy(model);
    caviar_model_destroy(NULL);
    static char *const latin1[4] = { "a", "b", "\xe9", "c" };
    model = make(&good, latin1);
    REFUSES(caviar_model_save(model, in_folder("x")), bad, "class 2 is not valid UTF-8");
    caviar_model_destroy(model);
}

static int count_files(void) {
    char command[128];
    int count = -1;
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe && fscanf(pipe, "%d", &count) == 1);
    pclose(pipe);
    return count;
}

Test(model_file, a_file_is_replaced_whole_or_not_at_all) {
    caviar_model *model = make(&shapes[2], NULL), *loaded;
    const char *path = in_folder("model.safetensors");
    REFUSES(caviar_model_save(model, in_folder("no/such/folder")), CAVIAR_IO_ERROR, "cannot create");
    REFUSES(caviar_model_save(model, folder), CAVIAR_IO_ERROR, "is a folder");
    REFUSES(caviar_model_save(model, "/dev/full"), CAVIAR_IO_ERROR, "cannot write");
    SUCCEEDS(caviar_model_save(model, "/dev/null")); /* a device is written to, and stays one */
    cr_expect(count_files() == 0);
    SUCCEEDS(caviar_model_save(model, path));
    cr_expect(count_files() == 1);
    struct stat about;
    const mode_t mask = umask(0);
    umask(mask);
    cr_expect(stat(path, &about) == 0 && (about.st_mode & 0777) == (0666 & ~mask));

    /* A write that fails leaves the old file and nothing beside it: a file may be no larger than 100 bytes here. */
    caviar_model *other = make(&shapes[3], NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = { 100, 100 };
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        const int refused = caviar_model_save(other, path) == CAVIAR_IO_ERROR;
        _exit(refused && strstr(caviar_last_error(), "cannot write") ? 0 : 1);
    }
    int status = -1;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_expect(count_files() == 1);
    SUCCEEDS(caviar_model_load(&loaded, path));
    check_equal(model, loaded);
    caviar_model_destroy(loaded);
    caviar_model_destroy(other);
    caviar_model_destroy(model);
}

/* Writes a file of this header and `data` zero bytes. */
static const char *write_header(const char *header, size_t data) {
    unsigned char file[4096] = { 0 };
    const uint64_t length = strlen(header);
    cr_assert(8 + length + data <= sizeof file);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    return write_file("x.safetensors", file, 8 + length + data);
}

#define METADATA(features, widths, names)                                                                              \
    "{\"__metadata__\": {\"format_version\": \"1\", \"features\": \"" features "\", \"classes\": \"2\", "              \
    "\"hidden_widths\": \"" widths "\", \"batch_norm\": \"false\", \"activation\": \"\\\"relu\\\"\", "                 \
    "\"batch_norm_epsilon\": \"1e-5\", \"class_names\": \"" names "\"}"
#define GOOD METADATA("1", "[]", "[\\\"a\\\", \\\"b\\\"]")
#define TENSOR(name, shape, begin, end)                                                                                \
    ", \"" name "\": {\"dtype\": \"F32\", \"shape\": " shape ", \"data_offsets\": [" begin ", " end "]}"
#define WEIGHT TENSOR("output.weight", "[1, 2]", "0", "8")
#define BIAS TENSOR("output.bias", "[2]", "8", "16")
#define MEAN TENSOR("input.mean", "[1]", "16", "20")
#define SCALE TENSOR("input.scale", "[1]", "20", "24")

Test(model_file, names_what_is_wrong) {
    caviar_model *model = NULL;
    /* Others write tensors in another order. */
    SUCCEEDS(caviar_model_load(&model, write_header(GOOD SCALE MEAN BIAS WEIGHT "}", 24)));
    caviar_model_destroy(model);
    SUCCEEDS(caviar_model_load(&model, write_header(GOOD TENSOR("output.weight", "[1, 2]", "16", "24")
                                                        BIAS TENSOR("input.mean", "[1]", "0", "4")
                                                            TENSOR("input.scale", "[1]", "4", "8") "}   ",
                                                    24)));
    caviar_model_destroy(model);
    model = NULL;
    static const struct {
        const char *header;
        size_t data;
        const char *message;
    } wrong[] = {
        { "", 0, "announce a header of 0 bytes" },
        { "[1, 2]", 0, "has no __metadata__" },
        { "{\"a\": 1, \"a\": 1}", 0, "duplicate" },
        { "{\"__metadata__\": {}}", 0, "format_version" },
        { "{\"__metadata__\": {\"format_version\": 1}}", 0, "format_version in its metadata is not a whole number" },
        { "{\"__metadata__\": {\"format_version\": \"3\"}}", 0,
          "is of format version 3; this caviar reads versions 1 to 2" },
        { "{\"__metadata__\": {\"format_version\": \"0\"}}", 0, "is of format version 0" },
        { METADATA("0", "[]", "[]") "}", 0, "0 features" },
        { METADATA("1.5", "[]", "[]") "}", 0, "features in its metadata" },
        { METADATA("9223372036854775807", "[]", "[]") "}", 0, "9223372036854775807 features" },
        { METADATA("1", "7", "[]") "}", 0, "hidden_widths" },
        { METADATA("1", "[0]", "[]") "}", 0, "hidden_widths" },
        { METADATA("1", "[4097]", "[]") "}", 0, "hidden_widths" },
        { METADATA("1", "[4294967297]", "[]") "}", 0, "hidden_widths" },
        { METADATA("1", "[1,1,1,1,1,1,1,1,1]", "[]") "}", 0, "hidden_widths" },
        { METADATA("1", "[]", "[\\\"a\\\"]") WEIGHT BIAS MEAN SCALE "}", 24, "class_names" },
        { METADATA("1", "[]", "[\\\"a\\\", 7]") WEIGHT BIAS MEAN SCALE "}", 24, "class_names" },
        { METADATA("1", "[]", "{}") WEIGHT BIAS MEAN SCALE "}", 24, "class_names" },
        { METADATA("2147483647", "[]", "[]") WEIGHT BIAS MEAN SCALE "}", 24, "tensor output.weight must be" },
        { GOOD WEIGHT BIAS MEAN "}", 20, "has no tensor input.scale" },
        { GOOD WEIGHT BIAS MEAN SCALE TENSOR("more", "[1]", "24", "28") "}", 28, "its architecture has not" },
        { GOOD WEIGHT BIAS MEAN SCALE "}", 23, "do not fill its 23 bytes" },
        { GOOD WEIGHT BIAS MEAN SCALE "}", 25, "do not fill its 25 bytes" },
        { GOOD WEIGHT BIAS MEAN TENSOR("input.scale", "[1]", "24", "28") "}", 28, "do not fill" },
        { GOOD WEIGHT BIAS MEAN TENSOR("input.scale", "[1]", "16", "20") "}", 20, "do not fill" },
        { GOOD WEIGHT BIAS MEAN TENSOR("input.scale", "[1]", "18", "22") "}", 24, "do not fill" },
        { GOOD TENSOR("output.weight", "[2, 1]", "0", "8") BIAS MEAN SCALE "}", 24, "output.weight must be" },
        { GOOD TENSOR("output.weight", "[2]", "0", "8") BIAS MEAN SCALE "}", 24, "output.weight must be" },
        { GOOD TENSOR("output.weight", "[1, 2]", "0", "12") BIAS MEAN SCALE "}", 24, "output.weight must be" },
        { GOOD TENSOR("output.weight", "[1, 2]", "-8", "0") BIAS MEAN SCALE "}", 24, "output.weight must be" },
        { GOOD TENSOR("output.weight", "[1, 2]", "8", "0") BIAS MEAN SCALE "}", 24, "output.weight must be" },
        { GOOD TENSOR("output.weight", "[1, 2]", "0.0", "8") BIAS MEAN SCALE "}", 24, "output.weight must be" },
        { GOOD ", \"output.weight\": {\"dtype\": \"F16\", \"shape\": [1, 2], \"data_offsets\": [0, 8]}" BIAS MEAN SCALE
               "}",
          24, "output.weight must be of dtype F32" },
        { GOOD ", \"output.weight\": 7" BIAS MEAN SCALE "}", 24, "output.weight must be" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *path = write_header(wrong[i].header, wrong[i].data);
        REFUSES(caviar_model_load(&model, path), CAVIAR_BAD_FILE, wrong[i].message);
        cr_expect(strncmp(caviar_last_error(), path, strlen(path)) == 0);
    }
    /* Nesting without end is refused by the parser, not by the stack. */
    char deep[4001];
    memset(deep, '[', 4000);
    deep[4000] = 0;
    REFUSES(caviar_model_load(&model, write_header(deep, 0)), CAVIAR_BAD_FILE, "depth");
    REFUSES(caviar_model_load(&model, write_file("x", "\0\0\0\0\0\0\0\x80{}", 10)), CAVIAR_BAD_FILE, "announce");
    cr_expect(model == NULL);
}

static caviar_status load(const char *path) {
    caviar_model *model = NULL;
    caviar_model_info info;
    const char *name;
    const caviar_status status = caviar_model_load(&model, path);
    if (status == CAVIAR_OK) {
        SUCCEEDS(caviar_model_get_info(&info, model));
        for (int64_t i = 0; i < info.classes; i++) SUCCEEDS(caviar_model_class_name(&name, model, i));
    }
    caviar_model_destroy(model);
    return status;
}

Test(model_file, survives_damage) {
    static char *const names[2] = { "a", "b" };
    const caviar_model_info info = { 1, 2, 1, { 1 }, 1, CAVIAR_RELU, 0 };
    caviar_model *model = make(&info, names);
    const char *path = in_folder("whole");
    size_t size;
    SUCCEEDS(caviar_model_save(model, path));
    unsigned char *data = read_file(&size, path);
    const damage_count cut = damage("cut", data, size, 1, load);
    cr_expect(cut.loaded == 0 && cut.refused == (int)size);
    const damage_count flipped = damage("flipped", data, size, 0, load);
    const int values = (int)value_count(&info) * 32; /* bits that may be anything */
    cr_expect(flipped.loaded >= values && flipped.refused >= 4000, "%d %d", flipped.loaded, flipped.refused);
    free(data);
    caviar_model_destroy(model);
}
