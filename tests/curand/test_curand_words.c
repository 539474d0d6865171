/*
 * The words of caviar_philox against the generator that cuRAND itself ships: its host generator runs without a GPU.
 * In LEGACY order (the only one that cuRAND promises to keep) word i is lane i % 4 of the block of subsequence
 * (i / 4) mod 65536 and counter i / 4 / 65536.
 */
#include "kernels/randomness.h"

#include <criterion/criterion.h>
#include <curand.h>
#include <stdlib.h>

#define DRAWS(call) cr_assert((call) == CURAND_STATUS_SUCCESS, "%s", #call)

/* Beyond 4 * 65536 words, so that the counter moves too. */
enum { WORDS = 4 * 65536 * 2 + 400 };

static void compare(uint64_t seed, uint64_t offset) {
    curandGenerator_t generator;
    unsigned int *words = malloc(WORDS * sizeof *words);
    cr_assert(words);
    DRAWS(curandCreateGeneratorHost(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10));
    DRAWS(curandSetGeneratorOrdering(generator, CURAND_ORDERING_PSEUDO_LEGACY));
    DRAWS(curandSetPseudoRandomGeneratorSeed(generator, seed));
    DRAWS(curandSetGeneratorOffset(generator, offset));
    DRAWS(curandGenerate(generator, words, WORDS));
    for (uint64_t i = 0; i < WORDS; i++) {
        const uint64_t block = (offset + i) / 4;
        const caviar_words own = caviar_philox(seed, block & 65535, block >> 16);
        cr_assert(words[i] == own.word[(offset + i) % 4], "seed %llx: word %llu is %08x, cuRAND's is %08x",
                  (unsigned long long)seed, (unsigned long long)(offset + i), own.word[(offset + i) % 4], words[i]);
    }
    DRAWS(curandDestroyGenerator(generator));
    free(words);
}

Test(curand_words, host_generator) {
    compare(0, 0);
    compare(UINT64_C(0x0123456789abcdef), 0);
    compare(UINT64_MAX, 0);
    compare(42, 12);
}
