/* What the kernel says of the machine. */
#ifndef CAVIAR_BENCH_SYSTEM_H
#define CAVIAR_BENCH_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_CACHES "/sys/devices/system/cpu/cpu0/cache"

/* The first line of a file without its end; empty where there is none. */
void bench_read_line(const char *path, char *line, size_t size);

/*
 * Bytes of the last caches that `threads` threads work with, if each processor has one of them: as many caches as it
 * takes. `folder` is BENCH_CACHES. 0: not known. sysconf() is no source: in virtual machines it reports a multiple.
 */
int64_t bench_last_caches(const char *folder, int threads);

/* What NVIDIA_TF32_OVERRIDE makes of cuBLAS' products: "0" all in fp32, "1" all in TF32; NULL: each as it asks for. */
const char *bench_tf32_override(void);

#endif
