/* `caviar search` from a CSV file to a folder: what it prints and leaves, the same for the same seed, and Ctrl-C. */
#include "command.h"

#include <pty.h>
#include <signal.h>
#include <time.h>

TestSuite(cli_search, .init = command_enter, .fini = command_leave, .timeout = 120);

#define SMALL "search --data data.csv --trials 9 --epochs 3 --rounds 3 --seed 7 --set batch_size=16 --threads 1"

static void wait_a_little(void) {
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static double number_at(const json_t *object, const char *outer, const char *inner) {
    const json_t *value = json_object_get(json_object_get(object, outer), inner);
    cr_assert(json_is_number(value), "%s.%s is no number", outer, inner);
    return json_number_value(value);
}

Test(cli_search, leaves_a_folder_and_says_the_test_accuracy) {
    write_examples("data.csv", 300, 1, 1);
    command_result text = command_run(SMALL " --out found --top 4");
    assert_code(text, 0);
    cr_assert_str_empty(text.err, "without a terminal there is no progress line: %s", text.err);
    cr_assert_eq(strncmp(text.out, "device: cpu, ", 13), 0, "%s", text.out);
    assert_contains(text.out, "\n   1 ");
    assert_contains(text.out, "\n   4 ");
    cr_assert_null(strstr(text.out, "\n   5 "), "--top 4 shows four trials:\n%s", text.out);
    assert_contains(text.out, " models x steps/s\n");
    assert_contains(text.out, "recorded in found\n");

    const char *last = last_line(text.out);
    double accuracy;
    int length = 0;
    cr_assert_eq(sscanf(last, "test accuracy %lf%n", &accuracy, &length), 1, "the last line is: %s", last);
    cr_assert_eq(length, (int)strlen(last));
    cr_assert_eq(length, (int)strlen("test accuracy 0.1234"));
    cr_assert(accuracy > 0.6 && accuracy <= 1.0, "%s: the three classes are easier than that", last);

    char *trials = file_text("found/trials.csv");
    cr_assert_eq(line_count(trials), 1 + 9, "%s", trials);
    cr_assert(file_exists("found/space.yaml") && file_exists("found/search.json"));
    cr_assert(file_exists("found/best.safetensors"));

    /* What is there is not written over, and the space that was left can be searched again to the same trials. */
    command_result again = command_run(SMALL " --out found");
    assert_code(again, 2);
    command_result from_file = command_run("search --data data.csv --trials 9 --epochs 3 --rounds 3 --seed 7 "
                                           "--space found/space.yaml --out other");
    assert_code(from_file, 0);
    char *same = file_text("found/trials.csv"), *others = file_text("other/trials.csv");
    cr_assert_str_eq(same, trials);
    cr_assert_str_eq(others, trials);
    free(trials);
    free(same);
    free(others);
    command_free(&text);
    command_free(&again);
    command_free(&from_file);
}

Test(cli_search, json_says_the_same) {
    write_examples("data.csv", 300, 2, 1);
    command_result text = command_run(SMALL " --out text"), json = command_run(SMALL " --out json --json");
    command_result quiet = command_run(SMALL " --out quiet --quiet");
    assert_code(text, 0);
    assert_code(json, 0);
    assert_code(quiet, 0);
    json_t *document = parse_json(json.out);
    cr_assert_eq(json_integer_value(json_object_get(document, "seed")), 7);
    cr_assert(json_is_false(json_object_get(document, "interrupted")));
    cr_assert_str_eq(json_string_value(json_object_get(document, "directory")), "json");
    cr_assert_gt(number_at(document, "throughput", "model_steps_per_second"), 0.0);
    cr_assert_gt(number_at(document, "throughput", "model_steps"), 0.0);
    cr_assert_eq(number_at(document, "data", "features"), 4.0);
    cr_assert_eq(number_at(document, "data", "test"), 45.0);

    const json_t *trials = json_object_get(document, "trials");
    const json_int_t best = json_integer_value(json_object_get(document, "best"));
    cr_assert_eq(json_array_size(trials), 9);
    const double best_accuracy = number_at(json_array_get(trials, (size_t)best), "validation", "accuracy");
    for (size_t i = 0; i < 9; i++) {
        const json_t *trial = json_array_get(trials, i);
        cr_assert_eq(json_integer_value(json_object_get(trial, "number")), (json_int_t)i);
        cr_assert_eq(json_integer_value(json_object_get(trial, "round")), (json_int_t)i / 3);
        cr_assert_str_eq(json_string_value(json_object_get(trial, "state")), "complete");
        cr_assert_eq(number_at(trial, "hyperparameters", "batch_size"), 16.0);
        cr_assert_leq(number_at(trial, "validation", "accuracy"), best_accuracy);
    }
    char expected[64];
    snprintf(expected, sizeof expected, "test accuracy %.4f", number_at(document, "test", "accuracy"));
    cr_assert_str_eq(last_line(text.out), expected);
    cr_assert_str_eq(last_line(quiet.out), expected);
    cr_assert_eq(line_count(quiet.out), 1);
    json_decref(document);
    command_free(&text);
    command_free(&json);
    command_free(&quiet);
}

/* What the folder says is what was printed, in the same names. */
Test(cli_search, the_folder_holds_the_study) {
    write_examples("data.csv", 300, 21, 1);
    command_result result =
        command_run("search --data data.csv --label label --trials 4 --epochs 2 --rounds 1 --seed 5 "
                    "--threads 1 --set batch_size=32 --set hidden_width=4,8 --test-fraction 0.2 "
                    "--out found --json");
    assert_code(result, 0);
    json_t *printed = parse_json(result.out);
    char *text = file_text("found/search.json");
    json_t *kept = parse_json(text);
    const char *key;
    json_t *value;
    int shared = 0;
    json_object_foreach(kept, key, value) {
        const json_t *said = json_object_get(printed, key);
        /* These tell more in one of the two, or to another digit. */
        if (!strcmp(key, "data") || !strcmp(key, "device") || !strcmp(key, "best_trial") || !strcmp(key, "test"))
            continue;
        cr_assert(json_equal(said, value), "%s", key);
        shared++;
    }
    cr_assert(shared >= 12, "%d", shared);
    const json_t *best = json_object_get(kept, "best_trial"),
                 *same = json_array_get(json_object_get(printed, "trials"), (size_t)number_in(kept, "best"));
    cr_assert_eq(json_object_size(best), json_object_size(same));
    cr_assert_float_eq(number_in(json_object_get(best, "validation"), "loss"),
                       number_in(json_object_get(same, "validation"), "loss"), 1e-12);
    cr_assert_float_eq(number_in(json_object_get(kept, "test"), "accuracy"),
                       number_in(json_object_get(printed, "test"), "accuracy"), 1e-12);
    const json_t *options = json_object_get(kept, "options");
    cr_assert_str_eq(json_string_value(json_object_get(options, "label")), "label");
    cr_assert_eq(json_number_value(json_object_get(options, "test-fraction")), 0.2);
    cr_assert_eq(json_array_size(json_object_get(options, "set")), 2);
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(kept, "data"), "source")), "data.csv");
    cr_assert(json_object_get(json_object_get(kept, "test"), "confusion") != NULL);
    json_decref(kept);
    json_decref(printed);
    free(text);
    command_free(&result);
}

