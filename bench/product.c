/*
 * The matrix products that the training steps of configurations A, B and C consist of, for each transpose: by the
 * CPU device's product of one model after another on the CPU, and by one strided-batched cuBLAS call on a GPU, as the
 * CUDA device does, there also in TF32.
 */
#include "product.h"

#include "host/cpu/cpu.h"
#include "host/cpu/product.h"
#include "host/status.h"
#include "row.h"
#include "system.h"

#include <math.h>
#include <stdio.h>

const char *const bench_product_names[3] = { "forward", "weight_gradient", "input_gradient" };

static void multiply_model(const bench_product *p, int64_t k) {
    float *x = p->x.data + k * p->x.model_stride, *y = p->y.data + k * p->y.model_stride;
    float *w = p->w.data + k * p->w.model_stride;
    const int64_t x_row = p->x.example_stride, y_row = p->y.example_stride;
    if (p->kind == BENCH_FORWARD)
        caviar_cpu_product(y, y_row, (caviar_cpu_factor){ x, x_row, 1 }, (caviar_cpu_factor){ w, p->out, 1 }, p->batch,
                           p->out, p->in);
    else if (p->kind == BENCH_WEIGHT_GRADIENT)
        caviar_cpu_product(w, p->out, (caviar_cpu_factor){ x, 1, x_row }, (caviar_cpu_factor){ y, y_row, 1 }, p->in,
                           p->out, p->batch);
    else
        caviar_cpu_product(x, x_row, (caviar_cpu_factor){ y, y_row, 1 }, (caviar_cpu_factor){ w, 1, p->out }, p->batch,
                           p->in, p->out);
}

static void multiply_models(void *context, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) multiply_model(context, k);
}

caviar_status bench_product_on_cpu(const bench_product *p, const caviar_device *device) {
    bench_product product = *p;
    caviar_team_run(caviar_cpu_team(device), caviar_cpu_threads(device), p->models, 1, multiply_models, &product);
    return CAVIAR_OK;
}

/* cuBLAS is column-major: a row-major matrix is its own transpose there, so operands change places. */
caviar_status bench_product_on_gpu(caviar_device *device, const bench_product *p, int tf32) {
    const bench_gpu_operand x = { p->x.data, p->x.example_stride, p->x.model_stride, 0 };
    const bench_gpu_operand y = { p->y.data, p->y.example_stride, p->y.model_stride, 0 };
    const bench_gpu_operand w = { p->w.data, p->out, p->w.model_stride, 0 };
    bench_gpu_product product = { .models = p->models, .tf32 = tf32 };
    if (p->kind == BENCH_FORWARD) {
        product.m = p->out, product.n = p->batch, product.depth = p->in;
        product.a = w, product.b = x, product.c = y;
    } else if (p->kind == BENCH_WEIGHT_GRADIENT) {
        product.m = p->out, product.n = p->in, product.depth = p->batch;
        product.a = y, product.b = x, product.c = w;
        product.b.transposed = 1;
    } else {
        product.m = p->in, product.n = p->batch, product.depth = p->out;
        product.a = w, product.b = y, product.c = x;
        product.a.transposed = 1;
    }
    return bench_gpu_multiply(device, &product);
}

typedef struct product_state {
    bench_context *context;
    bench_product product;
    int tf32;
} product_state;

static caviar_status run(void *state, int64_t times) {
    const product_state *s = state;
    for (int64_t i = 0; i < times; i++)
        CAVIAR_TRY(s->context->clock.timer ? bench_product_on_gpu(s->context->device, &s->product, s->tf32)
                                           : bench_product_on_cpu(&s->product, s->context->clock.device));
    return CAVIAR_OK;
}

static void build(bench_product *p, bench_operands *o, int shared) {
    if (shared)
        p->x = (caviar_matrix){ bench_floats(o, p->batch * p->in, -1, 1), p->in, 0 };
    else
        p->x = bench_matrix(o, p->models, p->batch, p->in, -1, 1);
    p->w = bench_tensor(o, p->models, p->in * p->out, -1, 1);
    p->y = bench_matrix(o, p->models, p->batch, p->out, -1, 1);
}

