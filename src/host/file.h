/* Files: read whole, replaced whole. */
#ifndef CAVIAR_HOST_FILE_H
#define CAVIAR_HOST_FILE_H

#include <caviar/caviar.h>

/* What a file holds. One zero byte follows the content; free(data) when done. */
typedef struct caviar_bytes {
    unsigned char *data;
    size_t size;
} caviar_bytes;

typedef enum caviar_compression { CAVIAR_PLAIN = 0, CAVIAR_PLAIN_OR_GZIP = 1 } caviar_compression;

/*
 * Reads a file, decompressing it when it is gzip and that is allowed. More than `limit` bytes are refused; 0 means the
 * memory of this machine, so that a small file that decompresses without end is an error and not the system's end.
 */
caviar_status caviar_file_read(caviar_bytes *bytes, const char *path, caviar_compression compression, size_t limit);

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
