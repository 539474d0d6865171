/* Random orders that depend on the seed alone. */
#ifndef CAVIAR_HOST_SHUFFLE_H
#define CAVIAR_HOST_SHUFFLE_H

#include <stdint.h>

/*
 * Shuffles `order` [count], fewer than 2^31 elements, by Fisher and Yates: element i changes places with element
 * floor(u (i + 1)), u being 64 random bits: words 2 (i mod 2) and 2 (i mod 2) + 1 of
 * philox(seed; purpose, number * 2^32 + i / 2). A place is off its 1 / (i + 1) by less than 2^-33.
 * `purpose` is one of src/kernels/randomness.h; `number` tells the orders of one purpose apart.
 */
void caviar_shuffle(int32_t *order, int64_t count, uint64_t seed, int purpose, uint32_t number);

#endif
