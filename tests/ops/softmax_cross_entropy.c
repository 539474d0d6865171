/* Cases of softmax_cross_entropy and metrics. width is the number of classes, in the padded number. */
#include "cases.h"

#include <math.h>

enum { LARGE = 1, EQUAL, INFINITE, ALL_NEGATIVE_INFINITE, ONE_NAN, TIES, EXTREME, MASKED };
#define TRAINING (GRADIENT | LOSSES | PREDICTIONS)
#define EVERYTHING (TRAINING | PROBABILITIES)

static const shape shapes[] = {
    { 1, 1, 2, 2, MODEL_MAJOR, EVERYTHING, 0, "the smallest" },
    { 3, 2, 4, 2, EXAMPLE_MAJOR, EVERYTHING, 0, "logistic regression, padded" },
    { 4, 128, 12, 10, MODEL_MAJOR, TRAINING | IN_PLACE, 0, "a training step: the gradient in place of the logits" },
    { 4, 33, 12, 10, EXAMPLE_MAJOR, PROBABILITIES | PREDICTIONS | NO_LABELS | IN_PLACE, 0, "prediction, in place" },
    { 2, 31, 12, 10, LOOSE, LOSSES | PREDICTIONS, 0, "evaluation: nothing wide is written" },
    { 2, 5, 12, 9, LOOSE, PREDICTIONS | NO_LABELS, 0, "only hardmax" },
    { 2, 5, 12, 11, MODEL_MAJOR, GRADIENT, 0, "only the gradient" },
    { 2, 7, 32, 31, EXAMPLE_MAJOR, EVERYTHING, 0, "one class fewer than a warp" },
    { 2, 7, 32, 32, LOOSE, EVERYTHING, 0, "a warp" },
    { 2, 7, 36, 33, MODEL_MAJOR, EVERYTHING, 0, "one more" },
    { 3, 7, 4, 3, MODEL_MAJOR, EVERYTHING, 0, "one quad" },
    { 3, 7, 8, 5, EXAMPLE_MAJOR, EVERYTHING | IN_PLACE, 0, "two quads, the second nearly empty" },
    { 3, 7, 16, 16, MODEL_MAJOR, EVERYTHING, 0, "four quads" },
    { 3, 7, 20, 17, LOOSE, EVERYTHING, 0, "five quads; nothing aligned" },
    { 3, 7, 24, 23, EXAMPLE_MAJOR, EVERYTHING, 0, "six quads" },
    { 3, 7, 28, 25, MODEL_MAJOR, EVERYTHING | IN_PLACE, 0, "seven quads" },
    { 3, 7, 20, 18, EXAMPLE_MAJOR, EVERYTHING, 0, "five quads, aligned" },
    { 2, 65, 3, 3, LOOSE, EVERYTHING, 0, "one quad, not whole; nothing aligned, as in the next four" },
    { 2, 65, 8, 7, LOOSE, EVERYTHING, 0, "two quads" },
    { 2, 65, 15, 13, LOOSE, EVERYTHING | IN_PLACE, 0, "four quads" },
    { 2, 65, 23, 21, LOOSE, EVERYTHING, 0, "six quads" },
    { 2, 65, 28, 27, LOOSE, EVERYTHING, 0, "seven quads" },
    { 3, 5, 32, 2, MODEL_MAJOR, EVERYTHING, 0, "nearly all of a row is padding" },
    { 3, 5, 40, 10, EXAMPLE_MAJOR, EVERYTHING, 0, "few classes, but more padding than a thread holds" },
    { 2, 3, 104, 35, MODEL_MAJOR, EVERYTHING, 0, "more padding than two strides of a warp" },
    { 3, 7, 11, 11, MODEL_MAJOR, EVERYTHING, 0, "rows that are not by quads" },
    { 2, 9, 15, 13, PITCHED, EVERYTHING, 0, "the last quad of a row is not whole, though rows are on 16 bytes" },
    { 3, 7, 12, 10, SHIFTED, EVERYTHING, 0, "strides are by quads, but no row is on 16 bytes" },
    { 3, 7, 12, 10, RAGGED_ROWS, EVERYTHING, 0, "the first example is on 16 bytes, others are not" },
    { 3, 7, 12, 10, RAGGED_MODELS, EVERYTHING, 0, "the first model is on 16 bytes, others are not" },
    { 3, 7, 12, 10, EXAMPLE_MAJOR, EVERYTHING | ODD_MATRIX, 0, "logits are off 16 bytes" },
    { 3, 7, 12, 10, EXAMPLE_MAJOR, EVERYTHING | ODD_MATRIX << 1, 0, "the gradient is off 16 bytes" },
    { 3, 7, 12, 10, EXAMPLE_MAJOR, EVERYTHING | ODD_MATRIX << 2, 0, "probabilities are off 16 bytes" },
    { 1, 128, 12, 10, EXAMPLE_MAJOR, EVERYTHING, 0, "as many rows as a block takes" },
    { 3, 43, 12, 10, MODEL_MAJOR, EVERYTHING, 0, "one more" },
    { 2, 2, 36, 33, EXAMPLE_MAJOR, EVERYTHING, 0, "as many rows as a block has warps" },
    { 1, 5, 64, 64, MODEL_MAJOR, EVERYTHING, 0, "two classes a lane of a warp; one row more than warps" },
    { 1, 3, 65, 65, MODEL_MAJOR, EVERYTHING, 0, "one more" },
    { 2, 3, 128, 127, MODEL_MAJOR, EVERYTHING | IN_PLACE, 0, "a prime; four warps less one" },
    { 1, 3, 128, 128, EXAMPLE_MAJOR, EVERYTHING, 0, "four a lane" },
    { 1, 3, 132, 129, LOOSE, EVERYTHING, 0, "one more" },
    { 1, 3, 256, 256, MODEL_MAJOR, EVERYTHING, 0, "eight a lane" },
    { 1, 3, 260, 257, MODEL_MAJOR, EVERYTHING | IN_PLACE, 0, "one more" },
    { 1, 3, 512, 512, MODEL_MAJOR, EVERYTHING, 0, "sixteen a lane" },
    { 1, 3, 516, 513, MODEL_MAJOR, EVERYTHING, 0, "one more" },
    { 1, 2, 1000, 997, MODEL_MAJOR, EVERYTHING, 0, "a thousand classes" },
    { 1, 3, 1024, 1024, MODEL_MAJOR, EVERYTHING, 0, "thirty-two a lane, the most that registers hold" },
    { 2, 3, 1028, 1025, MODEL_MAJOR, EVERYTHING, 0, "one more: read again from memory" },
    { 2, 3, 1100, 1099, LOOSE, EVERYTHING | IN_PLACE, 0, "the same in place, with gaps" },
    { 1000, 3, 4, 3, EXAMPLE_MAJOR, EVERYTHING, 0, "a thousand models" },
    { 2, 9, 12, 10, MODEL_MAJOR, EVERYTHING, LARGE, "logits of +-80" },
    { 2, 9, 12, 10, EXAMPLE_MAJOR, EVERYTHING, EQUAL, "all logits equal: the first class is predicted" },
    { 2, 9, 12, 10, LOOSE, EVERYTHING, TIES, "two largest logits: the first is predicted" },
    { 2, 9, 12, 10, LOOSE, EVERYTHING, EXTREME, "logits of +-1e38; most p underflow; NaN among infinities" },
    { 2, 9, 12, 10, LOOSE, PROBABILITIES | PREDICTIONS | NO_LABELS, EXTREME, "+-3e38: the difference overflows" },
    { 2, 10, 12, 10, MODEL_MAJOR, EVERYTHING, INFINITE, "one and several +inf, and -inf" },
    { 2, 10, 12, 10, MODEL_MAJOR, LOSSES | PREDICTIONS, INFINITE, "the same, without a row to write p to" },
    { 2, 9, 12, 10, EXAMPLE_MAJOR, EVERYTHING | IN_PLACE, ALL_NEGATIVE_INFINITE, "a row of -inf is uniform" },
    { 2, 9, 12, 10, EXAMPLE_MAJOR, EVERYTHING, ONE_NAN, "a NaN takes its row, not the next" },
    { 2, 9, 12, 10, EXAMPLE_MAJOR, LOSSES | PREDICTIONS, ONE_NAN, "the same, without a row to write p to" },
    { 2, 19, 32, 32, MODEL_MAJOR, EVERYTHING, 0, "as many classes as rows that the CPU takes together have" },
    { 2, 19, 36, 33, MODEL_MAJOR, EVERYTHING, 0, "one more" },
    { 2, 33, 12, 10, MODEL_MAJOR, EVERYTHING, LARGE, "logits of +-80 in such rows" },
    { 2, 33, 12, 10, MODEL_MAJOR, EVERYTHING | IN_PLACE, TIES, "two largest logits in such rows" },
    { 2, 33, 12, 10, LOOSE, EVERYTHING, MASKED, "-inf and -3e38 in such rows" },
    { 2, 33, 12, 10, LOOSE, LOSSES | PREDICTIONS, MASKED, "the same, without a row to write p to" },
    { 2, 33, 12, 10, MODEL_MAJOR, EVERYTHING | IN_PLACE, INFINITE, "+inf in such rows" },
    { 2, 33, 12, 10, MODEL_MAJOR, EVERYTHING, ONE_NAN, "a NaN in such rows" },
    { 2, 9, 40, 37, MODEL_MAJOR, EVERYTHING, LARGE, "logits of +-80, a warp a row" },
    { 2, 9, 40, 37, MODEL_MAJOR, EVERYTHING, EQUAL, "all equal, a warp a row: the first class wins over all lanes" },
    { 2, 9, 40, 37, LOOSE, EVERYTHING, TIES, "two largest logits, a warp a row" },
    { 2, 10, 40, 37, MODEL_MAJOR, EVERYTHING, INFINITE, "infinities, a warp a row" },
    { 2, 9, 40, 37, EXAMPLE_MAJOR, EVERYTHING | IN_PLACE, ALL_NEGATIVE_INFINITE, "a row of -inf, a warp a row" },
    { 2, 9, 40, 37, EXAMPLE_MAJOR, EVERYTHING, ONE_NAN, "a NaN, a warp a row" },
    { 2, 9, 1028, 1027, MODEL_MAJOR, EVERYTHING, ONE_NAN, "a NaN in a row that is read again from memory" },
    { 1, 4, 1028, 1027, MODEL_MAJOR, EVERYTHING, EQUAL, "all equal in such a row" },
};

