/*
 * Runs every target over every file of its corpus, and over that file cut off after every byte and with every bit
 * flipped in turn. A fault ends the process by the sanitizers, a hang by CTest's time limit, an absurd allocation by
 * the limit that is set here.
 */
#include "fuzz.h"
#include "scorecard.h"

#include <dirent.h>
#include <sys/resource.h>

typedef int (*target)(const uint8_t *data, size_t size);

/* Files longer than this are run whole only. */
enum { LARGEST_DAMAGED = 4096 };

static long tried, loaded, refused;
static const char *current = "";

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
        current = path;
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

int main(void) {
    int files = 0;
#define RUN(name)                                                                                                      \
    files = run_corpus(fuzz_##name, #name);                                                                            \
    MUST(files > 0);
    FUZZ_TARGETS(RUN)
    caviar_device_close(fuzz_device());
    printf("%ld files tried: %ld read, %ld refused\n", tried, loaded, refused);
    MUST(loaded > 0 && refused > 0);
    scorecard("hostile-files", (double)tried);
    return 0;
}
