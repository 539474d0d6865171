/* See driver_types.h. Philox is Random123's here, which has cuRAND's bits (tests/curand compares the two). */
#ifndef CAVIAR_TESTS_NO_TOOLKIT_CURAND_KERNEL_H
#define CAVIAR_TESTS_NO_TOOLKIT_CURAND_KERNEL_H

#include "cuda_runtime.h"

#include <Random123/philox.h>

static inline uint4 curand_Philox4x32_10(uint4 counter, uint2 key) {
    const philox4x32_ctr_t block = { { counter.x, counter.y, counter.z, counter.w } };
    const philox4x32_key_t of_key = { { key.x, key.y } };
    const philox4x32_ctr_t words = philox4x32(block, of_key);
    return make_uint4(words.v[0], words.v[1], words.v[2], words.v[3]);
}

#endif
