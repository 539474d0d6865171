/* The CUDA device of a build without CUDA: there is none. */
#include "kernels/device.h"
#include "status.h"

int caviar_cuda_count(void) {
    return 0;
}

caviar_status caviar_cuda_open(caviar_device **device, int index) {
    (void)device;
    return caviar_fail(CAVIAR_NO_DEVICE,
                       "cuda:%d: this build of caviar has no CUDA device; build it where nvcc is on PATH, or use cpu",
                       index);
}

caviar_status caviar_cuda_describe(caviar_device_info *info, int index) {
    (void)info;
    return caviar_cuda_open(NULL, index);
}
