/* The optimisers: schedule begins a step, optimizer_update changes every parameter of every model in one launch. */
#include "device.cuh"
#include "launch.cuh"
#include "optimizer.cuh"

#include <cmath>

constexpr int schedule_threads = 128;
constexpr int update_threads = 256;
constexpr int update_elements = 16; /* that a thread takes of one model: what the model's constants are loaded for */

/* 1 - (1 - complement)^t without the cancellation of the formula as it stands. */
__device__ static inline double bias_correction(double complement, double t) {
    return -expm1(t * log1p(-complement));
}

__global__ static void __launch_bounds__(schedule_threads) schedule_kernel(caviar_schedule_args a) {
    const int64_t k = (int64_t)blockIdx.x * schedule_threads + threadIdx.x;
    if (k >= a.models || a.active[k] == 0) return;
    const int64_t step = a.step[k] + 1;
    const double t = (double)step, epoch = (t - 1.0) / a.steps_per_epoch;
    double factor = 1.0;
    switch (a.schedule[k]) {
    case CAVIAR_INVERSE_TIME: factor = 1.0 / (1.0 + a.decay_rate[k] * epoch); break;
    case CAVIAR_EXPONENTIAL: factor = pow(a.decay_rate[k], epoch); break;
    case CAVIAR_COSINE: factor = (1.0 + cospi(fmin(epoch / a.duration[k], 1.0))) / 2.0; break;
    default: break;
    }
    a.step[k] = step;
    a.rate[k] = (float)(a.learning_rate[k] * factor);
    a.correction1[k] = (float)bias_correction(a.complement1[k], t);
    a.correction2[k] = (float)bias_correction(a.complement2[k], t);
    if (a.averaged == nullptr) return;
    const int64_t averaged = ++a.averaged[k];
    a.momenta[k] = (float)(a.running_momentum / bias_correction(a.running_momentum, (double)averaged));
}

/* A block's share of one model. Moments that the optimiser has no use for are neither read nor written. */
template <int optimizer>
__device__ static inline void update_model(const caviar_optimizer_update_args &a, int64_t k, const update_rule &rule) {
    constexpr bool first = has_first_moment(optimizer), second = has_second_moment(optimizer);
    float4 *const parameters = (float4 *)(a.parameters.data + k * a.parameters.model_stride);
    const float4 *const gradients = (const float4 *)(a.gradients.data + k * a.gradients.model_stride);
    float4 *const first_moment = (float4 *)(a.first_moment.data + k * a.first_moment.model_stride);
    float4 *const second_moment = (float4 *)(a.second_moment.data + k * a.second_moment.model_stride);
    for (int64_t i = (int64_t)blockIdx.x * update_threads + threadIdx.x; i < a.count / 4;
         i += (int64_t)gridDim.x * update_threads) {
        float4 p = parameters[i];
        const float4 g = gradients[i];
        float4 m = {}, v = {};
        if (first) m = first_moment[i];
        if (second) v = second_moment[i];
        update_one<optimizer, true>(rule, i * 4 < a.decayed, &p.x, g.x, &m.x, &v.x);
        update_one<optimizer, true>(rule, i * 4 + 1 < a.decayed, &p.y, g.y, &m.y, &v.y);
        update_one<optimizer, true>(rule, i * 4 + 2 < a.decayed, &p.z, g.z, &m.z, &v.z);
        update_one<optimizer, true>(rule, i * 4 + 3 < a.decayed, &p.w, g.w, &m.w, &v.w);
        parameters[i] = p;
        if (first) first_moment[i] = m;
        if (second) second_moment[i] = v;
    }
}

__global__ static void __launch_bounds__(update_threads, 3) optimizer_update_kernel(caviar_optimizer_update_args a) {
    for (int64_t k = blockIdx.y; k < a.models; k += gridDim.y) {
        if (a.active[k] == 0) continue;
        const update_rule rule = load_rule(a, k);
        with_optimizer(a.optimizer[k], [&](auto optimizer) { update_model<optimizer.value>(a, k, rule); });
    }
}

caviar_status caviar_cuda_schedule(caviar_device *device, const caviar_schedule_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "schedule", args->models, 0, 0 });
    CAVIAR_TRY(scope.status);
    return scope.check(CAVIAR_LAUNCH(schedule_kernel, dim3(blocks_x(args->models, schedule_threads)),
                                     dim3(schedule_threads), scope.stream, *args));
}

caviar_status caviar_cuda_optimizer_update(caviar_device *device, const caviar_optimizer_update_args *args,
                                           void *stream) {
    caviar_cuda_scope scope(device, stream, { "optimizer_update", args->models, 0, args->count });
    CAVIAR_TRY(scope.status);
    const dim3 grid(blocks_x(args->count, update_threads * update_elements), blocks_y(args->models, 1));
    return scope.check(CAVIAR_LAUNCH(optimizer_update_kernel, grid, dim3(update_threads), scope.stream, *args));
}
