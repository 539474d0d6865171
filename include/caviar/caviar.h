/*
 * caviar: trains thousands of small neural networks at once and searches their hyperparameters while it does.
 *
 *     device     where the arithmetic runs: the CPU, or one CUDA GPU
 *     dataset    examples with class labels, in training, validation and test parts
 *     population many networks of one shape, trained together by the same launches
 *     model      one trained network, on its own, in host memory or a file
 *     space      which hyperparameters to search, over which range, on which scale
 *     search     samples a space, trains the trials as populations, narrows the space, keeps the best model
 *
 * Conventions of every function
 *   - It returns a caviar_status; 0 is success. On failure caviar_last_error() has a sentence that says what is wrong,
 *     where (file and line, argument, shape) and what to do, and outputs are left as they were.
 *   - It never exits, aborts, prints, installs a handler or changes a setting of the program.
 *   - Outputs come first among the arguments. What a *_create, *_open or *_load function gives belongs to the caller,
 *     who gives it back to the matching *_destroy or *_close; those take NULL.
 *   - An object may be used by one thread at a time; different objects by different threads at once.
 *   - A device must outlive the populations and searches on it, and a dataset those that were made from it.
 *   - Structs that begin with struct_size are initialised by their _INIT macro, then changed. They grow at the end
 * only.
 *   - Matrices are row-major. Real numbers in bulk are 32-bit floats; hyperparameters are doubles.
 */
#ifndef CAVIAR_CAVIAR_H
#define CAVIAR_CAVIAR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CAVIAR_API __attribute__((visibility("default")))
#else
#define CAVIAR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ status and errors */

/* X(NAME, number, text) */
#define CAVIAR_FOR_EACH_STATUS(X)                                                                                      \
    X(OK, 0, "success")                                                                                                \
    X(INVALID_ARGUMENT, 1, "an argument is out of its range")                                                          \
    X(OUT_OF_MEMORY, 2, "out of host memory")                                                                          \
    X(OUT_OF_DEVICE_MEMORY, 3, "out of device memory")                                                                 \
    X(NO_DEVICE, 4, "no such device")                                                                                  \
    X(DEVICE_LOST, 5, "the device can no longer be used by this process")                                              \
    X(DEVICE_ERROR, 6, "the device reported an error")                                                                 \
    X(IO_ERROR, 7, "a file could not be read or written")                                                              \
    X(BAD_FILE, 8, "a file's content is not what it should be")                                                        \
    X(INTERRUPTED, 9, "stopped by the caller's progress function")                                                     \
    X(NOT_FOUND, 10, "there is no such item")

typedef enum caviar_status {
#define CAVIAR_STATUS_ENUMERATOR(name, number, text) CAVIAR_##name = number,
    CAVIAR_FOR_EACH_STATUS(CAVIAR_STATUS_ENUMERATOR)
#undef CAVIAR_STATUS_ENUMERATOR
} caviar_status;

/* The text of a status; "unknown status" for a number that is none. Static memory. */
CAVIAR_API const char *caviar_status_text(caviar_status status);

/* The calling thread's message of its latest failed call; "" before the first. Valid until its next failed call. */
CAVIAR_API const char *caviar_last_error(void);

/*
 * Makes question marks of control characters but line ends, and of those that turn the direction of text, in a text
 * that is to be shown: names from files would reach a terminal as commands. Messages and notes of the library are
 * disarmed already, names are not.
 */
CAVIAR_API void caviar_disarm(char *text);

/* "MAJOR.MINOR.PATCH". Static memory. */
CAVIAR_API const char *caviar_version(void);

/*
 * Makes `data` the content of a file, whole or not at all, as the library's own files are written: beside it under
 * another name, then renamed over it. A symbolic link is followed, mode and owner stay; devices and pipes are written
 * to.
 */
CAVIAR_API caviar_status caviar_write_file(const char *path, const void *data, size_t size);

/* ----------------------------------------------------------------------------------------------------------- devices
 */

typedef struct caviar_device caviar_device;

typedef struct caviar_device_info {
    char name[32];         /* what caviar_device_open takes: "cpu", "cuda:0" */
    char description[128]; /* for people: the processor's or the GPU's name */
    int threads;           /* of the CPU device; 0 for a GPU */
    uint64_t memory_total; /* bytes */
    uint64_t memory_free;  /* bytes that could be allocated now */
} caviar_device_info;

/* How many devices there are (at least 1, the CPU) and what device `index` (0 to count - 1, the CPU first) is. */
CAVIAR_API int caviar_device_count(void);
CAVIAR_API caviar_status caviar_device_describe(caviar_device_info *info, int index);

/*
 * Opens "cpu", "cuda:N", "cuda" (the first GPU) or "auto" (the first GPU, or the CPU where there is none).
 * `threads` is for the CPU device: 0 means one for each processor this process may run on. Results do not depend on it.
 * CAVIAR_NO_DEVICE: no such GPU, no driver, or this build has no CUDA.
 */
CAVIAR_API caviar_status caviar_device_open(caviar_device **device, const char *name, int threads);
CAVIAR_API void caviar_device_close(caviar_device *device);
CAVIAR_API caviar_status caviar_device_get_info(caviar_device_info *info, const caviar_device *device);

/*
 * Device memory for use with caviar/ops.h, aligned to 256 bytes and zeroed. Copies return when they are complete;
 * caviar_device_wait returns when all work given to the device's own stream is.
 */
CAVIAR_API caviar_status caviar_device_allocate(void **memory, caviar_device *device, size_t bytes);
CAVIAR_API void caviar_device_free(caviar_device *device, void *memory);
CAVIAR_API caviar_status caviar_device_upload(caviar_device *device, void *to, const void *from, size_t bytes);
CAVIAR_API caviar_status caviar_device_download(caviar_device *device, void *to, const void *from, size_t bytes);
CAVIAR_API caviar_status caviar_device_wait(caviar_device *device);

/* ---------------------------------------------------------------------------------------------------------- datasets
 */

