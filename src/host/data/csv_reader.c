/* Lines and cells of a CSV file. */
#include "csv_reader.h"

#include "host/status.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------ the
 * buffer
 */

enum { CHUNK = 1 << 18, LONGEST_LINE = 1 << 30 };

/*
 * Moves what is left from `at` on to the buffer's beginning and reads more behind it; the buffer grows where a single
 * line fills it.
 */
static caviar_status refill(caviar_csv_reader *reader) {
    const size_t left = (size_t)(reader->end - reader->at);
    if (left + CHUNK + 1 > reader->capacity) {
        if (left > LONGEST_LINE)
            return caviar_fail(CAVIAR_BAD_FILE,
                               "%s:%lld: a line of more than %d bytes; is it CSV, and is a quote closed?",
                               caviar_input_name(reader->input), (long long)reader->line, LONGEST_LINE);
        const size_t capacity = 2 * left + CHUNK + 1;
        char *buffer = malloc(capacity);
        if (!buffer) return caviar_fail_memory(caviar_input_name(reader->input), capacity);
        memcpy(buffer, reader->at, left);
        free(reader->buffer);
        reader->buffer = buffer;
        reader->capacity = capacity;
    } else {
        memmove(reader->buffer, reader->at, left);
    }
    reader->at = reader->buffer;
    size_t got = 0;
    CAVIAR_TRY(caviar_input_read(&got, reader->input, reader->buffer + left, CHUNK));
    reader->at_end = got < CHUNK;
    reader->buffer[left + got] = 0;
    reader->end = reader->buffer + left + got;
    const char *zero = memchr(reader->buffer + left, 0, got);
    if (!zero) return CAVIAR_OK;
    long long line = reader->line;
    for (const char *c = reader->at; c < zero; c++) line += *c == '\n';
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: has a byte of zero: this is no text file, or one in UTF-16",
                       caviar_input_name(reader->input), line);
}

/* ------------------------------------------------------------------------------------------------------------- cells
 */

static int is_line_end(char c) {
    return c == '\n' || c == '\r';
}

static int is_blank(const caviar_csv_reader *reader, char c) {
    return (c == ' ' || c == '\t') && (c != reader->delimiter || reader->delimiter == ' ');
}

static int is_delimiter(const caviar_csv_reader *reader, char c) {
    return c == reader->delimiter || (reader->delimiter == ' ' && c == '\t');
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
    const char *path = caviar_input_name(reader->input);
    cell->text = reader->at;
    cell->quoted = 1;
    for (;;) {
        if (reader->at == reader->end) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: a quote is opened on this line and never closed", path,
                               (long long)first_line);
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
    if (reader->at == reader->end || is_delimiter(reader, *reader->at) || is_line_end(*reader->at)) return CAVIAR_OK;
    skip_blanks(reader);
    if (reader->at == reader->end || is_delimiter(reader, *reader->at) || is_line_end(*reader->at)) return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s:%lld: text follows a closing quote; a quote within quotes is doubled", path,
                       (long long)reader->line);
}

static caviar_status read_cell(caviar_csv_cell *cell, caviar_csv_reader *reader) {
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == '"') {
        reader->at++;
        return read_quoted(cell, reader);
    }
    const char *at = reader->at, *const end = reader->end;
    const char delimiter = reader->delimiter;
    cell->text = at;
    cell->quoted = 0;
    if (delimiter == ' ')
        while (at < end && *at != ' ' && *at != '\t' && !is_line_end(*at)) at++;
    else
        while (at < end && *at != delimiter && !is_line_end(*at)) at++;
    reader->at = at;
    while (at > cell->text && is_blank(reader, at[-1])) at--;
    cell->length = (size_t)(at - cell->text);
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

/* Blanks are words of a comment as often as delimiters. */
static int is_data(const caviar_csv_reader *reader) {
    size_t cells = 1;
    if (reader->delimiter == ' ') return 0;
    for (const char *at = reader->at; at < reader->end && !is_line_end(*at); at++) cells += *at == reader->delimiter;
    return cells == reader->width;
}

static void skip_line(caviar_csv_reader *reader) {
    while (reader->at < reader->end && !is_line_end(*reader->at)) reader->at++;
    if (reader->at < reader->end) skip_line_end(reader);
}

/* Blank lines, and those of comments. */
static void skip_lines(caviar_csv_reader *reader, int comments) {
    while (reader->at < reader->end) {
        const char *const begin = reader->at;
        skip_blanks(reader);
        if (reader->at < reader->end && *reader->at == '#' && !comments && !is_data(reader)) {
            reader->comments++;
            skip_line(reader);
        } else if (reader->at < reader->end && !is_line_end(*reader->at)) {
            reader->at = begin;
            return;
        } else if (reader->at < reader->end) {
            skip_line_end(reader);
        }
    }
}

