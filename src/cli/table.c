/* Tables: cells are kept as text, then set in columns as wide as the widest cell. */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void table_init(text_table *t, int columns) {
    *t = (text_table){ .columns = columns };
}

void table_free(text_table *t) {
    for (int i = 0; i < t->cells; i++) free(t->text[i]);
    free(t->text);
    table_init(t, t->columns);
}

/* Control characters would reach the terminal as commands: they become question marks. */
static void disarm(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) *text = '?';
}

void table_cell(text_table *t, const char *format, ...) {
    if (t->failed) return;
    if (t->cells == t->capacity) {
        const int capacity = t->capacity ? 2 * t->capacity : 64;
        char **text = realloc(t->text, (size_t)capacity * sizeof *text);
        if (!text) {
            t->failed = 1;
            return;
        }
        t->text = text;
        t->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&t->text[t->cells], format, arguments) < 0) {
        t->failed = 1;
    } else {
        disarm(t->text[t->cells]);
        t->cells++;
    }
    va_end(arguments);
}

int table_text_width(const char *text) {
    mbstate_t state = { 0 };
    int width = 0;
    while (*text) {
        wchar_t character;
        const size_t length = mbrtowc(&character, text, strlen(text), &state);
        if (length == (size_t)-1 || length == (size_t)-2) {
            state = (mbstate_t){ 0 };
            width++;
            text++;
            continue;
        }
        const int columns = wcwidth(character);
        width += columns > 0 ? columns : 0;
        text += length;
    }
    return width;
}

/* Points at word `index` of a heading and gives its length in bytes; 0 when there are fewer words. */
static int heading_word(const char **word, const char *heading, int index) {
    for (; index > 0; index--) {
        heading += strcspn(heading, " ");
        heading += strspn(heading, " ");
    }
    *word = heading;
    return (int)strcspn(heading, " ");
}

static int word_count(const char *heading) {
    const char *word;
    int count = 0;
    while (heading_word(&word, heading, count)) count++;
    return count;
}

static int is_number(const char *text) {
    char *end;
    if (!strcmp(text, "-") || !*text) return 1;
    strtod(text, &end);
    return *end == 0;
}

/* Where a line stands: spaces are written only when something follows, so that no line ends in them. */
typedef struct table_line {
    FILE *file;
    int spaces;
} table_line;

static void print_cell(table_line *line, const char *text, int bytes, int text_width, int width, int to_right) {
    const int space = width - text_width;
    line->spaces += to_right ? space : 0;
    if (bytes > 0) {
        fprintf(line->file, "%*s%.*s", line->spaces, "", bytes, text);
        line->spaces = 0;
    } else {
        line->spaces += text_width;
    }
    line->spaces += 2 + (to_right ? 0 : space);
}

static void end_line(table_line *line) {
    fputc('\n', line->file);
    line->spaces = 0;
}

int table_print(const text_table *t, FILE *file) {
    const int columns = t->columns;
    int *widths = calloc((size_t)columns, sizeof *widths), *to_right = calloc((size_t)columns, sizeof *to_right);
    int lines = 1;
    if (t->failed || !widths || !to_right) {
        free(widths);
        free(to_right);
        return -1;
    }
    for (int c = 0; c < columns && c < t->cells; c++) {
        const char *word;
        int length;
        for (int i = 0; (length = heading_word(&word, t->text[c], i)) > 0; i++)
            if (length > widths[c]) widths[c] = length;
        if (word_count(t->text[c]) > lines) lines = word_count(t->text[c]);
        to_right[c] = 1;
    }
    for (int i = columns; i < t->cells; i++) {
        const int width = table_text_width(t->text[i]);
        if (width > widths[i % columns]) widths[i % columns] = width;
        if (!is_number(t->text[i])) to_right[i % columns] = 0;
    }
    table_line out = { file, 0 };
    for (int line = 0; line < lines; line++) { /* headings stand on the ground: the last word on the last line */
        for (int c = 0; c < columns && c < t->cells; c++) {
            const char *word = "";
            const int index = line - (lines - word_count(t->text[c]));
            const int length = index < 0 ? 0 : heading_word(&word, t->text[c], index);
            print_cell(&out, word, length, length, widths[c], to_right[c]);
        }
        end_line(&out);
    }
    for (int i = columns; i < t->cells; i++) {
        const int c = i % columns, bytes = (int)strlen(t->text[i]);
        print_cell(&out, t->text[i], bytes, table_text_width(t->text[i]), widths[c], to_right[c]);
        if (c == columns - 1) end_line(&out);
    }
    free(widths);
    free(to_right);
    return 0;
}
