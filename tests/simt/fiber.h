/* Fibers: stacks that a thread switches between by hand, in a few nanoseconds where ucontext takes hundreds. */
#ifndef CAVIAR_TESTS_SIMT_FIBER_H
#define CAVIAR_TESTS_SIMT_FIBER_H

#include <cstddef>

namespace simt {

/* A context that can be switched to: a fiber, or (default-constructed) the thread's own stack. */
class fiber {
  public:
    fiber();
    ~fiber();
    fiber(const fiber &) = delete;
    fiber &operator=(const fiber &) = delete;

    /* Makes the next switch_to this fiber call entry(argument) on a fresh stack. entry must never return. */
    void prepare(void (*entry)(void *), void *argument);
    /* Leaves `from`, which is running, for `to`. */
    static void switch_to(fiber *from, fiber *to);
    /* To be called first of all by an entry. `from` is the context that switched to it. */
    static void entered(fiber *from);

  private:
    struct state;
    state *self;
};

} // namespace simt

#endif
