/* Exit codes and messages that all subcommands share. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int exit_code(caviar_status status) {
    switch (status) {
    case CAVIAR_OK: return EXIT_CODE_OK;
    case CAVIAR_INVALID_ARGUMENT:
    case CAVIAR_BAD_FILE:
    case CAVIAR_NOT_FOUND: return EXIT_CODE_USAGE;
    case CAVIAR_INTERRUPTED: return EXIT_CODE_INTERRUPTED;
    default: return EXIT_CODE_FAILED;
    }
}

int command_fail(const char *command, caviar_status status) {
    const char *message = caviar_last_error();
    /* The command runs out of memory as well, and then the library's message is one of an earlier failure. */
    if (status == CAVIAR_OUT_OF_MEMORY && strncmp(message, "out of memory", 13) != 0) message = "out of memory";
    fprintf(stderr, "caviar %s: %s\n", command, message[0] ? message : caviar_status_text(status));
    return exit_code(status);
}

int command_error(int code, const char *command, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char text[4096]; /* names of files and words of the command line may hold what a terminal obeys */
    vsnprintf(text, sizeof text, format, arguments);
    caviar_disarm(text);
    fprintf(stderr, "caviar %s: %s\n", command, text);
    if (code == EXIT_CODE_USAGE) fprintf(stderr, "'caviar %s --help' tells more.\n", command);
    va_end(arguments);
    return code;
}

double command_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int command_end_of_options(options_result parsed) {
    if (parsed == OPTIONS_HELP) return EXIT_CODE_OK;
    return parsed == OPTIONS_NO_MEMORY ? EXIT_CODE_FAILED : EXIT_CODE_USAGE;
}
