#include "shadow.h"

#include "guard.h"

#include <algorithm>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace simt {

int accessing_thread = -1;
uint64_t accesses_left = UINT64_MAX;

/*
 * An access in 64 bits: when (a tick; every synchronisation begins a new one), by which thread of the block, and from
 * where in the program (its low 24 bits). 0, which is older than everything, stands for none.
 */
using stamp = uint64_t;
constexpr unsigned tick_bits = 30;
constexpr uint32_t most_ticks = ((uint32_t)1 << tick_bits) - 2;
constexpr stamp forbidden = ~(stamp)0;              /* as a write: nobody may access this */
constexpr stamp in_bytes = (stamp)most_ticks << 34; /* as a write: the word's bytes have cells of their own */
constexpr uintptr_t pc_mask = ((uintptr_t)1 << 24) - 1;

static uint32_t tick_of(stamp s) {
    return (uint32_t)(s >> 34);
}

static int thread_of(stamp s) {
    return (int)(s >> 24 & 1023);
}

struct cell {
    stamp write, reads[2];
};

/* The ticks at which things began. */
static struct { uint32_t now, launch, block, barrier; } ticks;
static std::vector<uint32_t> block_ticks; /* of the launch's blocks so far */
/* seen[t][l]: accesses of lane l of t's warp before this tick come before what t does now. */
static uint32_t seen[1024][32];

static cell *cells;
static std::unordered_map<uintptr_t, cell[4]> *byte_cells; /* by the word's number in the arena */

bool shadow_reserve() {
    if (!accesses_checked) return true;
    const size_t bytes = arena_bytes / 4 * sizeof(cell);
    void *const start =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return false;
    cells = (cell *)start;
    byte_cells = new std::unordered_map<uintptr_t, cell[4]>;
    return true;
}

static cell *split(uintptr_t word) {
    cell *const bytes = (*byte_cells)[word];
    if (cells[word].write == in_bytes) return bytes;
    for (int i = 0; i < 4; ++i) bytes[i] = cells[word];
    cells[word].write = in_bytes;
    return bytes;
}

void shadow_forbid(uintptr_t from, uintptr_t to) {
    if (!accesses_checked) return;
    for (uintptr_t at = from - arena_start; at < to - arena_start;) {
        if (at % 4 == 0 && at + 4 <= to - arena_start)
            cells[at / 4].write = forbidden, at += 4;
        else
            split(at / 4)[at % 4].write = forbidden, ++at;
    }
}

/* Whole pages, whose cells are whole pages too. */
void shadow_forget(uintptr_t from, uintptr_t to) {
    if (accesses_checked) madvise(cells + (from - arena_start) / 4, (to - from) / 4 * sizeof(cell), MADV_DONTNEED);
}

void order_launch() {
    ticks.launch = ++ticks.now;
    block_ticks.clear();
}

void order_block() {
    ticks.block = ticks.barrier = ++ticks.now;
    if (accesses_checked) block_ticks.push_back(ticks.block);
    if (ticks.now >= most_ticks) abort(); /* after a thousand million synchronisations in one process */
}

void order_barrier() {
    ticks.barrier = ++ticks.now;
}

void order_warp(int warp, unsigned mask) {
    const uint32_t now = ++ticks.now;
    uint32_t joined[32] = {};
    for (int i = 0; i < 32; ++i)
        if (mask >> i & 1)
            for (int l = 0; l < 32; ++l) joined[l] = std::max(joined[l], seen[warp + i][l]);
    for (int l = 0; l < 32; ++l)
        if (mask >> l & 1) joined[l] = now;
    for (int i = 0; i < 32; ++i)
        if (mask >> i & 1) std::copy(joined, joined + 32, seen[warp + i]);
}

/* Whether an earlier access is ordered before what the running thread does. `base` is when the memory was new. */
static inline bool is_ordered(stamp earlier, uint32_t base) {
    const uint32_t tick = tick_of(earlier);
    if (tick < base) return true;
    if (tick < ticks.block) return false; /* another block of this launch */
    if (tick < ticks.barrier) return true;
    const int thread = thread_of(earlier), me = accessing_thread;
    return thread == me || (thread / 32 == me / 32 && tick < seen[me][thread % 32]);
}

extern "C" char __executable_start[];

/* Back from 24 bits: the address in the program that ends in them. */
static uintptr_t pc_of(stamp s) {
    const uintptr_t start = (uintptr_t)__executable_start;
    return start + ((s - start) & pc_mask);
}

