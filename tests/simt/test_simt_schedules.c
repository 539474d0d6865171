/*
 * A kernel's bits do not depend on the order in which its threads happen to run: 200 random schedules of each kernel,
 * with threads stopped in straight code, leave the same bytes in all memory of the operation.
 *
 * Each scene of the conformance cases (tests/ops) is run once; where it launches an instance of a kernel that has not
 * run before, it is run under every schedule. Large scenes come first, as far as there is time for 200 runs of them,
 * since in them most threads, warps and blocks meet. Every kernel of src/kernels must have run. The whole-step engine
 * is no operation: steps of populations are run.
 */
#include "blobs.h"
#include "control.h"
#include "host/population/population.h"
#include "ops/cases.h"
#include "scorecard.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEDULES = 200 };
#define LARGEST 5000                   /* elements of a scene */
#define WHOLE_STEP "train_step_kernel" /* which no operation launches: it has a test of its own */

typedef struct candidate {
    shape shape;
    int64_t elements;
} candidate;

/* All shapes of one operation that could be run. */
typedef struct candidates {
    candidate list[256];
    size_t count;
} candidates;

/* Roughly what a scene costs. */
static int64_t elements(caviar_op op, const shape *s) {
    const int64_t in = op == CAVIAR_OP_softmax_cross_entropy || s->in == 0 ? 1 : s->in;
    return s->models * s->batch * in * (s->width == 0 ? 1 : s->width);
}

/* The largest that there is time for, down to the smallest; then the others, the cheapest first. */
static int by_preference(const void *a, const void *b) {
    const candidate *const one = a, *const other = b;
    const int one_fits = one->elements <= LARGEST, other_fits = other->elements <= LARGEST;
    if (one_fits != other_fits) return other_fits - one_fits;
    const int order = (one->elements > other->elements) - (one->elements < other->elements);
    return one_fits ? -order : order;
}

static void find_candidates(candidates *c, caviar_op op) {
    c->count = 0;
    for (size_t i = 0; i < all_cases[op]->count; i++) {
        const shape *s = &all_cases[op]->shapes[i];
        if (s->models >= 65535 || s->width >= 65535) continue; /* a second for each run */
        cr_assert(c->count < COUNT(c->list));
        c->list[c->count++] = (candidate){ *s, elements(op, s) };
    }
    qsort(c->list, c->count, sizeof *c->list, by_preference);
}

/* What a call leaves in all memory of its operands. */
static void run_scene(scene *s, const caviar_call *call) {
    scene_send(s);
    run_call(s->device, call);
    cr_assert_str_eq(simt_diagnosis(), "");
    scene_fetch(s);
}

static void begin_scene(scene *s, caviar_call *call, caviar_device *device, caviar_op op, const shape *size) {
    *call = (caviar_call){ .op = op };
    scene_begin(s, device, size, 0);
    all_cases[op]->build(s, call);
}

/* Without a look at single accesses no thread is stopped, and a few orders show what there is to see. */
static uint64_t seeds(void) {
    return simt_checks_accesses() ? SCHEDULES : 5;
}

/* Runs the scene under every seed after it was run in order, and compares all bytes. */
static void compare_schedules(scene *s, const caviar_call *call) {
    unsigned char *first[MAX_OPERANDS] = { NULL };
    for (int i = 0; i < s->count; i++) {
        if (!s->operands[i]) continue;
        first[i] = malloc(s->operands[i]->bytes);
        cr_assert(first[i]);
        memcpy(first[i], s->operands[i]->after, s->operands[i]->bytes);
    }
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        simt_set_schedule(SIMT_RANDOM, seed);
        run_scene(s, call);
        for (int i = 0; i < s->count; i++)
            cr_assert(
                !first[i] || memcmp(first[i], s->operands[i]->after, s->operands[i]->bytes) == 0,
                "%s (%s: models %lld, batch %lld, in %lld, width %lld, layout %d, flags %d): operand %d has other "
                "bits than threads in order give under CAVIAR_SIMT_SCHEDULE=random CAVIAR_SIMT_SEED=%llu",
                op_names[call->op], s->shape.why, (long long)s->shape.models, (long long)s->shape.batch,
                (long long)s->shape.in, (long long)s->shape.width, (int)s->shape.layout, s->shape.flags, i,
                (unsigned long long)seed);
    }
    for (int i = 0; i < s->count; i++) free(first[i]);
}

