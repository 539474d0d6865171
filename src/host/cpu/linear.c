/*
 * The matrix products, one a model with the model's true widths: its bits then depend on neither its neighbours nor the
 * padding.
 */
#include "cpu.h"
#include "product.h"

static caviar_cpu_factor factor_of(const caviar_matrix *m, int64_t k) {
    return (caviar_cpu_factor){ m->data + k * m->model_stride, m->example_stride, 1 };
}

static caviar_cpu_factor weights_of(const caviar_tensor *w, int64_t k, int64_t out) {
    return (caviar_cpu_factor){ w->data + k * w->model_stride, out, 1 };
}

static caviar_cpu_factor transposed(caviar_cpu_factor f) {
    return (caviar_cpu_factor){ f.data, f.column, f.row };
}

void caviar_cpu_linear_forward(const caviar_linear_forward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t in = caviar_cpu_true_width(a->in_widths, a->in, k);
        const int64_t out = caviar_cpu_true_width(a->out_widths, a->out, k);
        caviar_cpu_product(a->y.data + k * a->y.model_stride, a->y.example_stride, factor_of(&a->x, k),
                           weights_of(&a->w, k, a->out), a->batch, out, in);
    }
}

void caviar_cpu_linear_backward(const caviar_linear_backward_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        const int64_t in = caviar_cpu_true_width(a->in_widths, a->in, k);
        const int64_t out = caviar_cpu_true_width(a->out_widths, a->out, k);
        caviar_cpu_product(a->dw.data + k * a->dw.model_stride, a->out, transposed(factor_of(&a->x, k)),
                           factor_of(&a->dy, k), in, out, a->batch);
        if (!a->dx.data) continue;
        caviar_cpu_product(a->dx.data + k * a->dx.model_stride, a->dx.example_stride, factor_of(&a->dy, k),
                           transposed(weights_of(&a->w, k, a->out)), a->batch, in, out);
    }
}
