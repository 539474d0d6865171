/*
 * Philox 4x32 with ten rounds, as Random123 names it, for where that is not at hand (tests/gpu). The algorithm: Salmon,
 * Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. test_gpu_stand_ins holds it to the
 * real one.
 */
#ifndef CAVIAR_STAND_IN_PHILOX_H
#define CAVIAR_STAND_IN_PHILOX_H

#include <stdint.h>

typedef struct philox4x32_ctr_t {
    uint32_t v[4];
} philox4x32_ctr_t;

typedef struct philox4x32_key_t {
    uint32_t v[2];
} philox4x32_key_t;

static inline philox4x32_ctr_t philox4x32(philox4x32_ctr_t counter, philox4x32_key_t key) {
    for (int round = 0; round < 10; round++) {
        const uint64_t even = UINT64_C(0xd2511f53) * counter.v[0], odd = UINT64_C(0xcd9e8d57) * counter.v[2];
        const philox4x32_ctr_t next = { { (uint32_t)(odd >> 32) ^ counter.v[1] ^ key.v[0], (uint32_t)odd,
                                          (uint32_t)(even >> 32) ^ counter.v[3] ^ key.v[1], (uint32_t)even } };
        counter = next;
        key.v[0] += 0x9e3779b9u;
        key.v[1] += 0xbb67ae85u;
    }
    return counter;
}

#endif
