/*
 * The emulator itself: it names each kind of mistake in a kernel that was written to have it, under every schedule, and
 * finds none in right kernels.
 */
#include "kernels/launch.cuh"

#include "control.h"
#include "scorecard.h"

#include <criterion/criterion.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

constexpr int threads = 64;
constexpr int memory_floats = 254; /* the last two floats before a multiple of 256 bytes are nobody's */

static float *memory; /* of the device */
static cudaStream_t stream;

/* Other addresses than before, of which the emulator knows nothing. */
static void renew_memory(void) {
    (void)cudaFree(memory);
    cr_assert(cudaMalloc((void **)&memory, memory_floats * sizeof *memory) == cudaSuccess);
}

static void setup(void) {
    cr_assert(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
    renew_memory();
}

static void teardown(void) {
    (void)cudaFree(memory);
    (void)cudaStreamDestroy(stream);
}

TestSuite(simt_emulator, .init = setup, .fini = teardown);

/* Runs a kernel on zeroed memory and gives what the emulator says of it. */
template <class... Parameters, class... Arguments>
static std::string verdict_on(dim3 grid, dim3 block, void (*kernel)(Parameters...), Arguments... arguments) {
    simt_reset();
    cr_assert(cudaMemsetAsync(memory, 0, memory_floats * sizeof *memory, stream) == cudaSuccess);
    cr_assert(CAVIAR_LAUNCH(kernel, grid, block, stream, arguments...) == cudaSuccess);
    const std::string wrong = simt_diagnosis();
    /* As with CUDA, a kernel's error is told by the next call. */
    cr_assert(cudaStreamSynchronize(stream) == (wrong.empty() ? cudaSuccess : cudaErrorLaunchFailure));
    simt_reset();
    return wrong;
}

template <class... Parameters, class... Arguments>
static std::string verdict(void (*kernel)(Parameters...), Arguments... arguments) {
    return verdict_on(dim3(2), dim3(threads), kernel, arguments...);
}

static bool says(const std::string &text, const char *part) {
    return text.find(part) != std::string::npos;
}

/* Calls body(what the schedule is) under every order and several seeds. */
template <class Body>
static void under_every_schedule(int seeds, Body body) {
    for (int order = SIMT_FIRST_IN_FIRST_OUT; order <= SIMT_RANDOM; ++order)
        for (int seed = 0; seed < (order == SIMT_RANDOM ? seeds : 1); ++seed) {
            simt_set_schedule((simt_schedule)order, (uint64_t)seed);
            renew_memory();
            body("order " + std::to_string(order) + ", seed " + std::to_string(seed));
        }
}

/* ------------------------------------------------------------------------------------------------- defects: races */

/* out[i] = the number of the thread opposite, which is right with a barrier between. */
template <bool with_barrier>
__global__ static void reverse_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x] = 0.0f;
    __syncthreads();
    numbers[threadIdx.x] = (float)threadIdx.x;
    if (with_barrier) __syncthreads();
    out[blockIdx.x * threads + threadIdx.x] = numbers[threads - 1 - threadIdx.x];
}

__global__ static void shared_write_kernel() {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x / 2] = 1.0f;
}

__global__ static void shared_sum_kernel() {
    CAVIAR_SHARED(float, sum, 1);
    if (threadIdx.x == 0) sum[0] = 0.0f;
    __syncthreads();
    sum[0] += 1.0f;
}

/* One array for two rounds: without the second barrier a thread writes what another still reads. */
template <bool with_second>
__global__ static void two_rounds_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    float sum = 0.0f;
    for (int round = 0; round < 2; ++round) {
        numbers[threadIdx.x] = (float)round;
        __syncthreads();
        sum += numbers[(threadIdx.x + 1) % threads];
        if (with_second) __syncthreads();
    }
    out[blockIdx.x * threads + threadIdx.x] = sum;
}

