/*
 * A scene: the operands of one op call on any device, with a copy of all their memory before and after the call.
 *
 * Every value is a function of (operand, the model's number, row, column) alone. So a scene of one model holds the
 * numbers that the same model has in a scene of a thousand, whatever the widths and strides: what the op made of
 * them can be compared bit for bit.
 */
#ifndef CAVIAR_TESTS_OPS_SCENE_H
#define CAVIAR_TESTS_OPS_SCENE_H

#include "kernels/device.h"

#include <criterion/criterion.h>

#define SUCCEEDS(call) cr_assert((call) == CAVIAR_OK, "%s: %s", #call, caviar_last_error())

/*
 * How matrices lie in memory. LOOSE is example-major with odd gaps between rows and starts off a 16-byte boundary, and
 * so do its other operands. The next three each miss one thing that reading four numbers at once needs: SHIFTED starts
 * off a boundary, RAGGED_ROWS and RAGGED_MODELS have an odd example_stride and an odd model_stride. What is off a
 * boundary lies on a multiple of 5 * 17 bytes, so that a check of alignment by a number next to 4 or 16 lets it pass.
 * PITCHED has strides by fours for a width that is not.
 */
typedef enum layout { MODEL_MAJOR, EXAMPLE_MAJOR, LOOSE, SHIFTED, RAGGED_ROWS, RAGGED_MODELS, PITCHED } layout;

enum {
    PADDED = 1,          /* true widths are given; they differ from model to model */
    ACTIVATION = 2,      /* of every kind, in turn */
    DROPOUT = 4,         /* with a rate, a stream and a step of each model's own */
    IN_PLACE = 8,        /* the output is the input where that is allowed */
    FEWER = 16,          /* optional operands are left out */
    INACTIVE = 32,       /* every third model is not active */
    ODD_MATRIX = 1 << 16 /* << i: only matrix i of the scene starts off a 16-byte boundary */
};

typedef struct shape {
    int64_t models, batch, in, width; /* `in` and `width` mean what the op's file says */
    layout layout;
    int flags;
    int data; /* special values, by the op's file; 0: none */
    const char *why;
} shape;

/*
 * An array [models, rows, columns] inside guarded memory; models 0: one array that all models share. Rows of an
 * activation are examples. Beyond a model's live rows and columns is padding.
 */
typedef struct operand {
    size_t size;   /* of an element, in bytes */
    int64_t start; /* the first element, counted in elements from the beginning of the memory */
    int64_t models, rows, columns, row_stride, model_stride;
    const struct operand *live_rows, *live_columns; /* int32 [models]; NULL: all */
    int written;                                    /* by the op; everything else must keep its bytes */
    int off;                                        /* starts off a 16-byte boundary */
    int real;                                       /* was filled with reals, and may be with NaN */
    uint64_t key;                                   /* of its values */
    size_t bytes;                                   /* of the memory */
    unsigned char *before, *after, *memory;         /* host, host, device */
} operand;

enum { MAX_OPERANDS = 48 };

typedef struct scene {
    caviar_device *device;
    const char *op; /* for messages */
    shape shape;
    int64_t first; /* the number of its first model */
    uint64_t seed;
    operand *operands[MAX_OPERANDS]; /* in the order of creation; NULL for one that is left out */
    int count, matrices;
    int next_is_off; /* the next operand starts off a 16-byte boundary */
} scene;

/*
 * Whether the memory of the operands to come ends with their last element instead of sentinels: then an emulator or a
 * sanitizer sees what reads beyond it, which sentinels cannot.
 */
void scenes_end_with_memory(int they_do);

void scene_begin(scene *s, caviar_device *device, const shape *size, int64_t first);
void scene_end(scene *s);
/* Copies all memory to the device; copies it back and checks what must not have changed. */
void scene_send(scene *s);
void scene_fetch(scene *s);
/* Where a fetched operand changed that must not have: around it, in a gap, or anywhere in an input. -1: nowhere. */
int64_t stray_byte(const operand *o);

/*
 * New operands. All bytes are a pattern that is a NaN as a float: an output keeps it, an input is filled. `condition`
 * false leaves the operand out (NULL), which keeps the values of the others as they are.
 */
operand *put(scene *s, int condition, size_t size, int64_t models, int64_t rows, int64_t columns);
operand *put_vector(scene *s, int condition, size_t size);                                /* [models] */
operand *put_shared(scene *s, int condition, size_t size, int64_t rows, int64_t columns); /* one for all */
operand *put_widths(scene *s, int condition, int64_t most);                               /* int32 [models], filled */
/* float [batch, models, width] in the scene's layout */
operand *put_matrix(scene *s, int condition, int64_t width, const operand *widths);
/* float [rows, columns] a model */
operand *put_tensor(scene *s, int64_t rows, int64_t columns, const operand *row_widths, const operand *column_widths);
operand *spoil_padding(operand *o);                                 /* floats: NaN; returns it */
operand *output(operand *o);                                        /* marks it written; returns it */
operand *fill(const scene *s, operand *o, double low, double high); /* floats or doubles, uniform; padding 0 */
operand *fill_integers(const scene *s, operand *o, int64_t low, int64_t high); /* both included */

/* Uniform on (0, 1), a function of (key, model's number, row, column). */
double draw(const scene *s, uint64_t key, int64_t model, int64_t row, int64_t column);

int64_t live_rows(const operand *o, int64_t k);
int64_t live_columns(const operand *o, int64_t k);
int64_t offset_of(const operand *o, int64_t k, int64_t row, int64_t column); /* in bytes */
#define WAS(type, o, k, row, column) (*(type *)(void *)((o)->before + offset_of(o, k, row, column)))
#define NOW(type, o, k, row, column) (*(type *)(void *)((o)->after + offset_of(o, k, row, column)))
/* Whether the element has the bits it had. */
int unchanged(const operand *o, int64_t k, int64_t row, int64_t column);

void *on_device(const operand *o); /* NULL for NULL, and so below */
caviar_matrix matrix_of(const operand *o);
caviar_tensor tensor_of(const operand *o);

/*
 * Compares one number with its reference: |got - expected| <= bound. NaN and infinities must be expected ones. The
 * errors are also gathered, and held against the norm of what was expected by `norm_within`.
 */
typedef struct norm {
    double error, expected;
} norm;
void near(const scene *s, norm *n, const char *what, int64_t k, int64_t row, int64_t column, double got,
          double expected, double bound);
int norm_is_within(const norm *n, double relative);
void norm_within(const scene *s, const norm *n, const char *what, double relative);

/* Whether `near` lets it pass. What is not a number never does, unless it is what is expected. */
int is_near(double got, double expected, double bound);

#define ULP 0x1p-23

#endif
