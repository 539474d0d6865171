/* The document of a run, and its tables. */
#include "report.h"

#include "statistics.h"

#include <math.h>
#include <string.h>

const char *bench_row_verdict(const bench_row *row) {
    if (!row->finished) return strncmp(row->message, "skipped", 7) == 0 ? "skipped" : "failed";
    return bench_row_ok(row) ? "ok" : "wrong";
}

/* ------------------------------------------------------------------------------------------------- derived figures */

/* Rates are of cold runs where there are some: what is counted as moved is then truly moved. */
typedef struct figures {
    bench_summary warm, cold, used;
    double bytes_rate, of_copy, operations_rate, of_peak, of_floor, models_rate;
} figures;

static figures figures_of(const bench_row *row, const bench_limits *limits) {
    figures f = { .warm = bench_summarise(row->warm.seconds, row->warm.count),
                  .cold = bench_summarise(row->cold.seconds, row->cold.count) };
    f.used = row->cold.count ? f.cold : f.warm;
    f.bytes_rate = row->cost.bytes / f.used.median;
    f.of_copy = f.bytes_rate / limits->copy;
    f.operations_rate = row->cost.operations / f.used.median;
    f.of_peak = f.operations_rate / bench_peak(row, limits);
    f.of_floor = row->floor / f.used.median;
    f.models_rate = (double)row->source->size.models / f.used.median;
    return f;
}

/* ------------------------------------------------------------------------------------------------------------- JSON */

static json_t *real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *of_samples(const bench_samples *samples) {
    if (!samples->count) return json_null();
    const bench_summary s = bench_summarise(samples->seconds, samples->count);
    json_t *list = json_array();
    for (int i = 0; i < samples->count; i++) json_array_append_new(list, real(samples->seconds[i]));
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "median", real(s.median), "p10", real(s.p10), "p90", real(s.p90),
                     "repetitions", (json_int_t)samples->repetitions, "samples", list);
}

static json_t *of_sizes(const bench_size *size) {
    json_t *sizes = json_object();
    if (size->models) json_object_set_new(sizes, "models", json_integer(size->models));
    if (size->width) json_object_set_new(sizes, "width", json_integer(size->width));
    if (size->batch) json_object_set_new(sizes, "batch", json_integer(size->batch));
    if (size->inputs) json_object_set_new(sizes, "inputs", json_integer(size->inputs));
    if (size->classes) json_object_set_new(sizes, "classes", json_integer(size->classes));
    return sizes;
}

static void add_step(json_t *object, const bench_row *row, const figures *f) {
    if (row->source->group != BENCH_STEP) return;
    json_object_set_new(object, "models_times_steps_per_second", real(f->models_rate));
    json_object_set_new(object, "device_bytes", json_integer((json_int_t)row->device_bytes));
    json_object_set_new(object, "launches", row->launches ? json_integer(row->launches) : json_null());
    json_object_set_new(object, "host_seconds", row->host_seconds > 0 ? real(row->host_seconds) : json_null());
}

static json_t *of_row(const bench_row *row, const bench_limits *limits) {
    static const char *const groups[] = { "kernel", "product", "step" };
    const bench_case *c = row->source;
    json_t *object =
        json_pack("{s:s, s:s, s:o, s:s, s:s}", "name", c->name, "group", groups[c->group], "sizes", of_sizes(&c->size),
                  "precision", c->tf32 ? "tf32" : "fp32", "verdict", bench_row_verdict(row));
    if (!object) return NULL;
    if (row->message[0]) json_object_set_new(object, "message", json_string(row->message));
    if (!row->finished) return object;
    const figures f = figures_of(row, limits);
    json_t *rest =
        json_pack("{s:o, s:f, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "error",
                  real(row->check.worst), "tolerance", row->tolerance, "compared", (json_int_t)row->check.compared,
                  "bytes", real(row->cost.bytes), "operations", real(row->cost.operations), "floor", real(row->floor),
                  "warm", of_samples(&row->warm), "cold", of_samples(&row->cold), "bytes_per_second",
                  real(f.bytes_rate), "of_copy", real(f.of_copy), "operations_per_second", real(f.operations_rate),
                  "of_peak", real(f.of_peak), "of_floor", real(f.of_floor), "throttled", row->throttled);
    if (rest) json_object_update_missing(object, rest);
    json_decref(rest);
    add_step(object, row, &f);
    return object;
}

