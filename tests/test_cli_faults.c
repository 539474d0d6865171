/*
 * The command under faults: each allocation and each file operation of its runs fails in turn. It must then say in one
 * line what is wrong and leave with 1, or be right all the same; what it leaves on the disk is whole.
 *
 * The command's main is called in a child of the test, which is as good as a process of its own and much faster. All
 * file operations fail in turn; of the allocations, after the first ones of a run every seventh, all with
 * CAVIAR_LONG=1. A sanitized build takes fewer.
 */
#include "command.h"
#include "failing_files.h"

#include "failing_allocator.h"
#include "scorecard.h"

#include <sys/mman.h>

int caviar_main(int argc, char **argv); /* main of src/cli/main.c, by its name here (tests/CMakeLists.txt) */

/* In memory, where that can be: replacing files on a disk takes most of the time otherwise. */
static void enter(void) {
    strcpy(command_folder, access("/dev/shm", W_OK) ? "/tmp/caviar-test-XXXXXX" : "/dev/shm/caviar-test-XXXXXX");
    cr_assert_not_null(mkdtemp(command_folder));
    cr_assert_eq(chdir(command_folder), 0);
}

TestSuite(cli_faults, .init = enter, .fini = command_leave);

/* ------------------------------------------------------------------------------------------------ the command's stdio
 */

/* Streams of ours: the C library's own do not call `write` of this program. */
static ssize_t write_stream(void *cookie, const char *from, size_t size) {
    if (fails("write to a stream")) return 0;
    const ssize_t written = syscall(SYS_write, (int)(intptr_t)cookie, from, size);
    return written < 0 ? 0 : written;
}

static int close_stream(void *cookie) {
    return close((int)(intptr_t)cookie);
}

static FILE *stream_to(const char *path) {
    const int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    const cookie_io_functions_t functions = { .write = write_stream, .close = close_stream };
    return descriptor < 0 ? NULL : fopencookie((void *)(intptr_t)descriptor, "w", functions);
}

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode) {
    if (armed && fails(*mode == 'r' ? "fopen for reading" : "fopen")) return NULL;
    return armed && *mode == 'w' ? stream_to(path) : __real_fopen(path, mode);
}

/* ------------------------------------------------------------------------------------------------------- one run of it
 */

/* What the child tells: written in its memory that the test sees. */
typedef struct verdict {
    int ended, code, reached, blocks_kept, files_kept;
    char point[32];
} verdict;

static verdict *told;

static void be_the_command(char *line, int64_t allocation, int64_t operation) {
    char *arguments[32] = { "caviar" };
    int count = 1;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) arguments[count++] = word;
    remove(".out"); /* new files are much faster than those written over */
    remove(".err");
    if (!freopen(".err", "w", stderr)) _exit(1);
    setvbuf(stderr, NULL, _IONBF, 0);
    stdout = stream_to(".out");
    const int files = open_files();
    (void)caviar_model_load(NULL, NULL); /* so that a message can be found to be an earlier one */
    operations = 0;
    failing = operation;
    armed = 1;
    fail_allocation(allocation);
    told->code = caviar_main(count, arguments);
    armed = 0;
    told->reached = stop_failing() || operations > operation;
    told->blocks_kept = block_count;
    told->files_kept = open_files() - files;
    snprintf(told->point, sizeof told->point, "%s", operation < INT64_MAX ? failed_name : failed_allocation);
    told->ended = 1;
    _exit(0);
}

