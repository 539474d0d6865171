/* The benchmark suite: its statistics, sizes, costs, ceilings, checks and output formats. */
#include "bench/cost.h"
#include "bench/nvml.h"
#include "bench/op.h"
#include "bench/report.h"
#include "bench/statistics.h"
#include "bench/system.h"
#include "bench/training.h"
#include "command.h"
#include "host/data/dataset.h"

#include <math.h>
#include <sys/stat.h>

/* --------------------------------------------------------------------------------------------------------- statistics
 */

Test(bench, quantiles_lie_between_neighbours) {
    const double unsorted[] = { 5, 1, 4, 2, 3 };
    const bench_summary s = bench_summarise(unsorted, 5);
    cr_expect_eq(s.median, 3);
    cr_expect_float_eq(s.p10, 1.4, 1e-12);
    cr_expect_float_eq(s.p90, 4.6, 1e-12);
    cr_expect_eq(unsorted[0], 5, "the samples keep their order");
    cr_expect_eq(bench_summarise(unsorted, 1).p90, 5);
    cr_expect_eq(bench_summarise((double[]){ 1, 2, 3, 10 }, 4).median, 2.5);
    cr_expect(isnan(bench_summarise(unsorted, 0).median));
}

/* ------------------------------------------------------------------------------------------------------------- caches
 */

