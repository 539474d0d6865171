/*
 * Programs of the CPU device: a training step of two layers as one program gives the bits of its calls one by one, on
 * any number of threads, for a model alone as among a thousand; and the settings of arithmetic are kept.
 */
#include "ops/cases.h"

#include "host/cpu/cpu.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { EXAMPLES = 60, BATCH = 16, FEATURES = 20, HIDDEN = 12, CLASSES = 5, PADDED_CLASSES = 8 };
/* Where the tensors lie in a model's parameters; weights come first, for their decay. */
enum {
    W1 = 0,
    W2 = W1 + FEATURES * HIDDEN,
    GAMMA = W2 + HIDDEN * PADDED_CLASSES,
    BETA = GAMMA + HIDDEN,
    BIAS = BETA + HIDDEN,
    COUNT_ALL = BIAS + PADDED_CLASSES
};
enum { CALLS = 14 };

typedef struct training {
    scene s;
    operand *features, *labels, *order, *cursor, *x, *y, *p, *g, *m, *v, *running, *saved;
    operand *hidden_z, *hidden, *dhidden, *logits, *losses, *predictions, *loss_sum, *correct;
    operand *active, *kind, *optimizer, *activation, *doubles[5], *step, *floats[8];
    operand *dropout_rate, *stream;
    caviar_call calls[CALLS];
} training;

static caviar_device *cpu(int threads) {
    caviar_device *device = NULL;
    SUCCEEDS(caviar_cpu_open(&device, threads));
    return device;
}

static caviar_tensor part(const operand *o, int64_t from) {
    return (caviar_tensor){ (float *)on_device(o) + from, o->model_stride };
}

static void put_state(training *t) {
    scene *s = &t->s;
    t->features = fill_integers(s, put_shared(s, 1, 1, EXAMPLES, FEATURES), 0, 255);
    t->labels = fill_integers(s, put_shared(s, 1, sizeof(int32_t), EXAMPLES, 1), 0, CLASSES - 1);
    t->order = fill_integers(s, put_shared(s, 1, sizeof(int32_t), EXAMPLES, 1), 0, EXAMPLES - 1);
    t->cursor = output(fill_integers(s, put_shared(s, 1, sizeof(int64_t), 1, 1), 0, 0));
    t->x = output(put_shared(s, 1, sizeof(float), BATCH, FEATURES));
    t->y = output(put_shared(s, 1, sizeof(int32_t), BATCH, 1));
    t->p = output(fill(s, put_tensor(s, 1, COUNT_ALL, NULL, NULL), -0.3, 0.3));
    t->g = output(fill(s, put_tensor(s, 1, COUNT_ALL, NULL, NULL), 0, 0));
    t->m = output(fill(s, put_tensor(s, 1, COUNT_ALL, NULL, NULL), 0, 0));
    t->v = output(fill(s, put_tensor(s, 1, COUNT_ALL, NULL, NULL), 0, 0));
    t->running = output(fill(s, put_tensor(s, 2, HIDDEN, NULL, NULL), 0.5, 1));
    t->saved = output(put_tensor(s, 2, HIDDEN, NULL, NULL));
    t->hidden_z = output(put_matrix(s, 1, HIDDEN, NULL));
    t->hidden = output(put_matrix(s, 1, HIDDEN, NULL));
    t->dhidden = output(put_matrix(s, 1, HIDDEN, NULL));
    t->logits = output(put_matrix(s, 1, PADDED_CLASSES, NULL));
    t->losses = output(put_matrix(s, 1, 1, NULL));
    t->predictions = output(put_matrix(s, 1, 1, NULL));
    t->loss_sum = output(fill(s, put_vector(s, 1, sizeof(double)), 0, 0));
    t->correct = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), 0, 0));
}

