#include "decoder.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* What a format begins with, and how to read it if this program does not. */
static const struct format {
    const char *magic;
    size_t length;
    caviar_codec codec;
    const char *name, *command;
} formats[] = {
    { "\x1f\x8b", 2, CAVIAR_CODEC_GZIP, "gzip", NULL },
    { "\x28\xb5\x2f\xfd", 4, CAVIAR_CODEC_ZSTD, "Zstandard", NULL },
    { "\xfd"
      "7zXZ\0",
      6, CAVIAR_CODEC_NONE, "xz", "xz -d" },
    { "\x04\x22\x4d\x18", 4, CAVIAR_CODEC_NONE, "LZ4", "lz4 -d" },
    { "BZh91AY&SY", 10, CAVIAR_CODEC_NONE, "bzip2", "bunzip2" },
};

static const struct format *find_format(const unsigned char *bytes, size_t count) {
    /* A file of Zstandard may begin with a frame without content: 50 to 5f, 2a, 4d, 18. */
    if (count >= 4 && (bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0) return &formats[1];
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (count >= formats[i].length && memcmp(bytes, formats[i].magic, formats[i].length) == 0) return &formats[i];
    }
    return NULL;
}

/* Zlib's memory is allocated here, where tests can make it fail. */
static void *allocate(void *unused, unsigned count, unsigned size) {
    (void)unused;
    return calloc(count, size);
}

static void give_back(void *unused, void *memory) {
    (void)unused;
    free(memory);
}

caviar_status caviar_decoder_begin(caviar_decoder *decoder, const char *name, const unsigned char *bytes,
                                   size_t count) {
    const struct format *format = find_format(bytes, count);
    *decoder = (caviar_decoder){ .codec = CAVIAR_CODEC_NONE, .zlib = { .zalloc = allocate, .zfree = give_back } };
    if (!format) return CAVIAR_OK;
    if (format->codec == CAVIAR_CODEC_NONE) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: is compressed by %s; gzip and Zstandard are read: decompress it with `%s`", name,
                           format->name, format->command);
    }
    const int gzip_only = 15 + 16; /* the largest window, and a gzip header */
    if (format->codec == CAVIAR_CODEC_GZIP && inflateInit2(&decoder->zlib, gzip_only) != Z_OK) {
        return caviar_fail_memory("decompression", 1 << 16);
    }
    if (format->codec == CAVIAR_CODEC_ZSTD && !(decoder->zstd = ZSTD_createDCtx())) {
        return caviar_fail_memory("decompression", 1 << 17);
    }
    decoder->codec = format->codec;
    decoder->within = 1;
    return CAVIAR_OK;
}

caviar_status caviar_decoder_begin_deflate(caviar_decoder *decoder) {
    *decoder = (caviar_decoder){ .within = 1, .zlib = { .zalloc = allocate, .zfree = give_back } };
    if (inflateInit2(&decoder->zlib, -15) != Z_OK) return caviar_fail_memory("decompression", 1 << 16);
    decoder->codec = CAVIAR_CODEC_DEFLATE;
    return CAVIAR_OK;
}

const char *caviar_decoder_format(const caviar_decoder *decoder) {
    static const char *const names[] = { "plain", "gzip", "Zstandard", "deflated" };
    return names[decoder->codec];
}

static caviar_status fail_damaged(const caviar_decoder *decoder, const char *name, uint64_t byte, const char *reason) {
    return caviar_fail(CAVIAR_BAD_FILE, "%s: damaged %s data at byte %llu (%s); fetch the file again", name,
                       caviar_decoder_format(decoder), (unsigned long long)byte, reason);
}

