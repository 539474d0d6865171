/* What control groups and resource limits leave of a machine, read from files of the test's own; and sizes that would
 * wrap. */
#include "folder.h"
#include "host/limits.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(limits, .init = make_folder, .fini = remove_folder);

static void put(const char *path, const char *text) {
    char name[256];
    snprintf(name, sizeof name, "%s/%s", folder, path);
    for (char *slash = strchr(name + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(name, 0777);
        *slash = '/';
    }
    write_text(path, text);
}

static void put_machine(void) {
    put("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n");
    put("proc/self/status", "Name:\tx\nVmSize:\t  100000 kB\nVmData:\t   50000 kB\n");
}

Test(limits, without_groups_the_machine_counts) {
    put_machine();
    cr_expect_eq(caviar_limits_memory(folder), UINT64_C(8000000) * 1024);
    cr_expect_eq(caviar_limits_memory_total(folder), UINT64_C(16000000) * 1024);
    cr_expect_eq(caviar_limits_processors(folder), INT32_MAX);
}

/* A group may have a limit or none ("max"), and the ones above it bind as well. Cache that can be dropped is free. */
Test(limits, every_group_above_binds) {
    put_machine();
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/a/memory.max", "1073741824\n");
    put("sys/fs/cgroup/a/memory.current", "600000000\n");
    put("sys/fs/cgroup/a/memory.stat", "anon 400000000\nfile 200000000\ninactive_file 150000000\n");
    put("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    cr_expect_eq(caviar_limits_memory(folder), 1073741824 - 450000000);
    cr_expect_eq(caviar_limits_memory_total(folder), 1073741824);
    cr_expect_eq(caviar_limits_processors(folder), 3);
    put("sys/fs/cgroup/a/b/memory.max", "100000000\n");
    put("sys/fs/cgroup/a/b/memory.current", "200000000\n");
    put("sys/fs/cgroup/a/b/cpu.max", "5000 100000\n");
    cr_expect_eq(caviar_limits_memory(folder), 0);
    cr_expect_eq(caviar_limits_processors(folder), 1);
}

/* Within a container its own group is the root of what it sees. */
Test(limits, a_container_s_root_binds) {
    put_machine();
    put("proc/self/cgroup", "0::/\n");
    put("sys/fs/cgroup/memory.max", "2000000000\n");
    put("sys/fs/cgroup/memory.current", "500000000\n");
    cr_expect_eq(caviar_limits_memory(folder), 1500000000);
}

Test(limits, version_1_binds_too) {
    put_machine();
    put("proc/self/cgroup", "12:pids:/x\n5:cpuacct,cpu:/x\n4:memory:/x/y\n");
    put("sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "3000000000\n");
    put("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1000000000\n");
    put("sys/fs/cgroup/memory/x/memory.stat", "cache 5\ntotal_inactive_file 400000000\n");
    put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "150000\n");
    put("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    cr_expect_eq(caviar_limits_memory(folder), 2400000000);
    cr_expect_eq(caviar_limits_processors(folder), 2);
}

Test(limits, resource_limits_bind) {
    put_machine();
    const struct rlimit some = { (rlim_t)300000 * 1024, RLIM_INFINITY };
    cr_assert(setrlimit(RLIMIT_DATA, &some) == 0);
    cr_expect_eq(caviar_limits_memory(folder), UINT64_C(250000) * 1024);
}

/* The estimate of 869,716,231 models was 10.6 GB once. */
Test(limits, sizes_do_not_wrap) {
    caviar_device *device;
    caviar_dataset *dataset;
    uint64_t last = 0;
    float points[8][2] = { { 0 } };
    const int32_t labels[8] = { 0, 1, 0, 1, 0, 1, 0, 1 };
    for (int i = 0; i < 8; i++) points[i][0] = (float)i;
    SUCCEEDS(caviar_device_open(&device, "cpu", 1));
    SUCCEEDS(caviar_dataset_create(&dataset, points, CAVIAR_FLOAT32, labels, 8, 2, 2));
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.batch_size = 4;
    options.hidden_layers = 8;
    for (int l = 0; l < 8; l++) options.hidden_width[l] = CAVIAR_MAX_WIDTH;
    static const int32_t models[] = { 1, 1000, 869716231, 1434000000, INT32_MAX };
    for (int i = 0; i < 5; i++) {
        uint64_t bytes;
        options.models = models[i];
        SUCCEEDS(caviar_population_estimate(&bytes, device, dataset, &options));
        const double least = (double)models[i] * 8 * 4096.0 * 4096 * 4 * 4; /* parameters, gradients and two moments */
        cr_expect(bytes > last && (double)bytes >= 0.8 * least, "%d models: %.3g bytes", models[i], (double)bytes);
        last = bytes;
    }
    caviar_population *population;
    REFUSES(caviar_population_create(&population, device, dataset, &options), CAVIAR_OUT_OF_DEVICE_MEMORY, "fewer");
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}
