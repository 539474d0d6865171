/*
 * The whole-step engine: a block of threads takes one model through a training step. Its activations stay in shared
 * memory, and its parameters and moments go from memory through the product that needs them and back once.
 */
#include "device.cuh"
#include "step_hidden.cuh"
#include "step_output.cuh"

/* A hidden layer's dz lies where its xhat was, that of the output layer where the logits were. */
template <class Model>
__device__ static __forceinline__ void backward(const Model &m, int l, int output) {
    const caviar_train_layer &layer = m.layer(l);
    const int in = (int)layer.in, out = (int)layer.out, block = Model::tile_rows * block_stride;
    const logits_operand of_logits = { m.logits(l), m.batch(), out, {} };
    const block_operand of_blocks = { m.xhat(l, 0), m.batch(), {}, block };
    if (l > 0) {
        const right_operand weights = { m.parameters() + layer.weight, in, out, true };
        /* The outputs of the last hidden layer are still there. */
        if (l < output) {
            __syncthreads();
            activate_layer(m, l - 1);
        }
        for_each_tile<wide_columns>(in, [&](int tile) {
            float dx[Model::rows][4] = {};
            if (l == output)
                multiply<wide_across, Model::tile_rows>(dx, of_logits, weights, tile, m.stage());
            else
                multiply<wide_across, Model::tile_rows>(dx, of_blocks, weights, tile, m.stage());
            backward_hidden(m, l - 1, tile, dx);
        });
    }
    if (l == output) {
        update_weights<narrow_across, 1>(m, l, of_logits.data, out, narrow_across * 4, 0, in);
    } else { /* two groups of rows at a time, and the last one alone if that is all */
        constexpr int together = most_groups * gradient_rows;
        const int most = in % together > gradient_rows ? in : in - in % together;
        update_weights<wide_across, most_groups>(m, l, of_blocks.data, block_stride, block, 0, most);
        update_weights<wide_across, 1>(m, l, of_blocks.data, block_stride, block, most, in);
    }
}

template <int tile_rows>
__global__ static void __launch_bounds__(step_threads, 2) train_step_kernel(const __grid_constant__ step_plan plan) {
    CAVIAR_SHARED_BY_LAUNCH(float, memory);
    const step_model<tile_rows> m = { plan, memory };
    if (plan.args.update.active[m.k()] == 0) return;
    if (threadIdx.x == 0) read_facts(m);
    __syncthreads();
    const int output = plan.args.layers - 1;
    for (int l = 0; l < output; ++l) forward_hidden(m, l);
    forward_output(m, output);
    output_loss(m, output);
    for (int l = output; l >= 0; --l) backward(m, l, output);
}

caviar_status caviar_cuda_train_step_fits(const caviar_device *device, const caviar_train_step_args *args) {
    const int shared = static_cast<const caviar_cuda_device *>(device)->shared_bytes;
    step_plan plan = {};
    plan.args = *args;
    CAVIAR_REQUIRE(args->batch <= most_batch, "the whole-step engine takes minibatches of %d at most, not %lld",
                   most_batch, (long long)args->batch);
    CAVIAR_REQUIRE(args->classes <= most_classes, "the whole-step engine takes %d classes at most, not %lld",
                   most_classes, (long long)args->classes);
    CAVIAR_REQUIRE(args->update.count <= INT32_MAX && args->layer[0].in <= INT32_MAX / most_batch,
                   "the whole-step engine takes %d parameters a model and %d features at most", INT32_MAX,
                   INT32_MAX / most_batch);
    const size_t bytes = lay_out(&plan);
    CAVIAR_REQUIRE(
        bytes <= (size_t)shared,
        "the whole-step engine needs %zu bytes of shared memory for these layers, and the GPU has %d a block; "
        "use narrower layers, smaller minibatches or the layered engine",
        bytes, shared);
    return CAVIAR_OK;
}

/*
 * Measured beside the layered engine on an H100 (bench/results): faster from a model a multiprocessor on, where two
 * blocks share one and hidden layers fill more than half of a tile's columns; slower with half as many models, with 32
 * units, and with 128, of which a multiprocessor has room for one block.
 */
int caviar_cuda_train_step_wins(const caviar_device *device, const caviar_train_step_args *args) {
    const caviar_cuda_device *cuda = static_cast<const caviar_cuda_device *>(device);
    step_plan plan = {};
    plan.args = *args;
    bool filled = args->layers > 1 && args->batch <= most_batch && args->classes <= most_classes;
    for (int l = 0; l < args->layers - 1; ++l)
        filled = filled && args->layer[l].out > wide_columns / 2 && args->layer[l].out <= wide_columns;
    const size_t block_bytes = lay_out(&plan) + (size_t)cuda->reserved_bytes;
    return filled && 2 * block_bytes <= (size_t)cuda->multiprocessor_bytes &&
           args->update.models >= cuda->multiprocessors;
}

caviar_status caviar_cuda_train_step(caviar_device *device, const caviar_train_step_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "train_step", args->update.models, args->batch, 0 });
    CAVIAR_TRY(scope.status);
    CAVIAR_TRY(caviar_cuda_train_step_fits(device, args));
    step_plan plan = {};
    plan.args = *args;
    const size_t bytes = lay_out(&plan);
    const dim3 grid((unsigned)args->update.models), block(step_threads);
    const int rows = rows_of_batch(args->batch);
    if (rows == 32)
        return scope.check(CAVIAR_LAUNCH_SHARED(train_step_kernel<32>, grid, block, bytes, scope.stream, plan));
    if (rows == 64)
        return scope.check(CAVIAR_LAUNCH_SHARED(train_step_kernel<64>, grid, block, bytes, scope.stream, plan));
    return scope.check(CAVIAR_LAUNCH_SHARED(train_step_kernel<most_batch>, grid, block, bytes, scope.stream, plan));
}
