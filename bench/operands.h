/*
 * Operands of a timed operation on a device. What they hold at first is a function of the operand and the index, so
 * that a check can ask for it again: nothing of their size is kept on the host but the results that are checked.
 */
#ifndef CAVIAR_BENCH_OPERANDS_H
#define CAVIAR_BENCH_OPERANDS_H

#include "kernels/device.h"

typedef enum bench_kind { BENCH_FLOAT, BENCH_DOUBLE, BENCH_INT32, BENCH_UINT8, BENCH_INT64 } bench_kind;

typedef struct bench_operand {
    void *device;
    void *after; /* host: what it holds after the operation; `device` itself on the CPU; NULL: not read back */
    int64_t count;
    bench_kind kind;
    double low, high; /* values are spread evenly over this range; whole ones include both ends */
    uint32_t salt;
} bench_operand;

enum { BENCH_MOST_OPERANDS = 24 };

typedef struct bench_operands {
    caviar_device *device;
    int measures; /* 1: nothing is allocated, `bytes` is counted, and addresses only tell operands apart */
    uint64_t bytes;
    caviar_status status; /* of the first failure; later calls do nothing */
    int count;
    bench_operand items[BENCH_MOST_OPERANDS];
} bench_operands;

/* Each allocates and fills an operand and returns its device memory; NULL once something failed. */
void *bench_operand_add(bench_operands *operands, bench_kind kind, int64_t count, double low, double high);
float *bench_floats(bench_operands *operands, int64_t count, double low, double high);
int32_t *bench_integers(bench_operands *operands, int64_t count, int32_t low, int32_t high);
/* [models, batch, width] and [models, count]. */
caviar_matrix bench_matrix(bench_operands *operands, int64_t models, int64_t batch, int64_t width, double low,
                           double high);
caviar_tensor bench_tensor(bench_operands *operands, int64_t models, int64_t count, double low, double high);
/* Gives everything back. */
void bench_operands_free(bench_operands *operands);

/* Reads all operands back, so that bench_after may be asked. */
caviar_status bench_operands_read(bench_operands *operands);
/* The value at a device address before, and after, the operation ran once. NaN for an address in no operand. */
double bench_before(const bench_operands *operands, const void *address);
double bench_after(const bench_operands *operands, const void *address);

/* The largest error so far of what an operation computed, as a fraction of the scale given with each value. */
typedef struct bench_check {
    double worst;
    int64_t compared;
} bench_check;

/* Compares one result with what it must be; NaN where none is due is an infinite error. */
void bench_expect(bench_check *check, double got, double want, double scale);

#endif
