/* The emulator itself: it finds each kind of mistake in a kernel that was written to have it, and none in a right one.
 */
#include "kernels/launch.cuh"

#include "control.h"

#include <criterion/criterion.h>

#include <cmath>
#include <string>
#include <vector>

constexpr int threads = 64;

/* Runs a kernel on 64 threads and gives what the emulator says of it. */
template <class... Parameters, class... Arguments>
static std::string verdict(void (*kernel)(Parameters...), Arguments... arguments) {
    simt_reset();
    cudaStream_t stream = nullptr;
    cr_assert(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
    cr_assert(CAVIAR_LAUNCH(kernel, dim3(2), dim3(threads), stream, arguments...) == cudaSuccess);
    const std::string wrong = simt_diagnosis();
    /* As with CUDA, a kernel's error is told by the next call. */
    cr_assert(cudaStreamSynchronize(stream) == (wrong.empty() ? cudaSuccess : cudaErrorLaunchFailure));
    (void)cudaStreamDestroy(stream);
    simt_reset();
    return wrong;
}

static bool says(const std::string &text, const char *part) {
    return text.find(part) != std::string::npos;
}

/* out[i] = the number of the thread opposite */
template <bool with_barrier>
__global__ static void reverse_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x] = (float)threadIdx.x;
    if (with_barrier) __syncthreads();
    out[blockIdx.x * threads + threadIdx.x] = numbers[threads - 1 - threadIdx.x];
}

/* The same in two warps that meet in the second half only: a wrong order shows under some schedules. */
__global__ static void shuffle_kernel(float *out) {
    float sum = (float)threadIdx.x;
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    const unsigned odd = __ballot_sync(0xffffffffu, threadIdx.x % 2);
    __syncwarp();
    out[blockIdx.x * threads + threadIdx.x] = sum + (odd == 0xaaaaaaaau ? 0.0f : NAN);
}

static int wrong_elements(const std::vector<float> &out, float (*expected)(int)) {
    int wrong = 0;
    for (int i = 0; i < 2 * threads; ++i) wrong += !(out[(size_t)i] == expected(i % threads));
    return wrong;
}

Test(simt_emulator, right_kernels) {
    for (int schedule = SIMT_FIRST_IN_FIRST_OUT; schedule <= SIMT_RANDOM; ++schedule)
        for (uint64_t seed = 0; seed < 20; ++seed) {
            simt_set_schedule((simt_schedule)schedule, seed);
            std::vector<float> out(2 * threads, -1.0f);
            cr_assert(verdict(reverse_kernel<true>, out.data()).empty());
            cr_assert(wrong_elements(out, [](int i) { return (float)(threads - 1 - i); }) == 0);
            cr_assert(verdict(shuffle_kernel, out.data()).empty());
            cr_assert(wrong_elements(out, [](int i) { return i < 32 ? 496.0f : 496.0f + 32 * 32; }) == 0);
        }
}

Test(simt_emulator, missing_barrier) {
    /* What was not written yet is NaN, whatever the order. */
    for (int schedule = SIMT_FIRST_IN_FIRST_OUT; schedule <= SIMT_RANDOM; ++schedule) {
        simt_set_schedule((simt_schedule)schedule, 1);
        std::vector<float> out(2 * threads, -1.0f);
        cr_assert(verdict(reverse_kernel<false>, out.data()).empty());
        int nan = 0;
        for (const float value : out) nan += std::isnan(value);
        cr_assert(nan >= threads / 2);
    }
}

__global__ static void divergent_kernel() {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
}

__global__ static void early_exit_kernel() {
    if (threadIdx.x == 5) return;
    __syncthreads();
}

__global__ static void half_warp_kernel(int *out) {
    if (threadIdx.x % 32 < 16) *out = __shfl_xor_sync(0xffffffffu, 1, 1);
}

__global__ static void half_warp_waits_kernel(int *out) {
    if (threadIdx.x % 32 < 16) *out = __shfl_xor_sync(0xffffffffu, 1, 1);
    __syncthreads();
}

__global__ static void other_mask_kernel(int *out) {
    *out = __shfl_sync(threadIdx.x % 2 == 0 ? 0xffffffffu : 0xaaaaaaaau, 1, 1);
}

__global__ static void without_itself_kernel(int *out) {
    *out = __shfl_sync(0xfffffffeu, 1, 1);
}

