/* What tests tell the SIMT emulator, and what it tells them. */
#ifndef CAVIAR_TESTS_SIMT_CONTROL_H
#define CAVIAR_TESTS_SIMT_CONTROL_H

#include "kernels/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * In which order the blocks of a launch and the threads of a block take turns; each hides bugs that another shows. A
 * random schedule also stops threads at accesses to memory that others may see, now rarely, now often. Where a test
 * chooses nothing, the environment does: CAVIAR_SIMT_SCHEDULE=fifo, reverse or random, and CAVIAR_SIMT_SEED=number.
 */
typedef enum simt_schedule { SIMT_FIRST_IN_FIRST_OUT, SIMT_REVERSE, SIMT_RANDOM } simt_schedule;
void simt_set_schedule(simt_schedule schedule, uint64_t seed);

/*
 * What is wrong with the kernel that failed first, and under which schedule; "" while none has. simt.h says what is
 * found.
 */
const char *simt_diagnosis(void);

/*
 * Whether single accesses are looked at: without it there is no race checker, reads of unwritten shared memory give
 * NaN only, and threads are not stopped within straight code. AddressSanitizer takes its place.
 */
int simt_checks_accesses(void);

/* How many kernels have run in this process, each instance of a template counted; and the template's name of each. */
int simt_kernel_count(void);
const char *simt_kernel_name(int i);

/* Makes the n-th call of the CUDA runtime or cuBLAS from now on (1 is the next) fail with this cudaError_t; 0: none. */
void simt_fail_call(int64_t n, int error);
/* As simt_fail_call, counting only calls of one kind. Graph launches count as launches. */
typedef enum simt_kind { SIMT_ANY, SIMT_ALLOCATION, SIMT_LAUNCH, SIMT_COPY, SIMT_CUBLAS } simt_kind;
void simt_fail_kind(simt_kind kind, int64_t n, int error);
/* Whether the call that was to fail has been reached. */
int simt_call_failed(void);
/* Lets the devices forget errors and diagnosis, as a new process would. */
void simt_reset(void);

/* How many emulated GPUs there are (at first 1), and which one is the calling thread's current one. */
void simt_set_device_count(int count);
int simt_current_device(void);

/* Allocations, streams, graphs and handles that have not been given back. */
int64_t simt_live_objects(void);

/* Opens the emulator: the CUDA device of src/kernels, compiled for it. */
caviar_status caviar_simt_open(caviar_device **device);

#ifdef __cplusplus
}
#endif

#endif
