/* Whether labels look like the classes of a classification. */
#ifndef CAVIAR_HOST_LABELS_H
#define CAVIAR_HOST_LABELS_H

#include "table.h"

/*
 * Refuses, unless table->accept_unlikely or as_expected, what can hardly be meant as classes: numbers with decimals of
 * which there are more than 20 and more than the root of the rows, and any labels of which there are more than 20 and
 * more than half as many as rows (numbers: a third). Adds a note for classes of a single example. `source` begins a
 * failure of `status`.
 */
caviar_status caviar_labels_check(caviar_table *table, caviar_status status, const char *source);

/*
 * Makes one class of those whose names are the same number, such as "1", "1.0" and "01", under its shortest name; the
 * order of classes stays. Numbers are compared as caviar_names_match does.
 */
caviar_status caviar_labels_unite(caviar_table *table);

#endif