static void write_cache(const char *folder, int index, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/index%d", folder, index);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/index%d/%s", folder, index, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

Test(bench, the_last_cache_is_the_kernels_as_many_times_as_threads_need) {
    static const char *const caches[][3] = { { "1\n", "32K\n", "0\n" },
                                             { "1\n", "32K\n", "0\n" },
                                             { "2\n", "1024K\n", "0\n" },
                                             { "3\n", "32M\n", "0-3,8-11\n" } };
    char folder[] = "/tmp/caviar-caches-XXXXXX", command[64];
    cr_assert(mkdtemp(folder));
    cr_expect_eq(bench_last_caches(folder, 4), 0, "nothing is known");
    for (int i = 0; i < 4; i++) {
        write_cache(folder, i, "level", caches[i][0]);
        write_cache(folder, i, "size", caches[i][1]);
        write_cache(folder, i, "shared_cpu_list", caches[i][2]);
    }
    cr_expect_eq(bench_last_caches(folder, 1), 32 << 20);
    cr_expect_eq(bench_last_caches(folder, 8), 32 << 20);
    cr_expect_eq(bench_last_caches(folder, 9), 64 << 20);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

/* -------------------------------------------------------------------------------------------------------------- sizes
 */

static void expect_sizes(const char *text, int count, const int64_t *values) {
    char error[512];
    bench_sizes sizes;
    cr_assert_eq(bench_sizes_parse(&sizes, text, error, sizeof error), 0, "%s: %s", text, error);
    cr_expect_eq(sizes.count, count, "%s: %d", text, sizes.count);
    for (int i = 0; i < count && i < sizes.count; i++)
        cr_expect_eq(sizes.values[i], values[i], "%s: [%d] is %lld", text, i, (long long)sizes.values[i]);
}

Test(bench, reads_lists_and_ranges_of_sizes) {
    expect_sizes("64", 1, (int64_t[]){ 64 });
    expect_sizes("1,64,256", 3, (int64_t[]){ 1, 64, 256 });
    expect_sizes("256..4096*4", 3, (int64_t[]){ 256, 1024, 4096 });
    expect_sizes("1,100..500+200,7", 5, (int64_t[]){ 1, 100, 300, 500, 7 });
    expect_sizes("3..20*3", 2, (int64_t[]){ 3, 9 });
    expect_sizes("2147483647..2147483647*2147483647", 1, (int64_t[]){ 2147483647 });
}

Test(bench, refuses_sizes_that_are_none_and_says_which) {
    static const char *const bad[] = { "",     "0",      "-1",     "a",      "1,",          "1,,2",    "1;2",
                                       "1..5", "5..1+1", "1..5*1", "1..5+0", "1..5x2",      " 1",      "+1",
                                       "1.5",  "1..",    "1..*2",  "1 ",     "99999999999", "1..100+1" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char error[512] = "";
        bench_sizes sizes = { { 77 }, 1 };
        cr_expect_eq(bench_sizes_parse(&sizes, bad[i], error, sizeof error), -1, "\"%s\" was taken", bad[i]);
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\"", bad[i]);
        assert_contains(error, quoted);
        cr_expect(sizes.count == 1 && sizes.values[0] == 77, "\"%s\" changed what was there", bad[i]);
    }
}

Test(bench, walks_all_combinations_models_slowest) {
    const bench_grid grid = { { { 1, 2 }, 2 }, { { 8, 16, 32 }, 3 }, { { 5 }, 1 }, { { 6 }, 1 }, { { 7 }, 1 } };
    bench_size size;
    char names[512] = "";
    int count = 0;
    for (; bench_grid_at(&size, &grid, BENCH_MODELS | BENCH_WIDTH | BENCH_CLASSES, count); count++)
        bench_size_name(names + strlen(names), sizeof names - strlen(names), &size);
    cr_expect_eq(count, 6);
    cr_expect_str_eq(names, " models=1 width=8 classes=7 models=1 width=16 classes=7 models=1 width=32 classes=7"
                            " models=2 width=8 classes=7 models=2 width=16 classes=7 models=2 width=32 classes=7");
    cr_expect(bench_grid_at(&size, &grid, 0, 0) && size.models == 0, "a case without sizes is one case");
    cr_expect_not(bench_grid_at(&size, &grid, 0, 1));
}

/* --------------------------------------------------------------------------------------------------- costs and floors
 */

static float somewhere[1];

Test(bench, counts_bytes_and_operations) {
    caviar_call call = { .op = CAVIAR_OP_linear_forward };
    call.args.linear_forward = (caviar_linear_forward_args){
        .x = { somewhere, 784, 0 }, .y = { somewhere, 64, 64 * 128 }, .models = 10, .batch = 128, .in = 784, .out = 64
    };
    bench_cost cost = bench_cost_of(&call);
    cr_expect_eq(cost.bytes, 4.0 * (128 * 784 + 10 * 784 * 64 + 10 * 128 * 64), "a shared x is read once: %f",
                 cost.bytes);
    cr_expect_eq(cost.operations, 2.0 * 10 * 128 * 784 * 64);
    call.args.linear_forward.x.model_stride = 784 * 128;
    cr_expect_eq(bench_cost_of(&call).bytes, 4.0 * 10 * (128 * 784 + 784 * 64 + 128 * 64));

    /* Configuration A of the design: 1024 models of 55,178 parameters, p, m, v in and out and g in: 1.58 GB. */
    call = (caviar_call){ .op = CAVIAR_OP_optimizer_update };
    call.args.optimizer_update.models = 1024;
    call.args.optimizer_update.count = 55178;
    cr_expect_float_eq(bench_cost_of(&call).bytes, 1.582e9, 1e6);

    call = (caviar_call){ .op = CAVIAR_OP_bias_backward };
    call.args.bias_backward = (caviar_bias_backward_args){
        .dy = { somewhere, 4, 4 }, .dz = { somewhere, 4, 4 }, .models = 2, .batch = 3, .width = 4
    };
    cr_expect_eq(bench_cost_of(&call).bytes, 4.0 * (2 * 3 * 4 + 2 * 4), "a gradient in place is only read");
}

Test(bench, the_floor_is_what_takes_longer) {
    const bench_cost cost = { 100, 1000 };
    cr_expect_eq(bench_floor(&cost, 10, 1000), 10);
    cr_expect_eq(bench_floor(&cost, 1000, 10), 100);
    const bench_case step = { .group = BENCH_STEP };
    const bench_limits limits = { .copy = 10, .fp32 = 100 };
    bench_cost parts[] = { { 100, 0 }, { 0, 2000 }, { 100, 1000 } };
    bench_row row = { .source = &step, .cost = { 200, 3000 }, .parts = parts, .part_count = 3 };
    bench_set_floor(&row, &limits);
    cr_expect_eq(row.floor, 40, "each operation reads and writes for itself: %g", row.floor);
    row.parts = NULL;
    bench_set_floor(&row, &limits);
    cr_expect_eq(row.floor, 30, "%g", row.floor);
}

/* ------------------------------------------------------------------------------------------------------------- checks
 */

Test(bench, tells_when_the_ceilings_moved) {
    const bench_limits before = { .copy = 40e9, .fp32 = 200e9, .tf32 = 400e9 };
    bench_limits after = { .copy = 43e9, .fp32 = 185e9, .tf32 = 400e9 };
    char text[400];
    bench_limits_drift(text, sizeof text, &before, &after);
    cr_expect_str_empty(text, "less than a tenth is noise: %s", text);
    after.fp32 = 240e9;
    bench_limits_drift(text, sizeof text, &before, &after);
    cr_expect_not_null(
        strstr(text, "copy 40 GB/s before and 43 after them, fp32 200 and 240 GFLOP/s, TF32 400 and 400"), "%s", text);
    after = before;
    after.copy = 30e9;
    bench_limits_drift(text, sizeof text, &before, &after);
    cr_expect_str_not_empty(text);
}

Test(bench, the_higher_ceilings_count_with_their_samples) {
    double one[] = { 1 }, two[] = { 2 };
    bench_limits first = { .copy = 40e9, .fp32 = 200e9 }, second = { .copy = 30e9, .fp32 = 240e9 };
    bench_limits_samples of_first = { .copy = { one, 1, 1 }, .fp32 = { one, 1, 1 } };
    bench_limits_samples of_second = { .copy = { two, 1, 1 }, .fp32 = { two, 1, 1 } };
    bench_limits_raise(&first, &of_first, &second, &of_second);
    cr_expect(first.copy == 40e9 && first.fp32 == 240e9 && first.tf32 == 0);
    cr_expect(of_first.copy.seconds == one && of_first.fp32.seconds == two);
    cr_expect(of_second.copy.seconds == two && of_second.fp32.seconds == one, "each is freed once");
}

Test(bench, an_error_is_on_the_scale_and_nan_is_infinite) {
    bench_check check = { 0 };
    bench_expect(&check, 11, 10, 10);
    bench_expect(&check, 10, 10, 10);
    cr_expect_float_eq(check.worst, 0.1, 1e-12);
    cr_expect_eq(check.compared, 2);
    bench_expect(&check, NAN, 1, 1);
    cr_expect_eq(check.worst, INFINITY);
    bench_expect(&check, 1, 1, 1);
    cr_expect_eq(check.worst, INFINITY, "a right value does not make up for it");
}

#define CALL_OP(op_name)                                                                                               \
    case CAVIAR_OP_##op_name: cr_assert_eq(caviar_op_##op_name(device, &call->args.op_name, NULL), CAVIAR_OK); break;

static void call_once(caviar_device *device, const caviar_call *call) {
    switch (call->op) {
        CAVIAR_FOR_EACH_OP(CALL_OP)
    case CAVIAR_OP_COUNT: break;
    }
}

static double error_of(const bench_op *op, const bench_operands *operands, const caviar_call *call) {
    bench_check check = { 0 };
    const int64_t units = bench_op_units(call);
    op->check(&check, operands, call, 0);
    op->check(&check, operands, call, units - 1);
    cr_assert_gt(check.compared, 0, "%s compares nothing", op->name);
    return check.worst;
}

/* Adds 1 to every element of a result, or takes it back. */
static void shift(bench_operand *o, int by) {
    for (int64_t i = 0; i < o->count; i++) {
        switch (o->kind) {
        case BENCH_FLOAT: ((float *)o->after)[i] += (float)by; break;
        case BENCH_DOUBLE: ((double *)o->after)[i] += by; break;
        case BENCH_INT32: ((int32_t *)o->after)[i] += by; break;
        case BENCH_INT64: ((int64_t *)o->after)[i] += by; break;
        case BENCH_UINT8: ((uint8_t *)o->after)[i] = (uint8_t)(((uint8_t *)o->after)[i] + by); break;
        }
    }
}

static size_t bytes_of(const bench_operand *o) {
    static const size_t size[] = {
        [BENCH_FLOAT] = 4, [BENCH_DOUBLE] = 8, [BENCH_INT32] = 4, [BENCH_UINT8] = 1, [BENCH_INT64] = 8
    };
    return (size_t)o->count * size[o->kind];
}

/* Every operand that an operation changes is compared: spoiling it is noticed. */
Test(bench, the_check_of_every_operation_can_fail) {
    static const bench_size size = { .models = 3, .width = 8, .batch = 6, .inputs = 12, .classes = 5 };
    caviar_device *device = NULL;
    cr_assert_eq(caviar_device_open(&device, "cpu", 1), CAVIAR_OK);
    for (int i = 0; i < CAVIAR_OP_COUNT; i++) {
        const bench_op *op = bench_ops[i];
        caviar_call call = { .op = (caviar_op)i };
        bench_operands operands = { .device = device };
        op->build(&operands, &call, &size);
        cr_assert_eq(operands.status, CAVIAR_OK, "%s: %s", op->name, caviar_last_error());
        char *before[BENCH_MOST_OPERANDS];
        for (int j = 0; j < operands.count; j++) {
            before[j] = malloc(bytes_of(&operands.items[j]));
            memcpy(before[j], operands.items[j].device, bytes_of(&operands.items[j]));
        }
        call_once(device, &call);
        cr_assert_eq(bench_operands_read(&operands), CAVIAR_OK);
        cr_expect_lt(error_of(op, &operands, &call), 1e-5, "%s is wrong", op->name);
        int changed = 0;
        for (int j = 0; j < operands.count; j++) {
            if (memcmp(before[j], operands.items[j].device, bytes_of(&operands.items[j])) != 0) {
                changed++;
                shift(&operands.items[j], 1);
                cr_expect_gt(error_of(op, &operands, &call), 1e-3, "%s: operand %d was spoilt unnoticed", op->name, j);
                shift(&operands.items[j], -1);
            }
            free(before[j]);
        }
        cr_expect_gt(changed, 0, "%s changed nothing", op->name);
        bench_operands_free(&operands);
    }
    caviar_device_close(device);
}

/* The reference has a learning rate, a batch norm and an optimiser of its own: losses agree, and not for want of them.
 */
Test(bench, losses_of_a_population_are_those_of_plain_loops) {
    enum { STEPS = 6 };
    caviar_device *device = NULL;
    caviar_dataset *dataset = NULL;
    caviar_population *population = NULL;
    caviar_metrics metrics[2];
    double want[2][STEPS];
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = 2;
    options.hidden_layers = 2;
    options.hidden_width[0] = 12, options.hidden_width[1] = 8;
    options.batch_size = 32;
    cr_assert_eq(caviar_device_open(&device, "cpu", 1), CAVIAR_OK);
    cr_assert_eq(bench_make_dataset(&dataset, 600, 20), CAVIAR_OK);
    cr_assert_eq(caviar_population_create(&population, device, dataset, &options), CAVIAR_OK);
    cr_assert_eq(bench_start_models(population), CAVIAR_OK);
    for (int k = 0; k < 2; k++) cr_assert_eq(bench_reference_losses(want[k], population, k, STEPS), CAVIAR_OK);
    for (int s = 0; s < STEPS; s++) {
        cr_assert_eq(caviar_population_train(population, 1), CAVIAR_OK);
        cr_assert_eq(caviar_population_training_metrics(metrics, population), CAVIAR_OK);
        for (int k = 0; k < 2; k++)
            cr_expect_float_eq(metrics[k].loss, want[k][s], 1e-5 * want[k][s], "step %d of model %d: %.9g, not %.9g", s,
                               k, metrics[k].loss, want[k][s]);
    }
    cr_expect_gt(fabs(want[0][STEPS - 1] - want[1][STEPS - 1]), 1e-2, "the learning rates make no difference");
    caviar_population_destroy(population);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}

/* --------------------------------------------------------------------------------------------------------------- NVML
 */

Test(bench, reads_clocks_and_throttling_through_nvml) {
    char text[160];
    bench_nvml_state state;
    cr_assert_null(bench_nvml_open("0000:02:00.0"), "a bus that NVML does not know");
    bench_nvml *nvml = bench_nvml_open("0000:01:00.0");
    cr_assert_not_null(nvml);
    bench_nvml_read(&state, nvml);
    bench_nvml_close(nvml);
    cr_expect_str_eq(state.driver, "999.1");
    cr_expect(state.sm_clock == 1200 && state.memory_clock == 2600 && state.most_sm_clock == 1980 &&
              state.most_memory_clock == 2619 && state.temperature == 71);
    cr_expect_eq(state.power, 0, "what is not told is 0");
    bench_nvml_throttle_text(text, sizeof text, state.reasons);
    cr_expect_str_eq(text, "software power cap, hardware thermal slowdown");
    bench_nvml_throttle_text(text, sizeof text, 0x1 | 0x2);
    cr_expect_str_eq(text, "", "an idle GPU and clocks that were set are no fault");
}

/* ------------------------------------------------------------------------------------------------------------ formats
 */

static double warm_samples[3] = { 3e-3, 1e-3, 2e-3 }, cold_samples[3] = { 4e-3, 4e-3, 4e-3 };
static const bench_case cases[4] = {
    { "kernel/gather batch=8", BENCH_KERNEL, CAVIAR_OP_gather, 0, 0, { .batch = 8 } },
    { "product/A.1.forward.tf32 models=2", BENCH_PRODUCT, 0, 1, 1, { .models = 2 } },
    { "step/A models=64", BENCH_STEP, 0, 0, 0, { .models = 64 } },
    { "step/B models=1", BENCH_STEP, 0, 0, 0, { .models = 1 } },
};
static const bench_row rows[4] = {
    { .source = &cases[0],
      .finished = 1,
      .cost = { 4e6, 8e6 },
      .floor = 1e-3,
      .warm = { warm_samples, 3, 7 },
      .cold = { cold_samples, 3, 1 },
      .check = { 1e-7, 5 },
      .tolerance = 1e-5 },
    { .source = &cases[1],
      .finished = 1,
      .cost = { 4e6, 8e6 },
      .floor = 1e-3,
      .warm = { warm_samples, 3, 7 },
      .check = { INFINITY, 5 },
      .tolerance = 1e-5,
      .throttled = 1 },
    { .source = &cases[2],
      .finished = 1,
      .cost = { 4e6, 8e6 },
      .floor = 1e-3,
      .warm = { warm_samples, 3, 7 },
      .check = { 1e-7, 5 },
      .tolerance = 1e-5,
      .device_bytes = 1 << 20,
      .launches = 20,
      .host_seconds = 5e-6 },
    { .source = &cases[3], .message = "skipped: needs 9 GB" },
};
static const bench_limits limits = { 4e9, 8e9, 80e9 };
static const bench_limits_samples limits_samples = {
    100, 64, "memcpy", 30, { warm_samples, 3, 1 }, { warm_samples, 3, 1 }, { warm_samples, 3, 1 }
};

static char *print(bench_format format) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    json_t *header = json_pack("{s:s, s:{s:s}}", "date", "2026-01-02T03:04:05Z", "device", "description", "a device");
    json_t *warnings = json_pack("[s]", "the machine is busy");
    const bench_run run = { header, warnings, 0, &limits, &limits_samples, rows, 4 };
    cr_assert_eq(bench_run_print(&run, format, file), 0);
    fclose(file);
    json_decref(header);
    json_decref(warnings);
    return text;
}

