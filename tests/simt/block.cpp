#include "block.h"

#include "fiber.h"
#include "guard.h"
#include "lines.h"
#include "schedule.h"
#include "shadow.h"

#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace simt {

enum class waiting { nothing, barrier, exchange, ballot, sync_warp };
static const char *const waiting_names[] = { "nothing", "__syncthreads", "a shuffle", "a vote", "__syncwarp" };

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

/* All that there is while a kernel runs. */
struct engine {
    fiber scheduler;
    std::vector<std::unique_ptr<cuda_thread>> threads;
    size_t count = 0; /* of threads in use */
    std::deque<cuda_thread *> ready;
    struct {
        unsigned waiting, gone; /* lanes at a collective; lanes that have left or never were */
    } warps[32];
    cuda_thread *running = nullptr;
    const std::function<void()> *kernel = nullptr;
    std::string name, wrong;
    std::vector<uint32_t> blocks; /* of the launch, in the order in which they run */
    int64_t block_number = 0;     /* counts those of all launches */
    std::unordered_map<const void *, shared_array> arrays;
    size_t shared_by_launch;               /* bytes */
    std::map<size_t, char> launched_sizes; /* what such memory is known by in `arrays` */
    sigjmp_buf fault;
    uintptr_t fault_pc;
};
static engine *now; /* NULL while no kernel runs */

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
    char what[1024], text[1536];
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

/* A random schedule may let others go on before an access. */
void preempt() {
    accesses_left = accesses_to_preemption();
    now->ready.push_back(now->running);
    yield();
}

void barrier(site at) {
    cuda_thread *const thread = now->running;
    thread->on = waiting::barrier;
    thread->at = at;
    yield();
}

