/* Tables: cells are kept as text, then set in columns as wide as the widest cell. */
#include "table.h"

#include <caviar/caviar.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

void table_init(text_table *t, int columns) {
    *t = (text_table){ .columns = columns };
}

void table_free(text_table *t) {
    for (int i = 0; i < t->cells; i++) free(t->text[i]);
    free(t->text);
    table_init(t, t->columns);
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
        caviar_disarm(t->text[t->cells]); /* class names come from files */
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

typedef struct table_layout {
    const text_table *table;
    int *widths, *to_right; /* by column */
} table_layout;

static void measure(table_layout *layout) {
    const text_table *t = layout->table;
    for (int c = 0; c < t->columns; c++) {
        const char *word;
        int words = 0;
        for (int length; (length = heading_word(&word, t->text[c], words)) > 0; words++)
            if (length > layout->widths[c]) layout->widths[c] = length;
        layout->to_right[c] = 1;
    }
    for (int i = t->columns; i < t->cells; i++) {
        const int c = i % t->columns, width = table_text_width(t->text[i]);
        if (width > layout->widths[c]) layout->widths[c] = width;
        if (!is_number(t->text[i])) layout->to_right[c] = 0;
    }
}

/* Prints column 0 and columns first .. end - 1. */
static void print_columns(const table_layout *layout, FILE *file, int first, int end) {
    const text_table *t = layout->table;
    table_line out = { file, 0 };
    int lines = 1;
    for (int c = 0; c < end; c = c ? c + 1 : first)
        if (word_count(t->text[c]) > lines) lines = word_count(t->text[c]);
    for (int line = 0; line < lines; line++) { /* the last word of a heading is on the last line */
        for (int c = 0; c < end; c = c ? c + 1 : first) {
            const char *word = "";
            const int index = line - (lines - word_count(t->text[c]));
            const int length = index < 0 ? 0 : heading_word(&word, t->text[c], index);
            print_cell(&out, word, length, length, layout->widths[c], layout->to_right[c]);
        }
        end_line(&out);
    }
    for (int row = 1; row < t->cells / t->columns; row++) {
        for (int c = 0; c < end; c = c ? c + 1 : first) {
            const char *text = t->text[row * t->columns + c];
            print_cell(&out, text, (int)strlen(text), table_text_width(text), layout->widths[c], layout->to_right[c]);
        }
        end_line(&out);
    }
}

int table_print(const text_table *t, FILE *file, int width) {
    const size_t columns = (size_t)t->columns;
    table_layout layout = { t, calloc(columns, sizeof(int)), calloc(columns, sizeof(int)) };
    const int failed = t->failed || t->cells < t->columns || !layout.widths || !layout.to_right;
    if (!failed) measure(&layout);
    for (int first = 1, end; !failed && first < t->columns; first = end) {
        int used = layout.widths[0] + 2 + layout.widths[first];
        for (end = first + 1; end < t->columns && (width <= 0 || used + 2 + layout.widths[end] <= width); end++)
            used += 2 + layout.widths[end];
        if (first > 1) fputc('\n', file);
        print_columns(&layout, file, first, end);
    }
    free(layout.widths);
    free(layout.to_right);
    return failed ? -1 : 0;
}

int table_terminal_width(FILE *file) {
    struct winsize size;
    return isatty(fileno(file)) && ioctl(fileno(file), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
