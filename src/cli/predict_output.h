/* Predictions as CSV lines, written as they come, or as one JSON document. */
#ifndef CAVIAR_CLI_PREDICT_OUTPUT_H
#define CAVIAR_CLI_PREDICT_OUTPUT_H

#include "predict_labels.h"

#include <caviar/caviar.h>

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

typedef struct predict_output {
    FILE *file;
    const caviar_model *model;
    int64_t classes;
    int probabilities; /* of every class */
    json_t *list;      /* NULL: CSV */
} predict_output;

/* Each returns 0, or -1 when memory ran out. Failures to write are left in the file's error flag. */
int predict_output_begin(predict_output *output, FILE *file, const caviar_model *model, int json, int probabilities);
int predict_output_example(predict_output *output, int64_t example, int32_t class_index, const float *probabilities);
/* Ends it; a JSON document is printed only when all is `whole`. */
int predict_output_end(predict_output *output, int whole, const char *model_path, const char *source,
                       const predict_labels *labels);

#endif
