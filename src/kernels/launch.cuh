/*
 * The macros through which every kernel is launched and takes shared memory, and nothing else does: the tests
 * run the same sources on a SIMT emulator, which defines them otherwise (tests/simt/simt.h).
 *
 *     CAVIAR_LAUNCH(kernel, grid, block, stream, arguments...)   is a cudaError_t. A grid without blocks launches
 *                                                                nothing. Parenthesise kernels with commas.
 *     CAVIAR_SHARED(type, name, count)                           declares `name` as an array in shared memory
 *     CAVIAR_LAUNCH_SHARED(kernel, grid, block, bytes, stream, arguments...)   gives each block so much more of it
 *     CAVIAR_SHARED_BY_LAUNCH(type, name)                        declares `name` as the array that this is, on 16 bytes
 */
#ifndef CAVIAR_KERNELS_LAUNCH_CUH
#define CAVIAR_KERNELS_LAUNCH_CUH

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#ifdef CAVIAR_SIMT
#include "simt/simt.h"
#else

template <class... Parameters, class... Arguments>
inline cudaError_t caviar_launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared,
                                 cudaStream_t stream, Arguments &&...arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return cudaSuccess;
    if (shared > 0) { /* more than 48 KiB must be asked for, and as much of it as there is for several blocks an SM */
        const cudaError_t error =
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
        if (error != cudaSuccess) return error;
        (void)cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                   cudaSharedmemCarveoutMaxShared);
    }
    cudaLaunchConfig_t configuration = {};
    configuration.gridDim = grid;
    configuration.blockDim = block;
    configuration.dynamicSmemBytes = shared;
    configuration.stream = stream;
    return cudaLaunchKernelEx(&configuration, kernel, std::forward<Arguments>(arguments)...);
}

#define CAVIAR_LAUNCH(kernel, grid, block, stream, ...) caviar_launch(kernel, grid, block, 0, stream, __VA_ARGS__)
#define CAVIAR_LAUNCH_SHARED(kernel, grid, block, bytes, stream, ...)                                                  \
    caviar_launch(kernel, grid, block, bytes, stream, __VA_ARGS__)
#define CAVIAR_SHARED(type, name, count) __shared__ type name[count]
#define CAVIAR_SHARED_BY_LAUNCH(type, name)                                                                            \
    extern __shared__ float4 caviar_shared_by_launch[];                                                                \
    type *const name = (type *)caviar_shared_by_launch

#endif

constexpr int warp_lanes = 32;

/* The most blocks that a grid may have in y and z; kernels walk on in steps of the grid's size. */
constexpr int64_t max_grid_y = 65535;

__host__ __device__ constexpr int64_t divide_up(int64_t count, int64_t size) {
    return (count + size - 1) / size;
}

/* How many blocks of `size` cover `count`, for the x dimension of a grid and for the y dimension. */
inline unsigned blocks_x(int64_t count, int64_t size) {
    return (unsigned)divide_up(count, size);
}

inline unsigned blocks_y(int64_t count, int64_t size) {
    return (unsigned)std::min(divide_up(count, size), max_grid_y);
}

/*
 * Calls body(i, n) for n = first, first + step, ... below count. With held > 0 there are at most `held` of them and the
 * loop unrolls, so that i, which counts them, may index registers; with held == 0 there are any number and i is 0.
 */
template <int held, class Body>
__device__ inline void for_each_held(int first, int step, int64_t count, Body body) {
    if constexpr (held > 0) {
#pragma unroll
        for (int i = 0; i < held; ++i) {
            const int64_t n = first + i * step;
            if (n < count) body(i, n);
        }
    } else {
        for (int64_t n = first; n < count; n += step) body(0, n);
    }
}

#endif
