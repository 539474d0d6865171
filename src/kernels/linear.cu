/*
 * Matrix products, all by cuBLAS, strided over the models. cuBLAS is column-major: a row-major matrix [r, c] is to it
 * the transposed [c, r], so y = x w is computed as y^T = w^T x^T with the operands in exchanged order.
 */
#include "device.cuh"

#include <algorithm>

/* Batched kernels of cuBLAS put the batch into a dimension of the grid that ends there. */
constexpr int64_t most_models_a_call = 65535;

/* One operand: where model 0's matrix starts, its row stride, and the distance to the next model's. */
struct operand {
    float *data;
    int64_t row_stride, model_stride;
    cublasOperation_t operation;
};

/* A single row may have any stride, which cuBLAS would refuse. */
static operand of_matrix(const caviar_matrix &matrix, int64_t width, int64_t batch, cublasOperation_t operation) {
    const int64_t row_stride = batch == 1 ? width : matrix.example_stride;
    return { matrix.data, row_stride, matrix.model_stride, operation };
}

static operand of_tensor(const caviar_tensor &tensor, int64_t columns, cublasOperation_t operation) {
    return { tensor.data, columns, tensor.model_stride, operation };
}

/* c[k] = a[k] b[k] in column-major terms: c is m x n, the sum runs over `depth`. */
static caviar_status multiply(caviar_cuda_scope *scope, int64_t models, int64_t m, int64_t n, int64_t depth,
                              const operand &a, const operand &b, const operand &c) {
    const cublasHandle_t cublas = scope->device->cublas;
    /* Setting a stream takes the workspace away. A stream that is not the device's gets cuBLAS' shared one, since work
       on several may overlap. */
    CAVIAR_TRY(scope->check(cublasSetStream(cublas, scope->stream)));
    for (const caviar_cuda_branch &branch : scope->device->branch)
        if (scope->stream == branch.stream)
            CAVIAR_TRY(scope->check(cublasSetWorkspace(cublas, branch.workspace, caviar_cuda_workspace_bytes)));
    const float one = 1.0f, zero = 0.0f;
    for (int64_t first = 0; first < models; first += most_models_a_call)
        CAVIAR_TRY(scope->check(cublasGemmStridedBatchedEx_64(
            cublas, a.operation, b.operation, m, n, depth, &one, a.data + first * a.model_stride, CUDA_R_32F,
            a.row_stride, a.model_stride, b.data + first * b.model_stride, CUDA_R_32F, b.row_stride, b.model_stride,
            &zero, c.data + first * c.model_stride, CUDA_R_32F, c.row_stride, c.model_stride,
            std::min(models - first, most_models_a_call), CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT)));
    return CAVIAR_OK;
}

/* y = x w:   y^T [out, batch] = w^T [out, in] x^T [in, batch] */
caviar_status caviar_cuda_linear_forward(caviar_device *device, const caviar_linear_forward_args *args, void *stream) {
    caviar_cuda_scope scope(device, stream, { "linear_forward", args->models, args->batch, args->out });
    CAVIAR_TRY(scope.status);
    return multiply(&scope, args->models, args->out, args->batch, args->in, of_tensor(args->w, args->out, CUBLAS_OP_N),
                    of_matrix(args->x, args->in, args->batch, CUBLAS_OP_N),
                    of_matrix(args->y, args->out, args->batch, CUBLAS_OP_N));
}

/*
 * dw = x^T dy:   dw^T [out, in] = dy^T [out, batch] x [batch, in]
 * dx = dy w^T:   dx^T [in, batch] = w [in, out] dy^T [out, batch]
 */
caviar_status caviar_cuda_linear_backward(caviar_device *device, const caviar_linear_backward_args *args,
                                          void *stream) {
    caviar_cuda_scope scope(device, stream, { "linear_backward", args->models, args->batch, args->out });
    CAVIAR_TRY(scope.status);
    const operand dy = of_matrix(args->dy, args->out, args->batch, CUBLAS_OP_N);
    CAVIAR_TRY(multiply(&scope, args->models, args->out, args->in, args->batch, dy,
                        of_matrix(args->x, args->in, args->batch, CUBLAS_OP_T),
                        of_tensor(args->dw, args->out, CUBLAS_OP_N)));
    if (args->dx.data == nullptr) return CAVIAR_OK;
    return multiply(&scope, args->models, args->in, args->batch, args->out, of_tensor(args->w, args->out, CUBLAS_OP_T),
                    dy, of_matrix(args->dx, args->in, args->batch, CUBLAS_OP_N));
}
