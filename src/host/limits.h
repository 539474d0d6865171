/*
 * What this process may have of its machine: the least of what the machine has, its control groups (version 1 or 2,
 * each of those above it too) and its own resource limits leave it.
 */
#ifndef CAVIAR_HOST_LIMITS_H
#define CAVIAR_HOST_LIMITS_H

#include <stdint.h>

/*
 * Bytes that could be allocated now, with the file cache that the kernel would drop; UINT64_MAX where nothing says.
 * `root` stands before the paths of /proc and /sys, for tests; "" is the machine.
 */
uint64_t caviar_limits_memory(const char *root);
/* Bytes in all. */
uint64_t caviar_limits_memory_total(const char *root);

/* Processors' worth of time by the control groups' quotas, rounded up; INT32_MAX where there is none. */
int caviar_limits_processors(const char *root);

#endif
