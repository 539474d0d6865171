/* The stand-in for Random123 under a name of its own, for test_gpu_stand_ins.c, which includes the real one. */
#include "stand_in/philox/Random123/philox.h"

void stand_in_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

void stand_in_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]) {
    const philox4x32_ctr_t result = philox4x32((philox4x32_ctr_t){ { counter[0], counter[1], counter[2], counter[3] } },
                                               (philox4x32_key_t){ { key[0], key[1] } });
    for (int i = 0; i < 4; i++) out[i] = result.v[i];
}
