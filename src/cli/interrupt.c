/* The flag that SIGINT, SIGTERM and SIGHUP set. */
#include "interrupt.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t requested;
enum { SIGNALS = 3 };
static const int signals[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction former[SIGNALS];

static void note(int number) {
    (void)number;
    requested = 1;
}

void interrupt_catch(void) {
    /* SA_RESETHAND makes the second signal of a kind the process's end, should the clean way take too long. */
    struct sigaction action = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND | SA_RESTART };
    sigemptyset(&action.sa_mask);
    requested = 0;
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &former[i]);
        if (former[i].sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
    }
}

void interrupt_release(void) {
    for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &former[i], NULL);
}

/* Nobody reads what is printed any more: the other end of standard output's pipe is closed. */
static int reader_is_gone(void) {
    struct pollfd output = { .fd = STDOUT_FILENO, .events = 0 };
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

int interrupt_requested(void) {
    return requested != 0 || reader_is_gone();
}
