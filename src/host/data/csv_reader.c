/* Lines and cells of a CSV file. */
#include "csv_reader.h"

#include "host/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------------------------------------------------- cells
 */

static int is_line_end(char c) {
    return c == '\n' || c == '\r';
}

static int is_blank(const caviar_csv_reader *reader, char c) {
    return (c == ' ' || c == '\t') && c != reader->delimiter;
}

static void skip_blanks(caviar_csv_reader *reader) {
    while (reader->at < reader->end && is_blank(reader, *reader->at)) reader->at++;
}

/* Goes behind "\n", "\r\n" or "\r". */
static void skip_line_end(caviar_csv_reader *reader) {
    if (*reader->at == '\r' && reader->at + 1 < reader->end && reader->at[1] == '\n') reader->at++;
    reader->at++;
    reader->line++;
}

/* `at` is behind the opening quote; a doubled quote stands for one, and lines may end within. */
static caviar_status read_quoted(caviar_csv_cell *cell, caviar_csv_reader *reader) {
    const int64_t first_line = reader->line;
    cell->text = reader->at;
    cell->quoted = 1;
    for (;;) {
        if (reader->at == reader->end) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: a quote is opened on this line and never closed",
                               reader->path, (long long)first_line);
        }
        if (*reader->at == '"') {
            if (reader->at + 1 == reader->end || reader->at[1] != '"') break;
            reader->at += 2;
        } else if (is_line_end(*reader->at)) {
            skip_line_end(reader);
        } else {
            reader->at++;
        }
    }
    cell->length = (size_t)(reader->at - cell->text);
    reader->at++;
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at == reader->delimiter || is_line_end(*reader->at)) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: text follows a closing quote; a quote within quotes is doubled",
                       reader->path, (long long)reader->line);
}

static caviar_status read_cell(caviar_csv_cell *cell, caviar_csv_reader *reader) {
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == '"') {
        reader->at++;
        return read_quoted(cell, reader);
    }
    cell->text = reader->at;
    cell->quoted = 0;
    while (reader->at < reader->end && *reader->at != reader->delimiter && !is_line_end(*reader->at)) reader->at++;
    const char *last = reader->at;
    while (last > cell->text && is_blank(reader, last[-1])) last--;
    cell->length = (size_t)(last - cell->text);
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- lines
 */

static caviar_status append_cell(caviar_csv_record *record, caviar_csv_cell cell) {
    if (record->count == record->capacity) {
        const size_t capacity = record->capacity ? 2 * record->capacity : 64;
        caviar_csv_cell *cells = realloc(record->cells, capacity * sizeof *cells);
        if (!cells) return caviar_fail_memory("the cells of a line", capacity * sizeof *cells);
        record->cells = cells;
        record->capacity = capacity;
    }
    record->cells[record->count++] = cell;
    return CAVIAR_OK;
}

static void skip_blank_lines(caviar_csv_reader *reader) {
    for (const char *begin = reader->at; reader->at < reader->end; begin = reader->at) {
        skip_blanks(reader);
        if (reader->at < reader->end && !is_line_end(*reader->at)) {
            reader->at = begin;
            return;
        }
        if (reader->at < reader->end) skip_line_end(reader);
    }
}

caviar_status caviar_csv_read(caviar_csv_record *record, caviar_csv_reader *reader) {
    skip_blank_lines(reader);
    record->count = 0;
    record->line = reader->line;
    if (reader->at == reader->end) return CAVIAR_OK;
    for (;;) {
        caviar_csv_cell cell = { NULL, 0, 0 };
        CAVIAR_TRY(read_cell(&cell, reader));
        CAVIAR_TRY(append_cell(record, cell));
        if (reader->at == reader->end) return CAVIAR_OK;
        if (*reader->at == reader->delimiter) {
            reader->at++;
            continue;
        }
        skip_line_end(reader);
        return CAVIAR_OK;
    }
}

static char most_frequent_delimiter(caviar_csv_reader reader) {
    static const char candidates[3] = { ',', ';', '\t' };
    size_t counts[3] = { 0, 0, 0 };
    int quoted = 0, best = 0;
    reader.delimiter = '\t'; /* a line of tabs is a line of empty cells and not blank */
    skip_blank_lines(&reader);
    for (; reader.at < reader.end && (quoted || !is_line_end(*reader.at)); reader.at++) {
        if (*reader.at == '"') quoted = !quoted;
        for (int i = 0; i < 3; i++) counts[i] += !quoted && *reader.at == candidates[i];
    }
    for (int i = 1; i < 3; i++) best = counts[i] > counts[best] ? i : best;
    return candidates[best];
}

