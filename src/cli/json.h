/* Pieces of the JSON documents that subcommands print. A piece that memory did not suffice for is NULL. */
#ifndef CAVIAR_CLI_JSON_H
#define CAVIAR_CLI_JSON_H

#include <caviar/caviar.h>

#include <jansson.h>
#include <stdio.h>

/* A string; bytes that are no UTF-8 become question marks, as JSON cannot hold them. */
json_t *json_of_text(const char *text);
/* A number, or null for what is not finite. */
json_t *json_of_real(double value);
/* A value written as text: a number, true, false or a string. */
json_t *json_of_value(const char *text);
/* A seed; as a string when it is above the 2^63 - 1 that readers of JSON integers take. */
json_t *json_of_seed(uint64_t seed);
json_t *json_of_device(const caviar_device_info *info);
json_t *json_of_metrics(const caviar_metrics *metrics);
json_t *json_of_dataset(const char *source, const caviar_dataset_info *info);

/* The document as text, to be freed; gives it back. NULL: out of memory. */
char *json_text(json_t *document);

/* Prints the document and gives it back; 0 when memory ran out: nothing was printed. */
int json_print(json_t *document, FILE *file);

#endif