Test(bench, json_has_the_samples_and_what_follows_from_them) {
    char *text = print(BENCH_JSON);
    json_t *document = parse_json(text);
    const json_t *list = json_object_get(document, "rows"), *row = json_array_get(list, 0);
    cr_assert_eq(json_array_size(list), 4);
    cr_expect_str_eq(json_string_value(json_object_get(document, "schema")), "caviar-bench-1");
    cr_expect_str_eq(json_string_value(json_object_get(row, "verdict")), "ok");
    const json_t *warm = json_object_get(row, "warm");
    cr_expect_float_eq(number_in(warm, "median"), 2e-3, 1e-12);
    cr_expect_eq(json_array_size(json_object_get(warm, "samples")), 3);
    cr_expect_float_eq(json_number_value(json_array_get(json_object_get(warm, "samples"), 0)), 3e-3, 1e-12);
    cr_expect_float_eq(number_in(row, "bytes_per_second"), 1e9, 1, "rates are of cold runs");
    cr_expect_float_eq(number_in(row, "of_copy"), 0.25, 1e-9);
    cr_expect_float_eq(number_in(row, "of_peak"), 0.25, 1e-9);
    cr_expect_float_eq(number_in(row, "of_floor"), 0.25, 1e-9);
    const json_t *product = json_array_get(list, 1), *step = json_array_get(list, 2),
                 *skipped = json_array_get(list, 3);
    cr_expect_str_eq(json_string_value(json_object_get(product, "verdict")), "wrong");
    cr_expect(json_is_null(json_object_get(product, "error")), "JSON has no infinity");
    cr_expect_float_eq(number_in(product, "of_peak"), 0.05, 1e-9, "of the TF32 peak, by warm runs");
    cr_expect(json_is_true(json_object_get(product, "throttled")));
    cr_expect_float_eq(number_in(step, "models_times_steps_per_second"), 32000, 1e-3);
    cr_expect_eq(number_in(step, "launches"), 20);
    cr_expect_str_eq(json_string_value(json_object_get(skipped, "verdict")), "skipped");
    cr_expect_null(json_object_get(skipped, "warm"));
    json_decref(document);
    free(text);
}