static bool same(const site &a, const site &b) {
    return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

/* Lanes that meet at one line must agree on who meets there. */
static void compare_masks(const cuda_thread *last, int warp) {
    for (int i = 0; i < 32 && (size_t)(warp + i) < now->count; ++i) {
        const cuda_thread *const other = now->threads[warp + i].get();
        if (other->on == last->on && same(other->at, last->at) && other->mask != last->mask &&
            (other->mask & last->mask) != 0)
            return blame(last, "line %d has mask %08x here and mask %08x in lane %d", last->at.line, last->mask,
                         other->mask, i);
    }
}

/* When all lanes of the mask are here and agree, gives each its answer and makes them ready. */
static void resolve(cuda_thread *last) {
    const int warp = last->number / 32 * 32;
    auto &lanes = now->warps[warp / 32];
    const cuda_thread *const first =
        lanes.waiting == 0 ? nullptr : now->threads[warp + __builtin_ctz(lanes.waiting)].get();
    lanes.waiting |= 1u << (last->number - warp);
    /* Short of the last, one that is like the first need not be compared with the others. */
    if (first != nullptr && first->on == last->on && first->mask == last->mask && same(first->at, last->at) &&
        (last->mask & ~lanes.waiting) != 0 && (last->mask & lanes.gone) == 0)
        return;
    compare_masks(last, warp);
    if (!now->wrong.empty()) return;
    for (int i = 0; i < 32; ++i) {
        if ((last->mask >> i & 1) == 0) continue;
        if ((size_t)(warp + i) >= now->count)
            return blame(last, "line %d names lane %d, which the block does not have", last->at.line, i);
        const cuda_thread *const other = now->threads[warp + i].get();
        if (other->done) return blame(last, "line %d names lane %d, which has left the kernel", last->at.line, i);
        if (other->on == waiting::nothing || other->on == waiting::barrier) return; /* not here yet */
        if (other->on != last->on || !same(other->at, last->at) || other->mask != last->mask)
            return blame(last, "at %s of line %d with mask %08x while lane %d is at %s of line %d with mask %08x",
                         waiting_names[(int)last->on], last->at.line, last->mask, i, waiting_names[(int)other->on],
                         other->at.line, other->mask);
    }
    if (last->on == waiting::sync_warp) order_warp(warp, last->mask);
    lanes.waiting &= ~last->mask;
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

void sync_warp(site at, unsigned mask) {
    (void)collective(waiting::sync_warp, at, mask, 0, 0);
}

void *shared(const char *name, const void *key, size_t bytes) {
    shared_array &array = now->arrays[key];
    if (array.memory == nullptr) {
        array.memory = guarded_allocate(bytes, 16, name);
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

void *shared_by_launch(const char *name) {
    return shared(name, &now->launched_sizes[now->shared_by_launch], now->shared_by_launch);
}

static void thread_entry(void *argument) {
    cuda_thread *const thread = (cuda_thread *)argument;
    fiber::entered(&now->scheduler);
    (*now->kernel)();
    thread->done = true;
    now->warps[thread->number / 32].gone |= 1u << thread->number % 32;
    give_up();
}

static std::string text_of(uint3 place) {
    char text[64];
    snprintf(text, sizeof text, "(%u, %u, %u)", place.x, place.y, place.z);
    return text;
}

/* The place of the n-th of something in x, then y, then z. */
static uint3 place_of(uint64_t n, dim3 size) {
    return { (unsigned)(n % size.x), (unsigned)(n / size.x % size.y), (unsigned)(n / size.x / size.y) };
}

void offend(offence kind, uintptr_t address, size_t size, const access &by, const access *other) {
    const place &here = now->running->where;
    std::string text = by.writes ? "writes " : "reads ";
    text += std::to_string(size) + (size == 1 ? " byte, " : " bytes, ") + describe(address) + "," + line_of(by.pc);
    switch (kind) {
    case offence::forbidden: text = "overrun: " + text; break;
    case offence::unwritten: text += "; no thread of the block has written there"; break;
    case offence::race:
        text = "race: " + text + "; thread " + text_of(place_of((uint64_t)other->thread, here.block_size));
        if (other->block != by.block)
            text += " of block " + text_of(place_of(now->blocks[(size_t)other->block], here.grid_size));
        text += std::string(other->writes ? " wrote" : " read") + " there" + line_of(other->pc);
        text += ", and nothing orders the two";
        break;
    }
    blame(now->running, "%s", text.c_str());
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
        else if (!same(first->at, thread->at))
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
    order_barrier();
}

static cuda_thread *next_ready() {
    std::deque<cuda_thread *> &ready = now->ready;
    const size_t chosen = pick(ready.size());
    if (chosen == 0) {
        cuda_thread *const thread = ready.front();
        ready.pop_front();
        return thread;
    }
    std::swap(ready[chosen], ready.back()); /* the order is lost, which only a random one may do */
    cuda_thread *const thread = ready.back();
    ready.pop_back();
    return thread;
}

static void run_block(uint3 block, dim3 block_size, dim3 grid_size) {
    ++now->block_number;
    order_block();
    for (auto &lanes : now->warps) lanes = { 0, ~0u };
    now->ready.clear();
    for (size_t i = 0; i < now->count; ++i) {
        cuda_thread *const thread = now->threads[i].get();
        thread->where.thread = place_of(i, block_size);
        thread->where.block = block;
        thread->where.block_size = block_size;
        thread->where.grid_size = grid_size;
        thread->number = (int)i;
        thread->done = false;
        thread->on = waiting::nothing;
        now->warps[i / 32].gone &= ~(1u << i % 32);
        thread->context.prepare(thread_entry, thread);
        now->ready.push_back(thread);
    }
    for (size_t left = now->count; left > 0 && now->wrong.empty();) {
        if (now->ready.empty()) open_barrier();
        if (!now->wrong.empty()) break;
        now->running = next_ready();
        accessing_thread = now->running->number;
        fiber::switch_to(&now->scheduler, &now->running->context);
        accessing_thread = -1;
        if (now->running->done) --left;
    }
}

/* A kernel that touches a guard page is wrong; the handler leaves it, and its stack, for good. */
static void on_fault(int signal, siginfo_t *information, void *context) {
    if (now == nullptr) {
        std::signal(signal, SIG_DFL);
        return;
    }
    blame(now->running, "overrun: touches %s,", describe((uintptr_t)information->si_addr).c_str());
#if defined(__x86_64__)
    now->fault_pc = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] + 1; /* as a return address is */
#else
    (void)context;
#endif
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
    now->blocks.resize((size_t)grid.x * grid.y * grid.z);
    order_blocks(&now->blocks);
    for (const uint32_t n : now->blocks) {
        run_block(place_of(n, grid), block, grid);
        if (!now->wrong.empty()) return;
    }
}

std::string run(const std::string &name, dim3 grid, dim3 block, size_t shared, const std::function<void()> &kernel) {
    static engine only;
    static std::mutex busy; /* launches of all host threads are in one order */
    const std::lock_guard<std::mutex> locked(busy);
    now = &only;
    now->name = name;
    now->wrong.clear();
    now->kernel = &kernel;
    now->shared_by_launch = shared;
    now->count = (size_t)block.x * block.y * block.z;
    while (now->threads.size() < now->count) now->threads.emplace_back(new cuda_thread);
    order_launch();
    plan_preemption();
    accesses_left = accesses_to_preemption();
#if defined(__SANITIZE_ADDRESS__)
    run_blocks(grid, block); /* AddressSanitizer reports faults itself, with more to say */
#else
    const fault_catcher catcher;
    if (sigsetjmp(now->fault, 1) == 0) {
        run_blocks(grid, block);
    } else {
        accessing_thread = -1;
        now->wrong += line_of(now->fault_pc);
    }
#endif
    std::string wrong = now->wrong;
    if (!wrong.empty()) wrong += " [" + schedule_name() + "]";
    now = nullptr;
    return wrong;
}

} // namespace simt
