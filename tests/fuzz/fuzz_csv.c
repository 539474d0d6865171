/* CSV files, plain or gzip-compressed, as they are by default, and once more without labels. */
#include "fuzz.h"

static int load(const fuzz_file *file, const caviar_csv_options *options) {
    caviar_dataset *dataset = FUZZ_UNTOUCHED;
    const caviar_status status = caviar_dataset_load_csv(&dataset, file->path, options);
    if (status == CAVIAR_OK) {
        fuzz_use_dataset(dataset);
        return 1;
    }
    MUST(dataset == FUZZ_UNTOUCHED);
    fuzz_check_refusal(status, file->path, NULL);
    return 0;
}

int fuzz_csv(const uint8_t *data, size_t size) {
    fuzz_file file = fuzz_file_open(data, size);
    int loaded = load(&file, NULL);
    caviar_csv_options options = CAVIAR_CSV_OPTIONS_INIT;
    options.label = "none";
    options.header = 0;
    options.delimiter = ';';
    loaded |= load(&file, &options);
    fuzz_file_close(&file);
    return loaded;
}
