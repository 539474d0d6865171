/*
 * The promises of the CPU device about bits: the same on any number of threads, alone as among a thousand, with
 * padding as without; and a NaN stays in its model. Every op is held to each of them.
 */
#include "ops/cases.h"

#include <math.h>
#include <string.h>

#define MANY 1000

static caviar_device *cpu(int threads) {
    caviar_device *device = NULL;
    SUCCEEDS(caviar_cpu_open(&device, threads));
    return device;
}

/* What an op's `in` and `width` may be in these tests, padded and with all options. */
static shape general(caviar_op op, int64_t models) {
    shape general = { models, 5, 9, 11, MODEL_MAJOR, PADDED | ACTIVATION | DROPOUT | INACTIVE, 0, op_names[op] };
    if (op == CAVIAR_OP_softmax_cross_entropy)
        general.in = 12, general.width = 10, general.flags = GRADIENT | PROBABILITIES | LOSSES | PREDICTIONS;
    if (op == CAVIAR_OP_gather) general.in = 12, general.data = 1, general.batch = 57;
    if (op == CAVIAR_OP_optimizer_update) general.width = 20;
    if (op == CAVIAR_OP_sample) general.data = 0;
    return general;
}

/* Runs the op on a scene that `change` may have changed; the scene is to be ended by the caller. */
typedef void (*scene_change)(scene *s);
static void run_scene(scene *s, caviar_device *device, caviar_op op, const shape *size, int64_t first,
                      scene_change change) {
    caviar_call call = { .op = op };
    scene_begin(s, device, size, first);
    all_cases[op]->build(s, &call);
    if (change) change(s);
    scene_send(s);
    run_call(device, &call);
    scene_fetch(s);
}

static void check_same_memory(const scene *a, const scene *b, const char *what, int op) {
    cr_assert(a->count == b->count);
    for (int i = 0; i < a->count; i++)
        if (a->operands[i])
            cr_assert(memcmp(a->operands[i]->after, b->operands[i]->after, a->operands[i]->bytes) == 0,
                      "%s: %s changes operand %d", op_names[op], what, i);
}

Test(ops_bits, threads) {
    caviar_device *one = cpu(1), *two = cpu(2), *seven = cpu(7);
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) {
        const shape size = general((caviar_op)op, 123);
        scene a, b, c;
        run_scene(&a, one, (caviar_op)op, &size, 0, NULL);
        run_scene(&b, two, (caviar_op)op, &size, 0, NULL);
        run_scene(&c, seven, (caviar_op)op, &size, 0, NULL);
        check_same_memory(&a, &b, "a second thread", op);
        check_same_memory(&a, &c, "having more threads than processors", op);
        scene_end(&a);
        scene_end(&b);
        scene_end(&c);
    }
    one->table->close(one);
    two->table->close(two);
    seven->table->close(seven);
}

/* Model k of `many` is the only one of `alone`, which may be narrower: what it has must be the same, in every operand.
 */
static void check_same_model(const scene *many, int64_t k, const scene *alone, const char *what, int op) {
    cr_assert(many->count == alone->count);
    for (int i = 0; i < alone->count; i++) {
        const operand *a = alone->operands[i], *m = many->operands[i];
        if (!a || !m || !a->models) continue;
        for (int64_t r = 0; r < a->rows; r++)
            for (int64_t c = 0; c < a->columns; c++)
                cr_assert(memcmp(a->after + offset_of(a, 0, r, c), m->after + offset_of(m, k, r, c), a->size) == 0,
                          "%s: %s changes operand %d of model %lld at [%lld, %lld]", op_names[op], what, i,
                          (long long)k, (long long)r, (long long)c);
    }
}

/* Whatever an op writes to the padding of its outputs is 0. */
static void check_zero_padding(const scene *s, int op) {
    for (int i = 0; i < s->count; i++) {
        const operand *o = s->operands[i];
        for (int64_t k = 0; o && o->written && o->size == sizeof(float) && k < o->models; k++)
            for (int64_t r = 0; r < o->rows; r++)
                for (int64_t c = 0; c < o->columns; c++)
                    cr_assert((r < live_rows(o, k) && c < live_columns(o, k)) || unchanged(o, k, r, c) ||
                                  NOW(float, o, k, r, c) == 0,
                              "%s: the padding of operand %d of model %lld is %g", op_names[op], i, (long long)k,
                              (double)NOW(float, o, k, r, c));
    }
}

static int64_t width_in(const scene *s, int which, int64_t k, int64_t whole) {
    return s->operands[which] ? WAS(int32_t, s->operands[which], k, 0, 0) : whole;
}

