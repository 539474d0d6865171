/* Search spaces: names, ranges, values, the one-line form, the default, and what is refused. */
#include "folder.h"
#include "host/search/space.h"
#include "host/search/trial.h"

#include <locale.h>
#include <math.h>

static caviar_space *space;

static void make_space(void) {
    SUCCEEDS(caviar_space_create(&space));
}

static void destroy_space(void) {
    caviar_space_destroy(space);
}

TestSuite(space, .init = make_space, .fini = destroy_space);

static const caviar_space_parameter *parsed(const char *line) {
    SUCCEEDS(caviar_space_parse(space, line));
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(line, "= "), line);
    const caviar_space_parameter *parameter = caviar_space_find(space, name);
    cr_assert_not_null(parameter, "%s", line);
    return parameter;
}

static void check_range(const char *line, caviar_distribution distribution, double minimum, double maximum,
                        double quantum) {
    const caviar_space_parameter *p = parsed(line);
    cr_expect(p->distribution == distribution && p->minimum == minimum && p->maximum == maximum &&
                  p->quantum == quantum && p->count == 0,
              "%s: %s %.17g .. %.17g : %.17g", line, caviar_distribution_name(p->distribution), p->minimum, p->maximum,
              p->quantum);
}

Test(space, takes_every_hyperparameter_in_the_order_of_addition) {
    static const char *const lines[CAVIAR_HYPERPARAMETER_COUNT] = {
        "optimizer=sgd,momentum,rmsprop,adam,adamw",
        "learning_rate=1e-4..1e-1",
        "momentum=0.5..0.99",
        "beta1=0.5..0.99",
        "beta2=0.9..0.9999",
        "epsilon=1e-9..1e-4",
        "weight_decay=1e-6..1e-2",
        "schedule=constant,inverse_time,exponential,cosine",
        "decay_rate=0.1..1",
        "schedule_epochs=5..20",
        "dropout=0..0.5",
        "activation=relu,tanh,sigmoid",
        "batch_norm=true,false",
        "batch_size=32,64",
        "hidden_layers=0..8",
        "hidden_width=1..4096",
        "hidden_width_8=1..9",
        "hidden_width_7=1..9",
        "hidden_width_6=1..9",
        "hidden_width_5=1..9",
        "hidden_width_4=1..9",
        "hidden_width_3=1..9",
        "hidden_width_2=1..9",
        "hidden_width_1=1..9",
    };
    for (int i = 0; i < CAVIAR_HYPERPARAMETER_COUNT; i++) {
        const char *name;
        cr_assert_eq(caviar_space_size(space), i);
        parsed(lines[i]);
        SUCCEEDS(caviar_space_parameter_name(&name, space, i));
        cr_expect(strncmp(name, lines[i], strlen(name)) == 0 && lines[i][strlen(name)] == '=', "%s: %s", lines[i],
                  name);
    }
    /* A second time they replace, and stay where they were. */
    for (int i = 0; i < CAVIAR_HYPERPARAMETER_COUNT; i++) parsed(lines[i]);
    cr_expect_eq(caviar_space_size(space), CAVIAR_HYPERPARAMETER_COUNT);
    SUCCEEDS(caviar_space_check_trainable(space, 64));
}

Test(space, ranges_without_a_distribution_take_their_own_scale) {
    check_range("learning_rate=1e-4..0.1", CAVIAR_LOG_UNIFORM, 1e-4, 0.1, 0);
    check_range("epsilon = 1e-9 .. 1e-6 ", CAVIAR_LOG_UNIFORM, 1e-9, 1e-6, 0);
    check_range("weight_decay=1e-6..1e-2", CAVIAR_LOG_UNIFORM, 1e-6, 1e-2, 0);
    check_range("momentum=0.9..0.999", CAVIAR_ONE_MINUS_LOG_UNIFORM, 0.9, 0.999, 0);
    check_range("beta1=0..0.999", CAVIAR_ONE_MINUS_LOG_UNIFORM, 0, 0.999, 0);
    check_range("beta2=0.9..0.9999999", CAVIAR_ONE_MINUS_LOG_UNIFORM, 0.9, 0.9999999, 0);
    check_range("dropout=0..0.5", CAVIAR_UNIFORM, 0, 0.5, 0);
    check_range("decay_rate=0..2", CAVIAR_UNIFORM, 0, 2, 0);
    check_range("hidden_width=16..256", CAVIAR_INT_UNIFORM, 16, 256, 0);
    check_range("batch_size=32..32", CAVIAR_INT_UNIFORM, 32, 32, 0);
}

