/*
 * Matrix products of one model on one thread.
 *
 * Networks of a population are small: a product's operands lie in the second cache, and copying both of them into the
 * order that a BLAS wants takes a tenth and more of its time, for the minibatch once a model although all models read
 * the same. Here the left factor is read where it is, and the right one too, unless it is transposed, its rows are long
 * or, in shallow factors, its columns do not fill vector registers: then it is copied, panel by panel.
 */
#ifndef CAVIAR_HOST_CPU_PRODUCT_H
#define CAVIAR_HOST_CPU_PRODUCT_H

#include <stdint.h>

/* A matrix to read: element (i, j) is data[i * row + j * column]. */
typedef struct caviar_cpu_factor {
    const float *data;
    int64_t row, column;
} caviar_cpu_factor;

/*
 * c(i, j) = sum over k of a(i, k) b(k, j), of [rows, depth] and [depth, columns]; row i of c starts at c + i * c_row.
 * Each sum starts at 0 and takes k in ascending order, by fused multiply-adds where the processor has them: its bits
 * depend on nothing but its own row and column, and are the same on all processors that have them. An empty sum is 0.
 */
typedef void caviar_cpu_product_function(float *c, int64_t c_row, caviar_cpu_factor a, caviar_cpu_factor b,
                                         int64_t rows, int64_t columns, int64_t depth);

/* By the widest vector registers of this processor. */
caviar_cpu_product_function caviar_cpu_product;

/* Each of the ways that there are, for tests: number `index`, or NULL beyond the last; *runs: whether it can run here.
 */
caviar_cpu_product_function *caviar_cpu_product_way(int index, const char **name, int *runs);

#endif