/* The shape that model k of a padded scene has by itself. */
static shape true_shape(const scene *s, int op, int64_t k) {
    shape size = s->shape;
    size.models = 1;
    size.flags &= ~PADDED;
    switch (op) {
    case CAVIAR_OP_linear_forward:
    case CAVIAR_OP_linear_backward:
    case CAVIAR_OP_initialize: /* their first two operands are the widths of rows and columns */
        size.in = width_in(s, 0, k, size.in);
        size.width = width_in(s, 1, k, size.width);
        break;
    case CAVIAR_OP_batch_norm_forward:
    case CAVIAR_OP_batch_norm_backward:
    case CAVIAR_OP_batch_norm_inference:
    case CAVIAR_OP_bias_forward:
    case CAVIAR_OP_bias_backward: size.width = width_in(s, 0, k, size.width); break;
    case CAVIAR_OP_softmax_cross_entropy: size.in = size.width; break;
    default: break;
    }
    return size;
}

Test(ops_bits, alone_as_among_a_thousand_and_without_padding) {
    static const int64_t chosen[] = { 0, 1, 2, 3, 4, 5, 6, 7, 500, 997, 998, 999 };
    caviar_device *device = cpu(2);
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) {
        if (op == CAVIAR_OP_gather || op == CAVIAR_OP_advance) continue; /* know no models */
        const shape size = general((caviar_op)op, MANY);
        scene many, alone;
        run_scene(&many, device, (caviar_op)op, &size, 0, NULL);
        check_zero_padding(&many, op);
        for (size_t i = 0; i < COUNT(chosen); i++) {
            shape single = size;
            single.models = 1;
            run_scene(&alone, device, (caviar_op)op, &single, chosen[i], NULL);
            check_same_model(&many, chosen[i], &alone, "having neighbours", op);
            scene_end(&alone);
            single = true_shape(&many, op, chosen[i]);
            run_scene(&alone, device, (caviar_op)op, &single, chosen[i], NULL);
            check_same_model(&many, chosen[i], &alone, "padding", op);
            scene_end(&alone);
        }
        scene_end(&many);
    }
    device->table->close(device);
}

/* Products take other tiles for other sizes: padding and neighbours must not matter in any of them. */
Test(ops_bits, matrix_products_of_many_shapes_without_padding) {
    static const int64_t sizes[][3] = { { 1, 1, 1 },    { 2, 3, 5 },      { 7, 8, 9 },      { 16, 16, 16 },
                                        { 31, 33, 32 }, { 128, 784, 64 }, { 128, 64, 12 },  { 97, 130, 65 },
                                        { 33, 300, 7 }, { 1, 257, 129 },  { 256, 100, 100 } };
    caviar_device *device = cpu(2);
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int op = CAVIAR_OP_linear_forward; op <= CAVIAR_OP_linear_backward; op++) {
            const shape size = { 6,      sizes[i][0], sizes[i][1], sizes[i][2], i % 2 ? LOOSE : MODEL_MAJOR,
                                 PADDED, 0,           "products" };
            scene many, alone;
            run_scene(&many, device, (caviar_op)op, &size, 0, NULL);
            for (int64_t k = 0; k < 6; k++) {
                const shape single = true_shape(&many, op, k);
                run_scene(&alone, device, (caviar_op)op, &single, k, NULL);
                check_same_model(&many, k, &alone, "padding", op);
                scene_end(&alone);
            }
            scene_end(&many);
        }
    device->table->close(device);
}

/* Every real number of model 1 becomes a NaN. */
static void poison(scene *s) {
    for (int i = 0; i < s->count; i++) {
        operand *o = s->operands[i];
        for (int64_t r = 0; o && o->real && o->models > 1 && r < live_rows(o, 1); r++)
            for (int64_t c = 0; c < live_columns(o, 1); c++)
                if (o->size == sizeof(float))
                    WAS(float, o, 1, r, c) = NAN;
                else
                    WAS(double, o, 1, r, c) = NAN;
    }
}

Test(ops_bits, a_nan_stays_in_its_model) {
    caviar_device *device = cpu(2);
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) {
        const shape size = general((caviar_op)op, 5);
        scene clean, poisoned;
        run_scene(&clean, device, (caviar_op)op, &size, 0, NULL);
        run_scene(&poisoned, device, (caviar_op)op, &size, 0, poison);
        for (int i = 0; i < clean.count; i++) {
            const operand *a = clean.operands[i], *b = poisoned.operands[i];
            for (int64_t k = 0; a && k < a->models; k++)
                for (int64_t r = 0; r < a->rows && k != 1; r++)
                    cr_assert(memcmp(a->after + offset_of(a, k, r, 0), b->after + offset_of(b, k, r, 0),
                                     (size_t)a->columns * a->size) == 0,
                              "%s: a NaN in model 1 changes operand %d of model %lld", op_names[op], i, (long long)k);
        }
        scene_end(&clean);
        scene_end(&poisoned);
    }
    device->table->close(device);
}
