/* Datasets: what they hold, their parts, and the standardisation that is measured on the training part. */
#include "folder.h"
#include "host/data/dataset.h"
#include "kernels/randomness.h"

#include <float.h>
#include <math.h>

/* The suite's examples: feature f of example e, and a label. */
static caviar_dataset *make(int64_t examples, int64_t features, int64_t classes) {
    uint8_t *values = malloc((size_t)(examples * features));
    int32_t *labels = malloc((size_t)examples * sizeof *labels);
    for (int64_t i = 0; i < examples * features; i++) values[i] = (uint8_t)((i * 37 + i / 11) % 251);
    for (int64_t i = 0; i < examples; i++) labels[i] = (int32_t)(i % classes);
    caviar_dataset *dataset = NULL;
    SUCCEEDS(caviar_dataset_create(&dataset, values, CAVIAR_UINT8, labels, examples, features, classes));
    free(values);
    free(labels);
    return dataset;
}

Test(dataset, holds_a_copy_of_what_it_was_given) {
    float values[6] = { 1.5f, -2, 3, 4, 5, 6e30f };
    int32_t labels[3] = { 2, 0, 1 };
    caviar_dataset *dataset;
    SUCCEEDS(caviar_dataset_create(&dataset, values, CAVIAR_FLOAT32, labels, 3, 2, 4));
    values[2] = 0;
    labels[1] = 9;

    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_get_info(&info, dataset));
    cr_expect(info.examples == 3 && info.features == 2 && info.classes == 4 && info.type == CAVIAR_FLOAT32);
    cr_expect(info.part_examples[0] == 3 && info.part_examples[1] == 0 && info.part_examples[2] == 0);

    float features[4] = { 0 };
    int32_t classes[2] = { 0 };
    SUCCEEDS(caviar_dataset_read(features, classes, dataset, 1, 2));
    cr_expect(features[0] == 3 && features[1] == 4 && features[2] == 5 && features[3] == 6e30f);
    cr_expect(classes[0] == 0 && classes[1] == 1);
    SUCCEEDS(caviar_dataset_read(features, NULL, dataset, 0, 1));
    SUCCEEDS(caviar_dataset_read(NULL, classes, dataset, 0, 1));
    cr_expect(features[0] == 1.5f && classes[0] == 2);
    SUCCEEDS(caviar_dataset_read(NULL, NULL, dataset, 3, 0));

    const char *name;
    SUCCEEDS(caviar_dataset_class_name(&name, dataset, 3));
    cr_expect_str_eq(name, "3");
    caviar_dataset_destroy(dataset);

    const uint8_t bytes[4] = { 0, 255, 7, 8 };
    SUCCEEDS(caviar_dataset_create(&dataset, bytes, CAVIAR_UINT8, NULL, 2, 2, 0));
    SUCCEEDS(caviar_dataset_read(features, NULL, dataset, 0, 2));
    cr_expect(features[0] == 0 && features[1] == 255 && features[2] == 7 && features[3] == 8);
    REFUSES(caviar_dataset_read(NULL, classes, dataset, 0, 1), CAVIAR_INVALID_ARGUMENT, "none");
    REFUSES(caviar_dataset_class_name(&name, dataset, 0), CAVIAR_INVALID_ARGUMENT, "0 classes");
    caviar_dataset_destroy(dataset);
    caviar_dataset_destroy(NULL);
}

