/*
 * The CPU device: C and threads of its own. Each operation is a function over a range of units - models, minibatch
 * examples, trials - and one thread does all of a unit's work, in an order that depends on that unit alone. So a
 * model's bits depend on neither the threads nor its neighbours.
 */
#ifndef CAVIAR_HOST_CPU_CPU_H
#define CAVIAR_HOST_CPU_CPU_H

#include "team.h"

#include "kernels/device.h"

#include <string.h>

/*
 * Elementwise loops are compiled for several widths of vector registers, chosen when the program is loaded. As
 * contraction is off, all of them compute the same bits. Sanitizers do not survive the choosing.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&     \
    !defined(__clang__)
#define CAVIAR_X86_VECTORS
#define CAVIAR_VECTORISED __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define CAVIAR_VECTORISED
#endif

/* What an operation's range counts. */
typedef enum caviar_cpu_unit {
    CAVIAR_CPU_MODELS,
    CAVIAR_CPU_EXAMPLES,
    CAVIAR_CPU_TRIALS,
    CAVIAR_CPU_ONCE
} caviar_cpu_unit;

#define CAVIAR_DECLARE_CPU(name) void caviar_cpu_##name(const caviar_##name##_args *a, int64_t first, int64_t last);
CAVIAR_FOR_EACH_OP(CAVIAR_DECLARE_CPU)
#undef CAVIAR_DECLARE_CPU

/* The unit of an operation and how many of them a call has. */
caviar_cpu_unit caviar_cpu_unit_of(const caviar_call *call, int64_t *count);
/* Runs units first .. last - 1 of a call. */
void caviar_cpu_run(const caviar_call *call, int64_t first, int64_t last);

/* Model k's units of a layer that has room for `padded`; widths is NULL where none has fewer. */
static inline int64_t caviar_cpu_true_width(const int32_t *widths, int64_t padded, int64_t k) {
    return widths ? widths[k] : padded;
}

/* Most paddings are shorter than four: a call of memset for each row took longer than the bias of a row of ten. */
static inline void caviar_cpu_clear(float *to, int64_t count) {
    if (count >= 4) {
        memset(to, 0, (size_t)count * sizeof(float));
        return;
    }
    if (count & 2) {
        to[0] = to[1] = 0;
        to += 2;
    }
    if (count & 1) to[0] = 0;
}

/* src/host/cpu/program.c */
caviar_status caviar_cpu_program_create(caviar_program **program, caviar_device *device, const caviar_call *calls,
                                        size_t count, const int32_t *active);
caviar_status caviar_cpu_program_run(caviar_device *device, caviar_program *program, int64_t times);
void caviar_cpu_program_destroy(caviar_device *device, caviar_program *program);
int caviar_cpu_threads(const caviar_device *device);
caviar_team *caviar_cpu_team(const caviar_device *device);
/* Runs one call, on the device's threads. */
void caviar_cpu_run_call(const caviar_call *call, const caviar_device *device);

#endif
