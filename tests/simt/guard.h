/* Memory whose neighbourhood nobody may touch, all in one arena, so that one comparison tells it from other memory. */
#ifndef CAVIAR_TESTS_SIMT_GUARD_H
#define CAVIAR_TESTS_SIMT_GUARD_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace simt {

/* Shared arrays lie in the first part of the arena, global memory behind them. */
constexpr size_t shared_part = (size_t)1 << 30, arena_bytes = (size_t)1 << 34;

/* Where the arena begins, and its size: 0 before the first allocation. */
extern uintptr_t arena_start;
extern size_t arena_size;

/*
 * Memory that ends at a page which cannot be touched, filled with bytes 0xff: every float and double of it is a NaN.
 * The end of the memory is `bytes` rounded up to `alignment`. `name` is a shared array's; NULL: global memory. NULL
 * when there is none left.
 */
void *guarded_allocate(size_t bytes, size_t alignment, const char *name);
/* Says whether the bytes between the two are as they were. */
bool guarded_free(void *memory);

/* What lies at an address of the arena, or next to it: "4 bytes behind the end of shared array sums (1024 bytes)". */
std::string describe(uintptr_t address);

} // namespace simt

#endif