/* Neighbours of a warp exchange by shared memory. A shuffle makes them meet but orders nothing. */
enum between { nothing, a_shuffle, a_vote, half_a_warp, sync_warp };
template <between order>
__global__ static void warp_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x] = 1.0f;
    __syncthreads();
    numbers[threadIdx.x] = 2.0f;
    if (order == a_shuffle) (void)__shfl_xor_sync(0xffffffffu, 1, 1);
    if (order == a_vote) (void)__ballot_sync(0xffffffffu, 1);
    if (order == half_a_warp) __syncwarp(threadIdx.x % 32 < 16 ? 0x0000ffffu : 0xffff0000u);
    if (order == sync_warp) __syncwarp();
    out[blockIdx.x * threads + threadIdx.x] = numbers[threadIdx.x ^ 31];
}

/* __syncwarp orders lanes of one warp only. */
__global__ static void other_warp_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x] = 1.0f;
    __syncthreads();
    numbers[threadIdx.x] = 2.0f;
    __syncwarp();
    out[blockIdx.x * threads + threadIdx.x] = numbers[threadIdx.x ^ 32];
}

/* Nor does it order what the other warp did before. */
__global__ static void one_warp_meets_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x] = 1.0f;
    __syncthreads();
    if (threadIdx.x >= 32) {
        numbers[threadIdx.x] = 2.0f;
    } else {
        __syncwarp();
        out[blockIdx.x * threads + threadIdx.x] = numbers[threadIdx.x + 32];
    }
}

/* Each half of a warp meets by itself: what one knows is not known to the other. */
__global__ static void halves_meet_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[threadIdx.x] = 1.0f;
    __syncthreads();
    if (threadIdx.x % 32 >= 16) {
        numbers[threadIdx.x] = 2.0f;
        __syncwarp(0xffff0000u);
    } else {
        __syncwarp(0x0000ffffu);
        out[blockIdx.x * threads + threadIdx.x] = numbers[threadIdx.x ^ 31];
    }
}

/* All have read when one writes, but nothing orders its write after the reads of the others. */
__global__ static void write_after_reads_kernel(float *out) {
    CAVIAR_SHARED(float, number, 1);
    if (threadIdx.x == 0) number[0] = 1.0f;
    __syncthreads();
    const float got = __shfl_sync(0xffffffffu, number[0], 0);
    if (threadIdx.x == 0) number[0] = 2.0f;
    out[blockIdx.x * threads + threadIdx.x] = got;
}

__global__ static void global_in_block_kernel(float *out) {
    out[blockIdx.x * threads + threadIdx.x] = out[blockIdx.x * threads + (threadIdx.x ^ 1)];
}

__global__ static void blocks_add_kernel(float *out) {
    if (threadIdx.x == 0) *out += 1.0f;
}

__global__ static void block_reads_other_kernel(float *out) {
    if (threadIdx.x == 0) out[blockIdx.x] = out[1 - blockIdx.x];
}

/* Barriers are the block's own. */
__global__ static void blocks_with_barrier_kernel(float *out) {
    if (blockIdx.x == 0 && threadIdx.x == 0) out[0] = 1.0f;
    __syncthreads();
    if (blockIdx.x == 1 && threadIdx.x == 1) out[1] = out[0];
}

/* Each thread has a byte of its own, or (shared by two) has not. */
template <int threads_a_byte>
__global__ static void bytes_kernel(unsigned char *out) {
    out[(blockIdx.x * threads + threadIdx.x) / threads_a_byte] = (unsigned char)threadIdx.x;
}

/* A byte and the word that it is in. */
__global__ static void byte_in_word_kernel(float *out) {
    if (threadIdx.x == 0) ((unsigned char *)out)[blockIdx.x * 4 + 2] = 1;
    if (threadIdx.x == 1) out[blockIdx.x] = 1.0f;
}

/* ----------------------------------------------------------------------------------------------- defects: memory */

__global__ static void unwritten_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    if (threadIdx.x != 7) numbers[threadIdx.x] = 1.0f;
    __syncthreads();
    out[blockIdx.x * threads + threadIdx.x] = numbers[threadIdx.x];
}

/* What an earlier block wrote there is not this block's. */
__global__ static void earlier_block_kernel(float *out) {
    CAVIAR_SHARED(float, number, 1);
    if (threadIdx.x != 0) return;
    if (blockIdx.x == 0) number[0] = 1.0f;
    out[blockIdx.x] = number[0];
}

