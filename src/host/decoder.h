/* Decompression of gzip (RFC 1952), Zstandard (RFC 8878) and bare deflate (RFC 1951) as a stream. */
#ifndef CAVIAR_HOST_DECODER_H
#define CAVIAR_HOST_DECODER_H

#include <caviar/caviar.h>
#include <stdint.h>
#include <zlib.h>

typedef enum caviar_codec {
    CAVIAR_CODEC_NONE = 0,
    CAVIAR_CODEC_GZIP = 1,
    CAVIAR_CODEC_ZSTD = 2,
    CAVIAR_CODEC_DEFLATE = 3
} caviar_codec;

/* Zeroed: no codec. */
typedef struct caviar_decoder {
    caviar_codec codec;
    int within; /* a member or frame has begun and is not over */
    z_stream zlib;
    struct ZSTD_DCtx_s *zstd;
} caviar_decoder;

enum { CAVIAR_CODEC_MAGIC = 10 }; /* as many bytes tell what a file is compressed by */

/*
 * Begins to decode what begins with these bytes, or finds that it is not compressed (CAVIAR_CODEC_NONE). What is
 * compressed by a program whose format is not read is refused. `name` begins messages.
 */
caviar_status caviar_decoder_begin(caviar_decoder *decoder, const char *name, const unsigned char *bytes, size_t count);

/* The same for deflated data, which nothing announces. */
caviar_status caviar_decoder_begin_deflate(caviar_decoder *decoder);

/* The name of its format. */
const char *caviar_decoder_format(const caviar_decoder *decoder);

/*
 * Decodes from `from` [*taken] to `to` [*given], and sets both to what was taken and given. `offset` is where `from`
 * lies in the file. Between members or frames (`within` is 0), zero bytes are passed over.
 */
caviar_status caviar_decoder_run(caviar_decoder *decoder, const char *name, uint64_t offset, const unsigned char *from,
                                 size_t *taken, unsigned char *to, size_t *given);

void caviar_decoder_end(caviar_decoder *decoder);

#endif
