/* The space that --space and --set describe. */
#ifndef CAVIAR_CLI_SPACE_H
#define CAVIAR_CLI_SPACE_H

#include "options.h"

#include <caviar/caviar.h>

/* Loads `path` (NULL: the default space, or an empty one) and applies the settings to it. */
caviar_status space_build(caviar_space **space, const char *path, int use_default, const option_texts *settings);

/* Says on stderr what the library notes about the space. */
void space_print_notes(const char *command, const caviar_space *space);

/* What the help says of names and of the one-line form. */
void space_print_help(void);

#endif