/* Runs the command with this allocation and this file operation failing (from 0; INT64_MAX: none). */
static command_result run(const char *line, int64_t allocation, int64_t operation) {
    memset(told, 0, sizeof *told);
    block_count = 0;
    const pid_t child = fork();
    if (child == 0) {
        char copy[512];
        snprintf(copy, sizeof copy, "%s", line);
        be_the_command(copy, allocation, operation);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    command_result result = { .code = told->code, .out = file_text(".out"), .err = file_text(".err") };
    cr_assert(told->ended, "caviar %s, allocation %lld, file operation %lld: status %x\n%s", line,
              (long long)allocation, (long long)operation, (unsigned)status, result.err);
    return result;
}

/* --------------------------------------------------------------------------------------------------- what it must
 * leave
 */

enum { MOST_OUTPUTS = 5 };

typedef struct scenario {
    const char *line;
    int least_allocations, least_operations;
    const char *outputs[MOST_OUTPUTS]; /* files that it writes, the same bytes each time */
    const char *json;                  /* what its document holds that is the same each time; NULL: it prints text */
    const char *emptied;               /* a folder or file to remove after each run */
    int replaces;                      /* before each run an old file is there */
} scenario;

#define TINY " --data data.csv --device cpu --threads 1 --epochs 1 --seed 3"
#define WIDTH " --set batch_size=8 --set hidden_width="
#define FOLDER(name)                                                                                                   \
    { name "/trials.csv", name "/space.yaml", name "/best.safetensors", name "/best.yaml", name "/search.json" }

#define PREDICT "predict --model model --device cpu --threads 1 --probabilities"

static const scenario scenarios[] = {
    { "search" TINY " --space space.yaml --trials 2 --rounds 1 --top 1", 150, 20, .outputs = FOLDER("caviar-1"),
      .emptied = "caviar-1" },
    { "search" TINY WIDTH "2..3 --trials 2 --rounds 1 --out found --json", 400, 20, .outputs = FOLDER("found"),
      .emptied = "found", .json = "trials" },
    { "train" TINY WIDTH "3 --overwrite --out old.safetensors", 50, 10, .outputs = { "old.safetensors" },
      .emptied = "old.safetensors", .replaces = 1 },
    { "train" TINY WIDTH "3 --json", 100, 10, .outputs = { "model-1.safetensors" }, .emptied = "model-1.safetensors",
      .json = "epochs" },
    { PREDICT " --data data.csv.gz --out classes", 30, 10, .outputs = { "classes" }, .emptied = "classes",
      .replaces = 1 },
    { PREDICT " --data data.csv --json", 300, 8, .json = "predictions" },
    { "devices", 3, 1, .json = NULL },
    { "devices --json", 3, 1, .json = "devices" },
    { "search --help", 0, 1, .json = NULL },
};

static const char old_content[] = "an old file\n";

/* The last line of a text, and how many there are, do not tell how fast the run was or what memory was free. */
static int same_text(const char *a, const char *b) {
    char last[256];
    snprintf(last, sizeof last, "%s", last_line(a));
    return line_count(a) == line_count(b) && strcmp(last, last_line(b)) == 0;
}

/* Of the devices it is their number: their free memory changes. */
static int same_json(const char *a, const char *b, const char *key) {
    json_t *one = parse_json(a), *other = parse_json(b);
    const json_t *of_one = json_object_get(one, key), *of_other = json_object_get(other, key);
    const json_t *classes = json_object_get(one, "classes"); /* of predictions: names that are not ASCII */
    const int same = of_one && of_other &&
                     (strcmp(key, "devices") == 0 ? json_array_size(of_one) == json_array_size(of_other)
                                                  : json_equal(of_one, of_other)) &&
                     json_equal(classes, json_object_get(other, "classes")) == (classes != NULL);
    json_decref(one);
    json_decref(other);
    return same;
}

typedef struct clean_run {
    command_result result;
    char *outputs[MOST_OUTPUTS];
} clean_run;

static clean_run run_clean(const scenario *s) {
    clean_run clean = { .result = run(s->line, INT64_MAX, INT64_MAX) };
    assert_code(clean.result, 0);
    cr_assert(told->blocks_kept == 0 && told->files_kept == 0, "caviar %s keeps %d blocks and %d files", s->line,
              told->blocks_kept, told->files_kept);
    for (int i = 0; i < MOST_OUTPUTS && s->outputs[i]; i++) {
        cr_assert(file_exists(s->outputs[i]), "caviar %s left no %s", s->line, s->outputs[i]);
        clean.outputs[i] = file_text(s->outputs[i]);
    }
    return clean;
}

static void free_clean(clean_run *clean) {
    command_free(&clean->result);
    for (int i = 0; i < MOST_OUTPUTS; i++) free(clean->outputs[i]);
}

/* An output is what a clean run leaves; after a failure it may also be missing, if it was before, or what a search
 * leaves of its trials.
 */
static void check_output(const scenario *s, const clean_run *clean, int i, int failed, const char *point) {
    const char *path = s->outputs[i];
    if (!file_exists(path)) {
        cr_assert(failed && !s->replaces, "caviar %s, %s fails: exit code %d, and %s is missing", s->line, point,
                  told->code, path);
        return;
    }
    char *text = file_text(path);
    const size_t size = strlen(text);
    const int old = s->replaces && strcmp(text, old_content) == 0;
    int whole = old ? failed : strcmp(text, clean->outputs[i]) == 0;
    if (!whole && failed && strstr(path, "trials.csv")) whole = size > 0 && text[size - 1] == '\n';
    if (!whole && strstr(path, "search.json")) {
        json_decref(parse_json(text));
        whole = 1;
    }
    if (strstr(path, "safetensors") && !old) { /* with zero bytes, which end a text */
        caviar_model *model = NULL;
        whole = caviar_model_load(&model, path) == CAVIAR_OK;
        caviar_model_destroy(model);
    }
    cr_assert(whole, "caviar %s, %s fails: %s is not whole:\n%s", s->line, point, path, text);
    free(text);
}

static void check(const scenario *s, const clean_run *clean, const command_result *result, const char *reason) {
    const char *const point = told->point;
    cr_assert(told->blocks_kept == 0 && told->files_kept == 0, "caviar %s, %s fails: %d blocks and %d files are kept",
              s->line, point, told->blocks_kept, told->files_kept);
    if (result->code == 0) {
        cr_assert(s->json ? same_json(result->out, clean->result.out, s->json)
                          : same_text(result->out, clean->result.out),
                  "caviar %s, %s fails: it leaves with 0 and says\n%.2000s\nnot\n%.2000s", s->line, point, result->out,
                  clean->result.out);
    } else {
        cr_assert_eq(result->code, 1, "caviar %s, %s fails: exit code %d\n%s", s->line, point, result->code,
                     result->err);
        cr_assert(strncmp(result->err, "caviar", 6) == 0 && line_count(result->err) <= 2,
                  "caviar %s, %s fails: it says\n%s", s->line, point, result->err);
        /* Of a stream it may be a later write that tells, when the reason of the first is gone. */
        if (strcmp(point, "write to a stream") == 0) reason = "cannot write";
        cr_assert(strstr(result->err, reason) || (strstr(reason, "memory") && strstr(result->err, "allocated")),
                  "caviar %s, %s fails: it does not say \"%s\" but\n%s", s->line, point, reason, result->err);
        cr_assert(!strstr(result->out, "test accuracy") || strstr(point, "stream"),
                  "caviar %s, %s fails: exit code 1 after the result:\n%s", s->line, point, result->out);
    }
    for (int i = 0; i < MOST_OUTPUTS && s->outputs[i]; i++) check_output(s, clean, i, result->code != 0, point);
    expect_no_temporary(".", s->line);
    expect_no_temporary("found", s->line);
    expect_no_temporary("caviar-1", s->line);
}

static void clear(const scenario *s) {
    if (!s->emptied) return;
    for (int i = 0; i < MOST_OUTPUTS && s->outputs[i]; i++) remove(s->outputs[i]);
    remove(s->emptied);
    cr_assert(!file_exists(s->emptied), "%s holds more than is told", s->emptied);
    if (!s->replaces) return;
    FILE *old = fopen(s->emptied, "w");
    fputs(old_content, old);
    fclose(old);
}

/* ------------------------------------------------------------------------------------------------------------- the
 * test
 */

/* AddressSanitizer makes a child cost a tenth of a second. */
#if defined(__SANITIZE_ADDRESS__)
enum { STRIDE = 101, LONG_STRIDE = 11, FIRST = 10, FILE_STRIDE = 5 };
#else
enum { STRIDE = 7, LONG_STRIDE = 1, FIRST = 60, FILE_STRIDE = 1 };
#endif

static int points;

static void exhaust(const scenario *s, const clean_run *clean, int of_files, const char *reason, int64_t stride) {
    for (int64_t n = 0;; n++) {
        /* Later ones are mostly pieces of a JSON document: of each `stride` of them another is taken. */
        if (n > FIRST && n % stride != n / stride % stride) continue;
        clear(s);
        command_result result = run(s->line, of_files ? INT64_MAX : n, of_files ? n : INT64_MAX);
        const int reached = told->reached;
        check(s, clean, &result, reason);
        const int code = result.code;
        command_free(&result);
        if (!reached) {
            const int least = of_files ? s->least_operations : s->least_allocations;
            cr_assert_eq(code, 0, "caviar %s", s->line);
            cr_assert_geq(n, least, "caviar %s: only %lld %s", s->line, (long long)n,
                          of_files ? "file operations" : "allocations");
            return;
        }
        points++;
    }
}

Test(cli_faults, each_fault_is_told_and_nothing_is_left_half, .timeout = 600) {
    const char *const variable = getenv("CAVIAR_LONG");
    const int lengthy = variable && *variable == '1';
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(told != MAP_FAILED);
    write_examples("data.csv", 45, 1, 1);
    cr_assert_eq(system("gzip -k data.csv"), 0);
    FILE *space = fopen("space.yaml", "w");
    fputs("method: random\nparameters:\n  batch_size: {value: 8}\n  hidden_width: {values: [2, 3]}\n", space);
    fclose(space);
    command_result trained = run("train" TINY WIDTH "3 --out model --quiet", INT64_MAX, INT64_MAX);
    assert_code(trained, 0);
    command_free(&trained);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const scenario *const s = &scenarios[i];
        clean_run clean = run_clean(s);
        exhaust(s, &clean, 0, "out of memory", lengthy ? LONG_STRIDE : STRIDE);
        for (int e = 0; e < 2; e++) {
            error_to_give = e ? ENOSPC : EIO;
            exhaust(s, &clean, 1, strerror(error_to_give), FILE_STRIDE);
        }
        clear(s);
        if (s->emptied) remove(s->emptied);
        free_clean(&clean);
    }
    if (STRIDE == 7) scorecard("faults-command", points);
}