typedef struct caviar_dataset caviar_dataset;
typedef struct caviar_model caviar_model;

typedef enum caviar_type { CAVIAR_UINT8 = 0, CAVIAR_FLOAT32 = 1 } caviar_type;

typedef enum caviar_part { CAVIAR_TRAIN = 0, CAVIAR_VALIDATION = 1, CAVIAR_TEST = 2 } caviar_part;

typedef struct caviar_dataset_info {
    int64_t examples;         /* in all */
    int64_t part_examples[3]; /* by caviar_part */
    int64_t features;         /* of one example, 1 or more */
    int64_t classes;          /* 2 or more, 1 or more where it was loaded for a model; 0 without labels */
    caviar_type type;         /* how features are stored, here and on the device */
} caviar_dataset_info;

typedef struct caviar_csv_options {
    size_t struct_size;
    /* The label column: a name of the header, a number counted from 0, or from the end: -1 is the last.
       NULL: "label" if the header has it, else the last column. "none": the file has no labels. */
    const char *label;
    /* 1: the first line is a header, 0: it is not, -1: it is if the label's name is in it, if a cell of it is no number
       while that of the second line is one, or if it has texts and no number; or a comment with as many cells as the
       line below it has. */
    int header;
    char delimiter; /* 0: whichever of comma, semicolon, tab and | occurs most in the first line, or, where none does,
                       runs of blanks; ' ': runs of blanks and tabs */
    /* Data that is to go with another dataset, or that a model is to classify: the label is the column of that name,
       and a file that has none has no labels. Labels may then be as few and as odd as they are. NULL: nothing is
       expected; at most one is given. */
    const caviar_dataset *like;
    const caviar_model *model;
    int accept_unlikely; /* 1: labels are classes, though they look like a regression target or like names; a first line
                            that counts the columns is data; a first column without a name that counts the rows is a
                            feature */
    const char *const *drop; /* [drop_count]: columns that are left out, each by its name or number as the label is */
    int32_t drop_count;
    const char *const *dates; /* [date_count]: columns of dates (YYYY-MM-DD, and THH:MM:SS and an offset as in ISO
                                 8601), which become days since 1970-01-01 */
    int32_t date_count;
    int skip_unlabelled; /* 1: lines whose label is missing are left out, with a note; 0: they are an error */
} caviar_csv_options;
#define CAVIAR_CSV_OPTIONS_INIT                                                                                        \
    { sizeof(caviar_csv_options), NULL, -1, 0, NULL, NULL, 0, NULL, 0, NULL, 0, 0 }

/*
 * Each load function gives a dataset whose examples are all in the training part (see caviar_dataset_split).
 * Files are read whole and validated before the function returns: CAVIAR_IO_ERROR when a file cannot be read,
 * CAVIAR_BAD_FILE with the file and the line or byte when its content is wrong.
 *
 * Every file may be compressed by gzip or Zstandard, which is seen from its first bytes; a path may be a pipe, and "-"
 * is standard input (file descriptor 0). What would take more than half of the free memory is refused.
 *
 * IDX (the MNIST format): unsigned-byte images [examples, ...] and labels [examples]; the classes are the numbers that
 * occur, in order. labels_path NULL: no labels.
 */
CAVIAR_API caviar_status caviar_dataset_load_idx(caviar_dataset **dataset, const char *images_path,
                                                 const char *labels_path);
/*
 * CSV, plain or compressed by gzip or Zstandard, "-" from standard input: one example a line; blank lines and those
 * that begin with # are left out. A column is one of
 *   - numbers; true, yes, false and no are 1 and 0. Cells that are empty, NA, N/A, NaN, null, None or ? are missing;
 *   - texts, of which there may be 32 different ones; caviar_dataset_split says how they become features.
 * A column with other texts than these, or with a few texts among more numbers, is an error; the first ten places are
 * told, a line each. Labels may be any text; the distinct ones, sorted (as numbers if all are whole numbers), are
 * classes 0, 1, ... and remembered by name, 1, 1.0 and 01 being one. options NULL: defaults.
 */
CAVIAR_API caviar_status caviar_dataset_load_csv(caviar_dataset **dataset, const char *path,
                                                 const caviar_csv_options *options);
/*
 * A pair of NPY files, in C or Fortran order: features [examples, ...] of any integer, real or boolean type, in which
 * NaN is a missing cell; labels [examples], also [examples, 1] or [1, examples], of any such type or of texts. The
 * classes are the distinct labels, numbers by value, and named by them: 10, 20 and 30.0 are the classes 0, 1 and 2 of
 * the names "10", "20" and "30". labels_path NULL: no labels.
 */
CAVIAR_API caviar_status caviar_dataset_load_npy(caviar_dataset **dataset, const char *features_path,
                                                 const char *labels_path);
/*
 * What the command takes as --data; the kind of a file is seen from what it holds.
 *     fashion-mnist          the files of Debian's package dataset-fashion-mnist or of the folder that the environment
 *                            variable FASHION_MNIST_DIR names; its 10,000 test images become the test part
 *     FOLDER                 with four such IDX files, for example of MNIST
 *     FEATURES,LABELS        files of NPY or IDX; the first alone: without labels
 *     FILE.npz               an archive of numpy.savez. Features are the array x, features, data, images, inputs or
 *                            x_train, labels y, labels, target or y_train, whatever their case; x_test and y_test
 *                            become the test part, x_val and y_val the validation part (train_images, test_labels and
 *                            the like will do as well). Of two arrays with other names, one of one dimension: that one
 *                            has the labels
 *     FILE.npz:X,y           the arrays of these names; FILE.npz:X: without labels
 *     FILE                   anything else is CSV
 * The options like, model and accept_unlikely are for all of them.
 */
CAVIAR_API caviar_status caviar_dataset_load(caviar_dataset **dataset, const char *source,
                                             const caviar_csv_options *options);
/*
 * Copies `features` [examples, features] of the given type and `labels` [examples] (NULL: none, and classes is 0).
 * Labels must be in 0 .. classes - 1 and features finite, at most half of the largest float.
 */