static operand *logits, *labels, *gradient, *probabilities, *losses, *predictions, *active, *loss_sum, *correct;

static void put_special(const scene *s) {
    const int64_t classes = s->shape.width;
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t b = 0; b < s->shape.batch; b++)
            for (int64_t c = 0; c < classes; c++) {
                float *l = &WAS(float, logits, k, b, c);
                switch (s->shape.data) {
                case LARGE: *l = *l > 0 ? 80 : -80; break;
                case EQUAL: *l = (float)b - 4; break;
                case TIES: *l = c == 3 || c == 7 ? 5 : *l; break;
                case EXTREME:
                    *l = (float)(-100 * c);
                    if (b % 3 == 1) *l = (c % 2 ? 1.0f : -1.0f) * (s->shape.flags & NO_LABELS ? 3e38f : 1e38f);
                    if (b % 3 == 2) *l = c == 4 ? NAN : c % 2 ? INFINITY : -INFINITY;
                    break;
                case INFINITE: /* 0 to 4 of +inf, and every second row some -inf */
                    if (c % 3 == b % 3 && c / 3 < b / 3) *l = INFINITY;
                    if (b % 2 && c % 4 == 2) *l = -INFINITY;
                    break;
                case MASKED:
                    if ((b + c) % 3 == 0) *l = -INFINITY;
                    if ((b + c) % 5 == 1) *l = -3e38f;
                    break;
                case ALL_NEGATIVE_INFINITE: *l = b % 2 ? -INFINITY : *l; break;
                case ONE_NAN: *l = b % 3 == 0 && c == (b + k) % classes ? NAN : b == 1 && c == 4 ? INFINITY : *l; break;
                default: break;
                }
            }
}

