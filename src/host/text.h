/* Text that is written with fprintf and ends up in memory. */
#ifndef CAVIAR_HOST_TEXT_H
#define CAVIAR_HOST_TEXT_H

#include <caviar/caviar.h>

#include <stdio.h>

typedef struct caviar_text {
    FILE *file; /* write here */
    char *content;
    size_t size;
} caviar_text;

caviar_status caviar_text_open(caviar_text *text);
/* Gives the content (malloc'ed, ending in a zero), unless one of the writes failed. Either way `text` is closed. */
caviar_status caviar_text_close(char **content, caviar_text *text);

#endif
