/* The command's parts: one function a subcommand, the exit codes, and how failures are said. */
#ifndef CAVIAR_CLI_COMMAND_H
#define CAVIAR_CLI_COMMAND_H

#include "options.h"

#include <caviar/caviar.h>

enum { EXIT_CODE_OK = 0, EXIT_CODE_FAILED = 1, EXIT_CODE_USAGE = 2, EXIT_CODE_INTERRUPTED = 130 };

/* Each takes its own name as argv[0] and returns an exit code. */
int command_search(int argc, char **argv);
int command_train(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_devices(int argc, char **argv);

/* Says `caviar COMMAND: ` and the library's message of the latest failed call; returns the exit code of the status. */
int command_fail(const char *command, caviar_status status);

/* Says `caviar COMMAND: ` and the message; returns `code`. Bad usage also gets a pointer to the help. */
int command_error(int code, const char *command, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The exit code of a command whose options were not parsed to go on with. */
int command_end_of_options(options_result parsed);

/* Seconds of a clock that only goes forward. */
double command_clock(void);

#endif
