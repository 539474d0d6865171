/* Space files: what is loaded is the same when it is saved and loaded again, and is sampled. */
#include "fuzz.h"
#include "host/search/space.h"

static void save_and_load(const caviar_space *space) {
    size_t size = 0, again_size = 0;
    MUST(caviar_space_save(space, fuzz_saved_path()) == CAVIAR_OK);
    char *saved = fuzz_read(&size, fuzz_saved_path());
    caviar_space *again = NULL;
    MUST(caviar_space_load(&again, fuzz_saved_path()) == CAVIAR_OK);
    MUST(again->size == space->size && again->has_metric == space->has_metric && again->method == space->method);
    for (int32_t i = 0; i < space->size; i++) {
        const caviar_space_parameter *a = &space->parameters[i], *b = &again->parameters[i];
        MUST(a->hyperparameter == b->hyperparameter && a->distribution == b->distribution && a->count == b->count);
        MUST(a->minimum == b->minimum && a->maximum == b->maximum && a->quantum == b->quantum);
        MUST(a->mean == b->mean && a->deviation == b->deviation);
        for (int32_t j = 0; j < a->count; j++) MUST(a->values[j] == b->values[j]);
    }
    MUST(caviar_space_save(again, fuzz_saved_path()) == CAVIAR_OK);
    char *saved_again = fuzz_read(&again_size, fuzz_saved_path());
    MUST(size == again_size && memcmp(saved, saved_again, size) == 0);
    free(saved);
    free(saved_again);
    caviar_space_destroy(again);
}

/* Networks are made of a sample, so wide ones are left to other tests. */
static int is_small(const caviar_space *space) {
    for (int32_t i = 0; i < space->size; i++) {
        const char *name = NULL;
        MUST(caviar_space_parameter_name(&name, space, i) == CAVIAR_OK);
        if (strncmp(name, "hidden_width", 12) != 0) continue;
        const caviar_space_parameter *p = &space->parameters[i];
        if (p->maximum > 32) return 0;
        for (int32_t j = 0; j < p->count; j++) {
            if (p->values[j] > 32) return 0;
        }
    }
    return 1;
}

static caviar_dataset *examples(void) {
    static caviar_dataset *dataset;
    if (dataset) return dataset;
    uint8_t features[64];
    int32_t labels[64];
    for (int i = 0; i < 64; i++) {
        features[i] = (uint8_t)(i * 37 % 64);
        labels[i] = i % 2;
    }
    MUST(caviar_dataset_create(&dataset, features, CAVIAR_UINT8, labels, 64, 1, 2) == CAVIAR_OK);
    MUST(caviar_dataset_split(dataset, 0.25, 0, 1) == CAVIAR_OK);
    return dataset;
}

static int stop(void *context, const caviar_search_progress *progress) {
    (void)context;
    (void)progress;
    return 1;
}

/* A search that is stopped at once has sampled its first round. */
static void sample(const caviar_space *space) {
    caviar_search_options options = CAVIAR_SEARCH_OPTIONS_INIT;
    options.trials = 4;
    options.epochs = 1;
    options.rounds = 1;
    options.models_at_once = 1;
    options.progress = stop;
    caviar_search *search = NULL;
    const caviar_status status = caviar_search_create(&search, fuzz_device(), examples(), space, &options);
    MUST(status == CAVIAR_OK || status == CAVIAR_INVALID_ARGUMENT);
    if (status != CAVIAR_OK) return;
    MUST(caviar_search_run(search) == CAVIAR_INTERRUPTED);
    const int64_t points = caviar_space_point_count(space);
    for (int32_t number = 0; number < options.trials && (points < 0 || number < points); number++) {
        caviar_trial trial;
        MUST(caviar_search_get_trial(&trial, search, number) == CAVIAR_OK);
        for (int32_t i = 0; i < space->size; i++) {
            char text[64] = "";
            MUST(caviar_search_get_value(text, sizeof text, search, number, i) == CAVIAR_OK && text[0]);
        }
    }
    caviar_search_destroy(search);
}

int fuzz_space(const uint8_t *data, size_t size) {
    fuzz_file file = fuzz_file_open(data, size);
    caviar_space *space = FUZZ_UNTOUCHED;
    const caviar_status status = caviar_space_load(&space, file.path);
    if (status == CAVIAR_OK) {
        save_and_load(space);
        if (is_small(space)) sample(space);
        caviar_space_destroy(space);
    } else {
        MUST(space == FUZZ_UNTOUCHED);
        fuzz_check_refusal(status, file.path, NULL);
    }
    fuzz_file_close(&file);
    return status == CAVIAR_OK;
}
