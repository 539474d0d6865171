/* Running out of memory: each allocation of a dataset's and a model's life fails in turn. */
#include "failing_allocator.h"
#include "folder.h"
#include "host/population/model.h"
#include "tables.h"

#include <stdint.h>
#include <sys/stat.h>

TestSuite(data_memory, .init = make_folder, .fini = remove_folder);

static caviar_status create(void) {
    static const float values[4] = { 1, 2, 3, 4 };
    static const int32_t labels[2] = { 0, 1 };
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_create(&dataset, values, CAVIAR_FLOAT32, labels, 2, 2, 2);
    cr_assert(!dataset == (status != CAVIAR_OK));
    caviar_dataset_destroy(dataset);
    return status;
}

static caviar_status load(void) {
    caviar_dataset *dataset = NULL;
    const caviar_status status = caviar_dataset_load(&dataset, in_folder("x"), NULL);
    cr_assert(!dataset == (status != CAVIAR_OK));
    caviar_dataset_destroy(dataset);
    return status;
}

static caviar_status load_pair(void) {
    char pair[512];
    caviar_dataset *dataset = NULL;
    snprintf(pair, sizeof pair, "%s,%s", in_folder("x.npy"), in_folder("y.npy"));
    const caviar_status status = caviar_dataset_load(&dataset, pair, NULL);
    cr_assert(!dataset == (status != CAVIAR_OK));
    caviar_dataset_destroy(dataset);
    return status;
}

static caviar_dataset *given, *given_test;

static caviar_status split(void) {
    const caviar_status status = caviar_dataset_split(given, 0.25, 0, 1);
    if (!status) block_count = 0; /* what it made is the dataset's */
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_get_info(&info, given));
    cr_assert(info.part_examples[CAVIAR_VALIDATION] == (status == CAVIAR_OK));
    return status;
}

static caviar_status add_test(void) {
    const caviar_status status = caviar_dataset_add_test(given, given_test);
    if (!status) block_count = 0;
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_get_info(&info, given));
    cr_assert(info.part_examples[CAVIAR_TEST] == (status == CAVIAR_OK ? 4 : 0));
    return status;
}

static const char train_table[] = "n word label\n1 a x\n? b y\n3 ? x\n4 a y\n";
static const char test_table[] = "word n id label\na 1 7 y\n9 2 8 x\nc 3 9 x\n? ? 1 x\n";

static caviar_status learn_table(void) {
    parsing = 1; /* the table itself is given */
    caviar_table table = make_table("t.csv", train_table);
    parsing = 0;
    caviar_dataset *dataset = NULL;
    caviar_status status = caviar_dataset_from_table(&dataset, &table);
    cr_assert(!dataset == (status != CAVIAR_OK));
    caviar_dataset_destroy(dataset);
    return status;
}

/* What a failure leaves in the dataset is its own, so that each gets one of its own. */
static caviar_status add_table(void) {
    parsing = 1;
    caviar_dataset *d = make_dataset("train.csv", train_table), *test = make_dataset("test.csv", test_table);
    parsing = 0;
    const caviar_status status = caviar_dataset_add_test(d, test);
    cr_assert(d->part_examples[CAVIAR_TEST] == (status == CAVIAR_OK ? 4 : 0));
    cr_assert(has_note(d, "left alone") == (status == CAVIAR_OK));
    cr_assert(d->examples == (status == CAVIAR_OK ? 8 : 4) && feature_of(d, 3, 0) == 4);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);
    return status;
}

static caviar_columns *learnt;

static caviar_status save_columns(void) {
    const caviar_model_info info = { given->feature_count, 2, 0, { 0 }, 0, CAVIAR_RELU, 0 };
    caviar_model *model = NULL;
    caviar_status status = caviar_model_create(&model, &info, 1e-5f, NULL);
    if (status == CAVIAR_OK) status = caviar_columns_copy(&model->columns, learnt);
    if (status == CAVIAR_OK) status = caviar_model_save(model, in_folder("model"));
    caviar_model_destroy(model);
    return status;
}

static caviar_status adapt(void) {
    static char *const names[2] = { "y", "x" };
    caviar_dataset *adapted = NULL;
    const caviar_status status = caviar_dataset_adapt(&adapted, given_test, learnt, learnt->features, names, 2);
    cr_assert(!adapted == (status != CAVIAR_OK));
    caviar_dataset_destroy(adapted);
    return status;
}

