/* The command `caviar`: finds the subcommand and hands it the rest. */
#include "command.h"
#include "options.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    { "search", command_search, "train many networks with different hyperparameters, keep the best" },
    { "train", command_train, "train one network and watch it learn" },
    { "predict", command_predict, "classify examples with a saved network" },
    { "devices", command_devices, "list what networks can be trained on" },
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void) {
    printf("caviar trains thousands of small neural networks at once and searches their\n"
           "hyperparameters while it does.\n"
           "\n"
           "Usage: caviar COMMAND [OPTION]...\n"
           "\n"
           "Commands\n");
    for (int i = 0; i < COMMANDS; i++) printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n"
           "  caviar COMMAND --help tells all about one; caviar --version says the version.\n"
           "\n"
           "Example\n"
           "  caviar search --data fashion-mnist --trials 32 --epochs 8 --seed 1\n"
           "\n"
           "Exit codes\n"
           "  0    success\n"
           "  1    failure: a file cannot be read or written, a device, memory\n"
           "  2    bad usage, or an input file with wrong content\n"
           "  130  interrupted by Ctrl-C (or SIGTERM); what was done until then is kept\n");
}

/* What is printed last may only reach a full disk here. */
static int flush_output(int code) {
    const int failed = fflush(stdout) != 0;
    if (!failed && !ferror(stdout)) return code;
    /* Why an earlier write failed is not known any more. */
    fprintf(stderr, "caviar: cannot write to standard output%s%s\n", failed ? ": " : "", failed ? strerror(errno) : "");
    return code == EXIT_CODE_OK ? EXIT_CODE_FAILED : code;
}

static int unknown_command(const char *name) {
    char names[128] = "", word[32];
    for (int i = 0; i < COMMANDS; i++) {
        strcat(names, commands[i].name);
        strcat(names, " ");
    }
    char shown[256];
    snprintf(shown, sizeof shown, "%s", name);
    caviar_disarm(shown);
    fprintf(stderr, "caviar: there is no command \"%s\"", shown);
    if (options_suggest(word, sizeof word, names, name)) fprintf(stderr, "; did you mean \"%s\"?", word);
    fprintf(stderr, "\n'caviar --help' lists them.\n");
    return EXIT_CODE_USAGE;
}

int main(int argc, char **argv) {
    /* Tables measure UTF-8 whatever the user's language is. Numbers keep their point: LC_NUMERIC stays "C". */
    if (!setlocale(LC_CTYPE, "C.UTF-8")) setlocale(LC_CTYPE, "");

    /* A reader that goes away is a failed write, which is told at the end, and not the end of a search. */
    signal(SIGPIPE, SIG_IGN);

    if (argc < 2) {
        fprintf(stderr, "caviar: a command is missing: search, train, predict or devices\n"
                        "'caviar --help' tells more.\n");
        return EXIT_CODE_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || (!strcmp(argv[1], "help") && argc == 2)) {
        print_help();
        return flush_output(EXIT_CODE_OK);
    }
    if (!strcmp(argv[1], "--version")) {
        printf("caviar %s\n", caviar_version());
        return flush_output(EXIT_CODE_OK);
    }
    char *help[] = { argv[argc > 2 ? 2 : 1], "--help", NULL };
    const int wants_help = !strcmp(argv[1], "help");
    const char *name = wants_help ? help[0] : argv[1];
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(name, commands[i].name))
            return flush_output(wants_help ? commands[i].run(2, help) : commands[i].run(argc - 1, argv + 1));
    return unknown_command(name);
}
