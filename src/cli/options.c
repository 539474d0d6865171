/* Parsing of options with getopt_long, and their help. */
#include "options.h"

#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPTIONS = 40, HELP_OPTION = 1000, HELP_COLUMN = 29, HELP_WIDTH = 79 };

/* The Levenshtein distance of two words, or a large number when one is long. */
static int edit_distance(const char *a, size_t a_length, const char *b) {
    enum { LONGEST = 40 };
    const size_t b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST) return LONGEST;
    int row[LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++) row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int least = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < least) least = row[j] + 1;
            if (row[j - 1] + 1 < least) least = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = least;
        }
    }
    return row[b_length];
}

int options_suggest(char *word, int size, const char *words, const char *text) {
    int nearest = 1 + (int)strlen(text) / 3; /* the most letters that may differ, and one more */
    int found = 0;
    while (*words) {
        const size_t length = strcspn(words, " ");
        const int distance = edit_distance(words, length, text);
        if (distance <= nearest && distance < (int)length) {
            nearest = distance - 1;
            snprintf(word, (size_t)size, "%.*s", (int)length, words);
            found = 1;
        }
        words += length;
        while (*words == ' ') words++;
    }
    return found;
}

/* The index of `text` among words with a space between; -1: it is none of them. */
static int choice_index(const char *choices, const char *text) {
    const size_t text_length = strlen(text);
    int index = 0;
    while (*choices) {
        const size_t length = strcspn(choices, " ");
        if (length == text_length && !strncmp(choices, text, length)) return index;
        choices += length;
        while (*choices == ' ') choices++;
        index++;
    }
    return -1;
}

static options_result bad_number(const char *command, const command_option *entry, const char *text, const char *kind) {
    command_error(EXIT_CODE_USAGE, command, "--%s must be %s from %.15g to %.15g, not \"%s\"", entry->name, kind,
                  entry->minimum, entry->maximum, text);
    return OPTIONS_BAD;
}

static options_result parse_whole(const char *command, const command_option *entry, const char *text) {
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || strchr(" \t\n\v\f\r", text[0]) || (double)value < entry->minimum ||
        (double)value > entry->maximum)
        return bad_number(command, entry, text, "a whole number");
    *entry->to.whole = (int32_t)value;
    return OPTIONS_GO_ON;
}

static options_result parse_real(const char *command, const command_option *entry, const char *text) {
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || strchr(" \t\n\v\f\r", text[0]) || !(value >= entry->minimum && value <= entry->maximum))
        return bad_number(command, entry, text, "a number");
    *entry->to.real = value;
    return OPTIONS_GO_ON;
}

/* What is a number as a whole is meant as one; a file of such a name has a folder before it. */
static options_result parse_part(const char *command, const command_option *entry, const char *text) {
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end) {
        *entry->to.part = (option_part){ 0.0, text };
        return OPTIONS_GO_ON;
    }
    if (!(value >= entry->minimum && value <= entry->maximum))
        return bad_number(command, entry, text, "a file or a number");
    *entry->to.part = (option_part){ value, NULL };
    return OPTIONS_GO_ON;
}

static options_result parse_seed(const char *command, const command_option *entry, const char *text) {
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end || errno || text[0] < '0' || text[0] > '9') {
        command_error(EXIT_CODE_USAGE, command,
                      "--%s must be a whole number from 0 to 18446744073709551615, not \"%s\"", entry->name, text);
        return OPTIONS_BAD;
    }
    *entry->to.seed = value;
    return OPTIONS_GO_ON;
}

static options_result parse_choice(const char *command, const command_option *entry, const char *text) {
    const int index = choice_index(entry->choices, text);
    char word[64];
    if (index >= 0) {
        *entry->to.choice = index;
        return OPTIONS_GO_ON;
    }
    if (options_suggest(word, sizeof word, entry->choices, text))
        command_error(EXIT_CODE_USAGE, command, "--%s does not know \"%s\"; did you mean \"%s\"?", entry->name, text,
                      word);
    else
        command_error(EXIT_CODE_USAGE, command, "--%s must be one of: %s; not \"%s\"", entry->name, entry->choices,
                      text);
    return OPTIONS_BAD;
}

static options_result add_text(const char *command, option_texts *texts, const char *text) {
    const char **items = realloc(texts->items, ((size_t)texts->count + 1) * sizeof *items);
    if (!items) {
        fprintf(stderr, "caviar %s: out of memory\n", command);
        return OPTIONS_NO_MEMORY;
    }
    texts->items = items;
    texts->items[texts->count++] = text;
    return OPTIONS_GO_ON;
}

