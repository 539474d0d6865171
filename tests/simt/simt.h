/*
 * CUDA for g++ and clang++: what src/kernels/launch.cuh takes instead of nvcc's syntax when CAVIAR_SIMT is defined, so
 * that the same kernels run on the emulator, a fiber a CUDA thread. Only headers of the CUDA toolkit are needed.
 *
 * What it finds, and names by kernel, block, thread, line and schedule: races in shared and global memory, reads of
 * shared memory that nothing wrote, accesses beside an array, divergent barriers, collectives whose mask names lanes
 * that are absent, have left or disagree, shuffles from outside the mask, deadlock. It holds for the inputs that were
 * run; what is unordered is found under any schedule that comes by both accesses.
 *
 * What it proves nothing about: the memory model beyond barriers (fences, atomics, volatile: the kernels use none;
 * memcpy in a kernel is not looked at); streams, since a launch is over when the call returns and all launches are in
 * one order; what blocks of one launch would see of each other, beyond that it is a race; occupancy, registers, speed;
 * the bits of the GPU's own expf, rsqrtf or fused arithmetic; cuBLAS. Those need a GPU: tools/gpu-check.
 */
#ifndef CAVIAR_TESTS_SIMT_SIMT_H
#define CAVIAR_TESTS_SIMT_SIMT_H

#include <cuda_runtime.h>
#include <curand_kernel.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

namespace simt {

/* The place of the running CUDA thread. */
struct place {
    uint3 thread, block;
    dim3 block_size, grid_size;
};
const place &here();

/* Where a kernel asked for something, for messages and to tell barriers apart. */
struct site {
    const char *file;
    int line;
};

void barrier(site at);
void sync_warp(site at, unsigned mask = 0xffffffffu);

/*
 * A warp collective: waits until all lanes of `mask` are here, then returns what lane `source` gave. Names of absent
 * lanes, other masks and other lines are errors.
 */
uint64_t exchange(site at, unsigned mask, uint64_t value, int source);
/* The same, returning one bit a lane of the mask whose predicate is not 0. */
unsigned ballot(site at, unsigned mask, int predicate);
int lane();

template <class Value>
Value shuffle(site at, unsigned mask, Value value, int source) {
    static_assert(std::is_trivially_copyable<Value>::value && sizeof(Value) <= 8, "a shuffle takes 4 or 8 bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = exchange(at, mask, bits, source);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/* The block's array of shared memory that the declaration with this key stands for: NaN before its first use. */
void *shared(const char *name, const void *key, size_t bytes);
/* The one that the launch gave it. */
void *shared_by_launch(const char *name);

/* The most that a launch may give a block, as on Hopper. */
constexpr size_t most_shared_by_launch = 232448;

/* Runs a kernel, or records it when the stream is capturing. `instance` tells instances of one template apart. */
cudaError_t launch(const char *name, const void *instance, dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                   std::function<void()> kernel);

template <class... Parameters, class... Arguments>
cudaError_t launch(const char *name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared,
                   cudaStream_t stream, Arguments &&...arguments) {
    const std::tuple<std::decay_t<Parameters>...> copies(std::forward<Arguments>(arguments)...);
    return launch(name, (const void *)kernel, grid, block, shared, stream,
                  [kernel, copies] { std::apply(kernel, copies); });
}

} // namespace simt

#define CAVIAR_LAUNCH(kernel, grid, block, stream, ...)                                                                \
    simt::launch(#kernel, kernel, grid, block, 0, stream, ##__VA_ARGS__)
#define CAVIAR_LAUNCH_SHARED(kernel, grid, block, bytes, stream, ...)                                                  \
    simt::launch(#kernel, kernel, grid, block, bytes, stream, ##__VA_ARGS__)
#define CAVIAR_SHARED(type, name, count)                                                                               \
    static const char name##_key = 0;                                                                                  \
    type *const name = (type *)simt::shared(#name, &name##_key, sizeof(type) * (count))
#define CAVIAR_SHARED_BY_LAUNCH(type, name) type *const name = (type *)simt::shared_by_launch(#name)

#undef __global__
#undef __device__
#undef __host__
#undef __launch_bounds__
#undef __grid_constant__
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __grid_constant__

#define threadIdx (simt::here().thread)
#define blockIdx (simt::here().block)
#define blockDim (simt::here().block_size)
#define gridDim (simt::here().grid_size)

#define SIMT_SITE (simt::site{ __FILE__, __LINE__ })
#define __syncthreads() simt::barrier(SIMT_SITE)
#define __syncwarp(...) simt::sync_warp(SIMT_SITE, ##__VA_ARGS__)
#define __shfl_sync(mask, value, source) simt::shuffle(SIMT_SITE, mask, value, source)
#define __shfl_xor_sync(mask, value, offset) simt::shuffle(SIMT_SITE, mask, value, simt::lane() ^ (int)(offset))
#define __ballot_sync(mask, predicate) simt::ballot(SIMT_SITE, mask, predicate)

using std::max;
using std::min;

inline double cospi(double x) {
    return std::cos(x * 3.14159265358979323846);
}

#endif
