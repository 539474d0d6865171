/*
 * Operands of the op tests on the SIMT emulator, whose device memory the tests can read. Every case is run under five
 * schedules, which must leave the same bits in all of its memory.
 */
#ifndef CAVIAR_TESTS_SIMT_OPERANDS_H
#define CAVIAR_TESTS_SIMT_OPERANDS_H

#include "control.h"

#include <criterion/criterion.h>

/* How a matrix lies in memory. LOOSE has gaps between rows and starts off a 16-byte boundary. */
typedef enum layout { EXAMPLE_MAJOR, MODEL_MAJOR, LOOSE } layout;

typedef struct shape {
    int64_t models, batch, width;
    layout layout;
    const char *why; /* this shape is in the table */
} shape;

/* Runs the case under every schedule. `run` takes all its memory from the functions below. */
typedef void (*op_case)(caviar_device *device, const shape *s);
void run_case(op_case run, const shape *s);

/* Memory of the running case. Reals are uniform on (low, high), or all `low` if the two are equal. */
float *reals(int64_t count, double low, double high);
double *doubles(int64_t count, double low, double high);
int32_t *integers(int64_t count, int32_t low, int32_t high); /* both included */
int64_t *longs(int64_t count, int64_t value);
void *bytes(size_t size);

/* A matrix of the shape and a tensor of `count` a model, the latter with a gap after each model. */
caviar_matrix matrix(const shape *s, int64_t width, double low, double high);
caviar_tensor tensor(int64_t models, int64_t count, double low, double high);
float *element(const caviar_matrix *m, int64_t b, int64_t k, int64_t j);

/* Copies of what an op will write over; they live as long as the case. */
caviar_matrix matrix_copy(const caviar_matrix *m);
caviar_tensor tensor_copy(const caviar_tensor *t);
/* How many floats before and after this one belong to the same memory. */
void check_gaps(const caviar_matrix *m, const shape *s, int64_t width);

/* Fails unless |got - expected| <= absolute + relative |expected|; infinities and NaN must be the same. */
void check_near(double got, double expected, double absolute, double relative, const char *what, const shape *s,
                int64_t b, int64_t k, int64_t j);

uint32_t random_word(void);

#define SUCCEEDS(call) cr_assert((call) == CAVIAR_OK, "%s: %s", #call, caviar_last_error())

#endif
