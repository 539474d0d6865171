/* Scores of predictions, held to scikit-learn 1.9 (roc_auc_score, balanced_accuracy_score, f1_score). */
#include "folder.h"

#include <math.h>
#include <string.h>

static int near(double a, double b) {
    return fabs(a - b) < 1e-12;
}

static void expect(const caviar_scores *s, double accuracy, double balanced, double f1, double auc, double loss) {
    cr_expect(near(s->accuracy, accuracy), "accuracy %.15g, not %.15g", s->accuracy, accuracy);
    cr_expect(near(s->balanced_accuracy, balanced), "balanced %.15g, not %.15g", s->balanced_accuracy, balanced);
    cr_expect(near(s->macro_f1, f1), "F1 %.15g, not %.15g", s->macro_f1, f1);
    cr_expect(near(s->auc, auc), "AUC %.15g, not %.15g", s->auc, auc);
    cr_expect(near(s->log_loss, loss), "log loss %.15g, not %.15g", s->log_loss, loss);
}

static const int32_t two[12] = { 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0 };
static const float two_probabilities[12][2] = {
    { 0.0454545468f, 0.954545438f },
    { 0.0454545468f, 0.954545438f },
    { 0.863636374f, 0.13636364f },
    { 0.772727251f, 0.227272734f },
    { 0.590909064f, 0.409090906f },
    { 0.409090906f, 0.590909064f },
    { 0.5f, 0.5f },
    { 0.13636364f, 0.863636374f },
    { 0.863636374f, 0.13636364f },
    { 0.590909064f, 0.409090906f },
    { 0.954545438f, 0.0454545468f },
    { 0.5f, 0.5f },
};
static const int32_t three[14] = { 1, 1, 0, 0, 1, 1, 1, 2, 2, 0, 1, 1, 0, 0 };
static const float three_probabilities[14][3] = {
    { 0.0434782617f, 0.913043499f, 0.0434782617f }, { 0.0434782617f, 0.652173936f, 0.304347813f },
    { 0.565217376f, 0.130434781f, 0.304347813f },   { 0.333333343f, 0.428571433f, 0.238095239f },
    { 0.130434781f, 0.739130437f, 0.130434781f },   { 0.0476190485f, 0.714285731f, 0.238095239f },
    { 0.217391297f, 0.391304344f, 0.391304344f },   { 0.0434782617f, 0.304347813f, 0.652173936f },
    { 0.130434781f, 0.391304344f, 0.478260875f },   { 0.826086938f, 0.0434782617f, 0.130434781f },
    { 0.217391297f, 0.739130437f, 0.0434782617f },  { 0.130434781f, 0.739130437f, 0.130434781f },
    { 0.826086938f, 0.0434782617f, 0.130434781f },  { 0.200000003f, 0.600000024f, 0.200000003f },
};

Test(score, agrees_with_scikit_learn) {
    caviar_scores s = CAVIAR_SCORES_INIT;
    SUCCEEDS(caviar_score(&s, NULL, two_probabilities[0], two, 12, 2));
    expect(&s, 0.8333333333333334, 0.8125, 0.8125, 0.875, 0.5705246497939102);
    SUCCEEDS(caviar_score(&s, NULL, three_probabilities[0], three, 14, 3));
    expect(&s, 0.8571428571428571, 0.8666666666666667, 0.875, 0.9681783824640968, 0.5375534765820434);
}

Test(score, counts_who_was_taken_for_whom) {
    caviar_scores s = CAVIAR_SCORES_INIT;
    int64_t confusion[3][3];
    SUCCEEDS(caviar_score(&s, confusion[0], three_probabilities[0], three, 14, 3));
    static const int64_t right[3][3] = { { 3, 2, 0 }, { 0, 7, 0 }, { 0, 0, 2 } };
    cr_expect(memcmp(confusion, right, sizeof right) == 0);
}

Test(score, leaves_out_what_has_no_label) {
    caviar_scores all = CAVIAR_SCORES_INIT, some = CAVIAR_SCORES_INIT;
    int32_t labels[14];
    for (int i = 0; i < 14; i++) labels[i] = i < 10 ? three[i] : -1;
    SUCCEEDS(caviar_score(&all, NULL, three_probabilities[0], three, 10, 3));
    SUCCEEDS(caviar_score(&some, NULL, three_probabilities[0], labels, 14, 3));
    cr_expect(memcmp(&all, &some, sizeof all) == 0);
}

Test(score, a_class_that_does_not_occur_does_not_count) {
    caviar_scores s = CAVIAR_SCORES_INIT;
    static const int32_t labels[4] = { 0, 0, 1, 1 };
    static const float p[4][3] = { { .8f, .1f, .1f }, { .7f, .2f, .1f }, { .1f, .8f, .1f }, { .6f, .3f, .1f } };
    SUCCEEDS(caviar_score(&s, NULL, p[0], labels, 4, 3));
    expect(&s, 0.75, 0.75, (0.8 + 2.0 / 3) / 2, 1.0, s.log_loss);
    /* All of one class: nothing to rank. */
    SUCCEEDS(caviar_score(&s, NULL, p[0], labels, 2, 3));
    cr_expect(s.accuracy == 1 && isnan(s.auc));
}

Test(score, nan_is_no_class) {
    caviar_scores s = CAVIAR_SCORES_INIT;
    int64_t confusion[2][2] = { { 7, 7 }, { 7, 7 } };
    float p[12][2];
    memcpy(p, two_probabilities, sizeof p);
    p[11][1] = (float)NAN;
    SUCCEEDS(caviar_score(&s, confusion[0], p[0], two, 12, 2));
    cr_expect(s.examples == 12 && isnan(s.accuracy) && isnan(s.balanced_accuracy) && isnan(s.macro_f1) &&
              isnan(s.auc) && isnan(s.log_loss));
    cr_expect(!confusion[0][0] && !confusion[0][1] && !confusion[1][0] && !confusion[1][1]);
}

Test(score, refuses_what_cannot_be) {
    caviar_scores s = CAVIAR_SCORES_INIT;
    static const int32_t beyond[1] = { 2 };
    REFUSES(caviar_score(&s, NULL, two_probabilities[0], beyond, 1, 2), CAVIAR_INVALID_ARGUMENT, "label 0 is 2");
    REFUSES(caviar_score(&s, NULL, two_probabilities[0], two, 0, 2), CAVIAR_INVALID_ARGUMENT, "0 examples");
    s.struct_size = 3;
    REFUSES(caviar_score(&s, NULL, two_probabilities[0], two, 12, 2), CAVIAR_INVALID_ARGUMENT, "struct_size");
}
