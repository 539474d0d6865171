/* Training, validation and test parts of a dataset, dealt out so that each has its share of every class. */
#include "dataset.h"

#include "host/arithmetic.h"
#include "host/shuffle.h"
#include "host/status.h"
#include "kernels/randomness.h"
#include "shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct division {
    int32_t *part[3];
    int64_t count[3]; /* of those that are dealt out */
} division;

static void destroy_division(division *dealt) {
    for (int part = 0; part < 3; part++) free(dealt->part[part]);
}

/* ------------------------------------------------------------------------------------------------------------ dealing
 */

typedef struct dealing {
    int32_t *order;         /* [own], shuffled */
    unsigned char *part_of; /* [own] */
    int64_t *turn;          /* [classes]: its place among classes by where they first occur in the order, so that chance
                               decides which of two classes of one size has the odd example; -1: it does not occur */
    int64_t *size;          /* [classes] by turn; one class where there are no labels */
    caviar_share *shares;   /* [classes] by turn */
    int64_t classes;
} dealing;

static int64_t class_of(const caviar_dataset *dataset, int32_t example) {
    return dataset->labels ? dataset->labels[example] : 0;
}

static void destroy_dealing(dealing *d) {
    free(d->order);
    free(d->part_of);
    free(d->turn);
    free(d->size);
    free(d->shares);
}

static caviar_status begin_dealing(dealing *d, const caviar_dataset *dataset) {
    d->classes = dataset->classes > 0 ? dataset->classes : 1;
    const size_t classes = (size_t)d->classes, own = (size_t)dataset->own;
    d->order = malloc(own * sizeof *d->order);
    d->part_of = malloc(own);
    d->turn = malloc(classes * sizeof *d->turn);
    d->size = calloc(classes, sizeof *d->size);
    d->shares = calloc(classes, sizeof *d->shares);
    if (d->order && d->part_of && d->turn && d->size && d->shares) return CAVIAR_OK;
    return caviar_fail_memory("the parts of a dataset", own * 5 + classes * (2 * sizeof *d->size + sizeof *d->shares));
}

/*
 * In the shuffled order, each class's first examples validate, the next ones test and the others train. Parts list
 * theirs ascending, so that evaluation reads memory forwards.
 */
static caviar_status fill_parts(division *dealt, const dealing *d, const caviar_dataset *dataset) {
    for (int part = 0; part < 3; part++) {
        const size_t bytes = ((size_t)dealt->count[part] + 1) * sizeof(int32_t);
        dealt->part[part] = malloc(bytes);
        if (!dealt->part[part]) return caviar_fail_memory("the parts of a dataset", bytes);
    }
    for (int64_t i = 0; i < dataset->own; i++) {
        int64_t *left = d->shares[d->turn[class_of(dataset, d->order[i])]].count;
        const int part = left[CAVIAR_VALIDATION] > 0 ? CAVIAR_VALIDATION : left[CAVIAR_TEST] > 0 ? CAVIAR_TEST : 0;
        left[part]--;
        d->part_of[d->order[i]] = (unsigned char)part;
    }
    int64_t filled[3] = { 0, 0, 0 };
    for (int64_t i = 0; i < dataset->own; i++) {
        const int part = d->part_of[i];
        dealt->part[part][filled[part]++] = (int32_t)i;
    }
    return CAVIAR_OK;
}

static caviar_status deal_with(division *dealt, dealing *d, const caviar_dataset *dataset, uint64_t seed) {
    CAVIAR_TRY(begin_dealing(d, dataset));
    int64_t turns = 0;
    for (int64_t c = 0; c < d->classes; c++) d->turn[c] = -1;
    for (int64_t i = 0; i < dataset->own; i++) d->order[i] = (int32_t)i;
    caviar_shuffle(d->order, dataset->own, seed, CAVIAR_PURPOSE_SPLIT, 0);
    for (int64_t i = 0; i < dataset->own; i++) {
        int64_t *turn = &d->turn[class_of(dataset, d->order[i])];
        if (*turn < 0) *turn = turns++;
        d->size[*turn]++;
    }
    CAVIAR_TRY(caviar_shares(d->shares, d->size, turns, dealt->count));
    return fill_parts(dealt, d, dataset);
}

