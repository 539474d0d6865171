/* The public operations: arguments are checked here, once, for every device. */
#include "kernels/device.h"
#include "status.h"

#define CAVIAR_DEFINE_OP(name)                                                                                         \
    caviar_status caviar_op_##name(caviar_device *device, const caviar_##name##_args *args, void *stream) {            \
        CAVIAR_REQUIRE(device &&args, #name ": %s is NULL", device ? "args" : "device");                               \
        CAVIAR_TRY(caviar_check_##name(args));                                                                         \
        return device->table->name(device, args, stream);                                                              \
    }
CAVIAR_FOR_EACH_OP(CAVIAR_DEFINE_OP)
#undef CAVIAR_DEFINE_OP
