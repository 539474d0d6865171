/* The few functions of NVML that are needed, by their names: no header and no library when the suite is built. */
#include "nvml.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct nvmlDevice_st *nvml_device;
enum { CLOCK_SM = 1, CLOCK_MEMORY = 2, TEMPERATURE_GPU = 0 };

struct bench_nvml {
    void *library;
    nvml_device device;
    int (*init)(void);
    int (*shutdown)(void);
    int (*by_bus)(const char *, nvml_device *);
    int (*driver)(char *, unsigned);
    int (*clock)(nvml_device, int, unsigned *);
    int (*most_clock)(nvml_device, int, unsigned *);
    int (*temperature)(nvml_device, int, unsigned *);
    int (*power)(nvml_device, unsigned *);
    int (*reasons)(nvml_device, unsigned long long *);
};

static int find(const bench_nvml *n, const char *name, void *function) {
    void *const symbol = dlsym(n->library, name);
    memcpy(function, &symbol, sizeof symbol); /* ISO C has no cast from an object to a function pointer */
    return symbol != NULL;
}

static int load(bench_nvml *n) {
    n->library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    return n->library && find(n, "nvmlInit_v2", &n->init) && find(n, "nvmlShutdown", &n->shutdown) &&
           find(n, "nvmlDeviceGetHandleByPciBusId_v2", &n->by_bus) &&
           find(n, "nvmlSystemGetDriverVersion", &n->driver) && find(n, "nvmlDeviceGetClockInfo", &n->clock) &&
           find(n, "nvmlDeviceGetMaxClockInfo", &n->most_clock) &&
           find(n, "nvmlDeviceGetTemperature", &n->temperature) && find(n, "nvmlDeviceGetPowerUsage", &n->power) &&
           find(n, "nvmlDeviceGetCurrentClocksThrottleReasons", &n->reasons);
}

bench_nvml *bench_nvml_open(const char *bus) {
    bench_nvml *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    const int initialised = load(n) && n->init() == 0;
    if (initialised && n->by_bus(bus, &n->device) == 0) return n;
    if (initialised) n->shutdown();
    if (n->library) dlclose(n->library);
    free(n);
    return NULL;
}

void bench_nvml_close(bench_nvml *n) {
    if (!n) return;
    n->shutdown();
    dlclose(n->library);
    free(n);
}

/* What is not told stays 0. */
void bench_nvml_read(bench_nvml_state *s, const bench_nvml *n) {
    *s = (bench_nvml_state){ 0 };
    if (n->driver(s->driver, sizeof s->driver)) s->driver[0] = '\0';
    if (n->clock(n->device, CLOCK_SM, &s->sm_clock)) s->sm_clock = 0;
    if (n->clock(n->device, CLOCK_MEMORY, &s->memory_clock)) s->memory_clock = 0;
    if (n->most_clock(n->device, CLOCK_SM, &s->most_sm_clock)) s->most_sm_clock = 0;
    if (n->most_clock(n->device, CLOCK_MEMORY, &s->most_memory_clock)) s->most_memory_clock = 0;
    if (n->temperature(n->device, TEMPERATURE_GPU, &s->temperature)) s->temperature = 0;
    if (n->power(n->device, &s->power)) s->power = 0;
    if (n->reasons(n->device, &s->reasons)) s->reasons = 0;
}

void bench_nvml_throttle_text(char *text, int size, unsigned long long reasons) {
    /* Idle (1) and applications' clock settings (2) are not faults of the moment. */
    static const struct {
        unsigned long long bit;
        const char *text;
    } named[] = {
        { 0x4, "software power cap" },         { 0x8, "hardware slowdown" },          { 0x10, "sync boost" },
        { 0x20, "software thermal slowdown" }, { 0x40, "hardware thermal slowdown" }, { 0x80, "hardware power brake" }
    };
    int used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < sizeof named / sizeof *named; i++)
        if (reasons & named[i].bit && used < size)
            used += snprintf(text + used, (size_t)(size - used), "%s%s", used ? ", " : "", named[i].text);
}
