#include "stream.h"

#include <cuda_runtime.h>

void *gpu_stream_create(void) {
    cudaStream_t stream = nullptr;
    const unsigned not_ordered_by_the_default_stream = cudaStreamNonBlocking;
    return cudaStreamCreateWithFlags(&stream, not_ordered_by_the_default_stream) == cudaSuccess ? stream : nullptr;
}

int gpu_stream_wait(void *stream) {
    return (int)cudaStreamSynchronize(static_cast<cudaStream_t>(stream));
}

void gpu_stream_destroy(void *stream) {
    (void)cudaStreamDestroy(static_cast<cudaStream_t>(stream));
}