Test(dataset, refuses_bad_arguments_and_leaves_its_outputs) {
    const float values[4] = { 1, 2, 3, 4 };
    const int32_t labels[2] = { 0, 1 };
    caviar_dataset *const untouched = (caviar_dataset *)(uintptr_t)16;
    caviar_dataset *d = untouched;
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    REFUSES(caviar_dataset_create(NULL, values, CAVIAR_FLOAT32, labels, 2, 2, 2), bad, "dataset is NULL");
    REFUSES(caviar_dataset_create(&d, NULL, CAVIAR_FLOAT32, labels, 2, 2, 2), bad, "features is NULL");
    REFUSES(caviar_dataset_create(&d, values, (caviar_type)7, labels, 2, 2, 2), bad, "type 7");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, 0, 2, 2), bad, "0 examples");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, -1, 2, 2), bad, "-1 examples");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, INT64_C(1) << 31, 2, 2), bad, "2147483648");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, 2, 0, 2), bad, "0 features");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, 2, INT64_MIN, 2), bad, "features");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, INT32_MAX, INT32_MAX, 2), bad, "memory");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, 2, 2, 1), bad, "1 classes");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, 2, 2, 65537), bad, "65537 classes");
    REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, NULL, 2, 2, 2), bad, "no labels");

    static const float wrong_values[] = { NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX };
    for (size_t i = 0; i < sizeof wrong_values / sizeof *wrong_values; i++) {
        const float wrong[4] = { 1, 2, 3, wrong_values[i] };
        REFUSES(caviar_dataset_create(&d, wrong, CAVIAR_FLOAT32, labels, 2, 2, 2), bad, "feature 1 of example 1");
    }
    static const int32_t wrong_labels[] = { -1, 2, INT32_MAX, INT32_MIN };
    for (size_t i = 0; i < sizeof wrong_labels / sizeof *wrong_labels; i++) {
        const int32_t wrong[2] = { 0, wrong_labels[i] };
        REFUSES(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, wrong, 2, 2, 2), bad, "label of example 1");
    }
    cr_expect(d == untouched);

    SUCCEEDS(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, 2, 2, 2));
    caviar_dataset_info info = { .examples = 77 };
    REFUSES(caviar_dataset_get_info(NULL, d), bad, "info is NULL");
    REFUSES(caviar_dataset_get_info(&info, NULL), bad, "dataset is NULL");
    const char *name = "as it was";
    REFUSES(caviar_dataset_class_name(NULL, d, 0), bad, "name is NULL");
    REFUSES(caviar_dataset_class_name(&name, NULL, 0), bad, "dataset is NULL");
    REFUSES(caviar_dataset_class_name(&name, d, -1), bad, "class -1");
    REFUSES(caviar_dataset_class_name(&name, d, 2), bad, "class 2");
    float features[4] = { 9, 9, 9, 9 };
    REFUSES(caviar_dataset_read(features, NULL, NULL, 0, 1), bad, "dataset is NULL");
    static const int64_t ranges[][2] = { { -1, 1 },        { 0, -1 },        { 0, 3 },         { 2, 1 },
                                         { INT64_MAX, 1 }, { 1, INT64_MAX }, { INT64_MIN, 1 }, { 3, 0 } };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        REFUSES(caviar_dataset_read(features, NULL, d, ranges[i][0], ranges[i][1]), bad, "the dataset has 2");
    }
    cr_expect(info.examples == 77 && features[0] == 9 && strcmp(name, "as it was") == 0);
    caviar_dataset_destroy(d);
}

/* -------------------------------------------------------------------------------------------------------------- splits
 */

/* That parts list every example once, in ascending order, and have these sizes. */
static void check_parts(const caviar_dataset *d, int64_t train, int64_t validation, int64_t test) {
    const int64_t expected[3] = { train, validation, test };
    char *seen = calloc((size_t)d->examples, 1);
    for (int part = 0; part < 3; part++) {
        cr_assert(d->part_examples[part] == expected[part], "part %d has %lld", part,
                  (long long)d->part_examples[part]);
        for (int64_t i = 0; i < d->part_examples[part]; i++) {
            const int32_t example = d->part[part][i];
            cr_assert(example >= 0 && example < d->examples && !seen[example]);
            cr_assert(i == 0 || d->part[part][i - 1] < example);
            seen[example] = 1;
        }
    }
    for (int64_t i = 0; i < d->examples; i++) cr_assert(seen[i]);
    free(seen);
}

static int same_validation(const caviar_dataset *a, const caviar_dataset *b) {
    const int64_t count = a->part_examples[CAVIAR_VALIDATION];
    return count == b->part_examples[CAVIAR_VALIDATION] &&
           memcmp(a->part[CAVIAR_VALIDATION], b->part[CAVIAR_VALIDATION], (size_t)count * sizeof(int32_t)) == 0;
}

