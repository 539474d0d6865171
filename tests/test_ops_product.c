/*
 * The CPU's matrix products, by each kind of vector registers that this processor has: the bits of a plain chain of
 * fused multiply-adds whatever the tile, and nothing written, or read, beyond the operands.
 */
#include "host/cpu/product.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint32_t state;

static float number(void) {
    state = state * 1664525u + 1013904223u;
    return (float)(int32_t)state * 0x1p-31f;
}

/* Memory that ends with the last element, so that AddressSanitizer sees a read beyond it. */
static float *numbers(int64_t count) {
    float *memory = malloc((size_t)(count > 0 ? count : 1) * sizeof *memory);
    for (int64_t i = 0; i < count; i++) memory[i] = number();
    return memory;
}

static caviar_cpu_factor factor(const float *data, int64_t rows, int64_t columns, int transposed, int64_t gap) {
    return transposed ? (caviar_cpu_factor){ data, 1, rows + gap } : (caviar_cpu_factor){ data, columns + gap, 1 };
}

static int64_t extent(int64_t rows, int64_t columns, int transposed, int64_t gap) {
    const int64_t lines = transposed ? columns : rows, length = transposed ? rows : columns;
    return lines == 0 ? 0 : (lines - 1) * (length + gap) + length;
}

/* Where the way has no fused multiply-add, each term is rounded once more. */
static int is_near(float got, float expected, int64_t depth, int fused) {
    return fused ? memcmp(&got, &expected, sizeof got) == 0
                 : fabsf(got - expected) <= (float)(depth + 1) * (float)depth * 0x1p-23f;
}

static void check(caviar_cpu_product_function *product, const char *name, const int64_t *size, int kind) {
    const int64_t rows = size[0], depth = size[1], columns = size[2], gap = kind & 4 ? 3 : 0, c_row = columns + gap;
    state = 20261125u + (uint32_t)kind;
    float *left = numbers(extent(rows, depth, kind & 1, gap)), *right = numbers(extent(depth, columns, kind & 2, gap));
    const int64_t count = (rows - 1) * c_row + columns;
    float *c = numbers(count);
    for (int64_t i = 0; i < count; i++) c[i] = NAN;
    const caviar_cpu_factor a = factor(left, rows, depth, kind & 1, gap);
    const caviar_cpu_factor b = factor(right, depth, columns, kind & 2, gap);
    product(c, c_row, a, b, rows, columns, depth);
    const int fused = strcmp(name, "portable") != 0;
    for (int64_t at = 0; at < count; at++) {
        const int64_t i = at / c_row, j = at % c_row;
        if (j >= columns) {
            cr_assert(isnan(c[at]), "%s %d: wrote behind row %lld", name, kind, (long long)i);
            continue;
        }
        float sum = 0;
        for (int64_t k = 0; k < depth; k++)
            sum = fmaf(a.data[i * a.row + k * a.column], b.data[k * b.row + j * b.column], sum);
        cr_assert(is_near(c[at], sum, depth, fused), "%s %d [%lld, %lld, %lld]: (%lld, %lld) is %.9g and not %.9g",
                  name, kind, (long long)rows, (long long)depth, (long long)columns, (long long)i, (long long)j,
                  (double)c[at], (double)sum);
    }
    free(left);
    free(right);
    free(c);
}

/* Either side of tiles of 1, 4, 6 and 12 rows and of what is left beside them, of registers of 4, 8 and 16, of panels
 * of 8, 16 and 64 columns and 200 deep, of right factors read where they are (rows of up to 511, full registers or
 * more than 200 deep) and copied; and an empty sum. */
Test(ops_product, by_every_way) {
    static const int64_t sizes[][3] = { { 1, 1, 1 },     { 5, 0, 7 },     { 6, 127, 16 },   { 7, 128, 17 },
                                        { 4, 129, 15 },  { 12, 64, 64 },  { 13, 65, 65 },   { 11, 260, 63 },
                                        { 23, 31, 33 },  { 10, 128, 48 }, { 18, 257, 130 }, { 2, 3, 100 },
                                        { 128, 40, 10 }, { 3, 1, 8 },     { 29, 7, 9 },     { 64, 12, 24 },
                                        { 8, 201, 64 },  { 9, 30, 480 },  { 9, 30, 512 },   { 15, 5, 528 },
                                        { 7, 230, 2 } };
    const char *name;
    int runs, ways = 0;
    caviar_cpu_product_function *product;
    for (int way = 0; (product = caviar_cpu_product_way(way, &name, &runs)) != NULL; way++)
        for (size_t i = 0; i < COUNT(sizes) && runs; i++)
            for (int kind = 0; kind < 8; kind++, ways++) check(product, name, sizes[i], kind);
    cr_assert(ways >= (int)COUNT(sizes) * 8);
}

/* NaN and infinities of the operands are in what they touch, and in nothing else. */
Test(ops_product, not_a_number_stays_in_its_row_and_column) {
    const char *name;
    int runs;
    caviar_cpu_product_function *product;
    for (int way = 0; (product = caviar_cpu_product_way(way, &name, &runs)) != NULL; way++) {
        if (!runs) continue;
        enum { ROWS = 14, DEPTH = 130, COLUMNS = 70 };
        float *a = numbers(ROWS * DEPTH), *b = numbers(DEPTH * COLUMNS), *c = numbers(ROWS * COLUMNS);
        a[5 * DEPTH + 129] = NAN;
        b[3 * COLUMNS + 65] = INFINITY;
        product(c, COLUMNS, (caviar_cpu_factor){ a, DEPTH, 1 }, (caviar_cpu_factor){ b, COLUMNS, 1 }, ROWS, COLUMNS,
                DEPTH);
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLUMNS; j++)
                cr_assert(!isfinite(c[i * COLUMNS + j]) == (i == 5 || j == 65), "%s: (%d, %d) is %g", name, i, j,
                          (double)c[i * COLUMNS + j]);
        free(a);
        free(b);
        free(c);
    }
}
