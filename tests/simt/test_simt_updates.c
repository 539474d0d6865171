/* Schedules, optimisers, initialisation and sampling on the SIMT emulator, against the formulas of caviar/ops.h. */
#include "operands.h"

#include "kernels/randomness.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------------------- schedules
 */

static void schedule(caviar_device *device, const shape *s) {
    int32_t *const active = integers(s->models, 0, 1), *const kind = integers(s->models, 0, 3);
    double *const rate0 = doubles(s->models, 1e-4, 1), *const decay = doubles(s->models, 0.1, 1);
    double *const duration = doubles(s->models, 1, 3);
    double *const c1 = doubles(s->models, 1e-6, 1), *const c2 = doubles(s->models, 1e-9, 1e-3);
    int64_t *const step = longs(s->models, 0), *const old_step = longs(s->models, 0);
    for (int64_t k = 0; k < s->models; ++k) step[k] = old_step[k] = (int64_t)(random_word() % 400) * (k % 5);
    if (s->models > 2) c1[2] = 1, step[2] = old_step[2] = (int64_t)1 << 40;
    float *const rate = reals(s->models, 9, 9), *const k1 = reals(s->models, 9, 9), *const k2 = reals(s->models, 9, 9);
    const caviar_schedule_args args = {
        active, kind, rate0, decay, duration, c1, c2, step, rate, k1, k2, s->models, 97
    };
    SUCCEEDS(caviar_op_schedule(device, &args, NULL));
    for (int64_t k = 0; k < s->models; ++k) {
        if (!active[k]) {
            cr_assert(step[k] == old_step[k] && rate[k] == 9 && k1[k] == 9 && k2[k] == 9);
            continue;
        }
        cr_assert(step[k] == old_step[k] + 1);
        const long double t = (long double)step[k], e = (t - 1) / 97;
        long double factor = 1;
        if (kind[k] == CAVIAR_INVERSE_TIME) factor = 1 / (1 + decay[k] * e);
        if (kind[k] == CAVIAR_EXPONENTIAL) factor = powl(decay[k], e);
        if (kind[k] == CAVIAR_COSINE) factor = (1 + cosl(acosl(-1) * fminl(e / duration[k], 1))) / 2;
        check_near(rate[k], (double)(rate0[k] * factor), 1e-9, 1e-6, "rate", s, 0, k, kind[k]);
        check_near(k1[k], (double)(1 - powl(1 - (long double)c1[k], t)), 0, 2e-7, "correction1", s, 0, k, 0);
        check_near(k2[k], (double)(1 - powl(1 - (long double)c2[k], t)), 0, 2e-7, "correction2", s, 0, k, 0);
    }
}

Test(simt_updates, schedule) {
    static const shape shapes[] = { { 1, 1, 1, EXAMPLE_MAJOR, "one" },
                                    { 129, 1, 1, EXAMPLE_MAJOR, "two blocks" },
                                    { 1000, 1, 1, EXAMPLE_MAJOR, "a thousand models" } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; ++i) run_case(schedule, &shapes[i]);
}

/* -------------------------------------------------------------------------------------------------------- optimisers
 */

typedef struct rule {
    double rate, k1, k2, momentum, c1, c2, epsilon, decay;
} rule;

static void update_reference(int optimizer, const rule *r, int decayed, double *p, double g, double *m, double *v) {
    if (decayed && optimizer == CAVIAR_ADAMW) *p -= r->rate * r->decay * *p;
    if (decayed && optimizer != CAVIAR_ADAMW) g += r->decay * *p;
    const double squared = isnan(g) ? g : fmin(g * g, FLT_MAX);
    switch (optimizer) {
    case CAVIAR_SGD: *p -= r->rate * g; break;
    case CAVIAR_MOMENTUM:
        *m = r->momentum * *m + g;
        *p -= r->rate * *m;
        break;
    case CAVIAR_RMSPROP:
        *v += r->c2 * (squared - *v);
        *p -= r->rate * g / (sqrt(*v) + r->epsilon);
        break;
    default:
        *m += r->c1 * (g - *m);
        *v += r->c2 * (squared - *v);
        *p -= r->rate / r->k1 * *m / (sqrt(*v) / sqrt(r->k2) + r->epsilon);
    }
}

