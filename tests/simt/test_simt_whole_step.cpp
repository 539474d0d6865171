/* What the whole-step engine takes, and where AUTO takes it, at the very limits: of a GPU that is made up. */
#include "kernels/device.cuh"
#include "kernels/step_model.cuh"

#include <criterion/criterion.h>

static caviar_cuda_device gpu;

/* 64 features, hidden layers of 64 units, 10 classes; what is said of further layers is not to be read. */
static caviar_train_step_args step_of(int hidden_layers) {
    caviar_train_step_args step = {};
    step.layers = hidden_layers + 1;
    step.batch = 128;
    step.classes = 10;
    for (int l = 0; l < CAVIAR_TRAIN_MOST_LAYERS; l++) {
        step.layer[l].in = l < step.layers ? 64 : INT64_MAX;
        step.layer[l].out = l < hidden_layers ? 64 : l == hidden_layers ? 12 : 1000;
    }
    return step;
}

/* The floats of each layer's xhat and the logits, of one layer's outputs, and of the products' operands. */
static int bytes_of(int hidden_layers) {
    const int outputs = hidden_layers > 0 ? 128 * 68 : 2 * 2 * 16 * 64;
    return (int)sizeof(model_facts) + 4 * (hidden_layers * 128 * 64 + 128 * 12 + outputs + 2 * 16 * 64);
}

static bool fits(const caviar_train_step_args &step) {
    return caviar_cuda_train_step_fits(&gpu, &step) == CAVIAR_OK;
}

Test(whole_step, takes_what_shared_memory_just_holds) {
    for (int hidden_layers : { 0, 1, 2 }) {
        const caviar_train_step_args step = step_of(hidden_layers);
        gpu.shared_bytes = bytes_of(hidden_layers);
        cr_assert(fits(step), "%d hidden layers: %s", hidden_layers, caviar_last_error());
        gpu.shared_bytes--;
        cr_assert(!fits(step), "%d hidden layers", hidden_layers);
    }
}

Test(whole_step, takes_as_many_numbers_as_an_int_counts) {
    caviar_train_step_args step = step_of(0);
    gpu.shared_bytes = bytes_of(0);
    step.layer[0].in = INT32_MAX / 128;
    step.update.count = INT32_MAX;
    cr_assert(fits(step), "%s", caviar_last_error());
    step.update.count++;
    cr_assert(!fits(step), "parameters");
    step.update.count = 0;
    step.layer[0].in++;
    cr_assert(!fits(step), "features");
}

Test(whole_step, wins_where_two_models_just_share_a_multiprocessor) {
    caviar_train_step_args step = step_of(2);
    gpu.reserved_bytes = 1000;
    gpu.multiprocessor_bytes = 2 * (bytes_of(2) + gpu.reserved_bytes);
    gpu.multiprocessors = 7;
    step.update.models = 7;
    cr_assert(caviar_cuda_train_step_wins(&gpu, &step), "two blocks, a model each");
    gpu.multiprocessor_bytes--;
    cr_assert(!caviar_cuda_train_step_wins(&gpu, &step), "a byte less");
    gpu.multiprocessor_bytes++;
    step.update.models--;
    cr_assert(!caviar_cuda_train_step_wins(&gpu, &step), "a model less");
}

Test(whole_step, wins_where_every_layer_and_size_was_measured_to) {
    caviar_train_step_args step = step_of(2);
    gpu.multiprocessor_bytes = 1 << 20;
    gpu.multiprocessors = 1;
    step.update.models = 1;
    cr_assert(caviar_cuda_train_step_wins(&gpu, &step), "there is room");
    for (int l = 0; l < 2; l++) {
        step.layer[l].out = 32;
        cr_assert(!caviar_cuda_train_step_wins(&gpu, &step), "layer %d is half of a tile wide", l);
        step.layer[l].out = 64;
    }
    step.classes = step.layer[2].out = 64;
    cr_assert(caviar_cuda_train_step_wins(&gpu, &step), "the most classes");
    step.classes++;
    cr_assert(!caviar_cuda_train_step_wins(&gpu, &step), "a class more");
}