static access access_of(stamp s, bool writes) {
    const auto after = std::upper_bound(block_ticks.begin(), block_ticks.end(), tick_of(s));
    return { after - block_ticks.begin() - 1, thread_of(s), writes, pc_of(s) };
}

static __attribute__((noinline, cold)) void complain(offence kind, uintptr_t offset, size_t size, stamp me, bool writes,
                                                     stamp earlier, bool earlier_writes) {
    const access by = access_of(me, writes), other = access_of(earlier, earlier_writes);
    offend(kind, arena_start + offset, size, by, kind == offence::race ? &other : nullptr);
}

/* The rules, for one cell: judges the access and notes it. */
static inline void judge(cell *of, uintptr_t offset, size_t size, bool writes, stamp me, uint32_t base) {
    if (!is_ordered(of->write, base) || of->write == forbidden) {
        const offence kind = of->write == forbidden ? offence::forbidden : offence::race;
        return complain(kind, offset, size, me, writes, of->write, true);
    }
    if (writes) {
        for (const stamp read : of->reads)
            if (!is_ordered(read, base)) return complain(offence::race, offset, size, me, true, read, false);
        *of = { me, { 0, 0 } };
    } else {
        if (offset < shared_part && tick_of(of->write) < base)
            return complain(offence::unwritten, offset, size, me, false, 0, false);
        of->reads[is_ordered(of->reads[0], base) ? 0 : 1] = me;
    }
}

static inline void touch(const void *address, size_t size, bool writes, void *pc) {
    const uintptr_t offset = (uintptr_t)address - arena_start;
    if (offset >= arena_size || accessing_thread < 0) return;
    if (--accesses_left == 0) preempt();
    const stamp me = (stamp)ticks.now << 34 | (stamp)accessing_thread << 24 | ((uintptr_t)pc & pc_mask);
    /* Shared memory is new in each block, global memory is in order after earlier launches. */
    const uint32_t base = offset < shared_part ? ticks.block : ticks.launch;
    for (uintptr_t at = offset; at < offset + size;) {
        cell *const word = &cells[at / 4];
        if (at % 4 == 0 && at + 4 <= offset + size && word->write != in_bytes) {
            judge(word, at, 4, writes, me, base);
            at += 4;
        } else {
            judge(&split(at / 4)[at % 4], at, 1, writes, me, base);
            ++at;
        }
    }
}

} // namespace simt

/* ------------------------------------------------------------------------------------- what the compiler's code calls
 */

#if defined(SIMT_CHECK_ACCESSES)
#define SIMT_HOOK __attribute__((visibility("default"))) void
#define SIMT_HOOKS(size)                                                                                               \
    SIMT_HOOK __tsan_read##size(void *address) {                                                                       \
        simt::touch(address, size, false, __builtin_return_address(0));                                                \
    }                                                                                                                  \
    SIMT_HOOK __tsan_write##size(void *address) {                                                                      \
        simt::touch(address, size, true, __builtin_return_address(0));                                                 \
    }                                                                                                                  \
    SIMT_HOOK __tsan_unaligned_read##size(void *address) {                                                             \
        simt::touch(address, size, false, __builtin_return_address(0));                                                \
    }                                                                                                                  \
    SIMT_HOOK __tsan_unaligned_write##size(void *address) {                                                            \
        simt::touch(address, size, true, __builtin_return_address(0));                                                 \
    }

extern "C" {
SIMT_HOOKS(1)
SIMT_HOOKS(2)
SIMT_HOOKS(4)
SIMT_HOOKS(8)
SIMT_HOOKS(16)

SIMT_HOOK __tsan_read_range(void *address, size_t size) {
    simt::touch(address, size, false, __builtin_return_address(0));
}
SIMT_HOOK __tsan_write_range(void *address, size_t size) {
    simt::touch(address, size, true, __builtin_return_address(0));
}

/* Launchers have flags that are atomic; no kernel has. */
__attribute__((visibility("default"))) uint8_t __tsan_atomic8_load(const volatile uint8_t *from, int) {
    return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}
SIMT_HOOK __tsan_atomic8_store(volatile uint8_t *to, uint8_t value, int) {
    __atomic_store_n(to, value, __ATOMIC_SEQ_CST);
}

/* Of no interest here. */
SIMT_HOOK __tsan_init(void) {
}
SIMT_HOOK __tsan_func_entry(void *) {
}
SIMT_HOOK __tsan_func_exit(void) {
}
SIMT_HOOK __tsan_vptr_read(void **) {
}
SIMT_HOOK __tsan_vptr_update(void **, void *) {
}
}
#endif
