/* The frame of every entry point of the CUDA device, and what becomes of CUDA's errors. */
#include "device.cuh"

#include <cstdio>

caviar_cuda_current::caviar_cuda_current(int index) : error(cudaSuccess), previous(-1) {
    int current = -1;
    error = cudaGetDevice(&current);
    if (error != cudaSuccess || current == index) return;
    error = cudaSetDevice(index);
    if (error == cudaSuccess) previous = current;
}

caviar_cuda_current::~caviar_cuda_current() {
    if (previous >= 0 && cudaSetDevice(previous) != cudaSuccess) (void)cudaGetLastError();
}

/* Nothing but the flag `lost` changes behind a const device. */
static caviar_cuda_device *cuda_device(const caviar_device *device) {
    return static_cast<caviar_cuda_device *>(const_cast<caviar_device *>(device));
}

caviar_cuda_scope::caviar_cuda_scope(const caviar_device *opened, void *callers_stream,
                                     const caviar_cuda_subject &of_subject)
    : status(CAVIAR_OK), device(cuda_device(opened)), subject(of_subject), current(device->index) {
    stream = callers_stream == nullptr ? device->stream : (cudaStream_t)callers_stream;
    if (device->lost)
        status = caviar_fail(CAVIAR_DEVICE_LOST,
                             "%s: cuda:%d failed before and cannot be used by this process any more: start a new one",
                             subject.op, device->index);
    else
        status = check(current.error);
}

bool caviar_cuda_is_sticky(cudaError_t error) {
    switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorExternalDevice:
    case cudaErrorCudartUnloading:
    case cudaErrorUnknown: return true;
    default: return false;
    }
}

caviar_status caviar_cuda_scope::report(caviar_status kind, const char *name, const char *text) {
    char shape[128] = "";
    int length = 0;
    const struct {
        const char *name;
        int64_t size;
    } dimensions[] = { { "models", subject.models }, { "batch", subject.batch }, { "width", subject.width } };
    for (const auto &dimension : dimensions)
        if (dimension.size != 0)
            length += snprintf(shape + length, sizeof shape - (size_t)length, "%s%s %lld", length == 0 ? " [" : ", ",
                               dimension.name, (long long)dimension.size);
    return caviar_fail(kind, "%s%s%s on cuda:%d: %s (%s)%s", subject.op, shape, length == 0 ? "" : "]", device->index,
                       text, name,
                       kind == CAVIAR_DEVICE_LOST            ? "; start a new process to use this device again"
                       : kind == CAVIAR_OUT_OF_DEVICE_MEMORY ? "; train fewer models at once or free device memory"
                                                             : "");
}

/*
 * Which error is which:
 *   memory allocation     OUT_OF_DEVICE_MEMORY: the device can be used on
 *   sticky errors         DEVICE_LOST, and so is every later call on this device
 *   anything else         DEVICE_ERROR, unless the device's own stream now answers with a sticky error: errors of
 *                         earlier kernels surface in whichever call comes next
 * CUDA's per-thread last error is cleared, so that the caller's own code does not find ours.
 */
caviar_status caviar_cuda_scope::fail(cudaError_t error) {
    (void)cudaGetLastError();
    const char *const name = cudaGetErrorName(error), *const text = cudaGetErrorString(error);
    if (error == cudaErrorMemoryAllocation) return report(CAVIAR_OUT_OF_DEVICE_MEMORY, name, text);
    if (error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver) return report(CAVIAR_NO_DEVICE, name, text);
    return fail_by_state(error, name, text);
}

caviar_status caviar_cuda_scope::fail(cublasStatus_t error) {
    (void)cudaGetLastError();
    const char *const name = cublasGetStatusName(error), *const text = cublasGetStatusString(error);
    if (error == CUBLAS_STATUS_ALLOC_FAILED) return report(CAVIAR_OUT_OF_DEVICE_MEMORY, name, text);
    return fail_by_state(cudaSuccess, name, text);
}

/* Tells a lost device from an error of one call. */
caviar_status caviar_cuda_scope::fail_by_state(cudaError_t error, const char *name, const char *text) {
    if (caviar_cuda_is_sticky(error)) {
        device->lost = true;
        return report(CAVIAR_DEVICE_LOST, name, text);
    }
    const cudaError_t state = device->stream == nullptr ? cudaSuccess : cudaStreamQuery(device->stream);
    (void)cudaGetLastError();
    if (!caviar_cuda_is_sticky(state)) return report(CAVIAR_DEVICE_ERROR, name, text);
    device->lost = true;
    return report(CAVIAR_DEVICE_LOST, cudaGetErrorName(state), cudaGetErrorString(state));
}
