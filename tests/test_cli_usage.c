/* The command's help, its messages for bad usage and bad input, its exit codes, and its list of devices. */
#include "command.h"

#include <caviar/caviar.h>

TestSuite(cli_usage, .init = command_enter, .fini = command_leave);

/* No line of the text is wider than 80 columns; characters of UTF-8 count as one. */
static void assert_narrow(const char *text) {
    int column = 0;
    const char *begin = text;
    for (; *text; text++) {
        if (*text == '\n') {
            column = 0;
            begin = text + 1;
        } else if (((unsigned char)*text & 0xc0) != 0x80) {
            cr_assert_leq(++column, 80, "wider than 80 columns: %.*s", (int)strcspn(begin, "\n"), begin);
        }
    }
}

Test(cli_usage, help_is_complete) {
    static const char *const options[][32] = {
        { "search",   "--data",   "--test",   "--label", "--header", "--validation",     "--test-fraction",
          "--trials", "--epochs", "--rounds", "--seed",  "--device", "--threads",        "--space",
          "--set",    "--metric", "--top",    "--out",   "--json",   "--models-at-once", "--independent-streams",
          "--quiet",  "--as-is" },
        { "train", "--data", "--test", "--label", "--header", "--validation", "--test-fraction", "--epochs", "--seed",
          "--set", "--space", "--device", "--threads", "--out", "--json", "--quiet", "--as-is" },
        { "predict", "--model", "--data", "--label", "--header", "--part", "--device", "--threads", "--probabilities",
          "--out", "--json" },
        { "devices", "--json" },
    };
    command_result whole = command_run("--help");
    assert_code(whole, 0);
    assert_narrow(whole.out);
    cr_assert_str_empty(whole.err);
    for (size_t c = 0; c < sizeof options / sizeof options[0]; c++) {
        assert_contains(whole.out, options[c][0]);
        command_result help = command_run("%s --help", options[c][0]);
        assert_code(help, 0);
        cr_assert_str_empty(help.err);
        assert_narrow(help.out);
        assert_contains(help.out, "Usage: caviar");
        assert_contains(help.out, "Exit codes");
        for (int i = 1; options[c][i]; i++) assert_contains(help.out, options[c][i]);
        command_result same = command_run("help %s", options[c][0]);
        assert_code(same, 0);
        cr_assert_str_eq(same.out, help.out);
        command_free(&help);
        command_free(&same);
    }
    command_free(&whole);

    command_result version = command_run("--version");
    char expected[64];
    snprintf(expected, sizeof expected, "caviar %s\n", caviar_version());
    assert_code(version, 0);
    cr_assert_str_eq(version.out, expected);
    command_free(&version);
}

typedef struct mistake {
    const char *arguments;
    int code;
    const char *message;
} mistake;