CAVIAR_API caviar_status caviar_dataset_create(caviar_dataset **dataset, const void *features, caviar_type type,
                                               const int32_t *labels, int64_t examples, int64_t feature_count,
                                               int64_t classes);
CAVIAR_API void caviar_dataset_destroy(caviar_dataset *dataset);
CAVIAR_API caviar_status caviar_dataset_get_info(caviar_dataset_info *info, const caviar_dataset *dataset);

/* The name of a class: the label's text, or the shortest decimal of its number. Lives as long as the dataset.
 */
CAVIAR_API caviar_status caviar_dataset_class_name(const char **name, const caviar_dataset *dataset,
                                                   int64_t class_index);

/*
 * Copies the features of `count` examples from `first` on, [count, features], not standardised and rounded to floats,
 * and their labels (either may be NULL).
 */
CAVIAR_API caviar_status caviar_dataset_read(float *features, int32_t *labels, const caviar_dataset *dataset,
                                             int64_t first, int64_t count);

/*
 * Appends the examples of `test` or `validation` to `dataset` as that part of it. Columns are matched by their names
 * where both sides have names, whatever their order (further ones are left alone, with a note), else by position; one
 * that is missing is an error that names it. Both must have labels or none. Classes are matched by name: a label that
 * the dataset has not is an error. If one stores bytes and the other floats, the dataset stores floats from now on.
 */
CAVIAR_API caviar_status caviar_dataset_add_test(caviar_dataset *dataset, const caviar_dataset *test);
CAVIAR_API caviar_status caviar_dataset_add_validation(caviar_dataset *dataset, const caviar_dataset *validation);

/*
 * Deals the examples that are not in a given part out to training, validation and test, by a shuffle that depends on
 * the seed only, so that each part has its share of every class to within one example, and training at least one.
 * Fractions are of those examples; that of a part that was added must be 0, and 0 makes an empty part.
 *
 * Then learns from the training part how columns become features, which may change how many features there are:
 *   - a number is one feature. Where the training part misses some of its cells, these count as the median of the
 *     others, and a second feature, the indicator, is 1 for them. Where it misses none, a cell that is missing
 *     elsewhere counts as its mean;
 *   - a text is one feature, 0 or 1, for each text that the training part has, and a last one for all other texts.
 * Every feature is standardised when it is read, (x - mean) / deviation by the training part, and one that is constant
 * there becomes 0. Do not split a dataset while populations or searches use it.
 */
CAVIAR_API caviar_status caviar_dataset_split(caviar_dataset *dataset, double validation_fraction, double test_fraction,
                                              uint64_t seed);
/* Moves the validation part into the training part and learns anew, for a last training on both. */
CAVIAR_API caviar_status caviar_dataset_train_on_validation(caviar_dataset *dataset);

/* Writes the name of a feature, cut off to `size` bytes: "age", "age is missing", "sex=male", "sex=other"; "7" where
 * the columns have no names. */
CAVIAR_API caviar_status caviar_dataset_feature_name(char *name, size_t size, const caviar_dataset *dataset,
                                                     int64_t feature);
/*
 * Notes: sentences for people about what was left out, filled in, or looks unlikely in the data; 0 for NULL. A text
 * lives until the dataset changes.
 */
CAVIAR_API int32_t caviar_dataset_note_count(const caviar_dataset *dataset);
CAVIAR_API caviar_status caviar_dataset_note(const char **text, const caviar_dataset *dataset, int32_t index);

/* --------------------------------------------------------------------------------------------------- hyperparameters
 */

#define CAVIAR_MAX_HIDDEN_LAYERS 8
#define CAVIAR_MAX_WIDTH 4096

typedef enum caviar_optimizer {
    CAVIAR_SGD = 0,
    CAVIAR_MOMENTUM = 1,
    CAVIAR_RMSPROP = 2,
    CAVIAR_ADAM = 3,
    CAVIAR_ADAMW = 4
} caviar_optimizer;

typedef enum caviar_activation {
    CAVIAR_IDENTITY = 0, /* not for hidden layers */
    CAVIAR_RELU = 1,
    CAVIAR_TANH = 2,
    CAVIAR_SIGMOID = 3
} caviar_activation;

typedef enum caviar_schedule {
    CAVIAR_CONSTANT_RATE = 0,
    CAVIAR_INVERSE_TIME = 1, /* learning_rate / (1 + decay_rate * epoch) */
    CAVIAR_EXPONENTIAL = 2,  /* learning_rate * decay_rate ^ epoch */
    CAVIAR_COSINE = 3        /* learning_rate * (1 + cos(pi * epoch / schedule_epochs)) / 2 */
} caviar_schedule;

/* The hyperparameters of one model. The device computes with floats: [0, 1) ends at 1 - 2^-25. Epochs in schedules are
 * fractional: they count optimiser steps. */
typedef struct caviar_hyperparameters {
    size_t struct_size;
    caviar_optimizer optimizer;
    double learning_rate; /* > 0 */
    double momentum;      /* MOMENTUM; [0, 1) */
    double beta1;         /* ADAM, ADAMW; [0, 1) */
    double beta2;         /* ADAM, ADAMW, RMSPROP; [0, 1) */
    double epsilon;       /* ADAM, ADAMW, RMSPROP, outside the square root; 2^-63 / sqrt(1 - beta2) or more, which is
                             3.4e-18 for 0.999: the average of smaller squares is 0 in a float */
    double weight_decay;  /* of weight matrices, not of biases, gamma and beta; >= 0; decoupled with ADAMW, else L2 */
    caviar_schedule schedule;
    double decay_rate;      /* INVERSE_TIME: >= 0; EXPONENTIAL: in (0, 1] */
    double schedule_epochs; /* COSINE: the epoch at which the rate reaches 0; > 0 */
    double dropout;         /* the fraction of hidden units dropped; [0, 1) */
    caviar_activation activation;
    int32_t hidden_width[CAVIAR_MAX_HIDDEN_LAYERS]; /* 0: the population's width; else 1 up to that */
    uint32_t
        stream; /* of initial weights and dropout masks: models of one stream start alike and are comparable in pairs */
} caviar_hyperparameters;
#define CAVIAR_HYPERPARAMETERS_INIT                                                                                    \
    {                                                                                                                  \
        sizeof(caviar_hyperparameters), CAVIAR_ADAM, 1e-3, 0.9, 0.9, 0.999, 1e-8, 0.0, CAVIAR_CONSTANT_RATE, 0.0, 1.0, \
            0.0, CAVIAR_RELU, { 0, 0, 0, 0, 0, 0, 0, 0 }, 0                                                            \
    }

