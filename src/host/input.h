/* Reading: a file, a device, a pipe or standard input as one stream of bytes, decompressed on the way, or whole. */
#ifndef CAVIAR_HOST_INPUT_H
#define CAVIAR_HOST_INPUT_H

#include <caviar/caviar.h>
#include <stdint.h>

typedef enum caviar_compression { CAVIAR_PLAIN = 0, CAVIAR_MAYBE_COMPRESSED = 1 } caviar_compression;

typedef struct caviar_input caviar_input;

/*
 * Opens a file to be read from its beginning to its end; "-" is standard input. With CAVIAR_MAYBE_COMPRESSED, gzip and
 * Zstandard are recognised by the bytes that they begin with, whatever the name, and decompressed: all members or
 * frames, one after another. Reading what is damaged, ends early or goes on with something else is CAVIAR_BAD_FILE with
 * the byte. `path` must live as long as the input. Signals that interrupt the reading are no errors.
 */
caviar_status caviar_input_open(caviar_input **input, const char *path, caviar_compression compression);

/*
 * Opens what lies in memory: `packed` bytes that are, inflated where they are `deflated`, `size` bytes with the
 * checksum `crc` (CRC-32), or else are refused once they were read to their end. Nothing is copied.
 */
typedef struct caviar_packed {
    const unsigned char *data;
    size_t packed, size;
    uint32_t crc;
    int deflated;
} caviar_packed;
caviar_status caviar_input_open_packed(caviar_input **input, const char *name, const caviar_packed *content);

/* Fills `buffer` [size]; `got` is less than `size` only at the end. */
caviar_status caviar_input_read(size_t *got, caviar_input *input, void *buffer, size_t size);

/* Shows up to CAVIAR_INPUT_PEEK of the bytes that come next, and leaves them to be read; fewer only at the end. */
enum { CAVIAR_INPUT_PEEK = 512 };
caviar_status caviar_input_peek(const unsigned char **bytes, size_t *count, caviar_input *input);

/* How many bytes it holds in all; 0 where only its end will tell. */
size_t caviar_input_size(const caviar_input *input);

/* What messages call it: its path or "standard input". */
const char *caviar_input_name(const caviar_input *input);

void caviar_input_close(caviar_input *input); /* NULL: nothing */

/* Bytes in memory. One zero byte follows them; free(data) when done. */
typedef struct caviar_bytes {
    unsigned char *data;
    size_t size;
} caviar_bytes;

/* As many bytes of data are held in memory at most: half of what is free. */
size_t caviar_input_limit(void);

/*
 * Reads all that is left. More than `limit` bytes are refused; 0 means caviar_input_limit(), so that a
 * device, or a small file that decompresses without end, is an error and not the system's end.
 */
caviar_status caviar_input_read_all(caviar_bytes *bytes, caviar_input *input, size_t limit);

/* Opens, reads and closes. */
caviar_status caviar_file_read(caviar_bytes *bytes, const char *path, caviar_compression compression, size_t limit);

#endif
