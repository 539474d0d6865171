/* softmax_cross_entropy and metrics. Formulas and the rules for infinities and NaN: caviar/ops.h. */
#include "cpu.h"
#include "exponential.h"

#include <math.h>
#include <string.h>

typedef struct row_summary {
    float max, sum; /* of exp(l - max), or how many entries share an infinite maximum */
    int32_t best;   /* the first class with the largest logit, or -1 */
    int nan;
} row_summary;

static row_summary summarise(const float *logits, int64_t classes) {
    row_summary s = { logits[0], 0, 0, 0 };
    for (int64_t c = 0; c < classes; c++) {
        s.nan |= isnan(logits[c]);
        if (logits[c] > s.max) {
            s.max = logits[c];
            s.best = (int32_t)c;
        }
    }
    if (s.nan) s.best = -1;
    return s;
}

/* e^x of a difference from the maximum; 0 below 2e-38. */
CAVIAR_INLINE float exponential(float x) {
    const float e = caviar_exp_bounded(x < -87 ? -87 : x);
    return x < -87 ? 0 : e;
}

/*
 * Writes p to `out` (which may be the logits) unless it is NULL, and returns the row's summary. Entries of an infinite
 * maximum are worth 1 and all others 0.
 */
static row_summary softmax(float *out, const float *logits, int64_t classes) {
    row_summary s = summarise(logits, classes);
    const int infinite = isinf(s.max);
    for (int64_t c = 0; c < classes; c++) {
        const float e = infinite ? (float)(logits[c] == s.max) : exponential(logits[c] - s.max);
        s.sum += e;
        if (out) out[c] = e;
    }
    for (int64_t c = 0; c < classes && out; c++) out[c] = s.nan ? NAN : out[c] / s.sum;
    return s;
}

static float loss_of(const row_summary *s, float logit) {
    if (s->nan) return NAN;
    if (isinf(s->max)) return logit == s->max ? logf(s->sum) : INFINITY;
    return logf(s->sum) - (logit - s->max);
}

static float *element(const caviar_matrix *m, int64_t k, int64_t b) {
    return m->data ? m->data + b * m->example_stride + k * m->model_stride : NULL;
}

static void clear_padding(float *row, int64_t classes, int64_t padded_classes) {
    if (row) caviar_cpu_clear(row + classes, padded_classes - classes);
}

static void write_summary(const caviar_softmax_cross_entropy_args *a, int64_t k, int64_t b, const row_summary *s,
                          float logit) {
    const int64_t at = b * a->losses.example_stride + k * a->losses.model_stride;
    if (a->losses.data) a->losses.data[at] = loss_of(s, logit);
    if (a->predictions) a->predictions[at] = s->best;
}

static void one_row(const caviar_softmax_cross_entropy_args *a, int64_t k, int64_t b) {
    const float *logits = element(&a->logits, k, b);
    float *gradient = element(&a->gradient, k, b), *probabilities = element(&a->probabilities, k, b);
    float *p = probabilities ? probabilities : gradient;
    const int64_t label = a->labels ? a->labels[b] : 0;
    const float logit = logits[label];
    const row_summary s = softmax(p, logits, a->classes);
    write_summary(a, k, b, &s, logit);
    for (int64_t c = 0; c < a->classes && gradient; c++)
        gradient[c] = (p[c] - (c == label ? 1.0f : 0.0f)) / (float)a->batch;
    clear_padding(gradient, a->classes, a->padded_classes);
    clear_padding(probabilities, a->classes, a->padded_classes);
}

/*
 * Rows of few classes, GROUP at a time: each is one lane of a vector, where a row alone would be a chain of short loops
 * and of branches that nobody can guess. [class][row].
 */
enum { GROUP = 16, FEW = 32 };

typedef struct row_group {
    float p[FEW][GROUP], max[GROUP], sum[GROUP];
    int32_t best[GROUP];
} row_group;

