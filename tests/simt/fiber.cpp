#include "fiber.h"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ASAN 1
#endif
#endif
#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace simt {

constexpr size_t stack_bytes = 128 * 1024;
constexpr size_t guard_bytes = 64 * 1024; /* a page of every processor */

struct fiber::state {
    char *stack = nullptr; /* above a guard page; NULL for a thread's own */
#ifdef __x86_64__
    void *stack_pointer = nullptr;
#else
    ucontext_t context;
#endif
    void (*entry)(void *) = nullptr;
    void *argument = nullptr;
    const void *bottom = nullptr; /* what AddressSanitizer wants to know of a stack */
    size_t size = 0;
    void *fake_stack = nullptr;
};

#ifdef __x86_64__
/* Keeps what the calling convention asks a function to keep, and exchanges the stacks. */
extern "C" void simt_switch_stacks(void **save, void *load);
asm(".text\n"
    ".globl simt_switch_stacks\n"
    ".hidden simt_switch_stacks\n"
    ".type simt_switch_stacks, @function\n"
    "simt_switch_stacks:\n"
    "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq %r15\n"
    "    movq %rsp, (%rdi)\n"
    "    movq %rsi, %rsp\n"
    "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n"
    "    ret\n"
    ".size simt_switch_stacks, . - simt_switch_stacks\n");
#endif

/* The state whose entry is to be called: fresh stacks have no other way to get an argument. */
static thread_local void (*next_entry)(void *);
static thread_local void *next_argument;

static void enter() {
    next_entry(next_argument);
    abort();
}

fiber::fiber() : self(new state) {
}

fiber::~fiber() {
    if (self->stack != nullptr) munmap(self->stack - guard_bytes, stack_bytes + guard_bytes);
    delete self;
}

void fiber::prepare(void (*entry)(void *), void *argument) {
    if (self->stack == nullptr) {
        void *const memory = mmap(nullptr, stack_bytes + guard_bytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED || mprotect(memory, guard_bytes, PROT_NONE) != 0) abort();
        self->stack = (char *)memory + guard_bytes;
        self->bottom = self->stack;
        self->size = stack_bytes;
    }
    self->entry = entry;
    self->argument = argument;
#ifdef SIMT_ASAN
    /* A fiber that was abandoned half way left its frames poisoned. */
    __asan_unpoison_memory_region(self->stack, stack_bytes);
    self->fake_stack = nullptr;
#endif
#ifdef __x86_64__
    /* Six registers, the address to return to, and eight bytes that align the stack as a call would. */
    void **const top = (void **)(self->stack + stack_bytes) - 8;
    for (int i = 0; i < 8; ++i) top[i] = nullptr;
    top[6] = (void *)&enter;
    self->stack_pointer = top;
#else
    getcontext(&self->context);
    self->context.uc_stack.ss_sp = self->stack;
    self->context.uc_stack.ss_size = stack_bytes;
    self->context.uc_link = nullptr;
    makecontext(&self->context, enter, 0);
#endif
}

void fiber::switch_to(fiber *from, fiber *to) {
    next_entry = to->self->entry;
    next_argument = to->self->argument;
#ifdef SIMT_ASAN
    __sanitizer_start_switch_fiber(&from->self->fake_stack, to->self->bottom, to->self->size);
#endif
#ifdef __x86_64__
    simt_switch_stacks(&from->self->stack_pointer, to->self->stack_pointer);
#else
    swapcontext(&from->self->context, &to->self->context);
#endif
#ifdef SIMT_ASAN
    __sanitizer_finish_switch_fiber(from->self->fake_stack, nullptr, nullptr);
#endif
}

void fiber::entered(fiber *from) {
#ifdef SIMT_ASAN
    /* The thread's own stack is known from here on. */
    __sanitizer_finish_switch_fiber(nullptr, &from->self->bottom, &from->self->size);
#else
    (void)from;
#endif
}

} // namespace simt
