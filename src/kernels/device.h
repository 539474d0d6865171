/*
 * The narrow waist: what a device is. A device is a table of functions, one for each operation of caviar/ops.h plus
 * memory and programs. The table is made from the one list of operations, so a device that lacks one does not compile.
 */
#ifndef CAVIAR_KERNELS_DEVICE_H
#define CAVIAR_KERNELS_DEVICE_H

#include "train_step.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CAVIAR_OP_gather, ..., in the order of the list. A program may also have train_step, where the device does. */
typedef enum caviar_op {
#define CAVIAR_OP_ENUMERATOR(name) CAVIAR_OP_##name,
    CAVIAR_FOR_EACH_OP(CAVIAR_OP_ENUMERATOR)
#undef CAVIAR_OP_ENUMERATOR
        CAVIAR_OP_COUNT,
    CAVIAR_OP_train_step = CAVIAR_OP_COUNT
} caviar_op;

/*
 * One operation with its arguments. Calls of different branches above 0 do not depend on one another, and may run side
 * by side; one of branch 0 comes after all before it in the list, and all after it come after it.
 */
typedef struct caviar_call {
    caviar_op op;
    int branch;
    union {
#define CAVIAR_OP_MEMBER(name) caviar_##name##_args name;
        CAVIAR_FOR_EACH_OP(CAVIAR_OP_MEMBER)
#undef CAVIAR_OP_MEMBER
        caviar_train_step_args train_step;
    } args;
} caviar_call;

/*
 * A sequence of calls that is run many times: a training step. CUDA captures it as a graph once and replays it;
 * the CPU runs it model by model, so that a model's activations stay in a core's cache.
 */
typedef struct caviar_program caviar_program;

typedef struct caviar_device_table {
    int branches; /* of a program that can run side by side */
    /* So many models that each is trained about as fast as among any larger number, as far as was measured. */
    int32_t (*enough_models)(const caviar_device *device);

    void (*close)(caviar_device *device);
    caviar_status (*get_info)(caviar_device_info *info, const caviar_device *device);
    caviar_status (*allocate)(void **memory, caviar_device *device, size_t bytes); /* zeroed, 256-byte aligned */
    void (*free)(caviar_device *device, void *memory);
    caviar_status (*upload)(caviar_device *device, void *to, const void *from, size_t bytes);
    caviar_status (*download)(caviar_device *device, void *to, const void *from, size_t bytes);
    caviar_status (*clear)(caviar_device *device, void *memory, size_t bytes); /* to zero bytes */
    caviar_status (*wait)(caviar_device *device);

    /*
     * Copies the calls, which were checked before. `active` [models] (device memory; NULL: all) lets a device leave
     * out the work of models that are not active; what such a model's operands hold afterwards is unspecified, but
     * for its parameters, moments, running averages and metric sums, which keep their bits.
     */
    caviar_status (*program_create)(caviar_program **program, caviar_device *device, const caviar_call *calls,
                                    size_t count, const int32_t *active);
    caviar_status (*program_run)(caviar_device *device, caviar_program *program, int64_t times);
    void (*program_destroy)(caviar_device *device, caviar_program *program);

    /*
     * Says why the device cannot take such a step, in a message, or CAVIAR_OK; looks at sizes only. NULL where it has
     * none.
     */
    caviar_status (*train_step_fits)(const caviar_device *device, const caviar_train_step_args *args);
    /*
     * 1 if the step would be faster than the operations that make the same step, as far as was measured; whether it
     * fits is another question. Leaves no message.
     */
    int (*train_step_wins)(const caviar_device *device, const caviar_train_step_args *args);

#define CAVIAR_OP_FUNCTION(name)                                                                                       \
    caviar_status (*name)(caviar_device * device, const caviar_##name##_args *args, void *stream);
    CAVIAR_FOR_EACH_OP(CAVIAR_OP_FUNCTION)
#undef CAVIAR_OP_FUNCTION
} caviar_device_table;

/* Every device's own struct begins with this. */
struct caviar_device {
    const caviar_device_table *table;
};

/* Checks a call's arguments: src/host/op_check.c. */
#define CAVIAR_DECLARE_CHECK(name) caviar_status caviar_check_##name(const caviar_##name##_args *args);
CAVIAR_FOR_EACH_OP(CAVIAR_DECLARE_CHECK)
#undef CAVIAR_DECLARE_CHECK

/* src/host/cpu/device.c; threads 0: one for each processor this process may run on */
caviar_status caviar_cpu_open(caviar_device **device, int threads);
caviar_status caviar_cpu_describe(caviar_device_info *info);

/* src/kernels/device.cu, or src/host/no_cuda.c in a build without CUDA */
int caviar_cuda_count(void);
caviar_status caviar_cuda_open(caviar_device **device, int index);
caviar_status caviar_cuda_describe(caviar_device_info *info, int index);

#ifdef __cplusplus
}
#endif

#endif
