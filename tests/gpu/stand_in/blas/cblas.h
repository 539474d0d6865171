/* As much of OpenBLAS as the CPU device uses, for where it is not at hand (tests/gpu): cblas.c beside this. */
#ifndef CAVIAR_STAND_IN_CBLAS_H
#define CAVIAR_STAND_IN_CBLAS_H

typedef int blasint;
typedef enum CBLAS_ORDER { CblasRowMajor = 101 } CBLAS_ORDER;
typedef enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 } CBLAS_TRANSPOSE;

/* c = alpha op(a) op(b) + beta c, op(a) [m, k], op(b) [k, n]; with beta 0 c is not read. */
void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, blasint m, blasint n,
                 blasint k, float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                 blasint ldc);

/* It has one thread, the caller's. */
int openblas_get_num_threads(void);
void openblas_set_num_threads(int threads);

#endif
