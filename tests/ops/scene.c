#include "scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 256 /* bytes before and after every operand, and still aligned */
#define PATTERN 0x7fd5a5a5u

static int end_with_memory;

void scenes_end_with_memory(int they_do) {
    end_with_memory = they_do;
}

static uint64_t mix(uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double draw(const scene *s, uint64_t key, int64_t model, int64_t row, int64_t column) {
    const uint64_t place = mix(mix(s->seed + key) ^ (uint64_t)model) ^ (uint64_t)row << 32;
    return ((double)(mix(mix(place) ^ (uint64_t)column) >> 12) + 0.5) * 0x1p-52;
}

void scene_begin(scene *s, caviar_device *device, const shape *size, int64_t first) {
    memset(s, 0, sizeof *s);
    s->device = device;
    s->op = "test";
    s->shape = *size;
    s->first = first;
    s->seed = 20261123;
}

void scene_end(scene *s) {
    for (int i = 0; i < s->count; i++) {
        if (!s->operands[i]) continue;
        s->device->table->free(s->device, s->operands[i]->memory);
        free(s->operands[i]->before);
        free(s->operands[i]->after);
        free(s->operands[i]);
    }
    s->count = 0;
}

void scene_send(scene *s) {
    for (int i = 0; i < s->count; i++) {
        const operand *o = s->operands[i];
        if (o) SUCCEEDS(s->device->table->upload(s->device, o->memory, o->before, o->bytes));
    }
}

int64_t stray_byte(const operand *o) {
    if (memcmp(o->before, o->after, o->bytes) == 0) return -1;
    unsigned char *allowed = calloc(o->bytes, 1);
    cr_assert(allowed);
    for (int64_t k = 0; o->written && k < (o->models ? o->models : 1); k++)
        for (int64_t r = 0; r < o->rows; r++) memset(allowed + offset_of(o, k, r, 0), 1, (size_t)o->columns * o->size);
    int64_t stray = -1;
    for (size_t at = 0; at < o->bytes && stray < 0; at++)
        if (!allowed[at] && o->before[at] != o->after[at]) stray = (int64_t)at;
    free(allowed);
    return stray;
}

static void check_untouched(const scene *s, const operand *o, int index) {
    const int64_t stray = stray_byte(o);
    cr_assert(stray < 0,
              "%s: %s (models %lld, batch %lld, in %lld, width %lld, layout %d, flags %d): byte %lld of %zu of operand "
              "%d was written",
              s->op, s->shape.why, (long long)s->shape.models, (long long)s->shape.batch, (long long)s->shape.in,
              (long long)s->shape.width, (int)s->shape.layout, s->shape.flags, (long long)stray, o->bytes, index);
}

void scene_fetch(scene *s) {
    for (int i = 0; i < s->count; i++) {
        const operand *o = s->operands[i];
        if (!o) continue;
        SUCCEEDS(s->device->table->download(s->device, o->after, o->memory, o->bytes));
        check_untouched(s, o, i);
    }
}

/* Moves the start to the next multiple of 85 bytes that is none of four elements. */
static void start_off(operand *o) {
    const size_t size = o->size;
    while ((uintptr_t)(o->memory + (size_t)o->start * size) % 85 != 0 ||
           (uintptr_t)(o->memory + (size_t)o->start * size) % (4 * size) == 0)
        o->start++;
}

/* With the strides set, gets the memory. */
static operand *finish(scene *s, operand *o, int64_t elements) {
    if (end_with_memory && o->off) o->start++;                     /* where it ends must be known first */
    const int64_t slack = o->off && !end_with_memory ? 3 * 85 : 0; /* elements */
    const size_t rounded = ((size_t)(o->start + slack + elements) * o->size + GUARD + 3) / 4 * 4;
    o->bytes = rounded;
    if (end_with_memory)
        o->bytes = (size_t)offset_of(o, o->models ? o->models - 1 : 0, o->rows - 1, o->columns - 1) + o->size;
    o->before = malloc(rounded);
    o->after = malloc(rounded);
    cr_assert(o->before && o->after);
    for (size_t at = 0; at < rounded; at += 4) memcpy(o->before + at, &(uint32_t){ PATTERN }, 4);
    void *memory = NULL;
    SUCCEEDS(s->device->table->allocate(&memory, s->device, o->bytes));
    o->memory = memory;
    if (slack) start_off(o);
    return o;
}

static operand *begin(scene *s, int condition, size_t size, int64_t models, int64_t rows, int64_t columns) {
    cr_assert(s->count < MAX_OPERANDS);
    const int index = s->count++;
    if (!condition) return NULL;
    operand *o = calloc(1, sizeof *o);
    cr_assert(o);
    s->operands[index] = o;
    o->size = size;
    o->start = GUARD / (int64_t)size;
    o->off = s->next_is_off;
    s->next_is_off = 0;
    o->models = models;
    o->rows = rows;
    o->columns = columns;
    o->key = (uint64_t)index;
    return o;
}

operand *put(scene *s, int condition, size_t size, int64_t models, int64_t rows, int64_t columns) {
    operand *o = begin(s, condition, size, models, rows, columns);
    if (!o) return NULL;
    o->row_stride = columns;
    o->model_stride = models ? rows * columns : 0;
    if (s->shape.layout == LOOSE) o->start++;
    return finish(s, o, (models ? models : 1) * rows * columns);
}

operand *put_vector(scene *s, int condition, size_t size) {
    return put(s, condition, size, s->shape.models, 1, 1);
}

operand *put_shared(scene *s, int condition, size_t size, int64_t rows, int64_t columns) {
    return put(s, condition, size, 0, rows, columns);
}

operand *put_widths(scene *s, int condition, int64_t most) {
    operand *o = put_vector(s, condition, sizeof(int32_t));
    return o ? fill_integers(s, o, 1, most) : NULL;
}

operand *put_matrix(scene *s, int condition, int64_t width, const operand *widths) {
    const shape *size = &s->shape;
    const int odd = (size->flags & ODD_MATRIX << s->matrices++) != 0;
    operand *o = begin(s, condition, sizeof(float), size->models, size->batch, width);
    if (!o) return NULL;
    const int64_t to_quads = (width + 3) / 4 * 4 - width;
    const int64_t gap = size->layout == LOOSE     ? 3
                        : size->layout == SHIFTED ? 4
                        : size->layout == PITCHED ? to_quads
                                                  : 0;
    o->start += size->layout == LOOSE ? 3 : 0;
    o->off |= odd || size->layout == SHIFTED;
    o->live_columns = widths;
    if (size->layout == MODEL_MAJOR || size->layout == RAGGED_MODELS) {
        o->row_stride = width;
        o->model_stride = size->batch * width + (size->layout == RAGGED_MODELS);
        return finish(s, o, size->models * o->model_stride);
    }
    o->row_stride = size->models * (width + gap) + (size->layout == RAGGED_ROWS);
    o->model_stride = width + gap;
    return finish(s, o, size->batch * o->row_stride);
}

/* Each model's tensor begins at a multiple of 16 bytes, with a gap of 4 to 7 elements before it. LOOSE: anywhere. */
operand *put_tensor(scene *s, int64_t rows, int64_t columns, const operand *row_widths, const operand *column_widths) {
    operand *o = begin(s, 1, sizeof(float), s->shape.models, rows, columns);
    o->live_rows = row_widths;
    o->live_columns = column_widths;
    o->row_stride = columns;
    o->model_stride = (rows * columns + 7) / 4 * 4;
    if (s->shape.layout == LOOSE) {
        o->start++;
        o->model_stride++;
    }
    return finish(s, o, o->models * o->model_stride);
}

operand *output(operand *o) {
    if (o) o->written = 1;
    return o;
}

static int64_t live(const operand *widths, int64_t k, int64_t all) {
    return widths ? WAS(int32_t, widths, k, 0, 0) : all;
}

int64_t live_rows(const operand *o, int64_t k) {
    return live(o->live_rows, k, o->rows);
}

int64_t live_columns(const operand *o, int64_t k) {
    return live(o->live_columns, k, o->columns);
}

int64_t offset_of(const operand *o, int64_t k, int64_t row, int64_t column) {
    return (o->start + k * o->model_stride + row * o->row_stride + column) * (int64_t)o->size;
}

operand *spoil_padding(operand *o) {
    for (int64_t k = 0; k < o->models; k++)
        for (int64_t r = 0; r < o->rows; r++)
            for (int64_t c = r < live_rows(o, k) ? live_columns(o, k) : 0; c < o->columns; c++)
                WAS(float, o, k, r, c) = NAN;
    return o;
}

int unchanged(const operand *o, int64_t k, int64_t row, int64_t column) {
    const int64_t at = offset_of(o, k, row, column);
    return memcmp(o->before + at, o->after + at, o->size) == 0;
}

typedef void (*setter)(operand *o, int64_t k, int64_t row, int64_t column, double u, double low, double high);

static void set_all(const scene *s, operand *o, setter set, double low, double high) {
    for (int64_t k = 0; o && k < (o->models ? o->models : 1); k++)
        for (int64_t r = 0; r < o->rows; r++)
            for (int64_t c = 0; c < o->columns; c++) {
                const int padding = r >= live_rows(o, k) || c >= live_columns(o, k);
                const double u = draw(s, o->key, o->models ? s->first + k : 0, r, c);
                set(o, k, r, c, u, padding ? 0 : low, padding ? 0 : high);
            }
}

static void set_real(operand *o, int64_t k, int64_t row, int64_t column, double u, double low, double high) {
    const double value = low + (high - low) * u;
    if (o->size == sizeof(double))
        WAS(double, o, k, row, column) = value;
    else
        WAS(float, o, k, row, column) = (float)value;
}

operand *fill(const scene *s, operand *o, double low, double high) {
    set_all(s, o, set_real, low, high);
    if (o) o->real = 1;
    return o;
}

static void set_integer(operand *o, int64_t k, int64_t row, int64_t column, double u, double low, double high) {
    const int64_t value = (int64_t)(low + floor(u * (high - low + 1)));
    if (o->size == 1)
        WAS(uint8_t, o, k, row, column) = (uint8_t)value;
    else if (o->size == sizeof(int32_t))
        WAS(int32_t, o, k, row, column) = (int32_t)value;
    else
        WAS(int64_t, o, k, row, column) = value;
}

operand *fill_integers(const scene *s, operand *o, int64_t low, int64_t high) {
    set_all(s, o, set_integer, (double)low, (double)high);
    return o;
}

void *on_device(const operand *o) {
    return o ? o->memory + (size_t)o->start * o->size : NULL;
}

caviar_matrix matrix_of(const operand *o) {
    const caviar_matrix none = { NULL, 0, 0 };
    return o ? (caviar_matrix){ on_device(o), o->row_stride, o->model_stride } : none;
}

caviar_tensor tensor_of(const operand *o) {
    const caviar_tensor none = { NULL, 0 };
    return o ? (caviar_tensor){ on_device(o), o->model_stride } : none;
}

int is_near(double got, double expected, double bound) {
    if (isnan(expected)) return isnan(got);
    if (isinf(expected)) return got == expected;
    return isfinite(got) && fabs(got - expected) <= bound;
}

void near(const scene *s, norm *n, const char *what, int64_t k, int64_t row, int64_t column, double got,
          double expected, double bound) {
    cr_assert(
        is_near(got, expected, bound),
        "%s: %s (models %lld, batch %lld, in %lld, width %lld, layout %d, flags %d, data %d, seed %llu): %s of model "
        "%lld at [%lld, %lld] is %.9g and not %.9g within %.3g",
        s->op, s->shape.why, (long long)s->shape.models, (long long)s->shape.batch, (long long)s->shape.in,
        (long long)s->shape.width, (int)s->shape.layout, s->shape.flags, s->shape.data, (unsigned long long)s->seed,
        what, (long long)k, (long long)row, (long long)column, got, expected, bound);
    if (n && isfinite(expected)) {
        n->error += (got - expected) * (got - expected);
        n->expected += expected * expected;
    }
}

int norm_is_within(const norm *n, double relative) {
    return isfinite(n->error) && sqrt(n->error) <= relative * sqrt(n->expected);
}

void norm_within(const scene *s, const norm *n, const char *what, double relative) {
    cr_assert(norm_is_within(n, relative), "%s: %s (seed %llu): the error of %s is %.3g of its norm, more than %.3g",
              s->op, s->shape.why, (unsigned long long)s->seed, what, sqrt(n->error / n->expected), relative);
}
