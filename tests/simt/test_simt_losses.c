/* Minibatches, softmax cross-entropy and metrics on the SIMT emulator, against the formulas of caviar/ops.h. */
#include "operands.h"

#include <math.h>
#include <string.h>

#define HUGE_LOW 2e30
#define HUGE_HIGH 3e30

/* ------------------------------------------------------------------------------------------------------------ gather
 */

typedef struct gather_case {
    int64_t features, out_stride, batch;
    caviar_type type;
    int standardized, labelled;
    const char *why;
} gather_case;

static const gather_case *gathering;

static void gather(caviar_device *device, const shape *s) {
    const gather_case *const g = gathering;
    const int64_t examples = 37, order_count = 29;
    float *const real = reals(examples * g->features, -3, 3);
    uint8_t *const byte = bytes((size_t)(examples * g->features));
    for (int64_t i = 0; i < examples * g->features; ++i) byte[i] = (uint8_t)random_word();
    int32_t *const labels = integers(examples, 0, 9);
    int32_t *const order = integers(order_count, 0, (int32_t)examples - 1);
    int64_t *const cursor = longs(1, 29 * 5 + 20);
    float *const mean = reals(g->features, -1, 1), *const scale = reals(g->features, 0.5, 2);
    float *const out = reals(g->batch * g->out_stride, HUGE_LOW, HUGE_HIGH);
    int32_t *const out_labels = integers(g->batch, -1, -1);
    const caviar_gather_args args = { g->type == CAVIAR_UINT8 ? (const void *)byte : real,
                                      g->type,
                                      g->labelled ? labels : NULL,
                                      order,
                                      cursor,
                                      g->standardized ? mean : NULL,
                                      g->standardized ? scale : NULL,
                                      out,
                                      g->labelled ? out_labels : NULL,
                                      g->features,
                                      order_count,
                                      g->batch,
                                      g->out_stride };
    SUCCEEDS(caviar_op_gather(device, &args, NULL));
    for (int64_t b = 0; b < g->batch; ++b) {
        const int64_t e = order[(cursor[0] + b) % order_count];
        cr_assert(out_labels[b] == (g->labelled ? labels[e] : -1));
        for (int64_t f = 0; f < g->out_stride; ++f) {
            float expected = 0;
            if (f < g->features) {
                const int64_t at = e * g->features + f;
                expected = g->type == CAVIAR_UINT8 ? (float)byte[at] : real[at];
                if (g->standardized) expected = (expected - mean[f]) * scale[f];
            }
            check_near(out[b * g->out_stride + f], expected, 0, 0, "out", s, b, 0, f);
        }
    }
    const caviar_advance_args advance = { cursor, 7 };
    SUCCEEDS(caviar_op_advance(device, &advance, NULL));
    cr_assert(cursor[0] == 29 * 5 + 27);
}

