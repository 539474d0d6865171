/* Facts about the machine, the build and the source. */
#include "header.h"

#include "commit.h" /* made by the build: BENCH_COMMIT, BENCH_CHANGED */
#include "system.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* What follows "key :" in /proc/cpuinfo, of the first processor. */
static void read_processor(const char *key, char *value, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512];
    value[0] = '\0';
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    if (file) fclose(file);
}

static json_t *text_or_null(const char *text) {
    return text[0] ? json_string(text) : json_null();
}

static void warn(json_t *warnings, const char *text) {
    json_array_append_new(warnings, json_string(text));
}

/* Load before the suite began is other people's work. */
static void warn_of_load(json_t *warnings, double load, long cores) {
    char text[160];
    if (load < 0.25 * (double)cores) return;
    snprintf(text, sizeof text, "the machine is busy: load average %.2f on %ld processors before the measurement", load,
             cores);
    warn(warnings, text);
}

static json_t *of_host(json_t *warnings) {
    char model[128], frequency[64], governor[64];
    struct utsname system;
    double load[3] = { 0, 0, 0 };
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    read_processor("model name", model, sizeof model);
    read_processor("cpu MHz", frequency, sizeof frequency);
    bench_read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor, sizeof governor);
    if (getloadavg(load, 3) != 3) load[0] = load[1] = load[2] = 0;
    if (uname(&system)) system.release[0] = '\0';
    warn_of_load(warnings, load[0], cores);
    if (governor[0] && strcmp(governor, "performance") != 0) {
        char text[160];
        snprintf(text, sizeof text, "the frequency governor is \"%s\", not \"performance\"", governor);
        warn(warnings, text);
    }
    return json_pack("{s:o, s:I, s:o, s:o, s:[f,f,f], s:I, s:s}", "processor", text_or_null(model), "processors",
                     (json_int_t)cores, "frequency_mhz", frequency[0] ? json_real(atof(frequency)) : json_null(),
                     "governor", text_or_null(governor), "load_average", load[0], load[1], load[2],
                     "last_level_cache_bytes", (json_int_t)bench_last_caches(BENCH_CACHES, 1), "kernel",
                     system.release);
}

static json_t *of_nvml(const bench_nvml *nvml) {
    bench_nvml_state s;
    if (!nvml) return json_null();
    bench_nvml_read(&s, nvml);
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:f}", "driver", s.driver, "sm_clock_mhz", (int)s.sm_clock,
                     "memory_clock_mhz", (int)s.memory_clock, "most_sm_clock_mhz", (int)s.most_sm_clock,
                     "most_memory_clock_mhz", (int)s.most_memory_clock, "temperature_celsius", (int)s.temperature,
                     "power_watts", 1e-3 * s.power);
}

static json_t *of_gpu(caviar_device *device, const bench_nvml *nvml, json_t *warnings) {
    bench_gpu_facts f;
    if (!bench_is_gpu(device) || bench_gpu_describe(&f, device)) return json_null();
    if (!nvml) warn(warnings, "NVML could not be loaded: clocks and throttling are not known");
    const char *override = bench_tf32_override();
    if (override)
        warn(warnings, *override == '0'
                           ? "NVIDIA_TF32_OVERRIDE is 0, which keeps cuBLAS from TF32: unset it to measure that too"
                           : "NVIDIA_TF32_OVERRIDE is set: what says fp32 was computed in TF32; unset it");
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:I, s:i, s:i, s:o}", "pci_bus", f.bus, "compute_capability",
                     10 * f.major + f.minor, "multiprocessors", f.multiprocessors, "cuda_driver_version", f.driver,
                     "cuda_runtime_version", f.runtime, "l2_bytes", (json_int_t)f.l2_bytes, "most_sm_clock_khz",
                     f.clock_khz, "most_memory_clock_khz", f.memory_clock_khz, "nvml", of_nvml(nvml));
}

/* For names of files: lower case, - between words, without what stands in brackets; a processor's begins with cpu. */
static void make_slug(char *slug, size_t size, const caviar_device_info *info) {
    size_t used = (size_t)snprintf(slug, size, "%s", strcmp(info->name, "cpu") ? "" : "cpu-");
    for (const char *text = info->description; *text && used + 1 < size; text++) {
        const char *end = *text == '(' ? strchr(text, ')') : NULL;
        if (end) text = end;
        const int keeps = isalnum((unsigned char)*text);
        if (keeps || (used && slug[used - 1] != '-')) slug[used++] = keeps ? (char)tolower((unsigned char)*text) : '-';
    }
    while (used && slug[used - 1] == '-') used--;
    slug[used] = '\0';
}

static json_t *of_device(caviar_device *device, const bench_nvml *nvml, json_t *warnings) {
    caviar_device_info info = { .name = "" };
    char slug[80];
    if (caviar_device_get_info(&info, device)) return json_null();
    make_slug(slug, sizeof slug, &info);
    return json_pack("{s:s, s:s, s:s, s:i, s:I, s:o}", "name", info.name, "description", info.description, "slug", slug,
                     "threads", info.threads, "memory_bytes", (json_int_t)info.memory_total, "gpu",
                     of_gpu(device, nvml, warnings));
}

static json_t *of_build(void) {
#if defined(__clang__)
    const char *compiler = __VERSION__;
#else
    const char *compiler = "GCC " __VERSION__;
#endif
    return json_pack("{s:s, s:s, s:s, s:s, s:b}", "version", caviar_version(), "compiler", compiler, "cuda_compiler",
                     BENCH_CUDA_COMPILER, "commit", BENCH_COMMIT, "uncommitted_changes", BENCH_CHANGED);
}

json_t *bench_header(caviar_device *device, const bench_nvml *nvml, int argc, char **argv, json_t *warnings) {
    char date[64];
    const time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_t *command = json_array();
    for (int i = 1; i < argc; i++) json_array_append_new(command, json_string(argv[i]));
    if (BENCH_CHANGED) warn(warnings, "built from sources with uncommitted changes");
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "date", date, "arguments", command, "device",
                     of_device(device, nvml, warnings), "host", of_host(warnings), "build", of_build());
}