Test(dataset, splits_into_disjoint_parts_by_the_seed_alone) {
    caviar_dataset *a = make(1000, 3, 4), *b = make(1000, 5, 4);
    SUCCEEDS(caviar_dataset_split(a, 0.2, 0.1, 42));
    check_parts(a, 700, 200, 100);
    SUCCEEDS(caviar_dataset_split(b, 0.3, 0.3, 7)); /* an earlier split leaves no trace */
    SUCCEEDS(caviar_dataset_split(b, 0.2, 0.1, 42));
    check_parts(b, 700, 200, 100);
    cr_expect(same_validation(a, b));
    static const uint64_t seeds[] = { 0, 43, UINT64_C(42) << 32, UINT64_MAX };
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        SUCCEEDS(caviar_dataset_split(b, 0.2, 0.1, seeds[i]));
        check_parts(b, 700, 200, 100);
        cr_expect(!same_validation(a, b), "seed %llu", (unsigned long long)seeds[i]);
    }
    SUCCEEDS(caviar_dataset_split(b, 0, 0, 1));
    check_parts(b, 1000, 0, 0);
    SUCCEEDS(caviar_dataset_split(b, 0.0005, 0.9984, 1)); /* half an example is one */
    check_parts(b, 1, 1, 998);
    caviar_dataset_destroy(a);
    caviar_dataset_destroy(b);
}

/* The shuffle as it is defined, with a 128-bit product, on the words of Philox. */
static void check_shuffle(int32_t examples, int32_t validation, uint64_t seed) {
    int32_t order[257];
    char chosen[257] = { 0 };
    for (int32_t i = 0; i < examples; i++) order[i] = i;
    for (int32_t i = examples - 1; i > 0; i--) {
        const caviar_words w = caviar_philox(seed, UINT64_C(5) << 56, (uint64_t)i / 2);
        const uint64_t u = (uint64_t)w.word[i % 2 * 2] << 32 | w.word[i % 2 * 2 + 1];
        const int32_t j = (int32_t)((unsigned __int128)u * (unsigned)(i + 1) >> 64);
        const int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (int32_t i = 0; i < validation; i++) chosen[order[i]] = 1;
    caviar_dataset *d;
    const uint8_t nothing[257] = { 0 };
    SUCCEEDS(caviar_dataset_create(&d, nothing, CAVIAR_UINT8, NULL, examples, 1, 0)); /* labels make strata of it */
    SUCCEEDS(caviar_dataset_split(d, (double)validation / examples, 0, seed));
    check_parts(d, examples - validation, validation, 0);
    for (int32_t i = 0; i < validation; i++) {
        cr_expect(chosen[d->part[CAVIAR_VALIDATION][i]], "%d of %d examples, seed %llu", validation, examples,
                  (unsigned long long)seed);
    }
    caviar_dataset_destroy(d);
}

Test(dataset, shuffles_as_documented) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        check_shuffle(2, 1, seed);
        check_shuffle(3, 1, seed);
        check_shuffle(257, 64, seed << 40 | 0x9abcdef0);
    }
}

/* Each example is in the validation part a quarter of the time: 500 of 2000 seeds, whose deviation is 19.4. */
Test(dataset, splits_without_favourites) {
    enum { EXAMPLES = 20, SEEDS = 2000 };
    int times[EXAMPLES] = { 0 };
    caviar_dataset *d = make(EXAMPLES, 1, 2);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        SUCCEEDS(caviar_dataset_split(d, 0.25, 0, seed));
        for (int i = 0; i < EXAMPLES / 4; i++) times[d->part[CAVIAR_VALIDATION][i]]++;
    }
    for (int i = 0; i < EXAMPLES; i++) cr_expect(abs(times[i] - SEEDS / 4) < 90, "example %d: %d times", i, times[i]);
    caviar_dataset_destroy(d);
}

