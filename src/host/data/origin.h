/* Where the cells of a column of numbers are counted from (table.h), and what 32 bits cannot tell apart even so. */
#ifndef CAVIAR_HOST_ORIGIN_H
#define CAVIAR_HOST_ORIGIN_H

#include "host/notes.h"

/*
 * The origin of a column whose finite values go from `minimum` to `maximum` (NaN: it has none). 0 where floats of the
 * values themselves tell at least 4096 steps of that range apart, or for a constant that is no large number; else the
 * middle of the range, whole where all values are.
 */
double caviar_column_origin(double minimum, double maximum, int all_whole);

/*
 * Adds a note where floats make 1 in 100 or more of the different ones among these values, which are counted from the
 * column's origin, equal to another. Sorts them; NaNs are left out. `column` is what messages call the column.
 */
enum { CAVIAR_COLLAPSE_SAMPLE = 1024 }; /* as many neighbouring values are enough */
caviar_status caviar_column_note_collapse(caviar_notes *notes, const char *column, double *values, int64_t count);

#endif
