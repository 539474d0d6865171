/* softmax_cross_entropy and metrics. Formulas and the rules for infinities and NaN: caviar/ops.h. */
#include "cpu.h"

#include <math.h>

typedef struct row_summary {
    float max, sum; /* of exp(l - max), or how many entries share an infinite maximum */
    int32_t best;   /* the first class with the largest logit */
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
    return s;
}

/* exp(l - max), where an infinite maximum is worth 1 and all below it 0. */
static float weight(float logit, float max) {
    return isinf(max) ? (logit == max ? 1.0f : 0.0f) : expf(logit - max);
}

/* Writes p to `out` (which may be the logits) and returns its summary. */
static row_summary softmax(float *out, const float *logits, int64_t classes) {
    row_summary s = summarise(logits, classes);
    for (int64_t c = 0; c < classes; c++) {
        out[c] = s.nan ? NAN : weight(logits[c], s.max);
        s.sum += out[c];
    }
    for (int64_t c = 0; c < classes; c++) out[c] /= s.sum;
    if (s.nan) s.best = 0;
    return s;
}

static float loss_of(const row_summary *s, float logit) {
    if (s->nan) return NAN;
    if (isinf(s->max)) return logit == s->max ? logf(s->sum) : INFINITY;
    return logf(s->sum) - (logit - s->max);
}

static void clear_padding(float *row, int64_t classes, int64_t padded_classes) {
    for (int64_t c = classes; c < padded_classes; c++) row[c] = 0;
}

static void one_row(const caviar_softmax_cross_entropy_args *a, int64_t k, int64_t b) {
    const float *logits = a->logits.data + b * a->logits.example_stride + k * a->logits.model_stride;
    float *gradient =
        a->gradient.data ? a->gradient.data + b * a->gradient.example_stride + k * a->gradient.model_stride : NULL;
    float *probabilities = a->probabilities.data ? a->probabilities.data + b * a->probabilities.example_stride +
                                                       k * a->probabilities.model_stride
                                                 : NULL;
    const int64_t label = a->labels ? a->labels[b] : 0;
    const float logit = logits[label];
    float *p = probabilities ? probabilities : gradient;
    row_summary s;
    if (p) {
        s = softmax(p, logits, a->classes);
    } else { /* only the loss and the prediction are wanted */
        s = summarise(logits, a->classes);
        for (int64_t c = 0; c < a->classes; c++) s.sum += weight(logits[c], s.max);
        if (s.nan) s.best = 0;
    }
    const int64_t at = b * a->losses.example_stride + k * a->losses.model_stride;
    if (a->losses.data) a->losses.data[at] = loss_of(&s, logit);
    if (a->predictions) a->predictions[at] = s.best;
    if (gradient) {
        const float batch = (float)a->batch;
        for (int64_t c = 0; c < a->classes; c++) gradient[c] = (p[c] - (c == label ? 1.0f : 0.0f)) / batch;
        clear_padding(gradient, a->classes, a->padded_classes);
    }
    if (probabilities) clear_padding(probabilities, a->classes, a->padded_classes);
}

void caviar_cpu_softmax_cross_entropy(const caviar_softmax_cross_entropy_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++)
        for (int64_t b = 0; b < a->batch; b++) one_row(a, k, b);
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
