#include "labels.h"

#include "host/status.h"
#include "names.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_CLASSES = 20 };

static int have_decimals(const caviar_table *table) {
    if (!table->labels_are_numbers) return 0;
    for (int64_t c = 0; c < table->classes; c++)
        if (strpbrk(table->class_names[c], ".eE")) return 1;
    return 0;
}

static const char *label_name(const caviar_table *table) {
    return table->label_name ? table->label_name : "the label";
}

static caviar_status refuse_continuous(const caviar_table *table, caviar_status status, const char *source) {
    const int64_t classes = table->classes, rows = table->rows;
    if (classes <= FEW_CLASSES || !have_decimals(table) || classes * classes <= rows) return CAVIAR_OK;
    return caviar_fail(status,
                       "%s: %s has %lld different numbers with decimals in %lld examples: this looks like a regression "
                       "target, and caviar learns classes. Name another label, cut it into classes, or say that it is "
                       "meant (--as-is, option accept_unlikely)",
                       source, label_name(table), (long long)classes, (long long)rows);
}

static caviar_status refuse_too_many(const caviar_table *table, caviar_status status, const char *source) {
    const int64_t classes = table->classes, rows = table->rows, most = rows / (table->labels_are_numbers ? 3 : 2);
    if (classes <= FEW_CLASSES || classes <= most) return CAVIAR_OK;
    return caviar_fail(status,
                       "%s: %s has %lld different values in %lld examples: this looks like %s, not like classes. Name "
                       "another label, or say that it is meant (--as-is, option accept_unlikely)",
                       source, label_name(table), (long long)classes, (long long)rows,
                       table->labels_are_numbers ? "a number of each example or a regression target"
                                                 : "a name of each example");
}

static caviar_status note_single_examples(caviar_table *table, const char *source) {
    int64_t *count = calloc((size_t)table->classes, sizeof *count);
    if (!count) return caviar_fail_memory("classes", (size_t)table->classes * sizeof *count);
    int64_t single = 0, first = 0;
    for (int64_t i = 0; i < table->rows; i++) count[table->labels[i]]++;
    for (int64_t c = table->classes - 1; c >= 0; c--)
        if (count[c] == 1) single++, first = c;
    free(count);
    if (single == 0) return CAVIAR_OK;
    const char *name = table->class_names[first];
    if (single == 1)
        return caviar_notes_add(&table->notes, "%s: class \"%s\" has a single example: is it a class?", source, name);
    return caviar_notes_add(&table->notes, "%s: %lld classes have a single example each, \"%s\" among them", source,
                            (long long)single, name);
}

caviar_status caviar_labels_check(caviar_table *table, caviar_status status, const char *source) {
    if (table->as_expected) return CAVIAR_OK; /* few examples of many classes are no fault of what is only predicted */
    if (!table->labels || !table->class_names) return CAVIAR_OK; /* numbers of a program's own: it knows its classes */
    if (!table->accept_unlikely) {
        CAVIAR_TRY(refuse_continuous(table, status, source));
        CAVIAR_TRY(refuse_too_many(table, status, source));
    }
    return note_single_examples(table, source);
}

/* ------------------------------------------------------------------------------------------------------------- uniting
 */

/* The canonical text of each class, "" where its name stays. */
typedef char number_text[CAVIAR_NUMBER_SIZE];

/* Renames what is a number, and moves the names that are left together; `class_of` gets the new class of each. */
static caviar_status rename_classes(caviar_table *table, int32_t *class_of, const int64_t *match) {
    const size_t count = (size_t)table->classes;
    number_text *numbers = malloc(count * sizeof *numbers);
    char **names = malloc(count * sizeof *names), **copy = NULL;
    int64_t classes = 0;
    int all_numbers = 1;
    for (int64_t c = 0; c < table->classes && numbers && names; c++) {
        class_of[c] = (int32_t)classes;
        if (match[c] < c) {
            class_of[c] = class_of[match[c]];
            continue;
        }
        const int is_number = caviar_names_number(numbers[c], table->class_names[c]);
        all_numbers = all_numbers && is_number;
        names[classes++] = is_number ? numbers[c] : table->class_names[c];
    }
    if (numbers && names) copy = caviar_names_copy(names, classes);
    free(numbers);
    free(names);
    if (!copy) return caviar_fail_memory("the names of classes", count * sizeof(number_text));
    free(table->class_names);
    table->class_names = copy;
    table->classes = classes;
    table->labels_are_numbers = all_numbers;
    for (int64_t i = 0; i < table->rows; i++) table->labels[i] = class_of[table->labels[i]];
    return CAVIAR_OK;
}

caviar_status caviar_labels_unite(caviar_table *table) {
    if (!table->labels || !table->class_names) return CAVIAR_OK;
    const size_t bytes = (size_t)table->classes * sizeof(int64_t);
    int64_t *match = malloc(bytes);
    int32_t *class_of = malloc(bytes);
    const char *const *names = (const char *const *)table->class_names;
    caviar_status status = match && class_of ? CAVIAR_OK : caviar_fail_memory("classes", 2 * bytes);
    if (status == CAVIAR_OK)
        status = caviar_names_match(match, names, table->classes, names, table->classes, CAVIAR_NAMES_CLASSES);
    if (status == CAVIAR_OK) status = rename_classes(table, class_of, match);
    free(match);
    free(class_of);
    return status;
}
