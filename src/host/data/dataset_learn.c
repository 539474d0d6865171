/* From the cells of a table to the features of a dataset, by what is learnt on its training part. */
#include "dataset.h"
#include "host/status.h"

#include <stdlib.h>
#include <string.h>

typedef struct learnt {
    caviar_columns columns;
    caviar_notes notes;
    float *mean, *scale;
    double *work;       /* of measuring */
    caviar_match match; /* of columns that are not the features as they stand */
    int is_plain;
} learnt;

static void destroy(learnt *l) {
    caviar_match_destroy(&l->match);
    caviar_columns_destroy(&l->columns);
    caviar_notes_destroy(&l->notes);
    free(l->mean);
    free(l->scale);
    free(l->work);
}

/* Whatever can fail, but for the memory of the features. */
static caviar_status prepare(learnt *l, const caviar_dataset *dataset, caviar_notes *further) {
    CAVIAR_TRY(caviar_columns_learn(&l->columns, &dataset->table, dataset->part[CAVIAR_TRAIN],
                                    dataset->part_examples[CAVIAR_TRAIN], &l->notes));
    CAVIAR_REQUIRE(l->columns.features <= INT32_MAX, "dataset: its columns make %lld features; there may be %d",
                   (long long)l->columns.features, INT32_MAX);
    l->is_plain = caviar_columns_are_plain(&l->columns, &dataset->table);
    if (!l->is_plain) CAVIAR_TRY(caviar_match_make(&l->match, &l->columns, &dataset->table, NULL));
    const size_t features = (size_t)l->columns.features;
    l->mean = malloc(features * sizeof *l->mean);
    l->scale = malloc(features * sizeof *l->scale);
    l->work = malloc(features * 4 * sizeof *l->work);
    if (!l->mean || !l->scale || !l->work)
        return caviar_fail_memory("the standardisation of features", features * 4 * sizeof *l->work);
    return further ? caviar_notes_move(&l->notes, further) : CAVIAR_OK;
}

/*
 * Features take the place of former ones in the same memory: a dataset that is not plain holds its cells and its
 * features, and never needs room for a third.
 */
static caviar_status encode(caviar_dataset *dataset, const learnt *l) {
    void *const own = dataset->features != dataset->table.cells ? dataset->features : NULL;
    const size_t bytes = (size_t)dataset->table.rows * (size_t)l->columns.features * sizeof(float);
    float *features = realloc(own, bytes);
    if (!features) return caviar_fail_memory("features", bytes);
    for (int64_t i = 0; i < dataset->table.rows; i++)
        caviar_match_encode(features + i * l->columns.features, &l->match, i);
    dataset->features = features;
    return CAVIAR_OK;
}

static void take_cells(caviar_dataset *dataset) {
    if (dataset->features != dataset->table.cells) free(dataset->features);
    dataset->features = dataset->table.cells;
}

/* Of a column without missing cells, one that comes later counts as the mean. */
static void fill_with_means(caviar_dataset *dataset) {
    for (int64_t i = 0; i < dataset->columns.count; i++) {
        caviar_encoding *e = &dataset->columns.items[i];
        if (e->kind != CAVIAR_COLUMN_TEXT && dataset->table.columns[i].missing == 0)
            e->fill = dataset->mean[e->first_feature];
    }
}

/* Puts what was learnt in the place of what the dataset had, which `l` has from now on. */
static void exchange(caviar_dataset *dataset, learnt *l) {
    const learnt before = {
        .columns = dataset->columns, .notes = dataset->learnt, .mean = dataset->mean, .scale = dataset->scale
    };
    caviar_match_destroy(&l->match); /* it is of the columns where they were */
    dataset->columns = l->columns;
    dataset->learnt = l->notes;
    dataset->mean = l->mean;
    dataset->scale = l->scale;
    l->columns = before.columns;
    l->notes = before.notes;
    l->mean = before.mean;
    l->scale = before.scale;
}

caviar_status caviar_dataset_learn(caviar_dataset *dataset, caviar_notes *further) {
    learnt l = { .work = NULL };
    caviar_status status = prepare(&l, dataset, further);
    if (status == CAVIAR_OK && !l.is_plain) status = encode(dataset, &l);
    if (status == CAVIAR_OK) {
        if (l.is_plain) take_cells(dataset);
        dataset->type = l.is_plain ? dataset->table.type : CAVIAR_FLOAT32;
        dataset->feature_count = l.columns.features;
        exchange(dataset, &l);
        caviar_dataset_measure(dataset->mean, dataset->scale, l.work, dataset, dataset->part[CAVIAR_TRAIN],
                               dataset->part_examples[CAVIAR_TRAIN]);
        fill_with_means(dataset);
    }
    destroy(&l);
    return status;
}
