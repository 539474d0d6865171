/*
 * Runs every target over every file of its corpus, and over that file cut off after every byte and with every bit
 * flipped in turn. A fault ends the process by the sanitizers, a hang by CTest's time limit, an absurd allocation by
 * the limit that is set here (in a build without AddressSanitizer).
 */
#include "fuzz.h"
#include "scorecard.h"

#include <dirent.h>
#include <sys/resource.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

typedef int (*target)(const uint8_t *data, size_t size);

/* Files longer than this are run whole only. */
enum { LARGEST_DAMAGED = 4096 };

static long tried, loaded, refused;

/* The target gets a copy of just this size, so that AddressSanitizer sees a read beyond it. */
static void run(target one, const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    MUST(copy);
    memcpy(copy, data, size);
    const int read = one(copy, size);
    free(copy);
    tried++;
    loaded += read;
    refused += !read;
}

static void run_damaged(target one, uint8_t *data, size_t size) {
    for (size_t cut = 0; cut < size; cut++) run(one, data, cut);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        run(one, data, size);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* Returns the number of the files. Those named valid-* must be read. */
static int run_corpus(target one, const char *name) {
    char folder[512], path[1024];
    snprintf(folder, sizeof folder, "%s/%s", CAVIAR_FUZZ_CORPUS, name);
    DIR *listing = opendir(folder);
    MUST(listing);
    int files = 0;
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        fprintf(stderr, "%s/%s\n", name, entry->d_name);
        size_t size = 0;
        uint8_t *data = (uint8_t *)fuzz_read(&size, path);
        const long before = loaded;
        run(one, data, size);
        if (strncmp(entry->d_name, "valid-", 6) == 0) {
            MUST(loaded == before + 1);
            if (size <= LARGEST_DAMAGED) run_damaged(one, data, size);
        }
        free(data);
        files++;
    }
    closedir(listing);
    return files;
}

/* An absurd allocation fails, and so the file is refused with another status than that of a bad file. */
static void limit_memory(void) {
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes of addresses for itself */
    const struct rlimit limit = { (rlim_t)2 << 30, (rlim_t)2 << 30 };
    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
#endif
}

int main(void) {
    limit_memory();
    int files = 0;
#define RUN(name)                                                                                                      \
    files = run_corpus(fuzz_##name, #name);                                                                            \
    MUST(files > 0);
    FUZZ_TARGETS(RUN)
    caviar_device_close(fuzz_device());
    printf("%ld files tried: %ld read, %ld refused\n", tried, loaded, refused);
    MUST(loaded > 0 && refused > 0);
#ifdef __SANITIZE_ADDRESS__
    MUST(__lsan_do_recoverable_leak_check() == 0); /* before the figure, not when the process ends */
#endif
    scorecard("hostile-files", (double)tried);
    return 0;
}
