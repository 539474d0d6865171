/*
 * caviar/ops.h: the kernels of a training step as plain operations on the caller's own memory.
 *
 * An operation works on a *cohort*: `models` networks of one shape, stepped together. Every operation takes a
 * device, one argument struct and a stream. All pointers inside the struct are device memory (for the CPU device:
 * host memory). Nothing is owned by an operation and nothing outlives the call, except that on a CUDA device the
 * work is only enqueued: the memory must stay valid until the stream has reached it.
 *
 * `stream` is a cudaStream_t cast to void * for CUDA devices; NULL is the device's own stream. The CPU device
 * ignores it and returns when the work is done.
 *
 * Every operation checks its arguments before any work starts and returns CAVIAR_INVALID_ARGUMENT, with a message
 * that names the field, when they cannot be right. What lies in device memory (labels, widths, ...) is not
 * checked here: it was validated on the host when it was loaded. The CPU device takes numbers below 2^-126 for 0, where
 * the processor can (x86-64, AArch64), and puts the caller's mode back.
 *
 * Shapes are written [slowest, ..., fastest]. Strides are counted in elements. Real numbers are 32-bit floats.
 */
#ifndef CAVIAR_OPS_H
#define CAVIAR_OPS_H

#include <caviar/caviar.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Activations of a cohort, [batch, models, width] or [models, batch, width]: element (b, k, j) lies at
 * data[b * example_stride + k * model_stride + j]. A model_stride of 0 means that all models share one matrix
 * (the minibatch itself); this is allowed for inputs only.
 */
typedef struct caviar_matrix {
    float *data;
    int64_t example_stride;
    int64_t model_stride;
} caviar_matrix;

/*
 * One parameter tensor of every model of a cohort: model k's tensor starts at data + k * model_stride and is
 * contiguous, a matrix [rows, columns] in row-major order or a vector.
 */
typedef struct caviar_tensor {
    float *data;
    int64_t model_stride;
} caviar_tensor;

/*
 * Inverted dropout (Srivastava et al. 2014): an element is kept, and divided by 1 - rate, if its 32-bit random word
 * is at least rate * 2^32. The word of element (b, j) is lane j % 4 of
 *     philox(seed; subsequence = DROPOUT | layer | stream[k], counter = (step[k] * 65536 + b) * 1024 + j / 4)
 * (src/kernels/randomness.h), so a mask depends on nothing but these numbers and is made again in the backward
 * pass rather than stored. rate == NULL: no dropout.
 */
typedef struct caviar_dropout {
    const float *rate;      /* [models], 0 <= rate < 1 */
    const uint32_t *stream; /* [models] */
    const int64_t *step;    /* [models], the number of the optimiser step */
    uint64_t seed;
    int32_t layer; /* 0 to CAVIAR_MAX_HIDDEN_LAYERS */
} caviar_dropout;

/*
 * gather: reads one minibatch out of a data set and standardises it.
 *     out[b, f] = (features[e, f] - mean[f]) * scale[f],   e = order[(cursor[0] + b) mod order_count]
 * Columns from `feature_count` to `out_stride` of out are set to 0.
 */
typedef struct caviar_gather_args {
    const void *features; /* [examples, feature_count] */
    caviar_type feature_type;
    const int32_t *labels; /* [examples]; NULL: none */
    const int32_t *order;  /* [order_count], each in 0 .. examples - 1 */
    const int64_t *cursor; /* [1], >= 0 */
    const float *mean;     /* [feature_count]; NULL: 0, and then scale is NULL too */
    const float *scale;    /* [feature_count]; NULL: 1 */
    float *out;            /* [batch, out_stride] */
    int32_t *out_labels;   /* [batch]; NULL exactly when labels is */
    int64_t feature_count; /* 1 or more */
    int64_t order_count;   /* 1 or more */
    int64_t batch;         /* 1 or more */
    int64_t out_stride;    /* feature_count or more */
} caviar_gather_args;

/* advance: cursor[0] += by. It ends a step, so that a replayed graph reads the next minibatch. */
typedef struct caviar_advance_args {
    int64_t *cursor; /* [1] */
    int64_t by;
} caviar_advance_args;