static void put_hyperparameters(training *t) {
    scene *s = &t->s;
    static const double low[5] = { 1e-3, 0.5, 2, 0.05, 0.001 }, high[5] = { 1e-1, 1, 4, 0.2, 0.01 };
    t->active = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 1, 1);
    t->kind = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 0, 3);
    t->optimizer = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 0, 4);
    t->activation = fill_integers(s, put_vector(s, 1, sizeof(int32_t)), 1, 3);
    /* learning rate, decay rate, duration, complements of the betas */
    for (int i = 0; i < 5; i++) t->doubles[i] = fill(s, put_vector(s, 1, sizeof(double)), low[i], high[i]);
    t->step = output(fill_integers(s, put_vector(s, 1, sizeof(int64_t)), 0, 0));
    /* rate, corrections, momentum, complements, epsilon, weight decay */
    for (int i = 0; i < 8; i++) t->floats[i] = fill(s, put_vector(s, 1, sizeof(float)), 0.01, 0.1);
    for (int i = 0; i < 3; i++) output(t->floats[i]);
    t->dropout_rate = fill(s, put_vector(s, 1, sizeof(float)), 0, 0.5);
    t->stream = fill_integers(s, put_vector(s, 1, sizeof(uint32_t)), 0, 1000);
}

static caviar_call *next_call(training *t, int *count, caviar_op op) {
    cr_assert(*count < CALLS);
    t->calls[*count].op = op;
    return &t->calls[(*count)++];
}

static int put_forward(training *t) {
    const int64_t models = t->s.shape.models;
    int n = 0;
    const caviar_matrix none = { NULL, 0, 0 };
    const caviar_dropout dropout = { on_device(t->dropout_rate), on_device(t->stream), on_device(t->step), 9, 0 };
    next_call(t, &n, CAVIAR_OP_gather)->args.gather = (caviar_gather_args){ on_device(t->features),
                                                                            CAVIAR_UINT8,
                                                                            on_device(t->labels),
                                                                            on_device(t->order),
                                                                            on_device(t->cursor),
                                                                            NULL,
                                                                            NULL,
                                                                            on_device(t->x),
                                                                            on_device(t->y),
                                                                            FEATURES,
                                                                            EXAMPLES,
                                                                            BATCH,
                                                                            FEATURES };
    next_call(t, &n, CAVIAR_OP_schedule)->args.schedule = (caviar_schedule_args){ on_device(t->active),
                                                                                  on_device(t->kind),
                                                                                  on_device(t->doubles[0]),
                                                                                  on_device(t->doubles[1]),
                                                                                  on_device(t->doubles[2]),
                                                                                  on_device(t->doubles[3]),
                                                                                  on_device(t->doubles[4]),
                                                                                  on_device(t->step),
                                                                                  on_device(t->floats[0]),
                                                                                  on_device(t->floats[1]),
                                                                                  on_device(t->floats[2]),
                                                                                  models,
                                                                                  3,
                                                                                  NULL,
                                                                                  NULL,
                                                                                  0 };
    next_call(t, &n, CAVIAR_OP_linear_forward)->args.linear_forward =
        (caviar_linear_forward_args){ { on_device(t->x), FEATURES, 0 },
                                      part(t->p, W1),
                                      matrix_of(t->hidden_z),
                                      models,
                                      BATCH,
                                      FEATURES,
                                      HIDDEN,
                                      NULL,
                                      NULL };
    next_call(t, &n, CAVIAR_OP_batch_norm_forward)->args.batch_norm_forward =
        (caviar_batch_norm_forward_args){ matrix_of(t->hidden_z),
                                          part(t->p, GAMMA),
                                          part(t->p, BETA),
                                          part(t->running, 0),
                                          part(t->running, HIDDEN),
                                          part(t->saved, 0),
                                          part(t->saved, HIDDEN),
                                          matrix_of(t->hidden),
                                          models,
                                          BATCH,
                                          HIDDEN,
                                          NULL,
                                          on_device(t->activation),
                                          dropout,
                                          1e-5f,
                                          0.1f,
                                          on_device(t->active),
                                          NULL };
    next_call(t, &n, CAVIAR_OP_linear_forward)->args.linear_forward = (caviar_linear_forward_args){
        matrix_of(t->hidden), part(t->p, W2), matrix_of(t->logits), models, BATCH, HIDDEN, PADDED_CLASSES, NULL, NULL
    };
    next_call(t, &n, CAVIAR_OP_bias_forward)->args.bias_forward = (caviar_bias_forward_args){
        matrix_of(t->logits), part(t->p, BIAS), matrix_of(t->logits), models, BATCH, PADDED_CLASSES, NULL, NULL, { 0 }
    };
    next_call(t, &n, CAVIAR_OP_softmax_cross_entropy)->args.softmax_cross_entropy =
        (caviar_softmax_cross_entropy_args){ matrix_of(t->logits),
                                             on_device(t->y),
                                             matrix_of(t->logits),
                                             none,
                                             matrix_of(t->losses),
                                             on_device(t->predictions),
                                             models,
                                             BATCH,
                                             CLASSES,
                                             PADDED_CLASSES };
    next_call(t, &n, CAVIAR_OP_metrics)->args.metrics = (caviar_metrics_args){ matrix_of(t->losses),
                                                                               on_device(t->predictions),
                                                                               on_device(t->y),
                                                                               on_device(t->loss_sum),
                                                                               on_device(t->correct),
                                                                               models,
                                                                               BATCH,
                                                                               on_device(t->active) };
    return n;
}

