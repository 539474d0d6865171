/* caviar-bench: how far each operation, each product and each training step is from what the machine can do. */
#include "cases.h"
#include "header.h"
#include "peer.h"
#include "quality.h"
#include "report.h"

#include "cli/command.h"
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The options' parser says by this what is wrong. */
int command_error(int code, const char *command, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", command);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    if (code == EXIT_CODE_USAGE) fprintf(stderr, "'%s --help' tells more.\n", command);
    va_end(arguments);
    return code;
}

static const char *const program = "caviar-bench";
enum { TRIAL_SCALE = 64, TRIAL_WINDOWS = 3 };

static int fail(void) {
    return command_error(EXIT_CODE_FAILED, program, "%s", caviar_last_error());
}

/* ---------------------------------------------------------------------------------------------------------- options */

typedef struct settings {
    int list, header, trial, format;
    const char *filter, *device, *out, *record, *results;
    const char *models, *width, *batch, *inputs, *classes;
    int32_t threads, windows;
    double budget;
} settings;

static int parse(settings *s, int argc, char **argv) {
    const command_option table[] = {
        OPTIONS_HEADING("What"),
        OPTIONS_FLAG("list", &s->list, "print the names of the cases and end"),
        OPTIONS_FLAG("header", &s->header, "print as JSON what a record says of the device and the build, and end"),
        OPTIONS_TEXT("filter", "PATTERN", &s->filter,
                     "only cases with this in their name; * and ? as in a shell, several with commas between"),
        OPTIONS_TEXT("models", "SIZES", &s->models, "numbers of models: 64, 1,64,256, 256..4096*4 or 10..50+10"),
        OPTIONS_TEXT("width", "SIZES", &s->width, "widths of hidden layers"),
        OPTIONS_TEXT("batch", "SIZES", &s->batch, "minibatch sizes"),
        OPTIONS_TEXT("inputs", "SIZES", &s->inputs, "numbers of features"),
        OPTIONS_TEXT("classes", "SIZES", &s->classes, "numbers of classes"),
        OPTIONS_HEADING("How"),
        OPTIONS_TEXT("device", "NAME", &s->device, "cpu, cuda:N or auto (default)"),
        OPTIONS_WHOLE("threads", &s->threads, 0, 4096, "of the CPU; 0: all it may use (default)"),
        OPTIONS_REAL("budget", "SECONDS", &s->budget, 0, 1e6,
                     "share this time among the cases; what cannot be measured in thrice its share is skipped"),
        OPTIONS_WHOLE("windows", &s->windows, BENCH_LEAST_WINDOWS, 10000, "windows of each case (default 30)"),
        OPTIONS_FLAG("trial", &s->trial, "three windows and small ceilings: to try the suite out, not to measure"),
        OPTIONS_HEADING("Output"),
        OPTIONS_CHOICE("format", "FORMAT", &s->format, "markdown csv json", "markdown (default), csv or json"),
        OPTIONS_TEXT("out", "FILE", &s->out, "write there instead of to standard output"),
        OPTIONS_TEXT("record", "WHAT", &s->record, "also leave DATE-DEVICE-WHAT.json in the results folder"),
        OPTIONS_TEXT("results", "FOLDER", &s->results, "the results folder (default bench/results)"),
    };
    const int count = sizeof table / sizeof *table;
    switch (options_parse(program, table, count, argc, argv)) {
    case OPTIONS_GO_ON: return -1;
    case OPTIONS_HELP:
        printf("caviar-bench times every operation, every matrix product and whole training steps,\n"
               "beside what the machine can do. caviar-bench peer runs one case beside other\n"
               "programs, and caviar-bench quality a search until it has networks of given\n"
               "accuracies; their --help tells more.\n\n"
               "Usage: caviar-bench [OPTION]...\n\n");
        options_print_help(table, count);
        printf("\nExit codes\n  0  every result was right\n  1  a result was wrong, a case failed, or nothing was "
               "measured\n  2  bad usage\n");
        return EXIT_CODE_OK;
    default: break;
    }
    return EXIT_CODE_USAGE;
}

