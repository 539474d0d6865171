#include "shuffle.h"

#include "kernels/randomness.h"

void caviar_shuffle(int32_t *order, int64_t count, uint64_t seed, int purpose, uint32_t number) {
    for (int64_t i = count - 1; i > 0; i--) {
        const caviar_words words =
            caviar_philox(seed, caviar_subsequence(purpose, 0, 0), (uint64_t)number << 32 | (uint64_t)i / 2);
        const int lane = (int)(i % 2) * 2;
        const uint64_t range = (uint64_t)i + 1; /* below 2^31, so that neither product overflows */
        const uint64_t low = words.word[lane + 1] * range >> 32;
        const int64_t place = (int64_t)((words.word[lane] * range + low) >> 32);
        const int32_t kept = order[i];
        order[i] = order[place];
        order[place] = kept;
    }
}
