/* A file of whatever kind its content is: an NPZ archive, an array alone, a table, each plain or compressed. */
#include "fuzz.h"

int fuzz_npz(const uint8_t *data, size_t size) {
    fuzz_file file = fuzz_file_open(data, size);
    caviar_dataset *dataset = FUZZ_UNTOUCHED;
    const caviar_status status = caviar_dataset_load(&dataset, file.path, NULL);
    if (status == CAVIAR_OK) {
        fuzz_use_dataset(dataset);
    } else {
        MUST(dataset == FUZZ_UNTOUCHED);
        fuzz_check_refusal(status, file.path, NULL);
    }
    fuzz_file_close(&file);
    return status == CAVIAR_OK;
}
