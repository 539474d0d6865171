/*
 * The main program of tests that are compiled against criterion/criterion.h beside this file.
 *
 *     PROGRAM [--list] [--fail-fast] [--one-process] [--filter PATTERN]...
 *
 * A pattern is a shell's (with the extended forms) for suite/name. Tests run in the order of the patterns, each once,
 * and in a process of their own unless --one-process is given. Exit status 0: something ran and nothing failed.
 */
#include <criterion/criterion.h>

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED, FAILED, SKIPPED, MOST_TESTS = 1024, MOST_PATTERNS = 64 };
static const char *const verdicts[] = { "passed", "FAILED", "skipped" };

static struct stand_in_test *registered;
static const struct stand_in_test *tests[MOST_TESTS];
static int test_count;
static int verdict; /* of the test that runs */
static jmp_buf end_of_test;

void stand_in_register(struct stand_in_test *test) {
    test->next = registered;
    registered = test;
}

void stand_in_fail(int ends, const char *file, int line, const char *what, const char *format, ...) {
    verdict = FAILED;
    va_list arguments;
    va_start(arguments, format);
    printf("%s:%d: %s:", file, line, what);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    if (ends) longjmp(end_of_test, 1);
}

void stand_in_skip(const char *format, ...) {
    verdict = SKIPPED;
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    longjmp(end_of_test, 1);
}

/* Runs one test in this process. */
static int run_here(const struct stand_in_test *test) {
    struct stand_in_options options = test->options;
    for (const struct stand_in_test *suite = registered; suite; suite = suite->next)
        if (suite->name == NULL && strcmp(suite->suite, test->suite) == 0) {
            if (options.init == NULL) options.init = suite->options.init;
            if (options.fini == NULL) options.fini = suite->options.fini;
            if (options.timeout == 0) options.timeout = suite->options.timeout;
        }
    verdict = PASSED;
    alarm((unsigned)ceil(options.timeout));
    if (setjmp(end_of_test) == 0) {
        if (options.init) options.init();
        test->run();
        if (options.fini) options.fini();
    }
    alarm(0);
    return verdict;
}

static int run_apart(const struct stand_in_test *test) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) exit(run_here(test));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("a test cannot be run");
        return FAILED;
    }
    if (WIFSIGNALED(status)) printf("signal %d: %s\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return WIFEXITED(status) && WEXITSTATUS(status) <= SKIPPED ? WEXITSTATUS(status) : FAILED;
}

static void name_of(char *name, size_t size, const struct stand_in_test *test) {
    snprintf(name, size, "%s/%s", test->suite, test->name);
}

static int compare_names(const void *a, const void *b) {
    const struct stand_in_test *const x = *(const struct stand_in_test *const *)a;
    const struct stand_in_test *const y = *(const struct stand_in_test *const *)b;
    const int order = strcmp(x->suite, y->suite);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static int usage(void) {
    fprintf(stderr, "options: --list --fail-fast --one-process --filter PATTERN\n");
    return 2;
}

int main(int argc, char **argv) {
    int list = 0, fail_fast = 0, one_process = 0, pattern_count = 0, counts[3] = { 0 };
    const char *patterns[MOST_PATTERNS] = { "*" };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            list = 1;
        else if (strcmp(argv[i], "--fail-fast") == 0)
            fail_fast = 1;
        else if (strcmp(argv[i], "--one-process") == 0)
            one_process = 1;
        else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc && pattern_count < MOST_PATTERNS)
            patterns[pattern_count++] = argv[++i];
        else
            return usage();
    }
    for (const struct stand_in_test *test = registered; test; test = test->next)
        if (test->name) {
            if (test_count == MOST_TESTS) return usage();
            tests[test_count++] = test;
        }
    qsort(tests, (size_t)test_count, sizeof tests[0], compare_names);

    for (int p = 0; p < (pattern_count ? pattern_count : 1); p++)
        for (int i = 0; i < test_count; i++) {
            char name[256];
            if (tests[i] == NULL) continue; /* it has had its turn */
            name_of(name, sizeof name, tests[i]);
            if (fnmatch(patterns[p], name, FNM_EXTMATCH) != 0) continue;
            if (list) {
                printf("%s\n", name);
            } else {
                const int result = one_process ? run_here(tests[i]) : run_apart(tests[i]);
                printf("%-7s %s\n", verdicts[result], name);
                counts[result]++;
                if (result == FAILED && fail_fast) return 1;
            }
            tests[i] = NULL;
        }
    if (list) return 0;
    printf("Tested: %d | Passing: %d | Failing: %d | Skipped: %d\n", counts[PASSED] + counts[FAILED], counts[PASSED],
           counts[FAILED], counts[SKIPPED]);
    return counts[FAILED] > 0 || counts[PASSED] == 0;
}