__global__ static void write_kernel(float *out, int index) {
    if (threadIdx.x == 7 && blockIdx.x == 0) out[index] = 1.0f;
}

__global__ static void read_kernel(float *out, int index) {
    if (threadIdx.x == 7 && blockIdx.x == 0) out[0] = out[index];
}

__global__ static void shared_overrun_kernel(int offset) {
    CAVIAR_SHARED(float, numbers, threads);
    numbers[(int)threadIdx.x + offset] = 1.0f;
}

/* -------------------------------------------------------------------------------------- defects: synchronisation */

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
    if (threadIdx.x % 32 < 16) out[threadIdx.x + blockIdx.x * threads] = __shfl_xor_sync(0xffffffffu, 1, 1);
}

__global__ static void half_warp_waits_kernel(int *out) {
    if (threadIdx.x % 32 < 16) out[threadIdx.x + blockIdx.x * threads] = __shfl_xor_sync(0xffffffffu, 1, 1);
    __syncthreads();
}

__global__ static void absent_lane_kernel() {
    (void)__shfl_sync(0xffffffffu, 1, 0);
}

__global__ static void other_mask_kernel() {
    (void)__shfl_sync(threadIdx.x % 2 == 0 ? 0xffffffffu : 0xaaaaaaaau, 1, 1);
}

__global__ static void without_itself_kernel() {
    (void)__shfl_sync(0xfffffffeu, 1, 1);
}

__global__ static void outside_mask_kernel() {
    if (threadIdx.x % 32 < 16) (void)__shfl_sync(0x0000ffffu, 1, 20);
}

__global__ static void two_lines_kernel() {
    if (threadIdx.x % 2 == 0) {
        (void)__shfl_sync(0xffffffffu, 1, 0);
    } else {
        (void)__shfl_sync(0xffffffffu, 2, 0);
    }
}

/* ------------------------------------------------------------------------------------------------------ the table */

struct defect {
    const char *kind;
    std::string (*run)();
    const char *said[2]; /* any of the two */
    bool by_accesses;    /* found by looking at single accesses, or by a fault that AddressSanitizer reports itself */
};

