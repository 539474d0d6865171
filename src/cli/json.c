/* JSON of what the library gives. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *json_of_text(const char *text) {
    json_error_t error;
    json_t *string = json_pack_ex(&error, 0, "s", text);
    if (string || json_error_code(&error) != json_error_invalid_utf8) return string;
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

/* JSON as text, to be freed. json_dumps (2.14) can leave pieces out without a word when memory runs out. */
static char *dump(const json_t *document) {
    const size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(15); /* 15 digits keep 0.1 as 0.1 */
    const size_t size = json_dumpb(document, NULL, 0, flags);
    char *text = size > 0 ? malloc(size + 1) : NULL;
    if (!text) return NULL;
    if (json_dumpb(document, text, size, flags) != size) {
        free(text);
        return NULL;
    }
    text[size] = 0;
    return text;
}

char *json_text(json_t *document) {
    char *text = document ? dump(document) : NULL;
    json_decref(document);
    return text;
}

int json_print(json_t *document, FILE *file) {
    char *text = json_text(document); /* text first: a document is printed whole or not at all */
    if (!text) return 0;
    fputs(text, file);
    fputc('\n', file);
    free(text);
    return 1;
}