/* Reads what is in the buffer as if it were all there is. */
static caviar_status read_record(caviar_csv_record *record, caviar_csv_reader *reader, int comments) {
    skip_lines(reader, comments);
    record->count = 0;
    record->line = reader->line;
    record->is_comment = 0;
    if (reader->at == reader->end) return CAVIAR_OK;
    if (comments) {
        const char *const begin = reader->at;
        skip_blanks(reader);
        record->is_comment = *reader->at == '#';
        if (!record->is_comment) reader->at = begin;
        while (record->is_comment && *reader->at == '#') reader->at++;
    }
    for (;;) {
        caviar_csv_cell cell = { NULL, 0, 0 };
        CAVIAR_TRY(read_cell(&cell, reader));
        CAVIAR_TRY(append_cell(record, cell));
        if (reader->delimiter == ' ') skip_blanks(reader); /* those that end a line are no delimiter */
        if (reader->at == reader->end) return CAVIAR_OK;
        if (is_line_end(*reader->at)) {
            skip_line_end(reader);
            return CAVIAR_OK;
        }
        if (reader->delimiter != ' ') reader->at++;
    }
}

/* A line that reaches the buffer's end may go on behind it: more is read, and the line once again. */
caviar_status caviar_csv_read(caviar_csv_record *record, caviar_csv_reader *reader, int comments) {
    for (;;) {
        const char *const begin = reader->at;
        const int64_t line = reader->line, former = reader->comments;
        const caviar_status status = read_record(record, reader, comments);
        if (reader->at < reader->end || reader->at_end) return status;
        reader->at = begin;
        reader->line = line;
        reader->comments = former;
        CAVIAR_TRY(refill(reader));
    }
}

caviar_status caviar_csv_keep(caviar_csv_record *record) {
    size_t bytes = 1;
    for (size_t i = 0; i < record->count; i++) bytes += record->cells[i].length + 1;
    char *to = malloc(bytes);
    if (!to) return caviar_fail_memory("a line", bytes);
    record->kept = to;
    for (size_t i = 0; i < record->count; i++) {
        caviar_csv_cell *cell = &record->cells[i];
        if (cell->length > 0) memcpy(to, cell->text, cell->length);
        to[cell->length] = 0;
        cell->text = to;
        to += cell->length + 1;
    }
    return CAVIAR_OK;
}

void caviar_csv_free(caviar_csv_record *record) {
    free(record->cells);
    free(record->kept);
    *record = (caviar_csv_record){ .line = 0 };
}

/* --------------------------------------------------------------------------------------------------------- beginning
 */

static char find_delimiter(caviar_csv_reader reader) {
    static const char candidates[4] = { ';', '\t', '|', ',' }; /* the earlier of equals: 1,5;2,5 has decimal commas */
    size_t counts[4] = { 0, 0, 0, 0 };
    int quoted = 0, best = 0;
    reader.delimiter = '\t'; /* a line of tabs is a line of empty cells and not blank */
    skip_lines(&reader, 0);
    if (reader.at == reader.end) reader.at = reader.buffer; /* nothing but comments */
    const char *const line = reader.at;
    for (; reader.at < reader.end && (quoted || !is_line_end(*reader.at)); reader.at++) {
        if (*reader.at == '"') quoted = !quoted;
        for (int i = 0; i < 4; i++) counts[i] += !quoted && *reader.at == candidates[i];
    }
    for (int i = 1; i < 4; i++) best = counts[i] > counts[best] ? i : best;
    if (counts[best] > 0) return candidates[best];
    const char *blank = memchr(line, ' ', (size_t)(reader.at - line));
    while (blank && blank < reader.at && *blank == ' ') blank++;
    return blank && blank < reader.at && *line != '"' ? ' ' : ',';
}

caviar_status caviar_csv_begin(caviar_csv_reader *reader, caviar_input *input, char delimiter) {
    *reader = (caviar_csv_reader){ .input = input, .line = 1, .delimiter = delimiter };
    reader->capacity = CHUNK + 1;
    reader->buffer = malloc(reader->capacity);
    if (!reader->buffer) return caviar_fail_memory(caviar_input_name(input), reader->capacity);
    reader->at = reader->end = reader->buffer;
    CAVIAR_TRY(refill(reader));
    if (reader->end - reader->at >= 3 && memcmp(reader->at, "\xef\xbb\xbf", 3) == 0) reader->at += 3;
    if (!delimiter) reader->delimiter = find_delimiter(*reader);
    return CAVIAR_OK;
}

void caviar_csv_end(caviar_csv_reader *reader) {
    free(reader->buffer);
    reader->buffer = NULL;
}

/* -------------------------------------------------------------------------------------------------------------- texts
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
