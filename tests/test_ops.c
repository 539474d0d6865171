/* A device by the conformance cases of tests/ops: what the environment or the build names (tests/simt), or the CPU. */
#include "ops/cases.h"
#include "scorecard.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifndef CAVIAR_TEST_DEVICE
#define CAVIAR_TEST_DEVICE "cpu"
#endif

static caviar_device *open_device(void) {
    return open_test_device(CAVIAR_TEST_DEVICE);
}

static const char *promise_of(const caviar_device *device) {
    caviar_device_info info;
    SUCCEEDS(device->table->get_info(&info, device));
    if (strcmp(info.name, "cpu") == 0) return "conformance-cpu";
#ifdef CAVIAR_SIMT
    return "conformance-simt";
#else
    return "conformance-cuda";
#endif
}

/* Every case of every op; in one test, because the scorecard has one figure for them all. */
Test(ops, cases) {
    caviar_device *device = open_device();
    size_t cases = 0, all = 0;
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) {
        cases += check_op(device, (caviar_op)op, 0);
        all += count_cases((caviar_op)op, 0);
    }
    printf("%zu of %zu cases\n", cases, all);
    cr_assert(cases > 0);
    if (cases == all) scorecard(promise_of(device), (double)cases);
    device->table->close(device);
}

/* The same, with no memory after the last element of any operand. */
Test(ops, cases_to_the_end_of_memory) {
    caviar_device *device = open_device();
    scenes_end_with_memory(1);
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) cr_assert(check_op(device, (caviar_op)op, 0) > 0);
    scenes_end_with_memory(0);
    device->table->close(device);
}

Test(ops, cases_beyond_the_limits_of_a_grid) {
    caviar_device *device = open_device();
    size_t cases = 0;
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) cases += check_op(device, (caviar_op)op, 1);
    cr_assert(cases > 0);
    device->table->close(device);
}

/* What the checks are worth: that they take nothing for a number that is none, and see every byte around an operand. */
Test(ops, the_checks_notice) {
    cr_assert(is_near(1.5, 1, 0.5) && !is_near(1.5, 1, 0.4) && is_near(0, 0, 0));
    cr_assert(!is_near((double)NAN, 1, 1e9) && !is_near((double)NAN, 1, (double)INFINITY) &&
              !is_near((double)NAN, 0, 0));
    cr_assert(!is_near((double)INFINITY, 1, (double)INFINITY) && !is_near(1, 1, (double)NAN));
    cr_assert(is_near((double)NAN, (double)NAN, 0) && !is_near(1, (double)NAN, (double)INFINITY));
    cr_assert(is_near((double)INFINITY, (double)INFINITY, 0) && !is_near(-(double)INFINITY, (double)INFINITY, 1) &&
              !is_near(1e308, (double)INFINITY, (double)INFINITY) && !is_near((double)NAN, (double)INFINITY, 1));
    cr_assert(norm_is_within(&(norm){ 1e-12, 1 }, 1e-6) && !norm_is_within(&(norm){ 2e-12, 1 }, 1e-6));
    cr_assert(norm_is_within(&(norm){ 0, 0 }, 0) && !norm_is_within(&(norm){ (double)NAN, 1 }, 1e9) &&
              !norm_is_within(&(norm){ (double)INFINITY, (double)INFINITY }, 1));

    caviar_device *device = open_device();
    static const shape small = { 2, 3, 0, 5, LOOSE, 0, 0, "sentinels" };
    scene s;
    scene_begin(&s, device, &small, 0);
    const operand *input = fill(&s, put_matrix(&s, 1, 5, NULL), -1, 1);
    const operand *written = output(put_matrix(&s, 1, 5, NULL));
    scene_send(&s);
    scene_fetch(&s);
    size_t elements = 0;
    for (size_t at = 0; at < input->bytes; at++) {
        input->after[at] ^= 1;
        written->after[at] ^= 1;
        cr_assert(stray_byte(input) == (int64_t)at);
        const int64_t stray = stray_byte(written);
        cr_assert(stray == -1 || stray == (int64_t)at);
        elements += stray == -1;
        input->after[at] ^= 1;
        written->after[at] ^= 1;
    }
    cr_assert(elements == 2 * 3 * 5 * sizeof(float), "%zu bytes may be written", elements);
    scene_end(&s);
    device->table->close(device);
}

Test(ops, central_differences) {
    caviar_device *device = open_device();
    check_linear_differences(device);
    check_bias_differences(device);
    check_batch_norm_differences(device);
    check_softmax_differences(device);
    device->table->close(device);
}

Test(ops, refusals) {
    caviar_device *device = open_device();
    cr_assert(check_refusals(device) >= 100);
    device->table->close(device);
}

Test(ops, dropout_masks) {
    caviar_device *device = open_device();
    check_dropout_masks(device);
    device->table->close(device);
}

Test(ops, several_optimizer_steps) {
    caviar_device *device = open_device();
    check_several_steps(device);
    device->table->close(device);
}

/* Asking for all the memory there is must be an error and not the end of the process, which Linux would make it. */
Test(ops, memory) {
    caviar_device *device = open_device();
    caviar_device_info info;
    SUCCEEDS(device->table->get_info(&info, device));
    static const size_t sizes[] = { 0, 1, 255, 256, 257, 1 << 20 };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        void *memory = NULL;
        SUCCEEDS(device->table->allocate(&memory, device, sizes[i]));
        cr_assert(memory && (uintptr_t)memory % 256 == 0);
        static unsigned char block[1 << 20];
        memset(block, 1, sizeof block);
        SUCCEEDS(device->table->download(device, block, memory, sizes[i]));
        for (size_t at = 0; at < sizes[i]; at++) cr_assert(block[at] == 0);
        device->table->free(device, memory);
    }
    device->table->free(device, NULL);
    const size_t impossible[] = { (size_t)info.memory_total, SIZE_MAX, SIZE_MAX - 255, SIZE_MAX / 2 };
    for (size_t i = 0; i < COUNT(impossible); i++) {
        void *kept = &info;
        cr_assert(device->table->allocate(&kept, device, impossible[i]) == CAVIAR_OUT_OF_DEVICE_MEMORY);
        cr_assert(kept == &info, "a failure changed its output");
    }
    device->table->close(device);
}