static caviar_status refuse_zero_bytes(const caviar_csv_reader *reader) {
    const char *zero = memchr(reader->at, 0, (size_t)(reader->end - reader->at));
    if (!zero) return CAVIAR_OK;
    long long line = 1;
    for (const char *c = reader->at; c < zero; c++) line += *c == '\n';
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: byte %td is zero: this is no text file, or one in UTF-16",
                       reader->path, line, zero - reader->at);
}

caviar_status caviar_csv_begin(caviar_csv_reader *reader, const char *path, const caviar_bytes *file, char delimiter) {
    const char *data = (const char *)file->data;
    *reader = (caviar_csv_reader){ path, data, data + file->size, 1, delimiter };
    CAVIAR_TRY(refuse_zero_bytes(reader));
    if (file->size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) reader->at += 3;
    if (!delimiter) reader->delimiter = most_frequent_delimiter(*reader);
    return CAVIAR_OK;
}

/* ----------------------------------------------------------------------------------------------------- cells as values
 */

size_t caviar_csv_copy(char *to, const caviar_csv_cell *cell) {
    size_t length = 0;
    for (size_t i = 0; i < cell->length; i++) {
        to[length++] = cell->text[i];
        if (cell->quoted && cell->text[i] == '"') i++;
    }
    to[length] = 0;
    return length;
}

const char *caviar_csv_show(char to[CAVIAR_CSV_SHOWN], const caviar_csv_cell *cell) {
    size_t length = 0;
    for (; length < cell->length && length < CAVIAR_CSV_SHOWN - 4; length++) {
        const unsigned char c = (unsigned char)cell->text[length];
        to[length] = c < 32 || c == 127 ? '?' : (char)c;
    }
    strcpy(to + length, length < cell->length ? "..." : "");
    return to;
}

static int is_not_finite_word(const caviar_csv_cell *cell) {
    static const char *const words[] = { "nan", "inf", "infinity" };
    const int sign = cell->length > 0 && (*cell->text == '-' || *cell->text == '+');
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t length = strlen(words[i]);
        if (cell->length - (size_t)sign == length && strncasecmp(cell->text + sign, words[i], length) == 0) return 1;
    }
    return 0;
}

/*
 * Digits with a point among them or without, as most cells are. A whole number below 2^53 and a power of ten up to
 * 10^22 are doubles, so that their quotient is rounded once, as strtod's is (W. D. Clinger, 1990).
 */
static int read_short(double *value, const caviar_csv_cell *cell) {
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                     1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19 };
    const char *at = cell->text, *const end = at + cell->length;
    const int negative = *at == '-';
    uint64_t digits = 0;
    int count = 0, decimals = -1; /* behind the point; -1: there is none */
    for (at += negative; at < end && count < 19; at++) {
        if (*at == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*at < '0' || *at > '9') return 0;
        digits = 10 * digits + (uint64_t)(*at - '0');
        count++;
        decimals += decimals >= 0;
    }
    if (at < end || count == 0 || digits > (uint64_t)1 << 53) return 0;
    const double number = (double)digits / powers[decimals > 0 ? decimals : 0];
    *value = negative ? -number : number;
    return 1;
}

caviar_csv_kind caviar_csv_number(double *value, const caviar_csv_cell *cell, locale_t c_locale) {
    if (cell->length == 0) return CAVIAR_CSV_EMPTY;
    if (read_short(value, cell)) return CAVIAR_CSV_NUMBER;
    if (is_not_finite_word(cell)) return CAVIAR_CSV_NOT_FINITE;
    /* strtod would also take blanks, hexadecimal numbers and what follows a quote. */
    if (strspn(cell->text, "0123456789+-.eE") < cell->length) return CAVIAR_CSV_TEXT;
    char *end;
    const double number = strtod_l(cell->text, &end, c_locale);
    if (end != cell->text + cell->length) return CAVIAR_CSV_TEXT;
    if (!isfinite((float)number)) return CAVIAR_CSV_NOT_FINITE;
    *value = number;
    return CAVIAR_CSV_NUMBER;
}
