/* The CPU device by the conformance cases: tests/ops. */
#include "ops/cases.h"

static caviar_device *cpu(void) {
    caviar_device *device = NULL;
    SUCCEEDS(caviar_cpu_open(&device, 2));
    return device;
}

#define OP_TEST(name)                                                                                                  \
    Test(ops, name) {                                                                                                  \
        caviar_device *device = cpu();                                                                                 \
        check_op(device, CAVIAR_OP_##name);                                                                            \
        device->table->close(device);                                                                                  \
    }
CAVIAR_FOR_EACH_OP(OP_TEST)
#undef OP_TEST

Test(ops, central_differences) {
    caviar_device *device = cpu();
    check_linear_differences(device);
    check_bias_differences(device);
    check_batch_norm_differences(device);
    check_softmax_differences(device);
    device->table->close(device);
}

Test(ops, dropout_masks) {
    caviar_device *device = cpu();
    check_dropout_masks(device);
    device->table->close(device);
}

Test(ops, several_optimizer_steps) {
    caviar_device *device = cpu();
    check_several_steps(device);
    device->table->close(device);
}
