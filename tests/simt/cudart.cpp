/*
 * The part of the CUDA runtime that the CUDA device uses. Work is done in the call that gives it to a stream. As with
 * CUDA, what goes wrong in a kernel is told by the calls after it, for ever.
 */
#include "block.h"
#include "control.h"
#include "guard.h"
#include "runtime.h"
#include "schedule.h"
#include "shadow.h"

#include <cstdlib>
#include <vector>

namespace simt {

static int device_count = 1;
static thread_local int current_device;
static thread_local cudaError_t last_error = cudaSuccess;
static cudaError_t sticky = cudaSuccess;
static std::string diagnosis;
static int64_t live_objects, calls_to_failure;
static cudaError_t planned_failure = cudaSuccess;
static simt_kind failing_kind = SIMT_ANY;
static std::vector<CUstream_st *> capturing; /* the stream whose capture was begun, and those that joined it */
static bool spoilt;

static cudaError_t answer(cudaError_t error) {
    if (error != cudaSuccess) last_error = error;
    return error;
}

cudaError_t begin_call(bool in_capture, simt_kind kind) {
    if (sticky != cudaSuccess) return answer(sticky);
    const bool counts = failing_kind == SIMT_ANY || failing_kind == kind;
    if (planned_failure != cudaSuccess && counts && calls_to_failure > 0 && --calls_to_failure == 0) {
        const cudaError_t error = planned_failure;
        if (error == cudaErrorIllegalAddress || error == cudaErrorLaunchFailure) sticky = error;
        return answer(error);
    }
    if (!capturing.empty() && !in_capture) {
        spoilt = true;
        return answer(cudaErrorStreamCaptureUnsupported);
    }
    return cudaSuccess;
}

static void perform(const std::function<std::string()> &work) {
    if (sticky != cudaSuccess) return;
    const std::string wrong = work();
    if (wrong.empty()) return;
    if (diagnosis.empty()) diagnosis = wrong;
    sticky = cudaErrorLaunchFailure;
}

bool is_capturing(cudaStream_t stream) {
    return stream != nullptr && stream->graph != nullptr;
}

cudaError_t enqueue(cudaStream_t stream, std::function<std::string()> work) {
    /* The default stream would wait for the caller's other work: nothing of caviar may use it. */
    if (stream == nullptr) return answer(cudaErrorInvalidResourceHandle);
    if (stream->graph == nullptr) {
        perform(work);
    } else {
        stream->graph->nodes.push_back({ std::move(work), stream->last });
        stream->last = { stream->graph->nodes.size() - 1 };
    }
    return cudaSuccess;
}

/* Which nodes come before these ones, themselves included. */
static std::vector<bool> before(const CUgraph_st &graph, const std::vector<size_t> &last) {
    std::vector<bool> found(graph.nodes.size());
    std::vector<size_t> left = last;
    while (!left.empty()) {
        const size_t node = left.back();
        left.pop_back();
        if (found[node]) continue;
        found[node] = true;
        left.insert(left.end(), graph.nodes[node].after.begin(), graph.nodes[node].after.end());
    }
    return found;
}

/* Whether the first of the capturing streams has waited for all that the others did. */
static bool all_joined() {
    const std::vector<bool> seen = before(*capturing[0]->graph, capturing[0]->last);
    for (const CUstream_st *stream : capturing)
        for (const size_t node : stream->last)
            if (!seen[node]) return false;
    return true;
}

/* Does the nodes of a graph in an order that the schedule chooses among those that are allowed. */
static void perform_all(const std::vector<graph_node> &nodes) {
    std::vector<size_t> waits_for(nodes.size()), ready;
    std::vector<std::vector<size_t>> next(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
        waits_for[i] = nodes[i].after.size();
        for (const size_t node : nodes[i].after) next[node].push_back(i);
        if (waits_for[i] == 0) ready.push_back(i);
    }
    while (!ready.empty()) {
        const size_t at = pick(ready.size()), node = ready[at];
        ready.erase(ready.begin() + (ptrdiff_t)at);
        perform(nodes[node].work);
        for (const size_t i : next[node])
            if (--waits_for[i] == 0) ready.push_back(i);
    }
}

void count_object(int change) {
    live_objects += change;
}

/* The kernels that ran, each instance of a template by itself. */
static std::vector<std::pair<const void *, std::string>> kernels;

static void note_kernel(const void *instance, const std::string &name) {
    for (const auto &kernel : kernels)
        if (kernel.first == instance) return;
    kernels.emplace_back(instance, name.substr(0, name.find('<')));
}

cudaError_t launch(const char *name, const void *instance, dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                   std::function<void()> kernel) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return cudaSuccess;
    const cudaError_t error = begin_call(true, SIMT_LAUNCH);
    if (error != cudaSuccess) return error;
    if (grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535 || block.z > 64 || block.x * block.y * block.z == 0 ||
        (uint64_t)block.x * block.y * block.z > 1024)
        return answer(cudaErrorInvalidConfiguration);
    if (shared > most_shared_by_launch) return answer(cudaErrorInvalidValue);
    std::string text = name;
    if (text[0] == '(') text = text.substr(1, text.size() - 2);
    return enqueue(stream, [=] {
        note_kernel(instance, text);
        return run(text, grid, block, shared, kernel);
    });
}

} // namespace simt

