/* Images like handwritten digits, for tests: 8 x 8 pixels of 0 to 16, ten classes, from a fixed generator. */
#ifndef CAVIAR_TESTS_DIGITS_H
#define CAVIAR_TESTS_DIGITS_H

#include "blobs.h"

#include <math.h>

enum { DIGIT_SIDE = 8, DIGIT_PIXELS = DIGIT_SIDE * DIGIT_SIDE, DIGIT_CLASSES = 10, DIGIT_STROKES = 3 };

/* The ink of a line from (x0, y0) to (x1, y1) at a pixel: a pen that is blurred to about a pixel. */
static inline double digit_ink(const double *line, double x, double y) {
    const double dx = line[2] - line[0], dy = line[3] - line[1], length = dx * dx + dy * dy + 1e-9;
    const double along = fmin(fmax(((x - line[0]) * dx + (y - line[1]) * dy) / length, 0), 1);
    const double away_x = x - line[0] - along * dx, away_y = y - line[1] - along * dy;
    return exp(-(away_x * away_x + away_y * away_y));
}

/* A class is three strokes; an example of it is shifted by up to a pixel, and noise is added. */
static inline caviar_dataset *make_digits(int64_t examples, uint64_t seed) {
    uint8_t *pixels = malloc((size_t)examples * DIGIT_PIXELS);
    int32_t *labels = malloc((size_t)examples * sizeof *labels);
    double strokes[DIGIT_CLASSES][DIGIT_STROKES][4];
    uint64_t state = seed * 2 + 1;
    for (int c = 0; c < DIGIT_CLASSES; c++)
        for (int i = 0; i < DIGIT_STROKES * 4; i++)
            strokes[c][i / 4][i % 4] = 0.5 + (DIGIT_SIDE - 2) * blob_uniform(&state);
    for (int64_t e = 0; e < examples; e++) {
        const double shift_x = 2 * blob_uniform(&state) - 1, shift_y = 2 * blob_uniform(&state) - 1;
        labels[e] = (int32_t)(e % DIGIT_CLASSES);
        for (int i = 0; i < DIGIT_PIXELS; i++) {
            double ink = 0;
            for (int stroke = 0; stroke < DIGIT_STROKES; stroke++)
                ink = fmax(ink,
                           digit_ink(strokes[labels[e]][stroke], i % DIGIT_SIDE + shift_x, i / DIGIT_SIDE + shift_y));
            const double noise = 8 * (blob_uniform(&state) + blob_uniform(&state) - 1);
            pixels[e * DIGIT_PIXELS + i] = (uint8_t)fmin(fmax(16 * ink + noise + 0.5, 0), 16);
        }
    }
    caviar_dataset *dataset = NULL;
    cr_assert_eq(caviar_dataset_create(&dataset, pixels, CAVIAR_UINT8, labels, examples, DIGIT_PIXELS, DIGIT_CLASSES),
                 CAVIAR_OK, "%s", caviar_last_error());
    free(pixels);
    free(labels);
    return dataset;
}

#endif