/* ------------------------------------------------------------------------------------------------------- populations
 */

/*
 * A population: `models` networks  input -> hidden layers -> softmax  of one depth, one batch size and one minibatch
 * order, trained on one dataset. With batch norm a hidden layer is  act(batch_norm(h W)),  gamma and beta learnt, no
 * bias; without,  act(h W + b).  The output layer is  softmax(h W + b)  over the dataset's classes.
 * Two classes make logistic regression: softmax over two logits is the sigmoid of their difference.
 */
typedef struct caviar_population caviar_population;

/*
 * How a training step is made. LAYERED: an operation at a time for all models, any shape. WHOLE_STEP: one kernel that
 * takes each model through the step on chip; a GPU only, minibatches of 128 and 64 classes at most, and hidden layers
 * that fit into a block's shared memory (two of 128 units, five of 64); it needs less device memory. Both compute
 * the same, with other roundings. AUTO is WHOLE_STEP where it was measured to be faster: with a model or more for each
 * multiprocessor, hidden layers of 33 to 64 units, and two models' blocks to a multiprocessor (on an H100 two such
 * layers, more with small minibatches); else it is LAYERED.
 */
typedef enum caviar_engine {
    CAVIAR_ENGINE_AUTO = 0,
    CAVIAR_ENGINE_LAYERED = 1,
    CAVIAR_ENGINE_WHOLE_STEP = 2
} caviar_engine;

typedef struct caviar_population_options {
    size_t struct_size;
    int32_t models;                                 /* 1 or more */
    int32_t hidden_layers;                          /* 0 (softmax regression) to CAVIAR_MAX_HIDDEN_LAYERS */
    int32_t hidden_width[CAVIAR_MAX_HIDDEN_LAYERS]; /* the largest width of each layer, 1 to CAVIAR_MAX_WIDTH */
    int32_t batch_norm;                             /* 0 or 1 */
    int32_t batch_size;                             /* 1 or more, 2 with batch norm; at most the training part */
    double batch_norm_epsilon;                      /* 1e-30 .. 1e30 */
    double batch_norm_momentum;                     /* weight of the new value in the running averages, 1e-6 .. 1 */
    uint64_t seed;                                  /* of weights, shuffles and masks */
    caviar_engine engine;
} caviar_population_options;
#define CAVIAR_POPULATION_OPTIONS_INIT                                                                                 \
    { sizeof(caviar_population_options), 1, 1, { 64, 0, 0, 0, 0, 0, 0, 0 }, 1, 128, 1e-5, 0.1, 0, CAVIAR_ENGINE_AUTO }

typedef struct caviar_metrics {
    double loss;      /* mean cross-entropy in nats; not finite for a diverged model */
    double accuracy;  /* fraction of examples whose hardmax class is right; NaN where the loss is not finite */
    int64_t examples; /* that were measured */
} caviar_metrics;

/* The bytes of device memory that caviar_population_create would allocate, the dataset included. Allocates nothing. */
CAVIAR_API caviar_status caviar_population_estimate(uint64_t *bytes, const caviar_device *device,
                                                    const caviar_dataset *dataset,
                                                    const caviar_population_options *options);
/*
 * Nothing is allocated on the device after this. Models are inactive until caviar_population_start. The dataset has
 * CAVIAR_MAX_WIDTH classes at most.
 */
CAVIAR_API caviar_status caviar_population_create(caviar_population **population, caviar_device *device,
                                                  const caviar_dataset *dataset,
                                                  const caviar_population_options *options);
CAVIAR_API void caviar_population_destroy(caviar_population *population);

/*
 * Gives models first .. first + count - 1 these hyperparameters [count], fresh weights, zeroed moments and step 0.
 * Of the weights: see `initialize` in caviar/ops.h; gamma 1, beta, biases 0, running mean 0 and variance 1, of which
 * the first minibatch leaves nothing: the running averages are means over the minibatches so far, with weights that
 * fall by 1 - batch_norm_momentum from one to the one before it. After many steps they are PyTorch's.
 */
CAVIAR_API caviar_status caviar_population_start(caviar_population *population, int32_t first, int32_t count,
                                                 const caviar_hyperparameters *hyperparameters);
/* Stops a model: training leaves its bits alone from now on. It can still be evaluated and read. */
CAVIAR_API caviar_status caviar_population_stop(caviar_population *population, int32_t model);

/*
 * Trains all active models for `steps` minibatches, going on where the last call ended. An epoch takes every training
 * example once, in an order that depends on the seed and the epoch's number only; its last minibatch is smaller when
 * the examples do not divide evenly. Under batch norm it is left out when it is one example or less than a quarter of a
 * minibatch, whose variance would be noise; another epoch's order leaves out others.
 * Returns when the work is done.
 */
CAVIAR_API caviar_status caviar_population_train(caviar_population *population, int64_t steps);
CAVIAR_API int64_t caviar_population_steps_per_epoch(const caviar_population *population);

/*
 * Writes metrics [models]: over what was trained on since the last call of this function, as it was trained (with
 * dropout, batch statistics and the weights of the moment).
 */
