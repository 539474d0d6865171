#include "origin.h"

#include <math.h>
#include <stdlib.h>

double caviar_column_origin(double minimum, double maximum, int all_whole) {
    const double largest = fmax(fabs(minimum), fabs(maximum)), range = maximum - minimum;
    if (!(largest > 4096 * range)) return 0;
    if (range == 0 && largest <= 0x1p24) return 0;
    const double middle = minimum + range / 2;
    return all_whole ? floor(middle) : middle;
}

static int compare(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

caviar_status caviar_column_note_collapse(caviar_notes *notes, const char *column, double *values, int64_t count) {
    int64_t numbers = 0, distinct = 0, distinct_floats = 0;
    int exact = 1;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        exact = exact && (double)(float)values[i] == values[i];
        values[numbers++] = values[i];
    }
    if (exact) return CAVIAR_OK;
    qsort(values, (size_t)numbers, sizeof *values, compare);
    for (int64_t i = 0; i < numbers; i++) {
        distinct += i == 0 || values[i] != values[i - 1];
        distinct_floats += i == 0 || (float)values[i] != (float)values[i - 1];
    }
    if ((distinct - distinct_floats) * 100 < distinct) return CAVIAR_OK;
    return caviar_notes_add(notes,
                            "%s: its numbers become 32-bit floats, which make %lld of %lld different ones equal; split "
                            "it into two columns if small differences matter",
                            column, (long long)(distinct - distinct_floats), (long long)distinct);
}