#define IN_BLOCKS(...) [] { return verdict(__VA_ARGS__); }
static const defect defects[] = {
    { "read of shared memory that another thread writes",
      IN_BLOCKS(reverse_kernel<false>, memory),
      { "race: " },
      true },
    { "two writes of shared memory", IN_BLOCKS(shared_write_kernel), { "race: " }, true },
    { "unsynchronised sum in shared memory", IN_BLOCKS(shared_sum_kernel), { "race: " }, true },
    { "no second barrier before shared memory is used again",
      IN_BLOCKS(two_rounds_kernel<false>, memory),
      { "race: " },
      true },
    { "exchange in a warp without __syncwarp", IN_BLOCKS(warp_kernel<nothing>, memory), { "race: " }, true },
    { "a shuffle taken for __syncwarp", IN_BLOCKS(warp_kernel<a_shuffle>, memory), { "race: " }, true },
    { "a vote taken for __syncwarp", IN_BLOCKS(warp_kernel<a_vote>, memory), { "race: " }, true },
    { "exchange with lanes outside __syncwarp's mask",
      IN_BLOCKS(warp_kernel<half_a_warp>, memory),
      { "race: " },
      true },
    { "__syncwarp taken for __syncthreads", IN_BLOCKS(other_warp_kernel, memory), { "race: " }, true },
    { "__syncwarp taken for an order of warps", IN_BLOCKS(one_warp_meets_kernel, memory), { "race: " }, true },
    { "two halves of a warp that meet apart", IN_BLOCKS(halves_meet_kernel, memory), { "race: " }, true },
    { "write of what others have read", IN_BLOCKS(write_after_reads_kernel, memory), { "race: " }, true },
    { "race in global memory within a block", IN_BLOCKS(global_in_block_kernel, memory), { "race: " }, true },
    { "blocks that add to one number", IN_BLOCKS(blocks_add_kernel, memory), { "race: " }, true },
    { "block that reads what another writes", IN_BLOCKS(block_reads_other_kernel, memory), { "race: " }, true },
    { "__syncthreads taken for an order of blocks", IN_BLOCKS(blocks_with_barrier_kernel, memory), { "race: " }, true },
    { "two threads that write one byte", IN_BLOCKS(bytes_kernel<2>, (unsigned char *)memory), { "race: " }, true },
    { "a byte and its word", IN_BLOCKS(byte_in_word_kernel, memory), { "race: " }, true },
    { "read of shared memory that nothing wrote",
      IN_BLOCKS(unwritten_kernel, memory),
      { "no thread of the block has written" },
      true },
    { "read of shared memory of an earlier block",
      IN_BLOCKS(earlier_block_kernel, memory),
      { "no thread of the block has written" },
      true },
    { "write behind a shared array",
      IN_BLOCKS(shared_overrun_kernel, 1),
      { "0 bytes behind the end of shared array numbers" },
      true },
    { "write before a shared array",
      IN_BLOCKS(shared_overrun_kernel, -1),
      { "4 bytes before shared array numbers" },
      true },
    { "write behind global memory",
      IN_BLOCKS(write_kernel, memory, 256),
      { "8 bytes behind the end of global memory (1016 bytes)" },
      true },
    { "write into what rounding left behind global memory",
      IN_BLOCKS(write_kernel, memory, 254),
      { "0 bytes behind the end of global memory (1016 bytes)" },
      true },
    { "read behind global memory",
      IN_BLOCKS(read_kernel, memory, 255),
      { "4 bytes behind the end of global memory" },
      true },
    { "read before global memory", IN_BLOCKS(read_kernel, memory, -1), { "4 bytes before global memory" }, true },
    { "null pointer", IN_BLOCKS(write_kernel, (float *)nullptr, 0), { "a null pointer" }, true },
    { "divergent barrier", IN_BLOCKS(divergent_kernel), { "divergent barrier" }, false },
    { "barrier after a thread has left", IN_BLOCKS(early_exit_kernel), { "left the kernel while thread" }, false },
    { "mask names lanes that have left",
      IN_BLOCKS(half_warp_kernel, (int *)memory),
      { "has left the kernel", "deadlock" },
      false },
    { "deadlock: lanes wait for others at a barrier",
      IN_BLOCKS(half_warp_waits_kernel, (int *)memory),
      { "deadlock: waits for ever at a shuffle" },
      false },
    { "mask names lanes that do not exist",
      [] { return verdict_on(dim3(1), dim3(40), absent_lane_kernel); },
      { "which the block does not have" },
      false },
    { "lanes with different masks", IN_BLOCKS(other_mask_kernel), { " has mask " }, false },
    { "mask without the calling lane", IN_BLOCKS(without_itself_kernel), { "without the calling lane" }, false },
    { "shuffle from outside the mask", IN_BLOCKS(outside_mask_kernel), { "reads lane 20" }, false },
    { "lanes of one collective at two lines", IN_BLOCKS(two_lines_kernel), { "while lane" }, false },
};

Test(simt_emulator, defects) {
    int found = 0, not_tried = 0;
    for (const defect &planted : defects) {
        if (planted.by_accesses && !simt_checks_accesses()) {
            ++not_tried;
            continue;
        }
        under_every_schedule(20, [&](const std::string &schedule) {
            const std::string said = planted.run();
            cr_assert(says(said, planted.said[0]) || (planted.said[1] != nullptr && says(said, planted.said[1])),
                      "%s (%s): \"%s\"", planted.kind, schedule.c_str(), said.c_str());
        });
        ++found;
    }
    if (not_tried == 0)
        scorecard("emulator-defects", found);
    else
        fprintf(stderr, "%d kinds of defects were not tried: this build does not look at single accesses\n", not_tried);
}

/* --------------------------------------------------------------------------------------------------- right kernels */

