/*
 * The fuzzing targets: each writes its input as a file in memory, has the library read it and, where it was read, uses
 * what came of it. What must not be ends the process. tests/fuzz/libfuzzer.c makes a libFuzzer program of one;
 * tests/fuzz/hostile.c runs all of them over the corpus and over damaged copies of it.
 */
#ifndef CAVIAR_TESTS_FUZZ_H
#define CAVIAR_TESTS_FUZZ_H

#include <caviar/caviar.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* X(NAME): fuzz_NAME is the target, corpus/NAME its inputs. */
#define FUZZ_TARGETS(X) X(csv) X(idx) X(npy) X(npz) X(model) X(space)

/* Returns 1 if the library read the input, 0 if it refused it. */
#define FUZZ_DECLARE(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(FUZZ_DECLARE)
#undef FUZZ_DECLARE

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (condition) break;                                                                                          \
        fprintf(stderr, "%s:%d: %s does not hold; last error: %s\n", __FILE__, __LINE__, #condition,                   \
                caviar_last_error());                                                                                  \
        abort();                                                                                                       \
    } while (0)

/* A file without a name that lives in memory, and a path under which the library can open it. */
typedef struct fuzz_file {
    int descriptor;
    char path[48];
} fuzz_file;

fuzz_file fuzz_file_open(const void *data, size_t size);
void fuzz_file_close(fuzz_file *file);

/* Where what is saved goes; a name that only this process uses, removed when it ends. */
const char *fuzz_saved_path(void);
/* The content of a file, malloc'ed. */
char *fuzz_read(size_t *size, const char *path);

/* The CPU device with one thread, opened once. */
caviar_device *fuzz_device(void);

/* That a refusal is one of a bad file and begins with one of the paths (b may be NULL). */
void fuzz_check_refusal(caviar_status status, const char *a, const char *b);
/* Reads, splits, trains on and gives back a dataset. */
void fuzz_use_dataset(caviar_dataset *dataset);

/* Two files in one input: four bytes, the size of the first, little-endian; the first; the second. */
typedef struct fuzz_pair {
    const uint8_t *first, *second;
    size_t first_size, second_size;
} fuzz_pair;
fuzz_pair fuzz_split(const uint8_t *data, size_t size);

/* What an output handle holds before a call: a refusal must leave it. */
#define FUZZ_UNTOUCHED ((void *)(uintptr_t)16)

#endif
