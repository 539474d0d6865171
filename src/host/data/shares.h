/* How many examples of each class go to each part of a dataset. */
#ifndef CAVIAR_HOST_SHARES_H
#define CAVIAR_HOST_SHARES_H

#include <caviar/caviar.h>

/* By caviar_part. */
typedef struct caviar_share {
    int64_t count[3];
} caviar_share;

/*
 * Writes the shares [classes] of classes of size[c] examples when parts take part[p] of all of them (the sums of both
 * are equal): every class gives all its examples, every part gets its number, and a share differs from its quota,
 * size x part / all, by less than one. A class of one example or more has one in training at least, where that part
 * has as many examples as there are such classes; then a share may differ by more where nothing else adds up.
 * Depends on nothing but the numbers.
 */
caviar_status caviar_shares(caviar_share *shares, const int64_t *size, int64_t classes, const int64_t part[3]);

#endif
