/*
 * Built with -ffp-contract=fast (cmake/products.cmake): a product and its sum are one fused multiply-add where the
 * target has it.
 */
#include "product.h"

#include <stddef.h>
#include <string.h>

/* No function with vectors among its arguments is called from outside this file. */
#pragma GCC diagnostic ignored "-Wpsabi"

/*
 * Tiles are inlined with constant sizes and unrolled, or their sums would not stay in registers. Sanitizers would check
 * each element of that, which takes minutes to compile: they get the loops as they stand.
 */
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#if SANITIZED
#define INLINE static
#define UNROLLED
#else
#define INLINE __attribute__((always_inline)) static inline
#define UNROLLED _Pragma("GCC unroll 16")
#endif

enum {
    TALL = 6, /* rows of a tile; twice as many where it is one register wide */
    TALLEST = 2 * TALL,
    PANEL_DEPTH = 200, /* of copies; a panel of 64 columns takes 50 KiB of the second cache */
    LINE = 16,         /* floats of a line of a cache */
    LONG_ROW = 512     /* of a right factor, from which on it is copied: such rows fall on few sets of a cache */
};

typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

/* Writes four columns of four numbers each as rows. */
INLINE void transpose(float *to, int64_t to_row, const float *from, int64_t from_column) {
    const four a = *(const four *)from, b = *(const four *)(from + from_column);
    const four c = *(const four *)(from + 2 * from_column), d = *(const four *)(from + 3 * from_column);
    const four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const four ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(four *)(to + to_row) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(four *)(to + 2 * to_row) = __builtin_shufflevector(ef, gh, 0, 1, 4, 5);
    *(four *)(to + 3 * to_row) = __builtin_shufflevector(ef, gh, 2, 3, 6, 7);
}

#if defined(__x86_64__)

#define WAY(name) avx512_##name
#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma")))
#define LANES 16
#define WIDE 4
#include "product_way.h"

#define WAY(name) avx2_##name
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define WIDE 2
#include "product_way.h"

#endif

#define WAY(name) portable_##name
#define TARGET
#define LANES 4
#if defined(__aarch64__)
#define WIDE 4
#else
#define WIDE 2
#endif
#include "product_way.h"

typedef struct way {
    const char *name;
    caviar_cpu_product_function *product;
    int runs;
} way;

caviar_cpu_product_function *caviar_cpu_product_way(int index, const char **name, int *runs) {
    const way ways[] = {
#if defined(__x86_64__)
        { "avx512", avx512_product,
          __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") },
        { "avx2", avx2_product, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") },
#endif
        { "portable", portable_product, 1 },
        { NULL, NULL, 0 },
    };
    const int last = (int)(sizeof ways / sizeof *ways) - 1;
    const way *chosen = &ways[index < last ? index : last];
    *name = chosen->name;
    *runs = chosen->runs;
    return chosen->product;
}

void caviar_cpu_product(float *c, int64_t c_row, caviar_cpu_factor a, caviar_cpu_factor b, int64_t rows,
                        int64_t columns, int64_t depth) {
    const char *name;
    int index = 0, runs;
    caviar_cpu_product_function *product = caviar_cpu_product_way(index, &name, &runs);
    while (!runs) product = caviar_cpu_product_way(++index, &name, &runs);
    product(c, c_row, a, b, rows, columns, depth);
}
