/* Replacing whole files. */
#include "file.h"

#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
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

/* The name of the temporary file is not to be guessed by whoever else may write to the folder. */
static unsigned random_number(void) {
    unsigned number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) number = (unsigned)clock();
    return number;
}

/*
 * Opens a new file beside `path` and writes its name; open's own mode respects the umask, which mkstemp does not. A
 * name that somebody has planted there is not opened, be it a file or a link.
 */
static caviar_status open_beside(int *descriptor, char *name, size_t size, const char *path) {
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(name, size, "%s.%08x.tmp", path, random_number());
        *descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*descriptor >= 0) return CAVIAR_OK;
        if (errno != EEXIST) break;
    }
    return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot create a file beside it: %s", path, strerror(errno));
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

/* Whoever may read and write the old file may do so with the new one; an owner that cannot be kept is the user's. */
static void keep_mode(int descriptor, const struct stat *old) {
    if (fchown(descriptor, old->st_uid, old->st_gid) != 0 && fchown(descriptor, (uid_t)-1, old->st_gid) != 0) errno = 0;
    (void)fchmod(descriptor, old->st_mode & 07777);
}

/* `old` NULL: there is no file in this place yet. */
static caviar_status replace(char *name, size_t size, const char *path, const struct stat *old,
                             const caviar_piece *pieces, size_t count) {
    int descriptor;
    CAVIAR_TRY(open_beside(&descriptor, name, size, path));
    if (old) keep_mode(descriptor, old);
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

/* Devices, pipes and sockets are not replaced but written to. */
static caviar_status write_through(const char *path, const caviar_piece *pieces, size_t count) {
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot open: %s", path, strerror(errno));
    caviar_status status = CAVIAR_OK;
    for (size_t i = 0; i < count && status == CAVIAR_OK; i++) status = write_all(descriptor, path, &pieces[i]);
    if (close(descriptor) != 0 && status == CAVIAR_OK)
        status = caviar_fail(CAVIAR_IO_ERROR, "%s: cannot write: %s", path, strerror(errno));
    return status;
}

static caviar_status replace_target(const char *target, const struct stat *old, const caviar_piece *pieces,
                                    size_t count) {
    const size_t size = strlen(target) + 48;
    char *name = malloc(size);
    if (!name) return caviar_fail_memory(target, size);
    const caviar_status status = replace(name, size, target, old, pieces, count);
    free(name);
    return status;
}

caviar_status caviar_file_replace(const char *path, const caviar_piece *pieces, size_t count) {
    struct stat old, link;
    if (lstat(path, &link) != 0) return replace_target(path, NULL, pieces, count);
    if (stat(path, &old) != 0)
        return caviar_fail(CAVIAR_IO_ERROR, "%s: is a link to what is not there; name the file itself", path);
    if (S_ISDIR(old.st_mode)) return caviar_fail(CAVIAR_IO_ERROR, "%s: is a folder; name a file", path);
    if (!S_ISREG(old.st_mode)) return write_through(path, pieces, count);
    if (!S_ISLNK(link.st_mode)) return replace_target(path, &old, pieces, count);
    char *target = realpath(path, NULL);
    if (!target) return caviar_fail(CAVIAR_IO_ERROR, "%s: cannot follow the link: %s", path, strerror(errno));
    const caviar_status status = replace_target(target, &old, pieces, count);
    free(target);
    return status;
}

caviar_status caviar_write_file(const char *path, const void *data, size_t size) {
    CAVIAR_REQUIRE(path && *path && (data || size == 0), "write_file: %s",
                   path && *path ? "data is NULL" : "path is empty");
    const caviar_piece piece = { data, size };
    return caviar_file_replace(path, &piece, 1);
}