/* s->width is the count of parameters. */
static void update(caviar_device *device, const shape *s) {
    const int64_t count = s->width, decayed = count / 4 * 2 + count / 4 % 4;
    const caviar_tensor p = tensor(s->models, count, -1, 1), g = tensor(s->models, count, -1, 1);
    const caviar_tensor m = tensor(s->models, count, -1, 1), v = tensor(s->models, count, 0, 1);
    g.data[0] = 1e20f;
    if (count > 1) g.data[1] = NAN;
    const caviar_tensor old_p = tensor_copy(&p), old_m = tensor_copy(&m), old_v = tensor_copy(&v);
    int32_t *const active = integers(s->models, 1, 1), *const optimizer = integers(s->models, 0, 0);
    for (int64_t k = 0; k < s->models; ++k) {
        optimizer[k] = (int32_t)((k + count / 4) % 5);
        active[k] = k % 7 != 6;
    }
    float *const rate = reals(s->models, 0.01, 0.1), *const k1 = reals(s->models, 0.1, 1);
    float *const k2 = reals(s->models, 0.001, 1), *const momentum = reals(s->models, 0.5, 1);
    float *const c1 = reals(s->models, 0.01, 0.5), *const c2 = reals(s->models, 0.001, 0.1);
    float *const epsilon = reals(s->models, 1e-8, 1e-7), *const decay = reals(s->models, 0, 0.1);
    const caviar_optimizer_update_args args = { p,    g,  m,  v,        s->models, count, decayed, active, optimizer,
                                                rate, k1, k2, momentum, c1,        c2,    epsilon, decay };
    SUCCEEDS(caviar_op_optimizer_update(device, &args, NULL));
    for (int64_t k = 0; k < s->models; ++k) {
        const rule r = { rate[k], k1[k], k2[k], momentum[k], c1[k], c2[k], epsilon[k], decay[k] };
        for (int64_t i = 0; i < p.model_stride; ++i) {
            const int64_t at = k * p.model_stride + i;
            if (!active[k] || i >= count) {
                cr_assert(p.data[at] == old_p.data[at] && m.data[at] == old_m.data[at] && v.data[at] == old_v.data[at]);
                continue;
            }
            double new_p = old_p.data[at], new_m = old_m.data[at], new_v = old_v.data[at];
            update_reference(optimizer[k], &r, i < decayed, &new_p, g.data[at], &new_m, &new_v);
            check_near(p.data[at], new_p, 1e-6, 2e-6, "p", s, optimizer[k], k, i);
            check_near(m.data[at], new_m, 1e-6, 1e-6, "m", s, optimizer[k], k, i);
            check_near(v.data[at], new_v, 1e-6, 1e-6, "v", s, optimizer[k], k, i);
        }
    }
}

Test(simt_updates, optimizers) {
    static const shape shapes[] = {
        { 1, 1, 4, EXAMPLE_MAJOR, "the smallest, momentum" },
        { 1, 1, 8, EXAMPLE_MAJOR, "RMSprop" },
        { 1, 1, 12, EXAMPLE_MAJOR, "Adam" },
        { 1, 1, 16, EXAMPLE_MAJOR, "AdamW" },
        { 1, 1, 20, EXAMPLE_MAJOR, "SGD" },
        { 11, 1, 1028, EXAMPLE_MAJOR, "every optimiser; more than a block's threads take at once" },
        { 5, 1, 9004, EXAMPLE_MAJOR, "several blocks a model" },
        { 1000, 1, 4, EXAMPLE_MAJOR, "a thousand models" },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; ++i) run_case(update, &shapes[i]);
    const shape many = { 65537, 1, 4, EXAMPLE_MAJOR, "more models than a grid has rows" };
    run_case(update, &many);
}

/* ---------------------------------------------------------------------------------------------------- initialisation
 */