/*
 * linear_forward: y[b, k, :] = x[b, k, :] * w[k],   w[k] is [in, out].
 * Where in_widths or out_widths is given, model k truly has in_widths[k] inputs and out_widths[k] outputs and the
 * rest is padding, zero in every input; a device may then leave the padding of y unwritten.
 */
typedef struct caviar_linear_forward_args {
    caviar_matrix x; /* [batch, models, in] */
    caviar_tensor w; /* [in, out] a model */
    caviar_matrix y; /* [batch, models, out], written; must not overlap x */
    int64_t models, batch, in, out;
    const int32_t *in_widths;  /* [models]; NULL: in */
    const int32_t *out_widths; /* [models]; NULL: out */
} caviar_linear_forward_args;

/*
 * linear_backward: dw[k] = x[:, k, :]^T * dy[:, k, :],   dx[b, k, :] = dy[b, k, :] * w[k]^T.
 * Padding as in linear_forward: the padding of dw and dx is left as it is or written as 0.
 */
typedef struct caviar_linear_backward_args {
    caviar_matrix x;  /* [batch, models, in] */
    caviar_tensor w;  /* [in, out] a model */
    caviar_matrix dy; /* [batch, models, out] */
    caviar_tensor dw; /* [in, out] a model, written */
    caviar_matrix dx; /* [batch, models, in], written; data == NULL: not wanted; must not overlap dy */
    int64_t models, batch, in, out;
    const int32_t *in_widths;  /* [models]; NULL: in */
    const int32_t *out_widths; /* [models]; NULL: out */
} caviar_linear_backward_args;

/*
 * batch_norm_forward: batch norm over the minibatch, activation and dropout in one pass (Ioffe and Szegedy 2015).
 * For each column (k, j), over the batch:
 *     mean = sum z / batch,  variance = sum (z - mean)^2 / batch          (never as E[z^2] - E[z]^2)
 *     y = dropout(act(gamma * (z - mean) / sqrt(variance + epsilon) + beta))
 *     running_mean     += momentum * (mean - running_mean)
 *     running_variance += momentum * (variance * batch / (batch - 1) - running_variance)   (PyTorch's convention)
 * with momenta[k] in the place of momentum where there are momenta: schedule's are those of averages without a trace of
 * what they began with.
 * Columns from widths[k] on are padding: y is written as 0 there and nothing else is touched.
 */
typedef struct caviar_batch_norm_forward_args {
    caviar_matrix z;                              /* [batch, models, width] */
    caviar_tensor gamma, beta;                    /* [width] a model */
    caviar_tensor running_mean, running_variance; /* [width] a model, updated */
    caviar_tensor mean, inverse_deviation;        /* [width] a model, written: what the backward pass needs */
    caviar_matrix y;                              /* [batch, models, width], written; may be z itself */
    int64_t models, batch, width;                 /* batch is 2 or more */
    const int32_t *widths;                        /* [models]; NULL: width */
    const int32_t *activation;                    /* [models] of caviar_activation; NULL: identity */
    caviar_dropout dropout;
    float epsilon, momentum;
    const int32_t *active; /* [models], 0 or 1: the running averages of one that is not stay; NULL: all are active */
    const float *momenta;  /* [models], each in [0, 1]; NULL: momentum */
} caviar_batch_norm_forward_args;

/*
 * batch_norm_backward: the gradient of batch_norm_forward. With a = gamma * xhat + beta made again from z,
 *     da = dy * dropout mask * act'(a),  dgamma = sum da * xhat,  dbeta = sum da      (act'(NaN) is NaN, relu's too)
 *     dz = gamma * inverse_deviation * (da - dbeta / batch - xhat * dgamma / batch)
 * Padding columns of dz are written as 0, of dgamma and dbeta left alone.
 */
