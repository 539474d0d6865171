/* Choosing where results go. */
#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_make(char folder[FOLDER_SIZE]) {
    /* mkdir finds that a name is free and takes it in one: two searches begun at once get two folders. */
    int number = 0;
    do snprintf(folder, FOLDER_SIZE, "caviar-%d", ++number);
    while (mkdir(folder, 0777) != 0 && errno == EEXIST);
    return access(folder, W_OK);
}

void folder_free_file(char path[FOLDER_SIZE]) {
    int number = 0;
    do snprintf(path, FOLDER_SIZE, "model-%d.safetensors", ++number);
    while (access(path, F_OK) == 0);
}
