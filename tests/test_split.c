/* Stratified splits: every part has its share of every class. */
#include "host/data/dataset.h"
#include "host/data/shares.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SUCCEEDS(call) cr_assert_eq((call), CAVIAR_OK, #call ": %s", caviar_last_error())

static int64_t quota(int64_t size, int64_t part, int64_t all) {
    return size * part / all;
}

/* Rows and columns add up, and no share is an example or more away from its quota but to keep one for training. */
static void check_shares(const int64_t *size, int64_t classes, const int64_t part[3], int exact) {
    caviar_share shares[64];
    int64_t all = 0, sums[3] = { 0, 0, 0 }, there = 0;
    SUCCEEDS(caviar_shares(shares, size, classes, part));
    for (int64_t c = 0; c < classes; c++) all += size[c], there += size[c] > 0;
    for (int64_t c = 0; c < classes; c++) {
        const int64_t *n = shares[c].count;
        cr_assert_eq(n[0] + n[1] + n[2], size[c], "class %lld", (long long)c);
        for (int p = 0; p < 3; p++) {
            sums[p] += n[p];
            cr_assert_geq(n[p], 0);
            const int64_t whole = quota(size[c], part[p], all), rest = size[c] * part[p] % all;
            cr_assert(!exact || (n[p] >= whole && n[p] <= whole + (rest > 0)), "class %lld of %lld has %lld in part %d",
                      (long long)c, (long long)size[c], (long long)n[p], p);
        }
        cr_assert(size[c] == 0 || there > part[0] || n[CAVIAR_TRAIN] > 0, "class %lld cannot be learnt", (long long)c);
    }
    for (int p = 0; p < 3; p++) cr_assert_eq(sums[p], part[p]);
}

static unsigned next(unsigned *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

Test(split, shares_add_up_and_are_fair) {
    unsigned state = 1;
    for (int round = 0; round < 20000; round++) {
        int64_t size[64], all = 0, part[3];
        const int64_t classes = 1 + next(&state) % (round % 3 ? 6 : 64);
        for (int64_t c = 0; c < classes; c++) all += size[c] = 3 + next(&state) % (round % 2 ? 9 : 400);
        part[1] = next(&state) % (unsigned)(all / 3);
        part[2] = next(&state) % (unsigned)(all / 3);
        part[0] = all - part[1] - part[2];
        check_shares(size, classes, part, 1);
    }
}

Test(split, shares_hold_at_the_edges) {
    unsigned state = 2;
    for (int round = 0; round < 20000; round++) {
        int64_t size[64], all = 0, part[3];
        const int64_t classes = 1 + next(&state) % 64;
        for (int64_t c = 0; c < classes; c++) all += size[c] = next(&state) % 4;
        if (all == 0) continue;
        part[0] = 1 + next(&state) % (unsigned)all;
        part[1] = next(&state) % (unsigned)(all - part[0] + 1);
        part[2] = all - part[0] - part[1];
        check_shares(size, classes, part, 0);
    }
    static const int64_t many[] = { 1, 1, 1, 1 }, alone[] = { 7 };
    static const int64_t few[3] = { 2, 1, 1 }, all_train[3] = { 7, 0, 0 };
    check_shares(many, 4, few, 1);
    check_shares(alone, 1, all_train, 1);
}

/* 60 rows of three even classes and one that occurs twice: each seed leaves it one to learn from. */
Test(split, rare_classes_can_be_learnt) {
    float features[60];
    int32_t labels[60];
    for (int i = 0; i < 60; i++) {
        features[i] = (float)i;
        labels[i] = i < 58 ? i % 3 : 3;
    }
    caviar_dataset *d, *again;
    SUCCEEDS(caviar_dataset_create(&d, features, CAVIAR_FLOAT32, labels, 60, 1, 4));
    SUCCEEDS(caviar_dataset_create(&again, features, CAVIAR_FLOAT32, labels, 60, 1, 4));
    for (uint64_t seed = 0; seed < 100; seed++) {
        int count[3][4] = { { 0 } };
        SUCCEEDS(caviar_dataset_split(d, 0.085, 0.15, seed));
        cr_assert_eq(d->part_examples[CAVIAR_TEST], 9);
        cr_assert_eq(d->part_examples[CAVIAR_VALIDATION], 5);
        for (int p = 0; p < 3; p++)
            for (int64_t i = 0; i < d->part_examples[p]; i++) count[p][labels[d->part[p][i]]]++;
        cr_assert_gt(count[CAVIAR_TRAIN][3], 0, "seed %d", (int)seed);
        for (int c = 0; c < 3; c++) {
            cr_assert(count[CAVIAR_TEST][c] >= 2 && count[CAVIAR_TEST][c] <= 3, "seed %d", (int)seed);
            cr_assert(count[CAVIAR_VALIDATION][c] >= 1 && count[CAVIAR_VALIDATION][c] <= 2, "seed %d", (int)seed);
        }
        /* A class that is not in every part is named. */
        const char *note = "";
        cr_assert_geq(caviar_dataset_note_count(d), 1);
        SUCCEEDS(caviar_dataset_note(&note, d, caviar_dataset_note_count(d) - 1));
        cr_assert(strstr(note, "part has no example of class \"3\""), "%s", note);

        SUCCEEDS(caviar_dataset_split(again, 0.2, 0.2, seed + 1)); /* an earlier split leaves no trace */
        SUCCEEDS(caviar_dataset_split(again, 0.085, 0.15, seed));
        for (int p = 0; p < 3; p++)
            cr_assert_arr_eq(d->part[p], again->part[p], (size_t)d->part_examples[p] * sizeof(int32_t));
    }
    caviar_dataset_destroy(d);
    caviar_dataset_destroy(again);
}

/* Each of many classes trains with its share; sorting them once is all that it takes. */
Test(split, is_quick_with_many_classes) {
    enum { CLASSES = 60000, EXAMPLES = 3 * CLASSES };
    uint8_t *features = calloc(EXAMPLES, 1);
    int32_t *labels = malloc(EXAMPLES * sizeof *labels);
    cr_assert(features && labels);
    for (int i = 0; i < EXAMPLES; i++) labels[i] = i % CLASSES;
    caviar_dataset *d;
    SUCCEEDS(caviar_dataset_create(&d, features, CAVIAR_UINT8, labels, EXAMPLES, 1, CLASSES));
    SUCCEEDS(caviar_dataset_split(d, 0.1, 0.2, 4));
    unsigned char *learnt = calloc(CLASSES, 1);
    cr_assert(learnt);
    for (int64_t i = 0; i < d->part_examples[CAVIAR_TRAIN]; i++) learnt[labels[d->part[CAVIAR_TRAIN][i]]]++;
    for (int c = 0; c < CLASSES; c++) cr_assert(learnt[c] >= 2 && learnt[c] <= 3);
    caviar_dataset_destroy(d);
    free(learnt);
    free(features);
    free(labels);
}
