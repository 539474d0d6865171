/* Running a kernel: block after block, each CUDA thread on a fiber of its own. */
#ifndef CAVIAR_TESTS_SIMT_BLOCK_H
#define CAVIAR_TESTS_SIMT_BLOCK_H

#include "simt.h"

#include <string>

namespace simt {

/* Runs all blocks of a kernel, each with so many bytes of shared memory. Returns what is wrong with it, or "". */
std::string run(const std::string &name, dim3 grid, dim3 block, size_t shared, const std::function<void()> &kernel);

} // namespace simt

#endif
