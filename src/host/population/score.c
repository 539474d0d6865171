/*
 * Scores of probabilities against labels, as scikit-learn defines them: confusion matrix, balanced accuracy, macro F1,
 * area under the ROC curve, log loss. Everything is counted and summed on the host, in double and in the order of the
 * examples.
 */
#include "host/arithmetic.h"
#include "host/status.h"

#include <caviar/caviar.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------------------------- from the counts */

/* Row and column sums of the confusion matrix, and what lies on its diagonal. */
typedef struct totals {
    double actual, predicted, right;
} totals;

static totals totals_of_class(const int64_t *confusion, int64_t classes, int64_t c) {
    totals sums = { 0, 0, (double)confusion[c * classes + c] };
    for (int64_t other = 0; other < classes; other++) {
        sums.actual += (double)confusion[c * classes + other];
        sums.predicted += (double)confusion[other * classes + c];
    }
    return sums;
}

/* Means over classes: of the recall over those that occur among the labels, of F1 over those that occur at all. */
static void score_counts(caviar_scores *scores, const int64_t *confusion, int64_t classes) {
    double right = 0, recalls = 0, f1s = 0;
    int64_t actual = 0, either = 0;
    for (int64_t c = 0; c < classes; c++) {
        const totals sums = totals_of_class(confusion, classes, c);
        right += sums.right;
        if (sums.actual > 0) recalls += sums.right / sums.actual, actual++;
        if (sums.actual + sums.predicted > 0) f1s += 2 * sums.right / (sums.actual + sums.predicted), either++;
    }
    scores->accuracy = right / (double)scores->examples;
    scores->balanced_accuracy = recalls / (double)actual;
    scores->macro_f1 = f1s / (double)either;
}

/* --------------------------------------------------------------------------------------------- area under the curve */

typedef struct ranked {
    float score;
    int positive;
} ranked;

static int compare_scores(const void *left, const void *right) {
    const float a = ((const ranked *)left)->score, b = ((const ranked *)right)->score;
    return (a > b) - (a < b);
}

/*
 * The probability that a positive example scores above a negative one, ties counting half (Mann-Whitney): with R the
 * sum of the positives' ranks, (R - p (p + 1) / 2) / (p n). NaN where all are positive or all are negative.
 */
static double area_under_curve(ranked *examples, int64_t count) {
    double ranks = 0, positives = 0;
    qsort(examples, (size_t)count, sizeof *examples, compare_scores);
    for (int64_t begin = 0, end; begin < count; begin = end) {
        double ties = 0;
        for (end = begin; end < count && examples[end].score == examples[begin].score; end++)
            ties += examples[end].positive;
        ranks += ties * ((double)(begin + 1) + (double)end) / 2; /* equal scores share the mean of their ranks */
        positives += ties;
    }
    const double negatives = (double)count - positives;
    if (positives == 0 || negatives == 0) return (double)NAN;
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

static double area_of_class(ranked *work, const float *probabilities, const int32_t *labels, int64_t examples,
                            int64_t classes, int64_t c) {
    int64_t count = 0;
    for (int64_t i = 0; i < examples; i++)
        if (labels[i] >= 0) work[count++] = (ranked){ probabilities[i * classes + c], labels[i] == c };
    return area_under_curve(work, count);
}

/* Of two classes the second one's; of more, the mean over the classes, each against the rest, that occur. */
static double mean_area(ranked *work, const float *probabilities, const int32_t *labels, int64_t examples,
                        int64_t classes) {
    double sum = 0;
    int64_t defined = 0;
    for (int64_t c = classes == 2; c < classes; c++) {
        const double area = area_of_class(work, probabilities, labels, examples, classes, c);
        if (isnan(area)) continue;
        sum += area;
        defined++;
    }
    return defined ? sum / (double)defined : (double)NAN;
}

/* -------------------------------------------------------------------------------------------------------- all of it */

/* The first of the largest; -1 where one is not finite. */
static int64_t hardmax(const float *probabilities, int64_t classes) {
    int64_t best = 0;
    for (int64_t c = 0; c < classes; c++) {
        if (!isfinite(probabilities[c])) return -1;
        if (probabilities[c] > probabilities[best]) best = c;
    }
    return best;
}

/* Fills the confusion matrix and the log loss; 0: a probability is not finite. */
static int count_examples(caviar_scores *scores, int64_t *confusion, const float *probabilities, const int32_t *labels,
                          int64_t examples, int64_t classes) {
    double loss = 0;
    for (int64_t i = 0; i < examples; i++) {
        const float *row = probabilities + i * classes;
        const int64_t predicted = hardmax(row, classes);
        if (predicted < 0) return 0;
        if (labels[i] < 0) continue;
        scores->examples++;
        confusion[labels[i] * classes + predicted]++;
        loss -= log(fmax((double)row[labels[i]], (double)FLT_MIN));
    }
    scores->log_loss = scores->examples ? loss / (double)scores->examples : (double)NAN;
    return 1;
}

static caviar_status check(const caviar_scores *scores, const float *probabilities, const int32_t *labels,
                           int64_t examples, int64_t classes) {
    const char *function = "caviar_score";
    CAVIAR_REQUIRE(scores && probabilities && labels, "%s: %s is NULL", function,
                   !scores ? "scores" : (!probabilities ? "probabilities" : "labels"));
    CAVIAR_REQUIRE(scores->struct_size == sizeof *scores,
                   "%s: scores.struct_size is %zu, not %zu; begin with CAVIAR_SCORES_INIT", function,
                   scores->struct_size, sizeof *scores);
    CAVIAR_REQUIRE(examples >= 1 && classes >= 2 && classes <= INT32_MAX,
                   "%s: %lld examples of %lld classes; there must be 1 and 2 or more", function, (long long)examples,
                   (long long)classes);
    for (int64_t i = 0; i < examples; i++)
        CAVIAR_REQUIRE(labels[i] >= -1 && labels[i] < classes, "%s: label %lld is %d; it must be -1 to %lld", function,
                       (long long)i, (int)labels[i], (long long)classes - 1);
    return CAVIAR_OK;
}

static caviar_scores no_scores(void) {
    return (caviar_scores){ sizeof(caviar_scores), 0, (double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN };
}

caviar_status caviar_score(caviar_scores *scores, int64_t *confusion, const float *probabilities, const int32_t *labels,
                           int64_t examples, int64_t classes) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_TRY(check(scores, probabilities, labels, examples, classes));
    int64_t *counts = calloc((size_t)classes, (size_t)classes * sizeof *counts);
    ranked *work = malloc((size_t)examples * sizeof *work);
    if (!counts || !work) {
        free(counts);
        free(work);
        return caviar_fail_memory("the scores of predictions", (size_t)examples * sizeof *work);
    }
    caviar_scores result = no_scores();
    const int finite = count_examples(&result, counts, probabilities, labels, examples, classes);
    if (finite && result.examples > 0) {
        score_counts(&result, counts, classes);
        result.auc = mean_area(work, probabilities, labels, examples, classes);
    }
    if (!finite) { /* a network that has diverged is right about nothing and wrong about nothing */
        memset(counts, 0, (size_t)(classes * classes) * sizeof *counts);
        result = no_scores();
        for (int64_t i = 0; i < examples; i++) result.examples += labels[i] >= 0;
    }
    if (confusion) memcpy(confusion, counts, (size_t)(classes * classes) * sizeof *counts);
    *scores = result;
    free(counts);
    free(work);
    return CAVIAR_OK;
}
