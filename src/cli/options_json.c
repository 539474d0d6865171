/* Options as JSON, for records of what was asked for. */
#include "json.h"
#include "options.h"

#include <string.h>

static int is_among(const char *name, const char *words) {
    const size_t length = strlen(name);
    for (const char *word = words; *word; word += strcspn(word, " "), word += strspn(word, " "))
        if (strcspn(word, " ") == length && strncmp(word, name, length) == 0) return 1;
    return 0;
}

static json_t *texts_to_json(const option_texts *texts) {
    json_t *array = json_array();
    for (int i = 0; array && i < texts->count; i++)
        if (json_array_append_new(array, json_of_text(texts->items[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* Word `index` of several with a space between; null for -1, where none was chosen. */
static json_t *choice_to_json(const char *choices, int index) {
    if (index < 0) return json_null();
    for (; index > 0; index--) choices += strcspn(choices, " ") + 1;
    return json_stringn(choices, strcspn(choices, " "));
}

static json_t *value_to_json(const command_option *option) {
    switch (option->kind) {
    case OPTION_FLAG: return json_boolean(*option->to.flag);
    case OPTION_TEXT: return *option->to.text ? json_of_text(*option->to.text) : json_null();
    case OPTION_TEXTS: return texts_to_json(option->to.texts);
    case OPTION_WHOLE: return json_integer(*option->to.whole);
    case OPTION_SEED: return json_of_seed(*option->to.seed);
    case OPTION_PART:
        return option->to.part->source ? json_of_text(option->to.part->source)
                                       : json_of_real(option->to.part->fraction);
    case OPTION_REAL: return json_of_real(*option->to.real);
    case OPTION_CHOICE: return choice_to_json(option->choices, *option->to.choice);
    default: return json_null();
    }
}

json_t *options_to_json(const command_option *table, int count, const char *left_out) {
    json_t *object = json_object();
    for (int i = 0; object && i < count; i++) {
        if (table[i].kind == OPTION_HEADING || is_among(table[i].name, left_out)) continue;
        if (json_object_set_new(object, table[i].name, value_to_json(&table[i])) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}