typedef struct caviar_batch_norm_backward_args {
    caviar_matrix z;                       /* [batch, models, width], as given to the forward pass */
    caviar_matrix dy;                      /* [batch, models, width] */
    caviar_tensor gamma, beta;             /* [width] a model */
    caviar_tensor mean, inverse_deviation; /* [width] a model, from the forward pass */
    caviar_matrix dz;                      /* [batch, models, width], written; may be dy itself */
    caviar_tensor dgamma, dbeta;           /* [width] a model, written */
    int64_t models, batch, width;
    const int32_t *widths;     /* [models]; NULL: width */
    const int32_t *activation; /* [models]; NULL: identity */
    caviar_dropout dropout;
} caviar_batch_norm_backward_args;

/* batch_norm_inference: y = act(gamma * (z - running_mean) / sqrt(running_variance + epsilon) + beta). */
typedef struct caviar_batch_norm_inference_args {
    caviar_matrix z;
    caviar_tensor gamma, beta, running_mean, running_variance;
    caviar_matrix y; /* written; may be z itself */
    int64_t models, batch, width;
    const int32_t *widths;
    const int32_t *activation;
    float epsilon;
} caviar_batch_norm_inference_args;

/* bias_forward: y = dropout(act(z + bias)). Padding columns of y are written as 0. */
typedef struct caviar_bias_forward_args {
    caviar_matrix z;
    caviar_tensor bias; /* [width] a model */
    caviar_matrix y;    /* written; may be z itself */
    int64_t models, batch, width;
    const int32_t *widths;     /* [models]; NULL: width */
    const int32_t *activation; /* [models]; NULL: identity */
    caviar_dropout dropout;
} caviar_bias_forward_args;

/*
 * bias_backward: dz = dy * dropout mask * act'(z + bias),  dbias = sum dz over the batch.
 * With activation == NULL and no dropout z is not read and may have data == NULL.
 */
typedef struct caviar_bias_backward_args {
    caviar_matrix z;
    caviar_tensor bias;
    caviar_matrix dy;
    caviar_matrix dz;    /* written; may be dy itself */
    caviar_tensor dbias; /* [width] a model, written */
    int64_t models, batch, width;
    const int32_t *widths;
    const int32_t *activation;
    caviar_dropout dropout;
} caviar_bias_backward_args;

/*
 * softmax_cross_entropy: for each row of logits, over its first `classes` entries, in one pass:
 *     p = softmax(logits) with the row's maximum subtracted,  loss = log(sum exp(l - max)) - (l[label] - max),
 *     gradient = (p - onehot(label)) / batch
 *     prediction = the first class with the largest logit (hardmax)
 * Rows with infinities are limits, not NaN: m entries of +inf share p = 1/m each; a row of all -inf is uniform; the
 * loss of a class with p = 0 is +inf. A NaN makes the whole row NaN, and its prediction -1: no class.
 * Columns from `classes` to `padded_classes` of gradient and probabilities are written as 0.
 */
typedef struct caviar_softmax_cross_entropy_args {
    caviar_matrix logits;        /* [batch, models, padded_classes] */
    const int32_t *labels;       /* [batch], 0 .. classes - 1; NULL: no losses and no gradient */
    caviar_matrix gradient;      /* written; may be logits itself; data == NULL: not wanted */
    caviar_matrix probabilities; /* written; may be logits itself, but not gradient; data == NULL: not wanted */
    caviar_matrix losses;        /* [batch, models, 1], written; data == NULL: not wanted */
    int32_t *predictions;        /* written, with the strides of losses; NULL: not wanted */
    int64_t models, batch, classes, padded_classes; /* classes is 2 or more */
} caviar_softmax_cross_entropy_args;

/*
 * metrics: adds one minibatch to running sums, in a fixed order (examples in turn for every model on the CPU):
 *     loss_sum[k] += sum over b of losses[b, k],  correct[k] += number of b with predictions[b, k] == labels[b]
 */
typedef struct caviar_metrics_args {
    caviar_matrix losses;       /* [batch, models, 1] */
    const int32_t *predictions; /* with the strides of losses */
    const int32_t *labels;      /* [batch] */
    double *loss_sum;           /* [models] */
    int64_t *correct;           /* [models] */
    int64_t models, batch;
    const int32_t *active; /* [models], 0 or 1: a model that is not active is left alone; NULL: all are */
} caviar_metrics_args;

