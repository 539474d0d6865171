/* Space files: what is read, what is refused with file and line, hostile files. */
#include "folder.h"
#include "host/search/space.h"

/* One limit for all: Criterion 2.4.1 leaks when the tests of a suite differ in theirs, and LeakSanitizer says so. */
TestSuite(space_yaml, .init = make_folder, .fini = remove_folder, .timeout = 60);

static const char *const full = "# a sweep\n"
                                "program: train.py\n"
                                "command: [python, {nested: [1, 2]}, '${args}']\n"
                                "name: 'a name'\n"
                                "description: >\n"
                                "  several\n"
                                "  lines\n"
                                "$schema: x\n"
                                "project: p\n"
                                "entity: e\n"
                                "method: random\n"
                                "metric: {name: validation_loss, goal: minimize}\n"
                                "parameters:\n"
                                "  learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}\n"
                                "  beta1: {min: 0.9, max: 0.999}\n"
                                "  beta2: {distribution: one_minus_log_uniform_values, min: 0.9, max: 0.9999}\n"
                                "  dropout: {distribution: uniform, min: 0, max: 0.5}\n"
                                "  hidden_layers: {min: 1, max: 3}\n"
                                "  hidden_width: {distribution: q_log_uniform_values, min: 16, max: 256, q: 16}\n"
                                "  hidden_width_1: {distribution: q_log_uniform_values, min: 16, max: 256}\n"
                                "  decay_rate: {distribution: q_uniform, min: 0, max: 0.5, q: 0.25}\n"
                                "  schedule_epochs: {distribution: int_uniform, min: 4, max: 8}\n"
                                "  optimizer: {values: [momentum, \"adam\"]}\n"
                                "  activation:\n"
                                "    distribution: categorical\n"
                                "    values:\n"
                                "      - relu\n"
                                "      - tanh\n"
                                "  batch_norm: {value: true}\n"
                                "  epsilon: {values: [1e-5, 1e-8]}\n"
                                "  batch_size: {distribution: constant, value: 128}\n";

static void check_same(const caviar_space *a, const caviar_space *b) {
    cr_assert_eq(caviar_space_size(a), caviar_space_size(b));
    cr_expect(a->has_metric == b->has_metric && a->metric == b->metric);
    for (int32_t i = 0; i < caviar_space_size(a); i++) {
        const caviar_space_parameter *p = &a->parameters[i], *q = &b->parameters[i];
        cr_expect(p->hyperparameter == q->hyperparameter && p->distribution == q->distribution);
        cr_expect(p->minimum == q->minimum && p->maximum == q->maximum && p->quantum == q->quantum);
        cr_assert_eq(p->count, q->count);
        for (int32_t k = 0; k < p->count; k++) cr_expect(p->values[k] == q->values[k]);
    }
}

Test(space_yaml, reads_a_sweep_configuration_and_writes_it_back) {
    static const char *const lines[] = {
        "learning_rate=1e-5..0.1",
        "beta1=0.9..0.999",
        "beta2=0.9..0.9999",
        "dropout=0..0.5",
        "hidden_layers=1..3",
        "hidden_width=q_log_uniform_values:16..256:16",
        "hidden_width_1=q_log_uniform_values:16..256:1",
        "decay_rate=q_uniform:0..0.5:0.25",
        "schedule_epochs=int_uniform:4..8",
        "optimizer=momentum,adam",
        "activation=relu,tanh",
        "batch_norm=true",
        "epsilon=1e-5,1e-8",
        "batch_size=128",
    };
    caviar_space *expected, *loaded, *again;
    SUCCEEDS(caviar_space_create(&expected));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) SUCCEEDS(caviar_space_parse(expected, lines[i]));
    SUCCEEDS(caviar_space_set_metric(expected, CAVIAR_VALIDATION_LOSS));
    SUCCEEDS(caviar_space_load(&loaded, write_text("full.yaml", full)));
    check_same(loaded, expected);

    SUCCEEDS(caviar_space_save(loaded, in_folder("saved.yaml")));
    SUCCEEDS(caviar_space_load(&again, in_folder("saved.yaml")));
    check_same(again, expected);
    /* YAML 1.1 takes 1e-05 for text, so W&B would. */
    size_t size;
    char *text = (char *)read_file(&size, in_folder("saved.yaml"));
    text[size] = '\0';
    cr_expect(strstr(text, "min: 1.0e-05\n") && strstr(text, "values: [1.0e-05, 1.0e-08]\n"), "%s", text);
    free(text);
    caviar_space_destroy(expected);
    caviar_space_destroy(loaded);
    caviar_space_destroy(again);
}