CAVIAR_API caviar_status caviar_population_training_metrics(caviar_metrics *metrics, caviar_population *population);
/* Writes metrics [models] over a part of the dataset, in inference: running averages, no dropout. */
CAVIAR_API caviar_status caviar_population_evaluate(caviar_metrics *metrics, caviar_population *population,
                                                    caviar_part part);
/*
 * Predicts with one model: raw (not standardised) features [examples, features] to probabilities
 * [examples, classes] and hardmax classes [examples]; either output may be NULL. A row of probabilities that are NaN,
 * as a diverged model gives them, has class -1.
 */
CAVIAR_API caviar_status caviar_population_predict(float *probabilities, int32_t *classes,
                                                   caviar_population *population, int32_t model, const float *features,
                                                   int64_t examples);

/* ------------------------------------------------------------------------------------------------------------ models
 */

/* caviar_model: one network with its standardisation, columns and class names, in host memory. */

typedef struct caviar_model_info {
    int64_t features, classes;
    int32_t hidden_layers;
    int32_t hidden_width[CAVIAR_MAX_HIDDEN_LAYERS];
    int32_t batch_norm;
    caviar_activation activation;
    int64_t parameters; /* numbers that training changes */
} caviar_model_info;

/* Copies a model out of a population, or into one (of the same shape; optimiser state is zeroed, its hyperparameters
 * stay). */
CAVIAR_API caviar_status caviar_population_read_model(caviar_model **model, caviar_population *population,
                                                      int32_t index);
CAVIAR_API caviar_status caviar_population_write_model(caviar_population *population, int32_t index,
                                                       const caviar_model *model);
CAVIAR_API void caviar_model_destroy(caviar_model *model);
CAVIAR_API caviar_status caviar_model_get_info(caviar_model_info *info, const caviar_model *model);
CAVIAR_API caviar_status caviar_model_class_name(const char **name, const caviar_model *model, int64_t class_index);

/*
 * Saves to or loads from a file in the safetensors format: hidden.0.weight [in, out], hidden.0.gamma, .beta,
 * .running_mean, .running_variance (or .bias), ..., output.weight, output.bias, input.mean, input.scale; in its
 * metadata, as JSON, the architecture, class_names, and columns with the label's name. The input of the first layer is
 * ((x - origin) - input.mean) * input.scale, the origins being the columns' (0 but for numbers that differ by little
 * beside their size, as times do), subtracted in double. A file is replaced whole or not at all.
 */
CAVIAR_API caviar_status caviar_model_save(const caviar_model *model, const char *path);
CAVIAR_API caviar_status caviar_model_load(caviar_model **model, const char *path);

/*
 * A model knows the columns of the data that it was trained on, where they had names or were not plain numbers: 0 and
 * CAVIAR_NOT_FOUND where it does not. A name lives as long as the model; that of a feature (see
 * caviar_dataset_feature_name) is cut off to `size` bytes.
 */
CAVIAR_API int64_t caviar_model_column_count(const caviar_model *model);
CAVIAR_API caviar_status caviar_model_column_name(const char **name, const caviar_model *model, int64_t column);
CAVIAR_API caviar_status caviar_model_label_name(const char **name, const caviar_model *model);
CAVIAR_API caviar_status caviar_model_feature_name(char *name, size_t size, const caviar_model *model, int64_t feature);

/*
 * Predicts for examples first .. first + count - 1 of a dataset: to probabilities [count, classes] and hardmax classes
 * [count], either of which may be NULL. The model's columns are found by name, whatever their order, or by position
 * where one side has no names; further columns are left alone, and one that is missing is an error that names it. Texts
 * that the model does not know and missing cells count as they do in caviar_dataset_split.
 */
CAVIAR_API caviar_status caviar_model_predict_dataset(float *probabilities, int32_t *classes, const caviar_model *model,
                                                      caviar_device *device, const caviar_dataset *dataset,
                                                      int64_t first, int64_t count);
/*
 * Writes which class of the model each class of a dataset with labels is [classes of the dataset], by name: -1, the
 * model knows none of that name. 1, 1.0 and 01 are one.
 */
CAVIAR_API caviar_status caviar_model_match_classes(int32_t *class_of, const caviar_model *model,
                                                    const caviar_dataset *dataset);
/*
 * As caviar_population_predict, for a model on its own: features [examples, features] in the order of
 * caviar_model_feature_name and the units of the data.
 */
CAVIAR_API caviar_status caviar_model_predict(float *probabilities, int32_t *classes, const caviar_model *model,
                                              caviar_device *device, const float *features, int64_t examples);
/*
 * Measures the model on a part of a dataset, whose columns and classes are found by name. Examples whose label the
 * model does not know are left out: metrics->examples is how many it does know; of none, loss and accuracy are NaN.
 */
CAVIAR_API caviar_status caviar_model_evaluate(caviar_metrics *metrics, const caviar_model *model,
                                               caviar_device *device, const caviar_dataset *dataset, caviar_part part);

/*
 * Scores beside the accuracy and the loss, as scikit-learn defines them. All are NaN where no example has a label, or
 * where a probability is not finite: a network that has diverged has no class for anything.
 */
typedef struct caviar_scores {
    size_t struct_size;
    int64_t examples;         /* that have a label */
    double accuracy;          /* fraction whose hardmax class is the label */
    double balanced_accuracy; /* mean over the classes that occur of the fraction of each that is right (its recall) */
    double macro_f1;          /* mean over the classes that occur or are predicted of 2 right / (actual + predicted) */
    double auc;      /* area under the ROC curve: of class 1 where there are two, else the mean over the classes
                        that occur, each against the rest; NaN where only one occurs */
    double log_loss; /* mean of -log p(label) in nats, p not below 2^-126 */
} caviar_scores;
#define CAVIAR_SCORES_INIT                                                                                             \
    { sizeof(caviar_scores), 0, 0.0, 0.0, 0.0, 0.0, 0.0 }

/*
 * Scores probabilities [examples, classes] against labels [examples], 0 .. classes - 1, or -1: that example has none
 * and is left out. `confusion` (NULL: not wanted) gets [classes, classes]: how many examples of class `row` were
 * classified as class `column`. Needs no device.
 */
