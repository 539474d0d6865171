/* Cases of gather and advance. width is the number of features, in the stride of the minibatch, models the number of
 * examples in the data set. */
#include "cases.h"

enum { BYTES = 1, FLOATS, FLOATS_FAR };

static const shape shapes[] = {
    { 1, 1, 1, 1, MODEL_MAJOR, 0, BYTES, "the smallest" },
    { 7, 20, 5, 5, MODEL_MAJOR, 0, FLOATS, "a minibatch larger than the data: the order is read again from its start" },
    { 50, 31, 33, 31, MODEL_MAJOR, 0, BYTES, "columns beyond the features are 0" },
    { 50, 32, 32, 32, MODEL_MAJOR, 0, FLOATS, "a warp" },
    { 50, 33, 36, 33, MODEL_MAJOR, 0, BYTES, "one more" },
    { 300, 128, 784, 784, MODEL_MAJOR, 0, BYTES, "images" },
    { 40, 17, 13, 13, MODEL_MAJOR, FEWER, FLOATS, "neither standardised nor labelled" },
    { 40, 17, 13, 13, MODEL_MAJOR, FEWER, BYTES, "the same for bytes" },
    { 64, 16, 67, 67, MODEL_MAJOR, 0, FLOATS_FAR, "a cursor beyond 2^40" },
    { 100, 1000, 3, 2, MODEL_MAJOR, 0, BYTES, "more examples than a block has threads" },
    { 3, 1, 4, 4, MODEL_MAJOR, 0, FLOATS, "one example of three" },
    { 9, 2, 7, 7, MODEL_MAJOR, 0, BYTES, "two" },
    { 61, 37, 131, 131, MODEL_MAJOR, 0, FLOATS, "primes" },
    { 50, 8, 128, 128, MODEL_MAJOR, 0, FLOATS, "a whole block of a GPU" },
    { 50, 9, 132, 132, MODEL_MAJOR, 0, BYTES, "one example and one quad more" },
    { 50, 9, 36, 32, MODEL_MAJOR, 0, FLOATS, "a quad of zeros beyond the features" },
    { 50, 9, 34, 32, MODEL_MAJOR, 0, FLOATS, "rows of the minibatch are not on 16 bytes" },
    { 50, 9, 32, 32, LOOSE, 0, BYTES, "nothing is aligned" },
    { 50, 9, 32, 32, SHIFTED, 0, FLOATS, "only the minibatch is off 16 bytes" },
    { 50, 9, 32, 32, RAGGED_ROWS, 0, FLOATS, "only the features are off 16 bytes" },
    { 50, 9, 32, 32, RAGGED_ROWS, 0, BYTES, "the same, off 4 bytes" },
    { 1, 1, 2097155, 2097155, MODEL_MAJOR, FEWER, BYTES, "more columns than the blocks of a grid" },
};

static operand *features, *labels, *order, *cursor, *mean, *scale, *out, *out_labels;

static void build(scene *s, caviar_call *call) {
    const shape *size = &s->shape;
    const int64_t examples = size->models, used = examples - examples / 4; /* the training part */
    const int bytes = size->data == BYTES, more = !(size->flags & FEWER);
    s->next_is_off = size->layout == RAGGED_ROWS;
    features = put_shared(s, 1, bytes ? 1 : sizeof(float), examples, size->width);
    if (bytes)
        fill_integers(s, features, 0, 255);
    else
        fill(s, features, -100, 100);
    order = fill_integers(s, put_shared(s, 1, sizeof(int32_t), used, 1), 0, examples - 1);
    const int64_t begin = size->data == FLOATS_FAR ? (int64_t)1 << 40 : 0;
    cursor = fill_integers(s, put_shared(s, 1, sizeof(int64_t), 1, 1), begin, begin + 2 * used);
    mean = put_shared(s, more, sizeof(float), 1, size->width);
    scale = put_shared(s, more, sizeof(float), 1, size->width);
    labels = put_shared(s, more, sizeof(int32_t), examples, 1);
    if (more) {
        fill(s, mean, -10, 200);
        fill(s, scale, 0, 0.1);
        WAS(float, scale, 0, 0, 0) = 0; /* a constant feature */
        fill_integers(s, labels, 0, 9);
    }
    s->next_is_off = size->layout == SHIFTED;
    out = output(put_shared(s, 1, sizeof(float), size->batch, size->in));
    out_labels = output(put_shared(s, more, sizeof(int32_t), size->batch, 1));
    call->args.gather = (caviar_gather_args){ .features = on_device(features),
                                              .feature_type = bytes ? CAVIAR_UINT8 : CAVIAR_FLOAT32,
                                              .labels = on_device(labels),
                                              .order = on_device(order),
                                              .cursor = on_device(cursor),
                                              .mean = on_device(mean),
                                              .scale = on_device(scale),
                                              .out = on_device(out),
                                              .out_labels = on_device(out_labels),
                                              .feature_count = size->width,
                                              .order_count = used,
                                              .batch = size->batch,
                                              .out_stride = size->in };
}

static void check(const scene *s, const caviar_call *call) {
    norm n = { 0, 0 };
    for (int64_t b = 0; b < s->shape.batch; b++) {
        const int64_t place = (WAS(int64_t, cursor, 0, 0, 0) + b) % call->args.gather.order_count;
        const int64_t example = WAS(int32_t, order, 0, place, 0);
        for (int64_t f = 0; f < s->shape.in; f++) {
            double expected = 0, size = 0;
            if (f < s->shape.width) {
                const double x = s->shape.data == BYTES ? WAS(uint8_t, features, 0, example, f)
                                                        : (double)WAS(float, features, 0, example, f);
                const double m = mean ? (double)WAS(float, mean, 0, 0, f) : 0;
                const double factor = scale ? (double)WAS(float, scale, 0, 0, f) : 1;
                expected = (x - m) * factor;
                size = ULP * ((x < 0 ? -x : x) + (m < 0 ? -m : m)) * factor;
            }
            near(s, &n, "out", 0, b, f, (double)NOW(float, out, 0, b, f), expected, mean ? size : 0);
        }
        if (labels) cr_assert(NOW(int32_t, out_labels, 0, b, 0) == WAS(int32_t, labels, 0, example, 0));
    }
    norm_within(s, &n, "out", 2e-7);
}

static const shape advance_shapes[] = { { 1, 1, 0, 1, MODEL_MAJOR, 0, 0, "one example" },
                                        { 1, 1, 0, 128, MODEL_MAJOR, 0, 0, "a minibatch" },
                                        { 1, 1, 0, -7, MODEL_MAJOR, 0, 0, "backward, to replay" } };

static void build_advance(scene *s, caviar_call *call) {
    cursor = output(fill_integers(s, put_shared(s, 1, sizeof(int64_t), 1, 1), (int64_t)1 << 32, (int64_t)1 << 34));
    call->args.advance = (caviar_advance_args){ .cursor = on_device(cursor), .by = s->shape.width };
}

static void check_advance(const scene *s, const caviar_call *call) {
    (void)call;
    cr_assert(NOW(int64_t, cursor, 0, 0, 0) == WAS(int64_t, cursor, 0, 0, 0) + s->shape.width, "%s", s->shape.why);
}

const op_cases cases_gather = { shapes, COUNT(shapes), build, check };
const op_cases cases_advance = { advance_shapes, COUNT(advance_shapes), build_advance, check_advance };
