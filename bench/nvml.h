/* NVML, loaded when it is there: what a GPU says of its driver, clocks and why it lowers them. */
#ifndef CAVIAR_BENCH_NVML_H
#define CAVIAR_BENCH_NVML_H

typedef struct bench_nvml bench_nvml;

typedef struct bench_nvml_state {
    char driver[80];
    unsigned sm_clock, memory_clock, most_sm_clock, most_memory_clock; /* MHz; 0: not told */
    unsigned temperature, power;                                       /* degrees Celsius, milliwatts; 0: not told */
    unsigned long long reasons;                                        /* bits of nvmlClocksThrottleReasons */
} bench_nvml_state;

/* NULL: there is no NVML, or it does not know the GPU on this PCI bus id. */
bench_nvml *bench_nvml_open(const char *bus);
void bench_nvml_close(bench_nvml *nvml);
void bench_nvml_read(bench_nvml_state *state, const bench_nvml *nvml);

/* Why clocks are lower than they could be, in words, of the reasons that spoil a measurement; "" when none is there. */
void bench_nvml_throttle_text(char *text, int size, unsigned long long reasons);

#endif
