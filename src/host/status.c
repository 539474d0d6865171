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

/* The C1 controls are U+0080 to U+009F, and U+202A to U+202E and U+2066 to U+2069 turn the order of what is shown. */
static size_t armed_bytes(const unsigned char *at) {
    if (*at == '\n') return 0;
    if (*at < 32 || *at == 127) return 1;
    if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) return 2;
    if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae) return 3;
    if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9) return 3;
    return 0;
}

void caviar_disarm(char *text) {
    for (unsigned char *at = (unsigned char *)text; *at;) {
        const size_t bytes = armed_bytes(at);
        for (size_t i = 0; i < bytes; i++) at[i] = '?';
        at += bytes ? bytes : 1;
    }
}

caviar_status caviar_fail(caviar_status status, const char *format, ...) {
    /* Arguments may point into the previous message, so the new one is made beside it. */
    char message[sizeof last_error];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(last_error, sizeof last_error, "%s", length < 0 ? caviar_status_text(status) : message);
    caviar_disarm(last_error);
    return status;
}

caviar_status caviar_fail_memory(const char *what, size_t bytes) {
    return caviar_fail(CAVIAR_OUT_OF_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}
