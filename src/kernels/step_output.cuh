/* The whole-step engine's output layer: logits, softmax cross-entropy, its gradient and the metrics. */
#ifndef CAVIAR_KERNELS_STEP_OUTPUT_CUH
#define CAVIAR_KERNELS_STEP_OUTPUT_CUH

#include "softmax.cuh"
#include "step_update.cuh"

#include <cmath>

/* By narrow tiles, since there are few classes. */
template <class Model>
__device__ static __forceinline__ void forward_output(const Model &m, int l) {
    constexpr int across = narrow_across, rows = rows_of_thread<across, Model::tile_rows>();
    const caviar_train_layer &layer = m.layer(l);
    const int out = (int)layer.out;
    const right_operand weights = { m.parameters() + layer.weight, (int)layer.in, out, false };
    for_each_tile<across * 4>(out, [&](int tile) {
        float logits[rows][4] = {};
        if (l == 0)
            multiply<across, Model::tile_rows>(logits, m.minibatch(), weights, tile, m.stage());
        else
            multiply<across, Model::tile_rows>(logits, m.outputs(), weights, tile, m.stage());
        const int column = tile + thread_x<across>() * 4;
        if (column >= out) return;
        const quad bias = load_quad(m.parameters() + layer.beta + column);
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const int row = thread_y<across>() + r * rows_down<across>();
            quad four;
#pragma unroll
            for (int i = 0; i < 4; ++i) four.v[i] = logits[r][i] + bias.v[i];
            if (row < Model::tile_rows) store_shared_quad(m.logits(l) + row * out + column, four);
        }
    });
}

/* A thread a row: the gradient in the place of the logits; the loss, and whether it was right. */
template <class Model>
__device__ static __forceinline__ void row_loss(const Model &m, int l, int row, float *loss, int *right) {
    const int out = (int)m.layer(l).out, classes = (int)m.args().classes;
    float *const logits = m.logits(l) + row * out;
    const int label = m.args().labels[row];
    softmax_maximum maximum = { logits[0], 0 };
    for (int j = 1; j < classes; ++j) maximum = larger(maximum, { logits[j], j });
    const float label_shift = shift(logits[label], maximum.value);
    float sum = 0.0f;
    for (int j = 0; j < classes; ++j) {
        logits[j] = expf(shift(logits[j], maximum.value));
        sum += logits[j];
    }
    *loss = logf(sum) - label_shift;
    *right = maximum.value == maximum.value && maximum.index == label; /* a NaN is no class */
    const float inverse = 1.0f / sum, weight = 1.0f / (float)m.batch();
    for (int j = 0; j < out; ++j)
        logits[j] = j < classes ? (logits[j] * inverse - (j == label ? 1.0f : 0.0f)) * weight : 0.0f;
}

/* Softmax cross-entropy, the metrics, and the update of the output layer's bias. */
template <class Model>
__device__ static __forceinline__ void output_loss(const Model &m, int l) {
    const int t = (int)threadIdx.x, lane = thread_x<warp_lanes>(), out = (int)m.layer(l).out;
    float *const losses = m.scratch(), *const biases = losses + most_batch;
    int *const rights = (int *)(biases + most_classes);
    __syncthreads();
    if (t < m.batch()) row_loss(m, l, t, losses + t, rights + t);
    __syncthreads();
    for (int j = thread_y<warp_lanes>(); j < out; j += step_warps) {
        float sum = 0.0f;
        for (int row = lane; row < m.batch(); row += warp_lanes) sum += m.logits(l)[row * out + j];
#pragma unroll
        for (int offset = warp_lanes / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
        if (lane == 0) biases[j] = sum;
    }
    if (t < warp_lanes) {
        double loss = 0.0;
        int right = 0;
        for (int row = lane; row < m.batch(); row += warp_lanes) {
            loss += (double)losses[row];
            right += rights[row];
        }
#pragma unroll
        for (int offset = warp_lanes / 2; offset > 0; offset /= 2) {
            loss += __shfl_xor_sync(0xffffffffu, loss, offset);
            right += __shfl_xor_sync(0xffffffffu, right, offset);
        }
        if (lane == 0) {
            m.args().loss_sum[m.k()] += loss;
            m.args().correct[m.k()] += right;
        }
    }
    __syncthreads();
    if (t * 4 < out) update_quad(m, m.layer(l).beta + t * 4, load_quad(biases + t * 4));
}

#endif
