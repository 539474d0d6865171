/* Memory of the CUDA device. All of it is ordered by the device's own stream. */
#include "device.cuh"

#include <algorithm>

caviar_status caviar_cuda_allocate(void **memory, caviar_device *device, size_t bytes) {
    caviar_cuda_scope scope(device, nullptr, { "allocate", 0, 0, (int64_t)bytes });
    CAVIAR_TRY(scope.status);
    /* cudaMalloc aligns to 256 bytes or more, and gives NULL for nothing. */
    void *allocated = nullptr;
    bytes = std::max(bytes, (size_t)1);
    CAVIAR_TRY(scope.check(cudaMalloc(&allocated, bytes)));
    cudaError_t error = cudaMemsetAsync(allocated, 0, bytes, scope.stream);
    if (error == cudaSuccess) error = cudaStreamSynchronize(scope.stream);
    if (error != cudaSuccess) {
        (void)cudaFree(allocated);
        return scope.check(error);
    }
    *memory = allocated;
    return CAVIAR_OK;
}

void caviar_cuda_free(caviar_device *device, void *memory) {
    if (memory == nullptr) return;
    const caviar_cuda_current current(static_cast<caviar_cuda_device *>(device)->index);
    if (cudaFree(memory) != cudaSuccess) (void)cudaGetLastError();
}

static caviar_status copy(caviar_device *device, const char *op, void *to, const void *from, size_t bytes,
                          cudaMemcpyKind kind) {
    caviar_cuda_scope scope(device, nullptr, { op, 0, 0, (int64_t)bytes });
    CAVIAR_TRY(scope.status);
    if (bytes == 0) return CAVIAR_OK;
    CAVIAR_TRY(scope.check(cudaMemcpyAsync(to, from, bytes, kind, scope.stream)));
    return scope.check(cudaStreamSynchronize(scope.stream));
}

caviar_status caviar_cuda_upload(caviar_device *device, void *to, const void *from, size_t bytes) {
    return copy(device, "upload", to, from, bytes, cudaMemcpyHostToDevice);
}

caviar_status caviar_cuda_download(caviar_device *device, void *to, const void *from, size_t bytes) {
    return copy(device, "download", to, from, bytes, cudaMemcpyDeviceToHost);
}

caviar_status caviar_cuda_clear(caviar_device *device, void *memory, size_t bytes) {
    caviar_cuda_scope scope(device, nullptr, { "clear", 0, 0, (int64_t)bytes });
    CAVIAR_TRY(scope.status);
    return bytes == 0 ? CAVIAR_OK : scope.check(cudaMemsetAsync(memory, 0, bytes, scope.stream));
}

caviar_status caviar_cuda_wait(caviar_device *device) {
    caviar_cuda_scope scope(device, nullptr, { "wait", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    return scope.check(cudaStreamSynchronize(scope.stream));
}