/* Element (i, j) of model k's result: where it lies, and the sum over d of the two factors at its places. */
typedef struct element {
    const float *result, *left, *right;
    int64_t left_step, right_step, depth;
} element;

static element find(const bench_product *p, int64_t k, int64_t i, int64_t j) {
    const float *x = p->x.data + k * p->x.model_stride, *y = p->y.data + k * p->y.model_stride;
    const float *w = p->w.data + k * p->w.model_stride;
    const int64_t x_row = p->x.example_stride, y_row = p->y.example_stride;
    if (p->kind == BENCH_FORWARD) return (element){ y + i * y_row + j, x + i * x_row, w + j, 1, p->out, p->in };
    if (p->kind == BENCH_WEIGHT_GRADIENT) return (element){ w + i * p->out + j, x + i, y + j, x_row, y_row, p->batch };
    return (element){ x + i * x_row + j, y + i * y_row, w + j * p->out, 1, 1, p->out };
}

/* On the scale of the sum of the products' magnitudes, of which fp32 and TF32 lose a fraction by rounding. */
static void check_model(bench_check *check, const bench_operands *o, const bench_product *p, int64_t k) {
    const int64_t rows = p->kind == BENCH_WEIGHT_GRADIENT ? p->in : p->batch;
    const int64_t columns = p->kind == BENCH_INPUT_GRADIENT ? p->in : p->out;
    for (int64_t i = 0; i < rows; i += 11)
        for (int64_t j = 0; j < columns; j += 7) {
            const element e = find(p, k, i, j);
            double sum = 0, magnitude = 0;
            for (int64_t d = 0; d < e.depth; d++) {
                const double term =
                    bench_before(o, e.left + d * e.left_step) * bench_before(o, e.right + d * e.right_step);
                sum += term;
                magnitude += fabs(term);
            }
            bench_expect(check, bench_after(o, e.result), sum, magnitude);
        }
}

static caviar_status run_and_check(bench_row *row, product_state *state, bench_operands *operands) {
    CAVIAR_TRY(run(state, 1));
    CAVIAR_TRY(bench_operands_read(operands));
    check_model(&row->check, operands, &state->product, 0);
    check_model(&row->check, operands, &state->product, state->product.models - 1);
    return CAVIAR_OK;
}

static bench_cost cost_of(const bench_product *p) {
    const double x = (double)(p->x.model_stride == 0 ? 1 : p->models) * (double)(p->batch * p->in);
    const double w = (double)p->models * (double)(p->in * p->out), y = (double)p->models * (double)(p->batch * p->out);
    return (bench_cost){ 4 * (x + w + y), 2 * (double)p->batch * w };
}

caviar_status bench_run_product(bench_row *row, bench_context *context) {
    const bench_case *c = row->source;
    if (c->tf32 && bench_tf32_override()) {
        snprintf(row->message, sizeof row->message, "skipped: NVIDIA_TF32_OVERRIDE is set");
        return CAVIAR_OK;
    }
    product_state state = { .context = context, .tf32 = c->tf32 };
    state.product = (bench_product){ .kind = (bench_product_kind)c->index,
                                     .models = c->size.models,
                                     .batch = c->size.batch,
                                     .in = c->size.inputs,
                                     .out = c->size.width };
    bench_operands operands = { .device = context->device, .measures = 1 };
    build(&state.product, &operands, c->shared);
    row->cost = cost_of(&state.product);
    bench_set_floor(row, &context->limits);
    if (bench_skip(row, context, operands.bytes, 1)) return CAVIAR_OK;
    operands = (bench_operands){ .device = context->device };
    build(&state.product, &operands, c->shared);
    row->tolerance = c->tf32 ? 2e-3 : 1e-5;
    const bench_work work = { run, &state, 1 };
    caviar_status status = operands.status;
    if (!status) status = run_and_check(row, &state, &operands);
    if (!status) status = bench_time_row(row, context, &work, &work);
    bench_operands_free(&operands);
    return status;
}
