/* One case that can be timed, and what came of it. */
#ifndef CAVIAR_BENCH_ROW_H
#define CAVIAR_BENCH_ROW_H

#include "limits.h"
#include "operands.h"
#include "sizes.h"

typedef enum bench_group { BENCH_KERNEL, BENCH_PRODUCT, BENCH_STEP } bench_group;

typedef struct bench_case {
    char name[128]; /* "kernel/optimizer_update models=64 width=64": one a record, and what --filter matches */
    bench_group group;
    int index;       /* kernel: caviar_op; product: bench_product_kind; step: caviar_engine */
    int tf32;        /* product */
    int shared;      /* product: x is shared by all models, as the minibatch is */
    bench_size size; /* product: from `inputs` to `width` */
} bench_case;

typedef struct bench_row {
    const bench_case *source;
    int finished; /* 0: `message` says why it was skipped or what failed */
    char message[256];
    bench_cost cost;   /* of one repetition */
    bench_cost *parts; /* of a step: those of its operations, each of which reads from memory and writes to it */
    size_t part_count;
    double floor; /* seconds; from `parts`, or from `cost` where there are none */
    bench_samples warm, cold;
    bench_check check;
    double tolerance; /* of check.worst */
    int throttled;    /* the GPU said that it lowered its clocks */
    /* step only */
    uint64_t device_bytes;
    int64_t launches;    /* a step; 0: not known */
    double host_seconds; /* of enqueueing a step; 0: not known, or the step is the host's work */
} bench_row;

/* What every case is run with. */
typedef struct bench_context {
    caviar_device *device;
    caviar_device_info info;
    bench_clock clock;
    bench_limits limits;
    int windows;
    double share;            /* seconds that this case may take; 0: as many as it needs */
    caviar_dataset *dataset; /* step.c: of the latest step, kept for the next one with as many inputs */
} bench_context;

/* 1: the row is right. */
static inline int bench_row_ok(const bench_row *row) {
    return row->finished && row->check.compared > 0 && row->check.worst <= row->tolerance;
}

/* kernel.c, product.c, step.c. A status is a failure of the machine; that a case was skipped is in the row. */
caviar_status bench_run_kernel(bench_row *row, bench_context *context);
caviar_status bench_run_product(bench_row *row, bench_context *context);
caviar_status bench_run_step(bench_row *row, bench_context *context);

/*
 * Before anything is allocated: skips the row when its `bytes` are more memory than there is, or when its windows would
 * take more than three times its share even at the speed of its floor. 1: it was skipped.
 */
int bench_skip(bench_row *row, const bench_context *context, uint64_t bytes, int cold);
/*
 * Times the row warm, and cold where `cold` is given, within the context's share. A case whose windows take more than
 * three times its share is skipped.
 */
caviar_status bench_time_row(bench_row *row, bench_context *context, const bench_work *warm, const bench_work *cold);
void bench_row_free(bench_row *row);

/* The measured peak of the row's precision. */
double bench_peak(const bench_row *row, const bench_limits *limits);
void bench_set_floor(bench_row *row, const bench_limits *limits);

#endif
