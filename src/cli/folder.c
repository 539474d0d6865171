/* Choosing where results go. */
#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_make(char folder[FOLDER_SIZE]) {
    /* mkdir finds that a name is free and takes it in one: two searches begun at once get two folders. */
    for (int number = 1;; number++) {
        snprintf(folder, FOLDER_SIZE, "caviar-%d", number);
        if (mkdir(folder, 0777) == 0) return access(folder, W_OK);
        if (errno != EEXIST) return -1;
    }
}

void folder_free_file(char path[FOLDER_SIZE]) {
    int number = 0;
    do snprintf(path, FOLDER_SIZE, "model-%d.safetensors", ++number);
    while (access(path, F_OK) == 0);
}

int folder_check_file(const char *path) {
    const char *slash = strrchr(path, '/');
    struct stat is;
    char folder[4096] = ".";
    if (slash && (size_t)(slash - path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash) snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (stat(path, &is) == 0 && S_ISDIR(is.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    return access(folder, W_OK | X_OK);
}