static caviar_status run_zlib(caviar_decoder *decoder, const char *name, uint64_t offset, const unsigned char *from,
                              size_t *taken, unsigned char *to, size_t *given) {
    z_stream *stream = &decoder->zlib;
    const unsigned most = 1u << 30;
    stream->next_in = (unsigned char *)from; /* which zlib only reads */
    stream->avail_in = *taken < most ? (unsigned)*taken : most;
    stream->next_out = to;
    stream->avail_out = *given < most ? (unsigned)*given : most;
    const int code = inflate(stream, Z_NO_FLUSH);
    *taken = (size_t)(stream->next_in - from);
    *given = (size_t)(stream->next_out - to);
    switch (code) {
    case Z_OK:
    case Z_BUF_ERROR: return CAVIAR_OK; /* it wants more bytes, or more room */
    case Z_STREAM_END:
        decoder->within = 0;
        inflateReset(stream);
        return CAVIAR_OK;
    case Z_MEM_ERROR: return caviar_fail_memory("decompression", 1 << 16);
    default: return fail_damaged(decoder, name, offset + *taken, stream->msg ? stream->msg : zError(code));
    }
}

static caviar_status run_zstd(caviar_decoder *decoder, const char *name, uint64_t offset, const unsigned char *from,
                              size_t *taken, unsigned char *to, size_t *given) {
    ZSTD_inBuffer in = { from, *taken, 0 };
    ZSTD_outBuffer out = { to, *given, 0 };
    const size_t left = ZSTD_decompressStream(decoder->zstd, &out, &in);
    *taken = in.pos;
    *given = out.pos;
    if (!ZSTD_isError(left)) {
        decoder->within = left > 0;
        return CAVIAR_OK;
    }
    switch (ZSTD_getErrorCode(left)) {
    case ZSTD_error_memory_allocation: return caviar_fail_memory("decompression", 1 << 27);
    case ZSTD_error_frameParameter_windowTooLarge:
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: was compressed with a window of more than 128 MiB; decompress it with "
                           "`zstd -d --long=31`",
                           name);
    default: return fail_damaged(decoder, name, offset + *taken, ZSTD_getErrorName(left));
    }
}

/* What the next member or frame begins with; of Zstandard also 50 to 5f, for one without content. */
static int may_begin(caviar_codec codec, unsigned char byte) {
    if (codec == CAVIAR_CODEC_GZIP) return byte == 0x1f;
    return codec == CAVIAR_CODEC_ZSTD && (byte == 0x28 || (byte & 0xf0) == 0x50);
}

/* Between two members or frames: passes over padding, or begins the next one; anything else is refused. */
static caviar_status begin_next(caviar_decoder *decoder, const char *name, uint64_t offset, const unsigned char *from,
                                size_t *taken) {
    size_t zeros = 0;
    while (zeros < *taken && from[zeros] == 0) zeros++;
    if (zeros == 0 && *taken > 0) {
        decoder->within = may_begin(decoder->codec, *from);
        if (!decoder->within) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s: its %s data is over before byte %llu, and something else follows",
                               name, caviar_decoder_format(decoder), (unsigned long long)offset);
        }
    }
    *taken = zeros;
    return CAVIAR_OK;
}

caviar_status caviar_decoder_run(caviar_decoder *decoder, const char *name, uint64_t offset, const unsigned char *from,
                                 size_t *taken, unsigned char *to, size_t *given) {
    if (!decoder->within) {
        *given = 0;
        return begin_next(decoder, name, offset, from, taken);
    }
    if (decoder->codec == CAVIAR_CODEC_ZSTD) return run_zstd(decoder, name, offset, from, taken, to, given);
    return run_zlib(decoder, name, offset, from, taken, to, given);
}

void caviar_decoder_end(caviar_decoder *decoder) {
    if (decoder->codec == CAVIAR_CODEC_ZSTD)
        ZSTD_freeDCtx(decoder->zstd);
    else if (decoder->codec != CAVIAR_CODEC_NONE)
        inflateEnd(&decoder->zlib);
    *decoder = (caviar_decoder){ .codec = CAVIAR_CODEC_NONE };
}