static void put_backward(training *t, int n) {
    const int64_t models = t->s.shape.models;
    const caviar_matrix none = { NULL, 0, 0 };
    const caviar_dropout dropout = { on_device(t->dropout_rate), on_device(t->stream), on_device(t->step), 9, 0 };
    next_call(t, &n, CAVIAR_OP_bias_backward)->args.bias_backward = (caviar_bias_backward_args){ none,
                                                                                                 part(t->p, BIAS),
                                                                                                 matrix_of(t->logits),
                                                                                                 matrix_of(t->logits),
                                                                                                 part(t->g, BIAS),
                                                                                                 models,
                                                                                                 BATCH,
                                                                                                 PADDED_CLASSES,
                                                                                                 NULL,
                                                                                                 NULL,
                                                                                                 { 0 } };
    next_call(t, &n, CAVIAR_OP_linear_backward)->args.linear_backward =
        (caviar_linear_backward_args){ matrix_of(t->hidden),
                                       part(t->p, W2),
                                       matrix_of(t->logits),
                                       part(t->g, W2),
                                       matrix_of(t->dhidden),
                                       models,
                                       BATCH,
                                       HIDDEN,
                                       PADDED_CLASSES,
                                       NULL,
                                       NULL };
    next_call(t, &n, CAVIAR_OP_batch_norm_backward)->args.batch_norm_backward =
        (caviar_batch_norm_backward_args){ matrix_of(t->hidden_z),
                                           matrix_of(t->dhidden),
                                           part(t->p, GAMMA),
                                           part(t->p, BETA),
                                           part(t->saved, 0),
                                           part(t->saved, HIDDEN),
                                           matrix_of(t->dhidden),
                                           part(t->g, GAMMA),
                                           part(t->g, BETA),
                                           models,
                                           BATCH,
                                           HIDDEN,
                                           NULL,
                                           on_device(t->activation),
                                           dropout };
    next_call(t, &n, CAVIAR_OP_linear_backward)->args.linear_backward =
        (caviar_linear_backward_args){ { on_device(t->x), FEATURES, 0 },
                                       part(t->p, W1),
                                       matrix_of(t->dhidden),
                                       part(t->g, W1),
                                       none,
                                       models,
                                       BATCH,
                                       FEATURES,
                                       HIDDEN,
                                       NULL,
                                       NULL };
    next_call(t, &n, CAVIAR_OP_optimizer_update)->args.optimizer_update =
        (caviar_optimizer_update_args){ part(t->p, 0),
                                        part(t->g, 0),
                                        part(t->m, 0),
                                        part(t->v, 0),
                                        models,
                                        COUNT_ALL,
                                        GAMMA,
                                        on_device(t->active),
                                        on_device(t->optimizer),
                                        on_device(t->floats[0]),
                                        on_device(t->floats[1]),
                                        on_device(t->floats[2]),
                                        on_device(t->floats[3]),
                                        on_device(t->floats[4]),
                                        on_device(t->floats[5]),
                                        on_device(t->floats[6]),
                                        on_device(t->floats[7]) };
    next_call(t, &n, CAVIAR_OP_advance)->args.advance = (caviar_advance_args){ on_device(t->cursor), BATCH };
    cr_assert(n == CALLS);
}

