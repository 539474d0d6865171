/* Failing: every function of the library that can fail returns a status and leaves a sentence for the caller. */
#ifndef CAVIAR_HOST_STATUS_H
#define CAVIAR_HOST_STATUS_H

#include <caviar/caviar.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sets the calling thread's message (printf format, at most 4095 bytes are kept) and returns `status`. */
caviar_status caviar_fail(caviar_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* CAVIAR_OUT_OF_MEMORY with a message that names what `bytes` were for. */
caviar_status caviar_fail_memory(const char *what, size_t bytes);

/* Returns from the calling function when `expression` is not success. */
#define CAVIAR_TRY(expression)                                                                                         \
    do {                                                                                                               \
        const caviar_status try_status = (expression);                                                                 \
        if (try_status != CAVIAR_OK) return try_status;                                                                \
    } while (0)

/* Returns CAVIAR_INVALID_ARGUMENT with the given message (a format and its arguments) unless `condition` holds. */
#define CAVIAR_REQUIRE(condition, ...)                                                                                 \
    do {                                                                                                               \
        if (!(condition)) return caviar_fail(CAVIAR_INVALID_ARGUMENT, __VA_ARGS__);                                    \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