static caviar_status save(void) {
    static char *const names[3] = { "a", "b", "c" };
    const caviar_model_info info = { 3, 3, 2, { 4, 5 }, 1, CAVIAR_RELU, 0 };
    caviar_model *model = NULL;
    caviar_status status = caviar_model_create(&model, &info, 1e-5f, names);
    if (status == CAVIAR_OK) status = caviar_model_save(model, in_folder("model"));
    caviar_model_destroy(model);
    return status;
}

static caviar_status load_model(void) {
    caviar_model *model = NULL;
    const caviar_status status = caviar_model_load(&model, in_folder("model"));
    cr_assert(!model == (status != CAVIAR_OK));
    caviar_model_destroy(model);
    return status;
}

/* An NPY file of 2 elements of 4 bytes. */
static void write_npy(const char *name, const char *dictionary, const void *data) {
    unsigned char file[18 + 128 + 8] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0 };
    const size_t length = strlen(dictionary);
    file[8] = (unsigned char)length;
    memcpy(file + 10, dictionary, length);
    memcpy(file + 10 + length, data, 8);
    write_file(name, file, 10 + length + 8);
}

/* Memory that was only to shrink stays as it is. */
static int shrinking(void) {
    return strcmp(failed_allocation, "realloc") == 0;
}

Test(data_memory, running_out_is_an_error_and_leaves_nothing_behind) {
    static const char train[] = "a,b,label\n1,2,x\n3,4,y\n5,6,\"z \"\"1\"\"\"\n7,8,x\n";
    static const char floats[] = "a,b,label\n1,2.5,x\n3,4,y\n5,6,\"z \"\"1\"\"\"\n7,8,x\n";
    static const unsigned char idx[] = { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4 };
    static const unsigned char idx_labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 1, 0 };
    exhaust_allocations("create", 6, create, NULL);
    write_text("x", floats);
    exhaust_allocations("a CSV file of floats", 15, load, NULL);
    write_text("x", train);
    exhaust_allocations("a CSV file of bytes", 15, load, NULL);
    SUCCEEDS(caviar_dataset_load(&given, in_folder("x"), NULL));
    write_text("x", floats);
    SUCCEEDS(caviar_dataset_load(&given_test, in_folder("x"), NULL));
    exhaust_allocations("split", 7, split, NULL);
    exhaust_allocations("a test part", 4, add_test, NULL);
    caviar_dataset_destroy(given);
    caviar_dataset_destroy(given_test);
    remove(in_folder("x"));

    write_npy("x.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", (const float[]){ 1, 2 });
    write_npy("y.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", (const int32_t[]){ 1, 0 });
    static const char *const samples[] = { "npz/valid-deflated", "npz/valid-zstd", "npz/valid-fortran" };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        write_sample("x", samples[i]);
        exhaust_allocations(samples[i], 8, load, shrinking);
        remove(in_folder("x"));
    }
    exhaust_allocations("a pair of NPY files", 8, load_pair, NULL);

    mkdir(in_folder("x"), 0700);
    write_file("x/train-images-idx3-ubyte", idx, sizeof idx);
    write_file("x/train-labels-idx1-ubyte", idx_labels, sizeof idx_labels);
    write_file("x/t10k-images-idx3-ubyte", idx, sizeof idx);
    write_file("x/t10k-labels-idx1-ubyte", idx_labels, sizeof idx_labels);
    exhaust_allocations("a folder of IDX files", 20, load, NULL);

    given = make_dataset("train.csv", train_table);
    given_test = make_dataset("test.csv", test_table);
    learnt = &given->columns;
    exhaust_allocations("columns", 20, learn_table, NULL);
    exhaust_allocations("adapting columns", 10, adapt, NULL);
    exhaust_allocations("saving columns", 40, save_columns, NULL);
    exhaust_allocations("loading columns", 8, load_model, NULL);
    exhaust_allocations("a split that learns columns", 20, split, NULL);
    exhaust_allocations("a test part with columns", 20, add_table, NULL);
    caviar_dataset_destroy(given);
    caviar_dataset_destroy(given_test);

    exhaust_allocations("saving a model", 50, save, NULL);
    exhaust_allocations("loading a model", 4, load_model, NULL);
}
