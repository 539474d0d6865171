/* Sweep configurations as people have them, in the forms that W&B documents: what is read, and what is said of it. */
#include "folder.h"
#include "host/search/space.h"

#include <math.h>

TestSuite(sweeps, .init = make_folder, .fini = remove_folder);

static caviar_space *load(const char *name) {
    char path[512];
    caviar_space *space = NULL;
    snprintf(path, sizeof path, "%s/%s.yaml", CAVIAR_SWEEPS, name);
    SUCCEEDS(caviar_space_load(&space, path));
    return space;
}

/* The space of a file is that of these lines, and of its notes each has the line and the words. */
static const struct {
    const char *name, *lines[6], *notes[6];
    int64_t points;
    caviar_method method;
    int metric; /* -1: none */
} cases[] = {
    { "quickstart",
      { "optimizer=adam,sgd", "hidden_width=16,32,64", "dropout=0,0.3,0.5", "learning_rate=uniform:0..0.1",
        "batch_size=q_log_uniform_values:8..64:8" },
      { ":4: the metric val_loss is taken as validation_loss", ":10: fc_layer_size is taken as hidden_width",
        ":14: epochs is left unread: all trials train as long, as --epochs says",
        ":2: left unread, for it changes nothing here: program" },
      -1,
      CAVIAR_RANDOM,
      CAVIAR_VALIDATION_LOSS },
    { "bayes-hyperband",
      { "learning_rate=1e-4..1e-1", "momentum=uniform:0.5..1", "optimizer=momentum" },
      { ":6: bayes is taken as random: after each round a search narrows", ":7: target is left unread",
        ":7: the metric val_accuracy is taken as validation_accuracy",
        ":8: early_terminate is left unread: every trial trains all its epochs",
        ":16: run_cap is left unread: give --trials",
        ":1: left unread, for it changes nothing here: program, project, entity, name, description" },
      -1,
      CAVIAR_RANDOM,
      CAVIAR_VALIDATION_ACCURACY },
    { "grid",
      { "batch_size=16,32", "learning_rate=0.001,0.01,0.1", "activation=relu,tanh" },
      { ":2: the metric validation_acc is taken", ":6: batch-size is taken as batch_size",
        ":8: lr is taken as learning_rate", ":12: epochs is left unread" },
      12,
      CAVIAR_GRID,
      CAVIAR_VALIDATION_ACCURACY },
    { "command",
      { "batch_norm=true,false", "weight_decay=1e-6..0.01", "hidden_layers=1..3" },
      { ":10: the metric loss is taken", ":13: weight-decay is taken as weight_decay",
        ":1: left unread, for it changes nothing here: program, command, $schema" },
      -1,
      CAVIAR_RANDOM,
      CAVIAR_VALIDATION_LOSS },
    { "exponents",
      { NULL },
      { ":2: the metric accuracy is taken",
        ":4: log_uniform of learning_rate is taken as log_uniform_values from 0.000100034 to 0.100259",
        ":5: q_log_uniform of hidden_width is taken as q_log_uniform_values from 8 to 64" },
      -1,
      CAVIAR_RANDOM,
      CAVIAR_VALIDATION_ACCURACY },
    { "normal",
      { "dropout=normal:0.2,0.05", "learning_rate=log_normal:-6,1", "hidden_width=q_normal:32,8:4",
        "batch_size=q_log_normal:3,0.3:1" },
      { ":2: the metric Val/Acc is taken", ":5: lr is taken", ":6: hidden_size is taken as hidden_width" },
      -1,
      CAVIAR_RANDOM,
      CAVIAR_VALIDATION_ACCURACY },
    { "quanta",
      { "dropout=q_uniform:0..0.5:0.1", "hidden_width=8..32", "activation=relu,tanh,sigmoid", "schedule=cosine",
        "beta1=0.8..0.99" },
      { ":7: beta_1 is taken as beta1" },
      -1,
      CAVIAR_RANDOM,
      -1 },
    { "constants",
      { "optimizer=adamw", "weight_decay=0.01", "learning_rate=1e-3", "epsilon=1e-8", "hidden_layers=1" },
      { ":5: wd is taken", ":6: lr is taken", ":7: eps is taken", ":8: num_layers is taken as hidden_layers",
        ":1: left unread, for it changes nothing here: name" },
      1,
      CAVIAR_GRID,
      -1 },
    { "widths",
      { "hidden_width_1=16,32", "hidden_layers=1,2", "learning_rate=0.001..0.1" },
      { ":6: hidden_width_3 is dropped, for hidden_layers came after it" },
      -1,
      CAVIAR_RANDOM,
      -1 },
};

