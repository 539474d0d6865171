/* Files: replaced whole. Reading is input.h's. */
#ifndef CAVIAR_HOST_FILE_H
#define CAVIAR_HOST_FILE_H

#include <caviar/caviar.h>

typedef struct caviar_piece {
    const void *data;
    size_t size;
} caviar_piece;

/*
 * Makes the pieces, one after another, the content of a file: written beside it, synchronised, then renamed over it,
 * so that at every moment either the old or the new content is there, whole. Only a regular file is replaced.
 */
caviar_status caviar_file_replace(const char *path, const caviar_piece *pieces, size_t count);

#endif