/* Turns logits into p, to the bits of softmax(). 0: a row has a NaN or an infinite maximum, so that its sum is NaN. */
CAVIAR_VECTORISED static int softmax_of_group(row_group *g, int64_t classes) {
    int ordinary = 1;
    float max[GROUP], sum[GROUP] = { 0 };
    int32_t best[GROUP] = { 0 };
    memcpy(max, g->p[0], sizeof max);
    for (int32_t c = 1; c < classes; c++)
#pragma GCC unroll 1 /* or GCC makes scalars of the rows, with a branch each */
        for (int r = 0; r < GROUP; r++) {
            const int larger = g->p[c][r] > max[r];
            max[r] = larger ? g->p[c][r] : max[r];
            best[r] = larger ? c : best[r];
        }
    for (int64_t c = 0; c < classes; c++)
        for (int r = 0; r < GROUP; r++) {
            g->p[c][r] = exponential(g->p[c][r] - max[r]);
            sum[r] += g->p[c][r];
        }
    for (int r = 0; r < GROUP; r++) ordinary &= !isnan(sum[r]);
    for (int64_t c = 0; c < classes; c++)
        for (int r = 0; r < GROUP; r++) g->p[c][r] /= sum[r];
    memcpy(g->max, max, sizeof max);
    memcpy(g->sum, sum, sizeof sum);
    memcpy(g->best, best, sizeof best);
    return ordinary;
}

/* Turns p into (p - onehot(label)) / batch. */
CAVIAR_VECTORISED static void gradient_of_group(row_group *g, const int32_t *labels, float batch, int64_t classes) {
    for (int32_t c = 0; c < classes; c++)
#pragma GCC unroll 1 /* as above */
        for (int r = 0; r < GROUP; r++) g->p[c][r] = (g->p[c][r] - (c == labels[r] ? 1.0f : 0.0f)) / batch;
}

static void write_group(const caviar_matrix *m, int64_t k, int64_t b, const row_group *g, int64_t classes,
                        int64_t padded_classes) {
    for (int r = 0; r < GROUP && m->data; r++) {
        float *row = element(m, k, b + r);
        for (int64_t c = 0; c < classes; c++) row[c] = g->p[c][r];
        clear_padding(row, classes, padded_classes);
    }
}

/* Rows b .. b + GROUP - 1; 0 where they are for one_row. */
static int rows_at_once(const caviar_softmax_cross_entropy_args *a, int64_t k, int64_t b) {
    row_group g;
    float logit[GROUP];
    for (int r = 0; r < GROUP; r++) {
        const float *logits = element(&a->logits, k, b + r);
        for (int64_t c = 0; c < a->classes; c++) g.p[c][r] = logits[c];
        logit[r] = logits[a->labels ? a->labels[b + r] : 0];
    }
    if (!softmax_of_group(&g, a->classes)) return 0;
    for (int r = 0; r < GROUP; r++) {
        const row_summary s = { g.max[r], g.sum[r], g.best[r], 0 };
        write_summary(a, k, b + r, &s, logit[r]);
    }
    write_group(&a->probabilities, k, b, &g, a->classes, a->padded_classes);
    if (!a->gradient.data) return 1;
    gradient_of_group(&g, a->labels + b, (float)a->batch, a->classes);
    write_group(&a->gradient, k, b, &g, a->classes, a->padded_classes);
    return 1;
}

void caviar_cpu_softmax_cross_entropy(const caviar_softmax_cross_entropy_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++)
        for (int64_t b = 0; b < a->batch;) {
            const int group = a->classes <= FEW && b + GROUP <= a->batch && rows_at_once(a, k, b);
            if (!group) one_row(a, k, b);
            b += group ? GROUP : 1;
        }
}

void caviar_cpu_metrics(const caviar_metrics_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        if (a->active && !a->active[k]) continue;
        double loss = 0;
        int64_t correct = 0;
        for (int64_t b = 0; b < a->batch; b++) {
            const int64_t at = b * a->losses.example_stride + k * a->losses.model_stride;
            loss += (double)a->losses.data[at];
            correct += a->predictions[at] == a->labels[b];
        }
        a->loss_sum[k] += loss;
        a->correct[k] += correct;
    }
}
