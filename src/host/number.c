/* Numbers as text. A program in a German locale must write and read the same files as any other. */
#include "number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The C locale for the calling thread until restore(). Where there is none, 0, the thread's own stays. */
static locale_t take_c_locale(locale_t *previous) {
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *previous = c ? uselocale(c) : (locale_t)0;
    return c;
}

static void restore_locale(locale_t c, locale_t previous) {
    if (!c) return;
    uselocale(previous);
    freelocale(c);
}

int caviar_number_parse(double *value, const char *text) {
    /* strtod also takes spaces, hexadecimal, "inf" and "nan". */
    if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return 0;
    locale_t previous;
    const locale_t c = take_c_locale(&previous);
    char *end;
    const double parsed = strtod(text, &end);
    restore_locale(c, previous);
    if (end == text || *end != '\0' || !isfinite(parsed)) return 0;
    *value = parsed;
    return 1;
}

void caviar_number_format(char text[CAVIAR_NUMBER_SIZE], double value) {
    if (!isfinite(value)) {
        snprintf(text, CAVIAR_NUMBER_SIZE, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    locale_t previous;
    const locale_t c = take_c_locale(&previous);
    for (int digits = 15; digits <= 17; ++digits) {
        snprintf(text, CAVIAR_NUMBER_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    restore_locale(c, previous);
}

void caviar_number_format_float(char text[CAVIAR_NUMBER_SIZE], float value) {
    if (!isfinite(value)) {
        caviar_number_format(text, (double)value);
        return;
    }
    locale_t previous;
    const locale_t c = take_c_locale(&previous);
    for (int digits = 6; digits <= 9; ++digits) {
        snprintf(text, CAVIAR_NUMBER_SIZE, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    restore_locale(c, previous);
}
