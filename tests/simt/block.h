/* Running a kernel: block after block, each CUDA thread on a fiber of its own. */
#ifndef CAVIAR_TESTS_SIMT_BLOCK_H
#define CAVIAR_TESTS_SIMT_BLOCK_H

#include "simt.h"

#include <string>

namespace simt {

/* Runs all blocks of a kernel. Returns what is wrong with it, or "". */
std::string run(const std::string &name, dim3 grid, dim3 block, const std::function<void()> &kernel);

/*
 * Memory that ends at a page which cannot be touched, filled with bytes 0xff: every float and double of it is a NaN.
 * The end of the memory is `bytes` rounded up to `alignment`.
 */
void *guarded_allocate(size_t bytes, size_t alignment);
/* Says whether the bytes between the two are as they were. */
bool guarded_free(void *memory);

} // namespace simt

#endif
