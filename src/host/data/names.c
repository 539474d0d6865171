/* Class names in one block of memory. */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **allocate(int64_t count, size_t text_bytes) {
    return malloc((size_t)count * sizeof(char *) + text_bytes);
}

char **caviar_names_copy(char *const *names, int64_t count) {
    size_t bytes = 0;
    for (int64_t i = 0; i < count; i++) bytes += strlen(names[i]) + 1;
    char **copy = allocate(count, bytes);
    if (!copy) return NULL;
    char *to = (char *)(copy + count);
    for (int64_t i = 0; i < count; i++) {
        const size_t size = strlen(names[i]) + 1;
        copy[i] = memcpy(to, names[i], size);
        to += size;
    }
    return copy;
}

char **caviar_names_decimal(int64_t count) {
    enum { LONGEST = 21 }; /* of a 64-bit number and its ending zero */
    char **names = allocate(count, (size_t)count * LONGEST);
    if (!names) return NULL;
    char *to = (char *)(names + count);
    for (int64_t i = 0; i < count; i++) {
        names[i] = to;
        to += snprintf(to, LONGEST, "%lld", (long long)i) + 1;
    }
    return names;
}

/* Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF. */
int caviar_is_utf8(const char *text, size_t length) {
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    while (at < end) {
        const unsigned char first = *at++;
        if (first < 0x80) continue;
        if (first < 0xc2 || first > 0xf4) return 0;
        const int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (end - at < more) return 0;
        if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at > 0x9f)) return 0;
        if ((first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at > 0x8f)) return 0;
        for (int i = 0; i < more; i++) {
            if ((*at++ & 0xc0) != 0x80) return 0;
        }
    }
    return 1;
}
