#include "text.h"

#include "status.h"

#include <stdlib.h>

caviar_status caviar_text_open(caviar_text *text) {
    *text = (caviar_text){ NULL, NULL, 0 };
    text->file = open_memstream(&text->content, &text->size);
    return text->file ? CAVIAR_OK : caviar_fail_memory("text", BUFSIZ);
}

caviar_status caviar_text_close(char **content, caviar_text *text) {
    const int failed = ferror(text->file);
    if (fclose(text->file) != 0 || failed) {
        free(text->content);
        return caviar_fail_memory("text", text->size);
    }
    *content = text->content;
    return CAVIAR_OK;
}