Test(dataset, refuses_impossible_splits_and_stays_as_it_is) {
    caviar_dataset *d = make(10, 2, 2), *before = make(10, 2, 2);
    SUCCEEDS(caviar_dataset_split(d, 0.3, 0.2, 5));
    SUCCEEDS(caviar_dataset_split(before, 0.3, 0.2, 5));
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    REFUSES(caviar_dataset_split(NULL, 0.1, 0.1, 0), bad, "dataset is NULL");
    static const double wrong[] = { -0.1, 1, 1.5, NAN, INFINITY, -INFINITY, -1e-300 };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        REFUSES(caviar_dataset_split(d, wrong[i], 0.1, 0), bad, "validation_fraction");
        REFUSES(caviar_dataset_split(d, 0.1, wrong[i], 0), bad, "test_fraction");
    }
    REFUSES(caviar_dataset_split(d, 0.01, 0, 0), bad, "less than one example");
    REFUSES(caviar_dataset_split(d, 0, 0.04, 0), bad, "less than one example");
    REFUSES(caviar_dataset_split(d, 0.5, 0.5, 0), bad, "leave none");
    REFUSES(caviar_dataset_split(d, 0.9, 0.9, 0), bad, "leave none");
    REFUSES(caviar_dataset_split(d, 0.96, 0, 0), bad, "leave none");
    check_parts(d, 5, 3, 2);
    cr_expect(same_validation(d, before));
    cr_expect(memcmp(d->mean, before->mean, 2 * sizeof(float)) == 0);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(before);
}

/* ----------------------------------------------------------------------------------------------------- standardisation
 */

/* Mean and deviation over the training part in long double, against what the dataset measured. */
static void check_standardisation(const caviar_dataset *d) {
    const int64_t count = d->part_examples[CAVIAR_TRAIN];
    for (int64_t f = 0; f < d->feature_count; f++) {
        long double sum = 0, square = 0;
        for (int64_t i = 0; i < count; i++) {
            float value;
            caviar_features_to_float(&value, d->features, d->type, d->part[CAVIAR_TRAIN][i] * d->feature_count + f, 1);
            sum += value;
        }
        const long double mean = sum / count;
        for (int64_t i = 0; i < count; i++) {
            float value;
            caviar_features_to_float(&value, d->features, d->type, d->part[CAVIAR_TRAIN][i] * d->feature_count + f, 1);
            square += (value - mean) * (value - mean);
        }
        const double scale = (double)(1 / sqrtl(square / count));
        cr_expect(fabs(d->mean[f] - (double)mean) <= 1e-7 * fabs((double)mean), "feature %lld: mean %.9g, not %.9g",
                  (long long)f, (double)d->mean[f], (double)mean);
        cr_expect(fabs(d->scale[f] - scale) <= 1e-6 * scale, "feature %lld: scale %.9g, not %.9g", (long long)f,
                  (double)d->scale[f], scale);
    }
}

Test(dataset, standardises_by_the_training_part) {
    enum { EXAMPLES = 3000, FEATURES = 6 };
    /* Means and deviations that float sums, or E[x^2] - E[x]^2 even in double, get wrong. */
    static const double mean[FEATURES] = { 0, 1e6, -4096, 1e30, 1e-30, 255 };
    static const double spread[FEATURES] = { 1, 0.5, 0.5, 1e25, 1e-32, 1e-3 };
    float *values = malloc(EXAMPLES * FEATURES * sizeof *values);
    int32_t *labels = malloc(EXAMPLES * sizeof *labels);
    for (int i = 0; i < EXAMPLES; i++) {
        labels[i] = i % 3;
        for (int f = 0; f < FEATURES; f++) {
            const caviar_words w = caviar_philox(99, 0, (uint64_t)(i * FEATURES + f));
            values[i * FEATURES + f] =
                (float)(mean[f] + spread[f] * 4 * (caviar_uniform52(w.word[0], w.word[1]) - 0.5));
        }
    }
    caviar_dataset *d;
    SUCCEEDS(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, labels, EXAMPLES, FEATURES, 3));
    check_standardisation(d);
    float all = d->mean[0];
    SUCCEEDS(caviar_dataset_split(d, 0.5, 0.1, 3));
    check_standardisation(d);
    cr_expect(d->mean[0] != all, "the mean is of the training part, not of all");
    caviar_dataset_destroy(d);
    free(values);
    free(labels);

    caviar_dataset *bytes = make(5000, 17, 4);
    check_standardisation(bytes);
    SUCCEEDS(caviar_dataset_split(bytes, 0.2, 0.2, 1));
    check_standardisation(bytes);
    caviar_dataset_destroy(bytes);
}