using namespace simt;

/* Each call of the runtime begins so. */
#define SIMT_BEGIN(...)                                                                                                \
    do {                                                                                                               \
        const cudaError_t begun = begin_call(__VA_ARGS__);                                                             \
        if (begun != cudaSuccess) return begun;                                                                        \
    } while (0)

cudaError_t cudaGetLastError(void) {
    const cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaGetDeviceCount(int *count) {
    SIMT_BEGIN(true);
    *count = device_count;
    return device_count > 0 ? cudaSuccess : answer(cudaErrorNoDevice);
}

cudaError_t cudaGetDevice(int *device) {
    SIMT_BEGIN(true);
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    SIMT_BEGIN(true);
    if (device < 0 || device >= device_count) return answer(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
    SIMT_BEGIN(true);
    if (device < 0 || device >= device_count) return answer(cudaErrorInvalidDevice);
    std::memset(properties, 0, sizeof *properties);
    std::strcpy(properties->name, "SIMT emulator");
    properties->totalGlobalMem = (size_t)1 << 30;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
    SIMT_BEGIN(true);
    if (device < 0 || device >= device_count) return answer(cudaErrorInvalidDevice);
    switch (attribute) { /* those of an H100 */
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)most_shared_by_launch; break;
    case cudaDevAttrReservedSharedMemoryPerBlock: *value = 1024; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = (int)most_shared_by_launch + 1024; break;
    case cudaDevAttrMultiProcessorCount: *value = 132; break;
    default: *value = 1;
    }
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
    SIMT_BEGIN(true);
    *free_bytes = *total = (size_t)(current_device + 1) << 30; /* tells the emulated GPUs apart */
    return cudaSuccess;
}

/* Under AddressSanitizer its own red zones lie closer than a page does. */
cudaError_t cudaMalloc(void **memory, size_t bytes) {
    SIMT_BEGIN(false, SIMT_ALLOCATION);
    *memory = nullptr;
    if (bytes == 0) return cudaSuccess;
    if (bytes > (size_t)1 << 40) return answer(cudaErrorMemoryAllocation);
#if defined(__SANITIZE_ADDRESS__)
    if (posix_memalign(memory, 256, bytes) != 0) *memory = nullptr;
    if (*memory != nullptr) std::memset(*memory, 0xff, bytes);
#else
    *memory = guarded_allocate(bytes, 256, nullptr);
#endif
    if (*memory == nullptr) return answer(cudaErrorMemoryAllocation);
    count_object(1);
    return cudaSuccess;
}

/* What gives back works even when the device is lost: the process' memory goes either way. */
cudaError_t cudaFree(void *memory) {
    if (memory == nullptr) return cudaSuccess;
#if defined(__SANITIZE_ADDRESS__)
    std::free(memory);
#else
    if (!guarded_free(memory) && diagnosis.empty())
        diagnosis =
            "memory was written behind its end, or given back without having been allocated [" + schedule_name() + "]";
#endif
    count_object(-1);
    return sticky;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    SIMT_BEGIN(true, SIMT_COPY);
    return enqueue(stream, [=] {
        std::memset(memory, value, bytes);
        return std::string();
    });
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    SIMT_BEGIN(true, SIMT_COPY);
    return enqueue(stream, [=] {
        std::memcpy(to, from, bytes);
        return std::string();
    });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int) {
    SIMT_BEGIN(false);
    *stream = new CUstream_st{};
    count_object(1);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    count_object(-1);
    return sticky;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    SIMT_BEGIN(!is_capturing(stream));
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    SIMT_BEGIN(!is_capturing(stream));
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int) {
    SIMT_BEGIN(false);
    *event = new CUevent_st{};
    count_object(1);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    count_object(-1);
    return sticky;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    SIMT_BEGIN(true);
    *event = { stream->graph, stream->last, std::chrono::steady_clock::now() };
    return cudaSuccess;
}

/* A stream that does not capture and waits for one that does joins the capture. */
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
    SIMT_BEGIN(true);
    if (event->graph == nullptr) return is_capturing(stream) ? answer(cudaErrorStreamCaptureIsolation) : cudaSuccess;
    if (stream->graph == nullptr) capturing.push_back(stream);
    stream->graph = event->graph;
    stream->last.insert(stream->last.end(), event->last.begin(), event->last.end());
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    SIMT_BEGIN(false);
    if (stream == nullptr || !capturing.empty()) return answer(cudaErrorIllegalState);
    *stream = { new CUgraph_st, {} };
    capturing = { stream };
    spoilt = false;
    return cudaSuccess;
}