/*
 * schedule: begins an optimiser step. step[k] += 1, then with t = step[k] and e = (t - 1) / steps_per_epoch
 *     rate = learning_rate * { 1 | 1 / (1 + decay_rate e) | decay_rate^e | (1 + cos(pi min(e / duration, 1))) / 2 }
 *     correction1 = 1 - (1 - complement1)^t,  correction2 = 1 - (1 - complement2)^t
 * computed in double: 1 - powf(0.999f, 1) would be wrong by 1.3e-5. A model that is not active is left alone.
 * Where there are momenta: averaged[k] += 1, then with n = averaged[k]
 *     momenta = running_momentum / (1 - (1 - running_momentum)^n)
 * of which the first is 1. Running averages made with them are the exponentially weighted means of what they have seen,
 * divided by the sum of the weights, as Adam's corrections do it; after many steps momenta is running_momentum.
 */
typedef struct caviar_schedule_args {
    const int32_t *active;            /* [models], 0 or 1 */
    const int32_t *schedule;          /* [models] of caviar_schedule */
    const double *learning_rate;      /* [models] */
    const double *decay_rate;         /* [models] */
    const double *duration;           /* [models], epochs; read for cosine only */
    const double *complement1;        /* [models], 1 - beta1 */
    const double *complement2;        /* [models], 1 - beta2 */
    int64_t *step;                    /* [models], updated */
    float *rate;                      /* [models], written */
    float *correction1, *correction2; /* [models], written */
    int64_t models;
    double steps_per_epoch;  /* > 0 */
    int64_t *averaged;       /* [models], updated; NULL: there are no running averages */
    float *momenta;          /* [models], written; NULL if averaged is */
    double running_momentum; /* in (0, 1] */
} caviar_schedule_args;

/*
 * optimizer_update: one step of every parameter of every active model, in one launch. g is the gradient p' of p.
 *   decay of the first `decayed` elements: ADAMW p -= rate * weight_decay * p; all others g += weight_decay * p
 *   SGD       p -= rate * g
 *   MOMENTUM  m = momentum * m + g;  p -= rate * m                              (PyTorch's, without dampening)
 *   RMSPROP   v += (1 - beta2)(g^2 - v);  p -= rate * g / (sqrt(v) + epsilon)
 *   ADAM(W)   m += (1 - beta1)(g - m);  v += (1 - beta2)(g^2 - v)               (Kingma and Ba 2015)
 *             p -= (rate / correction1) * m / (sqrt(v) / sqrt(correction2) + epsilon)
 * g^2 is cut off at FLT_MAX, so that one huge gradient cannot freeze a parameter behind an infinite v; NaN stays NaN.
 */
typedef struct caviar_optimizer_update_args {
    caviar_tensor parameters, gradients;       /* [count] a model; parameters updated */
    caviar_tensor first_moment, second_moment; /* [count] a model, updated */
    int64_t models, count;                     /* count is a multiple of 4 and the four model_strides are too */
    int64_t decayed;                           /* 0 .. count */
    const int32_t *active;    /* [models], 0 or 1: parameters of a model that is not active keep their bits */
    const int32_t *optimizer; /* [models] of caviar_optimizer */
    const float *rate, *correction1, *correction2; /* [models], from schedule */
    const float *momentum;                         /* [models] */
    const float *complement1, *complement2;        /* [models], 1 - beta1 and 1 - beta2 */
    const float *epsilon, *weight_decay;           /* [models] */
} caviar_optimizer_update_args;

typedef enum caviar_initialization {
    CAVIAR_INITIALIZE_CONSTANT = 0,
    CAVIAR_INITIALIZE_UNIFORM_FAN_IN = 1
} caviar_initialization;

