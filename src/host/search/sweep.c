#include "sweep.h"

#include <stddef.h>
#include <string.h>

enum { LONGEST = 63 };

typedef struct alias {
    const char *theirs, *ours;
} alias;

/* As simplify() leaves them. */
static const alias parameters[] = {
    { "lr", "learning_rate" },
    { "learn_rate", "learning_rate" },
    { "learningrate", "learning_rate" },
    { "learning_rate", "learning_rate" },
    { "batchsize", "batch_size" },
    { "batch_size", "batch_size" },
    { "bs", "batch_size" },
    { "train_batch_size", "batch_size" },
    { "minibatch_size", "batch_size" },
    { "wd", "weight_decay" },
    { "weightdecay", "weight_decay" },
    { "weight_decay", "weight_decay" },
    { "dropout", "dropout" },
    { "dropout_rate", "dropout" },
    { "drop_rate", "dropout" },
    { "dropout_prob", "dropout" },
    { "optimizer", "optimizer" },
    { "optimiser", "optimizer" },
    { "optim", "optimizer" },
    { "momentum", "momentum" },
    { "beta_1", "beta1" },
    { "adam_beta1", "beta1" },
    { "beta_2", "beta2" },
    { "adam_beta2", "beta2" },
    { "eps", "epsilon" },
    { "adam_epsilon", "epsilon" },
    { "activation", "activation" },
    { "activation_function", "activation" },
    { "batch_norm", "batch_norm" },
    { "batchnorm", "batch_norm" },
    { "batch_normalization", "batch_norm" },
    { "use_batch_norm", "batch_norm" },
    { "hidden_layers", "hidden_layers" },
    { "num_layers", "hidden_layers" },
    { "n_layers", "hidden_layers" },
    { "layers", "hidden_layers" },
    { "num_hidden_layers", "hidden_layers" },
    { "n_hidden_layers", "hidden_layers" },
    { "hidden_width", "hidden_width" },
    { "fc_layer_size", "hidden_width" },
    { "layer_size", "hidden_width" },
    { "hidden_layer_size", "hidden_width" },
    { "hidden_size", "hidden_width" },
    { "hidden_dim", "hidden_width" },
    { "hidden_units", "hidden_width" },
    { "num_units", "hidden_width" },
};

static const alias metrics[] = {
    { "validation_accuracy", "accuracy" },
    { "val_accuracy", "accuracy" },
    { "valid_accuracy", "accuracy" },
    { "eval_accuracy", "accuracy" },
    { "validation_acc", "accuracy" },
    { "val_acc", "accuracy" },
    { "valid_acc", "accuracy" },
    { "eval_acc", "accuracy" },
    { "accuracy", "accuracy" },
    { "acc", "accuracy" },
    { "validation_loss", "loss" },
    { "val_loss", "loss" },
    { "valid_loss", "loss" },
    { "eval_loss", "loss" },
    { "loss", "loss" },
};

/* Small letters, and an underscore for what else separates words. 0: it is too long for any name. */
static int simplify(char simple[LONGEST + 1], const char *name) {
    const size_t length = strlen(name);
    if (length > LONGEST) return 0;
    for (size_t i = 0; i <= length; ++i) {
        const char c = name[i];
        simple[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c != '\0' && strchr("-./ ", c) ? '_' : c;
    }
    return 1;
}

static const char *look_up(const char *name, const alias *aliases, size_t count) {
    char simple[LONGEST + 1];
    if (!simplify(simple, name)) return NULL;
    for (size_t i = 0; i < count; ++i)
        if (strcmp(simple, aliases[i].theirs) == 0) return aliases[i].ours;
    return NULL;
}

const char *caviar_sweep_parameter(const char *name) {
    return look_up(name, parameters, sizeof parameters / sizeof parameters[0]);
}

int caviar_sweep_metric(caviar_metric *metric, const char *name) {
    const char *ours = look_up(name, metrics, sizeof metrics / sizeof metrics[0]);
    if (ours == NULL) return 0;
    *metric = strcmp(ours, "loss") == 0 ? CAVIAR_VALIDATION_LOSS : CAVIAR_VALIDATION_ACCURACY;
    return 1;
}
