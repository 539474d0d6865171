/* Four neighbouring numbers of a row: one 16-byte access where they lie on 16 bytes. */
#ifndef CAVIAR_KERNELS_QUAD_CUH
#define CAVIAR_KERNELS_QUAD_CUH

#include <cuda_runtime.h>

#include <cstdint>

struct alignas(16) quad {
    float v[4];
};

/* Loads and stores a whole quad on 16 bytes. */
__device__ static inline quad load_quad(const float *from) {
    const float4 f = *(const float4 *)from;
    return { { f.x, f.y, f.z, f.w } };
}

__device__ static inline void store_quad(float *to, const quad &q) {
    *(float4 *)to = make_float4(q.v[0], q.v[1], q.v[2], q.v[3]);
}

/*
 * The same of a quad that is whole and on 16 bytes if `aligned`; of others the first `stored` numbers exist, which may
 * be none or more than four. What is not loaded is 0.
 */
template <bool aligned>
__device__ static inline quad load_quad(const float *from, int stored) {
    if (aligned) return load_quad(from);
    quad q = {};
#pragma unroll
    for (int i = 0; i < 4; ++i)
        if (i < stored) q.v[i] = from[i];
    return q;
}

template <bool aligned>
__device__ static inline void store_quad(float *to, const quad &q, int stored) {
    if (aligned) {
        store_quad(to, q);
    } else {
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (i < stored) to[i] = q.v[i];
    }
}

/* The same of whole quads on 16 bytes that are not used again soon: what is stays in the cache. */
__device__ static inline quad load_streamed(const float *from) {
#ifdef CAVIAR_SIMT
    return load_quad(from);
#else
    const float4 f = __ldcs((const float4 *)from);
    return { { f.x, f.y, f.z, f.w } };
#endif
}

__device__ static inline void store_streamed(float *to, const quad &q) {
#ifdef CAVIAR_SIMT
    store_quad(to, q);
#else
    __stcs((float4 *)to, make_float4(q.v[0], q.v[1], q.v[2], q.v[3]));
#endif
}

/*
 * Stores a quad on 16 bytes of shared memory. nvcc makes four stores of a store_quad there, whose neighbouring threads
 * then meet in the same banks.
 */
__device__ static inline void store_shared_quad(float *to, const quad &q) {
#ifdef CAVIAR_SIMT
    store_quad(to, q);
#else
    asm volatile("st.shared.v4.f32 [%0], { %1, %2, %3, %4 };" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
                 "f"(q.v[0]), "f"(q.v[1]), "f"(q.v[2]), "f"(q.v[3])
                 : "memory");
#endif
}

#endif