/* Steps of the whole-step engine from one state, under every seed: all memory of the population is compared. */
static void compare_whole_steps(caviar_device *device, const caviar_population_options *options, int classes) {
    caviar_dataset *dataset = make_blobs(options->batch_size, 20, classes, 1, 3);
    SUCCEEDS(caviar_dataset_split(dataset, 0, 0, 1));
    caviar_population *p = NULL;
    SUCCEEDS(caviar_population_create(&p, device, dataset, options));
    for (int k = 0; k < options->models; k++) {
        caviar_hyperparameters h = CAVIAR_HYPERPARAMETERS_INIT;
        h.dropout = 0.2;
        h.activation = (caviar_activation)(CAVIAR_RELU + k % 3);
        SUCCEEDS(caviar_population_start(p, k, 1, &h));
    }
    SUCCEEDS(caviar_population_train(p, 1)); /* the order of the examples is there now */
    caviar_population measured = *p;
    const size_t bytes = caviar_population_lay_out(&measured, NULL);
    unsigned char *const before = malloc(bytes), *const first = malloc(bytes);
    cr_assert(before && first);
    memcpy(before, p->arena, bytes);
    for (uint64_t seed = 0; seed <= seeds(); seed++) {
        simt_set_schedule(seed ? SIMT_RANDOM : SIMT_FIRST_IN_FIRST_OUT, seed);
        memcpy(p->arena, before, bytes);
        SUCCEEDS(device->table->program_run(device, p->train_full, 1));
        cr_assert_str_eq(simt_diagnosis(), "");
        if (seed == 0) memcpy(first, p->arena, bytes);
        cr_assert(memcmp(first, p->arena, bytes) == 0,
                  "the whole step at a minibatch of %d has other bits than threads in order give under "
                  "CAVIAR_SIMT_SCHEDULE=random CAVIAR_SIMT_SEED=%llu",
                  options->batch_size, (unsigned long long)seed);
    }
    free(before);
    free(first);
    caviar_population_destroy(p);
    caviar_dataset_destroy(dataset);
}

/* Whether a kernel of this name has run. */
static int has_run(const char *name, size_t length) {
    for (int i = 0; i < simt_kernel_count(); i++)
        if (strncmp(simt_kernel_name(i), name, length) == 0 && simt_kernel_name(i)[length] == 0) return 1;
    return 0;
}

/* Looks for __global__ ... name(arguments) { in a source file; says how many there are. */
static int check_kernels_of(const char *path) {
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    int count = 0;
    for (char *at = text; (at = strstr(at, "__global__")) != NULL; count++) {
        char *const body = strchr(at, '{');
        cr_assert(body, "%s", path);
        *body = 0;
        const char *end = strrchr(at, '('), *name = end;
        while (strchr("abcdefghijklmnopqrstuvwxyz_0123456789", name[-1])) name--;
        const int length = (int)(end - name);
        cr_assert(has_run(name, (size_t)length) || strncmp(name, WHOLE_STEP "(", sizeof WHOLE_STEP) == 0,
                  "%s: %.*s was not run", path, length, name);
        at = body + 1;
    }
    return count;
}

Test(simt_schedules, one_bit_pattern, .timeout = 300) {
    caviar_device *device = NULL;
    SUCCEEDS(caviar_simt_open(&device));
    candidates *c = malloc(sizeof *c);
    cr_assert(c);
    int scenes = 0;
    for (caviar_op op = 0; op < CAVIAR_OP_COUNT; op++) {
        find_candidates(c, op);
        for (size_t i = 0; i < c->count; i++) {
            scene s;
            caviar_call call;
            const int before = simt_kernel_count();
            simt_set_schedule(SIMT_FIRST_IN_FIRST_OUT, 0);
            begin_scene(&s, &call, device, op, &c->list[i].shape);
            run_scene(&s, &call);
            if (simt_kernel_count() > before) {
                compare_schedules(&s, &call);
                scenes++;
            }
            scene_end(&s);
        }
    }
    free(c);

    int kernels = 0;
    glob_t files;
    cr_assert(glob(CAVIAR_KERNELS "/*.cu", 0, NULL, &files) == 0);
    for (size_t i = 0; i < files.gl_pathc; i++) kernels += check_kernels_of(files.gl_pathv[i]);
    globfree(&files);
    cr_assert(kernels >= 15, "only %d kernels were found in the sources", kernels);
    /* Batch norm forward and backward in 10 instances each, softmax in 22, inference and bias in 2, gather in 4. */
    cr_assert(simt_kernel_count() >= 58, "only %d instances of kernels were run", simt_kernel_count());
    printf("%d instances of %d kernels, %d scenes\n", simt_kernel_count(), kernels, scenes);

    device->table->close(device);
    if (simt_checks_accesses()) scorecard("schedules", SCHEDULES);
}

Test(simt_schedules, whole_step, .timeout = 300) {
    caviar_device *device = NULL;
    SUCCEEDS(caviar_simt_open(&device));
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.engine = CAVIAR_ENGINE_WHOLE_STEP;
    options.models = 2;
    options.hidden_layers = 2;
    options.hidden_width[0] = 72;
    options.hidden_width[1] = 8;
    options.batch_size = 20;
    compare_whole_steps(device, &options, 3);
    options.models = 1;
    options.hidden_width[0] = 12;
    options.batch_size = 40;
    compare_whole_steps(device, &options, 20);
    options.hidden_layers = 1;
    options.batch_norm = 0;
    options.batch_size = 70;
    compare_whole_steps(device, &options, 2);
    int instances = 0;
    for (int i = 0; i < simt_kernel_count(); i++) instances += strcmp(simt_kernel_name(i), WHOLE_STEP) == 0;
    cr_assert(instances == 3, "%d instances were run", instances);
    device->table->close(device);
    if (simt_checks_accesses()) scorecard("schedules", SCHEDULES);
}
