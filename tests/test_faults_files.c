/*
 * Every file operation fails in turn: models, spaces and a search's folder being written, data sets, models and spaces
 * being read.
 */
#include "blobs.h"
#include "failing_files.h"
#include "folder.h"
#include "scorecard.h"

static int64_t points;

/*
 * Fails operation 0, 1, ... of `attempt` until none is left. Only closing what was read, and synchronising a folder
 * after its file is in place, may fail without an error: nothing is lost by them.
 * `check` looks at what is left.
 */
static void exhaust(const char *what, caviar_status (*attempt)(void), void (*check)(int failed), int at_least) {
    static const int errors[] = { EIO, ENOSPC };
    for (int e = 0; e < 2; e++)
        for (failing = 0;; failing++) {
            const int files = open_files();
            error_to_give = errors[e];
            operations = 0;
            failed_name = "nothing";
            armed = 1;
            const caviar_status status = attempt();
            armed = 0;
            const int failed = operations > failing;
            cr_assert_eq(open_files(), files, "%s, operation %d (%s): a file stays open", what, (int)failing,
                         failed_name);
            expect_no_temporary(folder, what);
            expect_no_temporary(in_folder("study"), what);
            if (check) check(status != CAVIAR_OK);
            if (!failed) {
                cr_assert(status == CAVIAR_OK, "%s: %s", what, caviar_last_error());
                cr_assert(failing >= at_least, "%s: only %d operations", what, (int)failing);
                break;
            }
            points++;
            const int harmless = strstr(failed_name, "of a folder") || strcmp(failed_name, "close after reading") == 0;
            cr_assert(status == CAVIAR_IO_ERROR || (status == CAVIAR_OK && harmless), "%s, operation %d (%s): %d: %s",
                      what, (int)failing, failed_name, (int)status, caviar_last_error());
            if (status) {
                cr_assert(strstr(caviar_last_error(), folder), "%s: no file is named: %s", what, caviar_last_error());
                cr_assert(strstr(caviar_last_error(), strerror(errors[e])), "%s: no reason: %s", what,
                          caviar_last_error());
            }
        }
}

static caviar_device *device;
static caviar_dataset *dataset;
static caviar_space *space;
static caviar_model *model;
static unsigned char *old_content, *new_content;
static size_t old_size, new_size;
static const char *target;

/* The file that is replaced is the old one or the new one, whole; the new one where the call succeeded. */
static void check_replaced(int failed) {
    size_t size;
    unsigned char *content = read_file(&size, in_folder(target));
    const int is_old = size == old_size && memcmp(content, old_content, size) == 0;
    const int is_new = size == new_size && memcmp(content, new_content, size) == 0;
    cr_assert(failed ? is_old : is_new, "%s after %s: neither whole nor the right one", target, failed_name);
    free(content);
    write_file(target, old_content, old_size);
}

static caviar_status save_model(void) {
    return caviar_model_save(model, in_folder(target));
}

static caviar_status save_space(void) {
    return caviar_space_save(space, in_folder(target));
}

static void exhaust_saving(const char *name, caviar_status (*save)(void)) {
    target = name;
    SUCCEEDS(save());
    new_content = read_file(&new_size, in_folder(name));
    old_content = (unsigned char *)strdup("an old file");
    old_size = strlen((char *)old_content);
    for (with_short_writes = 0; with_short_writes < 2; with_short_writes++) {
        write_file(name, old_content, old_size);
        exhaust(name, save, check_replaced, 7);
    }
    with_short_writes = 0;
    SUCCEEDS(save());
    free(old_content);
    free(new_content);
}

static caviar_status load_model(void) {
    caviar_model *loaded = NULL;
    const caviar_status status = caviar_model_load(&loaded, in_folder("model.safetensors"));
    cr_assert(!loaded == (status != CAVIAR_OK));
    caviar_model_destroy(loaded);
    return status;
}

static caviar_status load_space(void) {
    caviar_space *loaded = NULL;
    const caviar_status status = caviar_space_load(&loaded, in_folder("space.yaml"));
    cr_assert(!loaded == (status != CAVIAR_OK));
    caviar_space_destroy(loaded);
    return status;
}

static const char *source;

