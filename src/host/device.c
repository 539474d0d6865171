/* Devices by name, and the public functions that pass straight through a device's table. */
#include "kernels/device.h"
#include "status.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int caviar_device_count(void) {
    return 1 + caviar_cuda_count();
}

caviar_status caviar_device_describe(caviar_device_info *info, int index) {
    CAVIAR_REQUIRE(info, "caviar_device_describe: info is NULL");
    CAVIAR_REQUIRE(index >= 0 && index < caviar_device_count(), "caviar_device_describe: index %d is not in 0 .. %d",
                   index, caviar_device_count() - 1);
    return index == 0 ? caviar_cpu_describe(info) : caviar_cuda_describe(info, index - 1);
}

caviar_status caviar_device_open(caviar_device **device, const char *name, int threads) {
    CAVIAR_REQUIRE(device, "caviar_device_open: device is NULL");
    CAVIAR_REQUIRE(name, "caviar_device_open: name is NULL; use auto, cpu or cuda:N");
    CAVIAR_REQUIRE(threads >= 0 && threads <= 1024, "caviar_device_open: threads is %d, not in 0 .. 1024", threads);
    if (strcmp(name, "auto") == 0) name = caviar_cuda_count() > 0 ? "cuda:0" : "cpu";
    if (strcmp(name, "cpu") == 0) return caviar_cpu_open(device, threads);
    if (strcmp(name, "cuda") == 0) return caviar_cuda_open(device, 0);
    if (strncmp(name, "cuda:", 5) == 0 && name[5] >= '0' && name[5] <= '9') {
        char *end = NULL;
        errno = 0;
        const long index = strtol(name + 5, &end, 10);
        if (*end == '\0' && errno == 0 && index <= INT_MAX) return caviar_cuda_open(device, (int)index);
    }
    return caviar_fail(CAVIAR_INVALID_ARGUMENT, "there is no device \"%.64s\": use auto, cpu or cuda:N", name);
}

void caviar_device_close(caviar_device *device) {
    if (device) device->table->close(device);
}

caviar_status caviar_device_get_info(caviar_device_info *info, const caviar_device *device) {
    CAVIAR_REQUIRE(info && device, "caviar_device_get_info: %s is NULL", info ? "device" : "info");
    return device->table->get_info(info, device);
}

caviar_status caviar_device_allocate(void **memory, caviar_device *device, size_t bytes) {
    CAVIAR_REQUIRE(memory && device, "caviar_device_allocate: %s is NULL", memory ? "device" : "memory");
    CAVIAR_REQUIRE(bytes > 0, "caviar_device_allocate: bytes is 0");
    return device->table->allocate(memory, device, bytes);
}

void caviar_device_free(caviar_device *device, void *memory) {
    if (device && memory) device->table->free(device, memory);
}

caviar_status caviar_device_upload(caviar_device *device, void *to, const void *from, size_t bytes) {
    CAVIAR_REQUIRE(device, "caviar_device_upload: device is NULL");
    CAVIAR_REQUIRE((to && from) || bytes == 0, "caviar_device_upload: %s is NULL", to ? "from" : "to");
    return bytes ? device->table->upload(device, to, from, bytes) : CAVIAR_OK;
}

caviar_status caviar_device_download(caviar_device *device, void *to, const void *from, size_t bytes) {
    CAVIAR_REQUIRE(device, "caviar_device_download: device is NULL");
    CAVIAR_REQUIRE((to && from) || bytes == 0, "caviar_device_download: %s is NULL", to ? "from" : "to");
    return bytes ? device->table->download(device, to, from, bytes) : CAVIAR_OK;
}

caviar_status caviar_device_wait(caviar_device *device) {
    CAVIAR_REQUIRE(device, "caviar_device_wait: device is NULL");
    return device->table->wait(device);
}
