/* Files are never lost: links, devices, pipes, names that others take, and runs side by side. */
#include "command.h"

#include <signal.h>
#include <sys/stat.h>

TestSuite(cli_files, .init = command_enter, .fini = command_leave, .timeout = 120);

#define TRAIN "train --data data.csv --epochs 2 --threads 1 --set batch_size=16 --set hidden_width=4 --quiet "

static int is(const char *path, mode_t kind) {
    struct stat about;
    return lstat(path, &about) == 0 && (about.st_mode & S_IFMT) == kind;
}

static void succeeds(const char *arguments) {
    command_result result = command_run("%s", arguments);
    assert_code(result, 0);
    command_free(&result);
}

static void refuses(const char *arguments, int code, const char *words) {
    command_result result = command_run("%s", arguments);
    assert_code(result, code);
    assert_contains(result.err, words);
    command_free(&result);
}

Test(cli_files, an_output_that_exists_is_kept) {
    write_examples("data.csv", 90, 3, 1);
    succeeds(TRAIN "--out model");
    cr_assert_eq(system("cp model before"), 0);
    refuses(TRAIN "--seed 9 --out model", 2, "model exists: name another file, or say --overwrite");
    cr_assert_eq(system("cmp -s model before"), 0);
    succeeds(TRAIN "--seed 9 --out model --overwrite");
    cr_assert_neq(system("cmp -s model before"), 0);
    refuses(TRAIN "--overwrite --out ./data.csv", 2, "--out ./data.csv is a file that is read");
    refuses("predict --model model --data data.csv --out model", 2, "--out model is the model");
    refuses("predict --model model --data data.csv --out ./data.csv", 2, "--out ./data.csv is the data");
}

Test(cli_files, links_are_followed_and_modes_stay) {
    write_examples("data.csv", 90, 3, 1);
    cr_assert_eq(system("mkdir real && echo old >real/model && chmod 600 real/model && ln -s real/model link && "
                        "ln -s nowhere lost && echo old >y.csv && echo planted >y.csv.partial"),
                 0);
    succeeds(TRAIN "--overwrite --out link");
    struct stat about;
    cr_assert(is("link", S_IFLNK) && stat("real/model", &about) == 0 && about.st_size > 100);
    cr_assert_eq(about.st_mode & 0777, 0600);
    refuses(TRAIN "--out lost", 1, "is a link to what is not there");
    succeeds("predict --model link --data data.csv --out y.csv");
    char *text = file_text("y.csv.partial");
    cr_assert_str_eq(text, "planted\n");
    free(text);
    cr_assert_eq(system("test $(ls | grep -c tmp) = 0"), 0);
}

/* As root, a file in the place of a device would be a fault of the whole machine. */
Test(cli_files, devices_and_pipes_are_written_to) {
    write_examples("data.csv", 90, 3, 1);
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    cr_assert_eq(system("cat pipe >through & sleep 0"), 0);
    succeeds(TRAIN "--out pipe");
    succeeds(TRAIN "--out model");
    cr_assert_eq(system("sleep 0.2; cmp -s through model"), 0);
    cr_assert(is("pipe", S_IFIFO));
    succeeds("predict --model model --data data.csv --out /dev/null");
    cr_assert(is("/dev/null", S_IFCHR));
    refuses("predict --model model --data data.csv --out /dev/full", 1, "/dev/full: cannot write: No space left");
}

Test(cli_files, runs_side_by_side_take_names_of_their_own) {
    write_examples("data.csv", 90, 3, 1);
    char line[4096];
    snprintf(
        line, sizeof line,
        "for i in 1 2 3 4 5 6 7 8; do '%s' " TRAIN "--seed $i >/dev/null 2>&1 & done; wait; "
        "test $(ls model-*.safetensors | wc -l) = 8 && test $(md5sum model-*.safetensors | cut -d' ' -f1 | sort -u | "
        "wc -l) = 8",
        CAVIAR_COMMAND);
    cr_assert_eq(system(line), 0);
    /* One name for several: whoever ends with success has a file of its own. */
    snprintf(line, sizeof line,
             "for i in 11 12 13 14; do ('%s' " TRAIN
             "--seed $i --out one >/dev/null 2>&1; echo $? >>ends) & done; wait; "
             "mkdir ones && mv one $(ls model-9.* model-1?.* 2>/dev/null) ones; "
             "test $(grep -c '^0$' ends) = $(ls ones | wc -l) && "
             "test $(md5sum ones/* | cut -d' ' -f1 | sort -u | wc -l) = $(ls ones | wc -l)",
             CAVIAR_COMMAND);
    cr_assert_eq(system(line), 0);
    /* One folder for several searches: one has it, the others are refused. */
    snprintf(line, sizeof line,
             "for i in 1 2 3 4; do ('%s' search --data data.csv --threads 1 --trials 2 --epochs 2 --rounds 1 --seed $i "
             "--set hidden_width=4 --out both --quiet >out$i 2>&1; echo $? >>codes) & done; wait; "
             "test $(grep -c '^0$' codes) = 1 && test $(grep -c '^2$' codes) = 3 && test -s both/best.safetensors",
             CAVIAR_COMMAND);
    cr_assert_eq(system(line), 0);
}

/* The user's terminal goes away: what was measured is there. */
Test(cli_files, hanging_up_keeps_what_is_done) {
    write_examples("data.csv", 600, 3, 1);
    char line[2048];
    snprintf(
        line, sizeof line,
        "'%s' search --data data.csv --threads 1 --trials 4 --epochs 100000 --rounds 1 --set hidden_width=8 --out "
        "kept >/dev/null 2>&1 & pid=$!; for i in $(seq 300); do test -s kept/best.safetensors && break; sleep 0.05; "
        "done; kill -HUP $pid; wait $pid; test $? = 130",
        CAVIAR_COMMAND);
    cr_assert_eq(system(line), 0);
    char *text = file_text("kept/search.json");
    assert_contains(text, "\"state\": \"interrupted\"");
    free(text);
}

/* Texts from files reach the terminal without their escape sequences, also those of two bytes. */
Test(cli_files, texts_are_disarmed) {
    FILE *file = fopen("data.csv", "w");
    for (int i = 0; i < 60; i++)
        fprintf(file, "%d,%d,%s\n", i % 7, i % 5,
                i % 2 ? "\x1b[31mred"
                      : "\xc2\x9b"
                        "2Jclear");
    fclose(file);
    command_result result = command_run("train --data data.csv --header no --epochs 1 --threads 1");
    assert_code(result, 0);
    assert_contains(result.out, "?[31mred");
    cr_assert(!strchr(result.out, 0x1b) && !strstr(result.out, "\xc2\x9b"));
    command_free(&result);
    result = command_run("train --data $(printf '\\033')none.csv");
    assert_code(result, 1);
    cr_assert(!strchr(result.err, 0x1b), "%s", result.err);
    command_free(&result);
    file = fopen("space.yaml", "w");
    fputs("parameters:\n  \"\\e]0;owned\\a\\e[31m\": {value: 1}\n", file);
    fclose(file);
    result = command_run("search --data data.csv --space space.yaml");
    assert_code(result, 2);
    cr_assert(!strchr(result.err, 0x1b) && !strchr(result.err, 7), "%s", result.err);
    command_free(&result);
}
