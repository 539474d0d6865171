#include "csv_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------------------------------------------------- numbers
 */

static int is_word(const caviar_csv_cell *cell, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == cell->length && strncasecmp(cell->text, words[i], cell->length) == 0) return 1;
    return 0;
}

/* What is no number at first sight. */
static caviar_csv_kind kind_of_word(const caviar_csv_cell *cell) {
    static const char *const missing[] = { "na", "n/a", "#n/a", "nan", "null", "?", "-nan", "<na>" };
    static const char *const infinite[] = { "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity" };
    if (strspn(cell->text, " \t") >= cell->length) return CAVIAR_CSV_MISSING; /* in quotes */
    if (cell->length > 9) return CAVIAR_CSV_TEXT;
    /* Python's None; "none" may well be a text that means something. */
    if (cell->length == 4 && memcmp(cell->text, "None", 4) == 0) return CAVIAR_CSV_MISSING;
    if (is_word(cell, missing, sizeof missing / sizeof *missing)) return CAVIAR_CSV_MISSING;
    if (is_word(cell, infinite, sizeof infinite / sizeof *infinite)) return CAVIAR_CSV_NOT_FINITE;
    return CAVIAR_CSV_TEXT;
}

/* strtod would also take blanks, hexadecimal numbers and what follows a quote. */
static caviar_csv_kind slow_number(double *value, const caviar_csv_cell *cell, locale_t c_locale) {
    if (strspn(cell->text, "0123456789+-.eE") < cell->length || cell->length == 0) return kind_of_word(cell);
    char *end;
    const double number = strtod_l(cell->text, &end, c_locale);
    if (end != cell->text + cell->length) return CAVIAR_CSV_TEXT;
    if (!isfinite(number)) return CAVIAR_CSV_NOT_FINITE;
    *value = number;
    return CAVIAR_CSV_NUMBER;
}

/*
 * Up to 15 digits and a power of ten up to 22 are doubles, and so their product or quotient, rounded once, is the
 * nearest double to the number (W. D. Clinger 1990). All else is for the C library.
 */
caviar_csv_kind caviar_csv_number(double *value, const caviar_csv_cell *cell, locale_t c_locale) {
    static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    const char *at = cell->text, *const end = at + cell->length;
    const int negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    uint64_t digits = 0;
    int count = 0, behind_point = 0, any = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++, any = 1) {
        digits = 10 * digits + (uint64_t)(*at - '0');
        count += digits > 0;
        if (count > 15) return slow_number(value, cell, c_locale);
    }
    if (at < end && *at == '.') {
        for (at++; at < end && *at >= '0' && *at <= '9'; at++, any = 1) {
            digits = 10 * digits + (uint64_t)(*at - '0');
            count += digits > 0;
            behind_point++;
            if (count > 15 || behind_point > 22) return slow_number(value, cell, c_locale);
        }
    }
    if (at != end || !any) return slow_number(value, cell, c_locale);
    const double magnitude = (double)digits / tens[behind_point];
    *value = negative ? -magnitude : magnitude;
    return CAVIAR_CSV_NUMBER;
}

/* --------------------------------------------------------------------------------------------------------------- dates
 */

/* Takes so many digits; 0: they are not there. */
static int take_digits(int *number, const char **at, const char *end, int count) {
    *number = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (*at == end || **at < '0' || **at > '9') return 0;
        *number = 10 * *number + (**at - '0');
    }
    return 1;
}

static int take_character(const char **at, const char *end, char c) {
    if (*at == end || **at != c) return 0;
    (*at)++;
    return 1;
}

static int days_in_month(int year, int month) {
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day ends them. */
static double day_number(int year, int month, int day) {
    const int y = year - (month <= 2), m = (month + 9) % 12;
    return 365.0 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

/* :MM, :SS and .FRACTION behind the hours, in days. */
static int take_time(double *days, const char **at, const char *end) {
    int hours, minutes, seconds = 0;
    double fraction = 0, place = 0.1;
    if (!take_digits(&hours, at, end, 2) || !take_character(at, end, ':') || !take_digits(&minutes, at, end, 2))
        return 0;
    if (take_character(at, end, ':') && !take_digits(&seconds, at, end, 2)) return 0;
    if (take_character(at, end, '.'))
        for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, place /= 10) fraction += place * (**at - '0');
    if (hours > 24 || minutes > 59 || seconds > 60) return 0;
    *days += (hours * 3600.0 + minutes * 60.0 + seconds + fraction) / 86400;
    return 1;
}

static int take_offset(double *days, const char **at, const char *end) {
    int hours, minutes = 0;
    if (take_character(at, end, 'Z')) return 1;
    const int east = take_character(at, end, '+');
    if (!east && !take_character(at, end, '-')) return 0;
    if (!take_digits(&hours, at, end, 2)) return 0;
    take_character(at, end, ':');
    if (*at < end && !take_digits(&minutes, at, end, 2)) return 0;
    *days -= (east ? 1 : -1) * (hours * 60.0 + minutes) / 1440;
    return 1;
}

int caviar_csv_date(double *days, const caviar_csv_cell *cell) {
    const char *at = cell->text, *const end = at + cell->length;
    int year, month, day;
    if (!take_digits(&year, &at, end, 4) || at == end) return 0;
    const char separator = *at++;
    if ((separator != '-' && separator != '/') || !take_digits(&month, &at, end, 2) ||
        !take_character(&at, end, separator) || !take_digits(&day, &at, end, 2))
        return 0;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return 0;
    double read = day_number(year, month, day);
    if (at < end) {
        if (*at != 'T' && *at != ' ') return 0;
        at++;
        if (!take_time(&read, &at, end)) return 0;
        while (at < end && *at == ' ') at++;
        if (at < end && !take_offset(&read, &at, end)) return 0;
    }
    if (at != end) return 0;
    *days = read;
    return 1;
}

int caviar_csv_boolean(double *value, const char *text) {
    *value = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0;
    return *value == 1 || strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0;
}