__global__ static void outside_mask_kernel(int *out) {
    if (threadIdx.x % 32 < 16) *out = __shfl_sync(0x0000ffffu, 1, 20);
}

__global__ static void two_lines_kernel(int *out) {
    if (threadIdx.x % 2 == 0) {
        *out = __shfl_sync(0xffffffffu, 1, 0);
    } else {
        *out = __shfl_sync(0xffffffffu, 2, 0);
    }
}

Test(simt_emulator, wrong_synchronisation) {
    for (int schedule = SIMT_FIRST_IN_FIRST_OUT; schedule <= SIMT_RANDOM; ++schedule)
        for (uint64_t seed = 0; seed < 5; ++seed) {
            simt_set_schedule((simt_schedule)schedule, seed);
            int out = 0;
            const std::string divergent = verdict(divergent_kernel), early = verdict(early_exit_kernel);
            cr_assert(says(divergent, "divergent barrier"), "%s", divergent.c_str());
            cr_assert(says(early, "left the kernel while thread") && says(early, "thread (5, 0, 0)"), "%s",
                      early.c_str());
            const std::string half = verdict(half_warp_kernel, &out);
            cr_assert(says(half, "has left the kernel") || says(half, "deadlock"), "%s", half.c_str());
            const std::string waits = verdict(half_warp_waits_kernel, &out);
            cr_assert(says(waits, "deadlock: waits for ever at a shuffle"), "%s", waits.c_str());
            cr_assert(says(verdict(other_mask_kernel, &out), "mask"));
            cr_assert(says(verdict(without_itself_kernel, &out), "without the calling lane"));
            cr_assert(says(verdict(outside_mask_kernel, &out), "reads lane 20"));
            cr_assert(says(verdict(two_lines_kernel, &out), "while lane"));
        }
}

__global__ static void absent_lane_kernel(int *out) {
    *out = __shfl_sync(0xffffffffu, 1, 0);
}

Test(simt_emulator, launches) {
    cudaStream_t stream = nullptr;
    cr_assert(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
    int out = 0;
    cr_assert(CAVIAR_LAUNCH(absent_lane_kernel, dim3(1), dim3(40), stream, &out) == cudaSuccess);
    cr_assert(says(simt_diagnosis(), "which the block does not have"));
    simt_reset();
    cr_assert(CAVIAR_LAUNCH(early_exit_kernel, dim3(1, 65536), dim3(1), stream) == cudaErrorInvalidConfiguration);
    cr_assert(CAVIAR_LAUNCH(early_exit_kernel, dim3(1), dim3(1025), stream) == cudaErrorInvalidConfiguration);
    cr_assert(CAVIAR_LAUNCH(early_exit_kernel, dim3(0), dim3(32), stream) == cudaSuccess);
    cr_assert_str_eq(simt_diagnosis(), "");
    (void)cudaStreamDestroy(stream);
}

/* AddressSanitizer ends the process at these. */
#if !defined(__SANITIZE_ADDRESS__)
__global__ static void write_kernel(float *out, int index) {
    if (threadIdx.x == 7) out[index] = 1.0f;
}

__global__ static void shared_overrun_kernel(int index) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x + (unsigned)index] = 1.0f;
}

Test(simt_emulator, overruns) {
    void *memory = nullptr;
    cr_assert(cudaMalloc(&memory, 1024) == cudaSuccess);
    cr_assert(verdict(write_kernel, (float *)memory, 255).empty());
    const std::string over = verdict(write_kernel, (float *)memory, 256);
    cr_assert(says(over, "touches memory") && says(over, "thread (7, 0, 0)"), "%s", over.c_str());
    cr_assert(says(verdict(write_kernel, (float *)nullptr, 0), "touches memory"));
    cr_assert(verdict(shared_overrun_kernel, 0).empty());
    cr_assert(says(verdict(shared_overrun_kernel, 1), "touches memory"));
    (void)cudaFree(memory);

    /* Between the end of an allocation and the guard page there may be a few bytes: they are looked at in the end. */
    cr_assert(cudaMalloc(&memory, 1000) == cudaSuccess);
    cr_assert(verdict(write_kernel, (float *)memory, 250).empty());
    (void)cudaFree(memory);
    cr_assert(says(simt_diagnosis(), "written behind its end"));
}
#endif