Test(space, distributions_can_be_named_and_quanta_bound_the_range) {
    check_range("learning_rate=uniform:1e-4..0.1", CAVIAR_UNIFORM, 1e-4, 0.1, 0);
    check_range("dropout=one_minus_log_uniform_values:0.1..0.5", CAVIAR_ONE_MINUS_LOG_UNIFORM, 0.1, 0.5, 0);
    check_range("decay_rate=log_uniform_values:0.001..1", CAVIAR_LOG_UNIFORM, 0.001, 1, 0);
    check_range("schedule_epochs=int_uniform:1..9", CAVIAR_INT_UNIFORM, 1, 9, 0);
    /* Only multiples of the quantum count; 0.3 and 0.1 are no exact multiples of each other in binary. */
    check_range("hidden_width=q_uniform:10..100:16", CAVIAR_Q_UNIFORM, 16, 96, 16);
    check_range("hidden_width = q_log_uniform_values : 16 .. 256 : 16", CAVIAR_Q_LOG_UNIFORM, 16, 256, 16);
    check_range("dropout=q_uniform:0.1..0.3:0.1", CAVIAR_Q_UNIFORM, 0.1, 3 * 0.1, 0.1);
    check_range("dropout=q_uniform:0..0.55:0.25", CAVIAR_Q_UNIFORM, 0, 0.5, 0.25);
}

Test(space, uniform_ranges_may_end_where_the_hyperparameter_nearly_does) {
    const double low = caviar_hyperparameter_find("learning_rate")->low;
    const double high = caviar_hyperparameter_find("momentum")->high;
    check_range("learning_rate=uniform:0..0.1", CAVIAR_UNIFORM, low, 0.1, 0);
    check_range("momentum=uniform:0..1", CAVIAR_UNIFORM, 0, high, 0);
}

Test(space, normal_distributions_stay_within_five_deviations_and_what_is_allowed) {
    check_range("dropout=normal:0.5,0.05", CAVIAR_NORMAL, 0.5 - 5 * 0.05, 0.5 + 5 * 0.05, 0);
    check_range("decay_rate = normal : 0.5 , 1 ", CAVIAR_NORMAL, 0, 5.5, 0);
    check_range("learning_rate=log_normal:-6,0.5", CAVIAR_LOG_NORMAL, exp(-8.5), exp(-3.5), 0);
    check_range("hidden_width=q_normal:64,8:16", CAVIAR_Q_NORMAL, 32, 96, 16);
    check_range("batch_size=q_log_normal:4,0.5:8", CAVIAR_Q_LOG_NORMAL, 8, 664, 8);
    const caviar_space_parameter *p = caviar_space_find(space, "batch_size");
    cr_expect(p->mean == 4 && p->deviation == 0.5);
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    REFUSES(caviar_space_add_normal(NULL, "dropout", CAVIAR_NORMAL, 0, 1, 0), bad, "NULL");
    REFUSES(caviar_space_add_normal(space, NULL, CAVIAR_NORMAL, 0, 1, 0), bad, "NULL");
    REFUSES(caviar_space_add_normal(space, "dropout", CAVIAR_UNIFORM, 0, 1, 0), bad, "takes min and max, not mu");
    REFUSES(caviar_space_add_normal(space, "dropout", CAVIAR_CONSTANT, 0, 1, 0), bad, "takes values, not a range");
    REFUSES(caviar_space_add_normal(space, "dropout", (caviar_distribution)12, 0, 1, 0), bad, "no distribution 12");
    REFUSES(caviar_space_add_normal(space, "dropout", CAVIAR_NORMAL, NAN, 1, 0), bad, "middle at nan");
    REFUSES(caviar_space_add_normal(space, "dropout", CAVIAR_NORMAL, 0.5, INFINITY, 0), bad, "sigma must be above 0");
}

