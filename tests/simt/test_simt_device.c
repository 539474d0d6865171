/* The CUDA device on the emulated runtime: memory, programs, errors, and what the process is left with. */
#include "control.h"

#include "host/status.h"

#include <criterion/criterion.h>
#include <driver_types.h>
#include <string.h>

#define SUCCEEDS(call) cr_assert((call) == CAVIAR_OK, "%s: %s", #call, caviar_last_error())

static int mentions(const char *part) {
    return strstr(caviar_last_error(), part) != NULL;
}

Test(simt_device, opening) {
    caviar_device *device = NULL;
    caviar_device_info info;
    cr_assert(caviar_cuda_count() == 1);
    SUCCEEDS(caviar_cuda_describe(&info, 0));
    cr_assert_str_eq(info.name, "cuda:0");
    cr_assert_str_eq(info.description, "SIMT emulator");
    cr_assert(info.memory_total > 0 && info.memory_free > 0 && info.threads == 0);
    cr_assert(caviar_cuda_open(&device, 1) == CAVIAR_NO_DEVICE && mentions("there is 1 CUDA GPU, counted"));
    simt_set_device_count(2);
    cr_assert(caviar_cuda_open(&device, 2) == CAVIAR_NO_DEVICE && mentions("there are 2 CUDA GPUs, counted"));
    cr_assert(caviar_cuda_open(&device, -1) == CAVIAR_INVALID_ARGUMENT);
    simt_set_device_count(0);
    cr_assert(caviar_cuda_count() == 0);
    cr_assert(caviar_cuda_open(&device, 0) == CAVIAR_NO_DEVICE && mentions("no CUDA GPU can be used here"));
    cr_assert(caviar_cuda_describe(&info, 0) == CAVIAR_NO_DEVICE);
    cr_assert(device == NULL && simt_live_objects() == 0);
}

/* Every entry point leaves the caller's current device as it was. */
Test(simt_device, current_device) {
    caviar_device *device = NULL;
    caviar_device_info info;
    void *memory = NULL;
    int64_t number = 3;
    simt_set_device_count(2);
    SUCCEEDS(caviar_cuda_open(&device, 1));
    SUCCEEDS(device->table->get_info(&info, device));
    cr_assert_str_eq(info.name, "cuda:1");
    cr_assert(info.memory_total == (int64_t)2 << 30, "not the memory of the second GPU");
    SUCCEEDS(device->table->allocate(&memory, device, 16));
    SUCCEEDS(device->table->upload(device, memory, &number, sizeof number));
    const caviar_advance_args advance = { memory, 4 };
    SUCCEEDS(caviar_op_advance(device, &advance, NULL));
    SUCCEEDS(device->table->download(device, &number, memory, sizeof number));
    cr_assert(number == 7);
    cr_assert(simt_current_device() == 0);
    device->table->free(device, memory);
    device->table->close(device);
    cr_assert(simt_current_device() == 0 && simt_live_objects() == 0);
}

Test(simt_device, memory) {
    caviar_device *device = NULL;
    void *memory = NULL, *none = NULL;
    char text[300];
    SUCCEEDS(caviar_simt_open(&device));
    SUCCEEDS(device->table->allocate(&memory, device, sizeof text));
    SUCCEEDS(device->table->allocate(&none, device, 0));
    cr_assert((uintptr_t)memory % 256 == 0 && none != NULL && none != memory);
    memset(text, 1, sizeof text);
    SUCCEEDS(device->table->download(device, text, memory, sizeof text));
    for (size_t i = 0; i < sizeof text; ++i) cr_assert(text[i] == 0);
    memset(text, 5, sizeof text);
    SUCCEEDS(device->table->upload(device, memory, text, sizeof text));
    SUCCEEDS(device->table->clear(device, memory, 100));
    SUCCEEDS(device->table->upload(device, memory, NULL, 0));
    SUCCEEDS(device->table->wait(device));
    SUCCEEDS(device->table->download(device, text, memory, sizeof text));
    cr_assert(text[99] == 0 && text[100] == 5 && text[299] == 5);

    /* Out of memory is told as such, leaves the output alone, and the device goes on. */
    void *huge = &device;
    cr_assert(device->table->allocate(&huge, device, (size_t)1 << 50) == CAVIAR_OUT_OF_DEVICE_MEMORY);
    cr_assert(huge == &device && mentions("allocate") && mentions("cudaErrorMemoryAllocation"));
    SUCCEEDS(device->table->wait(device));
    device->table->free(device, memory);
    device->table->free(device, none);
    device->table->free(device, NULL);
    device->table->close(device);
    device = NULL;
    cr_assert(simt_live_objects() == 0);
}