static int fields_of(const char *line) {
    int fields = 1;
    for (; *line && *line != '\n'; line++) fields += *line == ',';
    return fields;
}

Test(bench, csv_has_as_many_fields_in_every_line) {
    char *text = print(BENCH_CSV);
    const char *line = text;
    cr_expect_eq(line_count(text), 5);
    for (int i = 0; i < 5; i++, line = strchr(line, '\n') + 1)
        cr_expect_eq(fields_of(line), fields_of(text), "line %d has %d fields, not %d", i, fields_of(line),
                     fields_of(text));
    assert_contains(text, "kernel/gather batch=8,fp32,0,0,8,0,0,ok,1e-07,0.002,");
    free(text);
}

Test(bench, markdown_has_figures_warnings_and_verdicts) {
    char *text = print(BENCH_MARKDOWN);
    assert_contains(text, "WARNING   the machine is busy");
    assert_contains(text,
                    "| kernel/gather batch=8 | 2.00 ms | 4.00 ms | 4.00 ms | 4.00 ms | 1.0 | 25 | 2.0 | 25 | 1.00 "
                    "ms | 25 | ok |");
    assert_contains(text, "wrong, throttled |");
    assert_contains(text, "| step/B models=1 | skipped: needs 9 GB |");
    assert_contains(text, "| step/A models=64 | 32000 | 50 | 1 | 20 | 5.00 us |");
    free(text);
}
