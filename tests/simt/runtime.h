/* The state of the emulated CUDA runtime that its two halves, cudart.cpp and cublas.cpp, share. */
#ifndef CAVIAR_TESTS_SIMT_RUNTIME_H
#define CAVIAR_TESTS_SIMT_RUNTIME_H

#include "control.h"

#include <cuda_runtime.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/* Work, and the places of what must be done before it. */
struct graph_node {
    std::function<std::string()> work;
    std::vector<size_t> after;
};
struct CUgraph_st {
    std::vector<graph_node> nodes;
};
struct CUgraphExec_st {
    std::vector<graph_node> nodes;
};
/* What a stream captures, and the nodes that its next one comes after. Several streams may capture one graph. */
struct CUstream_st {
    CUgraph_st *graph; /* NULL: it does not capture */
    std::vector<size_t> last;
};
/* Where a capturing stream stood, and when; the graph is NULL for a stream that did not capture. */
struct CUevent_st {
    CUgraph_st *graph;
    std::vector<size_t> last;
    std::chrono::steady_clock::time_point at;
};

namespace simt {

/*
 * Begins every emulated call: the error that it must fail with, if any: one that a test planted, or a sticky one of
 * an earlier kernel. `in_capture` says whether the call is allowed on a thread that captures a stream; if it is not,
 * the capture is spoilt, as CUDA does. `kind` is for the tests that let only calls of one kind fail.
 */
cudaError_t begin_call(bool in_capture, simt_kind kind = SIMT_ANY);

/* Does the work now, or records it for the graph that the stream captures. The work returns what is wrong, or "". */
cudaError_t enqueue(cudaStream_t stream, std::function<std::string()> work);
bool is_capturing(cudaStream_t stream);

/* Counts what is made and given back. */
void count_object(int change);

} // namespace simt

#endif
