#include "limits.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct smallest {
    uint64_t value;
} smallest;

static void take(smallest *least, uint64_t value) {
    if (value < least->value) least->value = value;
}

static uint64_t less(uint64_t from, uint64_t taken) {
    return from > taken ? from - taken : 0;
}

/* --------------------------------------------------------------------------------------------------------------- files
 */

/* The number after `key` (NULL: the first one) in a file of numbers; 0: it is not there, or says "max". */
static int read_number(uint64_t *value, const char *path, const char *key) {
    FILE *file = fopen(path, "re");
    char line[512];
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        const size_t length = key ? strlen(key) : 0;
        if (length > 0 && (strncmp(line, key, length) != 0 || !strchr(": \t", line[length]))) continue;
        found = sscanf(line + length, "%*[: \t]%" SCNu64, value) == 1 || sscanf(line + length, "%" SCNu64, value) == 1;
        if (!found) break;
    }
    if (file) fclose(file);
    return found;
}

static int read_kilobytes(uint64_t *bytes, const char *root, const char *file, const char *key) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", root, file);
    if (!read_number(bytes, path, key)) return 0;
    *bytes *= 1024;
    return 1;
}

/* ------------------------------------------------------------------------------------------------------ control groups
 */

/* The path of the process's group: of version 2 with controller NULL, else of that controller of version 1. */
static int find_group(char group[PATH_MAX], const char *root, const char *controller) {
    char path[PATH_MAX], line[PATH_MAX + 256];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *place = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!place) continue;
        *place++ = 0;
        place[strcspn(place, "\n")] = 0;
        controllers++;
        if (!controller) {
            found = *controllers == 0;
        } else {
            const size_t length = strlen(controller);
            for (char *word = controllers; *word && !found; word += strcspn(word, ","), word += *word == ',')
                found = strncmp(word, controller, length) == 0 && (word[length] == 0 || word[length] == ',');
        }
        if (found) snprintf(group, PATH_MAX, "%s", place);
    }
    if (file) fclose(file);
    return found;
}

/* Calls visit with the folder of the group, and of each above it up to the mount. */
static void for_each_group(const char *root, const char *controller, void (*visit)(void *context, const char *folder),
                           void *context) {
    char group[PATH_MAX], folder[3 * PATH_MAX];
    if (!find_group(group, root, controller)) return;
    for (;;) {
        snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s%s%s", root, controller ? "/" : "",
                 controller ? controller : "", group[1] ? group : "");
        visit(context, folder);
        char *slash = strrchr(group, '/');
        if (!slash || group[1] == 0) return;
        slash[slash == group] = 0;
    }
}

static int read_in(uint64_t *value, const char *folder, const char *name, const char *key) {
    char path[4 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_number(value, path, key);
}

static void leave_memory(void *context, const char *folder) {
    uint64_t most, used = 0, cache = 0;
    if (!read_in(&most, folder, "memory.max", NULL)) return;
    read_in(&used, folder, "memory.current", NULL);
    read_in(&cache, folder, "memory.stat", "inactive_file");
    take(context, less(most, less(used, cache)));
}

static void leave_memory_1(void *context, const char *folder) {
    uint64_t most, used = 0, cache = 0;
    if (!read_in(&most, folder, "memory.limit_in_bytes", NULL)) return;
    read_in(&used, folder, "memory.usage_in_bytes", NULL);
    read_in(&cache, folder, "memory.stat", "total_inactive_file");
    take(context, less(most, less(used, cache)));
}

static void have_memory(void *context, const char *folder) {
    uint64_t most;
    if (read_in(&most, folder, "memory.max", NULL)) take(context, most);
}

static void have_memory_1(void *context, const char *folder) {
    uint64_t most;
    if (read_in(&most, folder, "memory.limit_in_bytes", NULL)) take(context, most);
}

/* In thousandths of a processor. */
static void take_quota(smallest *least, uint64_t quota, uint64_t period) {
    if (period > 0 && quota < UINT64_MAX / 1000) take(least, quota * 1000 / period);
}

static void have_processors(void *context, const char *folder) {
    char path[4 * PATH_MAX];
    uint64_t quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%" SCNu64 " %" SCNu64, &quota, &period) == 2) take_quota(context, quota, period);
    if (file) fclose(file);
}

static void have_processors_1(void *context, const char *folder) {
    uint64_t quota, period; /* a quota of -1 is none, and as a number without sign a very large one */
    if (read_in(&quota, folder, "cpu.cfs_quota_us", NULL) && read_in(&period, folder, "cpu.cfs_period_us", NULL))
        take_quota(context, quota, period);
}

/* ------------------------------------------------------------------------------------------------------------ together
 */

/* What a resource limit leaves beside what /proc says is used. */
static void take_resource(smallest *least, const char *root, int resource, const char *key) {
    struct rlimit limit;
    uint64_t used = 0;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    read_kilobytes(&used, root, "/proc/self/status", key);
    take(least, less(limit.rlim_cur, used));
}

uint64_t caviar_limits_memory(const char *root) {
    smallest least = { UINT64_MAX };
    uint64_t available;
    if (read_kilobytes(&available, root, "/proc/meminfo", "MemAvailable")) take(&least, available);
    for_each_group(root, NULL, leave_memory, &least);
    for_each_group(root, "memory", leave_memory_1, &least);
    take_resource(&least, root, RLIMIT_AS, "VmSize");
    take_resource(&least, root, RLIMIT_DATA, "VmData");
    return least.value;
}

uint64_t caviar_limits_memory_total(const char *root) {
    smallest least = { UINT64_MAX };
    uint64_t total;
    if (read_kilobytes(&total, root, "/proc/meminfo", "MemTotal")) take(&least, total);
    for_each_group(root, NULL, have_memory, &least);
    for_each_group(root, "memory", have_memory_1, &least);
    return least.value;
}

int caviar_limits_processors(const char *root) {
    smallest least = { UINT64_MAX };
    for_each_group(root, NULL, have_processors, &least);
    for_each_group(root, "cpu", have_processors_1, &least);
    if (least.value == UINT64_MAX) return INT32_MAX;
    const uint64_t whole = (least.value + 999) / 1000;
    return whole < 1 ? 1 : whole < INT32_MAX ? (int)whole : INT32_MAX;
}
