/* Which trials a search has already: two are the same if they agree in all that matters to them. */
#ifndef CAVIAR_HOST_DISTINCT_H
#define CAVIAR_HOST_DISTINCT_H

#include <caviar/caviar.h>

typedef struct caviar_distinct {
    const caviar_trial *trials;
    int32_t *slots;  /* [capacity], a hash table with linear probing: a trial's number + 1, or 0 */
    size_t capacity; /* a power of two, at least twice the number of trials */
} caviar_distinct;

/* For at most `count` trials of this array, of which none is in yet. */
caviar_status caviar_distinct_make(caviar_distinct *distinct, const caviar_trial *trials, int32_t count);
void caviar_distinct_free(caviar_distinct *distinct);

int caviar_distinct_has(const caviar_distinct *distinct, const caviar_trial *trial);
void caviar_distinct_add(caviar_distinct *distinct, int32_t number);

#endif
