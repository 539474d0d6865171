/* What the fuzzing targets share. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

fuzz_file fuzz_file_open(const void *data, size_t size) {
    fuzz_file file = { memfd_create("fuzz", MFD_CLOEXEC), "" };
    MUST(file.descriptor >= 0);
    MUST(size == 0 || write(file.descriptor, data, size) == (ssize_t)size);
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
    return file;
}

void fuzz_file_close(fuzz_file *file) {
    close(file->descriptor);
}

static char saved_path[256];

static void remove_saved(void) {
    unlink(saved_path);
}

const char *fuzz_saved_path(void) {
    if (saved_path[0]) return saved_path;
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    snprintf(saved_path, sizeof saved_path, "%s/caviar-fuzz-%ld", folder ? folder : "/tmp", (long)getpid());
    atexit(remove_saved);
    return saved_path;
}

char *fuzz_read(size_t *size, const char *path) {
    FILE *file = fopen(path, "rb");
    MUST(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    MUST(data && fread(data, 1, *size, file) == *size);
    fclose(file);
    return data;
}

caviar_device *fuzz_device(void) {
    static caviar_device *device;
    if (!device) MUST(caviar_device_open(&device, "cpu", 1) == CAVIAR_OK);
    return device;
}

void fuzz_check_refusal(caviar_status status, const char *a, const char *b) {
    const char *says = caviar_last_error();
    MUST(status == CAVIAR_BAD_FILE);
    MUST(strncmp(says, a, strlen(a)) == 0 || (b && strncmp(says, b, strlen(b)) == 0));
}

static void read_all(const caviar_dataset *dataset, const caviar_dataset_info *info) {
    const size_t values = (size_t)(info->examples * info->features);
    float *features = malloc(values * sizeof *features);
    int32_t *labels = malloc((size_t)info->examples * sizeof *labels);
    MUST(features && labels);
    MUST(caviar_dataset_read(features, info->classes ? labels : NULL, dataset, 0, info->examples) == CAVIAR_OK);
    for (size_t i = 0; i < values; i++) MUST(features[i] - features[i] == 0);
    for (int64_t i = 0; i < info->examples && info->classes; i++) MUST(labels[i] >= 0 && labels[i] < info->classes);
    free(features);
    free(labels);
    for (int64_t i = 0; i < info->classes; i++) {
        const char *name = NULL;
        MUST(caviar_dataset_class_name(&name, dataset, i) == CAVIAR_OK && name && strlen(name) < SIZE_MAX);
    }
}

/* One minibatch of one small network. */
static void train(const caviar_dataset *dataset, const caviar_dataset_info *info) {
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.hidden_width[0] = 2;
    options.batch_norm = 0;
    options.batch_size = 1;
    caviar_population *population = NULL;
    const caviar_status status = caviar_population_create(&population, fuzz_device(), dataset, &options);
    if (info->classes > CAVIAR_MAX_WIDTH) {
        MUST(status == CAVIAR_INVALID_ARGUMENT && !population);
        return;
    }
    MUST(status == CAVIAR_OK);
    const caviar_hyperparameters hyperparameters = CAVIAR_HYPERPARAMETERS_INIT;
    MUST(caviar_population_start(population, 0, 1, &hyperparameters) == CAVIAR_OK);
    MUST(caviar_population_train(population, 1) == CAVIAR_OK);
    caviar_metrics metrics;
    MUST(caviar_population_training_metrics(&metrics, population) == CAVIAR_OK && metrics.examples == 1);
    caviar_population_destroy(population);
}

void fuzz_use_dataset(caviar_dataset *dataset) {
    caviar_dataset_info info;
    MUST(caviar_dataset_get_info(&info, dataset) == CAVIAR_OK);
    MUST(info.examples >= 1 && info.features >= 1 && (info.classes == 0 || info.classes >= 2));
    read_all(dataset, &info);
    if (info.examples >= 4) {
        MUST(caviar_dataset_split(dataset, 0.25, 0.25, 1) == CAVIAR_OK);
        MUST(caviar_dataset_get_info(&info, dataset) == CAVIAR_OK);
        MUST(info.part_examples[0] + info.part_examples[1] + info.part_examples[2] == info.examples);
        if (info.classes && info.features <= 4096) train(dataset, &info);
    }
    caviar_dataset_destroy(dataset);
}

fuzz_pair fuzz_split(const uint8_t *data, size_t size) {
    if (size < 4) return (fuzz_pair){ data, data + size, size, 0 };
    size_t first = data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 | (size_t)data[3] << 24;
    if (first > size - 4) first = size - 4;
    return (fuzz_pair){ data + 4, data + 4 + first, first, size - 4 - first };
}
