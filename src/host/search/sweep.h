/* What sweep configurations call things that have another name here. */
#ifndef CAVIAR_HOST_SWEEP_H
#define CAVIAR_HOST_SWEEP_H

#include <caviar/caviar.h>

/* The hyperparameter that this usual name stands for ("lr", "batch-size", "fc_layer_size"); NULL: none. */
const char *caviar_sweep_parameter(const char *name);

/* The metric that this usual name stands for ("val_acc", "loss"). 0: none. */
int caviar_sweep_metric(caviar_metric *metric, const char *name);

#endif
