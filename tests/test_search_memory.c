/* Running out of memory: each allocation of a space's life and of recording a search fails in turn. */
#include "blobs.h"
#include "failing_allocator.h"
#include "folder.h"
#include "host/search/search.h"

static caviar_device *device;
static caviar_dataset *dataset;
static caviar_space *space;
static caviar_search *done; /* a search that was run */

static void enter(void) {
    make_folder();
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    dataset = make_blobs(40, 3, 2, 1.0, 5);
    SUCCEEDS(caviar_dataset_split(dataset, 0.3, 0, 1));
    SUCCEEDS(caviar_space_create(&space));
    SUCCEEDS(caviar_space_parse(space, "learning_rate=1e-3..0.1"));
    SUCCEEDS(caviar_space_parse(space, "hidden_width=2..3"));
    SUCCEEDS(caviar_space_parse(space, "batch_size=8"));
    SUCCEEDS(caviar_space_parse(space, "optimizer=sgd,adam"));
}

static void leave(void) {
    caviar_space_destroy(space);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
    remove_folder();
}

TestSuite(search_memory, .init = enter, .fini = leave);

static caviar_status load(void) {
    caviar_space *loaded = NULL;
    const caviar_status status = caviar_space_load(&loaded, in_folder("space.yaml"));
    cr_assert(!loaded == (status != CAVIAR_OK));
    caviar_space_destroy(loaded);
    return status;
}

static caviar_status load_sweep(void) {
    caviar_space *loaded = NULL;
    const caviar_status status = caviar_space_load(&loaded, in_folder("sweep.yaml"));
    cr_assert(status == CAVIAR_OK ? caviar_space_note_count(loaded) == 7 : loaded == NULL);
    caviar_space_destroy(loaded);
    return status;
}

static caviar_status save(void) {
    return caviar_space_save(space, in_folder("space.yaml"));
}

static caviar_status create_default(void) {
    caviar_space *created = NULL;
    const caviar_status status = caviar_space_create_default(&created);
    cr_assert(!created == (status != CAVIAR_OK));
    caviar_space_destroy(created);
    return status;
}

static caviar_status record(void) {
    return caviar_record_write(done, "running");
}

Test(search_memory, running_out_is_an_error_and_leaves_nothing_behind) {
    exhaust_allocations("the default space", 1, create_default, NULL);
    exhaust_allocations("saving a space", 2, save, NULL);
    exhaust_allocations("loading a space", 100, load, NULL);
    write_text("sweep.yaml", "program: a\nmethod: bayes\nmetric: {name: loss}\nparameters:\n  epochs: {value: 1}\n"
                             "  lr: {distribution: log_uniform, min: -7, max: -2}\n  hidden_width_2: {value: 4}\n"
                             "  hidden_layers: {value: 1}\n");
    exhaust_allocations("loading a sweep with notes", 100, load_sweep, NULL);

    caviar_search_options options = CAVIAR_SEARCH_OPTIONS_INIT;
    options.trials = 2;
    options.epochs = 1;
    SUCCEEDS(caviar_search_create(&done, device, dataset, space, &options));
    SUCCEEDS(caviar_search_run(done));
    done->options.directory = folder;
    exhaust_allocations("a record", 50, record, NULL); /* of trials.csv and search.json alone */
    done->options.directory = NULL;
    caviar_search_destroy(done);
}
