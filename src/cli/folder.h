/* Names for what a command leaves behind when it was given none: they never write over earlier results. */
#ifndef CAVIAR_CLI_FOLDER_H
#define CAVIAR_CLI_FOLDER_H

#include <stdint.h>

enum { FOLDER_SIZE = 64 };

/* Makes the first of caviar-1, caviar-2, ... that does not exist. 0, or -1 with errno. */
int folder_make(char folder[FOLDER_SIZE]);

/* Takes the first of model-1.safetensors, model-2.safetensors, ... that does not exist, as an empty file. 0, or -1 with
 * errno. */
int folder_take_file(char path[FOLDER_SIZE]);

/* Takes a name as an empty file unless a file has it; a device or a pipe is left as it is. 0, or -1 with errno. */
int folder_take_name(const char *path);

/* Whether two names (NULL: none) are of one file that is there. */
int folder_same_file(const char *a, const char *b);

/* Whether a file of that name and so many bytes could be written. 0, or -1 with errno. Hours of training should not end
 * in a typo. */
int folder_check_file(const char *path, uint64_t bytes);

#endif
