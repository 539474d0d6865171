#include "team.h"

#include "denormals.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A thread's stack, whatever the program's default is. The widest product takes 64 KiB of it. */
enum { STACK_BYTES = 512 << 10 };

/* About 20 us: between two steps of training less time passes, and a longer wait is worth a system call. */
enum { SPINS = 1000 };

/* In the place of the next range: there is no more work. */
#define CLOSED UINT32_MAX

typedef void body_function(void *context, int64_t first, int64_t last);

/*
 * The work of the moment. `claim` has its number in the upper half and in the lower half the range to be taken next, so
 * that whoever takes a range by compare-and-swap takes it of the work that he has looked at. The other members change
 * only while claim is CLOSED and nobody is at work.
 */
typedef struct work {
    _Atomic uint64_t claim;
    _Atomic(body_function *) body;
    _Atomic(void *) context;
    _Atomic int64_t units, grain;
    _Atomic uint32_t ranges;
    _Atomic uint32_t done;    /* ranges that are */
    _Atomic uint32_t helpers; /* how many of the team's threads may take part */
} work;

struct caviar_team {
    work now;
    _Atomic uint32_t number;   /* of the work; threads without work sleep on it */
    _Atomic uint32_t sleepers; /* threads that sleep on it, or are about to */
    _Atomic uint32_t waiting;  /* whether the giver of work sleeps on now.done */
    _Atomic int ending;
    int most;      /* threads to be created at most */
    int created;   /* of which there are so many */
    int tried;     /* whether it was tried to create them */
    pid_t process; /* that they belong to */
    pthread_t *threads;
};

typedef struct member {
    caviar_team *team;
    uint32_t index;
} member;

static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ------------------------------------------------------------------------------------------------------- taking ranges
 */

