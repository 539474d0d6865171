/* The CUDA device as its own source files see it. */
#ifndef CAVIAR_KERNELS_DEVICE_CUH
#define CAVIAR_KERNELS_DEVICE_CUH

#include "device.h"
#include "host/status.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <atomic>

/* Branches of a program that are captured to run side by side. */
constexpr int caviar_cuda_branches = 4;
constexpr int32_t caviar_cuda_enough_models = 512;

/* What work of one branch is given to. The first one's stream is the device's own. */
struct caviar_cuda_branch {
    cudaStream_t stream; /* never the default stream */
    void *workspace;     /* cuBLAS' own, so that a captured product needs no memory node */
    cudaEvent_t event;   /* that the branch has begun, for the first one, or has ended */
};

struct caviar_cuda_device : caviar_device {
    int index;
    int shared_bytes;         /* of shared memory that a block may ask for */
    int reserved_bytes;       /* that each block takes beyond what it asks for */
    int multiprocessor_bytes; /* of shared memory for all blocks of a multiprocessor */
    int multiprocessors;
    cudaStream_t stream; /* of the first branch */
    caviar_cuda_branch branch[caviar_cuda_branches];
    cublasHandle_t cublas;
    std::atomic<bool> lost; /* set by the first error after which CUDA refuses everything in this process */
};

/* What NVIDIA recommends for its newest GPUs; less on older ones would only slow some products down. The emulator's
   products need none, and it fills all memory. */
#ifdef CAVIAR_SIMT
constexpr size_t caviar_cuda_workspace_bytes = 256;
#else
constexpr size_t caviar_cuda_workspace_bytes = (size_t)32 << 20;
#endif

/* What an error message says of a call; 0: no such dimension. */
struct caviar_cuda_subject {
    const char *op;
    int64_t models, batch, width;
};

/* Makes a device current, and the caller's device current again when it goes out of scope. */
class caviar_cuda_current {
  public:
    explicit caviar_cuda_current(int index);
    ~caviar_cuda_current();
    caviar_cuda_current(const caviar_cuda_current &) = delete;
    caviar_cuda_current &operator=(const caviar_cuda_current &) = delete;

    cudaError_t error; /* of making it current */

  private:
    int previous; /* -1: need not be put back */
};

/*
 * The frame of every entry point that can fail: makes the device current and refuses a lost one. `stream` is the
 * caller's stream, or the device's own for NULL. What gives back does not use it, since that must neither stop at an
 * error nor write over the message of the one that led to it.
 */
class caviar_cuda_scope {
  public:
    caviar_cuda_scope(const caviar_device *device, void *stream, const caviar_cuda_subject &subject);

    /* Turns CUDA's answer into caviar's: scope.cu says which is which. */
    caviar_status check(cudaError_t error) {
        return error == cudaSuccess ? CAVIAR_OK : fail(error);
    }
    caviar_status check(cublasStatus_t error) {
        return error == CUBLAS_STATUS_SUCCESS ? CAVIAR_OK : fail(error);
    }

    caviar_status status; /* CAVIAR_OK, or why nothing can be done */
    cudaStream_t stream;
    caviar_cuda_device *device;

  private:
    caviar_status fail(cudaError_t error);
    caviar_status fail(cublasStatus_t error);
    caviar_status fail_by_state(cudaError_t error, const char *name, const char *text);
    caviar_status report(caviar_status kind, const char *name, const char *text);

    caviar_cuda_subject subject;
    caviar_cuda_current current;
};

/* Whether CUDA can do nothing more in this process after this error. */
bool caviar_cuda_is_sticky(cudaError_t error);

/* caviar_cuda_gather, caviar_cuda_advance, ...: the operations, a file each subject */
#define CAVIAR_CUDA_DECLARE_OP(name)                                                                                   \
    caviar_status caviar_cuda_##name(caviar_device *device, const caviar_##name##_args *args, void *stream);
CAVIAR_FOR_EACH_OP(CAVIAR_CUDA_DECLARE_OP)
#undef CAVIAR_CUDA_DECLARE_OP

/* train_step.cu */
caviar_status caviar_cuda_train_step_fits(const caviar_device *device, const caviar_train_step_args *args);
int caviar_cuda_train_step_wins(const caviar_device *device, const caviar_train_step_args *args);
caviar_status caviar_cuda_train_step(caviar_device *device, const caviar_train_step_args *args, void *stream);

/* program.cu */
caviar_status caviar_cuda_program_create(caviar_program **program, caviar_device *device, const caviar_call *calls,
                                         size_t count, const int32_t *active);
caviar_status caviar_cuda_program_run(caviar_device *device, caviar_program *program, int64_t times);
void caviar_cuda_program_destroy(caviar_device *device, caviar_program *program);

/* memory.cu */
caviar_status caviar_cuda_allocate(void **memory, caviar_device *device, size_t bytes);
void caviar_cuda_free(caviar_device *device, void *memory);
caviar_status caviar_cuda_upload(caviar_device *device, void *to, const void *from, size_t bytes);
caviar_status caviar_cuda_download(caviar_device *device, void *to, const void *from, size_t bytes);
caviar_status caviar_cuda_clear(caviar_device *device, void *memory, size_t bytes);
caviar_status caviar_cuda_wait(caviar_device *device);

#endif