static void build(scene *s, caviar_call *call) {
    const shape *size = &s->shape;
    const int in_place = size->flags & IN_PLACE, flags = size->flags;
    logits = fill(s, put_matrix(s, 1, size->in, NULL), -5, 5);
    labels = put_shared(s, !(flags & NO_LABELS), sizeof(int32_t), size->batch, 1);
    if (labels) {
        fill_integers(s, labels, 0, size->width - 1);
        WAS(int32_t, labels, 0, 0, 0) = 0; /* either end, however many classes there are */
        WAS(int32_t, labels, 0, size->batch - 1, 0) = (int32_t)(size->width - 1);
    }
    put_special(s);
    operand *other_gradient = put_matrix(s, flags & GRADIENT && !in_place, size->in, NULL);
    operand *other = put_matrix(s, flags & PROBABILITIES && !(in_place && !(flags & GRADIENT)), size->in, NULL);
    gradient = flags & GRADIENT ? output(in_place ? logits : other_gradient) : NULL;
    probabilities = flags & PROBABILITIES ? output(other ? other : logits) : NULL;
    losses = output(put_matrix(s, flags & LOSSES, 1, NULL));
    predictions = output(put_matrix(s, flags & PREDICTIONS, 1, NULL)); /* as wide as int32 */
    caviar_matrix at = matrix_of(losses);
    if (!losses && predictions) at = matrix_of(predictions), at.data = NULL;
    call->args.softmax_cross_entropy = (caviar_softmax_cross_entropy_args){ .logits = matrix_of(logits),
                                                                            .labels = on_device(labels),
                                                                            .gradient = matrix_of(gradient),
                                                                            .probabilities = matrix_of(probabilities),
                                                                            .losses = at,
                                                                            .predictions = on_device(predictions),
                                                                            .models = size->models,
                                                                            .batch = size->batch,
                                                                            .classes = size->width,
                                                                            .padded_classes = size->in };
}

