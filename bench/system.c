#include "system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_read_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "re");
    line[0] = '\0';
    if (!file) return;
    if (!fgets(line, (int)size, file)) line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

/* How many there are in a list such as 0-3,8-11. */
static int processors_of(const char *list) {
    int count = 0;
    for (const char *at = list; *at;) {
        char *end;
        const long first = strtol(at, &end, 10);
        if (end == at) break;
        const long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        count += (int)(last - first) + 1;
        at = *end == ',' ? end + 1 : end;
    }
    return count;
}

static int64_t bytes_of(const char *size) {
    char *unit;
    const int64_t number = strtoll(size, &unit, 10);
    return *unit == 'G' ? number << 30 : *unit == 'M' ? number << 20 : *unit == 'K' ? number << 10 : number;
}

int64_t bench_last_caches(const char *folder, int threads) {
    char path[512], level[16], size[32] = "", sharing[256] = "";
    long last = 0;
    for (int i = 0;; i++) {
        snprintf(path, sizeof path, "%s/index%d/level", folder, i);
        bench_read_line(path, level, sizeof level);
        if (!*level) break;
        if (atol(level) <= last) continue;
        last = atol(level);
        snprintf(path, sizeof path, "%s/index%d/size", folder, i);
        bench_read_line(path, size, sizeof size);
        snprintf(path, sizeof path, "%s/index%d/shared_cpu_list", folder, i);
        bench_read_line(path, sharing, sizeof sharing);
    }
    const int processors = processors_of(sharing);
    return bytes_of(size) * (processors > 0 ? (threads + processors - 1) / processors : 1);
}

const char *bench_tf32_override(void) {
    const char *set = getenv("NVIDIA_TF32_OVERRIDE");
    return set && *set ? set : NULL;
}
