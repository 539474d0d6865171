/*
 * A kernel with a defect for each tool of compute-sanitizer, so that tools/gpu-check knows that a tool which finds
 * nothing in caviar's kernels was looking: planted_defects TOOL
 */
#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>

enum defect { BEYOND_THE_END, RACE, UNWRITTEN, FOREIGN_MASK };
static const char *const tools[] = { "memcheck", "racecheck", "initcheck", "synccheck" };

__global__ void planted_kernel(int kind, const int *unwritten, int *out) {
    __shared__ volatile int shared[64];
    const int i = (int)threadIdx.x;
    int value = i;
    if (kind == RACE) {
        shared[i] = i;
        value = shared[63 - i]; /* another warp's, and no barrier between */
    }
    if (kind == UNWRITTEN) value = unwritten[i];
    if (kind == FOREIGN_MASK) __syncwarp(0x0000ffffu); /* half of the lanes are not in it */
    out[kind == BEYOND_THE_END ? i + 1 : i] = value;
}

int main(int argc, char **argv) {
    int kind = -1, *unwritten = nullptr, *out = nullptr;
    for (int i = 0; i < 4; ++i)
        if (argc > 1 && strcmp(argv[1], tools[i]) == 0) kind = i;
    if (kind < 0) return 2;
    if (cudaMalloc(&unwritten, 64 * sizeof(int)) != cudaSuccess || cudaMalloc(&out, 64 * sizeof(int)) != cudaSuccess)
        return 77;
    planted_kernel<<<1, 64>>>(kind, unwritten, out);
    const cudaError_t error = cudaDeviceSynchronize();
    printf("planted for %s: %s\n", argv[1], cudaGetErrorName(error));
    (void)cudaFree(unwritten);
    (void)cudaFree(out);
    return 0;
}
