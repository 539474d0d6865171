#include "activation.h"

#include "cpu.h"
#include "exponential.h"
#include "kernels/randomness.h"

#ifdef CAVIAR_X86_VECTORS
#include <immintrin.h>
#endif

typedef caviar_cpu_block block;

/* name(block): each of its elements x becomes `expression`. */
#define DEFINE_ACTIVATION(name, expression)                                                                            \
    CAVIAR_VECTORISED static void name(const block *b) {                                                               \
        for (int64_t i = 0; i < b->rows; i++)                                                                          \
            for (int64_t j = 0; j < b->columns; j++) {                                                                 \
                float *at = b->data + i * b->stride + j;                                                               \
                const float x = *at;                                                                                   \
                *at = (expression);                                                                                    \
            }                                                                                                          \
    }

/* name(gradient, a): each element of the gradient is multiplied by `expression` of the element x of a. */
#define DEFINE_SLOPE(name, expression)                                                                                 \
    CAVIAR_VECTORISED static void name(const block *gradient, const block *a) {                                        \
        for (int64_t i = 0; i < a->rows; i++) {                                                                        \
            float *restrict g = gradient->data + i * gradient->stride;                                                 \
            const float *restrict input = a->data + i * a->stride;                                                     \
            for (int64_t j = 0; j < a->columns; j++) {                                                                 \
                const float x = input[j];                                                                              \
                g[j] *= (expression);                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The slopes of two functions where their value is y. */
CAVIAR_INLINE float slope_of_tanh(float y) {
    return 1 - y * y;
}

CAVIAR_INLINE float slope_of_sigmoid(float y) {
    return y * (1 - y);
}

DEFINE_ACTIVATION(relu, caviar_relu(x))
DEFINE_SLOPE(relu_slope, caviar_relu_slope(x))
DEFINE_ACTIVATION(tanh_of, caviar_tanh(x))
DEFINE_SLOPE(tanh_slope, slope_of_tanh(caviar_tanh(x)))
DEFINE_ACTIVATION(sigmoid, caviar_sigmoid(x))
DEFINE_SLOPE(sigmoid_slope, slope_of_sigmoid(caviar_sigmoid(x)))

void caviar_cpu_activate(const block *x, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu(x); break;
    case CAVIAR_TANH: tanh_of(x); break;
    case CAVIAR_SIGMOID: sigmoid(x); break;
    }
}

void caviar_cpu_activation_slope(const block *gradient, const block *a, caviar_activation activation) {
    switch (activation) {
    case CAVIAR_IDENTITY: break;
    case CAVIAR_RELU: relu_slope(gradient, a); break;
    case CAVIAR_TANH: tanh_slope(gradient, a); break;
    case CAVIAR_SIGMOID: sigmoid_slope(gradient, a); break;
    }
}

caviar_cpu_dropout caviar_cpu_dropout_of(const caviar_dropout *dropout, int64_t model) {
    caviar_cpu_dropout d = { 0 };
    if (!dropout->rate || dropout->rate[model] == 0) return d;
    d.rate = dropout->rate[model];
    d.scale = 1 / (1 - d.rate);
    d.threshold = caviar_dropout_threshold(d.rate);
    d.seed = dropout->seed;
    d.subsequence = caviar_subsequence(CAVIAR_PURPOSE_DROPOUT, dropout->layer, dropout->stream[model]);
    d.step = dropout->step[model];
    return d;
}

/* Element j of row i takes words[i][j]. */
typedef uint32_t tile_words[CAVIAR_CPU_ROWS][CAVIAR_CPU_TILE];

static uint64_t counter_of(const block *b, const caviar_cpu_dropout *d, int64_t row) {
    return caviar_dropout_counter(d->step, b->first + row, b->unit);
}

CAVIAR_VECTORISED static void row_of_words(uint32_t *restrict words, const caviar_cpu_dropout *restrict d,
                                           uint64_t counter, int64_t blocks) {
    for (int64_t i = 0; i < blocks; i++) {
        const caviar_words four = caviar_philox(d->seed, d->subsequence, counter + (uint64_t)i);
        words[4 * i] = four.word[0];
        words[4 * i + 1] = four.word[1];
        words[4 * i + 2] = four.word[2];
        words[4 * i + 3] = four.word[3];
    }
}

#ifdef CAVIAR_X86_VECTORS
/* Of Philox4x32-10: what its words are multiplied by, and what is added to its key in each round. */
static const uint32_t philox_multiplier[2] = { 0xD2511F53, 0xCD9E8D57 },
                      philox_increment[2] = { 0x9E3779B9, 0xBB67AE85 };

/*
 * The words of two whole rows of a tile, a lane of 64 bits for each four. GCC makes 64-bit products of Philox's of 32
 * bits by 32, which takes three times as long.
 */
__attribute__((target("avx512f"))) static void two_rows_of_words(uint32_t *words, const block *b,
                                                                 const caviar_cpu_dropout *d, int64_t row) {
    const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11),
                  last = _mm512_add_epi64(first, _mm512_set1_epi64(4));
    const __m512i numbers = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    __m512i x[2][4]; /* of the upper half of a lane nothing is read */
    for (int i = 0; i < 2; i++) {
        x[i][0] = _mm512_add_epi64(_mm512_set1_epi64((int64_t)counter_of(b, d, row + i)), numbers);
        x[i][1] = _mm512_srli_epi64(x[i][0], 32);
        x[i][2] = _mm512_set1_epi64((int64_t)d->subsequence);
        x[i][3] = _mm512_srli_epi64(x[i][2], 32);
    }
    uint32_t key0 = (uint32_t)d->seed, key1 = (uint32_t)(d->seed >> 32);
    for (int round = 0; round < 10; round++, key0 += philox_increment[0], key1 += philox_increment[1])
        for (int i = 0; i < 2; i++) {
            const __m512i p = _mm512_mul_epu32(x[i][0], _mm512_set1_epi64(philox_multiplier[0]));
            const __m512i q = _mm512_mul_epu32(x[i][2], _mm512_set1_epi64(philox_multiplier[1]));
            x[i][0] = _mm512_srli_epi64(q, 32) ^ x[i][1] ^ _mm512_set1_epi64(key0);
            x[i][2] = _mm512_srli_epi64(p, 32) ^ x[i][3] ^ _mm512_set1_epi64(key1);
            x[i][1] = q;
            x[i][3] = p;
        }
    for (int i = 0; i < 2; i++, words += CAVIAR_CPU_TILE) {
        const __m512i low = _mm512_mask_blend_epi32(0xaaaa, x[i][0], _mm512_slli_epi64(x[i][1], 32));
        const __m512i high = _mm512_mask_blend_epi32(0xaaaa, x[i][2], _mm512_slli_epi64(x[i][3], 32));
        _mm512_storeu_si512(words, _mm512_permutex2var_epi64(low, first, high));
        _mm512_storeu_si512(words + CAVIAR_CPU_TILE / 2, _mm512_permutex2var_epi64(low, last, high));
    }
}
#endif

static void find_words(tile_words words, const block *b, const caviar_cpu_dropout *d) {
#ifdef CAVIAR_X86_VECTORS
    if (__builtin_cpu_supports("avx512f")) {
        for (int64_t i = 0; i < b->rows; i += 2) two_rows_of_words(words[i], b, d, i);
        return;
    }
#endif
    for (int64_t i = 0; i < b->rows; i++) row_of_words(words[i], d, counter_of(b, d, i), (b->columns + 3) / 4);
}

CAVIAR_VECTORISED static void apply_mask(float *restrict x, const uint32_t *restrict words, uint32_t threshold,
                                         float scale, int64_t count) {
    for (int64_t j = 0; j < count; j++) x[j] = words[j] >= threshold ? x[j] * scale : 0;
}

void caviar_cpu_drop(const block *b, const caviar_cpu_dropout *d) {
    if (d->rate == 0) return;
    tile_words words;
    find_words(words, b, d);
    for (int64_t i = 0; i < b->rows; i++)
        apply_mask(b->data + i * b->stride, words[i], d->threshold, d->scale, b->columns);
}
