/*
 * Running out of memory: every allocation of a space's and a search's life is failed in turn. The linker sends the
 * library's calls of malloc, calloc and realloc here (tests/CMakeLists.txt).
 */
#include "blobs.h"
#include "folder.h"
#include "host/search/search.h"

#include <jansson.h>

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

static int64_t allocations, failing = INT64_MAX; /* the number of the one that fails, from 0 */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size) {
    return allocations++ == failing ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return allocations++ == failing ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return allocations++ == failing ? NULL : __real_realloc(memory, size);
}

/* Fails allocation 0, 1, ... of `attempt` until none is left to fail, and expects to be told each time. */
static void exhaust(const char *name, int at_least, caviar_status (*attempt)(void)) {
    for (int64_t n = 0;; n++) {
        allocations = 0;
        failing = n;
        const caviar_status status = attempt();
        const int failed = allocations > n;
        failing = INT64_MAX;
        if (!failed) {
            cr_expect(status == CAVIAR_OK, "%s: %s", name, caviar_last_error());
            cr_expect(n >= at_least, "%s: %d allocations", name, (int)n);
            return;
        }
        cr_assert(status == CAVIAR_OUT_OF_MEMORY || status == CAVIAR_OUT_OF_DEVICE_MEMORY,
                  "%s, allocation %d: status %d: %s", name, (int)n, (int)status, caviar_last_error());
        cr_assert(strstr(caviar_last_error(), "out of "), "%s", caviar_last_error());
    }
}

static caviar_status load(void) {
    caviar_space *loaded = NULL;
    const caviar_status status = caviar_space_load(&loaded, in_folder("space.yaml"));
    cr_assert(!loaded == (status != CAVIAR_OK));
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

static caviar_status search(void) {
    caviar_search_options options = CAVIAR_SEARCH_OPTIONS_INIT;
    caviar_search *created = NULL;
    options.trials = 4;
    options.epochs = 1;
    caviar_status status = caviar_search_create(&created, device, dataset, space, &options);
    cr_assert(!created == (status != CAVIAR_OK));
    if (status != CAVIAR_OK) return status;
    status = caviar_search_run(created);
    const int32_t measured = caviar_search_trial_count(created);
    cr_assert(status == CAVIAR_OK ? measured == 4 : measured <= 4);
    int32_t ranking[4];
    const caviar_status ranked = caviar_search_rank(ranking, measured, created);
    caviar_search_destroy(created);
    return status == CAVIAR_OK ? ranked : status;
}

static caviar_status record(void) {
    return caviar_record_write(done, "running");
}

Test(search_memory, running_out_is_an_error_and_leaves_nothing_behind) {
    exhaust("the default space", 1, create_default);
    exhaust("saving a space", 1, save);
    exhaust("loading a space", 2, load);
    exhaust("a search", 20, search);

    caviar_search_options options = CAVIAR_SEARCH_OPTIONS_INIT;
    options.trials = 2;
    options.epochs = 1;
    SUCCEEDS(caviar_search_create(&done, device, dataset, space, &options));
    SUCCEEDS(caviar_search_run(done));
    done->options.directory = folder;
    json_set_alloc_funcs(__wrap_malloc, free);
    exhaust("a record", 50, record); /* of trials.csv and search.json; the space and the model are saved elsewhere */
    json_set_alloc_funcs(__real_malloc, free);
    done->options.directory = NULL;
    caviar_search_destroy(done);
}
