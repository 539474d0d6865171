/* Options of a subcommand: one table says how each is parsed and what the help prints of it. */
#ifndef CAVIAR_CLI_OPTIONS_H
#define CAVIAR_CLI_OPTIONS_H

#include <jansson.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_HEADING, /* no option: a heading of the help */
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_TEXTS, /* may be given many times */
    OPTION_WHOLE, /* a whole number */
    OPTION_SEED,  /* a whole number from 0 to 2^64 - 1 */
    OPTION_REAL,
    OPTION_PART, /* a fraction, or a source of data */
    OPTION_CHOICE
} option_kind;

/* The values of an option that may be given many times, in the order given. Zeroed: none. */
typedef struct option_texts {
    const char **items; /* [count] */
    int count;
} option_texts;

void option_texts_free(option_texts *texts);

/* What becomes a part of the data: a fraction of it, or examples of their own. */
typedef struct option_part {
    double fraction;
    const char *source; /* NULL: the fraction */
} option_part;

typedef struct command_option {
    option_kind kind;
    const char *name;     /* the option is --NAME; of a heading, its text */
    const char *argument; /* what the help calls its value; NULL for a flag */
    const char *help;
    union { /* where the value goes; it keeps what it holds when the option is not given */
        int *flag, *choice;
        const char **text;
        option_texts *texts;
        int32_t *whole;
        uint64_t *seed;
        double *real;
        option_part *part;
    } to;
    double minimum, maximum; /* of WHOLE, REAL and PART, both included */
    const char *choices;     /* of CHOICE, words with a space between; the value is the index of the word */
} command_option;

#define OPTIONS_HEADING(text)                                                                                          \
    { .kind = OPTION_HEADING, .name = text }
#define OPTIONS_FLAG(name_, to_, help_)                                                                                \
    { .kind = OPTION_FLAG, .name = name_, .help = help_, .to.flag = to_ }
#define OPTIONS_TEXT(name_, argument_, to_, help_)                                                                     \
    { .kind = OPTION_TEXT, .name = name_, .argument = argument_, .help = help_, .to.text = to_ }
#define OPTIONS_TEXTS(name_, argument_, to_, help_)                                                                    \
    { .kind = OPTION_TEXTS, .name = name_, .argument = argument_, .help = help_, .to.texts = to_ }
#define OPTIONS_WHOLE(name_, to_, minimum_, maximum_, help_)                                                           \
    {                                                                                                                  \
        .kind = OPTION_WHOLE, .name = name_, .argument = "N", .help = help_, .to.whole = to_, .minimum = minimum_,     \
        .maximum = maximum_                                                                                            \
    }
#define OPTIONS_SEED(name_, to_, help_)                                                                                \
    { .kind = OPTION_SEED, .name = name_, .argument = "N", .help = help_, .to.seed = to_ }
#define OPTIONS_REAL(name_, argument_, to_, minimum_, maximum_, help_)                                                 \
    {                                                                                                                  \
        .kind = OPTION_REAL, .name = name_, .argument = argument_, .help = help_, .to.real = to_, .minimum = minimum_, \
        .maximum = maximum_                                                                                            \
    }
#define OPTIONS_PART(name_, to_, minimum_, maximum_, help_)                                                            \
    {                                                                                                                  \
        .kind = OPTION_PART, .name = name_, .argument = "PART", .help = help_, .to.part = to_, .minimum = minimum_,    \
        .maximum = maximum_                                                                                            \
    }
#define OPTIONS_CHOICE(name_, argument_, to_, choices_, help_)                                                         \
    {                                                                                                                  \
        .kind = OPTION_CHOICE, .name = name_, .argument = argument_, .help = help_, .to.choice = to_,                  \
        .choices = choices_                                                                                            \
    }

typedef enum options_result { OPTIONS_GO_ON, OPTIONS_HELP, OPTIONS_BAD, OPTIONS_NO_MEMORY } options_result;

/*
 * Parses argv of `command` (argv[0] is its name); there are no arguments besides options. OPTIONS_HELP: --help was
 * there. OPTIONS_BAD and OPTIONS_NO_MEMORY: something is wrong and was said on stderr.
 */
options_result options_parse(const char *command, const command_option *table, int count, int argc, char **argv);

/* Prints the options of the table, 80 columns wide. */
void options_print_help(const command_option *table, int count);

/*
 * Every option with its value (null: not given, and there is no default), but those whose names are among the words of
 * `left_out`. NULL: out of memory.
 */
json_t *options_to_json(const command_option *table, int count, const char *left_out);

/* The word of `words` (with a space between) that `text` probably meant, at most `size` bytes; 0 when none is near. */
int options_suggest(char *word, int size, const char *words, const char *text);

#endif
