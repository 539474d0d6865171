/* Names for what a command leaves behind when it was given none: they never write over earlier results. */
#ifndef CAVIAR_CLI_FOLDER_H
#define CAVIAR_CLI_FOLDER_H

enum { FOLDER_SIZE = 64 };

/* Makes the first of caviar-1, caviar-2, ... that does not exist. 0, or -1 with errno. */
int folder_make(char folder[FOLDER_SIZE]);

/* Takes the first of model-1.safetensors, model-2.safetensors, ... that does not exist, as an empty file. 0, or -1 with
 * errno. */
int folder_take_file(char path[FOLDER_SIZE]);

/* Whether a file of that name could be written. 0, or -1 with errno. Hours of training should not end in a typo. */
int folder_check_file(const char *path);

#endif
