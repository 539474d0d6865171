/* Minibatches: gather reads one out of the data set, advance moves on to the next. */
#include "device.cuh"
#include "launch.cuh"

constexpr int gather_rows = 8;

__device__ static inline float standardize(float value, const caviar_gather_args &a, int64_t f) {
    const float mean = a.mean == nullptr ? 0.0f : a.mean[f];
    const float scale = a.scale == nullptr ? 1.0f : a.scale[f];
    return (value - mean) * scale;
}

__device__ static inline float4 load_four(const uint8_t *from) {
    const uchar4 bytes = *(const uchar4 *)from;
    return make_float4(bytes.x, bytes.y, bytes.z, bytes.w);
}

__device__ static inline float4 load_four(const float *from) {
    return *(const float4 *)from;
}

/*
 * out[b, f] = (features[e, f] - mean[f]) * scale[f],   e = order[(cursor[0] + b) mod order_count]
 * A warp takes one example, a lane four features (`aligned`: by one access) or one.
 */
template <class Feature, bool aligned>
__global__ static void __launch_bounds__(32 * gather_rows) gather_kernel(caviar_gather_args a) {
    constexpr int step = aligned ? 4 : 1;
    const int64_t f = ((int64_t)blockIdx.y * 32 + threadIdx.x) * step;
    const int64_t b = (int64_t)blockIdx.x * gather_rows + threadIdx.y;
    if (b >= a.batch) return;
    /* Taken modulo first, so that no cursor can overflow the sum. */
    const int64_t e = a.order[(a.cursor[0] % a.order_count + b) % a.order_count];
    if (a.labels != nullptr && f == 0) a.out_labels[b] = a.labels[e];
    const Feature *const from = (const Feature *)a.features + e * a.feature_count;
    float *const to = a.out + b * a.out_stride;
    for (int64_t i = f; i < a.out_stride; i += (int64_t)gridDim.y * 32 * step) {
        if (!aligned) {
            to[i] = i < a.feature_count ? standardize((float)from[i], a, i) : 0.0f;
        } else {
            float4 four = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            if (i < a.feature_count) {
                four = load_four(from + i);
                four.x = standardize(four.x, a, i), four.y = standardize(four.y, a, i + 1);
                four.z = standardize(four.z, a, i + 2), four.w = standardize(four.w, a, i + 3);
            }
            *(float4 *)(to + i) = four;
        }
    }
}

__global__ static void advance_kernel(caviar_advance_args a) {
    a.cursor[0] += a.by;
}

template <class Feature>
static cudaError_t launch_gather(const caviar_gather_args &a, cudaStream_t stream) {
    const bool aligned = (a.feature_count | a.out_stride) % 4 == 0 && (uintptr_t)a.out % 16 == 0 &&
                         (uintptr_t)a.features % (4 * sizeof(Feature)) == 0;
    const dim3 grid(blocks_x(a.batch, gather_rows), blocks_y(a.out_stride, aligned ? 128 : 32));
    const dim3 block(32, gather_rows);
    return aligned ? CAVIAR_LAUNCH((gather_kernel<Feature, true>), grid, block, stream, a)
                   : CAVIAR_LAUNCH((gather_kernel<Feature, false>), grid, block, stream, a);
}

caviar_status caviar_cuda_gather(caviar_device *device, const caviar_gather_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "gather", 0, args->batch, args->feature_count });
    CAVIAR_TRY(scope.status);
    return scope.check(args->feature_type == CAVIAR_UINT8 ? launch_gather<uint8_t>(*args, scope.stream)
                                                          : launch_gather<float>(*args, scope.stream));
}

caviar_status caviar_cuda_advance(caviar_device *device, const caviar_advance_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "advance", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    return scope.check(CAVIAR_LAUNCH(advance_kernel, dim3(1), dim3(1), scope.stream, *args));
}