Test(cli_search, same_seed_same_bytes) {
    write_examples("data.csv", 300, 3, 1);
    static const char *const variants[] = { "--threads 1", "--threads 2", "--threads 2 --models-at-once 2" };
    command_result first = command_run(SMALL " --out first");
    assert_code(first, 0);
    char *trials = file_text("first/trials.csv");
    for (int i = 0; i < 3; i++) {
        char path[64];
        command_result result = command_run(SMALL " %s --out again-%d", variants[i], i);
        assert_code(result, 0);
        snprintf(path, sizeof path, "again-%d/trials.csv", i);
        char *same = file_text(path);
        cr_assert_str_eq(same, trials, "%s gives other trials:\n%s\n%s", variants[i], same, trials);
        cr_assert_str_eq(last_line(result.out), last_line(first.out) + 0);
        snprintf(path, sizeof path, "cmp first/best.safetensors again-%d/best.safetensors", i);
        cr_assert_eq(system(path), 0);
        free(same);
        command_free(&result);
    }
    command_result other = command_run(SMALL " --out other --seed 8");
    assert_code(other, 0);
    char *different = file_text("other/trials.csv");
    cr_assert_str_neq(different, trials);
    free(different);
    free(trials);
    command_free(&first);
    command_free(&other);
}

Test(cli_search, a_finite_space_ends_with_its_last_point) {
    write_examples("data.csv", 200, 9, 1);
    write_file("finite.yaml", "parameters:\n  optimizer: {values: [sgd, adam]}\n  hidden_layers: {values: [1, 2]}\n");
#define FINITE "search --data data.csv --trials 24 --rounds 9 --epochs 1 --space finite.yaml --out "
    command_result text = command_run(FINITE "text"), json = command_run(FINITE "json --json");
    command_result quiet = command_run(FINITE "quiet --quiet");
    assert_code(text, 0);
    assert_code(json, 0);
    assert_code(quiet, 0);
    cr_assert_str_eq(text.err, "caviar search: note: the space has 4 distinct points: 4 trials instead of 24\n");
    assert_contains(text.out, "search: 4 trials, 1 epochs, 4 rounds");
    cr_assert_str_empty(quiet.err);
    char *trials = file_text("text/trials.csv");
    cr_assert_eq(line_count(trials), 1 + 4, "%s", trials);
    static const char *const points[] = { ",sgd,1\n", ",sgd,2\n", ",adam,1\n", ",adam,2\n" };
    for (int i = 0; i < 4; i++) assert_contains(trials, points[i]);
    json_t *document = parse_json(json.out);
    cr_assert_eq(json_array_size(json_object_get(document, "trials")), 4);
    json_decref(document);
    free(trials);
    command_free(&text);
    command_free(&json);
    command_free(&quiet);
}

