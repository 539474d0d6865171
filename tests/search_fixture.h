/* What the tests of searches share: small data, a space that needs many cohorts, short names for asking. */
#ifndef CAVIAR_TESTS_SEARCH_FIXTURE_H
#define CAVIAR_TESTS_SEARCH_FIXTURE_H

#include "blobs.h"
#include "folder.h"

static caviar_device *device;
static caviar_dataset *dataset;
static caviar_space *space;
static caviar_search_options options;

static inline void add(const char *line) {
    SUCCEEDS(caviar_space_parse(space, line));
}

/* Two depths, two batch sizes, batch norm or none: up to eight cohorts a round. */
static inline void enter(void) {
    make_folder();
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    dataset = make_blobs(331, 6, 3, 1.0, 5);
    SUCCEEDS(caviar_dataset_split(dataset, 0.3, 0, 1));
    SUCCEEDS(caviar_space_create(&space));
    add("learning_rate=1e-4..0.3");
    add("optimizer=sgd,momentum,adam");
    add("momentum=0.5..0.95");
    add("hidden_layers=1,2");
    add("hidden_width=2..12");
    add("batch_norm=true,false");
    add("batch_size=16,33");
    add("dropout=0..0.3");
    const caviar_search_options usual = CAVIAR_SEARCH_OPTIONS_INIT;
    options = usual;
    options.trials = 18;
    options.epochs = 2;
    options.rounds = 3;
    options.seed = 11;
}

static inline void leave(void) {
    caviar_space_destroy(space);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
    remove_folder();
}

static inline caviar_search *make(void) {
    caviar_search *search = NULL;
    SUCCEEDS(caviar_search_create(&search, device, dataset, space, &options));
    return search;
}

static inline char *text_of(const char *name) {
    size_t size;
    char *text = (char *)read_file(&size, in_folder(name));
    text[size] = '\0';
    return text;
}

/* Runs the search into a folder and gives its trials.csv. */
static inline char *trials_of(const char *directory) {
    char name[64];
    options.directory = in_folder(directory);
    caviar_search *search = make();
    SUCCEEDS(caviar_search_run(search));
    caviar_search_destroy(search);
    snprintf(name, sizeof name, "%s/trials.csv", directory);
    return text_of(name);
}

static inline caviar_trial trial_of(const caviar_search *search, int32_t number) {
    caviar_trial trial;
    SUCCEEDS(caviar_search_get_trial(&trial, search, number));
    return trial;
}

static inline int same_metrics(caviar_metrics a, caviar_metrics b) {
    return memcmp(&a.loss, &b.loss, sizeof a.loss) == 0 && a.accuracy == b.accuracy && a.examples == b.examples;
}

#endif
