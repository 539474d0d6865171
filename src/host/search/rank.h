/* Which trials are the best. */
#ifndef CAVIAR_HOST_RANK_H
#define CAVIAR_HOST_RANK_H

#include <caviar/caviar.h>

/*
 * Whether trial a is better than trial b: one with a finite loss is better than one without; then the metric, then
 * the other metric, then the lower number decide. No two trials of different numbers are equally good.
 */
int caviar_trial_is_better(const caviar_trial *a, const caviar_trial *b, caviar_metric metric);

/* Writes the numbers of the measured ones among trials [count], best first, and how many they are. */
caviar_status caviar_rank(int32_t *numbers, int32_t *ranked, const caviar_trial *trials, int32_t count,
                          caviar_metric metric);

#endif