/* One row by the rules of caviar/ops.h. */
typedef struct row {
    double max, sum;
    int64_t best;
    int nan;
} row;

static double weight(const row *r, double logit) {
    return logit == r->max ? 1 : exp(logit - r->max);
}

static row row_of(const scene *s, int64_t k, int64_t b) {
    row r = { -INFINITY, 0, 0, 0 };
    for (int64_t c = 0; c < s->shape.width; c++) {
        const double logit = (double)WAS(float, logits, k, b, c);
        r.nan |= isnan(logit);
        if (logit > r.max) r.max = logit, r.best = c;
    }
    for (int64_t c = 0; c < s->shape.width; c++) r.sum += weight(&r, (double)WAS(float, logits, k, b, c));
    if (r.nan) r.best = -1, r.sum = NAN;
    return r;
}

static double distance(const row *r, double logit) {
    return logit == r->max ? 0 : r->max - logit;
}

typedef struct norms {
    norm probabilities, gradient, losses;
} norms;

static void check_wide(const scene *s, const row *r, int64_t k, int64_t b, norms *n) {
    const double batch = (double)s->shape.batch;
    const int64_t label = labels ? WAS(int32_t, labels, 0, b, 0) : -1;
    double total = 0;
    for (int64_t c = 0; c < s->shape.width; c++) {
        const double logit = (double)WAS(float, logits, k, b, c), p = r->nan ? NAN : weight(r, logit) / r->sum;
        /* exp magnifies the rounding of its argument; the sum has one rounding a class. */
        const double relative = ULP * (4 + fmin(distance(r, logit), 200) + (double)s->shape.width / 2);
        if (probabilities)
            near(s, &n->probabilities, "probabilities", k, b, c, (double)NOW(float, probabilities, k, b, c), p,
                 p * relative + 1e-38);
        if (!gradient) continue;
        const double got = (double)NOW(float, gradient, k, b, c);
        near(s, &n->gradient, "gradient", k, b, c, got, (p - (c == label)) / batch, (p * relative + ULP) / batch);
        total += got;
    }
    for (int64_t c = s->shape.width; c < s->shape.in; c++) {
        if (probabilities) near(s, NULL, "padding", k, b, c, (double)NOW(float, probabilities, k, b, c), 0, 0);
        if (gradient) near(s, NULL, "padding", k, b, c, (double)NOW(float, gradient, k, b, c), 0, 0);
    }
    if (gradient && !r->nan)
        near(s, NULL, "the row's sum of the gradient", k, b, 0, total, 0, ULP * (double)(s->shape.width + 2) / batch);
}