static json_t *of_limits(const bench_limits *limits, const bench_limits_samples *samples) {
    return json_pack("{s:f, s:s, s:I, s:o, s:f, s:o, s:o, s:o, s:I}", "copy_bytes_per_second", limits->copy, "copy_by",
                     samples->copy_by, "copy_bytes", (json_int_t)samples->copy_bytes, "copy",
                     of_samples(&samples->copy), "fp32_operations_per_second", limits->fp32, "fp32",
                     of_samples(&samples->fp32), "tf32_operations_per_second",
                     limits->tf32 > 0 ? real(limits->tf32) : json_null(), "tf32", of_samples(&samples->tf32),
                     "product_size", (json_int_t)samples->product_size);
}

json_t *bench_run_to_json(const bench_run *run) {
    json_t *rows = json_array();
    for (int i = 0; i < run->count; i++) json_array_append_new(rows, of_row(&run->rows[i], run->limits));
    return json_pack("{s:s, s:b, s:O, s:O, s:o, s:o}", "schema", "caviar-bench-1", "trial", run->trial, "header",
                     run->header, "warnings", run->warnings, "limits", of_limits(run->limits, run->limits_samples),
                     "rows", rows);
}

static int print_json(const bench_run *run, FILE *file) {
    json_t *document = bench_run_to_json(run);
    if (!document) return -1;
    const int failed = json_dumpf(document, file, JSON_INDENT(1) | JSON_REAL_PRECISION(7));
    json_decref(document);
    return failed || fputc('\n', file) == EOF ? -1 : 0;
}

/* ------------------------------------------------------------------------------------------------------------ tables
 */

/* Seconds with three digits and a unit; "-" for none. */
static const char *duration(char text[32], double seconds) {
    if (!isfinite(seconds)) return "-";
    const double scaled = seconds < 1e-3 ? seconds * 1e6 : seconds < 1 ? seconds * 1e3 : seconds;
    const char *unit = seconds < 1e-3 ? "us" : seconds < 1 ? "ms" : "s";
    snprintf(text, 32, "%.*f %s", scaled < 10 ? 2 : scaled < 100 ? 1 : 0, scaled, unit);
    return text;
}

static const char *text_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? json_string_value(value) : "unknown";
}

static void print_header(const bench_run *run, FILE *file) {
    const json_t *device = json_object_get(run->header, "device"), *build = json_object_get(run->header, "build");
    const json_t *gpu = json_object_get(device, "gpu"), *nvml = json_object_get(gpu, "nvml");
    const int threads = (int)json_integer_value(json_object_get(device, "threads"));
    fprintf(file, "device    %s: %s", text_of(device, "name"), text_of(device, "description"));
    if (threads > 0) fprintf(file, ", %d threads", threads);
    fputc('\n', file);
    if (json_is_object(gpu))
        fprintf(file, "cuda      driver %s (CUDA %d), runtime %d, SM clock %d of %d MHz\n", text_of(nvml, "driver"),
                (int)json_integer_value(json_object_get(gpu, "cuda_driver_version")),
                (int)json_integer_value(json_object_get(gpu, "cuda_runtime_version")),
                (int)json_integer_value(json_object_get(nvml, "sm_clock_mhz")),
                (int)json_integer_value(json_object_get(nvml, "most_sm_clock_mhz")));
    fprintf(file, "host      %s\n", text_of(json_object_get(run->header, "host"), "processor"));
    fprintf(file, "build     caviar %s, commit %s%s, %s, CUDA compiler %s\n", text_of(build, "version"),
            text_of(build, "commit"),
            json_is_true(json_object_get(build, "uncommitted_changes")) ? " with changes" : "",
            text_of(build, "compiler"), text_of(build, "cuda_compiler"));
    fprintf(file, "date      %s\n", text_of(run->header, "date"));
    fprintf(file, "measured  copy %.2f GB/s (%s, read and written), fp32 %.1f GFLOP/s", 1e-9 * run->limits->copy,
            run->limits_samples->copy_by, 1e-9 * run->limits->fp32);
    if (run->limits->tf32 > 0) fprintf(file, ", TF32 %.1f GFLOP/s", 1e-9 * run->limits->tf32);
    fputc('\n', file);
    if (run->trial) fprintf(file, "TRIAL     too few windows and too small ceilings: the figures mean nothing\n");
    for (size_t i = 0; i < json_array_size(run->warnings); i++)
        fprintf(file, "WARNING   %s\n", json_string_value(json_array_get(run->warnings, i)));
    fputc('\n', file);
}

