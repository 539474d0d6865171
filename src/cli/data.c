/* Loading what --data and --test name. */
#include "data.h"

#include <stdio.h>

static caviar_status load(caviar_dataset **dataset, const char *source, const data_settings *settings) {
    caviar_csv_options options = CAVIAR_CSV_OPTIONS_INIT;
    static const int headers[] = { -1, 1, 0 };
    options.label = settings->label;
    options.header = headers[settings->header];
    return caviar_dataset_load(dataset, source, &options);
}

caviar_status data_load(caviar_dataset **dataset, const data_settings *settings) {
    return load(dataset, settings->source, settings);
}

static caviar_status split(caviar_dataset *dataset, const data_settings *settings, uint64_t seed) {
    caviar_dataset_info info;
    caviar_status status = CAVIAR_OK;
    if (settings->test) {
        caviar_dataset *test = NULL;
        status = load(&test, settings->test, settings);
        if (status == CAVIAR_OK) status = caviar_dataset_add_test(dataset, test);
        caviar_dataset_destroy(test);
    }
    if (status == CAVIAR_OK) status = caviar_dataset_get_info(&info, dataset);
    if (status != CAVIAR_OK) return status;

    double test_fraction = settings->test_fraction;
    if (test_fraction == 0.0 && info.part_examples[CAVIAR_TEST] == 0) test_fraction = 0.15;
    return caviar_dataset_split(dataset, settings->validation * (1.0 - test_fraction), test_fraction, seed);
}

caviar_status data_load_split(caviar_dataset **dataset, const data_settings *settings, uint64_t seed) {
    caviar_dataset *loaded = NULL;
    caviar_status status = data_load(&loaded, settings);
    if (status == CAVIAR_OK) status = split(loaded, settings, seed);
    if (status == CAVIAR_OK)
        *dataset = loaded;
    else
        caviar_dataset_destroy(loaded);
    return status;
}

void data_print(const char *source, const caviar_dataset_info *info) {
    printf("data: %s, %lld features, %lld classes\n", source, (long long)info->features, (long long)info->classes);
    printf("      %lld training, %lld validation, %lld test examples\n", (long long)info->part_examples[CAVIAR_TRAIN],
           (long long)info->part_examples[CAVIAR_VALIDATION], (long long)info->part_examples[CAVIAR_TEST]);
}