Test(dataset, turns_constant_features_into_zero) {
    enum { EXAMPLES = 64 };
    /* An ordinary constant, one that double sums round, one that varies in its last bit, one that varies too little
     * for the inverse of its deviation to be a float, one that varies as widely as is allowed, and a 0 of two signs. */
    float values[EXAMPLES][6];
    for (int i = 0; i < EXAMPLES; i++) {
        values[i][0] = 7;
        values[i][1] = 0.1f;
        values[i][2] = i % 2 ? 0.1f : nextafterf(0.1f, 1);
        values[i][3] = i % 2 ? 0 : FLT_TRUE_MIN;
        values[i][4] = (i % 2 ? -1.0f : 1.0f) * (FLT_MAX / 2);
        values[i][5] = i % 2 ? 0.0f : -0.0f;
    }
    caviar_dataset *d;
    SUCCEEDS(caviar_dataset_create(&d, values, CAVIAR_FLOAT32, NULL, EXAMPLES, 6, 0));
    cr_expect(d->scale[0] == 0 && d->scale[1] == 0 && d->scale[3] == 0 && d->scale[5] == 0);
    cr_expect(d->scale[2] > 0 && d->scale[4] > 0);
    for (int i = 0; i < EXAMPLES; i++) {
        for (int f = 0; f < 6; f++) {
            const float standardised = (values[i][f] - d->mean[f]) * d->scale[f];
            /* 2 where the mean, as a float, is one of the two values */
            cr_expect(fabsf(standardised) <= 2.001f, "feature %d: %g", f, (double)standardised);
        }
    }
    caviar_dataset_destroy(d);

    /* Constant in the training part only: what varies elsewhere must not make it infinite. */
    uint8_t some[100] = { 0 };
    SUCCEEDS(caviar_dataset_create(&d, some, CAVIAR_UINT8, NULL, 100, 1, 0));
    SUCCEEDS(caviar_dataset_split(d, 0.3, 0, 8));
    for (int i = 0; i < 100; i++) some[i] = 3;
    for (int i = 0; i < 30; i++) some[d->part[CAVIAR_VALIDATION][i]] = (uint8_t)i;
    caviar_dataset_destroy(d);
    SUCCEEDS(caviar_dataset_create(&d, some, CAVIAR_UINT8, NULL, 100, 1, 0));
    cr_expect(d->scale[0] > 0);
    SUCCEEDS(caviar_dataset_split(d, 0.3, 0, 8));
    cr_expect(d->scale[0] == 0 && d->mean[0] == 3);
    caviar_dataset_destroy(d);

    /* A single example varies in nothing. */
    d = make(1, 3, 2);
    for (int f = 0; f < 3; f++) cr_expect(d->scale[f] == 0);
    caviar_dataset_destroy(d);
}

/* --------------------------------------------------------------------------------------------------------- a test part
 */

Test(dataset, keeps_a_given_test_part_apart) {
    caviar_dataset *d = make(50, 4, 3), *test = make(20, 4, 3);
    SUCCEEDS(caviar_dataset_split(d, 0.2, 0, 6));
    float mean[4], scale[4];
    memcpy(mean, d->mean, sizeof mean);
    memcpy(scale, d->scale, sizeof scale);
    SUCCEEDS(caviar_dataset_add_test(d, test));
    check_parts(d, 40, 10, 20);
    cr_expect(memcmp(mean, d->mean, sizeof mean) == 0 && memcmp(scale, d->scale, sizeof scale) == 0);
    for (int i = 0; i < 20; i++) {
        float ours[4], theirs[4];
        int32_t our_label, their_label;
        cr_expect(d->part[CAVIAR_TEST][i] == 50 + i);
        SUCCEEDS(caviar_dataset_read(ours, &our_label, d, 50 + i, 1));
        SUCCEEDS(caviar_dataset_read(theirs, &their_label, test, i, 1));
        cr_expect(memcmp(ours, theirs, sizeof ours) == 0 && our_label == their_label);
    }
    REFUSES(caviar_dataset_split(d, 0.2, 0.1, 9), CAVIAR_INVALID_ARGUMENT, "a test part was given");
    REFUSES(caviar_dataset_add_test(d, test), CAVIAR_INVALID_ARGUMENT, "has a test part");
    SUCCEEDS(caviar_dataset_split(d, 0.5, 0, 9));
    check_parts(d, 25, 25, 20);
    for (int i = 0; i < 20; i++) cr_expect(d->part[CAVIAR_TEST][i] == 50 + i);
    check_standardisation(d);

    caviar_dataset *same = make(50, 4, 3); /* the split is that of the dataset without the test part */
    SUCCEEDS(caviar_dataset_split(same, 0.5, 0, 9));
    cr_expect(same_validation(d, same));
    caviar_dataset_destroy(same);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(test);
}

