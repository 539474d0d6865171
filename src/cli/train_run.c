/* Training one network, epoch by epoch. */
#include "train_run.h"

#include "interrupt.h"
#include "space.h"

#include <math.h>

/* What the space's file says is best, or accuracy. */
static caviar_status choose_metric(caviar_metric *metric, const caviar_space *space) {
    *metric = CAVIAR_VALIDATION_ACCURACY;
    const caviar_status status = caviar_space_get_metric(metric, space);
    return status == CAVIAR_NOT_FOUND ? CAVIAR_OK : status;
}

caviar_status train_run_open(train_run *run, const train_settings *s) {
    run->hyperparameters = (caviar_hyperparameters)CAVIAR_HYPERPARAMETERS_INIT;
    run->options = (caviar_population_options)CAVIAR_POPULATION_OPTIONS_INIT;
    run->options.seed = s->seed;
    caviar_status status = space_build(&run->space, s->space, 0, &s->set);
    if (status == CAVIAR_OK && !s->quiet) space_print_notes("train", run->space);
    if (status == CAVIAR_OK) status = data_load_split(&run->dataset, &s->data, s->seed, s->quiet ? NULL : "train");
    if (status == CAVIAR_OK) status = caviar_dataset_get_info(&run->dataset_info, run->dataset);
    if (status == CAVIAR_OK)
        status = caviar_space_configure(&run->hyperparameters, &run->options, run->space,
                                        run->dataset_info.part_examples[CAVIAR_TRAIN], s->epochs);
    if (status == CAVIAR_OK) status = choose_metric(&run->metric, run->space);
    if (status == CAVIAR_OK) status = device_open(&run->device, &run->device_info, &s->device);
    if (status == CAVIAR_OK)
        status = caviar_population_create(&run->population, run->device, run->dataset, &run->options);
    if (status == CAVIAR_OK) status = caviar_population_start(run->population, 0, 1, &run->hyperparameters);
    return status;
}

void train_run_close(train_run *run) {
    caviar_model_destroy(run->model);
    caviar_population_destroy(run->population);
    caviar_space_destroy(run->space);
    caviar_dataset_destroy(run->dataset);
    caviar_device_close(run->device);
    train_report_free(&run->report);
}

/* One epoch, in slices, so that the progress line moves and Ctrl-C is heard. CAVIAR_INTERRUPTED after a Ctrl-C. */
static caviar_status train_epoch(train_run *run, int32_t epoch, int32_t epochs) {
    const int64_t steps = caviar_population_steps_per_epoch(run->population);
    const int64_t slice = steps / 50 + 1;
    for (int64_t done = 0; done < steps; done += slice) {
        if (interrupt_requested()) return CAVIAR_INTERRUPTED;
        if (progress_due(&run->line))
            progress_draw(&run->line, ((double)epoch + (double)done / (double)steps) / epochs, "epoch %d/%d", epoch + 1,
                          epochs);
        const int64_t left = steps - done;
        const caviar_status status = caviar_population_train(run->population, left < slice ? left : slice);
        if (status != CAVIAR_OK) return status;
    }
    return CAVIAR_OK;
}

/* As a search counts a trial: one with a finite loss first, then the metric, then the other, then the earlier one. */
static int is_better(const caviar_metrics *a, const caviar_metrics *b, caviar_metric metric) {
    if (!isfinite(a->loss)) return 0;
    const int by_loss = metric == CAVIAR_VALIDATION_LOSS;
    const double first = by_loss ? b->loss - a->loss : a->accuracy - b->accuracy;
    return first > 0.0 || (first == 0.0 && (by_loss ? a->accuracy > b->accuracy : a->loss < b->loss));
}

/* Takes the network as it is now if it is the one to be saved should training end here. */
static caviar_status keep(train_run *run, const train_settings *s, const train_epoch_report *row) {
    const train_report *report = &run->report;
    const int validates = run->dataset_info.part_examples[CAVIAR_VALIDATION] > 0;
    const caviar_metrics *now = validates ? &row->validation : &row->training;
    if (!isfinite(now->loss) || !isfinite(row->training.loss)) return CAVIAR_OK;
    if (run->model && validates && s->keep == 0 &&
        !is_better(now, &report->epochs[report->kept - 1].validation, run->metric))
        return CAVIAR_OK;
    caviar_model *model;
    const caviar_status status = caviar_population_read_model(&model, run->population, 0);
    if (status != CAVIAR_OK) return status;
    caviar_model_destroy(run->model);
    run->model = model;
    run->report.kept = row->epoch;
    return CAVIAR_OK;
}

static caviar_status measure(train_epoch_report *row, train_run *run) {
    caviar_status status = caviar_population_training_metrics(&row->training, run->population);
    row->validation = (caviar_metrics){ (double)NAN, (double)NAN, 0 };
    if (status == CAVIAR_OK && run->dataset_info.part_examples[CAVIAR_VALIDATION] > 0)
        status = caviar_population_evaluate(&row->validation, run->population, CAVIAR_VALIDATION);
    return status;
}

caviar_status train_run_train(train_run *run, const train_settings *s) {
    for (int32_t epoch = 0; epoch < s->epochs; epoch++) {
        train_epoch_report row = { .epoch = epoch + 1 };
        row.learning_rate = train_report_rate(&run->hyperparameters, epoch);
        caviar_status status = train_epoch(run, epoch, s->epochs);
        if (status == CAVIAR_OK) status = measure(&row, run);
        progress_clear(&run->line);
        if (status == CAVIAR_OK) status = keep(run, s, &row);
        if (status == CAVIAR_OK) status = train_report_add(&run->report, &row);
        if (status != CAVIAR_OK) return status;
        const int validates = run->dataset_info.part_examples[CAVIAR_VALIDATION] > 0;
        if (!isfinite(row.training.loss) || (validates && !isfinite(row.validation.loss))) {
            run->report.diverged = 1;
            return CAVIAR_OK;
        }
    }
    return CAVIAR_OK;
}
