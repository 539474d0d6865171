#include "schedule.h"

#include "control.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

namespace simt {

static const char *const names[] = { "fifo", "reverse", "random" };

static struct {
    bool chosen;
    simt_schedule order;
    uint64_t seed, state;
    uint64_t interval; /* twice the accesses between two stops, on average */
} schedule;

static void choose(simt_schedule order, uint64_t seed) {
    schedule = { true, order, seed, seed, 0 };
}

/* The environment's choice, unless a test has made its own. A name that does not exist chooses nothing. */
static simt_schedule order() {
    if (!schedule.chosen) {
        const char *const name = getenv("CAVIAR_SIMT_SCHEDULE"), *const seed = getenv("CAVIAR_SIMT_SEED");
        choose(SIMT_FIRST_IN_FIRST_OUT, seed == nullptr ? 0 : strtoull(seed, nullptr, 10));
        for (int i = 0; name != nullptr && i < 3; ++i)
            if (std::strcmp(name, names[i]) == 0) schedule.order = (simt_schedule)i;
    }
    return schedule.order;
}

/* splitmix64 */
static uint64_t random_number() {
    uint64_t z = schedule.state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

size_t pick(size_t count) {
    switch (order()) {
    case SIMT_RANDOM: return (size_t)(random_number() % count);
    case SIMT_REVERSE: return count - 1;
    default: return 0;
    }
}

void order_blocks(std::vector<uint32_t> *blocks) {
    std::iota(blocks->begin(), blocks->end(), 0);
    if (order() == SIMT_REVERSE) std::reverse(blocks->begin(), blocks->end());
    for (size_t left = blocks->size(); order() == SIMT_RANDOM && left > 1; --left)
        std::swap((*blocks)[left - 1], (*blocks)[pick(left)]);
}

/* Rare and frequent stops show different things. */
void plan_preemption() {
    if (order() == SIMT_RANDOM) schedule.interval = (uint64_t)8 << random_number() % 4 * 2;
}

uint64_t accesses_to_preemption() {
    return order() == SIMT_RANDOM ? 1 + random_number() % schedule.interval : UINT64_MAX;
}

std::string schedule_name() {
    std::string name = std::string("CAVIAR_SIMT_SCHEDULE=") + names[order()];
    if (schedule.order == SIMT_RANDOM) name += " CAVIAR_SIMT_SEED=" + std::to_string(schedule.seed);
    return name;
}

} // namespace simt

void simt_set_schedule(simt_schedule order, uint64_t seed) {
    simt::choose(order, seed);
}
