/* Reading and replacing whole files. */
#include "file.h"

#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ------------------------------------------------------------------------------------------------------------ reading
 */

typedef struct source {
    const char *path;
    int descriptor;
    gzFile gzip; /* NULL: the descriptor is read as it is */
} source;

static size_t machine_memory(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0 || (size_t)pages > SIZE_MAX / 2 / (size_t)page) return SIZE_MAX / 2;
    return (size_t)pages * (size_t)page;
}

static caviar_status fail_gzip(const source *from, size_t size) {
    int code = Z_OK;
    const char *text = gzerror(from->gzip, &code);
    if (code == Z_ERRNO) return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot read: %s", from->path, strerror(errno));
    if (code == Z_MEM_ERROR) return caviar_fail_memory("decompression", 1 << 18);
    return caviar_fail(CAVIAR_BAD_FILE, "%s: damaged gzip data after %zu decompressed bytes (%s); fetch the file again",
                       from->path, size, text);
}

/* Reads up to `room` bytes behind those that are there; `end` tells that there are no more. */
static caviar_status read_more(const source *from, caviar_bytes *bytes, size_t room, int *end) {
    const size_t most = room < (1u << 30) ? room : 1u << 30;
    if (from->gzip) {
        const int got = gzread(from->gzip, bytes->data + bytes->size, (unsigned)most);
        if (got < 0) return fail_gzip(from, bytes->size);
        bytes->size += (size_t)got;
        *end = got == 0;
        return CAVIAR_OK;
    }
    ssize_t got;
    do got = read(from->descriptor, bytes->data + bytes->size, most);
    while (got < 0 && errno == EINTR);
    if (got < 0) return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot read: %s", from->path, strerror(errno));
    bytes->size += (size_t)got;
    *end = got == 0;
    return CAVIAR_OK;
}

static caviar_status read_all(const source *from, caviar_bytes *bytes, size_t expected, size_t limit) {
    /* Room for one byte more than expected, which finds the end without growing, and for the zero byte. */
    size_t capacity = (expected < limit ? expected : limit) + 2;
    bytes->data = malloc(capacity);
    if (!bytes->data) return caviar_fail_memory(from->path, capacity);
    for (int end = 0; !end;) {
        if (bytes->size > limit) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s: holds more than %zu bytes, the most that is read", from->path,
                               limit);
        }
        if (bytes->size + 1 == capacity) {
            capacity = capacity < limit / 2 ? 2 * capacity : limit + 2;
            unsigned char *more = realloc(bytes->data, capacity);
            if (!more) return caviar_fail_memory(from->path, capacity);
            bytes->data = more;
        }
        CAVIAR_TRY(read_more(from, bytes, capacity - 1 - bytes->size, &end));
    }
    bytes->data[bytes->size] = 0;
    return CAVIAR_OK;
}

/* Closes the source after reading ended with `reading`. Only here zlib tells of a gzip file that ends early. */
static caviar_status finish(const source *from, caviar_status reading, size_t size) {
    int closed = Z_OK;
    if (from->gzip) {
        closed = gzclose_r(from->gzip);
    } else {
        close(from->descriptor);
    }
    if (reading != CAVIAR_OK || closed != Z_BUF_ERROR) return reading;
    return caviar_fail(CAVIAR_BAD_FILE, "%s: its gzip data ends early, after %zu decompressed bytes; fetch it again",
                       from->path, size);
}

static caviar_status open_source(source *from, size_t *expected, const char *path, caviar_compression compression) {
    *from = (source){ path, open(path, O_RDONLY | O_CLOEXEC), NULL };
    if (from->descriptor < 0) return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot open: %s", path, strerror(errno));
    struct stat about;
    if (fstat(from->descriptor, &about) != 0 || S_ISDIR(about.st_mode)) {
        close(from->descriptor);
        return caviar_fail(CAVIAR_IO_ERROR, "%s: is a folder, not a file", path);
    }
    *expected = S_ISREG(about.st_mode) && about.st_size > 0 ? (size_t)about.st_size : 65536;
    if (compression == CAVIAR_PLAIN) return CAVIAR_OK;
    from->gzip = gzdopen(from->descriptor, "rb");
    if (!from->gzip) {
        close(from->descriptor);
        return caviar_fail_memory("decompression", 1 << 18);
    }
    gzbuffer(from->gzip, 1 << 18);
    return CAVIAR_OK;
}

caviar_status caviar_file_read(caviar_bytes *bytes, const char *path, caviar_compression compression, size_t limit) {
    source from;
    size_t expected = 0;
    CAVIAR_TRY(open_source(&from, &expected, path, compression));
    caviar_bytes content = { NULL, 0 };
    const caviar_status reading = read_all(&from, &content, expected, limit ? limit : machine_memory());
    const caviar_status status = finish(&from, reading, content.size);
    if (status != CAVIAR_OK) {
        free(content.data);
        return status;
    }
    *bytes = content;
    return CAVIAR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- replacing
 */

static caviar_status write_all(int descriptor, const char *path, const caviar_piece *piece) {
    const char *from = piece->data;
    for (size_t left = piece->size; left > 0;) {
        const ssize_t written = write(descriptor, from, left < (1u << 30) ? left : 1u << 30);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot write: %s", path, strerror(errno));
        from += written;
        left -= (size_t)written;
    }
    return CAVIAR_OK;
}

static caviar_status write_pieces(int descriptor, const char *path, const caviar_piece *pieces, size_t count) {
    for (size_t i = 0; i < count; i++) CAVIAR_TRY(write_all(descriptor, path, &pieces[i]));
    if (fsync(descriptor) != 0) {
        return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot write to the disk: %s", path, strerror(errno));
    }
    return CAVIAR_OK;
}

/* Opens a new file beside `path` and writes its name; open's own mode respects the umask, which mkstemp does not. */
static caviar_status open_beside(int *descriptor, char *name, size_t size, const char *path) {
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(name, size, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        *descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*descriptor >= 0) return CAVIAR_OK;
        if (errno != EEXIST) break;
    }
    return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot create: %s", name, strerror(errno));
}

/* Makes the renaming itself last. Some file systems cannot synchronise a folder, and the file is whole either way. */
static void synchronise_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path] = 0;
    const int folder = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    (void)fsync(folder);
    close(folder);
}

static caviar_status replace(char *name, size_t size, const char *path, const caviar_piece *pieces, size_t count) {
    int descriptor;
    CAVIAR_TRY(open_beside(&descriptor, name, size, path));
    caviar_status status = write_pieces(descriptor, path, pieces, count);
    if (close(descriptor) != 0 && status == CAVIAR_OK) {
        status = caviar_fail(CAVIAR_IO_ERROR, "%s: cannot write: %s", path, strerror(errno));
    }
    if (status == CAVIAR_OK && rename(name, path) != 0) {
        status = caviar_fail(CAVIAR_IO_ERROR, "%s: cannot replace it: %s", path, strerror(errno));
    }
    if (status != CAVIAR_OK) unlink(name);
    if (status == CAVIAR_OK) synchronise_folder(name);
    return status;
}

caviar_status caviar_file_replace(const char *path, const caviar_piece *pieces, size_t count) {
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        return caviar_fail(CAVIAR_IO_ERROR, "%s: is not a regular file and is not replaced; name another", path);
    }
    const size_t size = strlen(path) + 48;
    char *name = malloc(size);
    if (!name) return caviar_fail_memory(path, size);
    const caviar_status status = replace(name, size, path, pieces, count);
    free(name);
    return status;
}
