/* Finds the name that a misspelt word was meant to be, by the edit distance (Levenshtein 1966). */
#include "nearest.h"

#include <string.h>

enum { LONGEST = 63 };

/* Insertions, deletions and replacements that turn a into b; both have at most LONGEST characters. */
static int edit_distance(const char *a, const char *b) {
    int row[LONGEST + 1];
    const int width = (int)strlen(b);
    for (int j = 0; j <= width; ++j) row[j] = j;
    for (int i = 1; a[i - 1] != '\0'; ++i) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= width; ++j) {
            const int replaced = diagonal + (a[i - 1] != b[j - 1]);
            const int shorter = row[j - 1] < row[j] ? row[j - 1] : row[j];
            diagonal = row[j];
            row[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[width];
}

const char *caviar_nearest_name(const char *text, const char *const *names, int count) {
    const int length = (int)strnlen(text, LONGEST + 1);
    if (length > LONGEST) return NULL;
    const char *nearest = NULL;
    int least = length / 2 + 1; /* half of the word may be wrong, no more */
    for (int i = 0; i < count; ++i) {
        const int distance = edit_distance(text, names[i]);
        if (distance < least) least = distance, nearest = names[i];
    }
    return nearest;
}