static void check(const scene *s, const caviar_call *call) {
    (void)call;
    norms n = { { 0, 0 }, { 0, 0 }, { 0, 0 } };
    for (int64_t k = 0; k < s->shape.models; k++)
        for (int64_t b = 0; b < s->shape.batch; b++) {
            const row r = row_of(s, k, b);
            check_wide(s, &r, k, b, &n);
            if (predictions)
                near(s, NULL, "prediction", k, b, 0, (double)NOW(int32_t, predictions, k, b, 0), (double)r.best, 0);
            if (!losses) continue;
            const double away = distance(&r, (double)WAS(float, logits, k, b, WAS(int32_t, labels, 0, b, 0)));
            near(s, &n.losses, "loss", k, b, 0, (double)NOW(float, losses, k, b, 0), r.nan ? NAN : log(r.sum) + away,
                 ULP * (2 * log(r.sum) + fmin(away, 1e3) + 1 + (double)s->shape.width / 2));
        }
    norm_within(s, &n.probabilities, "probabilities", 1e-6);
    norm_within(s, &n.gradient, "gradient", 1e-6);
    norm_within(s, &n.losses, "losses", 5e-7);
}

/* The loss of one row, averaged over the minibatch, with one logit moved by h. */
static double loss_with(const scene *s, int64_t k, int64_t b, int64_t moved, double h) {
    double sum = 0;
    for (int64_t c = 0; c < s->shape.width; c++) sum += exp((double)WAS(float, logits, k, b, c) + (c == moved ? h : 0));
    const int64_t label = WAS(int32_t, labels, 0, b, 0);
    return (log(sum) - (double)WAS(float, logits, k, b, label) - (label == moved ? h : 0)) / (double)s->shape.batch;
}

void check_softmax_differences(caviar_device *device) {
    static const shape small = { 3, 5, 8, 7, LOOSE, EVERYTHING, 0, "central differences" };
    const double h = 1e-4;
    scene s;
    caviar_call call = { .op = CAVIAR_OP_softmax_cross_entropy };
    scene_begin(&s, device, &small, 0);
    build(&s, &call);
    scene_send(&s);
    run_call(device, &call);
    scene_fetch(&s);
    for (int64_t k = 0; k < small.models; k++)
        for (int64_t b = 0; b < small.batch; b++)
            for (int64_t c = 0; c < small.width; c++) {
                const double slope = (loss_with(&s, k, b, c, h) - loss_with(&s, k, b, c, -h)) / (2 * h);
                near(&s, NULL, "gradient", k, b, c, (double)NOW(float, gradient, k, b, c), slope, 1e-6);
            }
    scene_end(&s);
}

/* ----------------------------------------------------------------------------------------------------------- metrics
 */

