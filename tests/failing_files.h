/*
 * File operations that fail, for tests of it: the functions below take the C library's place in this program, also for
 * zlib, which reads for itself.
 */
#ifndef CAVIAR_TESTS_FAILING_FILES_H
#define CAVIAR_TESTS_FAILING_FILES_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int armed, error_to_give, with_short_writes;
static int64_t operations, failing; /* the number of the operation that fails, from 0 */
static const char *failed_name = "nothing";

/* zlib, a shared library, must find them too. */
#define SEEN __attribute__((visibility("default")))

static inline int fails(const char *name) {
    if (!armed || operations++ != failing) return 0;
    failed_name = name;
    errno = error_to_give;
    return 1;
}

SEEN int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    return fails(flags & O_DIRECTORY ? "open of a folder" : "open")
               ? -1
               : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

SEEN ssize_t read(int descriptor, void *to, size_t size) {
    return fails("read") ? -1 : syscall(SYS_read, descriptor, to, size);
}

/* A write may take less than it is given, and then nothing is wrong. */
SEEN ssize_t write(int descriptor, const void *from, size_t size) {
    if (fails("write")) return -1;
    return syscall(SYS_write, descriptor, from, armed && with_short_writes && size > 7 ? 7 : size);
}

/* What does not fail is not synchronised either: the files need not last, and it would take most of the time. */
SEEN int fsync(int descriptor) {
    struct stat about;
    const int is_folder = fstat(descriptor, &about) == 0 && S_ISDIR(about.st_mode);
    return fails(is_folder ? "fsync of a folder" : "fsync") ? -1 : 0;
}

/* The descriptor is gone also when close fails. */
SEEN int close(int descriptor) {
    const int writes = (fcntl(descriptor, F_GETFL) & O_ACCMODE) != O_RDONLY;
    const int failed = fails(writes ? "close" : "close after reading"), closed = (int)syscall(SYS_close, descriptor);
    if (failed) errno = error_to_give;
    return failed ? -1 : closed;
}

SEEN int rename(const char *from, const char *to) {
    return fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

SEEN int mkdir(const char *path, mode_t mode) {
    return fails("mkdir") ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* How many files of this process are open. */
static inline int open_files(void) {
    DIR *entries = opendir("/proc/self/fd");
    int count = 0;
    cr_assert(entries);
    while (readdir(entries)) count++;
    closedir(entries);
    return count;
}

/* No temporary file is left in the folder at `path`. */
static inline void expect_no_temporary(const char *path, const char *what) {
    DIR *entries = opendir(path);
    if (!entries) return;
    for (struct dirent *entry; (entry = readdir(entries));)
        cr_assert(!strstr(entry->d_name, ".tmp") && !strstr(entry->d_name, ".partial"), "%s, %s fails: %s is left",
                  what, failed_name, entry->d_name);
    closedir(entries);
}

#endif
