/* What the labels of data that is classified say: which of them the model knows, and how often it is right. */
#ifndef CAVIAR_CLI_PREDICT_LABELS_H
#define CAVIAR_CLI_PREDICT_LABELS_H

#include <caviar/caviar.h>

#include <jansson.h>
#include <stdint.h>

typedef struct predict_labels {
    const caviar_dataset *dataset;
    int64_t classes;      /* of the dataset; 0: it has no labels */
    int32_t *model_class; /* [classes]: the model's class of that name, -1: it knows none */
    int64_t *unknown;     /* [classes]: how many examples have this label, which the model does not know */
    int64_t examples;     /* that were counted */
    int64_t known;        /* examples whose label the model knows */
    int64_t right;        /* of these, how many were classified as their labels say */
    int64_t undecided;    /* examples of which the model says nothing: it has diverged */
} predict_labels;

caviar_status predict_labels_begin(predict_labels *labels, const caviar_model *model, const caviar_dataset *dataset);
void predict_labels_free(predict_labels *labels);

/* Counts an example; `label` is read only where the data has labels. */
void predict_labels_count(predict_labels *labels, int32_t label, int32_t predicted);

/* The fraction of right ones; below 0: there is none. */
double predict_labels_accuracy(const predict_labels *labels);

/* Says on stderr what there is to say: the accuracy, the labels that the model does not know, that it has diverged. */
void predict_labels_print(const predict_labels *labels);

/* An object of the labels that the model does not know: how many examples have each. NULL: memory ran out. */
json_t *predict_labels_json(const predict_labels *labels);

#endif
