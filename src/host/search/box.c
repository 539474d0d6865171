/* Boxes on the parameters' own scales, and sampling them. */
#include "box.h"

#include "axis.h"
#include "host/status.h"
#include "kernels/device.h"
#include "kernels/randomness.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------ the whole box
 */

/* The axis of `count` values: each index owns an interval of length 1. */
static caviar_axis values_axis(int32_t count) {
    return (caviar_axis){ .distribution = CAVIAR_CATEGORICAL, .high = count, .maximum = count - 1 };
}

void caviar_box_of_space(caviar_box *box, const caviar_space *space) {
    memset(box, 0, sizeof *box);
    box->size = space->size;
    for (int32_t i = 0; i < space->size; ++i) {
        const caviar_space_parameter *parameter = &space->parameters[i];
        if (parameter->count > 0) {
            box->axes[i] = values_axis(parameter->count);
            box->allowed[i] = ~UINT64_C(0) >> (64 - parameter->count);
            continue;
        }
        box->axes[i] = caviar_axis_of_range(parameter);
    }
}

/* ----------------------------------------------------------------------------------------------------------- sampling
 */

int32_t caviar_nth_bit(uint64_t bits, int32_t n) {
    for (; n > 0; --n) bits &= bits - 1;
    return (int32_t)__builtin_ctzll(bits);
}

/* Sampling counts the allowed values only; here the counts become the space's own indices, and those values. */
static void name_values(double *positions, double *values, const caviar_space *space, const caviar_box *box,
                        int64_t trials) {
    for (int64_t t = 0; t < trials; ++t) {
        for (int32_t i = 0; i < box->size; ++i) {
            if (box->allowed[i] == 0) continue;
            const int64_t at = t * box->size + i;
            const int32_t index = caviar_nth_bit(box->allowed[i], (int32_t)values[at]);
            positions[at] = index;
            values[at] = space->parameters[i].values[index];
        }
    }
}

caviar_status caviar_box_sample(double *positions, double *values, caviar_device *device, const caviar_space *space,
                                const caviar_box *box, int64_t first, int64_t trials, uint64_t seed) {
    if (box->size == 0 || trials == 0) return CAVIAR_OK;
    const size_t axes_size = (size_t)box->size * sizeof(caviar_axis);
    const size_t size = (size_t)trials * (size_t)box->size * sizeof(double);
    void *memory[3] = { NULL, NULL, NULL }; /* axes, positions, values */
    caviar_status status = caviar_device_allocate(&memory[0], device, axes_size);
    if (status == CAVIAR_OK) status = caviar_device_allocate(&memory[1], device, size);
    if (status == CAVIAR_OK) status = caviar_device_allocate(&memory[2], device, size);
    if (status == CAVIAR_OK) status = caviar_device_upload(device, memory[0], box->axes, axes_size);
    if (status == CAVIAR_OK) {
        const caviar_sample_args args = { .axes = memory[0],
                                          .positions = memory[1],
                                          .values = memory[2],
                                          .axis_count = box->size,
                                          .trials = trials,
                                          .first_trial = first,
                                          .seed = seed };
        status = caviar_op_sample(device, &args, NULL);
    }
    if (status == CAVIAR_OK) status = caviar_device_wait(device);
    if (status == CAVIAR_OK) status = caviar_device_download(device, positions, memory[1], size);
    if (status == CAVIAR_OK) status = caviar_device_download(device, values, memory[2], size);
    for (int i = 0; i < 3; ++i) caviar_device_free(device, memory[i]);
    if (status == CAVIAR_OK) name_values(positions, values, space, box, trials);
    return status;
}

void caviar_box_draw(double *positions, double *values, const caviar_space *space, const caviar_box *box, int32_t trial,
                     int32_t attempt, uint64_t seed) {
    for (int32_t i = 0; i < box->size; ++i) {
        positions[i] = caviar_axis_sample(&box->axes[i], seed, (uint32_t)trial, attempt, i);
        values[i] = caviar_axis_value(&box->axes[i], positions[i]);
    }
    name_values(positions, values, space, box, 1);
}