/* Reads sizes that were asked for and points `request` at them; NULL text leaves it alone. */
static int read_sizes(const bench_sizes **request, bench_sizes *sizes, const char *option, const char *text) {
    char error[512];
    if (!text) return 0;
    if (bench_sizes_parse(sizes, text, error, sizeof error)) {
        command_error(EXIT_CODE_USAGE, program, "--%s: %s", option, error);
        return -1;
    }
    *request = sizes;
    return 0;
}

static int make_cases(bench_cases *cases, const settings *s, int gpu) {
    bench_sizes sizes[5];
    bench_request request = { .filter = s->filter, .gpu = gpu };
    if (read_sizes(&request.models, &sizes[0], "models", s->models) ||
        read_sizes(&request.width, &sizes[1], "width", s->width) ||
        read_sizes(&request.batch, &sizes[2], "batch", s->batch) ||
        read_sizes(&request.inputs, &sizes[3], "inputs", s->inputs) ||
        read_sizes(&request.classes, &sizes[4], "classes", s->classes))
        return EXIT_CODE_USAGE;
    bench_cases_make(cases, &request);
    if (cases->failed) return command_error(EXIT_CODE_FAILED, program, "out of memory for the cases");
    if (cases->count == 0)
        return command_error(EXIT_CODE_USAGE, program, "--filter %s matches no case; see --list", s->filter);
    return EXIT_CODE_OK;
}

/* ------------------------------------------------------------------------------------------------------------ running
 */

/* In how many cases the GPU lowered its clocks, and how far. */
typedef struct throttling {
    int cases;
    unsigned lowest; /* MHz */
    unsigned long long reasons;
} throttling;

static void note_throttling(throttling *seen, bench_row *row, const bench_nvml *nvml) {
    bench_nvml_state state;
    char why[160];
    if (!nvml) return;
    bench_nvml_read(&state, nvml);
    bench_nvml_throttle_text(why, sizeof why, state.reasons);
    if (!why[0]) return;
    row->throttled = 1;
    seen->reasons |= state.reasons;
    if (!seen->cases++ || state.sm_clock < seen->lowest) seen->lowest = state.sm_clock;
}

static void warn_of_throttling(const throttling *seen, json_t *warnings) {
    char why[160], text[400];
    if (!seen->cases) return;
    bench_nvml_throttle_text(why, sizeof why, seen->reasons);
    snprintf(text, sizeof text, "the GPU lowered its clocks (%s) in %d cases, which say so, down to %u MHz", why,
             seen->cases, seen->lowest);
    json_array_append_new(warnings, json_string(text));
}

/* A case that fails for want of memory or for its sizes does not end the run; a lost device does. */
static int run_row(bench_row *row, bench_context *context) {
    static caviar_status (*const groups[])(bench_row *, bench_context *) = { bench_run_kernel, bench_run_product,
                                                                             bench_run_step };
    const caviar_status status = groups[row->source->group](row, context);
    if (!status) return 0;
    row->finished = 0;
    snprintf(row->message, sizeof row->message, "failed: %s", caviar_last_error());
    return status == CAVIAR_DEVICE_LOST ? -1 : 0;
}

static void run_rows(bench_row *rows, const bench_cases *cases, bench_context *context, const settings *s, double end,
                     const bench_nvml *nvml, json_t *warnings) {
    throttling seen = { 0 };
    for (int i = 0; i < cases->count; i++) {
        rows[i].source = &cases->items[i];
        if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K%d/%d %s", i + 1, cases->count, cases->items[i].name);
        const double left = end - bench_now();
        if (s->budget > 0 && left <= 0) {
            snprintf(rows[i].message, sizeof rows[i].message, "skipped: the budget is spent");
            continue;
        }
        context->share = s->budget > 0 ? left / (cases->count - i) : 0;
        const int lost = run_row(&rows[i], context);
        if (rows[i].finished) note_throttling(&seen, &rows[i], nvml);
        if (lost) {
            for (int j = i + 1; j < cases->count; j++) {
                rows[j].source = &cases->items[j];
                snprintf(rows[j].message, sizeof rows[j].message, "failed: the device was lost before");
            }
            break;
        }
    }
    warn_of_throttling(&seen, warnings);
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
}

