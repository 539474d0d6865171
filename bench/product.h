/* The matrix products of a training step, each on its own. */
#ifndef CAVIAR_BENCH_PRODUCT_H
#define CAVIAR_BENCH_PRODUCT_H

#include "operands.h"

/* y = x w,  dw = x^T dy,  dx = dy w^T: x is [batch, models, in], w [in, out] a model, y and dy [batch, models, out]. */
typedef enum bench_product_kind { BENCH_FORWARD, BENCH_WEIGHT_GRADIENT, BENCH_INPUT_GRADIENT } bench_product_kind;
extern const char *const bench_product_names[3];

typedef struct bench_product {
    bench_product_kind kind;
    int64_t models, batch, in, out;
    caviar_matrix x, y; /* y is dy for the gradients; the kind's result is written */
    caviar_tensor w;
} bench_product;

caviar_status bench_product_on_cpu(const bench_product *product, const caviar_device *device);
caviar_status bench_product_on_gpu(caviar_device *device, const bench_product *product, int tf32);

#endif
