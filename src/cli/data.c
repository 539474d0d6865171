/* Loading what --data and --test name. */
#include "data.h"

#include "command.h"

#include <stdio.h>
#include <string.h>

void data_settings_free(data_settings *settings) {
    option_texts_free(&settings->drop);
    option_texts_free(&settings->dates);
}

/* The character; what is no single one is none that the library takes as a delimiter, and it says so. */
static char delimiter_of(const char *text) {
    if (!text) return 0;
    if (!strcmp(text, "tab") || !strcmp(text, "\\t")) return '\t';
    if (!strcmp(text, "blank")) return ' ';
    return text[0] && !text[1] ? text[0] : 'x';
}

int data_can_be_read(const data_settings *settings, const char *other, const char *command) {
    const char *const sources[] = { settings->source, settings->test, settings->validation.source, other };
    int count = 0;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) count += sources[i] && strcmp(sources[i], "-") == 0;
    if (count > 1) command_error(EXIT_CODE_USAGE, command, "standard input, -, can be read once only");
    return count <= 1;
}

/* `like` and `model` (NULL: none) say what is expected of the columns. */
static caviar_status load(caviar_dataset **dataset, const char *source, const data_settings *settings,
                          const caviar_dataset *like, const caviar_model *model) {
    caviar_csv_options options = CAVIAR_CSV_OPTIONS_INIT;
    static const int headers[] = { -1, 1, 0 };
    options.label = settings->label;
    options.header = headers[settings->header];
    options.accept_unlikely = settings->as_is;
    options.drop = settings->drop.items;
    options.drop_count = settings->drop.count;
    options.dates = settings->dates.items;
    options.date_count = settings->dates.count;
    options.skip_unlabelled = settings->drop_unlabelled;
    options.delimiter = delimiter_of(settings->delimiter);
    options.like = like;
    options.model = model;
    return caviar_dataset_load(dataset, source, &options);
}

caviar_status data_load(caviar_dataset **dataset, const data_settings *settings, const caviar_model *model) {
    return load(dataset, settings->source, settings, NULL, model);
}

enum { MOST_NOTES = 20 };

void data_print_notes(const char *command, const caviar_dataset *dataset) {
    const int32_t count = caviar_dataset_note_count(dataset);
    const char *text;
    for (int32_t i = 0; i < count && i < MOST_NOTES; i++)
        if (caviar_dataset_note(&text, dataset, i) == CAVIAR_OK)
            fprintf(stderr, "caviar %s: note: %s\n", command, text);
    if (count > MOST_NOTES) fprintf(stderr, "caviar %s: note: and %d more notes\n", command, count - MOST_NOTES);
}

/* Adds the examples of a source as a part. */
static caviar_status add_part(caviar_dataset *dataset, const char *source, const data_settings *settings,
                              caviar_status add(caviar_dataset *, const caviar_dataset *), const char *command) {
    caviar_dataset *part = NULL;
    caviar_status status = load(&part, source, settings, dataset, NULL);
    if (status == CAVIAR_OK && command) data_print_notes(command, part);
    if (status == CAVIAR_OK) status = add(dataset, part);
    caviar_dataset_destroy(part);
    return status;
}

static caviar_status split(caviar_dataset *dataset, const data_settings *settings, uint64_t seed, const char *command) {
    caviar_dataset_info info;
    caviar_status status = CAVIAR_OK;
    if (settings->test) status = add_part(dataset, settings->test, settings, caviar_dataset_add_test, command);
    if (settings->validation.source && status == CAVIAR_OK)
        status = add_part(dataset, settings->validation.source, settings, caviar_dataset_add_validation, command);
    if (status == CAVIAR_OK) status = caviar_dataset_get_info(&info, dataset);
    if (status != CAVIAR_OK) return status;

    double test_fraction = settings->test_fraction;
    if (isnan(test_fraction)) test_fraction = info.part_examples[CAVIAR_TEST] == 0 ? 0.15 : 0.0;
    /* An archive of arrays may bring its validation part along. */
    const double validation = info.part_examples[CAVIAR_VALIDATION] == 0 ? settings->validation.fraction : 0.0;
    status = caviar_dataset_split(dataset, validation * (1.0 - test_fraction), test_fraction, seed);
    if (status == CAVIAR_OK && command) data_print_notes(command, dataset);
    return status;
}

caviar_status data_load_split(caviar_dataset **dataset, const data_settings *settings, uint64_t seed,
                              const char *command) {
    caviar_dataset *loaded = NULL;
    caviar_status status = load(&loaded, settings->source, settings, NULL, NULL);
    if (status == CAVIAR_OK) status = split(loaded, settings, seed, command);
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
