/* Model files: what is loaded predicts, and is the same when it is saved and loaded again. */
#include "fuzz.h"

#include <math.h>

static void predict(const caviar_model *model) {
    caviar_model_info info;
    MUST(caviar_model_get_info(&info, model) == CAVIAR_OK);
    MUST(info.features >= 1 && info.classes >= 2);
    for (int64_t i = 0; i < info.classes; i++) {
        const char *name = NULL;
        MUST(caviar_model_class_name(&name, model, i) == CAVIAR_OK && name && strlen(name) < SIZE_MAX);
    }
    float *features = calloc((size_t)info.features * 2, sizeof *features);
    float *probabilities = calloc((size_t)info.classes * 2, sizeof *probabilities);
    int32_t classes[2];
    MUST(features && probabilities);
    MUST(caviar_model_predict(probabilities, classes, model, fuzz_device(), features, 2) == CAVIAR_OK);
    for (int i = 0; i < 2; i++) {
        const int is_nan = isnan(probabilities[(int64_t)i * info.classes]);
        MUST(is_nan ? classes[i] == -1 : classes[i] >= 0 && classes[i] < info.classes);
    }
    free(features);
    free(probabilities);
}

/* Saved files of equal models are equal byte for byte. */
static void save_and_load(const caviar_model *model) {
    size_t size = 0, again_size = 0;
    MUST(caviar_model_save(model, fuzz_saved_path()) == CAVIAR_OK);
    char *saved = fuzz_read(&size, fuzz_saved_path());
    caviar_model *again = NULL;
    MUST(caviar_model_load(&again, fuzz_saved_path()) == CAVIAR_OK);
    MUST(caviar_model_save(again, fuzz_saved_path()) == CAVIAR_OK);
    char *saved_again = fuzz_read(&again_size, fuzz_saved_path());
    MUST(size == again_size && memcmp(saved, saved_again, size) == 0);
    free(saved);
    free(saved_again);
    caviar_model_destroy(again);
}

int fuzz_model(const uint8_t *data, size_t size) {
    fuzz_file file = fuzz_file_open(data, size);
    caviar_model *model = FUZZ_UNTOUCHED;
    const caviar_status status = caviar_model_load(&model, file.path);
    if (status == CAVIAR_OK) {
        predict(model);
        save_and_load(model);
        caviar_model_destroy(model);
    } else {
        MUST(model == FUZZ_UNTOUCHED);
        fuzz_check_refusal(status, file.path, NULL);
    }
    fuzz_file_close(&file);
    return status == CAVIAR_OK;
}