static caviar_status load_data(void) {
    caviar_dataset *loaded = NULL;
    const caviar_status status = caviar_dataset_load(&loaded, source, NULL);
    cr_assert(!loaded == (status != CAVIAR_OK));
    caviar_dataset_destroy(loaded);
    return status;
}

static caviar_status search(void) {
    caviar_search_options options = CAVIAR_SEARCH_OPTIONS_INIT;
    caviar_search *made = NULL;
    options.trials = 4;
    options.epochs = 1;
    options.directory = in_folder("study");
    caviar_status status = caviar_search_create(&made, device, dataset, space, &options);
    cr_assert(!made == (status != CAVIAR_OK));
    if (!status) status = caviar_search_run(made);
    caviar_search_destroy(made);
    return status;
}

/* A file of a study is there whole or not at all, and the study's folder can be used again when it is emptied. */
static void check_study(int failed) {
    static const char *const names[] = { "study/best.safetensors", "study/space.yaml" };
    for (int i = 0; i < 2; i++) {
        if (access(in_folder(names[i]), F_OK) != 0) {
            cr_assert(failed, "%s is missing after a success", names[i]);
            continue;
        }
        caviar_model *best = NULL;
        caviar_space *saved = NULL;
        SUCCEEDS(i ? caviar_space_load(&saved, in_folder(names[i])) : caviar_model_load(&best, in_folder(names[i])));
        caviar_model_destroy(best);
        caviar_space_destroy(saved);
    }
    nftw(in_folder("study"), remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void enter(void) {
    make_folder();
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    dataset = make_blobs(40, 3, 2, 1.0, 5);
    SUCCEEDS(caviar_dataset_split(dataset, 0.3, 0, 1));
    SUCCEEDS(caviar_space_create(&space));
    SUCCEEDS(caviar_space_parse(space, "learning_rate=1e-3..0.1"));
    SUCCEEDS(caviar_space_parse(space, "batch_size=8"));
    SUCCEEDS(caviar_space_parse(space, "hidden_width=2..3"));
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.hidden_width[0] = 3;
    options.batch_size = 8;
    const caviar_hyperparameters usual = CAVIAR_HYPERPARAMETERS_INIT;
    caviar_population *population = NULL;
    SUCCEEDS(caviar_population_create(&population, device, dataset, &options));
    SUCCEEDS(caviar_population_start(population, 0, 1, &usual));
    SUCCEEDS(caviar_population_read_model(&model, population, 0));
    caviar_population_destroy(population);
}

static void leave(void) {
    caviar_model_destroy(model);
    caviar_space_destroy(space);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
    remove_folder();
}

TestSuite(faults_files, .init = enter, .fini = leave);

Test(faults_files, each_failing_operation_is_an_error_that_names_the_file) {
    static const char csv[] = "a,b,label\n1,2.5,x\n3,4,y\n5,6,z\n7,8,x\n";
    static const unsigned char idx[] = { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4 };
    static const unsigned char idx_labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 1, 0 };
    char pair[512];
    exhaust_saving("model.safetensors", save_model);
    exhaust_saving("space.yaml", save_space);
    exhaust("loading a model", load_model, NULL, 2);
    exhaust("loading a space", load_space, NULL, 2);
    source = write_text("x.csv", csv);
    exhaust("a CSV file", load_data, NULL, 3);
    source = write_gzip("z.csv.gz", csv, sizeof csv - 1);
    exhaust("a compressed CSV file", load_data, NULL, 3);
    write_file("train-images-idx3-ubyte", idx, sizeof idx);
    write_file("train-labels-idx1-ubyte", idx_labels, sizeof idx_labels);
    snprintf(pair, sizeof pair, "%s,%s", in_folder("train-images-idx3-ubyte"), in_folder("train-labels-idx1-ubyte"));
    source = pair;
    exhaust("a pair of IDX files", load_data, NULL, 6);
    source = write_sample("x.npz", "npz/valid-deflated");
    exhaust("an archive of arrays", load_data, NULL, 3);
    source = write_sample("x.npz.zst", "npz/valid-zstd");
    exhaust("a compressed archive of arrays", load_data, NULL, 3);
    exhaust("a search", search, check_study, 30);
    scorecard("faults-files", (double)points);
}
