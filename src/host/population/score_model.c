/* Scores of a model on a part of a dataset. */
#include "host/arithmetic.h"
#include "host/data/dataset.h"
#include "host/status.h"
#include "model.h"

#include <stdlib.h>

enum { EXAMPLES_AT_ONCE = 8192 };

typedef struct predictions {
    float *features;      /* [EXAMPLES_AT_ONCE, features] */
    float *probabilities; /* [examples, classes of the model] */
    int32_t *labels;      /* [examples]: the model's class, or -1 */
    int32_t *class_of;    /* [classes of the dataset]: the model's class of that name, or -1 */
} predictions;

static void destroy(predictions *p) {
    free(p->features);
    free(p->probabilities);
    free(p->labels);
    free(p->class_of);
}

static caviar_status allocate(predictions *p, const caviar_model_info *info, int64_t classes, int64_t examples) {
    const size_t cells = (size_t)examples * (size_t)info->classes;
    p->features = malloc((size_t)EXAMPLES_AT_ONCE * (size_t)info->features * sizeof *p->features);
    p->probabilities = malloc(cells * sizeof *p->probabilities);
    p->labels = malloc((size_t)examples * sizeof *p->labels);
    p->class_of = malloc((size_t)classes * sizeof *p->class_of);
    if (p->features && p->probabilities && p->labels && p->class_of) return CAVIAR_OK;
    return caviar_fail_memory("the predictions of a part of the data", cells * sizeof *p->probabilities);
}

static caviar_status predict(predictions *p, const char *function, const caviar_model *model, caviar_device *device,
                             const caviar_dataset *dataset, const int32_t *part, int64_t examples) {
    for (int64_t first = 0; first < examples; first += EXAMPLES_AT_ONCE) {
        const int64_t count = examples - first < EXAMPLES_AT_ONCE ? examples - first : EXAMPLES_AT_ONCE;
        float *probabilities = p->probabilities + first * model->info.classes;
        CAVIAR_TRY(caviar_model_read_features(p->features, function, model, dataset, part, first, count));
        CAVIAR_TRY(caviar_model_predict_features(probabilities, NULL, model, device, p->features, count));
        for (int64_t i = first; i < first + count; i++) p->labels[i] = p->class_of[dataset->labels[part[i]]];
    }
    return CAVIAR_OK;
}

caviar_status caviar_model_score(caviar_scores *scores, int64_t *confusion, const caviar_model *model,
                                 caviar_device *device, const caviar_dataset *dataset, caviar_part part) {
    CAVIAR_OWN_ARITHMETIC;
    const char *function = "caviar_model_score";
    CAVIAR_REQUIRE(scores && model && device && dataset, "%s: %s is NULL", function,
                   !scores ? "scores" : (!model ? "model" : (!device ? "device" : "dataset")));
    CAVIAR_REQUIRE(part >= CAVIAR_TRAIN && part <= CAVIAR_TEST, "%s: part is %d, not a caviar_part", function,
                   (int)part);
    CAVIAR_REQUIRE(dataset->classes > 0, "%s: the dataset has no labels", function);
    const int64_t examples = dataset->part_examples[part];
    CAVIAR_REQUIRE(examples > 0, "%s: that part of the dataset is empty; see caviar_dataset_split", function);
    predictions p = { NULL, NULL, NULL, NULL };
    caviar_status status = allocate(&p, &model->info, dataset->classes, examples);
    if (!status) status = caviar_model_match_classes(p.class_of, model, dataset);
    if (!status) status = predict(&p, function, model, device, dataset, dataset->part[part], examples);
    if (!status) status = caviar_score(scores, confusion, p.probabilities, p.labels, examples, model->info.classes);
    destroy(&p);
    return status;
}
