/* Programs: a training step captured once as a CUDA graph and replayed, at the price of one launch a step. */
#include "device.cuh"

#include <new>

struct caviar_program {
    cudaGraphExec_t graph;
};

static caviar_status enqueue(caviar_device *device, const caviar_call &call, cudaStream_t stream) {
    switch (call.op) {
#define CAVIAR_CUDA_ENQUEUE(name)                                                                                      \
    case CAVIAR_OP_##name: return caviar_cuda_##name(device, &call.args.name, stream);
        CAVIAR_FOR_EACH_OP(CAVIAR_CUDA_ENQUEUE)
#undef CAVIAR_CUDA_ENQUEUE
    case CAVIAR_OP_train_step: return caviar_cuda_train_step(device, &call.args.train_step, stream);
    default: return caviar_fail(CAVIAR_INVALID_ARGUMENT, "program: operation %d does not exist", (int)call.op);
    }
}

/* All branches go on after what the first one has been given, or the first one after what all have been given. */
static caviar_status fork(caviar_cuda_scope *scope) {
    caviar_cuda_branch *const branch = scope->device->branch;
    CAVIAR_TRY(scope->check(cudaEventRecord(branch[0].event, branch[0].stream)));
    for (int i = 1; i < caviar_cuda_branches; ++i)
        CAVIAR_TRY(scope->check(cudaStreamWaitEvent(branch[i].stream, branch[0].event, 0)));
    return CAVIAR_OK;
}

static caviar_status join(caviar_cuda_scope *scope) {
    caviar_cuda_branch *const branch = scope->device->branch;
    for (int i = 1; i < caviar_cuda_branches; ++i) {
        CAVIAR_TRY(scope->check(cudaEventRecord(branch[i].event, branch[i].stream)));
        CAVIAR_TRY(scope->check(cudaStreamWaitEvent(branch[0].stream, branch[i].event, 0)));
    }
    return CAVIAR_OK;
}

static caviar_status enqueue_all(caviar_cuda_scope *scope, const caviar_call *calls, size_t count) {
    bool forked = false;
    for (size_t i = 0; i < count; ++i) {
        const bool branches = calls[i].branch != 0;
        if (branches != forked) CAVIAR_TRY(branches ? fork(scope) : join(scope));
        forked = branches;
        const int branch = branches ? (calls[i].branch - 1) % caviar_cuda_branches : 0;
        CAVIAR_TRY(enqueue(scope->device, calls[i], scope->device->branch[branch].stream));
    }
    return forked ? join(scope) : CAVIAR_OK;
}

/* Records the calls. Whatever happens, the stream is no longer capturing at the end. */
static caviar_status capture(cudaGraph_t *graph, caviar_cuda_scope *scope, const caviar_call *calls, size_t count) {
    CAVIAR_TRY(scope->check(cudaStreamBeginCapture(scope->stream, cudaStreamCaptureModeThreadLocal)));
    const caviar_status status = enqueue_all(scope, calls, count);
    const cudaError_t ended = cudaStreamEndCapture(scope->stream, graph);
    if (status == CAVIAR_OK) return scope->check(ended);
    if (ended != cudaSuccess) (void)cudaGetLastError();
    return status;
}

/*
 * `active` is not needed: models that are not active cost little beside the launch, and the operations that must leave
 * them alone (batch norm, metrics, schedule, optimiser) read their flags themselves.
 */
caviar_status caviar_cuda_program_create(caviar_program **program, caviar_device *device, const caviar_call *calls,
                                         size_t count, const int32_t *active) {
    (void)active;
    caviar_cuda_scope scope(device, nullptr, { "program", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    caviar_program *const made = new (std::nothrow) caviar_program();
    if (made == nullptr) return caviar_fail_memory("a program", sizeof *made);
    cudaGraph_t graph = nullptr;
    caviar_status status = capture(&graph, &scope, calls, count);
    if (status == CAVIAR_OK) status = scope.check(cudaGraphInstantiate(&made->graph, graph, 0));
    /* The first replay should not pay for what can be done now. */
    if (status == CAVIAR_OK) status = scope.check(cudaGraphUpload(made->graph, scope.stream));
    if (graph != nullptr) (void)cudaGraphDestroy(graph);
    if (status != CAVIAR_OK) {
        if (made->graph != nullptr) (void)cudaGraphExecDestroy(made->graph);
        delete made;
        return status;
    }
    *program = made;
    return CAVIAR_OK;
}

caviar_status caviar_cuda_program_run(caviar_device *device, caviar_program *program, int64_t times) {
    caviar_cuda_scope scope(device, nullptr, { "program", 0, 0, 0 });
    CAVIAR_TRY(scope.status);
    for (int64_t i = 0; i < times; ++i) CAVIAR_TRY(scope.check(cudaGraphLaunch(program->graph, scope.stream)));
    return CAVIAR_OK;
}

void caviar_cuda_program_destroy(caviar_device *device, caviar_program *program) {
    if (program == nullptr) return;
    const caviar_cuda_current current(static_cast<caviar_cuda_device *>(device)->index);
    if (cudaGraphExecDestroy(program->graph) != cudaSuccess) (void)cudaGetLastError();
    delete program;
}
