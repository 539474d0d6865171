/*
 * The whole-step engine's model: what a block of threads knows of the one that it trains, and where it has it.
 *
 * In shared memory there is, for each hidden layer, what its batch norm gave (xhat; without batch norm, the product),
 * in whose place its gradient dz comes; the outputs h of one layer, made again from those when the gradient of the
 * next layer's weights needs them; the logits, in whose place their gradient comes; and the stage of the products.
 */
#ifndef CAVIAR_KERNELS_STEP_MODEL_CUH
#define CAVIAR_KERNELS_STEP_MODEL_CUH

#include "launch.cuh"
#include "optimizer.cuh"
#include "product.cuh"
#include "train_step.h"

constexpr int most_batch = 128, most_classes = 64;
constexpr int step_warps = step_threads / warp_lanes;
constexpr int column_sums = step_warps * wide_columns; /* floats for one sum_columns */

/* What all threads want to know of the model, read once. */
struct alignas(16) model_facts {
    float *parameters, *first_moment, *second_moment, *state;
    update_rule rule;
    model_dropout dropout;
    int32_t optimizer, activation;
    int32_t widths[CAVIAR_TRAIN_MOST_LAYERS];
};

/* The step and where everything lies in shared memory, in floats. */
struct step_plan {
    caviar_train_step_args args;
    int xhat[CAVIAR_TRAIN_MOST_LAYERS]; /* of the output layer: the logits, [rows, out] */
    int h, stage_left, stage_right;
};

inline int rows_of_batch(int64_t batch) {
    return batch <= 32 ? 32 : batch <= 64 ? 64 : most_batch;
}

/* Lays shared memory out; returns its bytes. */
inline size_t lay_out(step_plan *plan) {
    const caviar_train_step_args &a = plan->args;
    const int rows = rows_of_batch(a.batch);
    int64_t at = sizeof(model_facts) / sizeof(float), most_blocks = 0;
    for (int l = 0; l < a.layers; ++l) {
        const int64_t blocks = divide_up(a.layer[l].out, wide_columns);
        const bool hidden = l < a.layers - 1;
        plan->xhat[l] = (int)at;
        at += rows * (hidden ? blocks * block_stride : a.layer[l].out);
        if (hidden) most_blocks = std::max(most_blocks, blocks);
    }
    /* The left operands of products with the minibatch come where outputs are at other times. */
    plan->h = plan->stage_left = (int)at;
    at += std::max(rows * most_blocks * outputs_stride, (int64_t)staged_left);
    plan->stage_right = (int)at;
    at += staged_right;
    static_assert(staged_right >= 2 * column_sums && staged_right >= 2 * most_batch + most_classes, "scratch memory");
    return (size_t)at * sizeof(float);
}

/* What all parts of a block's work are given. A minibatch has room in tile_rows_ rows. */
template <int tile_rows_>
struct step_model {
    static constexpr int tile_rows = tile_rows_, rows = rows_of_thread<wide_across, tile_rows>();
    const step_plan &plan;
    float *memory; /* shared */

    /* The model. */
    __device__ int64_t k() const {
        return blockIdx.x;
    }
    __device__ const caviar_train_step_args &args() const {
        return plan.args;
    }
    __device__ const caviar_train_layer &layer(int l) const {
        return plan.args.layer[l];
    }
    __device__ model_facts &facts() const {
        return *(model_facts *)memory;
    }
    __device__ float *logits(int l) const {
        return memory + plan.xhat[l];
    }
    /* The block that a tile of columns is, of xhat and of outputs. */
    __device__ float *xhat(int l, int tile) const {
        return memory + plan.xhat[l] + tile * tile_rows;
    }
    __device__ float *h(int tile) const {
        return memory + plan.h + tile / wide_columns * tile_rows * outputs_stride;
    }
    __device__ product_stage stage() const {
        return { memory + plan.stage_left, memory + plan.stage_right };
    }
    /* What is put into shared memory between two products lies in the place of their right operands. */
    __device__ float *scratch() const {
        return memory + plan.stage_right;
    }
    __device__ int batch() const {
        return (int)plan.args.batch;
    }
    __device__ float *parameters() const {
        return facts().parameters;
    }
    __device__ float *state() const {
        return facts().state;
    }
    /* The input of the first layer, and of the others. */
    __device__ minibatch_operand minibatch() const {
        return { plan.args.x, batch(), (int)plan.args.layer[0].in, {} };
    }
    __device__ outputs_operand outputs() const {
        return { memory + plan.h, batch(), {}, tile_rows * outputs_stride };
    }
};

/* By one thread. */
template <class Model>
__device__ static inline void read_facts(const Model &m) {
    model_facts &facts = m.facts();
    const caviar_train_step_args &a = m.args();
    const int64_t k = m.k();
    const auto block_of = [&](const caviar_tensor &tensor) { return tensor.data + k * tensor.model_stride; };
    facts.parameters = block_of(a.update.parameters);
    facts.first_moment = block_of(a.update.first_moment);
    facts.second_moment = block_of(a.update.second_moment);
    facts.state = block_of(a.state);
    facts.rule = load_rule(a.update, k);
    facts.dropout = load_dropout(a.dropout, k);
    facts.optimizer = a.update.optimizer[k];
    facts.activation = a.activation[k];
    for (int l = 0; l < a.layers; ++l) facts.widths[l] = a.layer[l].widths[k];
}

#endif
