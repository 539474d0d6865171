/* A search in progress: its trials, and what the parts of it (search.c, cohort.c, search_record.c) share. */
#ifndef CAVIAR_HOST_SEARCH_H
#define CAVIAR_HOST_SEARCH_H

#include "distinct.h"
#include "grid.h"

#include <time.h>

struct caviar_search {
    caviar_device *device;
    const caviar_dataset *dataset;
    caviar_dataset_info data;
    caviar_space space;
    caviar_grid whole;               /* the space's points */
    caviar_search_options options;   /* directory is the search's own copy; no more trials than the space has points */
    caviar_distinct distinct;        /* the trials that are sampled; without slots where no point can be met twice */
    caviar_trial *trials;            /* [options.trials], the first `sampled` of them made */
    double *positions, *values;      /* [options.trials, space.size] */
    int32_t sampled, measured, done; /* trials: made, measured once or more, trained to their end */
    int32_t round;
    int32_t best;             /* -1: none yet */
    caviar_model *best_model; /* as it was when it was measured so */
    int best_unsaved;         /* the record does not hold best_model yet */
    int has_run, stopped;
    const char *state;       /* "running", "complete", "interrupted" or "failed" */
    int32_t trials_recorded; /* rows that trials.csv has */
    int folder;              /* the descriptor by which the record's folder is locked; -1: none */
    char *annotation;        /* a JSON object that the caller adds to search.json, or NULL */
    int64_t model_steps, model_steps_total;
    struct timespec began, recorded;
};

/*
 * Trains trials `numbers` [count] of one depth, batch size and batch norm side by side, as many at once as may be, and
 * measures them after each epoch. search->stopped afterwards: the progress function ended it.
 */
caviar_status caviar_search_train_group(caviar_search *search, const int32_t *numbers, int32_t count);

/* Samples the next `count` trials from a box of the space. */
caviar_status caviar_search_sample_round(caviar_search *search, const caviar_box *box, int32_t count);

double caviar_seconds_since(const struct timespec *since);

/* Minibatches that a trial trains on in all. */
int64_t caviar_search_trial_steps(const caviar_search *search, const caviar_trial *trial);

/* Makes the folder of a search (none: nothing to do), and refuses one that holds a search already. */
caviar_status caviar_record_open(caviar_search *search);
/*
 * As caviar_record_write of a search that is running, but a file that cannot be written, as on a full disk, does not
 * end it: it is tried again with the next measurement, and at the end.
 */
caviar_status caviar_record_try(caviar_search *search);
/* Writes what has changed, and that the search is now in this state. */
caviar_status caviar_record_write(caviar_search *search, const char *state);

#endif
