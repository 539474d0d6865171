/*
 * The CPU device's own threads. One thread gives work, and takes part in it; the others wait for it, spinning for some
 * microseconds and then asleep. Nobody waits for a thread that has taken no work: where other programs want the
 * processors, the thread that gives the work does all of it.
 */
#ifndef CAVIAR_HOST_CPU_TEAM_H
#define CAVIAR_HOST_CPU_TEAM_H

#include <stdint.h>

typedef struct caviar_team caviar_team;

/* Up to `threads` threads, the caller's included; none is created before there is work for it. NULL: out of memory. */
caviar_team *caviar_team_create(int threads);

/*
 * Ends and joins the threads. In a child that was forked after they were created there are none, and none is waited
 * for. Takes NULL.
 */
void caviar_team_destroy(caviar_team *team);

/*
 * Calls body(context, first, last) until each of `units` units has been in one range, ranges being of `grain` units, on
 * at most `threads` threads. Returns when all calls have. Where no thread can be created, there are fewer. One thread
 * at a time may call this for a team.
 */
void caviar_team_run(caviar_team *team, int threads, int64_t units, int64_t grain,
                     void (*body)(void *context, int64_t first, int64_t last), void *context);

#endif
