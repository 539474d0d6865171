/* The list of all cases: every operation, every product of a training step, whole steps. */
#include "cases.h"

#include "op.h"
#include "product.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The configurations whose floors the design was reckoned with: models, inputs, width, batch. */
static const struct {
    const char *name;
    int64_t models, inputs, width, batch;
} configurations[] = { { "A", 1024, 784, 64, 128 }, { "B", 4096, 64, 64, 128 }, { "C", 256, 784, 256, 256 } };
enum { CONFIGURATIONS = sizeof configurations / sizeof *configurations };

static bench_sizes one(int64_t value) {
    return (bench_sizes){ { value }, 1 };
}

/* One of the patterns, with a comma between, is somewhere in the name. */
static int matches(const char *filter, const char *name) {
    if (!filter) return 1;
    for (;;) {
        char pattern[256];
        const int length = (int)strcspn(filter, ",");
        snprintf(pattern, sizeof pattern, "*%.*s*", length, filter);
        if (fnmatch(pattern, name, 0) == 0) return 1;
        if (!filter[length]) return 0;
        filter += length + 1;
    }
}

/* Names the case `prefix`, then its sizes, and keeps it when the filter lets it pass and no case has that name yet. */
static void add(bench_cases *cases, const bench_request *request, const char *prefix, bench_case made) {
    char sizes[96];
    bench_size_name(sizes, sizeof sizes, &made.size);
    snprintf(made.name, sizeof made.name, "%s%s", prefix, sizes);
    if (!matches(request->filter, made.name) || cases->failed) return;
    for (int i = 0; i < cases->count; i++)
        if (!strcmp(cases->items[i].name, made.name)) return;
    if (cases->count == cases->capacity) {
        const int capacity = cases->capacity ? 2 * cases->capacity : 64;
        bench_case *items = realloc(cases->items, (size_t)capacity * sizeof *items);
        if (!items) {
            cases->failed = 1;
            return;
        }
        cases->items = items;
        cases->capacity = capacity;
    }
    cases->items[cases->count++] = made;
}

/* What was asked for takes the place of what is usual. */
static bench_grid replaced(const bench_grid *usual, const bench_request *r) {
    bench_grid grid = *usual;
    if (r->models) grid.models = *r->models;
    if (r->width) grid.width = *r->width;
    if (r->batch) grid.batch = *r->batch;
    if (r->inputs) grid.inputs = *r->inputs;
    if (r->classes) grid.classes = *r->classes;
    return grid;
}

static void add_kernels(bench_cases *cases, const bench_request *request) {
    const bench_grid usual = { { { 1, 64, 1024, 16384 }, 4 }, one(64), one(128), one(784), one(10) };
    const bench_grid grid = replaced(&usual, request);
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) {
        char prefix[64];
        bench_case made = { .group = BENCH_KERNEL, .index = op };
        snprintf(prefix, sizeof prefix, "kernel/%s", bench_ops[op]->name);
        for (int i = 0; bench_grid_at(&made.size, &grid, bench_ops[op]->uses, i); i++)
            add(cases, request, prefix, made);
    }
}

/* Of one layer from `in` to `out`: its three products, or two where x is the minibatch, whose gradient nobody wants. */
static void add_layer(bench_cases *cases, const bench_request *request, const char *configuration, int layer,
                      const bench_size *size, int shared) {
    for (int tf32 = 0; tf32 <= request->gpu; tf32++)
        for (int kind = BENCH_FORWARD; kind <= (shared ? BENCH_WEIGHT_GRADIENT : BENCH_INPUT_GRADIENT); kind++) {
            char prefix[64];
            snprintf(prefix, sizeof prefix, "product/%s.%d.%s.%s", configuration, layer, bench_product_names[kind],
                     tf32 ? "tf32" : "fp32");
            add(cases, request, prefix,
                (bench_case){ .group = BENCH_PRODUCT, .index = kind, .tf32 = tf32, .shared = shared, .size = *size });
        }
}

static void add_products(bench_cases *cases, const bench_request *request, int c) {
    const bench_grid usual = { one(configurations[c].models), one(configurations[c].width),
                               one(configurations[c].batch), one(configurations[c].inputs), one(10) };
    const bench_grid grid = replaced(&usual, request);
    bench_size size;
    for (int i = 0; bench_grid_at(&size, &grid, BENCH_MODELS | BENCH_WIDTH | BENCH_BATCH | BENCH_INPUTS, i); i++) {
        bench_size layer = size;
        add_layer(cases, request, configurations[c].name, 1, &layer, 1);
        layer.inputs = size.width;
        add_layer(cases, request, configurations[c].name, 2, &layer, 0);
        layer.width = 12; /* ten classes, padded */
        add_layer(cases, request, configurations[c].name, 3, &layer, 0);
    }
}

/* By each engine that the device has: step/NAME, and whole-step/NAME. */
static void add_steps(bench_cases *cases, const bench_request *request, const char *name, const bench_grid *usual) {
    const bench_grid grid = replaced(usual, request);
    const unsigned uses = BENCH_MODELS | BENCH_WIDTH | BENCH_BATCH | BENCH_INPUTS;
    for (int whole = 0; whole <= request->gpu; whole++) {
        bench_case made = { .group = BENCH_STEP, .index = whole ? CAVIAR_ENGINE_WHOLE_STEP : CAVIAR_ENGINE_LAYERED };
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%sstep/%s", whole ? "whole-" : "", name);
        for (int i = 0; bench_grid_at(&made.size, &grid, uses, i); i++) add(cases, request, prefix, made);
    }
}

/* Along the number of models, and along width and batch size where a GPU is full. */
static void add_sweep(bench_cases *cases, const bench_request *request) {
    const bench_grid along_models = {
        { { 1, 4, 16, 64, 256, 1024, 4096, 16384 }, 8 }, one(64), one(128), one(784), one(10)
    };
    const bench_grid along_width = { one(1024), { { 16, 32, 128, 256 }, 4 }, one(128), one(784), one(10) };
    const bench_grid along_batch = { one(1024), one(64), { { 16, 32, 64, 256, 512 }, 5 }, one(784), one(10) };
    add_steps(cases, request, "sweep", &along_models);
    add_steps(cases, request, "sweep", &along_width);
    add_steps(cases, request, "sweep", &along_batch);
}

void bench_cases_make(bench_cases *cases, const bench_request *request) {
    *cases = (bench_cases){ 0 };
    add_kernels(cases, request);
    for (int c = 0; c < CONFIGURATIONS; c++) add_products(cases, request, c);
    for (int c = 0; c < CONFIGURATIONS; c++) {
        const bench_grid usual = { one(configurations[c].models), one(configurations[c].width),
                                   one(configurations[c].batch), one(configurations[c].inputs), one(10) };
        add_steps(cases, request, configurations[c].name, &usual);
    }
    add_sweep(cases, request);
}

void bench_cases_free(bench_cases *cases) {
    free(cases->items);
    *cases = (bench_cases){ 0 };
}
