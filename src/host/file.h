/* Files: replaced whole. Reading is input.h's. */
#ifndef CAVIAR_HOST_FILE_H
#define CAVIAR_HOST_FILE_H

#include <caviar/caviar.h>

typedef struct caviar_piece {
    const void *data;
    size_t size;
} caviar_piece;

/*
 * Makes the pieces, one after another, the content of a file: written beside it under a name that nobody can have
 * planted, synchronised, then renamed over it, so that at every moment either the old or the new content is there,
 * whole. A symbolic link is followed to its file; mode and owner of a file that is replaced stay, as far as the user
 * may keep them. Devices and pipes are written to as they are.
 */
caviar_status caviar_file_replace(const char *path, const caviar_piece *pieces, size_t count);

#endif
