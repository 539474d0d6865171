/* gather and advance: the minibatch. Formulas: caviar/ops.h. */
#include "cpu.h"

CAVIAR_VECTORISED static void read_bytes(float *restrict out, const uint8_t *restrict in, int64_t count) {
    for (int64_t f = 0; f < count; f++) out[f] = in[f];
}

CAVIAR_VECTORISED static void read_floats(float *restrict out, const float *restrict in, int64_t count) {
    for (int64_t f = 0; f < count; f++) out[f] = in[f];
}

CAVIAR_VECTORISED static void standardise(float *restrict out, const float *restrict mean, const float *restrict scale,
                                          int64_t count) {
    for (int64_t f = 0; f < count; f++) out[f] = (out[f] - mean[f]) * scale[f];
}

static int64_t example_of(const caviar_gather_args *a, int64_t b) {
    return a->order[(a->cursor[0] + b) % a->order_count];
}

void caviar_cpu_gather(const caviar_gather_args *a, int64_t first, int64_t last) {
    const int64_t row_bytes = a->feature_count * (a->feature_type == CAVIAR_UINT8 ? 1 : (int64_t)sizeof(float));
    for (int64_t b = first; b < last; b++) {
        const int64_t example = example_of(a, b), at = example * a->feature_count;
        float *out = a->out + b * a->out_stride;
        /* Rows lie anywhere in memory: those to come are asked for in time. */
        const char *later = (const char *)a->features + example_of(a, b + 2) * row_bytes;
        for (int64_t byte = 0; byte < row_bytes; byte += 64) __builtin_prefetch(later + byte);
        if (a->feature_type == CAVIAR_UINT8)
            read_bytes(out, (const uint8_t *)a->features + at, a->feature_count);
        else
            read_floats(out, (const float *)a->features + at, a->feature_count);
        if (a->mean) standardise(out, a->mean, a->scale, a->feature_count);
        for (int64_t f = a->feature_count; f < a->out_stride; f++) out[f] = 0;
        if (a->labels) a->out_labels[b] = a->labels[example];
    }
}

void caviar_cpu_advance(const caviar_advance_args *a, int64_t first, int64_t last) {
    (void)first;
    (void)last;
    a->cursor[0] += a->by;
}
