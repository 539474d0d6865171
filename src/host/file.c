/* Replacing whole files. */
#include "file.h"

#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
