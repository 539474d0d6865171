/* What the parts of reading a space's file share. */
#ifndef CAVIAR_HOST_SPACE_LOAD_H
#define CAVIAR_HOST_SPACE_LOAD_H

#include "yaml_reader.h"

/* Where each parameter stands in the file, by its place in the table of hyperparameters. */
typedef struct caviar_space_lines {
    size_t of[CAVIAR_HYPERPARAMETER_COUNT];
} caviar_space_lines;

/* Reads the mapping `parameters` into the reader's space. */
caviar_status caviar_space_load_parameters(caviar_space_lines *lines, caviar_yaml *r);

#endif
