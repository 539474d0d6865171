/* From the cells of a table to the features of a dataset, by what is learnt on its training part. */
#include "dataset.h"
#include "host/status.h"

#include <stdlib.h>
#include <string.h>

typedef struct learnt {
    caviar_columns columns;
    caviar_notes notes;
    float *features; /* NULL: the table's cells */
    float *mean, *scale;
} learnt;

static void destroy(learnt *l) {
    caviar_columns_destroy(&l->columns);
    caviar_notes_destroy(&l->notes);
    free(l->features);
    free(l->mean);
    free(l->scale);
}

static caviar_status encode(learnt *l, const caviar_dataset *dataset) {
    caviar_match match;
    const size_t row = (size_t)l->columns.features * sizeof(float);
    CAVIAR_TRY(caviar_match_make(&match, "dataset", &l->columns, &dataset->table, NULL));
    l->features = malloc((size_t)dataset->table.rows * row);
    for (int64_t i = 0; l->features && i < dataset->table.rows; i++)
        caviar_match_encode(l->features + i * l->columns.features, &match, i);
    caviar_match_destroy(&match);
    return l->features ? CAVIAR_OK : caviar_fail_memory("features", (size_t)dataset->table.rows * row);
}

/* Of a column without missing cells, one that comes later counts as the mean. */
static void fill_with_means(learnt *l, const caviar_table *table) {
    for (int64_t i = 0; i < l->columns.count; i++) {
        caviar_encoding *e = &l->columns.items[i];
        if (e->kind != CAVIAR_COLUMN_TEXT && table->columns[i].missing == 0) e->fill = l->mean[e->first_feature];
    }
}

static caviar_status learn(learnt *l, caviar_dataset *view) {
    CAVIAR_TRY(caviar_columns_learn(&l->columns, &view->table, view->part[CAVIAR_TRAIN],
                                    view->part_examples[CAVIAR_TRAIN], &l->notes));
    if (!caviar_columns_are_plain(&l->columns, &view->table)) CAVIAR_TRY(encode(l, view));
    view->features = l->features ? l->features : view->table.cells;
    view->type = l->features ? CAVIAR_FLOAT32 : view->table.type;
    view->feature_count = l->columns.features;
    const size_t vector = (size_t)view->feature_count * sizeof(float);
    l->mean = malloc(vector);
    l->scale = malloc(vector);
    if (!l->mean || !l->scale) return caviar_fail_memory("the standardisation of features", 2 * vector);
    CAVIAR_TRY(
        caviar_dataset_measure(l->mean, l->scale, view, view->part[CAVIAR_TRAIN], view->part_examples[CAVIAR_TRAIN]));
    fill_with_means(l, &view->table);
    return CAVIAR_OK;
}

caviar_status caviar_dataset_learn(caviar_dataset *dataset, caviar_notes *further) {
    learnt l = { .features = NULL };
    caviar_dataset view = *dataset; /* what is learnt is looked at through it, and the dataset changed at the end */
    caviar_status status = learn(&l, &view);
    if (status == CAVIAR_OK && further) status = caviar_notes_move(&l.notes, further);
    if (status != CAVIAR_OK) {
        destroy(&l);
        return status;
    }
    if (dataset->features != dataset->table.cells) free(dataset->features);
    caviar_columns_destroy(&dataset->columns);
    caviar_notes_destroy(&dataset->learnt);
    free(dataset->mean);
    free(dataset->scale);
    dataset->features = view.features;
    dataset->type = view.type;
    dataset->feature_count = view.feature_count;
    dataset->columns = l.columns;
    dataset->learnt = l.notes;
    dataset->mean = l.mean;
    dataset->scale = l.scale;
    return CAVIAR_OK;
}