static const mistake mistakes[] = {
    { "", 2, "a command is missing" },
    { "serch --data x", 2, "did you mean \"search\"?" },
    { "help serch", 2, "did you mean \"search\"?" },
    { "frobnicate", 2, "there is no command \"frobnicate\"" },
    { "search", 2, "--data is missing" },
    { "train", 2, "--data is missing" },
    { "predict --data few.csv", 2, "--model is missing" },
    { "predict --model few.csv", 2, "--data is missing" },
    { "search --data few.csv --trails 3", 2, "there is no option --trails; did you mean --trials?" },
    { "search --data few.csv --frobnicate", 2, "there is no option --frobnicate\n" },
    { "search --data few.csv -x", 2, "there is no option -x" },
    { "search --data", 2, "--data needs a value" },
    { "search --data - --test -", 2, "standard input, -, can be read once only" },
    { "train --data - --validation - --space x", 2, "can be read once only" },
    { "predict --data - --model -", 2, "can be read once only" },
    { "search --data few.csv --json=yes", 2, "--json takes no value" },
    { "search few.csv", 2, "\"few.csv\" is no option" },
    { "search --data ''", 2, "--data must not be empty" },
    { "search --data few.csv --trials 0", 2, "--trials must be a whole number from 1 to 2147483647, not \"0\"" },
    { "search --data few.csv --trials 1e3", 2, "not \"1e3\"" },
    { "search --data few.csv --trials ' 3'", 2, "not \" 3\"" },
    { "search --data few.csv --trials 3x", 2, "not \"3x\"" },
    { "search --data few.csv --trials ''", 2, "not \"\"" },
    { "search --data few.csv --trials 99999999999999999999", 2, "--trials must be" },
    { "search --data few.csv --seed -1", 2, "--seed must be a whole number from 0 to 18446744073709551615" },
    { "search --data few.csv --seed 18446744073709551616", 2, "--seed must be" },
    { "search --data few.csv --validation nan", 2, "--validation must be a file or a number from 0 to 0.9" },
    { "search --data few.csv --validation 1.5", 2, "--validation must be" },
    { "search --data few.csv --validation absent.csv", 1, "absent.csv" },
    { "search --data few.csv --validation 0", 2, "--validation must be a file or above 0" },
    { "search --data few.csv --test-fraction -1", 2, "--test-fraction must be a number from 0 to 0.9" },
    { "search --data few.csv --metric validation_acuracy", 2, "did you mean \"validation_accuracy\"?" },
    { "search --data few.csv --metric speed", 2, "--metric must be one of: validation_accuracy validation_loss" },
    { "search --data few.csv --header maybe", 2, "--header must be one of: auto yes no" },
    { "search --data few.csv --set learning_rat=1", 2, "learning_rate" },
    { "search --data few.csv --set learning_rate=-1", 2, "learning_rate" },
    { "search --data few.csv --space absent.yaml", 1, "absent.yaml" },
    { "search --data absent.csv", 1, "absent.csv" },
    { "search --data bad.csv", 2, "bad.csv:3" },
    { "search --data few.csv --label colour", 2, "colour" },
    { "search --data few.csv --label none", 2, "label" },
    { "search --data few.csv --rounds 9 --trials 3", 2, "rounds" },
    { "search --data few.csv --device gpu", 2, "gpu" },
    { "search --data few.csv --device cuda:99", 1, "cuda" },
    { "train --data few.csv --set learning_rate=1e-4..1e-2", 2, "learning_rate" },
    { "train --data few.csv --out absent/model.safetensors", 1, "cannot be saved" },
    { "train --data few.csv --out /dev/null/model.safetensors", 1, "cannot be saved" },
    { "predict --model absent.safetensors --data few.csv", 1, "absent.safetensors" },
    { "predict --model few.csv --data few.csv", 2, "few.csv" },
    { "devices --jsn", 2, "did you mean --json?" },
};

Test(cli_usage, mistakes_are_named) {
    write_examples("few.csv", 60, 1, 1);
    FILE *bad = fopen("bad.csv", "w");
    fputs("a,label\n1,x\n2,y,3\n", bad);
    fclose(bad);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        command_result result = command_run("%s", mistakes[i].arguments);
        cr_expect_eq(result.code, mistakes[i].code, "caviar %s: exit code %d, not %d; it says:\n%s",
                     mistakes[i].arguments, result.code, mistakes[i].code, result.err);
        cr_expect(strstr(result.err, mistakes[i].message) != NULL, "caviar %s does not say \"%s\" but:\n%s",
                  mistakes[i].arguments, mistakes[i].message, result.err);
        cr_expect(!strncmp(result.err, "caviar", 6), "caviar %s: %s", mistakes[i].arguments, result.err);
        cr_expect_not(file_exists("caviar-1"), "caviar %s left a folder", mistakes[i].arguments);
        command_free(&result);
    }
    /* A full disk behind standard output is noticed. */
    cr_assert_eq(WEXITSTATUS(system("'" CAVIAR_COMMAND "' --help >/dev/full 2>.err")), 1);
    char *message = file_text(".err");
    assert_contains(message, "cannot write to standard output");
    free(message);
}

Test(cli_usage, devices_are_listed) {
    command_result list = command_run("devices"), json = command_run("devices --json");
    caviar_device_info cpu;
    assert_code(list, 0);
    assert_code(json, 0);
    cr_assert_eq(caviar_device_describe(&cpu, 0), CAVIAR_OK);
    assert_contains(list.out, cpu.description);
    assert_contains(list.out, "\ncpu ");
    json_t *document = parse_json(json.out);
    json_t *devices = json_object_get(document, "devices");
    cr_assert_eq((int)json_array_size(devices), caviar_device_count());
    json_t *first = json_array_get(devices, 0);
    cr_assert_str_eq(json_string_value(json_object_get(first, "name")), "cpu");
    cr_assert_eq(json_integer_value(json_object_get(first, "threads")), cpu.threads);
    cr_assert_gt(json_integer_value(json_object_get(first, "memory_total")), 0);
    json_decref(document);
    command_free(&list);
    command_free(&json);
}
