#include "block.h"

#include "control.h"
#include "fiber.h"

#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

namespace simt {

enum class waiting { nothing, barrier, exchange, ballot };
static const char *const waiting_names[] = { "nothing", "__syncthreads", "a shuffle", "a vote or __syncwarp" };

/* A CUDA thread of the block that runs. */
struct cuda_thread {
    fiber context;
    place where;
    int number = 0; /* in the block */
    bool done = false;
    waiting on = waiting::nothing;
    site at = { "", 0 };
    unsigned mask = 0;
    uint64_t value = 0; /* given to a collective, then got from it */
    int source = 0;
};

struct shared_array {
    void *memory;
    size_t bytes;
    int64_t block; /* the block that it was last filled with NaN for */
};

static simt_schedule schedule = SIMT_FIRST_IN_FIRST_OUT;
static std::mt19937_64 randomness;

/* All that there is while a kernel runs. */
struct engine {
    fiber scheduler;
    std::vector<std::unique_ptr<cuda_thread>> threads;
    size_t count = 0; /* of threads in use */
    std::vector<cuda_thread *> ready;
    cuda_thread *running = nullptr;
    const std::function<void()> *kernel = nullptr;
    std::string name, wrong;
    int64_t block_number = 0;
    std::unordered_map<const void *, shared_array> arrays;
    sigjmp_buf fault;
};
static thread_local engine *now;

const place &here() {
    return now->running->where;
}

int lane() {
    return now->running->number % 32;
}

/* Notes what is wrong, the first time, with the thread that it was noticed in. */
static void blame(const cuda_thread *thread, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void blame(const cuda_thread *thread, const char *format, ...) {
    if (!now->wrong.empty()) return;
    char what[512], text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const place &at = thread->where;
    snprintf(text, sizeof text, "%s, block (%u, %u, %u), thread (%u, %u, %u): %s", now->name.c_str(), at.block.x,
             at.block.y, at.block.z, at.thread.x, at.thread.y, at.thread.z, what);
    now->wrong = text;
}

static void yield() {
    cuda_thread *const thread = now->running;
    fiber::switch_to(&thread->context, &now->scheduler);
}

/* Gives up for good: the scheduler sees that something is wrong and abandons the block. */
[[noreturn]] static void give_up() {
    for (;;) yield();
}

void barrier(site at) {
    cuda_thread *const thread = now->running;
    thread->on = waiting::barrier;
    thread->at = at;
    yield();
}

/* Lanes that meet at one line must agree on who meets there. */
static void compare_masks(const cuda_thread *last, int warp) {
    for (int i = 0; i < 32 && (size_t)(warp + i) < now->count; ++i) {
        const cuda_thread *const other = now->threads[warp + i].get();
        if (other->on == last->on && other->at.line == last->at.line && other->mask != last->mask &&
            (other->mask & last->mask) != 0)
            return blame(last, "line %d has mask %08x here and mask %08x in lane %d", last->at.line, last->mask,
                         other->mask, i);
    }
}

/* When all lanes of the mask are here and agree, gives each its answer and makes them ready. */
static void resolve(cuda_thread *last) {
    const int warp = last->number / 32 * 32;
    compare_masks(last, warp);
    if (!now->wrong.empty()) return;
    for (int i = 0; i < 32; ++i) {
        if ((last->mask >> i & 1) == 0) continue;
        if ((size_t)(warp + i) >= now->count)
            return blame(last, "line %d names lane %d, which the block does not have", last->at.line, i);
        const cuda_thread *const other = now->threads[warp + i].get();
        if (other->done) return blame(last, "line %d names lane %d, which has left the kernel", last->at.line, i);
        if (other->on == waiting::nothing || other->on == waiting::barrier) return; /* not here yet */
        if (other->on != last->on || other->at.line != last->at.line || other->mask != last->mask)
            return blame(last, "at %s of line %d with mask %08x while lane %d is at %s of line %d with mask %08x",
                         waiting_names[(int)last->on], last->at.line, last->mask, i, waiting_names[(int)other->on],
                         other->at.line, other->mask);
    }
    uint64_t given[32] = {};
    unsigned votes = 0;
    for (int i = 0; i < 32; ++i)
        if (last->mask >> i & 1) {
            given[i] = now->threads[warp + i]->value;
            if (given[i] != 0) votes |= 1u << i;
        }
    for (int i = 0; i < 32; ++i) {
        if ((last->mask >> i & 1) == 0) continue;
        cuda_thread *const other = now->threads[warp + i].get();
        if (other->on == waiting::exchange && (last->mask >> (other->source & 31) & 1) == 0)
            return blame(other, "line %d reads lane %d, which is not in the mask %08x", other->at.line, other->source,
                         other->mask);
        other->value = other->on == waiting::ballot ? votes : given[other->source & 31];
        other->on = waiting::nothing;
        now->ready.push_back(other);
    }
}

static uint64_t collective(waiting on, site at, unsigned mask, uint64_t value, int source) {
    cuda_thread *const thread = now->running;
    thread->on = on;
    thread->at = at;
    thread->mask = mask;
    thread->value = value;
    thread->source = source;
    if ((mask >> (thread->number % 32) & 1) == 0)
        blame(thread, "line %d has mask %08x without the calling lane", at.line, mask);
    else
        resolve(thread);
    if (!now->wrong.empty()) give_up();
    yield();
    return thread->value;
}

uint64_t exchange(site at, unsigned mask, uint64_t value, int source) {
    return collective(waiting::exchange, at, mask, value, source);
}

unsigned ballot(site at, unsigned mask, int predicate) {
    return (unsigned)collective(waiting::ballot, at, mask, predicate != 0, 0);
}

void *shared(const void *key, size_t bytes) {
    shared_array &array = now->arrays[key];
    if (array.memory == nullptr) {
        array.memory = guarded_allocate(bytes, 16);
        if (array.memory == nullptr) {
            blame(now->running, "no memory for %zu bytes of shared memory", bytes);
            give_up();
        }
        array.bytes = bytes;
        array.block = now->block_number;
    }
    if (array.block != now->block_number) std::memset(array.memory, 0xff, bytes);
    array.block = now->block_number;
    return array.memory;
}

static void thread_entry(void *argument) {
    cuda_thread *const thread = (cuda_thread *)argument;
    fiber::entered(&now->scheduler);
    (*now->kernel)();
    thread->done = true;
    give_up();
}

/* Nothing can run: either all threads stand at one barrier, which opens, or the kernel is wrong. */
static void open_barrier() {
    const cuda_thread *first = nullptr, *left = nullptr;
    for (size_t i = 0; i < now->count; ++i) {
        const cuda_thread *const thread = now->threads[i].get();
        if (thread->done)
            left = left == nullptr ? thread : left;
        else if (thread->on != waiting::barrier)
            return blame(thread, "deadlock: waits for ever at %s of line %d", waiting_names[(int)thread->on],
                         thread->at.line);
        else if (first == nullptr)
            first = thread;
        else if (first->at.line != thread->at.line || std::strcmp(first->at.file, thread->at.file) != 0)
            return blame(thread, "divergent barrier: waits at line %d, thread %d at line %d", thread->at.line,
                         first->number, first->at.line);
    }
    if (left != nullptr)
        return blame(left, "left the kernel while thread %d waits at the barrier of line %d", first->number,
                     first->at.line);
    for (size_t i = 0; i < now->count; ++i) {
        now->threads[i]->on = waiting::nothing;
        now->ready.push_back(now->threads[i].get());
    }
}

static cuda_thread *next_ready() {
    std::vector<cuda_thread *> &ready = now->ready;
    size_t index = 0;
    if (schedule == SIMT_REVERSE) index = ready.size() - 1;
    if (schedule == SIMT_RANDOM) index = randomness() % ready.size();
    cuda_thread *const thread = ready[index];
    if (schedule == SIMT_RANDOM) {
        ready[index] = ready.back();
        ready.pop_back();
    } else {
        ready.erase(ready.begin() + (std::ptrdiff_t)index);
    }
    return thread;
}

static void run_block(uint3 block, dim3 block_size, dim3 grid_size) {
    ++now->block_number;
    now->ready.clear();
    for (size_t i = 0; i < now->count; ++i) {
        cuda_thread *const thread = now->threads[i].get();
        const unsigned n = (unsigned)i;
        thread->where.thread = { n % block_size.x, n / block_size.x % block_size.y, n / block_size.x / block_size.y };
        thread->where.block = block;
        thread->where.block_size = block_size;
        thread->where.grid_size = grid_size;
        thread->number = (int)i;
        thread->done = false;
        thread->on = waiting::nothing;
        thread->context.prepare(thread_entry, thread);
        now->ready.push_back(thread);
    }
    for (size_t left = now->count; left > 0 && now->wrong.empty();) {
        if (now->ready.empty()) open_barrier();
        if (!now->wrong.empty()) break;
        now->running = next_ready();
        fiber::switch_to(&now->scheduler, &now->running->context);
        if (now->running->done) --left;
    }
}

/* A kernel that touches a guard page is wrong; the handler leaves it, and its stack, for good. */
static void on_fault(int signal, siginfo_t *information, void *) {
    if (now == nullptr) {
        std::signal(signal, SIG_DFL);
        return;
    }
    blame(now->running, "touches memory at %p, which is not its own", information->si_addr);
    siglongjmp(now->fault, 1);
}

/* Catches faults while it lives, on a stack of its own since a kernel's may be what has run out. */
class fault_catcher {
  public:
    fault_catcher() : stack(64 * 1024) {
        stack_t alternate = {}, *const previous = &previous_stack;
        alternate.ss_sp = stack.data();
        alternate.ss_size = stack.size();
        sigaltstack(&alternate, previous);
        struct sigaction action = {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigaction(SIGSEGV, &action, &previous_action[0]);
        sigaction(SIGBUS, &action, &previous_action[1]);
    }
    ~fault_catcher() {
        sigaction(SIGSEGV, &previous_action[0], nullptr);
        sigaction(SIGBUS, &previous_action[1], nullptr);
        sigaltstack(&previous_stack, nullptr);
    }

  private:
    std::vector<char> stack;
    stack_t previous_stack;
    struct sigaction previous_action[2];
};

static void run_blocks(dim3 grid, dim3 block) {
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x && now->wrong.empty(); ++x) run_block({ x, y, z }, block, grid);
}

std::string run(const std::string &name, dim3 grid, dim3 block, const std::function<void()> &kernel) {
    static thread_local engine of_this_thread;
    now = &of_this_thread;
    now->name = name;
    now->wrong.clear();
    now->kernel = &kernel;
    now->count = (size_t)block.x * block.y * block.z;
    while (now->threads.size() < now->count) now->threads.emplace_back(new cuda_thread);
#if defined(__SANITIZE_ADDRESS__)
    run_blocks(grid, block); /* AddressSanitizer reports faults itself, with more to say */
#else
    const fault_catcher catcher;
    if (sigsetjmp(now->fault, 1) == 0) run_blocks(grid, block);
#endif
    const std::string wrong = now->wrong;
    for (auto &array : now->arrays) (void)guarded_free(array.second.memory);
    now->arrays.clear();
    now = nullptr;
    return wrong;
}

} // namespace simt

void simt_set_schedule(simt_schedule chosen, uint64_t seed) {
    simt::schedule = chosen;
    simt::randomness.seed(seed);
}
