/*
 * The matrix products, one OpenBLAS call a model with the model's true widths: its bits then depend on neither its
 * neighbours nor the padding.
 */
#include "cpu.h"

#include <cblas.h>

static blasint true_width(const int32_t *widths, int64_t padded, int64_t k) {
    return (blasint)(widths ? widths[k] : padded);
}

/* The distance of two rows of a matrix as BLAS wants it: not below the padded width, even where there is one row. */
static blasint leading(const caviar_matrix *m, int64_t width) {
    return (blasint)(m->example_stride > width ? m->example_stride : width);
}

void caviar_cpu_linear_forward(const caviar_linear_forward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const float *x = a->x.data + k * a->x.model_stride, *w = a->w.data + k * a->w.model_stride;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)a->batch, true_width(a->out_widths, a->out, k),
                    true_width(a->in_widths, a->in, k), 1, x, leading(&a->x, a->in), w, (blasint)a->out, 0,
                    a->y.data + k * a->y.model_stride, leading(&a->y, a->out));
    }
}

void caviar_cpu_linear_backward(const caviar_linear_backward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const blasint in = true_width(a->in_widths, a->in, k), out = true_width(a->out_widths, a->out, k);
        const float *x = a->x.data + k * a->x.model_stride, *dy = a->dy.data + k * a->dy.model_stride;
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, (blasint)a->batch, 1, x, leading(&a->x, a->in),
                    dy, leading(&a->dy, a->out), 0, a->dw.data + k * a->dw.model_stride, (blasint)a->out);
        if (!a->dx.data) continue;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)a->batch, in, out, 1, dy, leading(&a->dy, a->out),
                    a->w.data + k * a->w.model_stride, (blasint)a->out, 0, a->dx.data + k * a->dx.model_stride,
                    leading(&a->dx, a->in));
    }
}
