/* Writing predictions. */
#include "predict_output.h"

#include "json.h"

#include <string.h>

static const char *class_name(const predict_output *output, int64_t class_index) {
    const char *name = "";
    return caviar_model_class_name(&name, output->model, class_index) == CAVIAR_OK ? name : "";
}

/* A CSV field, in quotes when it needs them (RFC 4180). */
static void write_field(FILE *file, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"') fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

int predict_output_begin(predict_output *output, FILE *file, const caviar_model *model, int json, int probabilities) {
    caviar_model_info info;
    if (caviar_model_get_info(&info, model) != CAVIAR_OK) return -1;
    *output = (predict_output){ file, model, info.classes, probabilities, json ? json_array() : NULL };
    if (json) return output->list ? 0 : -1;
    fputs("example,class,probability", file);
    for (int64_t k = 0; probabilities && k < info.classes; k++) {
        fputc(',', file);
        write_field(file, class_name(output, k));
    }
    fputc('\n', file);
    return 0;
}

static int append_json(predict_output *output, int64_t example, int32_t class_index, const float *probabilities) {
    const int is_class = class_index >= 0;
    json_t *one = json_pack("{s:I, s:o, s:o}", "example", (json_int_t)example, "class",
                            is_class ? json_of_text(class_name(output, class_index)) : json_null(), "probability",
                            is_class ? json_of_real((double)probabilities[class_index]) : json_null());
    if (one && output->probabilities) {
        json_t *all = json_array();
        int failed = !all;
        for (int64_t k = 0; k < output->classes && !failed; k++)
            failed = json_array_append_new(all, json_of_real((double)probabilities[k])) != 0;
        if (json_object_set_new(one, "probabilities", all) != 0 || failed) {
            json_decref(one);
            one = NULL;
        }
    }
    return json_array_append_new(output->list, one);
}

int predict_output_example(predict_output *output, int64_t example, int32_t class_index, const float *probabilities) {
    if (output->list) return append_json(output, example, class_index, probabilities);
    fprintf(output->file, "%lld,", (long long)example);
    if (class_index >= 0) {
        write_field(output->file, class_name(output, class_index));
        fprintf(output->file, ",%.6f", (double)probabilities[class_index]);
    } else {
        fputc(',', output->file);
    }
    for (int64_t k = 0; output->probabilities && k < output->classes; k++)
        fprintf(output->file, ",%.6f", (double)probabilities[k]);
    fputc('\n', output->file);
    return 0;
}

static json_t *class_names(const predict_output *output) {
    json_t *names = json_array();
    for (int64_t k = 0; names && k < output->classes; k++)
        if (json_array_append_new(names, json_of_text(class_name(output, k))) != 0) {
            json_decref(names);
            return NULL;
        }
    return names;
}

int predict_output_end(predict_output *output, int whole, const char *model_path, const char *source,
                       const predict_labels *labels) {
    if (!output->list) return 0;
    if (!whole) {
        json_decref(output->list);
        return 0;
    }
    const double accuracy = predict_labels_accuracy(labels);
    json_t *document =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "model", json_of_text(model_path), "data", json_of_text(source),
                  "classes", class_names(output), "accuracy", accuracy >= 0.0 ? json_of_real(accuracy) : json_null(),
                  "unknown_labels", predict_labels_json(labels), "predictions", output->list);
    return json_print(document, output->file) ? 0 : -1;
}