Test(space, values_are_names_or_numbers) {
    const caviar_space_parameter *p = parsed("optimizer= adam , sgd");
    cr_expect(p->distribution == CAVIAR_CATEGORICAL && p->count == 2);
    cr_expect(p->values[0] == CAVIAR_ADAM && p->values[1] == CAVIAR_SGD);
    p = parsed("learning_rate=1e-3");
    cr_expect(p->distribution == CAVIAR_CONSTANT && p->count == 1 && p->values[0] == 1e-3);
    p = parsed("activation=tanh,sigmoid");
    cr_expect(p->values[0] == CAVIAR_TANH && p->values[1] == CAVIAR_SIGMOID);
    p = parsed("batch_norm=true");
    cr_expect(p->values[0] == 1);
    const char *const widths[] = { "4096", "1" };
    SUCCEEDS(caviar_space_add_values(space, "hidden_width_3", widths, 2));
    cr_expect(caviar_space_find(space, "hidden_width_3")->values[0] == 4096);
}

Test(space, refuses_what_is_no_parameter_and_stays_as_it_was) {
    static const struct {
        const char *line, *fragment;
    } cases[] = {
        { "lerning_rate=1e-3..1", "\"lerning_rate\" (did you mean learning_rate?); there are: optimizer, learning" },
        { "hidden_width_9=3", "hidden_width_1 .. hidden_width_8" },
        { "xyzzyxyzzy=3", "\"xyzzyxyzzy\"; there are" },
        { "learning_rate", "has no \"=\": write NAME=VALUE" },
        { "learning_rate=", "learning_rate has no value" },
        { "=3", "there is no hyperparameter \"\"" },
        { "learning_rate=0..1", "log_uniform_values needs a minimum above 0 (it is 0): raise it, or use uniform" },
        { "hidden_width=q_log_uniform_values:0..64:8", "needs a minimum above 0 (it is 0): raise it, or use q_unif" },
        { "learning_rate=uniform:-0.1..1", "learning_rate cannot be -0.1: it takes values from 1e-30" },
        { "learning_rate=1e-3..1e7", "learning_rate cannot be 10000000" },
        { "momentum=0.9..1", "needs a maximum below 1 (it is 1): lower it, or use uniform" },
        { "momentum=uniform:0.9..1.1", "momentum cannot be 1.1: it takes values from 0 to 0.9999999" },
        { "beta1=-0.1..0.9", "beta1 cannot be -0.1" },
        { "dropout=0..2", "dropout cannot be 2" },
        { "epsilon=0", "epsilon cannot be 0" },
        { "weight_decay=-1", "weight_decay cannot be -1" },
        { "hidden_width=0..64", "hidden_width cannot be 0: it takes values from 1 to 4096" },
        { "hidden_width=16..5000", "hidden_width cannot be 5000" },
        { "hidden_width=16.5..64", "int_uniform needs whole numbers for bounds" },
        { "hidden_width=16.5", "hidden_width cannot be 16.5: it takes whole numbers" },
        { "hidden_width=uniform:16..64", "takes whole numbers, which uniform does not give: use int_uniform" },
        { "hidden_width=log_uniform_values:16..64", "or q_log_uniform_values with a quantum of 1" },
        { "hidden_width=q_uniform:16..64:0.5", "its quantum must be whole too (it is 0.5)" },
        { "hidden_width=q_uniform:16..64", "q_uniform needs a quantum above 0 (it is 0)" },
        { "hidden_width=q_uniform:17..31:16", "no multiple of 16 lies from 17 to 31" },
        { "dropout=q_uniform:0..0.5:-0.1", "needs a quantum above 0 (it is -0.1)" },
        { "hidden_width=16..64:8",
          "a quantum (8) is for distributions that begin with q_, such as q_uniform, not int_uniform" },
        { "hidden_layers=0..9", "hidden_layers cannot be 9: it takes values from 0 to 8" },
        { "batch_size=0", "batch_size cannot be 0: it takes values from 1 to 65536" },
        { "dropout=0.5..0.1", "the range ends (0.1) before it begins (0.5)" },
        { "dropout=a..0.1", "the minimum \"a\" is not a number" },
        { "dropout=0..", "the maximum \"\" is not a number" },
        { "dropout=0..inf", "the maximum \"inf\" is not a number" },
        { "dropout=0..0x1p-1", "the maximum \"0x1p-1\" is not a number" },
        { "dropout=q_uniform:0..0.5:x", "the quantum \"x\" is not a number" },
        { "dropout=nan", "\"nan\" is not a number" },
        { "dropout=1e999", "\"1e999\" is not a number" },
        { "dropout=0.1,0.2,0.1", "the value 0.1 stands there twice" },
        { "dropout=0.1,0.10", "the value 0.10 stands there twice" },
        { "dropout=0.1,,0.2", "\"\" is not a number" },
        { "dropout=uniform:0.1", "has a colon but no range" },
        { "optimizer=adam..sgd", "optimizer has no range: name its values, as in optimizer=sgd,momentum" },
        { "optimizer=adem", "optimizer cannot be \"adem\" (did you mean adam?); it is one of: sgd, momentum, rmsprop" },
        { "optimizer=adam,adam", "stands there twice" },
        { "batch_norm=1", "it is one of: false, true" },
        { "activation=identity", "it is one of: relu, tanh, sigmoid" },
        { "dropout=categorical:0..0.5", "categorical takes values, not a range" },
        { "dropout=constant:0..0.5", "constant takes values, not a range" },
        { "dropout=unifrom:0..0.5", "there is no distribution \"unifrom\" (did you mean uniform?)" },
        { "momentum=log_uniform:-4..-1", "its bounds are exponents of e; write log_uniform_values" },
        { "momentum=inv_log_uniform_values:0.9..0.999", "write one_minus_log_uniform_values" },
        { "dropout=normal:0..0.5", "dropout: normal takes mu and sigma, not min and max" },
        { "dropout=beta:1,2", "write uniform or normal" },
        { "dropout=normal:0.5", "has a colon but no range and no MU,SIGMA" },
        { "dropout=uniform:0.1,0.5", "has a colon but no range" },
        { "dropout=normal:a,0.5", "the mu \"a\" is not a number" },
        { "dropout=normal:0.5,", "the sigma \"\" is not a number" },
        { "dropout=normal:0.5,0", "sigma must be above 0 (it is 0)" },
        { "dropout=normal:0.5,-1", "sigma must be above 0 (it is -1)" },
        { "dropout=normal:-0.5,1", "mu -0.5 has its middle at -0.5, and dropout takes values from 0 to" },
        { "learning_rate=log_normal:50,1", "has its middle at" },
        { "dropout=normal:0.5,0.1:0.1", "a quantum (0.1) is for distributions that begin with q_" },
        { "dropout=q_normal:0.5,0.1", "q_normal needs a quantum above 0" },
        { "dropout=q_normal:0.5,0.01:0.3", "no multiple of 0.3 lies from 0.45 to 0.55" },
        { "hidden_width=normal:64,8", "which normal does not give: use q_normal or q_log_normal with a quantum of 1" },
        { "optimizer=normal:1,2", "optimizer has no range" },
    };
    parsed("dropout=0.125");
    parsed("learning_rate=0.5");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const caviar_status status = caviar_space_parse(space, cases[i].line);
        cr_expect(status == CAVIAR_INVALID_ARGUMENT && strstr(caviar_last_error(), cases[i].fragment),
                  "%s: status %d: %s", cases[i].line, (int)status, caviar_last_error());
    }
    cr_expect_eq(caviar_space_size(space), 2);
    cr_expect(caviar_space_find(space, "dropout")->values[0] == 0.125);
    cr_expect(caviar_space_find(space, "learning_rate")->values[0] == 0.5);
}