__global__ static void shuffle_kernel(float *out) {
    float sum = (float)threadIdx.x;
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    const unsigned odd = __ballot_sync(0xffffffffu, threadIdx.x % 2);
    __syncwarp();
    out[blockIdx.x * threads + threadIdx.x] = sum + (odd == 0xaaaaaaaau ? 0.0f : NAN);
}

/* Two halves take turns, so that one barrier a round is enough. */
__global__ static void double_buffer_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, 2 * threads);
    float value = (float)threadIdx.x;
    for (int round = 0; round < 5; ++round) {
        float *const half = numbers + round % 2 * threads;
        half[threadIdx.x] = value;
        __syncthreads();
        value = half[(threadIdx.x + 1) % threads];
    }
    out[blockIdx.x * threads + threadIdx.x] = value;
}

/* All read one number, then each writes its own. */
__global__ static void one_number_kernel(float *out) {
    const float number = out[2 * threads];
    out[blockIdx.x * threads + threadIdx.x] = number + 1.0f;
}

/* Each warp exchanges within itself, twice; lanes meet in halves, then in quarters that are part of them. */
__global__ static void masks_kernel(float *out) {
    CAVIAR_SHARED(float, numbers, threads);
    const unsigned half = threadIdx.x % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
    numbers[threadIdx.x] = (float)threadIdx.x;
    __syncwarp(half);
    const float opposite = numbers[threadIdx.x ^ 15];
    __syncwarp(half);
    numbers[threadIdx.x ^ 1] = opposite;
    __syncwarp(0xffu << threadIdx.x % 32 / 8 * 8);
    out[blockIdx.x * threads + threadIdx.x] = numbers[threadIdx.x];
}

static void check_elements(const char *kernel, const std::string &schedule, float (*expected)(int)) {
    for (int i = 0; i < 2 * threads; ++i)
        cr_assert(memory[i] == expected(i % threads), "%s (%s): element %d is %g", kernel, schedule.c_str(), i,
                  (double)memory[i]);
}

Test(simt_emulator, right_kernels) {
    under_every_schedule(100, [](const std::string &schedule) {
        const auto is_right = [&](const char *kernel, const std::string &said, float (*expected)(int)) {
            cr_assert(said.empty(), "%s (%s): \"%s\"", kernel, schedule.c_str(), said.c_str());
            if (expected != nullptr) check_elements(kernel, schedule, expected);
        };
        is_right("reverse", verdict(reverse_kernel<true>, memory), [](int i) { return (float)(threads - 1 - i); });
        is_right("shuffle", verdict(shuffle_kernel, memory), [](int i) { return i < 32 ? 496.0f : 496.0f + 32 * 32; });
        is_right("two rounds", verdict(two_rounds_kernel<true>, memory), [](int) { return 1.0f; });
        is_right("warp", verdict(warp_kernel<sync_warp>, memory), [](int) { return 2.0f; });
        is_right("double buffer", verdict(double_buffer_kernel, memory),
                 [](int i) { return (float)((i + 5) % threads); });
        is_right("masks", verdict(masks_kernel, memory), [](int i) { return (float)(i ^ 14); });
        is_right("one number", verdict(one_number_kernel, memory), [](int) { return 1.0f; });
        is_right("bytes", verdict(bytes_kernel<1>, (unsigned char *)memory), nullptr);
        is_right("last element", verdict(write_kernel, memory, memory_floats - 1), nullptr);
        is_right("whole shared array", verdict(shared_overrun_kernel, 0), nullptr);
        /* Launches are in order: each may use what those before it left, byte by byte or word by word. */
        cr_assert(CAVIAR_LAUNCH(bytes_kernel<1>, dim3(2), dim3(threads), stream, (unsigned char *)memory) ==
                  cudaSuccess);
        for (int i = 0; i < 3; ++i) {
            cr_assert(CAVIAR_LAUNCH(one_number_kernel, dim3(2), dim3(threads), stream, memory) == cudaSuccess);
            cr_assert(CAVIAR_LAUNCH(blocks_add_kernel, dim3(1), dim3(threads), stream, memory) == cudaSuccess);
        }
        cr_assert_str_eq(simt_diagnosis(), "");
    });
}

