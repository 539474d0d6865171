/* A search's best trial, trained once more on all there is but the test part. */
#ifndef CAVIAR_CLI_REFIT_H
#define CAVIAR_CLI_REFIT_H

#include <caviar/caviar.h>

/*
 * Moves the dataset's validation part into its training part, trains the best trial of the search anew for as many
 * epochs as its best moment had, and gives that network. CAVIAR_INTERRUPTED after a Ctrl-C.
 */
caviar_status refit_best(caviar_model **model, caviar_search *search, caviar_device *device, caviar_dataset *dataset,
                         uint64_t seed);

#endif