static void print_markdown_row(const bench_row *row, const bench_limits *limits, FILE *file) {
    if (!row->finished) {
        fprintf(file, "| %s | %s | | | | | | | | | | |\n", row->source->name, row->message);
        return;
    }
    const figures f = figures_of(row, limits);
    char t[5][32];
    fprintf(file, "| %s | %s | %s | %s | %s | %.1f | %.0f | %.1f | %.0f | %s | %.0f | %s%s |\n", row->source->name,
            duration(t[0], f.warm.median), duration(t[1], f.cold.median), duration(t[2], f.used.p10),
            duration(t[3], f.used.p90), 1e-9 * f.bytes_rate, 100 * f.of_copy, 1e-9 * f.operations_rate, 100 * f.of_peak,
            duration(t[4], row->floor), 100 * f.of_floor, bench_row_verdict(row), row->throttled ? ", throttled" : "");
}

static void print_markdown_steps(const bench_run *run, FILE *file) {
    int any = 0;
    for (int i = 0; i < run->count; i++) {
        const bench_row *row = &run->rows[i];
        if (row->source->group != BENCH_STEP || !row->finished) continue;
        if (!any++)
            fprintf(file, "\n| step | models x steps/s | floor is %% of time | memory, MB | launches | host |\n"
                          "|:--|--:|--:|--:|--:|--:|\n");
        const figures f = figures_of(row, run->limits);
        char host[32], launches[32] = "-";
        if (row->launches) snprintf(launches, sizeof launches, "%lld", (long long)row->launches);
        fprintf(file, "| %s | %.0f | %.0f | %.0f | %s | %s |\n", row->source->name, f.models_rate, 100 * f.of_floor,
                1e-6 * (double)row->device_bytes, launches,
                row->host_seconds > 0 ? duration(host, row->host_seconds) : "-");
    }
}

static void print_markdown(const bench_run *run, FILE *file) {
    print_header(run, file);
    fprintf(file,
            "| case | warm | cold | p10 | p90 | GB/s | %% copy | GFLOP/s | %% peak | floor | floor is %% of time | "
            "result |\n|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|:--|\n");
    for (int i = 0; i < run->count; i++) print_markdown_row(&run->rows[i], run->limits, file);
    print_markdown_steps(run, file);
    fprintf(file, "\nMedians of the windows. p10, p90 and rates are of cold runs where there are some, else of warm "
                  "ones.\nresult: compared with plain loops in double precision on some models.\n");
}

static void print_csv_number(FILE *file, double value) {
    if (isfinite(value))
        fprintf(file, ",%.7g", value);
    else
        fputc(',', file);
}

static void print_csv(const bench_run *run, FILE *file) {
    fprintf(file, "name,precision,models,width,batch,inputs,classes,verdict,error,warm_median,warm_p10,warm_p90,"
                  "cold_median,cold_p10,cold_p90,bytes,operations,floor,bytes_per_second,of_copy,"
                  "operations_per_second,of_peak,of_floor,throttled\n");
    for (int i = 0; i < run->count; i++) {
        const bench_row *row = &run->rows[i];
        const bench_size *s = &row->source->size;
        const figures f = figures_of(row, run->limits);
        const double values[] = { row->check.worst,     f.warm.median, f.warm.p10,   f.warm.p90,
                                  f.cold.median,        f.cold.p10,    f.cold.p90,   row->cost.bytes,
                                  row->cost.operations, row->floor,    f.bytes_rate, f.of_copy,
                                  f.operations_rate,    f.of_peak,     f.of_floor,   row->throttled };
        fprintf(file, "%s,%s,%lld,%lld,%lld,%lld,%lld,%s", row->source->name, row->source->tf32 ? "tf32" : "fp32",
                (long long)s->models, (long long)s->width, (long long)s->batch, (long long)s->inputs,
                (long long)s->classes, bench_row_verdict(row));
        for (size_t j = 0; j < sizeof values / sizeof *values; j++)
            print_csv_number(file, row->finished ? values[j] : NAN);
        fputc('\n', file);
    }
}

int bench_run_print(const bench_run *run, bench_format format, FILE *file) {
    if (format == BENCH_JSON) return print_json(run, file);
    if (format == BENCH_CSV)
        print_csv(run, file);
    else
        print_markdown(run, file);
    return fflush(file) || ferror(file) ? -1 : 0;
}
