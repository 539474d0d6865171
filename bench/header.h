/* What stands above every measurement: where, when, by what and of which source. */
#ifndef CAVIAR_BENCH_HEADER_H
#define CAVIAR_BENCH_HEADER_H

#include "limits.h"
#include "nvml.h"

#include <jansson.h>

/* A JSON object; `warnings` (an array) gets a sentence for each thing that spoils figures. NULL: out of memory. */
json_t *bench_header(caviar_device *device, const bench_nvml *nvml, int argc, char **argv, json_t *warnings);

#endif
