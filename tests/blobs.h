/* A small synthetic classification problem for tests: Gaussian-like clouds, one a class, from a fixed generator. */
#ifndef CAVIAR_TESTS_BLOBS_H
#define CAVIAR_TESTS_BLOBS_H

#include <caviar/caviar.h>
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>

static inline double blob_uniform(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

/* Class c's cloud is centred on a corner of the cube [-1, 1]^features; `spread` 0.5 is easy, 2 is hard. */
static inline caviar_dataset *make_blobs(int64_t examples, int64_t features, int64_t classes, double spread,
                                         uint64_t seed) {
    float *x = malloc((size_t)(examples * features) * sizeof *x);
    int32_t *labels = malloc((size_t)examples * sizeof *labels);
    uint64_t state = seed * 2 + 1;
    for (int64_t i = 0; i < examples; i++) {
        labels[i] = (int32_t)(i % classes);
        for (int64_t f = 0; f < features; f++) {
            const double noise = blob_uniform(&state) + blob_uniform(&state) + blob_uniform(&state) - 1.5;
            x[i * features + f] = (float)(((labels[i] >> (f % 8)) & 1 ? 1 : -1) + 2 * spread * noise);
        }
    }
    caviar_dataset *dataset = NULL;
    cr_assert_eq(caviar_dataset_create(&dataset, x, CAVIAR_FLOAT32, labels, examples, features, classes), CAVIAR_OK,
                 "%s", caviar_last_error());
    free(x);
    free(labels);
    return dataset;
}

#endif
