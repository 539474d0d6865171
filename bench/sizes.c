/* Parsing of sizes, and the walk over their combinations. */
#include "sizes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads one whole number and moves on behind it; -1: there is none, or it is out of range. */
static int64_t read_size(const char **text) {
    char *end;
    errno = 0;
    const long long value = strtoll(*text, &end, 10);
    if (end == *text || errno || value < 1 || value > INT32_MAX || **text < '0' || **text > '9') return -1;
    *text = end;
    return value;
}

static int fail(char *error, size_t error_size, const char *text, const char *why) {
    snprintf(error, error_size, "\"%s\" %s; write sizes as 64, as 1,64,256, as 256..4096*4 or as 100..500+100", text,
             why);
    return -1;
}

static int append(bench_sizes *sizes, int64_t value) {
    if (sizes->count == BENCH_MOST_SIZES) return -1;
    sizes->values[sizes->count++] = value;
    return 0;
}

/* Appends first .. last in steps; `how` is '*' or '+'. */
static int append_range(bench_sizes *sizes, int64_t first, int64_t last, char how, int64_t by) {
    for (int64_t value = first; value <= last; value = how == '*' ? value * by : value + by)
        if (append(sizes, value)) return -1;
    return 0;
}

int bench_sizes_parse(bench_sizes *sizes, const char *text, char *error, size_t error_size) {
    bench_sizes read = { .count = 0 };
    const char *at = text;
    for (;;) {
        const int64_t first = read_size(&at);
        if (first < 0) return fail(error, error_size, text, "has something that is no whole number of 1 to 2^31 - 1");
        if (!strncmp(at, "..", 2)) {
            at += 2;
            const int64_t last = read_size(&at);
            const char how = *at;
            if (last < first) return fail(error, error_size, text, "has a range that ends before it begins");
            if (how != '*' && how != '+') return fail(error, error_size, text, "has a range without *FACTOR or +STEP");
            at++;
            const int64_t by = read_size(&at);
            if (by < (how == '*' ? 2 : 1)) return fail(error, error_size, text, "has a range that does not advance");
            if (append_range(&read, first, last, how, by))
                return fail(error, error_size, text, "has more than 64 sizes");
        } else if (append(&read, first)) {
            return fail(error, error_size, text, "has more than 64 sizes");
        }
        if (!*at) break;
        if (*at++ != ',') return fail(error, error_size, text, "has something other than a comma between sizes");
    }
    *sizes = read;
    return 0;
}

/* Takes one digit of the index, in the base of how many values there are. */
static int64_t pick(const bench_sizes *sizes, int used, int *index) {
    if (!used) return 0;
    const int64_t value = sizes->values[*index % sizes->count];
    *index /= sizes->count;
    return value;
}

int bench_grid_at(bench_size *size, const bench_grid *grid, unsigned uses, int index) {
    size->classes = pick(&grid->classes, uses & BENCH_CLASSES, &index);
    size->inputs = pick(&grid->inputs, uses & BENCH_INPUTS, &index);
    size->batch = pick(&grid->batch, uses & BENCH_BATCH, &index);
    size->width = pick(&grid->width, uses & BENCH_WIDTH, &index);
    size->models = pick(&grid->models, uses & BENCH_MODELS, &index);
    return index == 0;
}

void bench_size_name(char *text, size_t text_size, const bench_size *size) {
    const struct {
        const char *name;
        int64_t value;
    } parts[] = { { "models", size->models },
                  { "width", size->width },
                  { "batch", size->batch },
                  { "inputs", size->inputs },
                  { "classes", size->classes } };
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts && used < text_size; i++)
        if (parts[i].value)
            used +=
                (size_t)snprintf(text + used, text_size - used, " %s=%lld", parts[i].name, (long long)parts[i].value);
}