Test(space, refuses_bad_arguments) {
    const char *const values[CAVIAR_MAX_VALUES + 1] = { "0.1", NULL };
    const char *name = "untouched";
    caviar_metric metric = (caviar_metric)77;
    const caviar_status bad = CAVIAR_INVALID_ARGUMENT;
    REFUSES(caviar_space_create(NULL), bad, "space is NULL");
    REFUSES(caviar_space_create_default(NULL), bad, "space is NULL");
    REFUSES(caviar_space_add_range(NULL, "dropout", CAVIAR_UNIFORM, 0, 0.5, 0), bad, "NULL");
    REFUSES(caviar_space_add_range(space, NULL, CAVIAR_UNIFORM, 0, 0.5, 0), bad, "NULL");
    REFUSES(caviar_space_add_range(space, "dropout", (caviar_distribution)12, 0, 0.5, 0), bad, "no distribution 12");
    REFUSES(caviar_space_add_range(space, "dropout", (caviar_distribution)-1, 0, 0.5, 0), bad, "no distribution -1");
    REFUSES(caviar_space_add_range(space, "dropout", CAVIAR_UNIFORM, NAN, 0.5, 0), bad, "not a finite number");
    REFUSES(caviar_space_add_range(space, "dropout", CAVIAR_UNIFORM, 0, INFINITY, 0), bad, "not a finite number");
    REFUSES(caviar_space_add_range(space, "dropout", CAVIAR_UNIFORM, 0, 0.5, NAN), bad, "a quantum (nan)");
    REFUSES(caviar_space_add_range(space, "dropout", CAVIAR_Q_UNIFORM, 0, 0.5, NAN), bad, "a quantum above 0");
    REFUSES(caviar_space_add_range(space, "dropout", CAVIAR_Q_UNIFORM, 0, 0.5, 1e-300), bad, "no multiple");
    REFUSES(caviar_space_add_values(NULL, "dropout", values, 1), bad, "NULL");
    REFUSES(caviar_space_add_values(space, NULL, values, 1), bad, "NULL");
    REFUSES(caviar_space_add_values(space, "dropout", NULL, 1), bad, "NULL");
    REFUSES(caviar_space_add_values(space, "dropout", values, 0), bad, "at least one value");
    REFUSES(caviar_space_add_values(space, "dropout", values, -1), bad, "at least one value");
    REFUSES(caviar_space_add_values(space, "dropout", values, 2), bad, "value 1 is NULL");
    REFUSES(caviar_space_add_values(space, "dropout", values, CAVIAR_MAX_VALUES + 1), bad, "may have 64: use a range");
    REFUSES(caviar_space_parse(NULL, "dropout=0"), bad, "NULL");
    REFUSES(caviar_space_parse(space, NULL), bad, "NULL");
    REFUSES(caviar_space_parameter_name(&name, NULL, 0), bad, "NULL");
    REFUSES(caviar_space_parameter_name(NULL, space, 0), bad, "NULL");
    REFUSES(caviar_space_parameter_name(&name, space, 0), bad, "index 0 is not one of the 0 parameters");
    REFUSES(caviar_space_parameter_name(&name, space, -1), bad, "index -1");
    REFUSES(caviar_space_get_metric(NULL, space), bad, "NULL");
    REFUSES(caviar_space_get_metric(&metric, NULL), bad, "NULL");
    REFUSES(caviar_space_get_metric(&metric, space), CAVIAR_NOT_FOUND, "names no metric");
    REFUSES(caviar_space_set_metric(NULL, CAVIAR_VALIDATION_LOSS), bad, "NULL");
    REFUSES(caviar_space_set_metric(space, (caviar_metric)2), bad, "no metric 2");
    cr_expect(caviar_space_size(space) == 0 && caviar_space_size(NULL) == 0);
    cr_expect(metric == (caviar_metric)77 && strcmp(name, "untouched") == 0);
    SUCCEEDS(caviar_space_set_metric(space, CAVIAR_VALIDATION_LOSS));
    SUCCEEDS(caviar_space_get_metric(&metric, space));
    cr_expect(metric == CAVIAR_VALIDATION_LOSS);
    caviar_space_destroy(NULL);
}

