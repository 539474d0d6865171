/* Sizes as lists and ranges, and the sizes that a case has. */
#ifndef CAVIAR_BENCH_SIZES_H
#define CAVIAR_BENCH_SIZES_H

#include <stddef.h>
#include <stdint.h>

enum { BENCH_MOST_SIZES = 64 };

typedef struct bench_sizes {
    int64_t values[BENCH_MOST_SIZES];
    int count;
} bench_sizes;

/*
 * Reads "64", "1,64,256", "256..4096*4" (multiplied by 4 until 4096 is passed), "100..500+100" (added), and lists of
 * those. Returns 0, or -1 with a sentence in `error`: not a whole number of 1 to 2^31 - 1, an empty range, too many.
 */
int bench_sizes_parse(bench_sizes *sizes, const char *text, char *error, size_t error_size);

/* What a case may depend on; a size that it does not depend on is 0. */
typedef struct bench_size {
    int64_t models, width, batch, inputs, classes;
} bench_size;

enum { BENCH_MODELS = 1, BENCH_WIDTH = 2, BENCH_BATCH = 4, BENCH_INPUTS = 8, BENCH_CLASSES = 16 };

/* The values of each size that are asked for. */
typedef struct bench_grid {
    bench_sizes models, width, batch, inputs, classes;
} bench_grid;

/*
 * Walks all combinations of the sizes in `uses` (BENCH_MODELS | ...), models slowest: begin with index 0; returns 0
 * when `index` is past the last one.
 */
int bench_grid_at(bench_size *size, const bench_grid *grid, unsigned uses, int index);

/* Writes " models=64 width=64", naming the sizes that are not 0. */
void bench_size_name(char *text, size_t text_size, const bench_size *size);

#endif
