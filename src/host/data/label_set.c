/* Distinct labels of a text column. */
#include "label_set.h"

#include "dataset.h"
#include "host/status.h"
#include "names.h"

#include <stdlib.h>
#include <string.h>

static caviar_status grow(caviar_label_set *set) {
    const int32_t capacity = set->capacity ? 2 * set->capacity : 16;
    char **texts = realloc(set->texts, (size_t)capacity * sizeof *texts);
    if (texts) set->texts = texts;
    int32_t *sorted = realloc(set->sorted, (size_t)capacity * sizeof *sorted);
    if (sorted) set->sorted = sorted;
    if (!texts || !sorted) return caviar_fail_memory("labels", (size_t)capacity * (sizeof *texts + sizeof *sorted));
    set->capacity = capacity;
    return CAVIAR_OK;
}

static caviar_status add(caviar_label_set *set, int32_t place, const char *text) {
    if (set->count == CAVIAR_MAX_CLASSES) return CAVIAR_NOT_FOUND;
    if (set->count == set->capacity) CAVIAR_TRY(grow(set));
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (!copy) return caviar_fail_memory("a label", size);
    set->texts[set->count] = memcpy(copy, text, size);
    memmove(set->sorted + place + 1, set->sorted + place, (size_t)(set->count - place) * sizeof *set->sorted);
    set->sorted[place] = set->count++;
    return CAVIAR_OK;
}

caviar_status caviar_label_set_find(int32_t *number, caviar_label_set *set, const char *text) {
    if (set->latest < set->count && strcmp(set->texts[set->latest], text) == 0) {
        *number = set->latest;
        return CAVIAR_OK;
    }
    int32_t low = 0, high = set->count; /* the first place whose text is not before `text` lies in low .. high */
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (strcmp(set->texts[set->sorted[middle]], text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == set->count || strcmp(set->texts[set->sorted[low]], text) != 0) CAVIAR_TRY(add(set, low, text));
    *number = set->latest = set->sorted[low];
    return CAVIAR_OK;
}

typedef struct entry {
    long long value;
    const char *text;
    int32_t number;
} entry;

/* A sign, up to 18 digits, and possibly a point and zeros, as in "3" and "3.0". */
static int is_whole_number(long long *value, const char *text) {
    const char *digits = text + (*text == '-' || *text == '+');
    const size_t length = strspn(digits, "0123456789");
    const char *rest = digits + length;
    if (length == 0 || length > 18 || (*rest && *rest != '.')) return 0;
    if (*rest && rest[1 + strspn(rest + 1, "0")]) return 0;
    *value = strtoll(text, NULL, 10);
    return 1;
}

/* By value, then by text; all values are 0 unless all texts are numbers. */
static int compare(const void *left, const void *right) {
    const entry *a = left, *b = right;
    if (a->value != b->value) return a->value < b->value ? -1 : 1;
    return strcmp(a->text, b->text);
}

static void sort_entries(entry *entries, const caviar_label_set *set) {
    int whole = 1;
    for (int32_t i = 0; i < set->count; i++) {
        entries[i] = (entry){ 0, set->texts[i], i };
        whole = whole && is_whole_number(&entries[i].value, set->texts[i]);
    }
    for (int32_t i = 0; i < set->count && !whole; i++) entries[i].value = 0;
    qsort(entries, (size_t)set->count, sizeof *entries, compare);
}

caviar_status caviar_label_set_sort(int32_t **class_of, char ***names, const caviar_label_set *set) {
    const size_t count = (size_t)set->count;
    entry *entries = malloc(count * sizeof *entries);
    char **texts = malloc(count * sizeof *texts), **own = NULL;
    int32_t *classes = malloc(count * sizeof *classes);
    if (entries && texts && classes) {
        sort_entries(entries, set);
        for (size_t i = 0; i < count; i++) {
            texts[i] = set->texts[entries[i].number];
            classes[entries[i].number] = (int32_t)i;
        }
        own = caviar_names_copy(texts, set->count);
    }
    free(entries);
    free(texts);
    if (!own) {
        free(classes);
        return caviar_fail_memory("the names of classes", count * (sizeof *entries + sizeof *texts));
    }
    *class_of = classes;
    *names = own;
    return CAVIAR_OK;
}

void caviar_label_set_destroy(caviar_label_set *set) {
    for (int32_t i = 0; i < set->count; i++) free(set->texts[i]);
    free(set->texts);
    free(set->sorted);
}