static caviar_status deal(division *dealt, const caviar_dataset *dataset, uint64_t seed) {
    dealing d = { .order = NULL };
    const caviar_status status = deal_with(dealt, &d, dataset, seed);
    destroy_dealing(&d);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- splitting
 */

static const char *const part_names[3] = { "training", "validation", "test" };

static caviar_status count_parts(int64_t count[3], double validation_fraction, double test_fraction,
                                 const caviar_dataset *dataset) {
    const double fractions[3] = { 0, validation_fraction, test_fraction };
    for (int part = CAVIAR_VALIDATION; part <= CAVIAR_TEST; part++) {
        const double fraction = fractions[part];
        CAVIAR_REQUIRE(fraction >= 0 && fraction < 1, "dataset_split: %s_fraction is %g; it must be in [0, 1)",
                       part_names[part], fraction);
        count[part] = (int64_t)floor(fraction * (double)dataset->own + 0.5);
        CAVIAR_REQUIRE(fraction == 0 || count[part] > 0,
                       "dataset_split: %s_fraction %g of %lld examples is less than one example; give more",
                       part_names[part], fraction, (long long)dataset->own);
        CAVIAR_REQUIRE(fraction == 0 || !dataset->given[part],
                       "dataset_split: %s_fraction is %g, but a %s part was given; it must be 0", part_names[part],
                       fraction, part_names[part]);
    }
    count[CAVIAR_TRAIN] = dataset->own - count[CAVIAR_VALIDATION] - count[CAVIAR_TEST];
    CAVIAR_REQUIRE(count[CAVIAR_TRAIN] >= 1,
                   "dataset_split: validation_fraction %g and test_fraction %g of %lld examples leave none to train on",
                   validation_fraction, test_fraction, (long long)dataset->own);
    return CAVIAR_OK;
}

/* Classes of which a part has no example, though the part is not empty. */
static caviar_status note_rare_classes(caviar_notes *notes, const caviar_dataset *dataset, const division *dealt,
                                       int part) {
    if (!dataset->labels || dealt->count[part] == 0 || dataset->given[part]) return CAVIAR_OK;
    unsigned char *there = calloc((size_t)dataset->classes, 1);
    if (!there) return caviar_fail_memory("classes", (size_t)dataset->classes);
    for (int64_t i = 0; i < dealt->count[part]; i++) there[dataset->labels[dealt->part[part][i]]] = 1;
    int64_t absent = 0, first = 0;
    for (int64_t c = dataset->classes - 1; c >= 0; c--)
        if (!there[c]) absent++, first = c;
    free(there);
    if (absent == 0) return CAVIAR_OK;
    return caviar_notes_add(notes, "the %s part has no example of class \"%s\"%s: %s", part_names[part],
                            dataset->class_names[first], absent > 1 ? " and of others" : "",
                            part == CAVIAR_TRAIN ? "it cannot be learnt" : "it is too rare for every part");
}

/* Puts parts in the place of those that are not given, learns, and puts them back on failure. */
static caviar_status take_parts(caviar_dataset *dataset, division *dealt, caviar_notes *notes) {
    division before;
    memcpy(before.part, dataset->part, sizeof before.part);
    memcpy(before.count, dataset->part_examples, sizeof before.count);
    for (int part = 0; part < 3; part++) {
        if (dataset->given[part]) continue;
        dataset->part[part] = dealt->part[part];
        dataset->part_examples[part] = dealt->count[part];
    }
    const caviar_status status = caviar_dataset_learn(dataset, notes);
    for (int part = 0; part < 3; part++) {
        if (dataset->given[part]) continue;
        dealt->part[part] = before.part[part]; /* to be freed */
        if (status == CAVIAR_OK) continue;
        dealt->part[part] = dataset->part[part];
        dataset->part[part] = before.part[part];
        dataset->part_examples[part] = before.count[part];
    }
    return status;
}

caviar_status caviar_dataset_split(caviar_dataset *dataset, double validation_fraction, double test_fraction,
                                   uint64_t seed) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset, "dataset_split: dataset is NULL");
    division dealt = { { NULL, NULL, NULL }, { 0, 0, 0 } };
    CAVIAR_TRY(count_parts(dealt.count, validation_fraction, test_fraction, dataset));
    caviar_notes notes = { NULL, 0, 0 };
    caviar_status status = deal(&dealt, dataset, seed);
    for (int part = 0; part < 3 && status == CAVIAR_OK; part++)
        status = note_rare_classes(&notes, dataset, &dealt, part);
    if (status == CAVIAR_OK) status = take_parts(dataset, &dealt, &notes);
    caviar_notes_destroy(&notes);
    destroy_division(&dealt);
    return status;
}

caviar_status caviar_dataset_train_on_validation(caviar_dataset *dataset) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(dataset, "dataset_train_on_validation: dataset is NULL");
    const int64_t training = dataset->part_examples[CAVIAR_TRAIN], further = dataset->part_examples[CAVIAR_VALIDATION];
    CAVIAR_REQUIRE(further > 0, "dataset_train_on_validation: the dataset has no validation part");
    const size_t bytes = (size_t)(training + further) * sizeof(int32_t);
    int32_t *both = malloc(bytes);
    if (!both) return caviar_fail_memory("the parts of a dataset", bytes);
    const int32_t *a = dataset->part[CAVIAR_TRAIN], *b = dataset->part[CAVIAR_VALIDATION];
    for (int64_t i = 0, x = 0, y = 0; i < training + further; i++)
        both[i] = y == further || (x < training && a[x] < b[y]) ? a[x++] : b[y++];
    int32_t *const before = dataset->part[CAVIAR_TRAIN];
    dataset->part[CAVIAR_TRAIN] = both;
    dataset->part_examples[CAVIAR_TRAIN] = training + further;
    const caviar_status status = caviar_dataset_learn(dataset, NULL);
    if (status != CAVIAR_OK) {
        dataset->part[CAVIAR_TRAIN] = before;
        dataset->part_examples[CAVIAR_TRAIN] = training;
        free(both);
        return status;
    }
    free(before);
    dataset->part_examples[CAVIAR_VALIDATION] = 0;
    return CAVIAR_OK;
}