/* Takes a range of the work of this number; 0: there is none left, or it is over. */
static int take(work *now, uint32_t number, uint32_t *range) {
    uint64_t claim = atomic_load_explicit(&now->claim, memory_order_acquire);
    for (;;) {
        const uint32_t next = (uint32_t)claim;
        if ((uint32_t)(claim >> 32) != number || next == CLOSED) return 0;
        if (next >= atomic_load_explicit(&now->ranges, memory_order_relaxed)) return 0;
        /* A claim of former work fails here, for it was closed before anything of it changed. */
        if (atomic_compare_exchange_weak_explicit(&now->claim, &claim, claim + 1, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            *range = next;
            return 1;
        }
    }
}

static void run_range(work *now, uint32_t range) {
    const int64_t grain = atomic_load_explicit(&now->grain, memory_order_relaxed);
    const int64_t units = atomic_load_explicit(&now->units, memory_order_relaxed);
    const int64_t first = (int64_t)range * grain, last = first + grain < units ? first + grain : units;
    body_function *const body = atomic_load_explicit(&now->body, memory_order_relaxed);
    body(atomic_load_explicit(&now->context, memory_order_relaxed), first, last);
}

/* A range is done. Afterwards the work may be over, and its members change. */
static void finish_range(caviar_team *team, uint32_t ranges) {
    const uint32_t done = atomic_fetch_add_explicit(&team->now.done, 1, memory_order_seq_cst) + 1;
    if (done == ranges && atomic_load_explicit(&team->waiting, memory_order_seq_cst)) wake(&team->now.done, 1);
}

static void take_part(caviar_team *team, uint32_t number) {
    uint32_t range;
    while (take(&team->now, number, &range)) {
        const uint32_t ranges = atomic_load_explicit(&team->now.ranges, memory_order_relaxed);
        run_range(&team->now, range);
        finish_range(team, ranges);
    }
}

/* ------------------------------------------------------------------------------------------------------------- threads
 */

/* The number of work that is not `seen`; waits for it. */
static uint32_t wait_for_work(caviar_team *team, uint32_t seen) {
    for (int i = 0; i < SPINS; i++) {
        const uint32_t number = atomic_load_explicit(&team->number, memory_order_acquire);
        if (number != seen) return number;
        pause_briefly();
    }
    atomic_fetch_add_explicit(&team->sleepers, 1, memory_order_seq_cst);
    uint32_t number;
    while ((number = atomic_load_explicit(&team->number, memory_order_seq_cst)) == seen)
        sleep_while(&team->number, seen);
    atomic_fetch_sub_explicit(&team->sleepers, 1, memory_order_relaxed);
    return number;
}

static void *live(void *argument) {
    const member me = *(member *)argument;
    free(argument);
    caviar_cpu_flush_denormals();
    for (uint32_t seen = 0;;) {
        seen = wait_for_work(me.team, seen);
        if (atomic_load_explicit(&me.team->ending, memory_order_acquire)) return NULL;
        if (me.index < atomic_load_explicit(&me.team->now.helpers, memory_order_relaxed)) take_part(me.team, seen);
    }
}

static int create_one(caviar_team *team, const pthread_attr_t *attributes) {
    member *me = malloc(sizeof *me);
    if (!me) return 0;
    *me = (member){ team, (uint32_t)team->created };
    if (pthread_create(&team->threads[team->created], attributes, live, me) != 0) {
        free(me);
        return 0;
    }
    pthread_setname_np(team->threads[team->created++], "caviar");
    return 1;
}

/* As many as there can be, with all signals blocked, which are the program's business. */
static void create_threads(caviar_team *team) {
    pthread_attr_t attributes;
    sigset_t all, before;
    team->tried = 1;
    team->process = getpid();
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (team->created < team->most && create_one(team, &attributes)) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* In a forked child the threads are not there: the team begins anew. */
static void forget_threads(caviar_team *team) {
    const int most = team->most;
    pthread_t *const threads = team->threads;
    *team = (caviar_team){ .most = most, .threads = threads };
    atomic_store(&team->now.claim, CLOSED);
}

caviar_team *caviar_team_create(int threads) {
    caviar_team *team = calloc(1, sizeof *team);
    if (!team) return NULL;
    team->most = threads - 1;
    team->threads = threads > 1 ? calloc((size_t)threads - 1, sizeof *team->threads) : NULL;
    if (threads > 1 && !team->threads) {
        free(team);
        return NULL;
    }
    atomic_store(&team->now.claim, CLOSED);
    return team;
}

void caviar_team_destroy(caviar_team *team) {
    if (!team) return;
    if (team->created > 0 && team->process == getpid()) {
        atomic_store_explicit(&team->ending, 1, memory_order_release);
        atomic_fetch_add_explicit(&team->number, 1, memory_order_seq_cst);
        wake(&team->number, team->created);
        for (int i = 0; i < team->created; i++) pthread_join(team->threads[i], NULL);
    }
    free(team->threads);
    free(team);
}

/* -------------------------------------------------------------------------------------------------------- giving work
 */

static void publish(caviar_team *team, int helpers, int64_t units, int64_t grain, body_function *body, void *context) {
    work *now = &team->now;
    const uint32_t number = atomic_load_explicit(&team->number, memory_order_relaxed) + 1;
    atomic_store_explicit(&now->body, body, memory_order_relaxed);
    atomic_store_explicit(&now->context, context, memory_order_relaxed);
    atomic_store_explicit(&now->units, units, memory_order_relaxed);
    atomic_store_explicit(&now->grain, grain, memory_order_relaxed);
    atomic_store_explicit(&now->ranges, (uint32_t)((units + grain - 1) / grain), memory_order_relaxed);
    atomic_store_explicit(&now->helpers, (uint32_t)helpers, memory_order_relaxed);
    atomic_store_explicit(&now->done, 0, memory_order_relaxed);
    atomic_store_explicit(&now->claim, (uint64_t)number << 32, memory_order_release);
    atomic_store_explicit(&team->number, number, memory_order_seq_cst);
    if (atomic_load_explicit(&team->sleepers, memory_order_seq_cst) > 0) wake(&team->number, team->created);
}

/* For the ranges that others have taken, and for nobody else. */
static void wait_until_done(caviar_team *team) {
    work *now = &team->now;
    const uint32_t ranges = atomic_load_explicit(&now->ranges, memory_order_relaxed);
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&now->done, memory_order_acquire) == ranges) return;
        pause_briefly();
    }
    atomic_store_explicit(&team->waiting, 1, memory_order_seq_cst);
    uint32_t done;
    while ((done = atomic_load_explicit(&now->done, memory_order_seq_cst)) != ranges) sleep_while(&now->done, done);
    atomic_store_explicit(&team->waiting, 0, memory_order_relaxed);
}

void caviar_team_run(caviar_team *team, int threads, int64_t units, int64_t grain, body_function *body, void *context) {
    while ((units + grain - 1) / grain >= CLOSED) grain *= 2;
    if (team->tried && team->process != getpid()) forget_threads(team);
    if (threads > 1 && units > grain && !team->tried) create_threads(team);
    const int helpers = threads - 1 < team->created ? threads - 1 : team->created;
    if (helpers < 1 || units <= grain) {
        body(context, 0, units);
        return;
    }
    publish(team, helpers, units, grain, body, context);
    take_part(team, atomic_load_explicit(&team->number, memory_order_relaxed));
    wait_until_done(team);
    atomic_store_explicit(&team->now.claim, CLOSED, memory_order_release);
}
