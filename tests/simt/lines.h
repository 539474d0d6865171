/* The source line of an address in the program. */
#ifndef CAVIAR_TESTS_SIMT_LINES_H
#define CAVIAR_TESTS_SIMT_LINES_H

#include <cstdint>
#include <string>

namespace simt {

/*
 * " at columns.cuh:103, called at batch_norm.cu:60" for the return address of a call: the innermost inlined function's
 * line and the outermost's. addr2line of the binutils is asked, so this is for messages only; " at an unknown line"
 * without it.
 */
std::string line_of(uintptr_t pc);

} // namespace simt

#endif
