#include "input.h"

#include "decoder.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RAW_SIZE = 1 << 17 };

struct caviar_input {
    const char *name;
    int descriptor; /* -1: none, `raw` is all there is */
    size_t size;    /* of a regular file that is not compressed; 0: unknown */
    caviar_decoder decoder;
    /* What was read of the file and not yet decoded: raw[raw_begin .. raw_end), of which the first lies at `offset`. */
    size_t raw_begin, raw_end;
    const unsigned char *raw; /* `buffer`, or somebody else's memory */
    uint64_t offset;
    int raw_ended;
    int is_checked; /* against its size and checksum */
    caviar_packed expected;
    uLong crc;    /* of what was given so far */
    size_t given; /* bytes */
    /* What was decoded to be peeked at, and not yet read. */
    size_t ahead_begin, ahead_end;
    unsigned char ahead[CAVIAR_INPUT_PEEK];
    unsigned char buffer[RAW_SIZE];
};

/* ---------------------------------------------------------------------------------------------------- the descriptor
 */

static caviar_status fail_read(const caviar_input *input) {
    return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot read: %s", input->name, strerror(errno));
}

/* Reads some bytes, none only at the end. Waits where the descriptor, which may be somebody else's, does not. */
static caviar_status read_some(size_t *got, const caviar_input *input, void *to, size_t size) {
    const size_t most = (size_t)1 << 30; /* Linux gives no more than 2^31 at once */
    for (;;) {
        const ssize_t count = read(input->descriptor, to, size < most ? size : most);
        if (count >= 0) {
            *got = (size_t)count;
            return CAVIAR_OK;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail_read(input);
        struct pollfd wait = { .fd = input->descriptor, .events = POLLIN };
        if (poll(&wait, 1, -1) < 0 && errno != EINTR) return fail_read(input);
    }
}

/* Refills `raw` when it is empty. */
static caviar_status refill(caviar_input *input) {
    if (input->raw_begin < input->raw_end || input->raw_ended) return CAVIAR_OK;
    input->raw_begin = input->raw_end = 0;
    CAVIAR_TRY(read_some(&input->raw_end, input, input->buffer, RAW_SIZE));
    input->raw_ended = input->raw_end == 0;
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- bytes
 */

/* Some bytes as they are in the file: what the detection has read first, and then without a detour. */
static caviar_status take_plain(size_t *got, caviar_input *input, unsigned char *to, size_t size) {
    const size_t there = input->raw_end - input->raw_begin;
    if (there == 0 && size >= RAW_SIZE && !input->raw_ended) {
        CAVIAR_TRY(read_some(got, input, to, size));
        input->raw_ended = *got == 0;
        return CAVIAR_OK;
    }
    CAVIAR_TRY(refill(input));
    *got = input->raw_end - input->raw_begin;
    if (*got > size) *got = size;
    memcpy(to, input->raw + input->raw_begin, *got);
    input->raw_begin += *got;
    return CAVIAR_OK;
}

/* Some decoded bytes, none only at the end. */
static caviar_status take_decoded(size_t *got, caviar_input *input, unsigned char *to, size_t size) {
    for (;;) {
        CAVIAR_TRY(refill(input));
        const size_t there = input->raw_end - input->raw_begin;
        size_t taken = there;
        *got = size;
        if (there == 0 && !input->decoder.within) {
            *got = 0;
            return CAVIAR_OK;
        }
        CAVIAR_TRY(caviar_decoder_run(&input->decoder, input->name, input->offset, input->raw + input->raw_begin,
                                      &taken, to, got));
        input->raw_begin += taken;
        input->offset += taken;
        if (*got > 0) return CAVIAR_OK;
        if (there == 0 && input->decoder.within) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s: its %s data ends early, at byte %llu; fetch the file again",
                               input->name, caviar_decoder_format(&input->decoder), (unsigned long long)input->offset);
        }
    }
}

static caviar_status check_end(const caviar_input *input) {
    if (!input->is_checked || (input->given == input->expected.size && input->crc == input->expected.crc))
        return CAVIAR_OK;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: is damaged: size or checksum is not what its archive says; fetch it again",
                       input->name);
}

static caviar_status fill(size_t *got, caviar_input *input, unsigned char *to, size_t size) {
    const int is_plain = input->decoder.codec == CAVIAR_CODEC_NONE;
    size_t filled = 0, count = 1;
    while (filled < size && count > 0) {
        CAVIAR_TRY((is_plain ? take_plain : take_decoded)(&count, input, to + filled, size - filled));
        filled += count;
    }
    if (input->is_checked) input->crc = crc32_z(input->crc, to, filled);
    input->given += filled;
    *got = filled;
    return count > 0 ? CAVIAR_OK : check_end(input);
}

