/* The device of a subcommand: its options and how it is named. */
#ifndef CAVIAR_CLI_DEVICES_H
#define CAVIAR_CLI_DEVICES_H

#include "options.h"

#include <caviar/caviar.h>

typedef struct device_settings {
    const char *name;
    int32_t threads;
} device_settings;
#define DEVICE_SETTINGS_INIT                                                                                           \
    { "auto", 0 }

#define DEVICE_OPTIONS(settings)                                                                                       \
    OPTIONS_TEXT("device", "NAME", &(settings)->name,                                                                  \
                 "auto (default: the first GPU, or else the CPU), cpu, cuda, or cuda:N"),                              \
        OPTIONS_WHOLE("threads", &(settings)->threads, 1, 4096,                                                        \
                      "threads of the CPU device (default: one a processor); results do not depend on it")

caviar_status device_open(caviar_device **device, caviar_device_info *info, const device_settings *settings);

/* Writes what runs, for people: "cpu, AMD EPYC, 2 threads (no CUDA GPU found)". */
void device_describe(char text[256], const caviar_device_info *info, const device_settings *settings);

#endif
