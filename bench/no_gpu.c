/* The suite in a build without CUDA: there is no device that these could be called with. */
#include "gpu.h"

#include "host/status.h"

static caviar_status none(void) {
    return caviar_fail(CAVIAR_NO_DEVICE, "this caviar-bench was built without CUDA; build it where nvcc is");
}

int bench_is_gpu(const caviar_device *device) {
    (void)device;
    return 0;
}

caviar_status bench_gpu_timer_create(bench_gpu_timer **timer, caviar_device *device) {
    (void)timer, (void)device;
    return none();
}

void bench_gpu_timer_destroy(bench_gpu_timer *timer) {
    (void)timer;
}

caviar_status bench_gpu_timer_begin(bench_gpu_timer *timer) {
    (void)timer;
    return none();
}

caviar_status bench_gpu_timer_end(bench_gpu_timer *timer) {
    (void)timer;
    return none();
}

caviar_status bench_gpu_timer_elapsed(double *seconds, bench_gpu_timer *timer) {
    (void)seconds, (void)timer;
    return none();
}

caviar_status bench_gpu_copy(caviar_device *device, void *to, const void *from, size_t bytes, int by_runtime) {
    (void)device, (void)to, (void)from, (void)bytes, (void)by_runtime;
    return none();
}

caviar_status bench_gpu_multiply(caviar_device *device, const bench_gpu_product *product) {
    (void)device, (void)product;
    return none();
}

caviar_status bench_gpu_count_launches(int64_t *launches, caviar_device *device, const caviar_call *calls,
                                       size_t count) {
    (void)launches, (void)device, (void)calls, (void)count;
    return none();
}

caviar_status bench_gpu_describe(bench_gpu_facts *facts, caviar_device *device) {
    (void)facts, (void)device;
    return none();
}