caviar_status caviar_input_read(size_t *got, caviar_input *input, void *buffer, size_t size) {
    size_t ahead = input->ahead_end - input->ahead_begin;
    if (ahead > size) ahead = size;
    memcpy(buffer, input->ahead + input->ahead_begin, ahead);
    input->ahead_begin += ahead;
    CAVIAR_TRY(fill(got, input, (unsigned char *)buffer + ahead, size - ahead));
    *got += ahead;
    return CAVIAR_OK;
}

caviar_status caviar_input_peek(const unsigned char **bytes, size_t *count, caviar_input *input) {
    const size_t there = input->ahead_end - input->ahead_begin;
    size_t more = 0;
    memmove(input->ahead, input->ahead + input->ahead_begin, there);
    input->ahead_begin = 0;
    input->ahead_end = there;
    CAVIAR_TRY(fill(&more, input, input->ahead + there, CAVIAR_INPUT_PEEK - there));
    input->ahead_end += more;
    *bytes = input->ahead;
    *count = input->ahead_end;
    return CAVIAR_OK;
}

/* ----------------------------------------------------------------------------------------------- opening and closing
 */

static caviar_status open_descriptor(caviar_input *input, const char *path) {
    struct stat about;
    const int is_standard = strcmp(path, "-") == 0;
    input->name = is_standard ? "standard input" : path;
    /* A pipe with a name is opened once somebody writes to it, and a signal may come before that. */
    do input->descriptor = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    while (input->descriptor < 0 && errno == EINTR);
    if (input->descriptor < 0) {
        return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot open: %s", input->name, strerror(errno));
    }
    if (fstat(input->descriptor, &about) != 0) return fail_read(input);
    if (S_ISDIR(about.st_mode)) return caviar_fail(CAVIAR_IO_ERROR, "%s: is a folder, not a file", input->name);
    if (S_ISREG(about.st_mode) && about.st_size > 0 && !is_standard) input->size = (size_t)about.st_size;
    return CAVIAR_OK;
}

/* Pipes may bring the first bytes one by one. */
static caviar_status detect(caviar_input *input) {
    size_t count = 1;
    while (input->raw_end < CAVIAR_CODEC_MAGIC && count > 0) {
        CAVIAR_TRY(read_some(&count, input, input->buffer + input->raw_end, RAW_SIZE - input->raw_end));
        input->raw_end += count;
    }
    input->raw_ended = count == 0;
    CAVIAR_TRY(caviar_decoder_begin(&input->decoder, input->name, input->raw, input->raw_end));
    if (input->decoder.codec != CAVIAR_CODEC_NONE) input->size = 0;
    return CAVIAR_OK;
}

static caviar_input *allocate(void) {
    caviar_input *made = malloc(sizeof *made);
    if (!made) return NULL;
    memset(made, 0, offsetof(caviar_input, ahead)); /* all but the buffers */
    made->descriptor = -1;
    made->raw = made->buffer;
    return made;
}

static caviar_status give(caviar_input **input, caviar_input *made, caviar_status status) {
    if (status == CAVIAR_OK)
        *input = made;
    else
        caviar_input_close(made);
    return status;
}

caviar_status caviar_input_open(caviar_input **input, const char *path, caviar_compression compression) {
    caviar_input *made = allocate();
    if (!made) return caviar_fail_memory(path, sizeof *made);
    caviar_status status = open_descriptor(made, path);
    if (status == CAVIAR_OK && compression == CAVIAR_MAYBE_COMPRESSED) status = detect(made);
    return give(input, made, status);
}

caviar_status caviar_input_open_packed(caviar_input **input, const char *name, const caviar_packed *content) {
    caviar_input *made = allocate();
    if (!made) return caviar_fail_memory(name, sizeof *made);
    made->name = name;
    made->raw = content->data;
    made->raw_end = content->packed;
    made->raw_ended = 1;
    made->size = content->size;
    made->expected = *content;
    made->is_checked = 1;
    return give(input, made, content->deflated ? caviar_decoder_begin_deflate(&made->decoder) : CAVIAR_OK);
}

size_t caviar_input_size(const caviar_input *input) {
    return input->size;
}

const char *caviar_input_name(const caviar_input *input) {
    return input->name;
}

void caviar_input_close(caviar_input *input) {
    if (!input) return;
    caviar_decoder_end(&input->decoder);
    if (input->descriptor > STDIN_FILENO) close(input->descriptor);
    free(input);
}
