/* Choosing where results go. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int folder_make(char folder[FOLDER_SIZE]) {
    /* mkdir finds that a name is free and takes it in one: two searches begun at once get two folders. */
    for (int number = 1;; number++) {
        snprintf(folder, FOLDER_SIZE, "caviar-%d", number);
        if (mkdir(folder, 0777) == 0) return access(folder, W_OK);
        if (errno != EEXIST) return -1;
    }
}

int folder_take_file(char path[FOLDER_SIZE]) {
    /* An empty file holds the name until the network takes its place: eight trainings end with eight files. */
    for (int number = 1;; number++) {
        snprintf(path, FOLDER_SIZE, "model-%d.safetensors", number);
        const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 && close(descriptor) == 0) return 0;
        if (descriptor >= 0) {
            unlink(path);
            return -1;
        }
        if (errno != EEXIST) return -1;
    }
}

/* So long a name as the library writes beside it before it takes the file's place. */
static int is_too_long(const char *path) {
    const char *slash = strrchr(path, '/');
    return strlen(slash ? slash + 1 : path) + strlen(".12345678.tmp") > NAME_MAX;
}

/* A sticky folder lets only a file's owner replace it; and some room is needed for any result. */
static int check_room(const char *folder, const struct stat *old, uint64_t bytes) {
    struct stat about;
    struct statvfs system;
    if (stat(folder, &about) != 0) return -1;
    if (old && (about.st_mode & S_ISVTX) && geteuid() != 0 && geteuid() != old->st_uid && geteuid() != about.st_uid) {
        errno = EPERM;
        return -1;
    }
    if (statvfs(folder, &system) == 0 && system.f_blocks > 0 &&
        (uint64_t)system.f_bavail * system.f_frsize < (bytes > 0 ? bytes : 1)) {
        errno = ENOSPC;
        return -1;
    }
    return 0;
}

int folder_check_file(const char *path, uint64_t bytes) {
    const char *slash = strrchr(path, '/');
    struct stat is;
    char folder[4096] = ".";
    if (slash && (size_t)(slash - path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash) snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (is_too_long(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const int exists = stat(path, &is) == 0;
    if (exists && S_ISDIR(is.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (exists && !S_ISREG(is.st_mode)) return access(path, W_OK); /* a device or a pipe is written to */
    if (access(folder, W_OK | X_OK) != 0) return -1;
    return check_room(folder, exists ? &is : NULL, bytes);
}

int folder_same_file(const char *a, const char *b) {
    struct stat one, other;
    return a && b && stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino && S_ISREG(one.st_mode);
}

int folder_take_name(const char *path) {
    struct stat about;
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return close(descriptor);
    if (errno != EEXIST) return -1;
    /* A device or a pipe is nobody's to take, and of a link to nothing the writer speaks. */
    if (stat(path, &about) != 0) return errno == ENOENT ? 0 : -1;
    if (!S_ISREG(about.st_mode)) return 0;
    errno = EEXIST;
    return -1;
}
