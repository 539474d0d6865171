#include "distinct.h"

#include "host/status.h"
#include "hyperparameter.h"

#include <stdlib.h>
#include <string.h>

/* Whether this hyperparameter tells trials apart; the widths of single layers say all that hidden_width does. */
static int counts(const caviar_hyperparameter *hyperparameter, const caviar_trial *trial) {
    return hyperparameter->layer != CAVIAR_EVERY_LAYER && caviar_hyperparameter_matters(hyperparameter, trial);
}

static int are_same(const caviar_trial *a, const caviar_trial *b) {
    for (int h = 0; h < CAVIAR_HYPERPARAMETER_COUNT; ++h) {
        const caviar_hyperparameter *hyperparameter = &caviar_hyperparameter_table[h];
        const int matters = counts(hyperparameter, a);
        if (matters != counts(hyperparameter, b)) return 0;
        if (matters && caviar_hyperparameter_get(a, hyperparameter) != caviar_hyperparameter_get(b, hyperparameter))
            return 0;
    }
    return 1;
}

/* FNV-1a over the bits of what matters. Zeros of either sign are equal and must hash alike. */
static uint64_t hash_of(const caviar_trial *trial) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int h = 0; h < CAVIAR_HYPERPARAMETER_COUNT; ++h) {
        const caviar_hyperparameter *hyperparameter = &caviar_hyperparameter_table[h];
        if (!counts(hyperparameter, trial)) continue;
        const double value = caviar_hyperparameter_get(trial, hyperparameter) + 0.0;
        unsigned char bytes[sizeof value];
        memcpy(bytes, &value, sizeof value);
        for (size_t i = 0; i < sizeof bytes; ++i) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 32;
}

caviar_status caviar_distinct_make(caviar_distinct *distinct, const caviar_trial *trials, int32_t count) {
    size_t capacity = 16;
    while (capacity < 2 * (size_t)count) capacity *= 2;
    int32_t *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) return caviar_fail_memory("the set of a search's trials", capacity * sizeof *slots);
    *distinct = (caviar_distinct){ trials, slots, capacity };
    return CAVIAR_OK;
}

void caviar_distinct_free(caviar_distinct *distinct) {
    free(distinct->slots);
}

/* The slot that holds an equal trial, or the empty one where it belongs. */
static size_t find(const caviar_distinct *distinct, const caviar_trial *trial) {
    const size_t mask = distinct->capacity - 1;
    size_t slot = (size_t)hash_of(trial) & mask;
    while (distinct->slots[slot] != 0 && !are_same(&distinct->trials[distinct->slots[slot] - 1], trial))
        slot = (slot + 1) & mask;
    return slot;
}

int caviar_distinct_has(const caviar_distinct *distinct, const caviar_trial *trial) {
    return distinct->slots[find(distinct, trial)] != 0;
}

void caviar_distinct_add(caviar_distinct *distinct, int32_t number) {
    const size_t slot = find(distinct, &distinct->trials[number]);
    if (distinct->slots[slot] == 0) distinct->slots[slot] = number + 1;
}
