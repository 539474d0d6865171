/* What a cell of a CSV file says: a number, a date, nothing, or a text. */
#ifndef CAVIAR_HOST_CSV_VALUE_H
#define CAVIAR_HOST_CSV_VALUE_H

#include "csv_reader.h"

#include <locale.h>

typedef enum caviar_csv_kind {
    CAVIAR_CSV_NUMBER,
    CAVIAR_CSV_MISSING,    /* empty, NA, N/A, #N/A, NaN, null, None, ? */
    CAVIAR_CSV_NOT_FINITE, /* inf, or beyond a double */
    CAVIAR_CSV_TEXT
} caviar_csv_kind;

/* Reads a cell as a decimal number, exactly; `c_locale` is the locale "C", whatever the program's is. */
caviar_csv_kind caviar_csv_number(double *value, const caviar_csv_cell *cell, locale_t c_locale);

/*
 * Reads YYYY-MM-DD or YYYY/MM/DD, which may be followed by T or a blank and HH:MM, HH:MM:SS or HH:MM:SS.FRACTION, and
 * that by Z or an offset +HH:MM or -HH:MM, as days since 1970-01-01 00:00 (UTC where an offset says so). 0: it is none.
 */
int caviar_csv_date(double *days, const caviar_csv_cell *cell);

/* Whether a text is one of true, yes, false and no in any case; `value` is 1 for the first two and else 0. */
int caviar_csv_boolean(double *value, const char *text);

#endif
