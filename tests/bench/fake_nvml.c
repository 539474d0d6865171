/* Takes the place of NVIDIA's library in the suite's tests: it answers to the same soname. */
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static char device;

EXPORT int nvmlInit_v2(void) {
    return 0;
}

EXPORT int nvmlShutdown(void) {
    return 0;
}

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **handle) {
    *handle = &device;
    return strcmp(bus, "0000:01:00.0") ? 6 : 0; /* NVML_ERROR_NOT_FOUND */
}

EXPORT int nvmlSystemGetDriverVersion(char *version, unsigned size) {
    snprintf(version, size, "999.1");
    return 0;
}

EXPORT int nvmlDeviceGetClockInfo(void *handle, int type, unsigned *clock) {
    *clock = type == 1 ? 1200 : 2600;
    return handle != &device;
}

EXPORT int nvmlDeviceGetMaxClockInfo(void *handle, int type, unsigned *clock) {
    *clock = type == 1 ? 1980 : 2619;
    return handle != &device;
}

EXPORT int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *temperature) {
    *temperature = 71;
    return handle != &device || sensor != 0;
}

/* Not told by every GPU. */
EXPORT int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) {
    (void)handle;
    *milliwatts = 12345;
    return 3; /* NVML_ERROR_NOT_SUPPORTED */
}

EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *reasons) {
    *reasons = 0x1 | 0x4 | 0x40;
    return handle != &device;
}
