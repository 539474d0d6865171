/* Writing a search space as YAML that caviar_space_load, and W&B, read back. */
#include "space.h"

#include "host/arithmetic.h"
#include "host/file.h"
#include "host/status.h"
#include "host/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number as YAML 1.1 has it: its readers take 1e-05 for text and want 1.0e-05. */
static void format_value(char text[CAVIAR_NUMBER_SIZE + 2], const caviar_hyperparameter *hyperparameter, double value) {
    caviar_hyperparameter_format(text, hyperparameter, value);
    char *exponent = hyperparameter->type == CAVIAR_CHOICE ? NULL : strchr(text, 'e');
    if (exponent == NULL || strchr(text, '.') != NULL) return;
    memmove(exponent + 2, exponent, strlen(exponent) + 1);
    memcpy(exponent, ".0", 2);
}

static void write_parameter(FILE *file, const caviar_space_parameter *parameter) {
    const caviar_hyperparameter *hyperparameter = parameter->hyperparameter;
    char text[CAVIAR_NUMBER_SIZE + 2];
    fprintf(file, "  %s:\n", hyperparameter->name);
    if (parameter->distribution == CAVIAR_CONSTANT) {
        format_value(text, hyperparameter, parameter->values[0]);
        fprintf(file, "    value: %s\n", text);
        return;
    }
    if (parameter->distribution == CAVIAR_CATEGORICAL) {
        fprintf(file, "    values: [");
        for (int32_t i = 0; i < parameter->count; ++i) {
            format_value(text, hyperparameter, parameter->values[i]);
            fprintf(file, "%s%s", i > 0 ? ", " : "", text);
        }
        fprintf(file, "]\n");
        return;
    }
    fprintf(file, "    distribution: %s\n", caviar_distribution_name(parameter->distribution));
    const int is_normal = caviar_distribution_is_normal(parameter->distribution);
    format_value(text, hyperparameter, is_normal ? parameter->mean : parameter->minimum);
    fprintf(file, "    %s: %s\n", is_normal ? "mu" : "min", text);
    format_value(text, hyperparameter, is_normal ? parameter->deviation : parameter->maximum);
    fprintf(file, "    %s: %s\n", is_normal ? "sigma" : "max", text);
    if (parameter->quantum == 0) return;
    format_value(text, hyperparameter, parameter->quantum);
    fprintf(file, "    q: %s\n", text);
}

static caviar_status write_yaml(char **text, const caviar_space *space) {
    caviar_text yaml;
    CAVIAR_TRY(caviar_text_open(&yaml));
    fprintf(yaml.file, "method: %s\n", space->method == CAVIAR_GRID ? "grid" : "random");
    if (space->has_metric)
        fprintf(yaml.file, "metric:\n  name: %s\n  goal: %s\n", caviar_metric_name(space->metric),
                space->metric == CAVIAR_VALIDATION_LOSS ? "minimize" : "maximize");
    fprintf(yaml.file, "parameters:%s\n", space->size == 0 ? " {}" : "");
    for (int32_t i = 0; i < space->size; ++i) write_parameter(yaml.file, &space->parameters[i]);
    return caviar_text_close(text, &yaml);
}

caviar_status caviar_space_save(const caviar_space *space, const char *path) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(space != NULL && path != NULL, "caviar_space_save: an argument is NULL");
    char *text;
    CAVIAR_TRY(write_yaml(&text, space));
    const caviar_piece piece = { text, strlen(text) };
    const caviar_status status = caviar_file_replace(path, &piece, 1);
    free(text);
    return status;
}
