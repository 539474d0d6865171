/*
 * Operands that two devices share, for test_simt_agreement: the emulator's memory is the CPU device's too. Every case
 * is run under five schedules, which must leave the same bits in all of its memory.
 */
#ifndef CAVIAR_TESTS_SIMT_OPERANDS_H
#define CAVIAR_TESTS_SIMT_OPERANDS_H

#include "control.h"

#include <criterion/criterion.h>

typedef struct shape {
    int64_t models, batch, width;
    const char *why; /* this shape is in the table */
} shape;

/* Runs the case under every schedule. `run` takes all its memory from the functions below. */
typedef void (*op_case)(caviar_device *device, const shape *s);
void run_case(op_case run, const shape *s);

/* Memory of the running case. Reals are uniform on (low, high), or all `low` if the two are equal. */
float *reals(int64_t count, double low, double high);
int32_t *integers(int64_t count, int32_t low, int32_t high); /* both included */
int64_t *longs(int64_t count, int64_t value);
void *bytes(size_t size);

/* A tensor of `count` a model, with a gap after each model; and a copy of one. */
caviar_tensor tensor(int64_t models, int64_t count, double low, double high);
caviar_tensor tensor_copy(const caviar_tensor *t);
uint32_t random_word(void);

#define SUCCEEDS(call) cr_assert((call) == CAVIAR_OK, "%s: %s", #call, caviar_last_error())

#endif