/*
 * initialize: sets one tensor [rows, columns] of every selected model.
 * CONSTANT: `value`. UNIFORM_FAN_IN: uniform on (-a, a), a = sqrt(3 gain / r) for r true rows, gain 2 for relu (He et
 * al. 2015) and 1 otherwise (LeCun 1998). Element (i, j) takes lane j % 4 of
 *     philox(seed; subsequence = WEIGHTS | layer | stream[k], counter = i * 1024 + j / 4),
 * so it depends on neither the padding nor the widths. Padding is written as 0 either way.
 */
typedef struct caviar_initialize_args {
    caviar_tensor tensor;          /* [rows, columns] a model, written */
    int64_t models, rows, columns; /* columns at most 4096 for UNIFORM_FAN_IN */
    const int32_t *selected;       /* [models], 0 or 1; NULL: all */
    const int32_t *row_widths;     /* [models]; NULL: rows */
    const int32_t *column_widths;  /* [models]; NULL: columns */
    const int32_t *activation;     /* [models], that of the layer this matrix feeds; NULL: identity */
    const uint32_t *stream;        /* [models]; read for UNIFORM_FAN_IN only */
    caviar_initialization kind;
    float value;
    uint64_t seed;
    int32_t layer; /* 0 to CAVIAR_MAX_HIDDEN_LAYERS */
} caviar_initialize_args;

/* One axis of a search space as the sampler sees it: an interval of positions on the parameter's own scale. */
typedef struct caviar_axis {
    int32_t distribution;    /* caviar_distribution; CATEGORICAL and CONSTANT choose an index */
    int32_t reserved;        /* 0 */
    double low, high;        /* the interval of positions that is sampled, low <= high */
    double minimum, maximum; /* bounds of the value */
    double quantum;          /* of the Q_ distributions */
    double mean, deviation;  /* of the NORMAL distributions; of the LOG_NORMAL ones those of the natural logarithm */
} caviar_axis;

/*
 * sample: hyperparameters of trials first .. first + trials - 1, one after another independent of all else.
 *     position = low + u * (high - low),  u in (0, 1) of 52 random bits: words 2i and 2i + 1 of
 *                philox(seed; subsequence = HYPERPARAMETERS | trial) for axis i
 *     value    = the position taken from the axis' scale: x, 10^x, 1 - 10^-x, rounded to whole numbers or quanta; of a
 *                normal distribution a position is a probability from 1e-10 to 1 - 1e-10, and the value
 *                mean + deviation * z (or e to that), where a standard normal variable is below z with this probability
 * Both compilers run the same double-precision code (src/kernels/randomness.h): devices agree to the bit.
 */
typedef struct caviar_sample_args {
    const caviar_axis *axes; /* [axis_count] */
    double *positions;       /* [trials, axis_count], written */
    double *values;          /* [trials, axis_count], written */
    int64_t axis_count, trials;
    int64_t first_trial; /* 0 or more, below 2^32 */
    uint64_t seed;
} caviar_sample_args;

/* The list of all operations: X(name). */
#define CAVIAR_FOR_EACH_OP(X)                                                                                          \
    X(gather)                                                                                                          \
    X(advance)                                                                                                         \
    X(linear_forward)                                                                                                  \
    X(linear_backward)                                                                                                 \
    X(batch_norm_forward)                                                                                              \
    X(batch_norm_backward)                                                                                             \
    X(batch_norm_inference)                                                                                            \
    X(bias_forward)                                                                                                    \
    X(bias_backward)                                                                                                   \
    X(softmax_cross_entropy)                                                                                           \
    X(metrics)                                                                                                         \
    X(schedule)                                                                                                        \
    X(optimizer_update)                                                                                                \
    X(initialize)                                                                                                      \
    X(sample)

/* caviar_op_gather(device, &args, stream), caviar_op_advance(device, &args, stream), ... */
#define CAVIAR_DECLARE_OP(name)                                                                                        \
    CAVIAR_API caviar_status caviar_op_##name(caviar_device *device, const caviar_##name##_args *args, void *stream);
CAVIAR_FOR_EACH_OP(CAVIAR_DECLARE_OP)
#undef CAVIAR_DECLARE_OP

#ifdef __cplusplus
}
#endif

#endif
