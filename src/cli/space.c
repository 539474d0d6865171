/* Building a space from a file and one-line settings. */
#include "space.h"

#include <stdio.h>

caviar_status space_build(caviar_space **space, const char *path, int use_default, const option_texts *settings) {
    caviar_space *built = NULL;
    caviar_status status = path          ? caviar_space_load(&built, path)
                           : use_default ? caviar_space_create_default(&built)
                                         : caviar_space_create(&built);
    for (int i = 0; i < settings->count && status == CAVIAR_OK; i++)
        status = caviar_space_parse(built, settings->items[i]);
    if (status == CAVIAR_OK)
        *space = built;
    else
        caviar_space_destroy(built);
    return status;
}

void space_print_notes(const char *command, const caviar_space *space) {
    const char *text;
    for (int32_t i = 0; i < caviar_space_note_count(space); i++)
        if (caviar_space_note(&text, space, i) == CAVIAR_OK) fprintf(stderr, "caviar %s: note: %s\n", command, text);
}

void space_print_help(void) {
    printf("\nHyperparameters\n"
           "  optimizer        sgd, momentum, rmsprop, adam or adamw\n"
           "  learning_rate, momentum, beta1, beta2, epsilon, weight_decay\n"
           "  schedule         of the learning rate: constant, inverse_time, exponential\n"
           "                   or cosine\n"
           "  decay_rate       of inverse_time and exponential\n"
           "  schedule_epochs  of cosine: the epoch at which the rate reaches 0\n"
           "  dropout          the fraction of hidden units dropped\n"
           "  activation       relu, tanh or sigmoid\n"
           "  batch_norm       true or false\n"
           "  batch_size       examples a minibatch\n"
           "  hidden_layers    0 (softmax regression) to 8\n"
           "  hidden_width     of every hidden layer; of one: hidden_width_1 to _8\n"
           "\n"
           "  Files have the form of a W&B sweep configuration, with the distributions\n"
           "  constant, categorical, uniform, log_uniform_values, int_uniform, q_uniform,\n"
           "  q_log_uniform_values, log_uniform, q_log_uniform (bounds: exponents of e),\n"
           "  normal, log_normal, q_normal, q_log_normal, and, for momentum and betas,\n"
           "  one_minus_log_uniform_values. method: grid trains all of a finite space.\n");
}