static const shape metrics_shapes[] = {
    { 1, 1, 0, 0, MODEL_MAJOR, FEWER, 0, "the smallest" },
    { 3, 31, 0, 0, EXAMPLE_MAJOR, INACTIVE, 0, "one example fewer than a warp; a model that is not active" },
    { 4, 32, 0, 0, MODEL_MAJOR, FEWER, 0, "a warp" },
    { 5, 33, 0, 0, LOOSE, INACTIVE, 0, "one more; gaps" },
    { 2, 1027, 0, 0, EXAMPLE_MAJOR, FEWER, 0, "a long sum" },
    { 31, 7, 0, 0, MODEL_MAJOR, INACTIVE, 0, "one model fewer than a warp, one example fewer than threads a model" },
    { 32, 8, 0, 0, EXAMPLE_MAJOR, INACTIVE, 0, "as many of each" },
    { 33, 9, 0, 0, LOOSE, FEWER, 0, "one more of each, and the last model is active" },
    { 3, 2, 0, 0, LOOSE, FEWER, 0, "a batch of two" },
    { 61, 37, 0, 0, MODEL_MAJOR, INACTIVE, 0, "primes" },
    { 4, 9, 0, 0, EXAMPLE_MAJOR, FEWER, ONE_NAN, "NaN and infinity stay in their model" },
    { 1000, 3, 0, 0, MODEL_MAJOR, INACTIVE, 0, "a thousand models" },
};

static void build_metrics(scene *s, caviar_call *call) {
    losses = fill(s, put_matrix(s, 1, 1, NULL), 0, 4);
    predictions = fill_integers(s, put_matrix(s, 1, 1, NULL), 0, 2);
    labels = fill_integers(s, put_shared(s, 1, sizeof(int32_t), s->shape.batch, 1), 0, 2);
    loss_sum = output(fill(s, put_vector(s, 1, sizeof(double)), 0, 1000));
    correct = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), (int64_t)1 << 40, (int64_t)1 << 41));
    active = put_vector(s, s->shape.flags & INACTIVE, sizeof(int32_t));
    for (int64_t k = 0; active && k < s->shape.models; k++) WAS(int32_t, active, k, 0, 0) = (s->first + k) % 3 != 2;
    if (s->shape.data == ONE_NAN && s->first == 0 && s->shape.models > 2) {
        WAS(float, losses, 0, 4, 0) = NAN;
        WAS(float, losses, 2, 8, 0) = INFINITY;
    }
    call->args.metrics = (caviar_metrics_args){ .losses = matrix_of(losses),
                                                .predictions = on_device(predictions),
                                                .labels = on_device(labels),
                                                .loss_sum = on_device(loss_sum),
                                                .correct = on_device(correct),
                                                .models = s->shape.models,
                                                .batch = s->shape.batch,
                                                .active = on_device(active) };
}

static void check_metrics(const scene *s, const caviar_call *call) {
    (void)call;
    norm sums = { 0, 0 };
    for (int64_t k = 0; k < s->shape.models; k++) {
        if (active && !WAS(int32_t, active, k, 0, 0)) {
            cr_assert(unchanged(loss_sum, k, 0, 0) && unchanged(correct, k, 0, 0));
            continue;
        }
        long double sum = WAS(double, loss_sum, k, 0, 0);
        int64_t right = WAS(int64_t, correct, k, 0, 0);
        for (int64_t b = 0; b < s->shape.batch; b++) {
            sum += (long double)WAS(float, losses, k, b, 0);
            right += WAS(int32_t, predictions, k, b, 0) == WAS(int32_t, labels, 0, b, 0);
        }
        near(s, &sums, "loss_sum", k, 0, 0, NOW(double, loss_sum, k, 0, 0), (double)sum,
             (double)s->shape.batch * 0x1p-52 * (double)sum);
        cr_assert(NOW(int64_t, correct, k, 0, 0) == right, "%s: correct of model %lld is %lld, not %lld", s->shape.why,
                  (long long)k, (long long)NOW(int64_t, correct, k, 0, 0), (long long)right);
    }
    norm_within(s, &sums, "loss_sum", 1e-14);
}

const op_cases cases_softmax_cross_entropy = { shapes, COUNT(shapes), build, check };
const op_cases cases_metrics = { metrics_shapes, COUNT(metrics_shapes), build_metrics, check_metrics };
