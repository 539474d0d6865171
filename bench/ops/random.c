/* initialize (the first layer's weights) and sample (eight axes, half of them powers of ten). */
#include "../op.h"

#include "kernels/randomness.h"

#include <math.h>

static const uint64_t seed = 20260101;

static void build_initialize(bench_operands *o, caviar_call *call, const bench_size *size) {
    const int64_t k = size->models;
    call->args.initialize = (caviar_initialize_args){ .tensor = bench_tensor(o, k, size->inputs * size->width, 0, 0),
                                                      .models = k,
                                                      .rows = size->inputs,
                                                      .columns = size->width,
                                                      .activation = bench_integers(o, k, CAVIAR_RELU, CAVIAR_RELU),
                                                      .stream = (uint32_t *)bench_integers(o, k, 0, 1000000),
                                                      .kind = CAVIAR_INITIALIZE_UNIFORM_FAN_IN,
                                                      .seed = seed };
}

static void check_initialize(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t k) {
    const caviar_initialize_args *a = &call->args.initialize;
    const uint32_t stream = (uint32_t)bench_before(o, a->stream + k);
    const double bound = sqrt(6.0 / (double)a->rows);
    for (int64_t i = 0; i < a->rows; i += 7)
        for (int64_t j = 0; j < a->columns; j++) {
            const caviar_words words = caviar_philox(a->seed, caviar_subsequence(CAVIAR_PURPOSE_WEIGHTS, 0, stream),
                                                     (uint64_t)(i * 1024 + j / 4));
            bench_expect(check, bench_after(o, BENCH_OF(a->tensor, k, i * a->columns + j)),
                         bound * caviar_uniform_symmetric(words.word[j % 4]), bound);
        }
}

const bench_op bench_op_initialize = { "initialize", BENCH_MODELS | BENCH_WIDTH | BENCH_INPUTS, build_initialize,
                                       check_initialize };

enum { AXES = 8 };

/* Trials of even axes are uniform on (0, 1), of odd ones powers of ten. */
static caviar_axis axis_of(int i) {
    const caviar_axis even = { .distribution = CAVIAR_UNIFORM, .low = 0, .high = 1, .minimum = 0, .maximum = 1 };
    const caviar_axis odd = {
        .distribution = CAVIAR_LOG_UNIFORM, .low = -4, .high = -1, .minimum = 1e-4, .maximum = 0.1
    };
    return i % 2 ? odd : even;
}

static void build_sample(bench_operands *o, caviar_call *call, const bench_size *size) {
    caviar_axis axes[AXES];
    for (int i = 0; i < AXES; i++) axes[i] = axis_of(i);
    caviar_axis *memory = bench_operand_add(o, BENCH_UINT8, sizeof axes, 0, 0);
    if (!o->measures && !o->status) o->status = caviar_device_upload(o->device, memory, axes, sizeof axes);
    call->args.sample =
        (caviar_sample_args){ .axes = memory,
                              .positions = bench_operand_add(o, BENCH_DOUBLE, size->models * AXES, 0, 0),
                              .values = bench_operand_add(o, BENCH_DOUBLE, size->models * AXES, 0, 0),
                              .axis_count = AXES,
                              .trials = size->models,
                              .seed = seed };
}

static void check_sample(bench_check *check, const bench_operands *o, const caviar_call *call, int64_t trial) {
    const caviar_sample_args *a = &call->args.sample;
    for (int i = 0; i < AXES; i++) {
        const caviar_axis axis = axis_of(i);
        const caviar_words words = caviar_philox(
            a->seed, caviar_subsequence(CAVIAR_PURPOSE_HYPERPARAMETERS, 0, (uint32_t)trial), (uint64_t)(2 * i / 4));
        const double u = caviar_uniform52(words.word[2 * i % 4], words.word[2 * i % 4 + 1]);
        const double position = axis.low + u * (axis.high - axis.low);
        bench_expect(check, bench_after(o, a->positions + trial * AXES + i), position, 1);
        bench_expect(check, bench_after(o, a->values + trial * AXES + i), i % 2 ? pow(10, position) : position, 1);
    }
}

const bench_op bench_op_sample = { "sample", BENCH_MODELS, build_sample, check_sample };