/* The best trial again, by itself: the same loss after as many epochs, whatever its optimizer, schedule and shape. */
Test(cli_search, best_yaml_trains_the_best_network_again) {
    write_examples("data.csv", 200, 10, 1);
    static const char *const spaces[] = { "", "--set hidden_layers=0,3 --set optimizer=rmsprop --set schedule=cosine",
                                          "--set schedule=exponential --set decay_rate=0.3..0.9 --set batch_size=7" };
    for (int i = 0; i < 3; i++) {
        char path[64];
        command_result found =
            command_run("search --data data.csv --trials 5 --epochs 4 --seed 3 %s --out found-%d", spaces[i], i);
        assert_code(found, 0);
        command_result train =
            command_run("train --data data.csv --epochs 4 --seed 3 --space found-%d/best.yaml --json "
                        "--out again-%d.safetensors",
                        i, i);
        assert_code(train, 0);
        cr_assert_str_empty(train.err);
        snprintf(path, sizeof path, "found-%d/search.json", i);
        char *text = file_text(path);
        json_t *search = parse_json(text), *document = parse_json(train.out);
        const json_t *best = json_object_get(search, "best_trial");
        const size_t epoch = (size_t)number_in(best, "best_epoch");
        const json_t *row = json_array_get(json_object_get(document, "epochs"), epoch - 1);
        /* The command's document has 15 digits. */
        const double validation = number_at(best, "validation", "loss");
        const double training = number_at(best, "training", "loss");
        cr_assert_float_eq(number_at(row, "validation", "loss"), validation, 1e-14 * validation, "%s", text);
        cr_assert_float_eq(number_at(row, "training", "loss"), training, 1e-14 * training, "%s", text);
        json_decref(search);
        json_decref(document);
        free(text);
        command_free(&found);
        command_free(&train);
    }
}