void option_texts_free(option_texts *texts) {
    free(texts->items);
    *texts = (option_texts){ NULL, 0 };
}

static options_result parse_value(const char *command, const command_option *entry, const char *text) {
    switch (entry->kind) {
    case OPTION_FLAG: *entry->to.flag = 1; return OPTIONS_GO_ON;
    case OPTION_TEXT:
        if (!*text) {
            command_error(EXIT_CODE_USAGE, command, "--%s must not be empty", entry->name);
            return OPTIONS_BAD;
        }
        *entry->to.text = text;
        return OPTIONS_GO_ON;
    case OPTION_TEXTS: return add_text(command, entry->to.texts, text);
    case OPTION_WHOLE: return parse_whole(command, entry, text);
    case OPTION_SEED: return parse_seed(command, entry, text);
    case OPTION_REAL: return parse_real(command, entry, text);
    case OPTION_PART: return parse_part(command, entry, text);
    case OPTION_CHOICE: return parse_choice(command, entry, text);
    default: return OPTIONS_BAD;
    }
}

/* getopt_long found no option of that name, or several, or one that takes no value. `text` is the argument. */
static void say_unknown(const char *command, const command_option *table, int count, const char *text) {
    char names[1024] = "help", name[64], word[64];
    size_t length = strlen(names);
    for (int i = 0; i < count && length < sizeof names; i++)
        if (table[i].kind != OPTION_HEADING)
            length += (size_t)snprintf(names + length, sizeof names - length, " %s", table[i].name);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    const char *bare = name + strspn(name, "-");
    if (strchr(text, '=') && choice_index(names, bare) >= 0)
        command_error(EXIT_CODE_USAGE, command, "%s takes no value", name);
    else if (options_suggest(word, sizeof word, names, bare))
        command_error(EXIT_CODE_USAGE, command, "there is no option %s; did you mean --%s?", name, word);
    else
        command_error(EXIT_CODE_USAGE, command, "there is no option %s", name);
}

options_result options_parse(const char *command, const command_option *table, int count, int argc, char **argv) {
    struct option long_options[MOST_OPTIONS];
    int filled = 0;
    for (int i = 0; i < count && filled < MOST_OPTIONS - 2; i++)
        if (table[i].kind != OPTION_HEADING)
            long_options[filled++] =
                (struct option){ table[i].name, table[i].argument ? required_argument : no_argument, NULL, i };
    long_options[filled++] = (struct option){ "help", no_argument, NULL, HELP_OPTION };
    long_options[filled] = (struct option){ NULL, 0, NULL, 0 };

    opterr = 0; /* the messages are ours */
    optind = 0; /* starts glibc's getopt anew */
    for (;;) {
        const int code = getopt_long(argc, argv, ":h", long_options, NULL);
        if (code == -1) break;
        if (code == 'h' || code == HELP_OPTION) return OPTIONS_HELP;
        if (code == ':') {
            command_error(EXIT_CODE_USAGE, command, "%s needs a value", argv[optind - 1]);
            return OPTIONS_BAD;
        }
        if (code == '?') {
            const char letter[3] = { '-', (char)optopt, 0 };
            const int is_letter = optopt >= ' ' && optopt < 127;
            say_unknown(command, table, count, is_letter ? letter : argv[optind - 1]);
            return OPTIONS_BAD;
        }
        const options_result parsed = parse_value(command, &table[code], optarg);
        if (parsed != OPTIONS_GO_ON) return parsed;
    }
    if (optind < argc) {
        command_error(EXIT_CODE_USAGE, command, "\"%s\" is no option: every value comes after its --option",
                      argv[optind]);
        return OPTIONS_BAD;
    }
    return OPTIONS_GO_ON;
}

/* Prints words between HELP_COLUMN and HELP_WIDTH, beginning at HELP_COLUMN. */
static void print_wrapped(const char *text) {
    int column = HELP_COLUMN;
    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        column += printf("%s%.*s", column > HELP_COLUMN ? " " : "", length, text);
        text += length;
        while (*text == ' ') text++;
    }
    putchar('\n');
}

void options_print_help(const command_option *table, int count) {
    for (int i = 0; i < count; i++) {
        if (table[i].kind == OPTION_HEADING) {
            printf("\n%s\n", table[i].name);
            continue;
        }
        const char *argument = table[i].argument;
        const int used = printf("  --%s%s%s", table[i].name, argument ? " " : "", argument ? argument : "");
        if (used > HELP_COLUMN - 2)
            printf("\n%*s", HELP_COLUMN, "");
        else
            printf("%*s", HELP_COLUMN - used, "");
        print_wrapped(table[i].help);
    }
}
