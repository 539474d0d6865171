/*
 * LeakSanitizer looks at the processes that run tests and not at the one that starts them: Criterion itself loses 48
 * bytes there now and then. The ones that run tests are called boxfort-worker.
 */
#include <errno.h>
#include <string.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void) {
    return strcmp(program_invocation_short_name, "boxfort-worker") != 0;
}