static void check_same(const char *name, const caviar_space *a, const caviar_space *b) {
    cr_assert_eq(a->size, b->size, "%s: %d parameters", name, a->size);
    for (int32_t i = 0; i < a->size; i++) {
        const caviar_space_parameter *p = &a->parameters[i], *q = &b->parameters[i];
        cr_expect(p->hyperparameter == q->hyperparameter && p->distribution == q->distribution && p->count == q->count,
                  "%s: %s", name, p->hyperparameter->name);
        cr_expect(p->minimum == q->minimum && p->maximum == q->maximum && p->quantum == q->quantum &&
                      p->mean == q->mean && p->deviation == q->deviation,
                  "%s: %s", name, p->hyperparameter->name);
        cr_expect(memcmp(p->values, q->values, sizeof p->values) == 0, "%s: %s", name, p->hyperparameter->name);
    }
}

Test(sweeps, are_read_as_they_are) {
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        caviar_space *loaded = load(cases[c].name), *expected, *again;
        SUCCEEDS(caviar_space_create(&expected));
        for (int i = 0; i < 6 && cases[c].lines[i]; i++) SUCCEEDS(caviar_space_parse(expected, cases[c].lines[i]));
        if (cases[c].lines[0]) check_same(cases[c].name, loaded, expected);
        int32_t notes = 0;
        for (; notes < 6 && cases[c].notes[notes]; notes++) {
            const char *text = "";
            SUCCEEDS(caviar_space_note(&text, loaded, notes));
            cr_expect(strstr(text, cases[c].notes[notes]), "%s: %s", cases[c].name, text);
        }
        cr_expect_eq(caviar_space_note_count(loaded), notes, "%s: %d notes", cases[c].name,
                     caviar_space_note_count(loaded));
        caviar_metric metric;
        caviar_method method;
        const caviar_status named = caviar_space_get_metric(&metric, loaded);
        cr_expect(cases[c].metric < 0 ? named == CAVIAR_NOT_FOUND : (int)metric == cases[c].metric);
        SUCCEEDS(caviar_space_get_method(&method, loaded));
        cr_expect_eq(method, cases[c].method);
        cr_expect_eq(caviar_space_point_count(loaded), cases[c].points, "%s", cases[c].name);
        /* What is saved has our names, and leaves nothing to be said. */
        SUCCEEDS(caviar_space_save(loaded, in_folder("saved.yaml")));
        SUCCEEDS(caviar_space_load(&again, in_folder("saved.yaml")));
        check_same(cases[c].name, again, loaded);
        cr_expect(again->method == loaded->method && caviar_space_note_count(again) == 0);
        caviar_space_destroy(again);
        caviar_space_destroy(expected);
        caviar_space_destroy(loaded);
    }
}

Test(sweeps, exponents_of_e_become_bounds) {
    caviar_space *space = load("exponents");
    const caviar_space_parameter *rate = caviar_space_find(space, "learning_rate");
    cr_expect(rate->distribution == CAVIAR_LOG_UNIFORM && fabs(rate->minimum / exp(-9.21) - 1) < 1e-15 &&
              fabs(rate->maximum / exp(-2.3) - 1) < 1e-15);
    const caviar_space_parameter *width = caviar_space_find(space, "hidden_width");
    cr_expect(width->distribution == CAVIAR_Q_LOG_UNIFORM && width->minimum == 8 && width->maximum == 64 &&
              width->quantum == 8);
    caviar_space_destroy(space);
}

Test(sweeps, the_method_is_random_or_grid) {
    caviar_space *space;
    caviar_method method = (caviar_method)7;
    SUCCEEDS(caviar_space_create(&space));
    SUCCEEDS(caviar_space_get_method(&method, space));
    cr_expect_eq(method, CAVIAR_RANDOM);
    REFUSES(caviar_space_get_method(NULL, space), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_get_method(&method, NULL), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_set_method(NULL, CAVIAR_GRID), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_set_method(space, (caviar_method)2), CAVIAR_INVALID_ARGUMENT, "no method 2");
    SUCCEEDS(caviar_space_set_method(space, CAVIAR_GRID));
    SUCCEEDS(caviar_space_get_method(&method, space));
    cr_expect_eq(method, CAVIAR_GRID);
    caviar_space_destroy(space);
}
