/*
 * A plain matrix product. Sums are in double and in the order of k, so that they are at least as good as any in float;
 * blocks that stay in the cache make it a fraction of OpenBLAS' speed and not a hundredth.
 */
#include "cblas.h"

enum { ROWS = 32, COLUMNS = 32, DEPTH = 256 };

static float at(const float *matrix, int transposed, int stride, int row, int column) {
    return transposed ? matrix[(long)column * stride + row] : matrix[(long)row * stride + column];
}

static int least(int a, int b) {
    return a < b ? a : b;
}

/* One block of c. */
static void multiply(const float *a, int ta, int lda, const float *b, int tb, int ldb, int rows, int columns, int depth,
                     int row, int column, double sums[ROWS][COLUMNS]) {
    static _Thread_local float packed[DEPTH][COLUMNS];
    for (int first = 0; first < depth; first += DEPTH) {
        const int count = least(DEPTH, depth - first);
        for (int l = 0; l < count; l++)
            for (int j = 0; j < COLUMNS; j++) packed[l][j] = j < columns ? at(b, tb, ldb, first + l, column + j) : 0;
        for (int i = 0; i < rows; i++)
            for (int l = 0; l < count; l++) {
                const double factor = (double)at(a, ta, lda, row + i, first + l);
                for (int j = 0; j < COLUMNS; j++) sums[i][j] += factor * (double)packed[l][j];
            }
    }
}

void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, blasint m, blasint n,
                 blasint k, float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                 blasint ldc) {
    (void)order; /* there is only one */
    for (int row = 0; row < m; row += ROWS)
        for (int column = 0; column < n; column += COLUMNS) {
            double sums[ROWS][COLUMNS] = { { 0 } };
            const int rows = least(ROWS, m - row), columns = least(COLUMNS, n - column);
            multiply(a, transpose_a == CblasTrans, lda, b, transpose_b == CblasTrans, ldb, rows, columns, k, row,
                     column, sums);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) {
                    float *const to = &c[(long)(row + i) * ldc + column + j];
                    const double old = beta == 0 ? 0 : (double)beta * (double)*to;
                    *to = (float)((double)alpha * sums[i][j] + old);
                }
        }
}

int openblas_get_num_threads(void) {
    return 1;
}

void openblas_set_num_threads(int threads) {
    (void)threads;
}