/* From a sweep configuration as it is to the test accuracy; what is taken as something else is said. */
Test(cli_search, sweep_configurations_run_as_they_are) {
    static const struct {
        const char *name, *note, *header;
    } sweeps[] = {
        { "quickstart", "quickstart.yaml:10: fc_layer_size is taken as hidden_width\n", "search: 4 trials" },
        { "bayes-hyperband", "bayes-hyperband.yaml:16: run_cap is left unread: give --trials\n", "search: 4 trials" },
        { "grid", "grid.yaml:8: lr is taken as learning_rate\n", "search: 12 trials, 1 epochs, 1 rounds" },
        { "command", "changes nothing here: program, command, $schema\n", "search: 4 trials" },
        { "exponents", "log_uniform of learning_rate is taken as log_uniform_values from", "search: 4 trials" },
        { "normal", "normal.yaml:5: lr is taken as learning_rate\n", "search: 4 trials" },
        { "quanta", "quanta.yaml:7: beta_1 is taken as beta1\n", "search: 4 trials" },
        { "constants", "constants.yaml:5: wd is taken as weight_decay\n", "search: 1 trials, 1 epochs, 1 rounds" },
        { "widths", "widths.yaml:6: hidden_width_3 is dropped", "search: 4 trials" },
    };
    write_examples("data.csv", 300, 11, 1);
    for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0]; i++) {
        const char *trials = strstr(sweeps[i].header, "4 trials") ? "--trials 4" : "";
        command_result result = command_run("search --data data.csv --epochs 1 %s --space %s/%s.yaml --out found-%zu",
                                            trials, CAVIAR_SWEEPS, sweeps[i].name, i);
        assert_code(result, 0);
        assert_contains(result.err, "caviar search: note: ");
        assert_contains(result.err, sweeps[i].note);
        assert_contains(result.out, sweeps[i].header);
        cr_assert_eq(strncmp(last_line(result.out), "test accuracy ", 14), 0);
        command_free(&result);
    }
    write_file("large.yaml", "method: grid\nparameters:\n  hidden_width_1: {min: 1, max: 4096}\n"
                             "  hidden_width_2: {min: 1, max: 4096}\n  batch_size: {min: 2, max: 200}\n");
    command_result large = command_run("search --data data.csv --space large.yaml --out large");
    assert_code(large, 2);
    assert_contains(large.err, "the grid has 3338665984 points: give --trials");
    cr_assert_not(file_exists("large"));
    command_free(&large);
}

/* A word of --set is trained, whatever the default space says of the widths of single layers. */
Test(cli_search, the_word_said_last_is_trained) {
    write_examples("data.csv", 200, 8, 1);
#define ONE "search --data data.csv --trials 2 --epochs 1 --rounds 1 --set batch_size=16 "
    command_result width = command_run(ONE "--set hidden_width=7 --out width");
    assert_code(width, 0);
    assert_contains(width.out, "hidden_width=7");
    cr_assert_str_empty(width.err);
    cr_assert_eq(system("tr -d '\\0' < width/best.safetensors | grep -q '\"hidden.0.weight\":[^}]*\\[4,7\\]'"), 0);
    command_result none = command_run(ONE "--set hidden_layers=0 --set momentum=0.5 --set optimizer=sgd --out none");
    assert_code(none, 0);
    cr_assert_str_empty(none.err);
    cr_assert_null(strstr(none.out, "dropout"), "it means nothing without hidden layers:\n%s", none.out);
    cr_assert_null(strstr(none.out, "momentum"), "it means nothing to sgd:\n%s", none.out);
    command_result own = command_run(ONE "--set hidden_width_1=9 --set hidden_width=7 --out own");
    assert_code(own, 0);
    cr_assert_eq(strncmp(own.err, "caviar search: note: hidden_width_1 is dropped, for hidden_width came after it", 76),
                 0, "%s", own.err);
    command_result train = command_run("train --data data.csv --epochs 1 --set hidden_width_2=9 --set hidden_layers=1");
    assert_code(train, 0);
    assert_contains(train.err, "caviar train: note: hidden_width_2 is dropped, for hidden_layers came after it");
    command_free(&width);
    command_free(&none);
    command_free(&own);
    command_free(&train);
}

Test(cli_search, folders_are_numbered) {
    write_examples("data.csv", 120, 4, 1);
    for (int i = 1; i <= 2; i++) {
        char folder[32];
        command_result result =
            command_run("search --data data.csv --trials 2 --epochs 1 --rounds 1 --set batch_size=16");
        assert_code(result, 0);
        snprintf(folder, sizeof folder, "recorded in caviar-%d\n", i);
        assert_contains(result.out, folder);
        command_free(&result);
    }
    cr_assert(file_exists("caviar-1/trials.csv") && file_exists("caviar-2/trials.csv"));
}