CAVIAR_API caviar_status caviar_score(caviar_scores *scores, int64_t *confusion, const float *probabilities,
                                      const int32_t *labels, int64_t examples, int64_t classes);

/*
 * The same for a model on a part of a dataset; `confusion` is by the model's classes. Classes are matched by name: an
 * example whose label the model does not know is left out.
 */
CAVIAR_API caviar_status caviar_model_score(caviar_scores *scores, int64_t *confusion, const caviar_model *model,
                                            caviar_device *device, const caviar_dataset *dataset, caviar_part part);

/* ------------------------------------------------------------------------------------------------------------ spaces
 */

/*
 * A search space: for each hyperparameter that is searched or fixed, a distribution. The names are
 *     optimizer (sgd, momentum, rmsprop, adam, adamw)   learning_rate   momentum   beta1   beta2   epsilon
 *     weight_decay   schedule (constant, inverse_time, exponential, cosine)   decay_rate   schedule_epochs
 *     dropout   activation (relu, tanh, sigmoid)   batch_norm (true, false)   batch_size (1 to 65536)
 *     hidden_layers (0 to 8)   hidden_width (of every layer)   hidden_width_1 .. hidden_width_8 (of one layer)
 * What is not in the space keeps its default (CAVIAR_HYPERPARAMETERS_INIT; two hidden layers, 128 and 64 wide, further
 * layers 64; batch norm; minibatches of 128, or, where an epoch would have fewer than 8 of them, of the largest power
 * of two that gives it 8). schedule_epochs defaults to the epochs of the search. The width of one layer wins over
 * hidden_width.
 */
typedef struct caviar_space caviar_space;

/* The names are those of a W&B sweep configuration where it has one. Values: see caviar_axis in caviar/ops.h. */
typedef enum caviar_distribution {
    CAVIAR_CONSTANT = 0,
    CAVIAR_CATEGORICAL = 1,
    CAVIAR_UNIFORM = 2,
    CAVIAR_LOG_UNIFORM = 3, /* log_uniform_values: 10^r, r uniform. For learning rates */
    CAVIAR_ONE_MINUS_LOG_UNIFORM =
        4,                    /* one_minus_log_uniform_values: 1 - 10^-r, r uniform. For momentum, beta1, beta2 */
    CAVIAR_INT_UNIFORM = 5,   /* whole numbers, both ends included */
    CAVIAR_Q_UNIFORM = 6,     /* multiples of q */
    CAVIAR_Q_LOG_UNIFORM = 7, /* q_log_uniform_values: 10^r rounded to a multiple of q */
    CAVIAR_NORMAL = 8,        /* of mean mu and deviation sigma */
    CAVIAR_LOG_NORMAL = 9,    /* its natural logarithm is normal */
    CAVIAR_Q_NORMAL = 10,     /* normal, rounded to a multiple of q */
    CAVIAR_Q_LOG_NORMAL = 11
} caviar_distribution;

/* The most values that a categorical parameter may have. */
#define CAVIAR_MAX_VALUES 64

typedef enum caviar_metric { CAVIAR_VALIDATION_ACCURACY = 0, CAVIAR_VALIDATION_LOSS = 1 } caviar_metric;

/* How a search takes points: by chance and in rounds, or every point of a finite space in the order of its parameters.
 */
typedef enum caviar_method { CAVIAR_RANDOM = 0, CAVIAR_GRID = 1 } caviar_method;

CAVIAR_API caviar_status caviar_space_create(caviar_space **space); /* empty */
CAVIAR_API void caviar_space_destroy(caviar_space *space);
/*
 * However a parameter is added, on one line, by a file or by the functions here, the word said last wins:
 *     a parameter takes the place of the one of its name;
 *     hidden_width removes every hidden_width_N that is there; one that is added afterwards stays beside it, and is the
 *     width of its layer;
 *     hidden_layers removes hidden_width_N of layers above the most that it can be.
 * What is removed leaves a note (caviar_space_note), unless it is of the default space and nobody asked for it. A
 * failure leaves the space as it was.
 *
 * Adds or replaces a numeric parameter. quantum is for the Q_ distributions and 0 otherwise. Those take the multiples
 * of the quantum that lie in the range, of which there must be one.
 */
CAVIAR_API caviar_status caviar_space_add_range(caviar_space *space, const char *name, caviar_distribution distribution,
                                                double minimum, double maximum, double quantum);
/*
 * Adds or replaces a parameter of one of the NORMAL distributions. `mean`, or e to the mean of LOG_NORMAL and
 * Q_LOG_NORMAL, must be a value that the hyperparameter can have, and `deviation` above 0. It is sampled within five
 * deviations and within what the hyperparameter can be. Rounds narrow the interval of its quantiles.
 */
CAVIAR_API caviar_status caviar_space_add_normal(caviar_space *space, const char *name,
                                                 caviar_distribution distribution, double mean, double deviation,
                                                 double quantum);
/*
 * Adds or replaces a parameter that takes one of `count` values, written as text, all different and at most
 * CAVIAR_MAX_VALUES; one value makes a constant.
 */
CAVIAR_API caviar_status caviar_space_add_values(caviar_space *space, const char *name, const char *const *values,
                                                 int32_t count);
/*
 * Adds or replaces a parameter written on one line:
 *     NAME=VALUE   NAME=VALUE,VALUE,...   NAME=MIN..MAX   NAME=DISTRIBUTION:MIN..MAX   NAME=DISTRIBUTION:MIN..MAX:Q
 *     NAME=DISTRIBUTION:MU,SIGMA   NAME=DISTRIBUTION:MU,SIGMA:Q   (the normal distributions)
 * A range without a distribution takes the hyperparameter's own scale: log-uniform for learning_rate, epsilon and
 * weight_decay, 1 - 10^-r for momentum, beta1 and beta2, whole numbers for sizes, uniform for the rest. Distributions
 * are written as in a file.
 */
