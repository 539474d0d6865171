/* The part of cuBLAS that the CUDA device uses: a plain product that adds in double, in the order of the sum. */
#include "runtime.h"

#include <cublas_v2.h>

struct cublasContext {
    cudaStream_t stream;
    bool workspace; /* set for this stream */
};

using namespace simt;

static cublasStatus_t status_of(cudaError_t error) {
    if (error == cudaSuccess) return CUBLAS_STATUS_SUCCESS;
    return error == cudaErrorMemoryAllocation ? CUBLAS_STATUS_ALLOC_FAILED : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
    const cudaError_t error = begin_call(false, SIMT_CUBLAS);
    if (error != cudaSuccess) return status_of(error);
    *handle = new cublasContext{ nullptr, false };
    count_object(1);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
    delete handle;
    count_object(-1);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) {
    return status_of(begin_call(true, SIMT_CUBLAS));
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    handle->workspace = false;
    return status_of(begin_call(true, SIMT_CUBLAS));
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t) {
    handle->workspace = workspace != nullptr;
    return status_of(begin_call(true, SIMT_CUBLAS));
}

namespace {

struct view {
    const float *data;
    int64_t leading, stride;
    bool transposed;

    double at(int64_t k, int64_t row, int64_t column) const {
        return (double)data[k * stride + (transposed ? row * leading + column : column * leading + row)];
    }
};

} // namespace

cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t handle, cublasOperation_t a_operation,
                                             cublasOperation_t b_operation, int64_t m, int64_t n, int64_t depth,
                                             const void *alpha, const void *a, cudaDataType a_type, int64_t lda,
                                             long long a_stride, const void *b, cudaDataType b_type, int64_t ldb,
                                             long long b_stride, const void *beta, void *c, cudaDataType c_type,
                                             int64_t ldc, long long c_stride, int64_t count,
                                             cublasComputeType_t compute, cublasGemmAlgo_t) {
    const cudaError_t error = begin_call(true, SIMT_CUBLAS);
    if (error != cudaSuccess) return status_of(error);
    const bool a_transposed = a_operation != CUBLAS_OP_N, b_transposed = b_operation != CUBLAS_OP_N;
    const bool known = compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    if (a_type != CUDA_R_32F || b_type != CUDA_R_32F || c_type != CUDA_R_32F || !known)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (m < 1 || n < 1 || depth < 1 || count < 1 || count > 65535 || lda < (a_transposed ? depth : m) ||
        ldb < (b_transposed ? n : depth) || ldc < m || *(const float *)alpha != 1.0f || *(const float *)beta != 0.0f)
        return CUBLAS_STATUS_INVALID_VALUE;
    /* Without a workspace of its own a captured product would allocate one in the graph. */
    if (is_capturing(handle->stream) && !handle->workspace) return CUBLAS_STATUS_INVALID_VALUE;

    const view left = { (const float *)a, lda, a_stride, a_transposed };
    const view right = { (const float *)b, ldb, b_stride, b_transposed };
    float *const out = (float *)c;
    return status_of(enqueue(handle->stream, [=] {
        for (int64_t k = 0; k < count; ++k)
            for (int64_t j = 0; j < n; ++j)
                for (int64_t i = 0; i < m; ++i) {
                    double sum = 0.0;
                    for (int64_t l = 0; l < depth; ++l) sum += left.at(k, i, l) * right.at(k, l, j);
                    out[k * c_stride + j * ldc + i] = (float)sum;
                }
        return std::string();
    }));
}

const char *cublasGetStatusName(cublasStatus_t status) {
    return status == CUBLAS_STATUS_ALLOC_FAILED ? "CUBLAS_STATUS_ALLOC_FAILED" : "emulated cuBLAS error";
}

const char *cublasGetStatusString(cublasStatus_t) {
    return "emulated";
}
