/*
 * What tools/gpu-check notes of the GPU, as a JSON object on one line; with --name only its name. Where there is none
 * that can be used: the reason, and exit status 77.
 */
#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>

static int attribute(cudaDeviceAttr which) {
    int value = 0;
    return cudaDeviceGetAttribute(&value, which, 0) == cudaSuccess ? value : 0;
}

int main(int argc, char **argv) {
    int count = 0, driver = 0, runtime = 0;
    cudaDeviceProp properties;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaSuccess && count == 0) error = cudaErrorNoDevice;
    if (error == cudaSuccess) error = cudaGetDeviceProperties(&properties, 0);
    if (error == cudaSuccess) error = cudaDriverGetVersion(&driver);
    if (error == cudaSuccess) error = cudaRuntimeGetVersion(&runtime);
    if (error == cudaSuccess) error = cudaFree(nullptr); /* a context can be made */
    if (error != cudaSuccess) {
        printf("%s (%s)\n", cudaGetErrorString(error), cudaGetErrorName(error));
        return 77;
    }
    if (argc > 1 && strcmp(argv[1], "--name") == 0) {
        printf("%s\n", properties.name);
        return 0;
    }
    printf("{ \"name\": \"%s\", \"compute_capability\": \"%d.%d\", \"multiprocessors\": %d, \"memory_bytes\": %zu, "
           "\"clock_khz\": %d, \"memory_clock_khz\": %d, \"ecc\": %s, \"driver_cuda\": \"%d.%d\", "
           "\"runtime_cuda\": \"%d.%d\" }\n",
           properties.name, properties.major, properties.minor, properties.multiProcessorCount,
           properties.totalGlobalMem, attribute(cudaDevAttrClockRate), attribute(cudaDevAttrMemoryClockRate),
           attribute(cudaDevAttrEccEnabled) != 0 ? "true" : "false", driver / 1000, driver % 1000 / 10, runtime / 1000,
           runtime % 1000 / 10);
    return 0;
}
