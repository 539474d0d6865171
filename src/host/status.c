#include "status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[4096];

const char *caviar_last_error(void) {
    return last_error;
}

const char *caviar_status_text(caviar_status status) {
    switch (status) {
#define CAVIAR_STATUS_CASE(name, number, text)                                                                         \
    case CAVIAR_##name: return text;
        CAVIAR_FOR_EACH_STATUS(CAVIAR_STATUS_CASE)
#undef CAVIAR_STATUS_CASE
    }
    return "unknown status";
}

const char *caviar_version(void) {
    return CAVIAR_VERSION;
}

caviar_status caviar_fail(caviar_status status, const char *format, ...) {
    /* Arguments may point into the previous message, so the new one is made beside it. */
    char message[sizeof last_error];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(last_error, sizeof last_error, "%s", length < 0 ? caviar_status_text(status) : message);
    return status;
}

caviar_status caviar_fail_memory(const char *what, size_t bytes) {
    return caviar_fail(CAVIAR_OUT_OF_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}
