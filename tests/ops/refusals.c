/*
 * The error inputs of every op: each field of a call that is otherwise right is spoilt in turn. The op must refuse it
 * with a message that names what is wrong, and leave every operand as it was.
 */
#include "cases.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* What becomes of the field. */
typedef enum spoiling {
    NO_POINTER,  /* NULL */
    OFF_POINTER, /* four bytes further */
    POINTER_OF,  /* that of another field, at offset `value` */
    INT64,
    INT32,
    FLOAT,
    DOUBLE
} spoiling;

typedef struct error_input {
    caviar_op op;
    size_t offset; /* of the field */
    spoiling spoiling;
    double value;
    const char *words; /* of the message */
} error_input;

#define AT(op, field) offsetof(caviar_##op##_args, field)
#define SPOILT(op, field, how, value, words)                                                                           \
    { CAVIAR_OP_##op, AT(op, field), how, value, words }
#define MISSING(op, field) SPOILT(op, field, NO_POINTER, 0, #op ": " #field)
#define MISSING_DATA(op, field) SPOILT(op, field.data, NO_POINTER, 0, #op ": " #field)
#define SIZE(op, field, value) SPOILT(op, field, INT64, value, #op ": " #field)
/* A negative stride, and one that lets rows, or models, overlap. */
#define MATRIX(op, field)                                                                                              \
    MISSING_DATA(op, field), SPOILT(op, field.example_stride, INT64, -8, #op ": " #field " has"),                      \
        SPOILT(op, field.example_stride, INT64, 1, #op ": " #field " has"),                                            \
        SPOILT(op, field.model_stride, INT64, 1, #op ": " #field " has")
/* Only what is read may be one matrix for all models. */
#define WRITTEN_MATRIX(op, field) MATRIX(op, field), SPOILT(op, field.model_stride, INT64, 0, #op ": " #field " has")
#define TENSOR(op, field)                                                                                              \
    MISSING_DATA(op, field), SPOILT(op, field.model_stride, INT64, 3, #op ": " #field " has model_stride 3")
#define SHAPE(op)                                                                                                      \
    SIZE(op, models, 0), SIZE(op, models, -3), SIZE(op, models, 0x1p31), SIZE(op, batch, 0), SIZE(op, batch, -1),      \
        SIZE(op, batch, 0x1p40)
#define WIDTH(op, field) SIZE(op, field, 0), SIZE(op, field, 0x1p40)
#define DROPOUT_ARGS(op)                                                                                               \
    MISSING(op, dropout.stream), MISSING(op, dropout.step), SPOILT(op, dropout.layer, INT32, 9, "dropout.layer is 9"), \
        SPOILT(op, dropout.layer, INT32, -1, "dropout.layer is -1")

static const error_input inputs[] = {
    MISSING(gather, features),
    MISSING(gather, order),
    MISSING(gather, cursor),
    MISSING(gather, out),
    SPOILT(gather, feature_type, INT32, 7, "feature_type is 7"),
    SPOILT(gather, labels, NO_POINTER, 0, "of labels and out_labels only one"),
    SPOILT(gather, out_labels, NO_POINTER, 0, "of labels and out_labels only one"),
    SPOILT(gather, mean, NO_POINTER, 0, "of mean and scale only one"),
    SPOILT(gather, scale, NO_POINTER, 0, "of mean and scale only one"),
    WIDTH(gather, feature_count),
    SIZE(gather, order_count, 0),
    SIZE(gather, batch, -1),
    SIZE(gather, batch, 0),
    SIZE(gather, out_stride, 3),

    MISSING(advance, cursor),

    SHAPE(linear_forward),
    WIDTH(linear_forward, in),
    WIDTH(linear_forward, out),
    MATRIX(linear_forward, x),
    TENSOR(linear_forward, w),
    WRITTEN_MATRIX(linear_forward, y),
    SPOILT(linear_forward, y.data, POINTER_OF, AT(linear_forward, x.data), "y must not be x"),

    SHAPE(linear_backward),
    WIDTH(linear_backward, in),
    WIDTH(linear_backward, out),
    MATRIX(linear_backward, x),
    TENSOR(linear_backward, w),
    MATRIX(linear_backward, dy),
    TENSOR(linear_backward, dw),
    SPOILT(linear_backward, dx.data, POINTER_OF, AT(linear_backward, dy.data), "dx must be neither dy nor x"),
    SPOILT(linear_backward, dx.data, POINTER_OF, AT(linear_backward, x.data), "dx must be neither dy nor x"),
    SPOILT(linear_backward, dx.model_stride, INT64, 0, "linear_backward: dx has"),

    SHAPE(batch_norm_forward),
    SPOILT(batch_norm_forward, batch, INT64, 1, "no variance"),
    WIDTH(batch_norm_forward, width),
    MATRIX(batch_norm_forward, z),
    TENSOR(batch_norm_forward, gamma),
    TENSOR(batch_norm_forward, beta),
    TENSOR(batch_norm_forward, running_mean),
    TENSOR(batch_norm_forward, running_variance),
    TENSOR(batch_norm_forward, mean),
    TENSOR(batch_norm_forward, inverse_deviation),
    WRITTEN_MATRIX(batch_norm_forward, y),
    SPOILT(batch_norm_forward, epsilon, FLOAT, 0, "epsilon is 0"),
    SPOILT(batch_norm_forward, epsilon, FLOAT, -1, "epsilon is -1"),
    SPOILT(batch_norm_forward, epsilon, FLOAT, (double)NAN, "epsilon is"),
    SPOILT(batch_norm_forward, epsilon, FLOAT, (double)INFINITY, "epsilon is inf"),
    SPOILT(batch_norm_forward, momentum, FLOAT, 1.5, "momentum is 1.5"),
    SPOILT(batch_norm_forward, momentum, FLOAT, -0.5, "momentum is -0.5"),
    SPOILT(batch_norm_forward, momentum, FLOAT, (double)NAN, "momentum is"),
    DROPOUT_ARGS(batch_norm_forward),

    SHAPE(batch_norm_backward),
    SPOILT(batch_norm_backward, batch, INT64, 1, "no variance"),
    WIDTH(batch_norm_backward, width),
    MATRIX(batch_norm_backward, z),
    MATRIX(batch_norm_backward, dy),
    TENSOR(batch_norm_backward, gamma),
    TENSOR(batch_norm_backward, beta),
    TENSOR(batch_norm_backward, mean),
    TENSOR(batch_norm_backward, inverse_deviation),
    WRITTEN_MATRIX(batch_norm_backward, dz),
    TENSOR(batch_norm_backward, dgamma),
    TENSOR(batch_norm_backward, dbeta),
    DROPOUT_ARGS(batch_norm_backward),

    SHAPE(batch_norm_inference),
    WIDTH(batch_norm_inference, width),
    MATRIX(batch_norm_inference, z),
    TENSOR(batch_norm_inference, gamma),
    TENSOR(batch_norm_inference, beta),
    TENSOR(batch_norm_inference, running_mean),
    TENSOR(batch_norm_inference, running_variance),
    WRITTEN_MATRIX(batch_norm_inference, y),
    SPOILT(batch_norm_inference, epsilon, FLOAT, 0, "epsilon is 0"),
    SPOILT(batch_norm_inference, epsilon, FLOAT, (double)NAN, "epsilon is"),

    SHAPE(bias_forward),
    WIDTH(bias_forward, width),
    MATRIX(bias_forward, z),
    TENSOR(bias_forward, bias),
    WRITTEN_MATRIX(bias_forward, y),
    DROPOUT_ARGS(bias_forward),

    SHAPE(bias_backward),
    WIDTH(bias_backward, width),
    MATRIX(bias_backward, z), /* needed, because there is an activation */
    TENSOR(bias_backward, bias),
    MATRIX(bias_backward, dy),
    WRITTEN_MATRIX(bias_backward, dz),
    TENSOR(bias_backward, dbias),
    DROPOUT_ARGS(bias_backward),

    SHAPE(softmax_cross_entropy),
    SIZE(softmax_cross_entropy, classes, 1),
    SIZE(softmax_cross_entropy, classes, 0x1p40),
    SIZE(softmax_cross_entropy, padded_classes, 2),
    MATRIX(softmax_cross_entropy, logits),
    SPOILT(softmax_cross_entropy, labels, NO_POINTER, 0, "losses and gradient need labels"),
    SPOILT(softmax_cross_entropy, gradient.model_stride, INT64, 0, "softmax_cross_entropy: gradient has"),
    SPOILT(softmax_cross_entropy, gradient.example_stride, INT64, 1, "softmax_cross_entropy: gradient has"),
    SPOILT(softmax_cross_entropy, probabilities.model_stride, INT64, 0, "softmax_cross_entropy: probabilities has"),
    SPOILT(softmax_cross_entropy, probabilities.data, POINTER_OF, AT(softmax_cross_entropy, gradient.data),
           "must not share memory"),
    SPOILT(softmax_cross_entropy, losses.example_stride, INT64, 0, "softmax_cross_entropy: losses has"),

    SHAPE(metrics),
    MISSING_DATA(metrics, losses),
    SPOILT(metrics, losses.example_stride, INT64, 0, "metrics: losses has"),
    MISSING(metrics, predictions),
    MISSING(metrics, labels),
    MISSING(metrics, loss_sum),
    MISSING(metrics, correct),

    SIZE(schedule, models, 0),
    MISSING(schedule, active),
    MISSING(schedule, schedule),
    MISSING(schedule, learning_rate),
    MISSING(schedule, decay_rate),
    MISSING(schedule, duration),
    MISSING(schedule, complement1),
    MISSING(schedule, complement2),
    MISSING(schedule, step),
    MISSING(schedule, rate),
    MISSING(schedule, correction1),
    MISSING(schedule, correction2),
    SPOILT(schedule, running_momentum, DOUBLE, 0, "running_momentum is 0"),
    SPOILT(schedule, running_momentum, DOUBLE, 1.5, "running_momentum is 1.5"),
    SPOILT(schedule, steps_per_epoch, DOUBLE, 0, "steps_per_epoch is 0"),
    SPOILT(schedule, steps_per_epoch, DOUBLE, (double)NAN, "steps_per_epoch is"),
    SPOILT(schedule, steps_per_epoch, DOUBLE, (double)INFINITY, "steps_per_epoch is inf"),

    SIZE(optimizer_update, models, 0),
    SIZE(optimizer_update, count, 0),
    SPOILT(optimizer_update, count, INT64, 6, "multiple of 4"),
    SPOILT(optimizer_update, decayed, INT64, 5, "decayed is 5"),
    SPOILT(optimizer_update, decayed, INT64, -1, "decayed is -1"),
    TENSOR(optimizer_update, parameters),
    TENSOR(optimizer_update, gradients),
    TENSOR(optimizer_update, first_moment),
    TENSOR(optimizer_update, second_moment),
    SPOILT(optimizer_update, parameters.data, OFF_POINTER, 0, "aligned to 16 bytes"),
    SPOILT(optimizer_update, gradients.data, OFF_POINTER, 0, "aligned to 16 bytes"),
    SPOILT(optimizer_update, first_moment.model_stride, INT64, 6, "aligned to 16 bytes"),
    SPOILT(optimizer_update, second_moment.model_stride, INT64, 6, "aligned to 16 bytes"),
    MISSING(optimizer_update, active),
    MISSING(optimizer_update, optimizer),
    MISSING(optimizer_update, rate),
    MISSING(optimizer_update, correction1),
    MISSING(optimizer_update, correction2),
    MISSING(optimizer_update, momentum),
    MISSING(optimizer_update, complement1),
    MISSING(optimizer_update, complement2),
    MISSING(optimizer_update, epsilon),
    MISSING(optimizer_update, weight_decay),

    SIZE(initialize, models, 0),
    SIZE(initialize, rows, 0),
    SIZE(initialize, columns, 0),
    MISSING_DATA(initialize, tensor),
    SPOILT(initialize, tensor.model_stride, INT64, 15, "initialize: tensor has model_stride 15"),
    MISSING(initialize, stream),
    SPOILT(initialize, kind, INT32, 5, "kind is 5"),
    SPOILT(initialize, layer, INT32, 9, "layer is 9"),

    MISSING(sample, axes),
    MISSING(sample, positions),
    MISSING(sample, values),
    SIZE(sample, axis_count, 0),
    SIZE(sample, trials, 0),
    SPOILT(sample, first_trial, INT64, -1, "-1"),
    SPOILT(sample, first_trial, INT64, 4294967295.0, "2^32"),
};

static void spoil(caviar_call *call, const error_input *input) {
    unsigned char *args = (unsigned char *)&call->args, *field = args + input->offset;
    unsigned char *pointer = NULL;
    switch (input->spoiling) {
    case NO_POINTER: memcpy(field, &pointer, sizeof pointer); break;
    case OFF_POINTER:
        memcpy(&pointer, field, sizeof pointer);
        pointer += 4;
        memcpy(field, &pointer, sizeof pointer);
        break;
    case POINTER_OF: memcpy(field, args + (size_t)input->value, sizeof(void *)); break;
    case INT64: memcpy(field, &(int64_t){ (int64_t)input->value }, sizeof(int64_t)); break;
    case INT32: memcpy(field, &(int32_t){ (int32_t)input->value }, sizeof(int32_t)); break;
    case FLOAT: memcpy(field, &(float){ (float)input->value }, sizeof(float)); break;
    case DOUBLE: memcpy(field, &(double){ input->value }, sizeof(double)); break;
    }
}

static caviar_status call_op(caviar_device *device, const caviar_call *call, int with_args) {
    switch (call->op) {
#define CALL(name)                                                                                                     \
    case CAVIAR_OP_##name: return caviar_op_##name(device, with_args ? &call->args.name : NULL, NULL);
        CAVIAR_FOR_EACH_OP(CALL)
#undef CALL
    case CAVIAR_OP_COUNT: break;
    }
    return CAVIAR_OK;
}

static void check_refused(caviar_status status, caviar_op op, size_t offset, const char *words) {
    cr_assert(status == CAVIAR_INVALID_ARGUMENT && strstr(caviar_last_error(), words),
              "%s, field at byte %zu: status %d, \"%s\" where \"%s\" should be said", op_names[op], offset, (int)status,
              caviar_last_error(), words);
}

/* With all options, so that there is every field to spoil. */
static shape right_shape(caviar_op op) {
    shape right = { 2, 3, 4, 4, EXAMPLE_MAJOR, ACTIVATION | DROPOUT | INACTIVE, 0, "error inputs" };
    if (op == CAVIAR_OP_softmax_cross_entropy)
        right.flags = GRADIENT | PROBABILITIES | LOSSES | PREDICTIONS, right.width = 3;
    if (op == CAVIAR_OP_gather) right.models = 8, right.flags = 0, right.data = 1;
    return right;
}

static size_t check_refusals_of(caviar_device *device, caviar_op op) {
    const shape right = right_shape(op);
    size_t count = 0;
    scene s;
    caviar_call call = { .op = op };
    scene_begin(&s, device, &right, 0);
    s.op = op_names[op];
    all_cases[op]->build(&s, &call);
    scene_send(&s);
    check_refused(call_op(NULL, &call, 1), op, 0, ": device is NULL");
    check_refused(call_op(device, &call, 0), op, 0, ": args is NULL");
    for (size_t i = 0; i < COUNT(inputs); i++) {
        if (inputs[i].op != op) continue;
        caviar_call wrong = call;
        spoil(&wrong, &inputs[i]);
        check_refused(call_op(device, &wrong, 1), op, inputs[i].offset, inputs[i].words);
        count++;
    }
    SUCCEEDS(device->table->wait(device));
    scene_fetch(&s);
    for (int i = 0; i < s.count; i++)
        cr_assert(!s.operands[i] || memcmp(s.operands[i]->before, s.operands[i]->after, s.operands[i]->bytes) == 0,
                  "%s wrote operand %d although it was given arguments that it refused", op_names[op], i);
    run_call(device, &call); /* what was spoilt was right before */
    scene_end(&s);
    cr_assert(count > 0, "%s has no error inputs", op_names[op]);
    return count;
}

size_t check_refusals(caviar_device *device) {
    size_t count = 0;
    for (int op = 0; op < CAVIAR_OP_COUNT; op++) count += check_refusals_of(device, (caviar_op)op);
    return count;
}
