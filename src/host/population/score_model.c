/* Scores of a model on a part of a dataset. */
#include "host/data/dataset.h"
#include "host/status.h"

#include <stdlib.h>
#include <string.h>

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

static caviar_status allocate(predictions *p, const caviar_model_info *info, const caviar_dataset *dataset,
                              int64_t examples) {
    const size_t cells = (size_t)examples * (size_t)info->classes;
    p->features = malloc((size_t)EXAMPLES_AT_ONCE * (size_t)dataset->feature_count * sizeof *p->features);
    p->probabilities = malloc(cells * sizeof *p->probabilities);
    p->labels = malloc((size_t)examples * sizeof *p->labels);
    p->class_of = malloc((size_t)dataset->classes * sizeof *p->class_of);
    if (p->features && p->probabilities && p->labels && p->class_of) return CAVIAR_OK;
    return caviar_fail_memory("the predictions of a part of the data", cells * sizeof *p->probabilities);
}

/* Classes go by their names, for a model and a dataset may number them differently. */
static caviar_status match_classes(int32_t *class_of, const caviar_model *model, const caviar_model_info *info,
                                   const caviar_dataset *dataset) {
    for (int64_t c = 0; c < dataset->classes; c++) {
        class_of[c] = -1;
        for (int64_t k = 0; k < info->classes && class_of[c] < 0; k++) {
            const char *name = NULL;
            CAVIAR_TRY(caviar_model_class_name(&name, model, k));
            if (strcmp(name, dataset->class_names[c]) == 0) class_of[c] = (int32_t)k;
        }
    }
    return CAVIAR_OK;
}

static caviar_status predict(predictions *p, const caviar_model *model, caviar_device *device,
                             const caviar_dataset *dataset, const int32_t *part, int64_t examples, int64_t classes) {
    for (int64_t first = 0; first < examples; first += EXAMPLES_AT_ONCE) {
        const int64_t count = examples - first < EXAMPLES_AT_ONCE ? examples - first : EXAMPLES_AT_ONCE;
        for (int64_t i = 0; i < count; i++) {
            CAVIAR_TRY(
                caviar_dataset_read(p->features + i * dataset->feature_count, NULL, dataset, part[first + i], 1));
            p->labels[first + i] = p->class_of[dataset->labels[part[first + i]]];
        }
        CAVIAR_TRY(caviar_model_predict(p->probabilities + first * classes, NULL, model, device, p->features, count));
    }
    return CAVIAR_OK;
}

caviar_status caviar_model_score(caviar_scores *scores, int64_t *confusion, const caviar_model *model,
                                 caviar_device *device, const caviar_dataset *dataset, caviar_part part) {
    const char *function = "caviar_model_score";
    CAVIAR_REQUIRE(scores && model && device && dataset, "%s: %s is NULL", function,
                   !scores ? "scores" : (!model ? "model" : (!device ? "device" : "dataset")));
    CAVIAR_REQUIRE(part >= CAVIAR_TRAIN && part <= CAVIAR_TEST, "%s: part is %d, not a caviar_part", function,
                   (int)part);
    CAVIAR_REQUIRE(dataset->classes > 0, "%s: the dataset has no labels", function);
    const int64_t examples = dataset->part_examples[part];
    CAVIAR_REQUIRE(examples > 0, "%s: that part of the dataset is empty; see caviar_dataset_split", function);
    caviar_model_info info;
    CAVIAR_TRY(caviar_model_get_info(&info, model));
    CAVIAR_REQUIRE(info.features == dataset->feature_count,
                   "%s: the dataset has %lld features and the model was trained on %lld", function,
                   (long long)dataset->feature_count, (long long)info.features);
    predictions p = { NULL, NULL, NULL, NULL };
    caviar_status status = allocate(&p, &info, dataset, examples);
    if (!status) status = match_classes(p.class_of, model, &info, dataset);
    if (!status) status = predict(&p, model, device, dataset, dataset->part[part], examples, info.classes);
    if (!status) status = caviar_score(scores, confusion, p.probabilities, p.labels, examples, info.classes);
    destroy(&p);
    return status;
}