/* Begins a search that would take hours; its output goes to files. */
static pid_t begin_long_search(void) {
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        if (!freopen(".out", "w", stdout) || !freopen(".err", "w", stderr)) _exit(99);
        execl(CAVIAR_COMMAND, "caviar", "search", "--data", "data.csv", "--trials", "1000000", "--epochs", "20",
              "--rounds", "1", "--models-at-once", "4", "--threads", "1", "--out", "found", NULL);
        _exit(99);
    }
    return child;
}

static int rows_recorded(void) {
    char *trials = file_text("found/trials.csv");
    const int rows = line_count(trials) - 1;
    free(trials);
    return rows;
}

Test(cli_search, interrupt_keeps_what_is_done) {
    write_examples("data.csv", 300, 5, 1);
    const int signals[] = { SIGINT, SIGTERM };
    for (int i = 0; i < 2; i++) {
        const pid_t child = begin_long_search();
        cr_assert_gt(child, 0);
        int status = 0;
        while (rows_recorded() < 4 && waitpid(child, &status, WNOHANG) == 0) wait_a_little();
        kill(child, signals[i]);
        cr_assert_eq(waitpid(child, &status, 0), child);
        char *out = file_text(".out"), *err = file_text(".err");
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 130, "status %x\n%s%s", (unsigned)status, out, err);
        assert_contains(err, "interrupted: ");
        assert_contains(err, " of 1000000 trials are kept, in found");
        assert_contains(out, "\n   1 ");
        cr_assert_null(strstr(out, "test accuracy"), "the test part is for a search's end:\n%s", out);
        cr_assert_geq(rows_recorded(), 4);
        cr_assert(file_exists("found/best.safetensors") && file_exists("found/search.json"));
        cr_assert_eq(system("rm -r found"), 0);
        free(out);
        free(err);
    }
}

Test(cli_search, progress_line_is_drawn_and_removed) {
    write_examples("data.csv", 300, 6, 1);
    int terminal;
    const pid_t child = forkpty(&terminal, NULL, NULL, &(struct winsize){ .ws_row = 24, .ws_col = 60 });
    if (child == 0) {
        setenv("TERM", "xterm", 1);
        execl(CAVIAR_COMMAND, "caviar", "search", "--data", "data.csv", "--trials", "40", "--epochs", "30", "--threads",
              "1", "--out", "found", NULL);
        _exit(99);
    }
    if (child < 0) cr_skip_test("there are no pseudo-terminals here (/dev/pts is not mounted)");
    char text[65536];
    size_t size = 0;
    ssize_t got;
    while (size + 1 < sizeof text && (got = read(terminal, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = 0;
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", text);
    assert_contains(text, "trial ");
    const char *drawn = strstr(text, "% "), *removed = strstr(text, "\r\033[K");
    cr_assert(drawn && removed && drawn < removed, "%s", text);
    cr_assert_leq(strcspn(drawn, "\033") + 3, 59, "the line is wider than the terminal:\n%s", drawn);
    cr_assert_null(strstr(removed, "% "), "it was drawn again after it was removed:\n%s", removed);
    assert_contains(removed, "test accuracy ");
}

/* Without a terminal a line now and then says that it is still at work; every half minute, but for a test. */
Test(cli_search, progress_without_a_terminal_is_a_line_now_and_then) {
    write_examples("data.csv", 600, 3, 1);
    cr_assert_eq(setenv("CAVIAR_PROGRESS_SECONDS", "0.1", 1), 0);
    command_result result = command_run("search --data data.csv --threads 1 --trials 8 --epochs 400 --rounds 1 "
                                        "--set hidden_width=16 --set batch_size=16 --out found");
    assert_code(result, 0);
    cr_assert(line_count(result.err) >= 2, "%s", result.err);
    assert_contains(result.err, "%  ");
    assert_contains(result.err, " left  trial ");
    cr_assert_not(strchr(result.err, '\r'));
    command_free(&result);
    cr_assert_eq(setenv("CAVIAR_PROGRESS_SECONDS", "30", 1), 0);
    result = command_run("search --data data.csv --threads 1 --trials 2 --epochs 1 --rounds 1 --out quick");
    assert_code(result, 0);
    cr_assert_str_empty(result.err);
    command_free(&result);
}
