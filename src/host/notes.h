/* Sentences for people that are no errors: what was left out, filled in or looks unlikely. */
#ifndef CAVIAR_HOST_NOTES_H
#define CAVIAR_HOST_NOTES_H

#include <caviar/caviar.h>

/* Zeroed: none. */
typedef struct caviar_notes {
    char **texts; /* [count] */
    int32_t count, capacity;
} caviar_notes;

/* Adds a sentence, printf-like, without the program's name before it or a line's end behind it. */
caviar_status caviar_notes_add(caviar_notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Moves all of `from` to the end of `notes`. */
caviar_status caviar_notes_move(caviar_notes *notes, caviar_notes *from);

void caviar_notes_destroy(caviar_notes *notes);

#endif
