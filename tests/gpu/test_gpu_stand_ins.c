/* The stand-in of tests/gpu for Random123 beside what it stands in for. */
#include <Random123/philox.h>
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

void stand_in_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

static uint64_t state = 88172645463325252u;

static uint32_t word(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

Test(gpu_stand_ins, philox) {
    uint32_t out[4];
    stand_in_philox(out, (uint32_t[4]){ 0 }, (uint32_t[2]){ 0 });
    static const uint32_t known[4] = { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u };
    cr_assert(memcmp(out, known, sizeof out) == 0);
    for (int i = 0; i < 100000; i++) {
        const philox4x32_ctr_t counter = { { word(), word(), word(), word() } };
        const philox4x32_key_t key = { { word(), word() } };
        const philox4x32_ctr_t expected = philox4x32(counter, key);
        stand_in_philox(out, counter.v, key.v);
        cr_assert(memcmp(out, expected.v, sizeof out) == 0, "block %d", i);
    }
}
