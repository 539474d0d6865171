/* A device by the conformance cases of tests/ops: the CPU, or what the build names (tests/simt: the emulator). */
#include "ops/cases.h"

#ifndef CAVIAR_TEST_DEVICE
#define CAVIAR_TEST_DEVICE "cpu"
#endif

static caviar_device *open_device(void) {
    caviar_device *device = NULL;
    SUCCEEDS(caviar_device_open(&device, CAVIAR_TEST_DEVICE, 2));
    return device;
}

#define OP_TEST(name)                                                                                                  \
    Test(ops, name) {                                                                                                  \
        caviar_device *device = open_device();                                                                         \
        check_op(device, CAVIAR_OP_##name);                                                                            \
        device->table->close(device);                                                                                  \
    }
CAVIAR_FOR_EACH_OP(OP_TEST)
#undef OP_TEST

Test(ops, central_differences) {
    caviar_device *device = open_device();
    check_linear_differences(device);
    check_bias_differences(device);
    check_batch_norm_differences(device);
    check_softmax_differences(device);
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
        const unsigned char *block = memory;
        cr_assert(block && (uintptr_t)block % 256 == 0);
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