/* -------------------------------------------------------------------------------------- messages, schedules, launches
 */

/* A message names everything that is needed to find the mistake and to see it again. */
Test(simt_emulator, messages) {
    if (!simt_checks_accesses()) return;
    simt_set_schedule(SIMT_FIRST_IN_FIRST_OUT, 0);
    const std::string first = verdict(warp_kernel<nothing>, memory);
    cr_assert(says(first, "kernel, block (0, 0, 0), thread (0, 0, 0): race: reads 4 bytes, byte 124 of shared array "
                          "numbers (256 bytes), at test_simt_emulator.cpp:") ||
                  says(first, "race: writes 4 bytes"),
              "%s", first.c_str());
    cr_assert(says(first, "[CAVIAR_SIMT_SCHEDULE=fifo]"), "%s", first.c_str());
    const std::string blocks = verdict(blocks_add_kernel, memory);
    cr_assert(says(blocks,
                   "block (1, 0, 0), thread (0, 0, 0): race: reads 4 bytes, byte 0 of global memory (1016 bytes), "
                   "at test_simt_emulator.cpp:") &&
                  says(blocks, "; thread (0, 0, 0) of block (0, 0, 0) wrote there at test_simt_emulator.cpp:"),
              "%s", blocks.c_str());
    const std::string over = verdict(write_kernel, memory, 256);
    cr_assert(says(over, "thread (7, 0, 0): overrun: touches ") && says(over, " at test_simt_emulator.cpp:"), "%s",
              over.c_str());
    /* The seed brings the same diagnosis again. */
    for (uint64_t seed = 0; seed < 20; ++seed) {
        const std::string setting = "[CAVIAR_SIMT_SCHEDULE=random CAVIAR_SIMT_SEED=" + std::to_string(seed) + "]";
        simt_set_schedule(SIMT_RANDOM, seed);
        const std::string said = verdict(shared_sum_kernel);
        simt_set_schedule(SIMT_RANDOM, seed);
        cr_assert(says(said, setting.c_str()) && said == verdict(shared_sum_kernel), "%s", said.c_str());
    }
}

Test(simt_emulator, environment) {
    setenv("CAVIAR_SIMT_SCHEDULE", "random", 1);
    setenv("CAVIAR_SIMT_SEED", "18446744073709551615", 1);
    const std::string said = verdict(divergent_kernel);
    cr_assert(says(said, "[CAVIAR_SIMT_SCHEDULE=random CAVIAR_SIMT_SEED=18446744073709551615]"), "%s", said.c_str());
}

/* The host's note of the order in which threads come by; not inlined, since kernels are stopped around it. */
static std::vector<unsigned> arrivals;

static void __attribute__((noinline)) arrive(unsigned thread) {
    arrivals.push_back(thread);
    asm volatile("" ::: "memory");
}

__global__ static void arrivals_kernel(float *out) {
    const unsigned me = blockIdx.x * threads + threadIdx.x;
    out[me] = 1.0f;
    arrive(me);
    out[me] += 1.0f;
    arrive(me);
}

/* How often a thread was stopped in straight code. */
static int count_stops() {
    arrivals.clear();
    cr_assert(verdict(arrivals_kernel, memory).empty());
    int stops = 0;
    for (size_t i = 0; i < arrivals.size(); i += 2) stops += arrivals[i] != arrivals[i + 1];
    return stops;
}

Test(simt_emulator, schedules) {
    simt_set_schedule(SIMT_FIRST_IN_FIRST_OUT, 0);
    cr_assert(count_stops() == 0 && arrivals.front() == 0 && arrivals.back() == 2 * threads - 1);
    simt_set_schedule(SIMT_REVERSE, 0);
    cr_assert(count_stops() == 0 && arrivals.front() == 2 * threads - 1 && arrivals.back() == 0);
    int stopped = 0, other_order = 0;
    std::vector<unsigned> last;
    for (uint64_t seed = 0; seed < 20; ++seed) {
        simt_set_schedule(SIMT_RANDOM, seed);
        stopped += count_stops() > 0;
        other_order += arrivals != last;
        last = arrivals;
        simt_set_schedule(SIMT_RANDOM, seed);
        (void)count_stops();
        cr_assert(arrivals == last, "seed %llu gives two orders", (unsigned long long)seed);
    }
    cr_assert(other_order == 20);
    /* Where stops are planned to be rare, a small launch may have none. */
    cr_assert(simt_checks_accesses() ? stopped >= 10 : stopped == 0, "threads were stopped under %d of 20 seeds",
              stopped);
}

