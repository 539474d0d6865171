/* Reading what is left of an input into memory. */
#include "input.h"
#include "limits.h"
#include "status.h"

#include <stdint.h>
#include <stdlib.h>

size_t caviar_input_limit(void) {
    const uint64_t half = caviar_limits_memory("") / 2;
    return half < SIZE_MAX / 4 ? (size_t)half : SIZE_MAX / 4;
}

static caviar_status fail_large(const caviar_input *input, size_t limit, int is_memory) {
    if (is_memory) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: holds more than %zu bytes, half of the memory that is free here",
                           caviar_input_name(input), limit);
    }
    return caviar_fail(CAVIAR_BAD_FILE, "%s: holds more than %zu bytes, the most that is read",
                       caviar_input_name(input), limit);
}

/* What memory can hold is looked up in a dozen files, and only for what is not small. */
enum { SMALL = 16 << 20 };

static caviar_status check_size(size_t *limit, int *is_small, const caviar_input *input, size_t size, int is_memory) {
    if (size <= *limit) return CAVIAR_OK;
    if (*is_small) *limit = caviar_input_limit();
    *is_small = 0;
    return size <= *limit ? CAVIAR_OK : fail_large(input, *limit, is_memory);
}

/* limit 0: what memory can hold. */
static caviar_status read_up_to(caviar_bytes *content, caviar_input *input, size_t limit) {
    const size_t known = caviar_input_size(input);
    const int is_memory = limit == 0;
    int is_small = is_memory;
    if (is_memory) limit = SMALL;
    CAVIAR_TRY(check_size(&limit, &is_small, input, known, is_memory));
    /* Room for one byte more than expected, which finds the end without growing, and for the zero byte. */
    size_t capacity = (known ? known : limit < 65536 ? limit : 65536) + 2;
    content->data = malloc(capacity);
    if (!content->data) return caviar_fail_memory(caviar_input_name(input), capacity);
    for (;;) {
        const size_t room = capacity - 1 - content->size;
        size_t got;
        CAVIAR_TRY(caviar_input_read(&got, input, content->data + content->size, room));
        content->size += got;
        CAVIAR_TRY(check_size(&limit, &is_small, input, content->size, is_memory));
        if (got < room) break;
        capacity = capacity < limit / 2 ? 2 * capacity : limit + 2;
        unsigned char *more = realloc(content->data, capacity);
        if (!more) return caviar_fail_memory(caviar_input_name(input), capacity);
        content->data = more;
    }
    content->data[content->size] = 0;
    return CAVIAR_OK;
}

caviar_status caviar_input_read_all(caviar_bytes *bytes, caviar_input *input, size_t limit) {
    caviar_bytes content = { NULL, 0 };
    const caviar_status status = read_up_to(&content, input, limit);
    if (status != CAVIAR_OK) {
        free(content.data);
        return status;
    }
    *bytes = content;
    return CAVIAR_OK;
}

caviar_status caviar_file_read(caviar_bytes *bytes, const char *path, caviar_compression compression, size_t limit) {
    caviar_input *input;
    CAVIAR_TRY(caviar_input_open(&input, path, compression));
    const caviar_status status = caviar_input_read_all(bytes, input, limit);
    caviar_input_close(input);
    return status;
}
