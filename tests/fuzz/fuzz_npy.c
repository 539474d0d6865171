/* A pair of NPY files: features and labels. */
#include "fuzz.h"

int fuzz_npy(const uint8_t *data, size_t size) {
    const fuzz_pair pair = fuzz_split(data, size);
    fuzz_file first = fuzz_file_open(pair.first, pair.first_size);
    fuzz_file second = fuzz_file_open(pair.second, pair.second_size);
    caviar_dataset *dataset = FUZZ_UNTOUCHED;
    const caviar_status status = caviar_dataset_load_npy(&dataset, first.path, second.path);
    if (status == CAVIAR_OK) {
        fuzz_use_dataset(dataset);
    } else {
        MUST(dataset == FUZZ_UNTOUCHED);
        fuzz_check_refusal(status, first.path, second.path);
    }
    fuzz_file_close(&first);
    fuzz_file_close(&second);
    return status == CAVIAR_OK;
}