Test(simt_emulator, launches) {
    cr_assert(CAVIAR_LAUNCH(early_exit_kernel, dim3(1, 65536), dim3(1), stream) == cudaErrorInvalidConfiguration);
    cr_assert(CAVIAR_LAUNCH(early_exit_kernel, dim3(1), dim3(1025), stream) == cudaErrorInvalidConfiguration);
    const int before = simt_kernel_count();
    cr_assert(CAVIAR_LAUNCH(early_exit_kernel, dim3(0), dim3(32), stream) == cudaSuccess);
    cr_assert_str_eq(simt_diagnosis(), "");
    cr_assert(simt_kernel_count() == before);
    cr_assert(CAVIAR_LAUNCH((bytes_kernel<1>), dim3(1), dim3(32), stream, (unsigned char *)memory) == cudaSuccess);
    cr_assert(CAVIAR_LAUNCH((bytes_kernel<2>), dim3(1), dim3(1), stream, (unsigned char *)memory) == cudaSuccess);
    cr_assert(CAVIAR_LAUNCH((bytes_kernel<1>), dim3(1), dim3(32), stream, (unsigned char *)memory) == cudaSuccess);
    cr_assert(simt_kernel_count() == before + 2);
    cr_assert_str_eq(simt_kernel_name(before), "bytes_kernel");
}

/* Where accesses are not looked at, what was not written is a NaN, in every block. */
Test(simt_emulator, unwritten_is_nan) {
    if (simt_checks_accesses()) return;
    cr_assert(verdict(unwritten_kernel, memory).empty());
    for (int i = 0; i < 2 * threads; ++i) cr_assert(i % threads == 7 ? std::isnan(memory[i]) : memory[i] == 1.0f);
    cr_assert(verdict(earlier_block_kernel, memory).empty());
    cr_assert(memory[0] == 1.0f && std::isnan(memory[1]));
}

/* What was written beside an allocation by no kernel is noticed when it is given back. */
#if !defined(__SANITIZE_ADDRESS__)
Test(simt_emulator, bytes_behind_an_allocation) {
    unsigned char *bytes = nullptr;
    cr_assert(cudaMalloc((void **)&bytes, 1001) == cudaSuccess);
    bytes[1001] = 0;
    (void)cudaFree(bytes);
    cr_assert(says(simt_diagnosis(), "written behind its end"));
    simt_reset();
    cr_assert(cudaMalloc((void **)&bytes, 1001) == cudaSuccess);
    cr_assert(says(verdict(bytes_kernel<1>, bytes + 1001 - 127), "overrun: writes 1 byte, 0 bytes behind"));
    cr_assert(verdict(bytes_kernel<1>, bytes + 1001 - 128).empty());
    (void)cudaFree(bytes);
    cr_assert(says(verdict(bytes_kernel<1>, bytes), "which is not memory of the device"));
}

/* Addresses are given out again in the end; what was known of them is forgotten. */
Test(simt_emulator, addresses_come_round) {
    char *first = nullptr, *again = nullptr;
    cr_assert(cudaMalloc((void **)&first, 1000) == cudaSuccess);
    cr_assert(verdict(write_kernel, (float *)first, 249).empty());
    (void)cudaFree(first);
    int count = 0;
    for (bool round = false; !round; ++count) {
        cr_assert(cudaMalloc((void **)&again, 3000) == cudaSuccess && count < 100000);
        round = again < first && first < again + 3000;
        for (int i = 0; round && i < 750; ++i) cr_assert(verdict(write_kernel, (float *)again, i).empty());
        (void)cudaFree(again);
    }
    cr_assert(count > 1000, "given out again after %d allocations", count);
}
#endif