/* A step of two calls whose effect shows how often it ran, on memory of 256 longs. */
static void make_calls(caviar_call *calls, int64_t *memory) {
    memset(calls, 0, 3 * sizeof *calls);
    calls[0].op = CAVIAR_OP_advance;
    calls[0].args.advance = (caviar_advance_args){ memory, 2 };
    calls[1].op = CAVIAR_OP_linear_forward; /* [1, 2] x [2, 1] for two models */
    float *const f = (float *)(memory + 32);
    calls[1].args.linear_forward =
        (caviar_linear_forward_args){ { f, 4, 2 }, { f + 4, 2 }, { f + 8, 2, 1 }, 2, 1, 2, 1, NULL, NULL };
    calls[2].op = CAVIAR_OP_advance;
    calls[2].args.advance = (caviar_advance_args){ memory + 1, -3 };
}

Test(simt_device, programs) {
    caviar_device *device = NULL;
    caviar_program *program = NULL;
    int64_t *memory = NULL, host[64] = { 10, 20 };
    SUCCEEDS(caviar_simt_open(&device));
    SUCCEEDS(device->table->allocate((void **)&memory, device, sizeof host));
    float values[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    memcpy(host + 32, values, sizeof values);
    SUCCEEDS(device->table->upload(device, memory, host, sizeof host));
    caviar_call calls[3];
    make_calls(calls, memory);
    SUCCEEDS(device->table->program_create(&program, device, calls, 3, NULL));
    memset(calls, 0, sizeof calls); /* it has copied them */
    SUCCEEDS(device->table->download(device, host, memory, sizeof host));
    cr_assert(host[0] == 10 && host[1] == 20, "capturing runs nothing");
    SUCCEEDS(device->table->program_run(device, program, 0));
    SUCCEEDS(device->table->program_run(device, program, 5));
    SUCCEEDS(device->table->wait(device));
    SUCCEEDS(device->table->download(device, host, memory, sizeof host));
    cr_assert(host[0] == 20 && host[1] == 5);
    float products[2];
    memcpy(products, host + 36, sizeof products);
    cr_assert(products[0] == 1 * 5 + 2 * 6 && products[1] == 3 * 7 + 4 * 8);

    /* A call that cannot be enqueued ends the capture and leaves nothing behind. */
    const int64_t before = simt_live_objects();
    caviar_program *other = NULL;
    make_calls(calls, memory);
    calls[1].op = CAVIAR_OP_train_step;
    calls[1].args.train_step = (caviar_train_step_args){ .batch = 1000 };
    cr_assert(device->table->program_create(&other, device, calls, 3, NULL) == CAVIAR_INVALID_ARGUMENT);
    cr_assert(other == NULL && simt_live_objects() == before);
    SUCCEEDS(device->table->program_create(&other, device, calls, 0, NULL));
    SUCCEEDS(device->table->program_run(device, other, 1));
    device->table->program_destroy(device, other);
    device->table->program_destroy(device, program);
    device->table->program_destroy(device, NULL);
    device->table->free(device, memory);
    device->table->close(device);
    cr_assert(simt_live_objects() == 0);
}

/* More branches than the device has, and the list ends with them: the program is over when all of them are. */
Test(simt_device, branches) {
    enum { CALLS = 9 };
    caviar_device *device = NULL;
    caviar_program *program = NULL;
    int64_t *memory = NULL, host[CALLS];
    SUCCEEDS(caviar_simt_open(&device));
    SUCCEEDS(device->table->allocate((void **)&memory, device, sizeof host));
    caviar_call calls[CALLS] = { { 0 } };
    for (int i = 0; i < CALLS; i++)
        calls[i] = (caviar_call){ .op = CAVIAR_OP_advance, .branch = i, .args.advance = { memory + i, 1 + i } };
    SUCCEEDS(device->table->program_create(&program, device, calls, CALLS, NULL));
    SUCCEEDS(device->table->program_run(device, program, 3));
    SUCCEEDS(device->table->download(device, host, memory, sizeof host));
    for (int i = 0; i < CALLS; i++) cr_expect(host[i] == 3 * (1 + i));
    device->table->program_destroy(device, program);
    device->table->free(device, memory);
    device->table->close(device);
    cr_assert(simt_live_objects() == 0);
}

/* An error names the operation and those of its sizes that it has. */
Test(simt_device, messages) {
    caviar_device *device = NULL;
    float *f = NULL;
    SUCCEEDS(caviar_simt_open(&device));
    SUCCEEDS(device->table->allocate((void **)&f, device, 64));
    const caviar_linear_forward_args product = { { f, 4, 2 }, { f + 4, 2 }, { f + 8, 2, 1 }, 2, 1, 2, 1, NULL, NULL };
    simt_fail_kind(SIMT_CUBLAS, 1, cudaErrorInvalidValue);
    cr_assert(caviar_op_linear_forward(device, &product, NULL) == CAVIAR_DEVICE_ERROR);
    cr_assert(strncmp(caviar_last_error(), "linear_forward [models 2, batch 1, width 1] on cuda:0: ", 55) == 0, "%s",
              caviar_last_error());
    const caviar_advance_args advance = { (int64_t *)(void *)f, 4 };
    simt_fail_kind(SIMT_LAUNCH, 1, cudaErrorInvalidValue);
    cr_assert(caviar_op_advance(device, &advance, NULL) == CAVIAR_DEVICE_ERROR);
    cr_assert(strncmp(caviar_last_error(), "advance on cuda:0: ", 19) == 0, "%s", caviar_last_error());
    device->table->free(device, f);
    device->table->close(device);
}

/*
 * Opens, allocates, copies, runs a program and an operation, and closes; the first failure ends it cleanly. Says
 * whether the planted failure came before the giving back.
 */
static caviar_status whole_use(int *failed_in_use) {
    caviar_device *device = NULL;
    caviar_program *program = NULL;
    int64_t *memory = NULL, host[64] = { 0 };
    *failed_in_use = 1;
    CAVIAR_TRY(caviar_simt_open(&device));
    caviar_status status = device->table->allocate((void **)&memory, device, sizeof host);
    if (!status) status = device->table->upload(device, memory, host, sizeof host);
    caviar_call calls[3];
    make_calls(calls, memory);
    if (!status) status = device->table->program_create(&program, device, calls, 3, NULL);
    if (!status) status = device->table->program_run(device, program, 2);
    if (!status) status = caviar_op_linear_forward(device, &calls[1].args.linear_forward, NULL);
    if (!status) status = device->table->wait(device);
    if (!status) status = device->table->download(device, host, memory, sizeof host);
    if (!status) cr_assert(host[0] == 4);
    if (status == CAVIAR_DEVICE_LOST) {
        cr_assert(device->table->wait(device) == CAVIAR_DEVICE_LOST, "a lost device stays lost");
        cr_assert(mentions("cannot be used by this process any more") && mentions("cuda:0"));
    } else if (status && memory) {
        /* Any other error is over with the call. */
        SUCCEEDS(device->table->wait(device));
    }
    *failed_in_use = simt_call_failed();
    char message[1024];
    strcpy(message, caviar_last_error());
    device->table->program_destroy(device, program);
    device->table->free(device, memory);
    device->table->close(device);
    cr_assert_str_eq(message, caviar_last_error(), "giving back keeps the message");
    return status;
}

/* Each call of CUDA fails in turn, with each kind of error, until none is left to fail. */
Test(simt_device, faults) {
    static const struct {
        int error;
        caviar_status status;
    } kinds[] = { { cudaErrorMemoryAllocation, CAVIAR_OUT_OF_DEVICE_MEMORY },
                  { cudaErrorInvalidValue, CAVIAR_DEVICE_ERROR },
                  { cudaErrorIllegalAddress, CAVIAR_DEVICE_LOST },
                  { cudaErrorLaunchFailure, CAVIAR_DEVICE_LOST } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
        int64_t n = 0;
        for (int reached = 1; reached;) {
            simt_fail_call(++n, kinds[i].error);
            int in_use = 0;
            const caviar_status status = whole_use(&in_use);
            reached = simt_call_failed();
            /* Opening counts devices first, and finds none when that fails. */
            const caviar_status expected = n == 1 ? CAVIAR_NO_DEVICE : in_use ? kinds[i].status : CAVIAR_OK;
            cr_assert(status == expected, "call %lld failed with error %d: status %d (%s)", (long long)n,
                      kinds[i].error, (int)status, caviar_last_error());
            cr_assert(simt_live_objects() == 0, "call %lld, error %d: %lld objects left", (long long)n, kinds[i].error,
                      (long long)simt_live_objects());
            simt_reset();
            cr_assert(n < 1000);
        }
        cr_assert(n > 30, "only %lld calls were made to fail", (long long)n);
    }
}