/* 64 values are taken, 65 on a line are not. */
Test(space, counts_values) {
    char line[1024] = "batch_size=1";
    for (int i = 2; i <= CAVIAR_MAX_VALUES; i++) snprintf(line + strlen(line), sizeof line - strlen(line), ",%d", i);
    cr_expect_eq(parsed(line)->count, CAVIAR_MAX_VALUES);
    strcat(line, ",65,66,67");
    REFUSES(caviar_space_parse(space, line), CAVIAR_INVALID_ARGUMENT, "may have 64: use a range");
}

Test(space, the_default_space_can_be_trained) {
    caviar_space *usual;
    SUCCEEDS(caviar_space_create_default(&usual));
    cr_expect(caviar_space_size(usual) >= 5 && caviar_space_find(usual, "learning_rate"));
    SUCCEEDS(caviar_space_check_trainable(usual, 1000));
    caviar_space_destroy(usual);
}

Test(space, combinations_that_cannot_be_trained_are_refused) {
    static const struct {
        const char *first, *second, *fragment;
    } cases[] = {
        { "batch_size=32,101", "dropout=0", "batch_size can be 101, and the training part has 100 examples" },
        { "batch_size=32..200", "dropout=0", "batch_size can be 200" },
        { "batch_size=1,2", "dropout=0", "batch norm has no variance" },
        { "batch_size=1", "batch_norm=false,true", "batch norm has no variance" },
        { "batch_size=2", "schedule=constant,exponential", "needs a decay_rate above 0 and at most 1, and it is 0 to" },
        { "schedule=exponential", "decay_rate=0.5..2", "decay_rate" },
        { "batch_size=2", "hidden_width_3=16", "networks have at most 2 hidden layers: give it hidden_layers=3" },
        { "hidden_layers=1..4", "hidden_width_5=16", "at most 4 hidden layers" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        destroy_space();
        make_space();
        if (strstr(cases[i].fragment, "batch_size") == NULL) parsed("batch_size=2");
        parsed(cases[i].first);
        parsed(cases[i].second);
        REFUSES(caviar_space_check_trainable(space, 100), CAVIAR_INVALID_ARGUMENT, cases[i].fragment);
    }
    destroy_space();
    make_space();
    parsed("batch_size=1..100");
    parsed("batch_norm=false");
    parsed("schedule=exponential,inverse_time");
    parsed("decay_rate=0.5..1");
    parsed("hidden_layers=0,3");
    parsed("hidden_width_3=7");
    SUCCEEDS(caviar_space_check_trainable(space, 100));
    /* Without hidden layers there is no batch norm that would need two examples. */
    destroy_space();
    make_space();
    parsed("batch_size=1");
    parsed("hidden_layers=0");
    SUCCEEDS(caviar_space_check_trainable(space, 100));
}

/* The parameters of the space in their order, as text. */
static const char *names(const caviar_space *of) {
    static char text[1024];
    text[0] = '\0';
    for (int32_t i = 0; i < caviar_space_size(of); i++) {
        const char *name;
        SUCCEEDS(caviar_space_parameter_name(&name, of, i));
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? " " : "", name);
    }
    return text;
}