Test(space_yaml, keeps_every_space_over_a_round_trip) {
    caviar_space *usual, *empty, *loaded;
    SUCCEEDS(caviar_space_create_default(&usual));
    SUCCEEDS(caviar_space_save(usual, in_folder("usual.yaml")));
    SUCCEEDS(caviar_space_load(&loaded, in_folder("usual.yaml")));
    check_same(loaded, usual);
    caviar_space_destroy(loaded);
    SUCCEEDS(caviar_space_create(&empty));
    SUCCEEDS(caviar_space_set_metric(empty, CAVIAR_VALIDATION_ACCURACY));
    SUCCEEDS(caviar_space_save(empty, in_folder("usual.yaml")));
    SUCCEEDS(caviar_space_load(&loaded, in_folder("usual.yaml")));
    check_same(loaded, empty);
    caviar_space_destroy(loaded);
    caviar_space_destroy(usual);
    caviar_space_destroy(empty);
}

#define P "parameters:\n"

Test(space_yaml, names_the_line_of_what_is_wrong) {
    static const struct {
        const char *text, *fragment;
    } cases[] = {
        { "", "bad.yaml:1: the file is empty" },
        { "# nothing\n", "bad.yaml:1: the file is empty" },
        { "- a\n", ":1: a search space must be a mapping" },
        { "text\n", ":1: a search space must be a mapping" },
        { "method: random\n", ": the file has no parameters" },
        { "method: hyperopt\n" P, ":1: the method is \"hyperopt\", and must be random or grid" },
        { "method: grid\n" P "  optimizer: {values: [sgd, adam]}\n  lr: {min: 0.1, max: 0.2}\n",
          ":4: learning_rate has a continuous range, of which a grid cannot try every value" },
        { P "  optimizer:\n    parameters: {lr: {value: 1}}\n",
          ":3: optimizer holds parameters of its own: write each" },
        { P "  lr: {value: 0.1}\n  learning_rate: {value: 0.1}\n",
          ":3: the parameter learning_rate stands there twice" },
        { P "  learning_rate: {value: 0.1}\n  lr: {value: 0.1}\n", "learning_rate stands there twice, here as lr" },
        { "method: [random]\n" P, ":1: method must be a single value" },
        { "\nmethods: random\n", ":2: unknown key \"methods\"" },
        { "learning_rate: {min: 1, max: 2}\n", "(hyperparameters stand under parameters)" },
        { "method: random\nmethod: random\n", ":2: the key method stands there twice" },
        { P "  dropout: {value: 0}\nparameters:\n  dropout: {value: 0}\n",
          ":3: the key parameters stands there twice" },
        { P "  dropout: {value: 0}\n  dropout: {value: 0.5}\n", ":3: the parameter dropout stands there twice" },
        { P "  dropout: {value: 0, value: 0.5}\n", ":2: the key value stands there twice" },
        { P "  dropuot: {value: 0}\n", ":2: there is no hyperparameter \"dropuot\" (did you mean dropout?)" },
        { P "  dropout: 0.5\n", ":2: dropout must be a mapping: write dropout: {value: 0.5}" },
        { P "  dropout: [0.5]\n", ":2: dropout must be a mapping: write dropout: {values: [...]}" },
        { P "  dropout:\n    minimum: 0\n", ":3: dropout has an unknown key \"minimum\"" },
        { P "  dropout:\n    probabilities: [0.5]\n",
          ":3: dropout: values are equally likely here: leave its probabilities out" },
        { P "  dropout: {min: 0}\n", ":2: dropout needs both min and max, or value, or values" },
        { P "  dropout: {max: 0}\n", ":2: dropout needs both min and max" },
        { P "  dropout: {}\n", ":2: dropout needs both min and max" },
        { P "  dropout: {min: 0, max: x}\n", ":2: dropout: max is \"x\", not a number" },
        { P "  dropout: {min: 0, max: .inf}\n", ":2: dropout: max is \".inf\", not a number" },
        { P "  dropout: {min: 0, max: 2}\n", ":2: dropout cannot be 2" },
        { P "  dropout: {min: 0, max: 0.5, q: 0.1}\n", ":2: dropout: a quantum (0.1) is for distributions" },
        { P "  dropout: {distribution: q_uniform, min: 0, max: 0.5, q: 0}\n",
          ":2: dropout: q_uniform needs a quantum" },
        { P "  dropout: {min: 0, max: 0.5, value: 0.1}\n", ":2: dropout has values and a range" },
        { P "  dropout: {value: 0.1, values: [0.1]}\n", ":2: dropout has both value and values" },
        { P "  dropout: {value: [0.1]}\n", ":2: value must be a single value" },
        { P "  dropout: {values: 0.1}\n", ":2: values must be a list" },
        { P "  dropout: {values: []}\n", ":2: dropout: it needs at least one value" },
        { P "  dropout: {values: [0.1, [0.2]]}\n", ":2: one of values must be a single value" },
        { P "  dropout: {values: [0.1, 0.1]}\n", ":2: dropout: the value 0.1 stands there twice" },
        { P "  dropout: {values: [0.1, ~]}\n", ":2: dropout: \"~\" is not a number" },
        { P "  dropout: {distribution: uniform, values: [0.1, 0.2]}\n", "the distribution uniform: leave the" },
        { P "  dropout: {distribution: unifrom, min: 0, max: 0.5}\n", "did you mean uniform?" },
        { P "  learning_rate: {distribution: log_uniform, min: -9, max: 99}\n", ":2: learning_rate cannot be" },
        { P "  dropout: {distribution: beta, a: 1, b: 2}\n", ":2: dropout has an unknown key \"a\"" },
        { P "  dropout: {distribution: normal, min: 0, max: 0.5}\n",
          ":2: dropout: normal takes mu and sigma, not min" },
        { P "  dropout: {min: 0, max: 0.5, mu: 0.1}\n", ":2: dropout: mu and sigma are for the normal distributions" },
        { P "  dropout: {distribution: normal, mu: x}\n", ":2: dropout: mu is \"x\", not a number" },
        { P "  dropout: {distribution: normal, mu: 0.1, value: 0.1}\n", ":2: dropout has values and a range" },
        { P "  momentum: {distribution: inv_log_uniform_values, min: 0.9, max: 0.999}\n", "one_minus_log_uniform" },
        { P "  hidden_width: {distribution: normal, mu: 64}\n", ":2: hidden_width takes whole numbers, which normal" },
        { P "  optimizer: {min: 0, max: 1}\n", ":2: optimizer has no range: write optimizer: {values: [sgd, mom" },
        { P "  optimizer: {values: [adam, lion]}\n", ":2: optimizer cannot be \"lion\"" },
        { P "  batch_norm: {value: yes}\n", ":2: batch_norm cannot be \"yes\"; it is one of: false, true" },
        { P "  dropout: &a {value: 0.1}\n  beta1: *a\n", ":3: aliases are not taken" },
        { P "  ? [a, b]\n  : 1\n", ":2: a key must be a single value" },
        { P "  dropout: {min: 0, max: 0.5\n", "not YAML: " },
        { P "\tdropout: 1\n", ":2: not YAML: " },
        { P "  dropout: {value: 0}\n---\n" P, ":3: a second document begins" },
        { "metric: {name: train_loss}\n", ":1: the metric is \"train_loss\", and must be validation_accuracy or" },
        { "metric: {name: val_acc, goal: minimize}\n", ":1: the goal of val_acc is maximize, not \"minimize\"" },
        { "metric: {goal: minimize}\n", ":1: the metric is \"\"" },
        { "metric: {name: validation_loss, goal: maximize}\n", ":1: the goal of validation_loss is minimize, not" },
        { "metric: {name: validation_loss, aim: 0.1}\n", ":1: metric has an unknown key \"aim\"" },
        { "metric: validation_loss\n", ":1: metric must be a mapping" },
        { P "  dropout: {value: \"0\\0\"}\n", "holds a zero byte" },
        { P "  dropout: {value: 0.1111111111111111111111111111111111111111111111111111111111111111111}\n",
          "longer than" },
        { P "  dropout: {value: \xff}\n", "not YAML text" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        caviar_space *loaded = NULL;
        const char *path = write_text("bad.yaml", cases[i].text);
        const caviar_status status = caviar_space_load(&loaded, path);
        cr_expect(status == CAVIAR_BAD_FILE && loaded == NULL && strstr(caviar_last_error(), cases[i].fragment) &&
                      strncmp(caviar_last_error(), path, strlen(path)) == 0,
                  "%s: status %d: %s", cases[i].text, (int)status, caviar_last_error());
    }
}

Test(space_yaml, refuses_bad_arguments_and_files_that_cannot_be) {
    caviar_space *usual, *none = NULL;
    SUCCEEDS(caviar_space_create_default(&usual));
    REFUSES(caviar_space_load(NULL, "x"), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_load(&none, NULL), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_load(&none, in_folder("none.yaml")), CAVIAR_IO_ERROR, "none.yaml: cannot open");
    REFUSES(caviar_space_load(&none, folder), CAVIAR_IO_ERROR, "is a folder");
    REFUSES(caviar_space_save(NULL, in_folder("x")), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_save(usual, NULL), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_save(usual, in_folder("none/x")), CAVIAR_IO_ERROR, "cannot create");
    cr_expect_null(none);
    caviar_space_destroy(usual);
}

/* Large, deep and many: each must be refused or read over at once. */
Test(space_yaml, survives_files_that_are_out_of_proportion) {
    const size_t size = (1 << 20) + 100;
    char *text = malloc(size + 1);
    caviar_space *loaded = NULL;
    memset(text, '#', size);
    REFUSES(caviar_space_load(&loaded, write_file("large.yaml", text, size)), CAVIAR_BAD_FILE, "holds more than");
    memset(text, '[', size);
    memcpy(text, "name: ", 6);
    REFUSES(caviar_space_load(&loaded, write_file("deep.yaml", text, 100000)), CAVIAR_BAD_FILE, "deep.yaml");
    memset(text, '{', size);
    REFUSES(caviar_space_load(&loaded, write_file("deep.yaml", text, 100000)), CAVIAR_BAD_FILE, "deep.yaml");
    strcpy(text, "parameters: {dropout: {values: [");
    for (int i = 0; i < 20000; i++) sprintf(text + strlen(text), "%s0.%d", i ? "," : "", 10000 + i);
    strcat(text, "]}}\n");
    REFUSES(caviar_space_load(&loaded, write_text("many.yaml", text)), CAVIAR_BAD_FILE, "many.yaml:1: values holds");
    cr_expect_null(loaded);
    free(text);
}

static caviar_status load(const char *path) {
    caviar_space *loaded = NULL;
    const caviar_status status = caviar_space_load(&loaded, path);
    cr_assert((status == CAVIAR_OK) == (loaded != NULL));
    caviar_space_destroy(loaded);
    return status;
}

Test(space_yaml, damaged_files_are_refused_or_read) {
    const size_t size = strlen(full);
    const damage_count cut = damage("cut.yaml", (const unsigned char *)full, size, 1, load);
    cr_expect(cut.refused > (int)size / 2 && cut.loaded > 0, "%d refused, %d loaded", cut.refused, cut.loaded);
    static const char small[] = "method: random\n"
                                "metric: {name: validation_loss, goal: minimize}\n"
                                "parameters:\n"
                                "  learning_rate: {min: 1.0e-4, max: 0.1}\n"
                                "  optimizer: {values: [momentum, \"adam\"]}\n"
                                "  hidden_width: {distribution: q_uniform, min: 16, max: 256, q: 16}\n";
    const damage_count flipped = damage("bits.yaml", (const unsigned char *)small, sizeof small - 1, 0, load);
    cr_expect(flipped.refused > (int)sizeof small && flipped.loaded > 0, "%d refused, %d loaded", flipped.refused,
              flipped.loaded);
}