/* A capture ends even when the call fails, as CUDA's does. */
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    *graph = nullptr;
    if (!is_capturing(stream) || stream != capturing[0]) return answer(cudaErrorIllegalState);
    CUgraph_st *const captured = stream->graph;
    const bool joined = all_joined();
    for (CUstream_st *each : capturing) *each = {};
    capturing.clear();
    const cudaError_t error = begin_call(true);
    if (error != cudaSuccess || spoilt || !joined) {
        delete captured;
        if (error != cudaSuccess) return error;
        return answer(spoilt ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnjoined);
    }
    *graph = captured;
    count_object(1);
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long) {
    SIMT_BEGIN(false);
    *executable = new CUgraphExec_st{ graph->nodes };
    count_object(1);
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
    SIMT_BEGIN(false);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    SIMT_BEGIN(false, SIMT_LAUNCH);
    return enqueue(stream, [=] {
        perform_all(executable->nodes);
        return std::string();
    });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    count_object(-1);
    return sticky;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    delete executable;
    count_object(-1);
    return sticky;
}

/* Only those that tests look for have a name. */
const char *cudaGetErrorName(cudaError_t error) {
    switch (error) {
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorIllegalAddress: return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    default: return "emulated error";
    }
}

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorLaunchFailure && !diagnosis.empty() ? diagnosis.c_str() : "emulated";
}

/* ---------------------------------------------------------------------------------------------- what tests ask for */

const char *simt_diagnosis(void) {
    return diagnosis.c_str();
}

int simt_checks_accesses(void) {
    return accesses_checked;
}

int simt_kernel_count(void) {
    return (int)kernels.size();
}

const char *simt_kernel_name(int i) {
    return kernels[(size_t)i].second.c_str();
}

void simt_fail_call(int64_t n, int error) {
    simt_fail_kind(SIMT_ANY, n, error);
}

void simt_fail_kind(simt_kind kind, int64_t n, int error) {
    failing_kind = kind;
    calls_to_failure = n;
    planned_failure = (cudaError_t)error;
}

int simt_call_failed(void) {
    return planned_failure != cudaSuccess && calls_to_failure == 0;
}

void simt_reset(void) {
    sticky = last_error = planned_failure = cudaSuccess;
    diagnosis.clear();
}

void simt_set_device_count(int count) {
    device_count = count;
}

int simt_current_device(void) {
    return current_device;
}

int64_t simt_live_objects(void) {
    return live_objects;
}

caviar_status caviar_simt_open(caviar_device **device) {
    return caviar_cuda_open(device, 0);
}