/* s->batch is the count of rows. */
static void initialize(caviar_device *device, const shape *s) {
    const int64_t rows = s->batch, columns = s->width;
    const caviar_tensor w = tensor(s->models, rows * columns, 5, 6), old = tensor_copy(&w);
    int32_t *const selected = integers(s->models, 1, 1);
    int32_t *const row_widths = integers(s->models, 1, (int32_t)rows);
    int32_t *const column_widths = integers(s->models, 1, (int32_t)columns);
    int32_t *const activation = integers(s->models, 1, 3), *const stream = integers(s->models, 0, 1000000);
    if (s->models > 1) selected[1] = 0;
    const int all = s->models % 2 == 0; /* no optional argument */
    caviar_initialize_args args = { w,
                                    s->models,
                                    rows,
                                    columns,
                                    selected,
                                    all ? NULL : row_widths,
                                    all ? NULL : column_widths,
                                    all ? NULL : activation,
                                    (const uint32_t *)stream,
                                    CAVIAR_INITIALIZE_UNIFORM_FAN_IN,
                                    0,
                                    0xfeedfacecafebeefu,
                                    2 };
    for (int kind = 0; kind < 2; ++kind) {
        args.kind = kind ? CAVIAR_INITIALIZE_CONSTANT : CAVIAR_INITIALIZE_UNIFORM_FAN_IN;
        args.value = 1.5f;
        SUCCEEDS(caviar_op_initialize(device, &args, NULL));
        for (int64_t k = 0; k < s->models; ++k)
            for (int64_t at = 0; at < w.model_stride; ++at) {
                const int64_t i = at / columns, j = at % columns;
                const float got = w.data[k * w.model_stride + at];
                if (!selected[k] || i >= rows) {
                    cr_assert(got == old.data[k * w.model_stride + at]);
                    continue;
                }
                const int64_t true_rows = all ? rows : row_widths[k];
                const int live = i < true_rows && j < (all ? columns : column_widths[k]);
                const double gain = !all && activation[k] == CAVIAR_RELU ? 2 : 1;
                const caviar_words words =
                    caviar_philox(args.seed, caviar_subsequence(CAVIAR_PURPOSE_WEIGHTS, 2, (uint32_t)stream[k]),
                                  (uint64_t)(i * 1024 + j / 4));
                const double u = caviar_uniform_symmetric(words.word[j % 4]);
                const double drawn = sqrt(3 * gain / (double)true_rows) * u;
                check_near(got, !live ? 0 : kind ? 1.5 : drawn, 0, 1e-6, "w", s, i, k, j);
            }
    }
}

Test(simt_updates, initialize) {
    static const shape shapes[] = {
        { 1, 1, 1, EXAMPLE_MAJOR, "the smallest" },  { 3, 7, 5, EXAMPLE_MAJOR, "partial quads" },
        { 2, 40, 33, EXAMPLE_MAJOR, "two blocks" },  { 1000, 2, 4, EXAMPLE_MAJOR, "a thousand models" },
        { 3, 2, 4096, EXAMPLE_MAJOR, "the widest" }, { 65537, 1, 1, EXAMPLE_MAJOR, "more models than a grid has rows" },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; ++i) run_case(initialize, &shapes[i]);
}

/* ---------------------------------------------------------------------------------------------------------- sampling
 */

static void sample(caviar_device *device, const shape *s) {
    const caviar_axis axes[] = {
        { CAVIAR_UNIFORM, 0, -1, 3, -1, 3, 0 },
        { CAVIAR_LOG_UNIFORM, 0, -6, 0, 1e-6, 1, 0 },
        { CAVIAR_ONE_MINUS_LOG_UNIFORM, 0, 1, 3, 0.9, 0.999, 0 },
        { CAVIAR_INT_UNIFORM, 0, 0.5, 8.5, 1, 8, 0 },
        { CAVIAR_Q_UNIFORM, 0, 24, 264, 32, 256, 16 },
        { CAVIAR_Q_LOG_UNIFORM, 0, 1, 3, 16, 1024, 16 },
        { CAVIAR_CATEGORICAL, 0, 0, 5, 0, 4, 0 },
        { CAVIAR_CONSTANT, 0, 2, 2, 2, 2, 0 },
        { CAVIAR_UNIFORM, 0, 0, 1, 0, 1, 0 },
    };
    const int64_t count = sizeof axes / sizeof *axes, trials = s->models, first = 4294960000;
    caviar_axis *const on_device = bytes(sizeof axes);
    memcpy(on_device, axes, sizeof axes);
    double *const positions = doubles(trials * count, 1e9, 2e9), *const values = doubles(trials * count, 1e9, 2e9);
    const caviar_sample_args args = { on_device, positions, values, count, trials, first, 0x0123456789abcdefu };
    SUCCEEDS(caviar_op_sample(device, &args, NULL));
    int64_t above = 0;
    for (int64_t t = 0; t < trials; ++t)
        for (int64_t i = 0; i < count; ++i) {
            const double position = caviar_axis_sample(&axes[i], args.seed, (uint32_t)(first + t), i);
            /* C and C++ compile one source: the bits are equal. */
            cr_assert(positions[t * count + i] == position);
            cr_assert(values[t * count + i] == caviar_axis_value(&axes[i], position));
            above += i == 2 && values[t * count + i] > 0.99;
        }
    if (trials >= 1000) cr_assert(above > trials * 45 / 100 && above < trials * 55 / 100, "%lld", (long long)above);
}

Test(simt_updates, sample) {
    static const shape shapes[] = { { 1, 1, 1, EXAMPLE_MAJOR, "one trial" },
                                    { 15, 1, 1, EXAMPLE_MAJOR, "two blocks, the second partial" },
                                    { 2000, 1, 1, EXAMPLE_MAJOR, "half of [0.9, 0.999] above 0.99" } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; ++i) run_case(sample, &shapes[i]);
}