static void begin(training *t, caviar_device *device, int64_t models, int64_t first) {
    const shape size = { models, BATCH, FEATURES, HIDDEN, MODEL_MAJOR, 0, 0, "a training step" };
    memset(t, 0, sizeof *t);
    scene_begin(&t->s, device, &size, first);
    put_state(t);
    put_hyperparameters(t);
    put_backward(t, put_forward(t));
}

static void train(training *t, int64_t steps) {
    caviar_device *device = t->s.device;
    caviar_program *program = NULL;
    caviar_call calls[CALLS];
    memcpy(calls, t->calls, sizeof calls);
    scene_send(&t->s);
    SUCCEEDS(device->table->program_create(&program, device, calls, CALLS, on_device(t->active)));
    memset(calls, 0xff, sizeof calls); /* the program has its own copy */
    SUCCEEDS(device->table->program_run(device, program, 0));
    SUCCEEDS(device->table->program_run(device, program, 1));
    SUCCEEDS(device->table->program_run(device, program, steps - 1));
    SUCCEEDS(device->table->wait(device));
    device->table->program_destroy(device, program);
    device->table->program_destroy(device, NULL);
    scene_fetch(&t->s);
}

static void check_same(const training *a, const training *b, const char *what) {
    for (int i = 0; i < a->s.count; i++)
        cr_assert(memcmp(a->s.operands[i]->after, b->s.operands[i]->after, a->s.operands[i]->bytes) == 0,
                  "%s changes operand %d", what, i);
}

#define STEPS 20 /* one, then more than a program gathers ahead, and some left */

Test(ops_programs, same_bits_as_the_calls_and_on_any_number_of_threads) {
    caviar_device *one = cpu(1), *two = cpu(2);
    static training calls, program, threaded;
    begin(&calls, one, 37, 0);
    scene_send(&calls.s);
    for (int t = 0; t < STEPS; t++)
        for (int i = 0; i < CALLS; i++) run_call(one, &calls.calls[i]);
    scene_fetch(&calls.s);
    begin(&program, one, 37, 0);
    train(&program, STEPS);
    check_same(&calls, &program, "making a program of the calls");
    begin(&threaded, two, 37, 0);
    train(&threaded, STEPS);
    check_same(&program, &threaded, "a second thread");
    cr_assert(NOW(int64_t, program.cursor, 0, 0, 0) == STEPS * BATCH);
    for (int64_t k = 0; k < 37; k++) {
        const double loss = NOW(double, program.loss_sum, k, 0, 0);
        cr_assert(NOW(int64_t, program.step, k, 0, 0) == STEPS && loss > 0 && isfinite(loss), "loss %g", loss);
    }
    scene_end(&calls.s);
    scene_end(&program.s);
    scene_end(&threaded.s);
    one->table->close(one);
    two->table->close(two);
}

Test(ops_programs, a_model_alone_and_among_a_thousand) {
    static const int64_t chosen[] = { 0, 1, 2, 3, 4, 123, 998, 999 };
    static training many, alone;
    caviar_device *device = cpu(2);
    begin(&many, device, 1000, 0);
    train(&many, STEPS);
    for (size_t n = 0; n < COUNT(chosen); n++) {
        begin(&alone, device, 1, chosen[n]);
        train(&alone, STEPS);
        for (int i = 0; i < alone.s.count; i++) {
            const operand *a = alone.s.operands[i], *m = many.s.operands[i];
            for (int64_t r = 0; r < a->rows; r++)
                cr_assert(memcmp(a->after + offset_of(a, 0, r, 0),
                                 m->after + offset_of(m, a->models ? chosen[n] : 0, r, 0),
                                 (size_t)a->columns * a->size) == 0,
                          "having neighbours changes operand %d of model %lld", i, (long long)chosen[n]);
        }
        scene_end(&alone.s);
    }
    scene_end(&many.s);
    device->table->close(device);
}

