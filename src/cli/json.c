/* JSON of what the library gives. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *json_of_text(const char *text) {
    json_t *string = json_string(text);
    if (string) return string;
    char *copy = strdup(text);
    if (!copy) return NULL;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 128) *c = '?';
    string = json_string(copy);
    free(copy);
    return string;
}

json_t *json_of_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_of_value(const char *text) {
    char *end;
    const long long whole = strtoll(text, &end, 10);
    if (end != text && !*end) return json_integer(whole);
    const double real = strtod(text, &end);
    if (end != text && !*end) return json_of_real(real);
    if (!strcmp(text, "true") || !strcmp(text, "false")) return json_boolean(text[0] == 't');
    return json_of_text(text);
}

json_t *json_of_seed(uint64_t seed) {
    if (seed <= INT64_MAX) return json_integer((json_int_t)seed);
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, seed);
    return json_string(text);
}

json_t *json_of_device(const caviar_device_info *info) {
    return json_pack("{s:s, s:o, s:i, s:I, s:I}", "name", info->name, "description", json_of_text(info->description),
                     "threads", info->threads, "memory_total", (json_int_t)info->memory_total, "memory_free",
                     (json_int_t)info->memory_free);
}

json_t *json_of_metrics(const caviar_metrics *metrics) {
    return json_pack("{s:o, s:o, s:I}", "loss", json_of_real(metrics->loss), "accuracy",
                     json_of_real(metrics->accuracy), "examples", (json_int_t)metrics->examples);
}

json_t *json_of_dataset(const char *source, const caviar_dataset_info *info) {
    return json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I}", "source", json_of_text(source), "features", (json_int_t)info->features,
        "classes", (json_int_t)info->classes, "training", (json_int_t)info->part_examples[CAVIAR_TRAIN], "validation",
        (json_int_t)info->part_examples[CAVIAR_VALIDATION], "test", (json_int_t)info->part_examples[CAVIAR_TEST]);
}

int json_print(json_t *document, FILE *file) {
    /* 15 digits keep 0.1 as 0.1. Text first: a document is printed whole or not at all. */
    char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(document);
    if (!text) return 0;
    fputs(text, file);
    fputc('\n', file);
    free(text);
    return 1;
}
