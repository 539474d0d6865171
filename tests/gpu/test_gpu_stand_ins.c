/*
 * The stand-ins of tests/gpu beside what they stand in for: Random123 and OpenBLAS. Those for OpenBLAS are compiled
 * under names of their own.
 */
#include <Random123/philox.h>
#include <cblas.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

void stand_in_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);
void stand_in_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a,
                    int lda, const float *b, int ldb, float beta, float *c, int ldc);

static uint64_t state = 88172645463325252u;

static uint32_t word(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

Test(gpu_stand_ins, philox) {
    uint32_t out[4];
    stand_in_philox(out, (uint32_t[4]){ 0 }, (uint32_t[2]){ 0 });
    static const uint32_t known[4] = { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u };
    cr_assert(memcmp(out, known, sizeof out) == 0);
    for (int i = 0; i < 100000; i++) {
        const philox4x32_ctr_t counter = { { word(), word(), word(), word() } };
        const philox4x32_key_t key = { { word(), word() } };
        const philox4x32_ctr_t expected = philox4x32(counter, key);
        stand_in_philox(out, counter.v, key.v);
        cr_assert(memcmp(out, expected.v, sizeof out) == 0, "block %d", i);
    }
}

enum { MOST = 300 * 300 };
static float a[MOST], b[MOST], c[MOST], expected[MOST];

/* Bound: what summing k products in float may be off, in any order, both sides at most. */
static void compare(int ta, int tb, int m, int n, int k, int gap, float beta) {
    const int lda = (ta ? m : k) + gap, ldb = (tb ? k : n) + gap, ldc = n + gap;
    for (int i = 0; i < MOST; i++) {
        a[i] = (float)((int32_t)word() * 0x1p-31);
        b[i] = (float)((int32_t)word() * 0x1p-31);
        c[i] = expected[i] = beta == 0 ? NAN : (float)((int32_t)word() * 0x1p-31);
    }
    stand_in_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, 0.75f, a,
                   lda, b, ldb, beta, c, ldc);
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, 0.75f, a, lda,
                b, ldb, beta, expected, ldc);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < ldc; j++) {
            const int at = i * ldc + j;
            if (j < n)
                cr_assert(fabs((double)c[at] - (double)expected[at]) <= (k + 2) * 0x1p-24 * (k + 1),
                          "%d%d [%d, %d, %d]: element %d, %d is %g, not %g", ta, tb, m, n, k, i, j, (double)c[at],
                          (double)expected[at]);
            else
                cr_assert(beta == 0 ? isnan(c[at]) : c[at] == expected[at], "wrote into the gap of row %d", i);
        }
}

/* Sizes either side of the blocks (32, 32, 256) and of one. */
Test(gpu_stand_ins, products) {
    static const int sizes[][3] = { { 1, 1, 1 },     { 1, 33, 31 },   { 31, 1, 257 },  { 32, 32, 256 },
                                    { 33, 65, 255 }, { 64, 12, 258 }, { 128, 10, 64 }, { 5, 7, 3 } };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < 8; kind++)
            compare(kind & 1, kind >> 1 & 1, sizes[s][0], sizes[s][1], sizes[s][2], kind >> 2 & 1 ? 3 : 0,
                    kind == 7 ? 0.5f : 0);
}
