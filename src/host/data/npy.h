/*
 * NPY, NumPy's format of one array (numpy.lib.format): 6 bytes of magic, major and minor version, the length of the
 * header as 16 (version 1) or 32 bits (versions 2 and 3), little-endian, the header, which is a Python dictionary
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }
 * and the elements: last index fastest, or in Fortran order the first.
 */
#ifndef CAVIAR_HOST_NPY_H
#define CAVIAR_HOST_NPY_H

#include "host/input.h"
#include "table.h"

#define CAVIAR_NPY_MAX_RANK 64 /* NumPy's own limit */

typedef struct caviar_npy {
    int64_t count; /* of elements, 1 or more */
    char kind;     /* 'b' boolean, 'i' signed, 'u' unsigned, 'f' real, 'S' bytes of text, 'U' characters of 32 bits */
    int size;      /* of an element in bytes: of numbers 1, 2, 4 or 8 */
    int big_endian, fortran_order;
    int rank; /* 0 to CAVIAR_NPY_MAX_RANK */
    int64_t shape[CAVIAR_NPY_MAX_RANK];
    uint64_t begin, at; /* the byte with which the elements begin; the one that is read next */
} caviar_npy;

/* Reads the header. The elements come next: npy_header.c. */
caviar_status caviar_npy_begin(caviar_npy *array, caviar_input *input);

/* Reads the next `count` elements as they are. */
caviar_status caviar_npy_take(void *to, caviar_npy *array, caviar_input *input, int64_t count);

/* Makes sure that nothing follows the last element. */
caviar_status caviar_npy_end(const caviar_npy *array, caviar_input *input);

/* Reads features [examples, ...] of numbers as the columns and cells of a zeroed table: npy_cells.c. */
caviar_status caviar_npy_read_features(caviar_table *table, caviar_input *input);

/* Reads labels [examples], one for each row of the table, of any numbers or texts: npy.c. */
caviar_status caviar_npy_read_labels(caviar_table *table, caviar_input *input);

#endif