CAVIAR_API caviar_status caviar_space_parse(caviar_space *space, const char *text);
/*
 * A YAML file of the form of a W&B sweep configuration:
 *     method: random                                  (may be left out)
 *     metric: {name: validation_accuracy, goal: maximize}         (or validation_loss, minimize; may be left out)
 *     parameters:
 *       learning_rate: {distribution: log_uniform_values, min: 1.0e-4, max: 0.1}
 *       beta1: {min: 0.9, max: 0.999}                 (without a distribution: as in caviar_space_parse)
 *       optimizer: {values: [momentum, adam]}
 *       batch_size: {value: 128}
 * with the distributions of caviar_distribution, under the names there; the normal ones take mu (0), sigma (1) and q:
 *       dropout: {distribution: normal, mu: 0.2, sigma: 0.05}
 * The method grid is for finite spaces; bayes is taken as random. Of what else such files hold, this is taken as what
 * it is here, with a note (caviar_space_note): usual names of hyperparameters (lr, batch-size, wd, fc_layer_size, ...)
 * and of the metrics (val_accuracy, accuracy, val_loss, loss, ...), log_uniform and q_log_uniform, whose bounds are
 * exponents of e. This is left unread, with a note: early_terminate, run_cap, epochs among the parameters, target of
 * the metric, program, command, project, entity, name, job, description, $schema, image_uri, controller. Anything else
 * is CAVIAR_BAD_FILE with the file and the line: other names, probabilities, parameters within parameters, other
 * distributions. A file is replaced whole or not at all.
 */
CAVIAR_API caviar_status caviar_space_load(caviar_space **space, const char *path);
CAVIAR_API caviar_status caviar_space_save(const caviar_space *space, const char *path);
/* The space that `caviar search` uses when it is given none. */
CAVIAR_API caviar_status caviar_space_create_default(caviar_space **space);
CAVIAR_API int32_t caviar_space_size(const caviar_space *space); /* parameters; 0 for NULL */
/*
 * How many distinct points the space has; -1: a continuous range matters, and they have no end; 2^62: that many or
 * more. Points are one if they differ only in what does not matter to them (caviar_trial_uses): optimizer=sgd,adam with
 * momentum=0.5,0.9 has two. An empty space has one, of the defaults. 0 for NULL.
 */
CAVIAR_API int64_t caviar_space_point_count(const caviar_space *space);
/*
 * What somebody should know who made this space and is no error: words that were dropped, and, with the file and the
 * line, what of a file is left unread or taken as something else. A sentence each, that lives as long as the space.
 */
CAVIAR_API int32_t caviar_space_note_count(const caviar_space *space); /* 0 for NULL */
CAVIAR_API caviar_status caviar_space_note(const char **text, const caviar_space *space, int32_t index);
/* Name of parameter `index` in the order of addition. Lives until the space changes. */
CAVIAR_API caviar_status caviar_space_parameter_name(const char **name, const caviar_space *space, int32_t index);
/*
 * The metric that the space's file names, which a search heeds only when it is copied to its options:
 *     caviar_space_get_metric(&options.metric, space);
 * CAVIAR_NOT_FOUND, and the option as it was, where the space names none.
 */
CAVIAR_API caviar_status caviar_space_get_metric(caviar_metric *metric, const caviar_space *space);
CAVIAR_API caviar_status caviar_space_set_metric(caviar_space *space, caviar_metric metric);
/*
 * The method, random unless it is set or a file says grid. A search heeds it: of a grid it trains the first `trials`
 * points in one round, the optimizer, the schedule and hidden_layers changing slowest, and refuses an endless space.
 */
CAVIAR_API caviar_status caviar_space_get_method(caviar_method *method, const caviar_space *space);
CAVIAR_API caviar_status caviar_space_set_method(caviar_space *space, caviar_method method);
/*
 * Sets the hyperparameters and the shape of a population (hidden layers, their widths, batch norm, batch size) to what
 * a space of constants says, and to the defaults above where it says nothing, as a search of so many epochs on so many
 * training examples does for a trial. The options' models and seed stay as they are. CAVIAR_INVALID_ARGUMENT, with its
 * name, for a parameter that is not one value.
 */
CAVIAR_API caviar_status caviar_space_configure(caviar_hyperparameters *hyperparameters,
                                                caviar_population_options *options, const caviar_space *space,
                                                int64_t training_examples, int32_t epochs);

/* ---------------------------------------------------------------------------------------------------------- searches
 */

typedef struct caviar_search caviar_search;

typedef struct caviar_search_progress {
    int32_t trials_done, trials;            /* trained to their end, in all */
    int32_t round, rounds;                  /* from 0 */
    int32_t models;                         /* that are training now */
    int64_t model_steps, model_steps_total; /* minibatches x models: done, and in all if later rounds are alike */
    int32_t best_trial;                     /* of those measured, after their first epoch or later; -1: none yet */
    caviar_metrics best;                    /* its validation metrics */
    double seconds;                         /* since the search began */
} caviar_search_progress;

/*
 * Called between minibatches, several times a second, after each measurement and once at the end, on the thread that
 * runs the search. Non-zero ends the search cleanly. It may read the search by functions that take it as const; a model
 * of caviar_search_best_model is valid until it returns. It must return: an exception or longjmp through it leaves the
 * search unusable, loses its memory and may leave the thread's floating-point modes changed.
 */
typedef int (*caviar_progress_function)(void *context, const caviar_search_progress *progress);

