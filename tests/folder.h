/* A temporary folder for one test, files in it, and what every loader must do with damaged files. */
#ifndef CAVIAR_TESTS_FOLDER_H
#define CAVIAR_TESTS_FOLDER_H

#include <caviar/caviar.h>

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static char folder[64];

/* TestSuite(name, .init = make_folder, .fini = remove_folder) */
static inline void make_folder(void) {
    strcpy(folder, "/tmp/caviar-test-XXXXXX");
    cr_assert(mkdtemp(folder), "cannot make a temporary folder");
}

static inline int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void remove_folder(void) {
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the folder; good until 63 more have been asked for. */
static inline const char *in_folder(const char *name) {
    static char paths[64][192];
    static int next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline const char *write_file(const char *name, const void *data, size_t size) {
    const char *path = in_folder(name);
    remove(path); /* A new file is thousands of times faster than one overwritten, which some file systems flush. */
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "cannot write %s", path);
    return path;
}

static inline const char *write_text(const char *name, const char *text) {
    return write_file(name, text, strlen(text));
}

static inline const char *write_gzip(const char *name, const void *data, size_t size) {
    const char *path = in_folder(name);
    gzFile file = gzopen(path, "wb");
    cr_assert(file && gzwrite(file, data, (unsigned)size) == (int)size && gzclose(file) == Z_OK);
    return path;
}

/* The content of a file, malloc'ed. */
static inline unsigned char *read_file(size_t *size, const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert(file, "cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(*size + 1);
    cr_assert(data && fread(data, 1, *size, file) == *size);
    fclose(file);
    return data;
}

#ifdef CAVIAR_TEST_DATA
/* A copy of a valid file of the fuzzing corpus in the folder. */
static inline const char *write_sample(const char *name, const char *sample) {
    char path[512];
    size_t size;
    snprintf(path, sizeof path, CAVIAR_TEST_DATA "/../fuzz/corpus/%s", sample);
    unsigned char *data = read_file(&size, path);
    const char *written = write_file(name, data, size);
    free(data);
    return written;
}
#endif

/* That a call fails with this status and says this. */
#define REFUSES(expression, expected, fragment)                                                                        \
    do {                                                                                                               \
        const caviar_status refused = (expression);                                                                    \
        cr_expect(refused == (expected), "%s: status %d, expected %d", #expression, (int)refused, (int)(expected));    \
        cr_expect(strstr(caviar_last_error(), fragment), "%s: says \"%s\", expected \"%s\"", #expression,              \
                  caviar_last_error(), fragment);                                                                      \
    } while (0)

#define SUCCEEDS(expression)                                                                                           \
    do {                                                                                                               \
        const caviar_status succeeded = (expression);                                                                  \
        cr_assert(succeeded == CAVIAR_OK, "%s: %s", #expression, caviar_last_error());                                 \
    } while (0)

/* A dataset that was loaded is one that can be used. */
static inline void check_usable(caviar_dataset *dataset) {
    caviar_dataset_info info;
    SUCCEEDS(caviar_dataset_get_info(&info, dataset));
    cr_assert(info.examples >= 1 && info.features >= 1 && (info.classes == 0 || info.classes >= 2));
    int32_t *labels = malloc((size_t)info.examples * sizeof *labels);
    float *features = malloc((size_t)(info.examples * info.features) * sizeof *features);
    cr_assert(labels && features);
    SUCCEEDS(caviar_dataset_read(features, info.classes ? labels : NULL, dataset, 0, info.examples));
    for (int64_t i = 0; i < info.examples * info.features; i++) cr_assert(features[i] - features[i] == 0);
    for (int64_t i = 0; i < info.examples && info.classes; i++) cr_assert(labels[i] >= 0 && labels[i] < info.classes);
    free(labels);
    free(features);
}

typedef struct damage_count {
    int loaded, refused;
} damage_count;

/*
 * Writes `data` cut off after every byte (`cut`), or with every bit flipped in turn, as the file `name`, and calls
 * `load` with its path. Whatever is refused must be refused with a message that begins with the path.
 */
static inline damage_count damage(const char *name, const unsigned char *data, size_t size, int cut,
                                  caviar_status (*load)(const char *path)) {
    damage_count count = { 0, 0 };
    unsigned char *copy = malloc(size + 1);
    const size_t cases = cut ? size : 8 * size;
    for (size_t i = 0; i < cases; i++) {
        memcpy(copy, data, size);
        if (!cut) copy[i / 8] ^= (unsigned char)(1 << i % 8);
        const char *path = write_file(name, copy, cut ? i : size);
        const caviar_status status = load(path);
        count.loaded += status == CAVIAR_OK;
        count.refused += status != CAVIAR_OK;
        if (status == CAVIAR_OK) continue;
        cr_assert(status == CAVIAR_BAD_FILE, "%s %zu: status %d: %s", cut ? "cut at byte" : "flipped bit", i,
                  (int)status, caviar_last_error());
        cr_assert(strncmp(caviar_last_error(), path, strlen(path)) == 0, "%s %zu: %s", cut ? "cut at byte" : "bit", i,
                  caviar_last_error());
    }
    free(copy);
    return count;
}

#endif