/* A machine that others share may be another one after the cases than before them. What it could, it can. */
static void raise_limits(bench_context *context, bench_limits_samples *samples, bench_row *rows, int count,
                         const settings *s, json_t *warnings) {
    bench_limits after;
    bench_limits_samples samples_after;
    char text[400];
    if (bench_measure_limits(&after, &samples_after, &context->clock, context->windows, s->trial ? TRIAL_SCALE : 1)) {
        snprintf(text, sizeof text, "the ceilings could not be measured again: %s", caviar_last_error());
    } else {
        bench_limits_drift(text, sizeof text, &context->limits, &after);
        bench_limits_raise(&context->limits, samples, &after, &samples_after);
        for (int i = 0; i < count; i++)
            if (rows[i].finished) bench_set_floor(&rows[i], &context->limits);
    }
    if (text[0]) json_array_append_new(warnings, json_string(text));
    bench_limits_samples_free(&samples_after);
}

/* ------------------------------------------------------------------------------------------------------------- output
 */

static int write_to(const bench_run *run, bench_format format, const char *path) {
    FILE *file = fopen(path, "we");
    if (!file) return command_error(EXIT_CODE_FAILED, program, "cannot write %s: %s", path, strerror(errno));
    const int failed = bench_run_print(run, format, file);
    if (fclose(file) || failed) return command_error(EXIT_CODE_FAILED, program, "cannot write %s", path);
    return EXIT_CODE_OK;
}

/* Whether a file can be written there. */
static int writable(const char *path) {
    char folder[1024] = ".";
    const char *slash = strrchr(path, '/');
    if (access(path, F_OK) == 0) return access(path, W_OK) == 0;
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    return access(folder, W_OK) == 0;
}

/* Before anything is measured that would then be lost. */
static int check_output(const settings *s) {
    if (s->out && !writable(s->out))
        return command_error(EXIT_CODE_FAILED, program, "cannot write %s: %s", s->out, strerror(errno));
    if (s->record && access(s->results, W_OK))
        return command_error(EXIT_CODE_FAILED, program,
                             "cannot write records into %s: %s; --results FOLDER names another", s->results,
                             strerror(errno));
    return EXIT_CODE_OK;
}

static int write_record(const bench_run *run, const settings *s) {
    char path[1024];
    const char *date = json_string_value(json_object_get(run->header, "date"));
    const char *slug = json_string_value(json_object_get(json_object_get(run->header, "device"), "slug"));
    snprintf(path, sizeof path, "%s/%.10s-%s-%s.json", s->results, date, slug, s->record);
    fprintf(stderr, "record: %s\n", path);
    return write_to(run, BENCH_JSON, path);
}

static int write_output(const bench_run *run, const settings *s) {
    int code = EXIT_CODE_OK;
    if (s->out)
        code = write_to(run, (bench_format)s->format, s->out);
    else if (bench_run_print(run, (bench_format)s->format, stdout))
        code = command_error(EXIT_CODE_FAILED, program, "cannot write to standard output");
    return !code && s->record ? write_record(run, s) : code;
}

