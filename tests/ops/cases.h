/*
 * The conformance cases of every op, for any device: a table of shapes, a function that lays out the operands of a
 * call, and one that checks what the op made of them against a reference in double precision. The list is made from
 * the list of ops, so that an op without cases does not link.
 */
#ifndef CAVIAR_TESTS_OPS_CASES_H
#define CAVIAR_TESTS_OPS_CASES_H

#include "scene.h"

typedef struct op_cases {
    const shape *shapes;
    size_t count;
    void (*build)(scene *s, caviar_call *call);
    void (*check)(const scene *s, const caviar_call *call); /* after `build` of the same scene */
} op_cases;

#define DECLARE_CASES(name) extern const op_cases cases_##name;
CAVIAR_FOR_EACH_OP(DECLARE_CASES)
#undef DECLARE_CASES

/* Flags of softmax_cross_entropy's shapes: what it is asked for. */
enum { GRADIENT = 64, PROBABILITIES = 128, LOSSES = 256, PREDICTIONS = 512, NO_LABELS = 1024 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

extern const op_cases *const all_cases[CAVIAR_OP_COUNT]; /* by caviar_op */
extern const char *const op_names[CAVIAR_OP_COUNT];

/*
 * The device that the environment's CAVIAR_TEST_DEVICE names, or else `name`. Where it is a CUDA device that is not
 * there the calling test is skipped, and says so: it must not count as passed.
 */
caviar_device *open_test_device(const char *name);

void run_call(caviar_device *device, const caviar_call *call);
/*
 * Builds, runs and checks every case of one op, but for those beyond the limits of a grid, or only those: an emulator
 * takes a second for each. How many were run. Under a tool that slows the device down, the environment's
 * CAVIAR_TEST_ELEMENTS leaves out the cases whose models x batch x width is more than that.
 */
size_t check_op(caviar_device *device, caviar_op op, int beyond_grids);
/* How many there are, those that are left out included. */
size_t count_cases(caviar_op op, int beyond_grids);

/* Gradients of the backward ops against central differences of the forward formulas in double, in the op's own file. */
void check_linear_differences(caviar_device *device);
void check_bias_differences(caviar_device *device);
void check_batch_norm_differences(caviar_device *device);
void check_softmax_differences(caviar_device *device);

/* Every op refuses arguments that cannot be right, before it writes anything: refusals.c. How many it was given. */
size_t check_refusals(caviar_device *device);

/* Statistics of dropout masks, and that both directions use the same one: dropout.c. */
void check_dropout_masks(caviar_device *device);

/* Every optimiser and schedule over several steps against the formulas in double: optimizer.c. */
void check_several_steps(caviar_device *device);

#endif
