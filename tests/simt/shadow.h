/*
 * What the kernels' accesses to memory may be: the race checker. The compiler puts a call before each access
 * (-fsanitize=thread), which ends here instead of in ThreadSanitizer.
 *
 * A race is two accesses to the same bytes by different CUDA threads, at least one of them a write, that nothing
 * orders. What orders: __syncthreads the threads of its block, __syncwarp the lanes of its mask, and the end of a
 * launch everything. Shuffles and votes order nothing, and nothing orders blocks of one launch. The verdict hangs on
 * the order of synchronisations alone, not on the order in which the emulator happened to run the two threads.
 *
 * Each word of the arena has a cell with the last write and two reads that nothing orders, of which any later write in
 * conflict with a read is in conflict with one; only where part of a warp meets in __syncwarp may a third read be the
 * one that matters. A word of which single bytes are accessed has a cell a byte instead, so that neighbours in it do
 * not look like one.
 */
#ifndef CAVIAR_TESTS_SIMT_SHADOW_H
#define CAVIAR_TESTS_SIMT_SHADOW_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace simt {

#if defined(SIMT_CHECK_ACCESSES)
constexpr bool accesses_checked = true;
#else
constexpr bool accesses_checked = false; /* no hook is called; the functions below do nothing that matters */
#endif

/* Addresses for the cells of the whole arena. */
bool shadow_reserve();
/* Bytes that no kernel may touch, until they are forgotten. `from` need not be the start of a word. */
void shadow_forbid(uintptr_t from, uintptr_t to);
void shadow_forget(uintptr_t from, uintptr_t to);

/* What orders accesses. `warp` is the number of its first thread in the block. */
void order_launch();
void order_block();
void order_barrier();
void order_warp(int warp, unsigned mask);

/* From now on accesses are those of this thread of the block; -1: nobody's. */
extern int accessing_thread;

/*
 * How many accesses the running thread may still make before `preempt` is called. A thread is stopped only before an
 * access is noted, and so never between the note and the access itself.
 */
extern uint64_t accesses_left;

/* One of two accesses in conflict, for messages: the block is counted from the launch's first, in order of running. */
struct access {
    int64_t block;
    int thread;
    bool writes;
    uintptr_t pc; /* the return address of the hook; 0: unknown */
};

/* block.cpp: what to do about an access. `other` is NULL unless it is a race. These need not return. */
enum class offence { race, unwritten, forbidden };
void offend(offence kind, uintptr_t address, size_t size, const access &by, const access *other);
void preempt();

} // namespace simt

#endif
