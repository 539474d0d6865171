/* The order of trials. A loss that is not finite is worst in both directions, and never compared. */
#include "rank.h"

#include "host/status.h"

#include <math.h>
#include <stdlib.h>

/* What decides, in turn; less is better. */
typedef struct rank_key {
    int unusable;
    double first, second;
    int32_t number;
} rank_key;

static rank_key key_of(const caviar_trial *trial, caviar_metric metric) {
    rank_key key = { .unusable = !isfinite(trial->validation.loss), .number = trial->number };
    if (key.unusable) return key;
    const double loss = trial->validation.loss, error = -trial->validation.accuracy;
    key.first = metric == CAVIAR_VALIDATION_LOSS ? loss : error;
    key.second = metric == CAVIAR_VALIDATION_LOSS ? error : loss;
    return key;
}

static int compare(const void *left, const void *right) {
    const rank_key *a = left, *b = right;
    if (a->unusable != b->unusable) return a->unusable < b->unusable ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    if (a->second != b->second) return a->second < b->second ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

int caviar_trial_is_better(const caviar_trial *a, const caviar_trial *b, caviar_metric metric) {
    const rank_key left = key_of(a, metric), right = key_of(b, metric);
    return compare(&left, &right) < 0;
}

caviar_status caviar_rank(int32_t *numbers, int32_t *ranked, const caviar_trial *trials, int32_t count,
                          caviar_metric metric) {
    rank_key *keys = calloc((size_t)count + 1, sizeof *keys);
    if (keys == NULL) return caviar_fail_memory("the ranking of trials", (size_t)count * sizeof *keys);
    int32_t measured = 0;
    for (int32_t i = 0; i < count; ++i)
        if (trials[i].state != CAVIAR_TRIAL_PLANNED) keys[measured++] = key_of(&trials[i], metric);
    qsort(keys, (size_t)measured, sizeof *keys, compare);
    for (int32_t i = 0; i < measured; ++i) numbers[i] = keys[i].number;
    *ranked = measured;
    free(keys);
    return CAVIAR_OK;
}
