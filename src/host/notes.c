#include "notes.h"

#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static caviar_status reserve(caviar_notes *notes, int32_t more) {
    if (notes->count + more <= notes->capacity) return CAVIAR_OK;
    const int32_t capacity = 2 * notes->capacity + more;
    char **texts = realloc(notes->texts, (size_t)capacity * sizeof *texts);
    if (!texts) return caviar_fail_memory("notes", (size_t)capacity * sizeof *texts);
    notes->texts = texts;
    notes->capacity = capacity;
    return CAVIAR_OK;
}

caviar_status caviar_notes_add(caviar_notes *notes, const char *format, ...) {
    CAVIAR_TRY(reserve(notes, 1));
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) return caviar_fail_memory("a note", 1024);
    caviar_disarm(text);
    notes->texts[notes->count++] = text;
    return CAVIAR_OK;
}

caviar_status caviar_notes_move(caviar_notes *notes, caviar_notes *from) {
    CAVIAR_TRY(reserve(notes, from->count));
    for (int32_t i = 0; i < from->count; i++) notes->texts[notes->count++] = from->texts[i];
    from->count = 0;
    return CAVIAR_OK;
}

void caviar_notes_destroy(caviar_notes *notes) {
    for (int32_t i = 0; i < notes->count; i++) free(notes->texts[i]);
    free(notes->texts);
    *notes = (caviar_notes){ NULL, 0, 0 };
}