Test(simt_losses, gather) {
    static const gather_case cases[] = {
        { 1, 1, 1, CAVIAR_FLOAT32, 0, 1, "one feature" },
        { 64, 64, 40, CAVIAR_FLOAT32, 1, 1, "by fours; the order wraps" },
        { 64, 68, 9, CAVIAR_UINT8, 1, 1, "bytes by fours, with padding" },
        { 785, 788, 8, CAVIAR_UINT8, 1, 0, "bytes one by one, with padding, no labels" },
        { 784, 784, 3, CAVIAR_UINT8, 0, 1, "not standardised; several blocks of columns" },
        { 33, 33, 17, CAVIAR_FLOAT32, 1, 1, "one by one" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        gathering = &cases[i];
        const shape s = { 1, gathering->batch, gathering->features, EXAMPLE_MAJOR, gathering->why };
        run_case(gather, &s);
    }
}

/* ----------------------------------------------------------------------------------------------------------- softmax
 */

/* One row in double, by the definition's words. */
static void reference(const float *logits, int64_t classes, int32_t label, double *p, double *loss,
                      int32_t *prediction) {
    double sum = 0, largest = -INFINITY;
    int64_t infinite = 0;
    int nan_seen = 0;
    *prediction = 0;
    for (int64_t j = 0; j < classes; ++j) {
        nan_seen |= isnan(logits[j]);
        infinite += logits[j] == INFINITY;
        if (logits[j] > largest) {
            largest = logits[j];
            *prediction = (int32_t)j;
        }
    }
    for (int64_t j = 0; j < classes; ++j) sum += exp(logits[j] - largest);
    for (int64_t j = 0; j < classes; ++j) {
        if (nan_seen)
            p[j] = NAN;
        else if (infinite)
            p[j] = logits[j] == INFINITY ? 1.0 / (double)infinite : 0;
        else
            p[j] = largest == -INFINITY ? 1.0 / (double)classes : exp(logits[j] - largest) / sum;
    }
    if (nan_seen) *prediction = 0;
    if (label < 0) return;
    *loss = -log(p[label]);
    /* A probability that double cannot hold has a loss all the same. */
    if (isfinite(largest) && isfinite(logits[label])) *loss = log(sum) - (logits[label] - largest);
    *loss = (float)*loss; /* infinite where float is */
}

static int64_t padded_classes;
static int in_place, with_labels;

static void special_rows(const caviar_matrix *logits, const shape *s) {
    const int64_t last = s->width - 1;
    const struct {
        int64_t b;
        float first, rest, end;
    } rows[] = {
        { 1, -INFINITY, -INFINITY, -INFINITY },
        { 2, INFINITY, 0, 1 },
        { 3, INFINITY, -INFINITY, INFINITY },
        { 4, 80, -80, -80 },
        { 5, 1, 1, 1 },
        { 6, NAN, 0, 1 },
        { 7, 0, 1, NAN },
        { 8, -INFINITY, -INFINITY, 0 },
        { 9, 3e38f, -3e38f, 3e38f },
        { 10, NAN, INFINITY, -INFINITY },
        { 11, -200, -100, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        if (rows[i].b >= s->batch) return;
        float *const row = element(logits, rows[i].b, s->models - 1, 0);
        for (int64_t j = 0; j < s->width; ++j) row[j] = rows[i].rest;
        row[0] = rows[i].first;
        row[last] = rows[i].end;
    }
}

static void softmax(caviar_device *device, const shape *s) {
    const caviar_matrix logits = matrix(s, padded_classes, -5, 5);
    special_rows(&logits, s);
    const caviar_matrix kept = matrix_copy(&logits);
    const caviar_matrix none = { NULL, 0, 0 };
    int32_t *const labels = integers(s->batch, 0, (int32_t)s->width - 1);
    labels[0] = 0;
    labels[s->batch - 1] = (int32_t)s->width - 1;
    const caviar_matrix gradient = !with_labels ? none
                                   : in_place   ? logits
                                                : matrix(s, padded_classes, HUGE_LOW, HUGE_HIGH);
    const caviar_matrix probabilities =
        in_place && !with_labels ? logits : matrix(s, padded_classes, HUGE_LOW, HUGE_HIGH);
    const caviar_matrix losses = matrix(s, 1, HUGE_LOW, HUGE_HIGH);
    int32_t *const predictions = integers(s->batch * s->models * 4, -1, -1);
    caviar_softmax_cross_entropy_args args = { logits,    with_labels ? labels : NULL,
                                               gradient,  probabilities,
                                               losses,    predictions,
                                               s->models, s->batch,
                                               s->width,  padded_classes };
    if (!with_labels) args.losses.data = NULL;
    SUCCEEDS(caviar_op_softmax_cross_entropy(device, &args, NULL));
    check_gaps(&losses, s, with_labels ? 1 : 0);
    if (!in_place && with_labels) check_gaps(&gradient, s, padded_classes);

    static double p[8192];
    for (int64_t b = 0; b < s->batch; ++b)
        for (int64_t k = 0; k < s->models; ++k) {
            double loss = 0;
            int32_t prediction = 0;
            const int32_t label = with_labels ? labels[b] : -1;
            reference(element(&kept, b, k, 0), s->width, label, p, &loss, &prediction);
            cr_assert(predictions[b * losses.example_stride + k * losses.model_stride] == prediction,
                      "prediction of row %lld, %lld (%s)", (long long)b, (long long)k, s->why);
            if (with_labels) check_near(*element(&losses, b, k, 0), loss, 2e-6, 2e-6, "loss", s, b, k, 0);
            for (int64_t j = 0; j < padded_classes; ++j) {
                const double expected = j < s->width ? p[j] : 0;
                check_near(*element(&probabilities, b, k, j), expected, 1e-6, 4e-6, "p", s, b, k, j);
                if (!with_labels) continue;
                const double g = j < s->width ? (p[j] - (j == label)) / (double)s->batch : 0;
                check_near(*element(&gradient, b, k, j), g, 1e-6, 4e-6, "gradient", s, b, k, j);
            }
        }
}

Test(simt_losses, softmax) {
    static const struct {
        shape s;
        int64_t padded;
    } cases[] = {
        { { 1, 1, 2, EXAMPLE_MAJOR, "the smallest" }, 2 },
        { { 3, 20, 2, EXAMPLE_MAJOR, "logistic regression" }, 4 },
        { { 5, 50, 10, EXAMPLE_MAJOR, "ten classes, padded; two blocks" }, 12 },
        { { 5, 50, 10, LOOSE, "ten classes, unaligned" }, 12 },
        { { 2, 13, 13, MODEL_MAJOR, "models outside" }, 16 },
        { { 2, 13, 17, MODEL_MAJOR, "five quads" }, 20 },
        { { 2, 13, 21, LOOSE, "six quads, unaligned" }, 23 },
        { { 2, 13, 28, EXAMPLE_MAJOR, "seven quads" }, 28 },
        { { 2, 13, 32, EXAMPLE_MAJOR, "the most a thread holds" }, 32 },
        { { 2, 13, 30, LOOSE, "the same, unaligned" }, 32 },
        { { 3, 13, 33, EXAMPLE_MAJOR, "a warp a row" }, 36 },
        { { 2, 13, 100, LOOSE, "four a lane" }, 101 },
        { { 1, 13, 200, MODEL_MAJOR, "eight a lane" }, 200 },
        { { 1, 13, 500, EXAMPLE_MAJOR, "sixteen a lane" }, 500 },
        { { 1, 13, 1000, EXAMPLE_MAJOR, "thirty-two a lane" }, 1000 },
        { { 1, 13, 1100, EXAMPLE_MAJOR, "more than a warp holds" }, 1104 },
        { { 1000, 2, 3, EXAMPLE_MAJOR, "a thousand models" }, 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (int variant = 0; variant < 4; ++variant) {
            padded_classes = cases[i].padded;
            in_place = variant % 2;
            with_labels = variant / 2;
            run_case(softmax, &cases[i].s);
        }
}

/* ----------------------------------------------------------------------------------------------------------- metrics
 */

static void metrics(caviar_device *device, const shape *s) {
    const caviar_matrix losses = matrix(s, 1, 0, 4);
    if (s->models > 2) *element(&losses, 0, 2, 0) = NAN;
    int32_t *const predictions = integers(s->batch * s->models * 4, 0, 2), *const labels = integers(s->batch, 0, 2);
    double *const loss_sum = doubles(s->models, 1, 2), *const old = doubles(s->models, 0, 0);
    memcpy(old, loss_sum, (size_t)s->models * sizeof *old);
    int64_t *const correct = longs(s->models, 5);
    int32_t *const active = integers(s->models, 1, 1);
    if (s->models > 1) active[1] = 0;
    const caviar_metrics_args args = { losses, predictions, labels, loss_sum, correct, s->models, s->batch, active };
    SUCCEEDS(caviar_op_metrics(device, &args, NULL));
    for (int64_t k = 0; k < s->models; ++k) {
        double sum = old[k];
        int64_t hits = 5;
        for (int64_t b = 0; b < s->batch && active[k]; ++b) {
            sum += *element(&losses, b, k, 0);
            hits += predictions[b * losses.example_stride + k * losses.model_stride] == labels[b];
        }
        check_near(loss_sum[k], sum, 0, 1e-13, "loss_sum", s, 0, k, 0);
        cr_assert(correct[k] == hits);
    }
}

Test(simt_losses, metrics) {
    static const shape shapes[] = {
        { 1, 1, 1, EXAMPLE_MAJOR, "the smallest" },         { 3, 7, 1, LOOSE, "fewer examples than a block has rows" },
        { 33, 100, 1, EXAMPLE_MAJOR, "two blocks" },        { 5, 64, 1, MODEL_MAJOR, "models outside" },
        { 1000, 9, 1, EXAMPLE_MAJOR, "a thousand models" },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; ++i) run_case(metrics, &shapes[i]);
}
