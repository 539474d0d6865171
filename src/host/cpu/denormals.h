/*
 * Numbers below 2^-126 count as 0 while a thread works for the CPU device. What decays for long ends among them, and a
 * processor may take a hundred times as long for a product with one: a search was three times as slow for it from its
 * fifth epoch on. The mode is the thread's own, and is put back as it was. So is what else it says: the device rounds
 * to nearest and traps nothing, whatever the program has set, so that its bits depend on nobody's settings.
 */
#ifndef CAVIAR_HOST_CPU_DENORMALS_H
#define CAVIAR_HOST_CPU_DENORMALS_H

#include <stdint.h>

#if defined(__x86_64__)

/* MXCSR: rounding to nearest is 0 there. */
enum { CAVIAR_CPU_ZERO_RESULTS = 0x8000, CAVIAR_CPU_NO_TRAPS = 0x1f80, CAVIAR_CPU_ZERO_OPERANDS = 0x0040 };

static inline uint64_t caviar_cpu_flush_denormals(void) {
    const unsigned mode = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(CAVIAR_CPU_NO_TRAPS | CAVIAR_CPU_ZERO_RESULTS | CAVIAR_CPU_ZERO_OPERANDS);
    return mode;
}

static inline void caviar_cpu_restore_denormals(uint64_t mode) {
    __builtin_ia32_ldmxcsr((unsigned)mode);
}

#elif defined(__aarch64__)

static inline void caviar_cpu_restore_denormals(uint64_t mode) {
    __asm__ volatile("msr fpcr, %0" ::"r"(mode) : "memory");
}

static inline uint64_t caviar_cpu_flush_denormals(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode)::"memory");
    caviar_cpu_restore_denormals((uint64_t)1 << 24);
    return mode;
}

#else

static inline uint64_t caviar_cpu_flush_denormals(void) {
    return 0;
}

static inline void caviar_cpu_restore_denormals(uint64_t mode) {
    (void)mode;
}

#endif

#endif