Test(space, the_word_said_last_wins) {
    static const struct {
        const char *lines[5], *names;
        int notes;
    } cases[] = {
        { { "hidden_width_1=8", "dropout=0", "hidden_width_8=9", "hidden_width=7" }, "dropout hidden_width", 2 },
        { { "hidden_width=7", "hidden_width_2=9" }, "hidden_width hidden_width_2", 0 },
        { { "hidden_width=7", "hidden_width_2=9", "hidden_width=8" }, "hidden_width", 1 },
        { { "hidden_width_1=8", "hidden_width_2=9", "hidden_layers=1" }, "hidden_width_1 hidden_layers", 1 },
        { { "hidden_width_1=8", "hidden_layers=0" }, "hidden_layers", 1 },
        { { "hidden_width_3=8", "hidden_width_4=9", "hidden_layers=1,3" }, "hidden_width_3 hidden_layers", 1 },
        { { "hidden_width_3=8", "hidden_width_4=9", "hidden_layers=0..4" },
          "hidden_width_3 hidden_width_4 hidden_layers",
          0 },
        { { "hidden_layers=4", "hidden_width_3=8", "dropout=0", "hidden_layers=2", "hidden_layers=4" },
          "hidden_layers dropout",
          1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        destroy_space();
        make_space();
        for (int line = 0; line < 5 && cases[i].lines[line]; line++) parsed(cases[i].lines[line]);
        cr_expect_str_eq(names(space), cases[i].names, "case %zu: %s", i, names(space));
        cr_expect_eq(caviar_space_note_count(space), cases[i].notes, "case %zu", i);
    }
    const char *text = "untouched";
    SUCCEEDS(caviar_space_note(&text, space, 0));
    cr_expect_str_eq(text, "hidden_width_3 is dropped, for hidden_layers came after it, and networks have at most 2 "
                           "hidden layers now");
    REFUSES(caviar_space_note(NULL, space, 0), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_note(&text, NULL, 0), CAVIAR_INVALID_ARGUMENT, "NULL");
    REFUSES(caviar_space_note(&text, space, 1), CAVIAR_INVALID_ARGUMENT, "index 1 is not one of the 1 notes");
    REFUSES(caviar_space_note(&text, space, -1), CAVIAR_INVALID_ARGUMENT, "index -1");
    cr_expect_eq(caviar_space_note_count(NULL), 0);

    /* What is refused drops nothing. */
    destroy_space();
    make_space();
    parsed("hidden_width_1=8");
    REFUSES(caviar_space_parse(space, "hidden_width=0"), CAVIAR_INVALID_ARGUMENT, "hidden_width cannot be 0");
    cr_expect_str_eq(names(space), "hidden_width_1");

    /* The default space's widths are nobody's words. */
    caviar_space *usual;
    for (int i = 0; i < 2; i++) {
        SUCCEEDS(caviar_space_create_default(&usual));
        SUCCEEDS(caviar_space_parse(usual, i ? "hidden_layers=0" : "hidden_width=7"));
        cr_expect(strstr(names(usual), "hidden_width_") == NULL && caviar_space_note_count(usual) == 0, "%s",
                  names(usual));
        SUCCEEDS(caviar_space_check_trainable(usual, 1000));
        caviar_space_destroy(usual);
    }
    SUCCEEDS(caviar_space_create_default(&usual));
    SUCCEEDS(caviar_space_parse(usual, "hidden_width_2=9"));
    SUCCEEDS(caviar_space_parse(usual, "hidden_width=7"));
    cr_expect_eq(caviar_space_note_count(usual), 1);
    caviar_space_destroy(usual);
}

Test(space, knows_what_matters_to_a_trial) {
    static const struct {
        const char *name, *line, *other;
    } cases[] = {
        { "momentum", "optimizer=momentum", "optimizer=adam" },
        { "momentum", "optimizer=momentum", "optimizer=sgd" },
        { "beta1", "optimizer=adam", "optimizer=rmsprop" },
        { "beta1", "optimizer=adamw", "optimizer=momentum" },
        { "beta2", "optimizer=rmsprop", "optimizer=sgd" },
        { "epsilon", "optimizer=adamw", "optimizer=momentum" },
        { "decay_rate", "schedule=inverse_time", "schedule=cosine" },
        { "decay_rate", "schedule=exponential", "schedule=constant" },
        { "schedule_epochs", "schedule=cosine", "schedule=exponential" },
        { "dropout", "hidden_layers=1", "hidden_layers=0" },
        { "activation", "hidden_layers=1", "hidden_layers=0" },
        { "batch_norm", "hidden_layers=1", "hidden_layers=0" },
        { "hidden_width", "hidden_layers=1", "hidden_layers=0" },
        { "hidden_width_1", "hidden_layers=1", "hidden_layers=0" },
        { "hidden_width_8", "hidden_layers=8", "hidden_layers=7" },
        { "learning_rate", "optimizer=sgd", NULL },
        { "batch_size", "hidden_layers=0", NULL },
        { NULL, "hidden_layers=0", "hidden_layers=0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int is_other = 0; is_other < 2; is_other++) {
            const char *line = is_other ? cases[i].other : cases[i].line;
            if (line == NULL) continue;
            destroy_space();
            make_space();
            const double value = parsed(line)->values[0];
            const caviar_trial trial = caviar_trial_make(space, &value, 1000, 0, 0, 1);
            cr_expect_eq(caviar_trial_uses(&trial, cases[i].name), !is_other && cases[i].name, "%s with %s",
                         cases[i].name, line);
            cr_expect_eq(caviar_trial_uses(&trial, "momenta"), 0);
        }
    }
    cr_expect_eq(caviar_trial_uses(NULL, "learning_rate"), 0);
}

Test(space, a_trial_takes_every_value_to_its_place) {
    static const char *const lines[] = {
        "hidden_width=5",     "hidden_width_2=9", "hidden_layers=3",  "optimizer=rmsprop",
        "learning_rate=0.25", "momentum=0.5",     "beta1=0.75",       "beta2=0.875",
        "epsilon=0.125",      "weight_decay=2",   "schedule=cosine",  "decay_rate=3",
        "dropout=0.0625",     "activation=tanh",  "batch_norm=false", "batch_size=77",
    };
    enum { COUNT = sizeof lines / sizeof lines[0] };
    double values[COUNT + 1];
    for (int i = 0; i < COUNT; i++) values[i] = parsed(lines[i])->values[0];
    caviar_trial trial = caviar_trial_make(space, values, 5000, 12, 3, 40);
    const caviar_hyperparameters *h = &trial.hyperparameters;
    cr_expect(trial.number == 12 && trial.round == 3 && trial.state == CAVIAR_TRIAL_PLANNED);
    cr_expect(isnan(trial.validation.loss) && isnan(trial.training.accuracy));
    cr_expect(trial.hidden_layers == 3 && trial.batch_norm == 0 && trial.batch_size == 77);
    /* The width of one layer wins over hidden_width; layers that are not there are 0. */
    static const int32_t widths[CAVIAR_MAX_HIDDEN_LAYERS] = { 5, 9, 5, 0, 0, 0, 0, 0 };
    cr_expect(memcmp(trial.hidden_width, widths, sizeof widths) == 0);
    cr_expect(memcmp(h->hidden_width, widths, sizeof widths) == 0);
    cr_expect(h->optimizer == CAVIAR_RMSPROP && h->schedule == CAVIAR_COSINE && h->activation == CAVIAR_TANH);
    cr_expect(h->learning_rate == 0.25 && h->momentum == 0.5 && h->beta1 == 0.75 && h->beta2 == 0.875);
    cr_expect(h->epsilon == 0.125 && h->weight_decay == 2 && h->decay_rate == 3 && h->dropout == 0.0625);
    cr_expect(h->schedule_epochs == 40 && h->struct_size == sizeof *h && h->stream == 0);
    values[COUNT] = parsed("schedule_epochs=7")->values[0];
    trial = caviar_trial_make(space, values, 5000, 0, 0, 40);
    cr_expect(trial.hyperparameters.schedule_epochs == 7);
    destroy_space();
    make_space();
    trial = caviar_trial_make(space, values, 5000, 0, 0, 40);
    static const int32_t usual[CAVIAR_MAX_HIDDEN_LAYERS] = { 128, 64, 0, 0, 0, 0, 0, 0 };
    cr_expect(memcmp(trial.hidden_width, usual, sizeof usual) == 0);
    cr_expect(trial.hidden_layers == 2 && trial.batch_norm == 1 && trial.batch_size == 128);
    /* Eight minibatches an epoch, as long as they have two examples. */
    static const int64_t sizes[][2] = { { 1024, 128 }, { 1023, 64 }, { 105, 8 }, { 16, 2 }, { 2, 2 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        cr_expect_eq(caviar_trial_make(space, values, sizes[i][0], 0, 0, 40).batch_size, sizes[i][1]);
}

Test(space, constants_configure_one_network) {
    caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = 5;
    options.seed = 99;
    parsed("hidden_layers=1");
    parsed("hidden_width=33");
    parsed("schedule=cosine");
    parsed("batch_norm=false");
    SUCCEEDS(caviar_space_configure(&h, &options, space, 200, 12));
    cr_expect(options.hidden_layers == 1 && options.hidden_width[0] == 33 && options.batch_norm == 0);
    cr_expect(options.batch_size == 16 && options.models == 5 && options.seed == 99);
    cr_expect(h.schedule == CAVIAR_COSINE && h.schedule_epochs == 12 && h.hidden_width[0] == 33);
    REFUSES(caviar_space_configure(NULL, &options, space, 200, 12), CAVIAR_INVALID_ARGUMENT, "must not be NULL");
    REFUSES(caviar_space_configure(&h, NULL, space, 200, 12), CAVIAR_INVALID_ARGUMENT, "must not be NULL");
    REFUSES(caviar_space_configure(&h, &options, NULL, 200, 12), CAVIAR_INVALID_ARGUMENT, "must not be NULL");
    REFUSES(caviar_space_configure(&h, &options, space, 0, 12), CAVIAR_INVALID_ARGUMENT, "training_examples");
    REFUSES(caviar_space_configure(&h, &options, space, 200, 0), CAVIAR_INVALID_ARGUMENT, "epochs");
    parsed("dropout=0..0.5");
    REFUSES(caviar_space_configure(&h, &options, space, 200, 12), CAVIAR_INVALID_ARGUMENT, "dropout=VALUE");
}

Test(space, numbers_do_not_depend_on_the_locale) {
    static const double numbers[] = { 0.1,    1.0 / 3, 1e-300, 123456789.125, 0.9990000000000001,
                                      5e-324, 1e22,    -0.25,  1e300,         0 };
    /* Where no such locale is installed the loop runs once more in the C locale. */
    static const char *const locales[] = { "C", "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8" };
    for (size_t l = 0; l < sizeof locales / sizeof locales[0]; l++) {
        setlocale(LC_ALL, locales[l]);
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            char text[CAVIAR_NUMBER_SIZE];
            double back = 77;
            caviar_number_format(text, numbers[i]);
            cr_expect(caviar_number_parse(&back, text) && back == numbers[i], "%.17g: %s", numbers[i], text);
        }
        cr_expect(fabs(parsed("learning_rate=0.125")->values[0] - 0.125) == 0);
    }
    char text[CAVIAR_NUMBER_SIZE];
    caviar_number_format(text, 0.1);
    cr_expect_str_eq(text, "0.1");
    caviar_number_format(text, NAN);
    cr_expect_str_eq(text, "nan");
    caviar_number_format(text, -INFINITY);
    cr_expect_str_eq(text, "-inf");
}