static int verdict(const bench_row *rows, int count) {
    int finished = 0, bad = 0;
    for (int i = 0; i < count; i++) {
        const char *is = bench_row_verdict(&rows[i]);
        finished += rows[i].finished;
        if (strcmp(is, "ok") == 0 || strcmp(is, "skipped") == 0) continue;
        bad++;
        fprintf(stderr, "%s: %s is %s: ", program, rows[i].source->name, is);
        if (rows[i].finished)
            fprintf(stderr, "error %g, tolerance %g\n", rows[i].check.worst, rows[i].tolerance);
        else
            fprintf(stderr, "%s\n", rows[i].message);
    }
    if (!finished) fprintf(stderr, "%s: nothing was measured\n", program);
    return bad || !finished ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

/* --------------------------------------------------------------------------------------------------------------- main
 */

/* NULL for the CPU, and where the GPU tells nothing. */
static bench_nvml *open_nvml(caviar_device *device) {
    bench_gpu_facts facts;
    const int known = bench_is_gpu(device) && bench_gpu_describe(&facts, device) == CAVIAR_OK;
    return known ? bench_nvml_open(facts.bus) : NULL;
}

static int measure(bench_context *context, const bench_cases *cases, const settings *s, int argc, char **argv) {
    const double end = bench_now() + s->budget; /* the ceilings are measured in it too */
    bench_limits_samples samples = { 0 };
    bench_nvml *nvml = open_nvml(context->device);
    json_t *warnings = json_array(), *header = bench_header(context->device, nvml, argc, argv, warnings);
    bench_row *rows = calloc((size_t)cases->count, sizeof *rows);
    int code = EXIT_CODE_FAILED;
    if (!header || !rows) {
        command_error(code, program, "out of memory");
    } else if (bench_measure_limits(&context->limits, &samples, &context->clock, context->windows,
                                    s->trial ? TRIAL_SCALE : 1)) {
        fail();
    } else {
        run_rows(rows, cases, context, s, end, nvml, warnings);
        raise_limits(context, &samples, rows, cases->count, s, warnings);
        const bench_run run = { header, warnings, s->trial, &context->limits, &samples, rows, cases->count };
        code = write_output(&run, s);
        if (!code) code = verdict(rows, cases->count);
    }
    for (int i = 0; rows && i < cases->count; i++) bench_row_free(&rows[i]);
    free(rows);
    bench_limits_samples_free(&samples);
    json_decref(header);
    json_decref(warnings);
    bench_nvml_close(nvml);
    return code;
}

static int run(const settings *s, int argc, char **argv) {
    bench_context context = { .windows = s->trial ? TRIAL_WINDOWS : s->windows };
    bench_cases cases = { 0 };
    if (caviar_device_open(&context.device, s->device, s->threads)) return fail();
    int code = make_cases(&cases, s, bench_is_gpu(context.device));
    if (!code) {
        caviar_status status = caviar_device_get_info(&context.info, context.device);
        if (!status)
            status = bench_clock_open(&context.clock, context.device, context.info.threads, s->trial ? TRIAL_SCALE : 1);
        code = status ? fail() : measure(&context, &cases, s, argc, argv);
        bench_clock_close(&context.clock);
        caviar_dataset_destroy(context.dataset);
    }
    bench_cases_free(&cases);
    caviar_device_close(context.device);
    return code;
}

/* {"header", "warnings"}, for records of programs that run caviar-bench. */
static int print_header(const settings *s, int argc, char **argv) {
    caviar_device *device;
    if (caviar_device_open(&device, s->device, s->threads)) return fail();
    bench_nvml *nvml = open_nvml(device);
    json_t *warnings = json_array(), *header = bench_header(device, nvml, argc, argv, warnings);
    json_t *both = json_pack("{s:o, s:o}", "header", header, "warnings", warnings);
    const int failed = !both || json_dumpf(both, stdout, 0) || putchar('\n') == EOF || fflush(stdout);
    json_decref(both);
    bench_nvml_close(nvml);
    caviar_device_close(device);
    return failed ? command_error(EXIT_CODE_FAILED, program, "the header could not be printed") : EXIT_CODE_OK;
}

/* Needs no device: a machine without a GPU can tell what would be measured on one. */
static int list(const settings *s) {
    bench_cases cases = { 0 };
    const int gpu = !strncmp(s->device, "cuda", 4) || (!strcmp(s->device, "auto") && caviar_device_count() > 1);
    const int code = make_cases(&cases, s, gpu);
    for (int i = 0; !code && i < cases.count; i++) printf("%s\n", cases.items[i].name);
    bench_cases_free(&cases);
    return code;
}

int main(int argc, char **argv) {
    settings s = { .device = "auto", .windows = BENCH_LEAST_WINDOWS, .results = "bench/results" };
    if (argc > 1 && !strcmp(argv[1], "peer")) return bench_peer(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "quality")) return bench_quality(argc - 1, argv + 1);
    const int code = parse(&s, argc, argv);
    if (code >= 0) return code;
    if (s.list) return list(&s);
    if (s.header) return print_header(&s, argc, argv);
    const int bad = check_output(&s);
    return bad ? bad : run(&s, argc, argv);
}
