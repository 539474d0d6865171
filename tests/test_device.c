/* Devices by name, their memory, statuses, and what every operation refuses. */
#include <caviar/ops.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEED(call) cr_assert_eq((call), CAVIAR_OK, "%s: %s", #call, caviar_last_error())
#define REFUSED(call, words)                                                                                           \
    do {                                                                                                               \
        cr_expect_eq((call), CAVIAR_INVALID_ARGUMENT, "%s", #call);                                                    \
        cr_expect(strstr(caviar_last_error(), words), "%s says: %s", #call, caviar_last_error());                      \
    } while (0)

Test(device, opens_by_name) {
    static const char *const wrong[] = {
        "", "gpu", "cuda:", "cuda:x", "cuda:0x", "cuda:-1", "cpu:0", "CPU", "cuda:99999999999999999999"
    };
    caviar_device *device = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        REFUSED(caviar_device_open(&device, wrong[i], 0), "use auto, cpu or cuda:N");
    REFUSED(caviar_device_open(NULL, "cpu", 0), "device is NULL");
    REFUSED(caviar_device_open(&device, NULL, 0), "name is NULL");
    REFUSED(caviar_device_open(&device, "cpu", -1), "threads is -1");
    REFUSED(caviar_device_open(&device, "cpu", 1025), "threads is 1025");
    cr_expect_eq(caviar_device_open(&device, "cuda:1000", 0), CAVIAR_NO_DEVICE);
    cr_expect(strstr(caviar_last_error(), "cuda:1000"), "%s", caviar_last_error());
    cr_expect_null(device);

    caviar_device_info info, again;
    cr_assert_geq(caviar_device_count(), 1);
    NEED(caviar_device_describe(&info, 0));
    cr_expect_str_eq(info.name, "cpu");
    cr_expect(info.threads >= 1 && info.memory_free > 0 && info.memory_free <= info.memory_total &&
              info.description[0]);
    REFUSED(caviar_device_describe(NULL, 0), "info is NULL");
    REFUSED(caviar_device_describe(&info, -1), "index -1");
    REFUSED(caviar_device_describe(&info, caviar_device_count()), "index");
    NEED(caviar_device_open(&device, "cpu", 3));
    NEED(caviar_device_get_info(&again, device));
    cr_expect(again.threads == 3 && strcmp(again.name, "cpu") == 0);
    REFUSED(caviar_device_get_info(NULL, device), "info is NULL");
    REFUSED(caviar_device_get_info(&info, NULL), "device is NULL");
    caviar_device_close(device);
    NEED(caviar_device_open(&device, "auto", 0)); /* the CPU at least is always there */
    caviar_device_close(device);
    caviar_device_close(NULL);
}

Test(device, memory) {
    caviar_device *device = NULL;
    void *memory = NULL;
    NEED(caviar_device_open(&device, "cpu", 1));
    NEED(caviar_device_allocate(&memory, device, 1001));
    cr_expect_eq((uintptr_t)memory % 256, 0);
    unsigned char sent[1001], fetched[1001];
    NEED(caviar_device_download(device, fetched, memory, sizeof fetched));
    for (size_t i = 0; i < sizeof fetched; i++) cr_assert_eq(fetched[i], 0, "byte %zu", i);
    for (size_t i = 0; i < sizeof sent; i++) sent[i] = (unsigned char)(i * 7);
    NEED(caviar_device_upload(device, memory, sent, sizeof sent));
    NEED(caviar_device_wait(device));
    NEED(caviar_device_download(device, fetched, memory, sizeof fetched));
    cr_expect_eq(memcmp(sent, fetched, sizeof sent), 0);
    NEED(caviar_device_upload(device, NULL, NULL, 0));
    void *none = NULL;
    cr_expect_eq(caviar_device_allocate(&none, device, (size_t)1 << 60), CAVIAR_OUT_OF_DEVICE_MEMORY);
    cr_expect_null(none);
    REFUSED(caviar_device_allocate(&none, device, 0), "bytes is 0");
    REFUSED(caviar_device_allocate(NULL, device, 1), "memory is NULL");
    REFUSED(caviar_device_allocate(&none, NULL, 1), "device is NULL");
    REFUSED(caviar_device_upload(NULL, memory, sent, 1), "device is NULL");
    REFUSED(caviar_device_upload(device, NULL, sent, 1), "to is NULL");
    REFUSED(caviar_device_upload(device, memory, NULL, 1), "from is NULL");
    REFUSED(caviar_device_download(NULL, sent, memory, 1), "device is NULL");
    REFUSED(caviar_device_download(device, NULL, memory, 1), "to is NULL");
    REFUSED(caviar_device_wait(NULL), "device is NULL");
    caviar_device_free(device, memory);
    caviar_device_free(device, NULL);
    caviar_device_free(NULL, NULL);
    caviar_device_close(device);
}

Test(device, statuses_have_texts) {
    cr_expect_eq(CAVIAR_OK, 0);
#define HAS_TEXT(name, number, text) cr_expect_str_eq(caviar_status_text(CAVIAR_##name), text);
    CAVIAR_FOR_EACH_STATUS(HAS_TEXT)
    cr_expect_str_eq(caviar_status_text((caviar_status)-5), "unknown status");
    cr_expect(strlen(caviar_version()) >= 5);
}

/*
 * An operation with arguments that are right, and with one of them wrong: it is refused by the field's name before
 * anything is written. All arrays lie in one pool, whose bytes are compared.
 */
static caviar_device *device;
static unsigned char pool[1 << 16] __attribute__((aligned(256)));
static unsigned char before[sizeof pool];

static void *at(size_t offset) {
    return pool + offset;
}

static caviar_matrix matrix(size_t offset) { /* [4, 2, 4], example-major */
    return (caviar_matrix){ at(offset), 8, 4 };
}

static caviar_tensor tensor(size_t offset) { /* 16 a model */
    return (caviar_tensor){ at(offset), 16 };
}

#define WORKS(op, args)                                                                                                \
    do {                                                                                                               \
        NEED(caviar_op_##op(device, &(args), NULL));                                                                   \
        REFUSED(caviar_op_##op(NULL, &(args), NULL), #op ": device is NULL");                                          \
        REFUSED(caviar_op_##op(device, NULL, NULL), #op ": args is NULL");                                             \
    } while (0)

#define WRONG(op, args, field, value, words)                                                                           \
    do {                                                                                                               \
        caviar_##op##_args bad = (args);                                                                               \
        bad.field = value;                                                                                             \
        memcpy(before, pool, sizeof pool);                                                                             \
        REFUSED(caviar_op_##op(device, &bad, NULL), words);                                                            \
        cr_expect_eq(memcmp(before, pool, sizeof pool), 0, "%s wrote with a bad %s", #op, #field);                     \
    } while (0)

static void set_up(void) {
    NEED(caviar_device_open(&device, "cpu", 1));
}

static void tear_down(void) {
    caviar_device_close(device);
}

TestSuite(refusals, .init = set_up, .fini = tear_down);

Test(refusals, minibatch) {
    const caviar_gather_args a = { .features = at(0),
                                   .feature_type = CAVIAR_FLOAT32,
                                   .labels = at(1024),
                                   .order = at(2048),
                                   .cursor = at(3072),
                                   .mean = at(4096),
                                   .scale = at(5120),
                                   .out = at(6144),
                                   .out_labels = at(7168),
                                   .feature_count = 3,
                                   .order_count = 5,
                                   .batch = 4,
                                   .out_stride = 4 };
    WORKS(gather, a);
    WRONG(gather, a, features, NULL, "gather: features");
    WRONG(gather, a, order, NULL, "gather: order");
    WRONG(gather, a, cursor, NULL, "gather: cursor");
    WRONG(gather, a, out, NULL, "gather: out");
    WRONG(gather, a, feature_type, (caviar_type)7, "feature_type is 7");
    WRONG(gather, a, labels, NULL, "labels");
    WRONG(gather, a, out_labels, NULL, "labels");
    WRONG(gather, a, mean, NULL, "mean");
    WRONG(gather, a, feature_count, 0, "feature_count");
    WRONG(gather, a, order_count, 0, "order_count");
    WRONG(gather, a, batch, -1, "batch");
    WRONG(gather, a, out_stride, 2, "out_stride");
    const caviar_advance_args b = { at(0), 1 };
    WORKS(advance, b);
    WRONG(advance, b, cursor, NULL, "advance: cursor");
}

Test(refusals, linear) {
    const caviar_linear_forward_args f = {
        .x = matrix(0), .w = tensor(1024), .y = matrix(2048), .models = 2, .batch = 4, .in = 4, .out = 4
    };
    WORKS(linear_forward, f);
    WRONG(linear_forward, f, x.data, NULL, "linear_forward: x");
    WRONG(linear_forward, f, w.data, NULL, "linear_forward: w");
    WRONG(linear_forward, f, w.model_stride, 15, "linear_forward: w");
    WRONG(linear_forward, f, y.data, f.x.data, "y must not be x");
    WRONG(linear_forward, f, y.model_stride, 0, "linear_forward: y"); /* only inputs may be shared */
    WRONG(linear_forward, f, y.example_stride, 7, "linear_forward: y");
    WRONG(linear_forward, f, x.example_stride, -8, "linear_forward: x");
    WRONG(linear_forward, f, models, 0, "models is 0");
    WRONG(linear_forward, f, batch, 0, "batch is 0");
    WRONG(linear_forward, f, in, (int64_t)1 << 40, "in is");
    WRONG(linear_forward, f, out, 0, "out is 0");
    const caviar_linear_backward_args b = { .x = matrix(0),
                                            .w = tensor(1024),
                                            .dy = matrix(2048),
                                            .dw = tensor(4096),
                                            .dx = matrix(8192),
                                            .models = 2,
                                            .batch = 4,
                                            .in = 4,
                                            .out = 4 };
    WORKS(linear_backward, b);
    WRONG(linear_backward, b, dy.data, NULL, "linear_backward: dy");
    WRONG(linear_backward, b, dw.data, NULL, "linear_backward: dw");
    WRONG(linear_backward, b, dx.data, b.dy.data, "dx must be neither");
    WRONG(linear_backward, b, dx.model_stride, 3, "linear_backward: dx");
}

/* The fields that all operations on columns have. */
#define WRONG_COLUMNS(op, args)                                                                                        \
    WRONG(op, args, models, 0, #op ": models");                                                                        \
    WRONG(op, args, batch, 0, #op ": batch");                                                                          \
    WRONG(op, args, width, 0, #op ": width")

Test(refusals, batch_norm) {
    int32_t widths[2] = { 4, 4 };
    float rate[2] = { 0.5f, 0.5f };
    uint32_t stream[2] = { 0, 1 };
    int64_t step[2] = { 0, 0 };
    const caviar_dropout dropout = { rate, stream, step, 1, 0 };
    const caviar_batch_norm_forward_args f = { .z = matrix(0),
                                               .gamma = tensor(1024),
                                               .beta = tensor(2048),
                                               .running_mean = tensor(3072),
                                               .running_variance = tensor(4096),
                                               .mean = tensor(5120),
                                               .inverse_deviation = tensor(6144),
                                               .y = matrix(7168),
                                               .models = 2,
                                               .batch = 4,
                                               .width = 4,
                                               .widths = widths,
                                               .dropout = dropout,
                                               .epsilon = 1e-5f,
                                               .momentum = 0.1f };
    WORKS(batch_norm_forward, f);
    WRONG_COLUMNS(batch_norm_forward, f);
    WRONG(batch_norm_forward, f, batch, 1, "no variance");
    WRONG(batch_norm_forward, f, gamma.data, NULL, "gamma");
    WRONG(batch_norm_forward, f, running_mean.data, NULL, "running_mean");
    WRONG(batch_norm_forward, f, inverse_deviation.model_stride, 3, "inverse_deviation");
    WRONG(batch_norm_forward, f, epsilon, 0, "epsilon");
    WRONG(batch_norm_forward, f, epsilon, NAN, "epsilon");
    WRONG(batch_norm_forward, f, momentum, 1.5f, "momentum");
    WRONG(batch_norm_forward, f, dropout.stream, NULL, "dropout.stream");
    WRONG(batch_norm_forward, f, dropout.step, NULL, "dropout.step");
    WRONG(batch_norm_forward, f, dropout.layer, 9, "dropout.layer");
    const caviar_batch_norm_backward_args b = { .z = matrix(0),
                                                .dy = matrix(7168),
                                                .gamma = tensor(1024),
                                                .beta = tensor(2048),
                                                .mean = tensor(5120),
                                                .inverse_deviation = tensor(6144),
                                                .dz = matrix(8192),
                                                .dgamma = tensor(9216),
                                                .dbeta = tensor(10240),
                                                .models = 2,
                                                .batch = 4,
                                                .width = 4 };
    WORKS(batch_norm_backward, b);
    WRONG_COLUMNS(batch_norm_backward, b);
    WRONG(batch_norm_backward, b, batch, 1, "no variance");
    WRONG(batch_norm_backward, b, dgamma.data, NULL, "dgamma");
    WRONG(batch_norm_backward, b, dz.model_stride, 1, "dz");
    const caviar_batch_norm_inference_args i = { .z = matrix(0),
                                                 .gamma = tensor(1024),
                                                 .beta = tensor(2048),
                                                 .running_mean = tensor(3072),
                                                 .running_variance = tensor(4096),
                                                 .y = matrix(7168),
                                                 .models = 2,
                                                 .batch = 4,
                                                 .width = 4,
                                                 .epsilon = 1e-5f };
    WORKS(batch_norm_inference, i);
    WRONG_COLUMNS(batch_norm_inference, i);
    WRONG(batch_norm_inference, i, epsilon, -1, "epsilon");
    WRONG(batch_norm_inference, i, running_variance.data, NULL, "running_variance");
}

Test(refusals, bias) {
    const caviar_bias_forward_args f = {
        .z = matrix(0), .bias = tensor(1024), .y = matrix(2048), .models = 2, .batch = 4, .width = 4
    };
    WORKS(bias_forward, f);
    WRONG_COLUMNS(bias_forward, f);
    WRONG(bias_forward, f, bias.data, NULL, "bias_forward: bias");
    WRONG(bias_forward, f, y.data, NULL, "bias_forward: y");
    const caviar_bias_backward_args b = {
        .dy = matrix(0), .dz = matrix(1024), .dbias = tensor(2048), .models = 2, .batch = 4, .width = 4
    };
    WORKS(bias_backward, b); /* without an activation z is not needed */
    WRONG_COLUMNS(bias_backward, b);
    WRONG(bias_backward, b, activation, at(4096), "bias_backward: z");
    WRONG(bias_backward, b, dbias.data, NULL, "dbias");
}

Test(refusals, losses) {
    const caviar_softmax_cross_entropy_args a = { .logits = matrix(0),
                                                  .labels = at(1024),
                                                  .gradient = matrix(2048),
                                                  .losses = { at(4096), 2, 1 },
                                                  .predictions = at(5120),
                                                  .models = 2,
                                                  .batch = 4,
                                                  .classes = 3,
                                                  .padded_classes = 4 };
    WORKS(softmax_cross_entropy, a);
    WRONG(softmax_cross_entropy, a, logits.data, NULL, "logits");
    WRONG(softmax_cross_entropy, a, labels, NULL, "need labels");
    WRONG(softmax_cross_entropy, a, classes, 1, "classes is 1");
    WRONG(softmax_cross_entropy, a, padded_classes, 2, "padded_classes is 2");
    WRONG(softmax_cross_entropy, a, gradient.model_stride, 2, "gradient");
    WRONG(softmax_cross_entropy, a, probabilities, a.gradient, "must not share");
    WRONG(softmax_cross_entropy, a, losses.example_stride, 0, "losses");
    const caviar_metrics_args m = { .losses = { at(4096), 2, 1 },
                                    .predictions = at(5120),
                                    .labels = at(1024),
                                    .loss_sum = at(6144),
                                    .correct = at(7168),
                                    .models = 2,
                                    .batch = 4 };
    WORKS(metrics, m);
    WRONG(metrics, m, predictions, NULL, "predictions");
    WRONG(metrics, m, labels, NULL, "labels");
    WRONG(metrics, m, loss_sum, NULL, "loss_sum");
    WRONG(metrics, m, correct, NULL, "correct");
    WRONG(metrics, m, models, -3, "models is -3");
}

Test(refusals, optimizers) {
    const caviar_schedule_args s = { .active = at(0),
                                     .schedule = at(1024),
                                     .learning_rate = at(2048),
                                     .decay_rate = at(3072),
                                     .duration = at(4096),
                                     .complement1 = at(5120),
                                     .complement2 = at(6144),
                                     .step = at(7168),
                                     .rate = at(8192),
                                     .correction1 = at(9216),
                                     .correction2 = at(10240),
                                     .models = 2,
                                     .steps_per_epoch = 10 };
    WORKS(schedule, s);
    WRONG(schedule, s, active, NULL, "active");
    WRONG(schedule, s, step, NULL, "step");
    WRONG(schedule, s, correction2, NULL, "correction2");
    WRONG(schedule, s, steps_per_epoch, 0, "steps_per_epoch");
    WRONG(schedule, s, steps_per_epoch, NAN, "steps_per_epoch");
    const caviar_optimizer_update_args u = { .parameters = tensor(12288),
                                             .gradients = tensor(13312),
                                             .first_moment = tensor(14336),
                                             .second_moment = tensor(15360),
                                             .models = 2,
                                             .count = 16,
                                             .decayed = 8,
                                             .active = at(0),
                                             .optimizer = at(1024),
                                             .rate = at(8192),
                                             .correction1 = at(9216),
                                             .correction2 = at(10240),
                                             .momentum = at(16384),
                                             .complement1 = at(17408),
                                             .complement2 = at(18432),
                                             .epsilon = at(19456),
                                             .weight_decay = at(20480) };
    WORKS(optimizer_update, u);
    WRONG(optimizer_update, u, parameters.data, (float *)at(12292), "aligned to 16 bytes");
    WRONG(optimizer_update, u, gradients.model_stride, 18, "aligned to 16 bytes");
    WRONG(optimizer_update, u, first_moment.model_stride, 12, "first_moment");
    WRONG(optimizer_update, u, count, 14, "multiple of 4");
    WRONG(optimizer_update, u, decayed, 17, "decayed is 17");
    WRONG(optimizer_update, u, weight_decay, NULL, "weight_decay");
    WRONG(optimizer_update, u, optimizer, NULL, "optimizer");
}

Test(refusals, random_numbers) {
    const caviar_initialize_args i = { .tensor = tensor(0),
                                       .models = 2,
                                       .rows = 4,
                                       .columns = 4,
                                       .stream = at(4096),
                                       .kind = CAVIAR_INITIALIZE_UNIFORM_FAN_IN };
    WORKS(initialize, i);
    WRONG(initialize, i, tensor.data, NULL, "tensor");
    WRONG(initialize, i, stream, NULL, "stream");
    WRONG(initialize, i, kind, (caviar_initialization)5, "kind is 5");
    WRONG(initialize, i, rows, 0, "rows is 0");
    WRONG(initialize, i, columns, 5, "tensor has model_stride 16");
    WRONG(initialize, i, layer, 9, "layer is 9");
    const caviar_sample_args s = {
        .axes = at(0), .positions = at(4096), .values = at(8192), .axis_count = 2, .trials = 3
    };
    WORKS(sample, s);
    WRONG(sample, s, axes, NULL, "axes");
    WRONG(sample, s, values, NULL, "values");
    WRONG(sample, s, axis_count, 0, "axis_count is 0");
    WRONG(sample, s, trials, 0, "trials is 0");
    WRONG(sample, s, first_trial, -1, "trials -1");
    WRONG(sample, s, first_trial, ((int64_t)1 << 32) - 2, "2^32 - 1");
}
