/* In which order threads and blocks take turns: as simt_set_schedule says, or the environment (control.h). */
#ifndef CAVIAR_TESTS_SIMT_SCHEDULE_H
#define CAVIAR_TESTS_SIMT_SCHEDULE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace simt {

/* Which of `count` things that could come next does. */
size_t pick(size_t count);
/* The order of the blocks of a launch. */
void order_blocks(std::vector<uint32_t> *blocks);

/* Chooses how often threads of the coming launch are stopped at an access, on average. */
void plan_preemption();
/* How many accesses from here to the next stop. */
uint64_t accesses_to_preemption();

/* The schedule as the environment's setting of it. */
std::string schedule_name();

} // namespace simt

#endif