Test(dataset, refuses_a_test_part_that_does_not_fit) {
    caviar_dataset *d = make(50, 4, 3), *narrow = make(20, 3, 3), *many = make(20, 4, 5), *few = make(2, 4, 2), *plain;
    const uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    SUCCEEDS(caviar_dataset_create(&plain, bytes, CAVIAR_UINT8, NULL, 2, 4, 0));
    REFUSES(caviar_dataset_add_test(NULL, d), bad, "dataset is NULL");
    REFUSES(caviar_dataset_add_test(d, NULL), bad, "test is NULL");
    REFUSES(caviar_dataset_add_test(d, d), bad, "its own test part");
    REFUSES(caviar_dataset_add_test(d, narrow), bad, "3 features");
    REFUSES(caviar_dataset_add_test(d, plain), bad, "the test part has no labels");
    REFUSES(caviar_dataset_add_test(plain, d), bad, "the dataset has no labels");
    REFUSES(caviar_dataset_add_test(d, many), bad, "label \"3\"");
    check_parts(d, 50, 0, 0);
    SUCCEEDS(caviar_dataset_add_test(d, few)); /* not every class need occur */
    check_parts(d, 50, 0, 2);
    SUCCEEDS(caviar_dataset_split(narrow, 0.2, 0.2, 0));
    caviar_dataset *other = make(5, 3, 3);
    REFUSES(caviar_dataset_add_test(narrow, other), bad, "has a test part");
    caviar_dataset_destroy(other);
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(narrow);
    caviar_dataset_destroy(many);
    caviar_dataset_destroy(few);
    caviar_dataset_destroy(plain);
}

Test(dataset, widens_bytes_when_its_test_part_has_floats) {
    const float values[4] = { 0.5f, 1, 2, 3 };
    const int32_t labels[2] = { 1, 0 };
    for (int floats_first = 0; floats_first < 2; floats_first++) {
        caviar_dataset *floats, *bytes = make(6, 2, 2);
        SUCCEEDS(caviar_dataset_create(&floats, values, CAVIAR_FLOAT32, labels, 2, 2, 2));
        caviar_dataset *d = floats_first ? floats : bytes, *test = floats_first ? bytes : floats;
        caviar_dataset_info info, test_info;
        SUCCEEDS(caviar_dataset_get_info(&test_info, test));
        SUCCEEDS(caviar_dataset_get_info(&info, d));
        const int64_t first = info.examples;
        float before[12], after[12];
        SUCCEEDS(caviar_dataset_read(before, NULL, d, 0, info.examples));
        SUCCEEDS(caviar_dataset_add_test(d, test));
        SUCCEEDS(caviar_dataset_get_info(&info, d));
        cr_expect(info.type == CAVIAR_FLOAT32 && info.examples == 8 && info.part_examples[2] == test_info.examples);
        SUCCEEDS(caviar_dataset_read(after, NULL, d, 0, first));
        cr_expect(memcmp(before, after, (size_t)first * 2 * sizeof(float)) == 0);
        SUCCEEDS(caviar_dataset_read(before, NULL, test, 0, test_info.examples));
        SUCCEEDS(caviar_dataset_read(after, NULL, d, first, test_info.examples));
        cr_expect(memcmp(before, after, (size_t)test_info.examples * 2 * sizeof(float)) == 0);
        caviar_dataset_destroy(floats);
        caviar_dataset_destroy(bytes);
    }
}
