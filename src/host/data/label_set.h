/* The distinct texts of a label column, numbered as they appear and sorted into classes at the end. */
#ifndef CAVIAR_HOST_LABEL_SET_H
#define CAVIAR_HOST_LABEL_SET_H

#include <caviar/caviar.h>

typedef struct caviar_label_set {
    char **texts;    /* [count], by number */
    int32_t *sorted; /* [count], numbers in the order of their texts */
    int32_t count, capacity;
    int32_t latest; /* the number found last: neighbours often have the same label */
} caviar_label_set;

/* The number of a text, which is added if it is new; CAVIAR_NOT_FOUND (without a message) if there is no room for it.
 */
caviar_status caviar_label_set_find(int32_t *number, caviar_label_set *set, const char *text);

/*
 * Sorts the texts, as numbers if all are whole numbers, into classes: class_of [count] by number, and the names of the
 * classes in one block (names.h). The caller frees both.
 */
caviar_status caviar_label_set_sort(int32_t **class_of, char ***names, const caviar_label_set *set);

void caviar_label_set_destroy(caviar_label_set *set);

#endif
