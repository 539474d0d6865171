/* Dropout masks: how many are kept, that masks differ where they should, and that both directions use the same one. */
#include "cases.h"
#include "layer.h"

#include <math.h>

enum { BATCH = 101, WIDTH = 99, MODELS = 7 };
#define RATE 0.3

static const shape masks = { MODELS, BATCH, 0, WIDTH, EXAMPLE_MAJOR, DROPOUT, 0, "dropout masks" };

/*
 * A rate whose threshold is the word of element (b, j) of stream 5 and step 7 itself: such an element is kept. A float
 * holds the rate where the lowest 8 bits of the word are 0.
 */
static float rate_at_a_word(layer_operands *l, int64_t *b, int64_t *j) {
    for (*b = 0; *b < BATCH; ++*b)
        for (*j = 0; *j < WIDTH; ++*j) {
            const uint32_t word = dropout_word(l, 0, *b, *j);
            if (word % 256 == 0 && word < UINT32_MAX / 2) return (float)word * 0x1p-32f;
        }
    cr_assert(0, "no word is a float");
    return 0;
}

/* Model 1 repeats model 0; 2 has another stream, 3 the next step; 4 drops nothing, 5 nearly all; 6 is at a word. */
static void set_models(layer_operands *l) {
    static const float rates[MODELS] = { (float)RATE, (float)RATE, (float)RATE, (float)RATE, 0, 0.99f, (float)RATE };
    static const uint32_t streams[MODELS] = { 5, 5, 6, 5, 5, 5, 5 };
    static const int64_t steps[MODELS] = { 7, 7, 7, 8, 7, 7, 7 };
    for (int64_t k = 0; k < MODELS; k++) {
        WAS(float, l->rate, k, 0, 0) = rates[k];
        WAS(uint32_t, l->stream, k, 0, 0) = streams[k];
        WAS(int64_t, l->step, k, 0, 0) = steps[k];
    }
}

/* Elements (b, j) of model k and (b + db, j + dj) of model m of which both or none are kept. */
static void check_agreement(const scene *s, const operand *y, int64_t k, int64_t m, int64_t db, int64_t dj) {
    double same = 0, n = 0;
    for (int64_t b = 0; b + db < BATCH; b++)
        for (int64_t j = 0; j + dj < WIDTH; j++) {
            same += (NOW(float, y, k, b, j) > 0) == (NOW(float, y, m, b + db, j + dj) > 0);
            n++;
        }
    const double p = RATE * RATE + (1 - RATE) * (1 - RATE);
    near(s, NULL, "agreement of two masks", k, db, dj, same / n, p, 4 * sqrt(p * (1 - p) / n));
}

static void check_masks(const scene *s, const operand *y, const operand *dz) {
    for (int64_t k = 0; k < 6; k++) {
        const double rate = k < 4 ? RATE : k == 4 ? 0 : 0.99, n = BATCH * WIDTH;
        double count = 0;
        for (int64_t b = 0; b < BATCH; b++)
            for (int64_t j = 0; j < WIDTH; j++) {
                const double value = (double)NOW(float, y, k, b, j);
                const int is_kept = value > 0;
                near(s, NULL, "y", k, b, j, value, is_kept ? 1 / (1 - rate) : 0, 1e-4 * is_kept / (1 - rate));
                cr_assert(NOW(float, dz, k, b, j) == NOW(float, y, k, b, j), "the backward pass has another mask");
                count += is_kept;
            }
        near(s, NULL, "the part that is kept", k, 0, 0, count / n, 1 - rate, 4 * sqrt(rate * (1 - rate) / n));
    }
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t j = 0; j < WIDTH; j++)
            cr_assert(NOW(float, y, 0, b, j) == NOW(float, y, 1, b, j), "one stream and step gave two masks");
    check_agreement(s, y, 0, 2, 0, 0);
    check_agreement(s, y, 0, 3, 0, 0);
    check_agreement(s, y, 0, 0, 1, 0);
    check_agreement(s, y, 0, 0, 0, 1);
    check_agreement(s, y, 0, 0, 0, 4);
    check_agreement(s, y, 0, 0, 1, 4);
}

void check_dropout_masks(caviar_device *device) {
    scene s;
    layer_operands l;
    scene_begin(&s, device, &masks, 0);
    put_layer(&s, &l);
    set_models(&l);
    int64_t at_b, at_j;
    WAS(float, l.rate, 6, 0, 0) = rate_at_a_word(&l, &at_b, &at_j);
    operand *ones = fill(&s, put_matrix(&s, 1, WIDTH, NULL), 1, 1);
    operand *bias = fill(&s, put_tensor(&s, 1, WIDTH, NULL, NULL), 0, 0);
    operand *y = output(put_matrix(&s, 1, WIDTH, NULL)), *dz = output(put_matrix(&s, 1, WIDTH, NULL));
    operand *other_layer = output(put_matrix(&s, 1, WIDTH, NULL));
    operand *dbias = output(put_tensor(&s, 1, WIDTH, NULL, NULL));
    caviar_call forward = { .op = CAVIAR_OP_bias_forward }, backward = { .op = CAVIAR_OP_bias_backward };
    forward.args.bias_forward = (caviar_bias_forward_args){ .z = matrix_of(ones),
                                                            .bias = tensor_of(bias),
                                                            .y = matrix_of(y),
                                                            .models = MODELS,
                                                            .batch = BATCH,
                                                            .width = WIDTH,
                                                            .dropout = dropout_of(&l) };
    backward.args.bias_backward = (caviar_bias_backward_args){ .z = matrix_of(ones),
                                                               .bias = tensor_of(bias),
                                                               .dy = matrix_of(ones),
                                                               .dz = matrix_of(dz),
                                                               .dbias = tensor_of(dbias),
                                                               .models = MODELS,
                                                               .batch = BATCH,
                                                               .width = WIDTH,
                                                               .dropout = dropout_of(&l) };
    scene_send(&s);
    run_call(device, &forward);
    run_call(device, &backward);
    forward.args.bias_forward.y = matrix_of(other_layer);
    forward.args.bias_forward.dropout.layer++;
    run_call(device, &forward);
    scene_fetch(&s);
    check_masks(&s, y, dz);
    cr_assert(NOW(float, y, 6, at_b, at_j) > 0, "a word that is the threshold is dropped");
    int64_t differ = 0;
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t j = 0; j < WIDTH; j++) differ += NOW(float, y, 0, b, j) != NOW(float, other_layer, 0, b, j);
    const double p = 2 * RATE * (1 - RATE), n = BATCH * WIDTH;
    near(&s, NULL, "how far the masks of two layers differ", 0, 0, 0, (double)differ / n, p, 4 * sqrt(p * (1 - p) / n));
    scene_end(&s);
}
