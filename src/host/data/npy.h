/* One NumPy array as its file holds it. */
#ifndef CAVIAR_HOST_NPY_H
#define CAVIAR_HOST_NPY_H

#include "host/input.h"

#define CAVIAR_NPY_MAX_RANK 64 /* NumPy's own limit */

typedef struct caviar_npy {
    caviar_bytes file;             /* the caller frees file.data */
    const unsigned char *elements; /* [count] of `size` bytes, within the file; last index fastest */
    int64_t count;                 /* 1 or more */
    char kind;                     /* 'b' boolean, 'i' signed, 'u' unsigned, 'f' real */
    int size;                      /* 1, 2, 4 or 8 */
    int big_endian;
    int rank; /* 0 to CAVIAR_NPY_MAX_RANK */
    int64_t shape[CAVIAR_NPY_MAX_RANK];
} caviar_npy;

/* Reads and checks a file, plain or gzip-compressed: npy_header.c. */
caviar_status caviar_npy_read(caviar_npy *array, const char *path);

#endif