Test(ops_programs, inactive_and_diverged_models) {
    static training clean, mixed;
    caviar_device *device = cpu(2);
    begin(&clean, device, 7, 0);
    train(&clean, STEPS);
    begin(&mixed, device, 7, 0);
    WAS(int32_t, mixed.active, 2, 0, 0) = 0;
    WAS(float, mixed.p, 4, 0, 17) = NAN;
    train(&mixed, STEPS);
    const operand *kept[] = { mixed.p, mixed.m, mixed.v, mixed.running, mixed.loss_sum, mixed.correct, mixed.step };
    for (size_t i = 0; i < COUNT(kept); i++)
        for (int64_t r = 0; r < kept[i]->rows; r++)
            for (int64_t c = 0; c < kept[i]->columns; c++)
                cr_assert(unchanged(kept[i], 2, r, c), "operand %zu of a model that is not active changed", i);
    cr_assert(isnan(NOW(double, mixed.loss_sum, 4, 0, 0)), "a NaN among the weights does not show in the loss");
    for (int i = 0; i < clean.s.count; i++) {
        const operand *a = clean.s.operands[i], *b = mixed.s.operands[i];
        for (int64_t k = 0; k < (a->models ? a->models : 1); k++)
            for (int64_t r = 0; (!a->models || (k != 2 && k != 4)) && r < a->rows; r++)
                cr_assert(memcmp(a->after + offset_of(a, k, r, 0), b->after + offset_of(b, k, r, 0),
                                 (size_t)a->columns * a->size) == 0,
                          "models beside it change operand %d of model %lld", i, (long long)k);
    }
    scene_end(&clean.s);
    scene_end(&mixed.s);
    device->table->close(device);
}

static void *train_in_thread(void *context) {
    train(context, 40);
    return NULL;
}

Test(ops_programs, two_threads_use_two_devices_at_once) {
    static training first, second;
    caviar_device *one = cpu(2), *other = cpu(2);
    begin(&first, one, 60, 0);
    begin(&second, other, 60, 0);
    pthread_t threads[2];
    cr_assert(pthread_create(&threads[0], NULL, train_in_thread, &first) == 0);
    cr_assert(pthread_create(&threads[1], NULL, train_in_thread, &second) == 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    check_same(&first, &second, "computing beside another program");
    scene_end(&first.s);
    scene_end(&second.s);
    one->table->close(one);
    other->table->close(other);
}

/* Denormal numbers count as zero within, where they would take their time, and nowhere else. */
Test(ops_programs, denormal_numbers_are_zero_within_and_kept_outside) {
#if defined(__x86_64__) || defined(__aarch64__)
    enum { MODELS = 4 };
    float x = 0x1p-130f, w[MODELS] = { 0x1p100f, 0x1p100f, 0x1p100f, 0x1p100f }, y[MODELS];
    volatile float small = 0x1p-126f;
    caviar_device *device = cpu(2);
    for (int of_result = 0; of_result < 2; of_result++) {
        if (of_result) {
            x = 0x1p-100f;
            for (int k = 0; k < MODELS; k++) w[k] = 0x1p-30f;
        }
        memset(y, 1, sizeof y);
        const caviar_linear_forward_args args = {
            .x = { &x, 1, 0 }, .w = { w, 1 }, .y = { y, MODELS, 1 }, .models = MODELS, .batch = 1, .in = 1, .out = 1
        };
        SUCCEEDS(caviar_op_linear_forward(device, &args, NULL));
        for (int k = 0; k < MODELS; k++)
            cr_expect_eq(y[k], 0, "%g from a denormal %s", y[k], of_result ? "result" : "x");
        cr_expect_neq(small / 4, 0, "the caller's arithmetic has changed");
    }
    caviar_device_close(device);
#else
    cr_skip_test("this processor's mode is left alone");
#endif
}