typedef struct caviar_search_options {
    size_t struct_size;
    int32_t trials; /* 1 or more; 0: every point of a finite space */
    int32_t epochs; /* of every trial, 1 or more */
    int32_t rounds; /* coarse-to-fine rounds, 1 (random search) up to trials */
    uint64_t seed;
    int32_t models_at_once;      /* the most that train together, 1 or more; 0: as many as keep the device busy, if its
                                    memory holds them, networks of like widths together */
    caviar_metric metric;        /* what is best */
    int32_t independent_streams; /* 0: trials share initial weights and masks, so that they compare in pairs; 1: each
                                    its own */
    const char *directory; /* NULL, or where the search is recorded as it goes: trials.csv, space.yaml, search.json,
                              best.safetensors, best.yaml (the best trial as a space of constants, for
                              caviar_space_configure). Made if it is missing; refused if it holds one of these */
    caviar_progress_function progress; /* NULL: none */
    void *progress_context;
} caviar_search_options;
#define CAVIAR_SEARCH_OPTIONS_INIT                                                                                     \
    { sizeof(caviar_search_options), 32, 8, 2, 0, 0, CAVIAR_VALIDATION_ACCURACY, 0, NULL, NULL, NULL }

typedef enum caviar_trial_state {
    CAVIAR_TRIAL_PLANNED = 0,
    CAVIAR_TRIAL_COMPLETE = 1,
    CAVIAR_TRIAL_DIVERGED = 2,    /* its loss is not finite any more; what it had before still counts */
    CAVIAR_TRIAL_INTERRUPTED = 3, /* measured, but not trained to its end */
    CAVIAR_TRIAL_TRAINING = 4     /* measured, and still in training */
} caviar_trial_state;

typedef struct caviar_trial {
    int32_t number; /* from 0 */
    int32_t round;
    caviar_trial_state state;
    double epochs;             /* trained; part of one too where it was interrupted */
    double best_epoch;         /* the epochs after which it was best: what follows was measured then */
    caviar_metrics training;   /* of the epoch that ended then, as it was trained */
    caviar_metrics validation; /* by which trials are ranked */
    caviar_hyperparameters hyperparameters;
    int32_t hidden_layers, hidden_width[CAVIAR_MAX_HIDDEN_LAYERS], batch_norm, batch_size;
} caviar_trial;

/*
 * 1: the hyperparameter of this name changes something about this trial; 0: it does not (momentum without the optimizer
 * momentum, beta1 without adam and adamw, decay_rate of a constant schedule, dropout without hidden layers, the width
 * of a layer that is not there, ...), or there is none of that name.
 */
CAVIAR_API int caviar_trial_uses(const caviar_trial *trial, const char *hyperparameter);

/*
 * A search takes `trials` points of the space, dealt evenly to the rounds. Round 0 samples the whole space. Each later
 * round samples a box around the elite, the best quarter (two or more) of all trials so far that did not diverge:
 *     of a categorical parameter, the values that occur among the elite;
 *     of a range, on the parameter's own scale (log10 x, -log10(1 - x), ...), the interval of the elite's positions,
 *     widened on both sides by a tenth of its width, and about its middle to 2^-(round + 1) of the whole range's
 *     width if it is narrower, rounded outwards to whole numbers or quanta, cut off where the range ends.
 * While fewer than two trials have finite losses the box stays as it was. Trial n of a seed is the same on every
 * device that measures the same metrics, whatever trains beside it.
 *
 * No point is trained twice. A space of fewer points (caviar_space_point_count) than trials is trained whole: the
 * search has as many trials as there are points, in its progress and its record, and no more rounds than trials. A
 * trial whose draw was an earlier trial's point takes another point of its round's box, or, where that has no other,
 * of the whole space.
 *
 * Every trial is measured on the validation part after each epoch, and where an interruption leaves it. It counts for
 * the best of its measurements (the first of equals), and the best model is the one of that moment, so that a search
 * has a best model after the first epoch of its first trials. Copies what it needs of the space and the options.
 * The dataset must have labels and a validation part (caviar_dataset_split).
 */
CAVIAR_API caviar_status caviar_search_create(caviar_search **search, caviar_device *device,
                                              const caviar_dataset *dataset, const caviar_space *space,
                                              const caviar_search_options *options);
CAVIAR_API void caviar_search_destroy(caviar_search *search);
/*
 * Runs it to its end, once. CAVIAR_INTERRUPTED when the progress function ended it: all trials measured until then are
 * kept, those in training are measured as they stand. After an error, too, what was measured can be read.
 */
CAVIAR_API caviar_status caviar_search_run(caviar_search *search);

/*
 * Adds to search.json what only the caller knows, such as where the data came from or what the best model scores on the
 * test part: `json` is an object, whose members take the place of those of the same name, but for objects, whose
 * members are joined. It replaces an earlier annotation. After caviar_search_run the file is written at once.
 */
CAVIAR_API caviar_status caviar_search_annotate(caviar_search *search, const char *json);

CAVIAR_API int32_t caviar_search_trial_count(const caviar_search *search); /* that have been measured; 0 for NULL */
/* How many of them the record in options.directory has, and (NULL: not asked) whether it has the best model as it is.
 */
CAVIAR_API int32_t caviar_search_recorded_count(const caviar_search *search, int *best);
/* Any trial that was sampled; one that is not measured yet is PLANNED. CAVIAR_NOT_FOUND: its round has not begun. */
CAVIAR_API caviar_status caviar_search_get_trial(caviar_trial *trial, const caviar_search *search, int32_t number);
/*
 * Writes the trial's value of parameter `index` of the space as text, cut off to `size` bytes with its ending zero: a
 * name, or the shortest number that reads back as the same double (up to 24 characters).
 */
CAVIAR_API caviar_status caviar_search_get_value(char *text, size_t size, const caviar_search *search, int32_t number,
                                                 int32_t index);
/*
 * The numbers [count] of the best measured trials, best first: by the metric, then the other one, then the number;
 * those of which no loss was finite last. count is at most caviar_search_trial_count.
 */
CAVIAR_API caviar_status caviar_search_rank(int32_t *numbers, int32_t count, const caviar_search *search);
/*
 * The best trial's model as it was after best_epoch; belongs to the search, which may replace it while it runs.
 * CAVIAR_NOT_FOUND while there is none.
 */
CAVIAR_API caviar_status caviar_search_best_model(const caviar_model **model, const caviar_search *search);

#ifdef __cplusplus
}
#endif

#endif
