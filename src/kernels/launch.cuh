/*
 * The two macros through which every kernel is launched and takes shared memory, and nothing else does: the tests
 * run the same sources on a SIMT emulator, which defines them otherwise (tests/simt/simt.h).
 *
 *     CAVIAR_LAUNCH(kernel, grid, block, stream, arguments...)   is a cudaError_t. A grid without blocks launches
 *                                                                nothing. Parenthesise kernels with commas.
 *     CAVIAR_SHARED(type, name, count)                           declares `name` as an array in shared memory
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
inline cudaError_t caviar_launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
                                 Arguments &&...arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return cudaSuccess;
    cudaLaunchConfig_t configuration = {};
    configuration.gridDim = grid;
    configuration.blockDim = block;
    configuration.stream = stream;
    return cudaLaunchKernelEx(&configuration, kernel, std::forward<Arguments>(arguments)...);
}

#define CAVIAR_LAUNCH(kernel, grid, block, stream, ...) caviar_launch(kernel, grid, block, stream, __VA_ARGS__)
#define CAVIAR_SHARED(type, name, count) __shared__ type name[count]

#endif

/* The most blocks that a grid may have in y and z; kernels walk on in steps of the grid's size. */
constexpr int64_t max_grid_y = 65535;

/* How many blocks of `size` cover `count`, for the x dimension of a grid and for the y dimension. */
inline unsigned blocks_x(int64_t count, int64_t size) {
    return (unsigned)((count + size - 1) / size);
}

inline unsigned blocks_y(int64_t count, int64_t size) {
    return (unsigned)std::min((count + size - 1) / size, max_grid_y);
}

#endif
