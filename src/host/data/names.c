/* Names in one block of memory, and names found among others. */
#include "names.h"

#include "host/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **allocate(int64_t count, size_t text_bytes) {
    return malloc((size_t)count * sizeof(char *) + text_bytes);
}

char **caviar_names_copy(char *const *names, int64_t count) {
    size_t bytes = 0;
    for (int64_t i = 0; i < count; i++) bytes += strlen(names[i]) + 1;
    char **copy = allocate(count, bytes);
    if (!copy) return NULL;
    char *to = (char *)(copy + count);
    for (int64_t i = 0; i < count; i++) {
        const size_t size = strlen(names[i]) + 1;
        copy[i] = memcpy(to, names[i], size);
        to += size;
    }
    return copy;
}

char **caviar_names_decimal(int64_t count) {
    enum { LONGEST = 21 }; /* of a 64-bit number and its ending zero */
    char **names = allocate(count, (size_t)count * LONGEST);
    if (!names) return NULL;
    char *to = (char *)(names + count);
    for (int64_t i = 0; i < count; i++) {
        names[i] = to;
        to += snprintf(to, LONGEST, "%lld", (long long)i) + 1;
    }
    return names;
}

/* Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF. */
int caviar_is_utf8(const char *text, size_t length) {
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    while (at < end) {
        const unsigned char first = *at++;
        if (first < 0x80) continue;
        if (first < 0xc2 || first > 0xf4) return 0;
        const int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (end - at < more) return 0;
        if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at > 0x9f)) return 0;
        if ((first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at > 0x8f)) return 0;
        for (int i = 0; i < more; i++) {
            if ((*at++ & 0xc0) != 0x80) return 0;
        }
    }
    return 1;
}

/* ------------------------------------------------------------------------------------------------------------ matching
 */

int caviar_names_number(char number[CAVIAR_NUMBER_SIZE], const char *name) {
    double value;
    if (!caviar_number_parse(&value, name) || fabs(value) > 0x1p53) return 0;
    caviar_number_format(number, value == 0 ? 0 : value); /* -0 is 0 */
    return 1;
}

/* A name, and where it was. */
typedef struct key {
    const char *name;
    int64_t index;
    char number[CAVIAR_NUMBER_SIZE]; /* the canonical text of a number; "" where it is none or is compared as text */
} key;

static void make_key(key *k, const char *name, int64_t index, caviar_names_kind kind) {
    k->name = name;
    k->index = index;
    k->number[0] = 0;
    if (kind == CAVIAR_NAMES_CLASSES && !caviar_names_number(k->number, name)) k->number[0] = 0;
}

static int compare_texts(const key *a, const key *b) {
    return strcmp(*a->number ? a->number : a->name, *b->number ? b->number : b->name);
}

static int compare_keys(const void *left, const void *right) {
    const key *a = left, *b = right;
    const int order = compare_texts(a, b);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static void sort_keys(key *keys, const char *const *names, int64_t count, caviar_names_kind kind) {
    for (int64_t i = 0; i < count; i++) make_key(&keys[i], names[i], i, kind);
    qsort(keys, (size_t)count, sizeof *keys, compare_keys);
}

/* Both are sorted. */
static void match_keys(int64_t *match, const key *keys, int64_t count, const key *among, int64_t among_count,
                       caviar_names_kind kind) {
    for (int64_t i = 0, k = 0; i < count; i++) {
        while (k < among_count && compare_texts(&among[k], &keys[i]) < 0) k++;
        const int found = k < among_count && compare_texts(&among[k], &keys[i]) == 0;
        match[keys[i].index] = found ? among[k].index : -1;
        if (found && kind == CAVIAR_NAMES_COLUMNS) k++;
    }
}

caviar_status caviar_names_match(int64_t *match, const char *const *names, int64_t count, const char *const *among,
                                 int64_t among_count, caviar_names_kind kind) {
    const size_t keys = (size_t)(count + among_count) + 1;
    key *both = malloc(keys * sizeof *both);
    if (!both) return caviar_fail_memory("names", keys * sizeof *both);
    sort_keys(both, names, count, kind);
    sort_keys(both + count, among, among_count, kind);
    match_keys(match, both, count, both + count, among_count, kind);
    free(both);
    return CAVIAR_OK;
}
