#include "predict_labels.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_NAMED = 5 };

caviar_status predict_labels_begin(predict_labels *labels, const caviar_model *model, const caviar_dataset *dataset) {
    caviar_dataset_info info;
    *labels = (predict_labels){ .dataset = dataset };
    const caviar_status status = caviar_dataset_get_info(&info, dataset);
    if (status != CAVIAR_OK || info.classes == 0) return status;
    labels->classes = info.classes;
    labels->model_class = calloc((size_t)info.classes, sizeof *labels->model_class);
    labels->unknown = calloc((size_t)info.classes, sizeof *labels->unknown);
    if (!labels->model_class || !labels->unknown) return CAVIAR_OUT_OF_MEMORY;
    return caviar_model_match_classes(labels->model_class, model, dataset);
}

void predict_labels_free(predict_labels *labels) {
    free(labels->model_class);
    free(labels->unknown);
}

void predict_labels_count(predict_labels *labels, int32_t label, int32_t predicted) {
    labels->examples++;
    labels->undecided += predicted < 0;
    if (labels->classes == 0) return;
    if (labels->model_class[label] < 0) {
        labels->unknown[label]++;
        return;
    }
    labels->known++;
    labels->right += predicted >= 0 && labels->model_class[label] == predicted;
}

double predict_labels_accuracy(const predict_labels *labels) {
    return labels->known > 0 && labels->undecided == 0 ? (double)labels->right / (double)labels->known : -1.0;
}

static const char *class_name(const predict_labels *labels, int64_t c) {
    const char *name = "";
    return caviar_dataset_class_name(&name, labels->dataset, c) == CAVIAR_OK ? name : "";
}

static void print_unknown(const predict_labels *labels) {
    int64_t examples = 0, names = 0;
    for (int64_t c = 0; c < labels->classes; c++) examples += labels->unknown[c], names += labels->unknown[c] > 0;
    if (examples == 0) return;
    fprintf(stderr, "caviar predict: note: %lld example%s a label that the model does not know:", (long long)examples,
            examples == 1 ? " has" : "s have");
    int named = 0;
    for (int64_t c = 0; c < labels->classes && named < MOST_NAMED; c++)
        if (labels->unknown[c] > 0) {
            char shown[64];
            snprintf(shown, sizeof shown, "%s", class_name(labels, c));
            caviar_disarm(shown);
            fprintf(stderr, "%s \"%s\" (%lld)", named++ ? "," : "", shown, (long long)labels->unknown[c]);
        }
    fprintf(stderr, "%s; %s\n", names > named ? ", ..." : "",
            labels->known > 0 ? "the accuracy is of the others" : "so there is no accuracy");
}

void predict_labels_print(const predict_labels *labels) {
    print_unknown(labels);
    if (labels->undecided > 0)
        fprintf(stderr,
                "caviar predict: %lld of %lld examples have no class, since their probabilities are not finite: the "
                "network has diverged\n",
                (long long)labels->undecided, (long long)labels->examples);
    else if (predict_labels_accuracy(labels) >= 0.0)
        fprintf(stderr, "accuracy %.4f: %lld of %lld examples\n", predict_labels_accuracy(labels),
                (long long)labels->right, (long long)labels->known);
}

json_t *predict_labels_json(const predict_labels *labels) {
    json_t *object = json_object();
    for (int64_t c = 0; object && c < labels->classes; c++) {
        if (labels->unknown[c] == 0) continue;
        json_t *count = json_integer(labels->unknown[c]), *name = json_of_text(class_name(labels, c));
        const int failed = !name || json_object_set(object, json_string_value(name), count) != 0;
        json_decref(name);
        json_decref(count);
        if (!failed) continue;
        json_decref(object);
        return NULL;
    }
    return object;
}
