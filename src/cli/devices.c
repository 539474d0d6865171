/* `caviar devices`, and opening the device that a subcommand asks for. */
#include "devices.h"

#include "command.h"
#include "json.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

caviar_status device_open(caviar_device **device, caviar_device_info *info, const device_settings *settings) {
    caviar_device *opened = NULL;
    caviar_status status = caviar_device_open(&opened, settings->name, settings->threads);
    if (status == CAVIAR_OK) status = caviar_device_get_info(info, opened);
    if (status == CAVIAR_OK)
        *device = opened;
    else
        caviar_device_close(opened);
    return status;
}

void device_describe(char text[256], const caviar_device_info *info, const device_settings *settings) {
    const int is_cpu = !strcmp(info->name, "cpu");
    char threads[32] = "";
    if (is_cpu) snprintf(threads, sizeof threads, ", %d thread%s", info->threads, info->threads == 1 ? "" : "s");
    snprintf(text, 256, "%s, %s%s%s", info->name, info->description, threads,
             is_cpu && !strcmp(settings->name, "auto") ? " (no CUDA GPU found)" : "");
}

/* Prints the list; `missing` says why there is no GPU, or is NULL. */
static int print_list(const char *missing) {
    const double gibibyte = 1024.0 * 1024.0 * 1024.0;
    text_table list;
    table_init(&list, 5);
    table_cell(&list, "device");
    table_cell(&list, "threads");
    table_cell(&list, "memory GiB");
    table_cell(&list, "free GiB");
    table_cell(&list, "description");
    const int count = caviar_device_count();
    for (int i = 0; i < count; i++) {
        caviar_device_info info;
        const caviar_status status = caviar_device_describe(&info, i);
        if (status != CAVIAR_OK) {
            table_free(&list);
            return command_fail("devices", status);
        }
        table_cell(&list, "%s", info.name);
        table_cell(&list, info.threads ? "%d" : "-", info.threads);
        table_cell(&list, "%.1f", (double)info.memory_total / gibibyte);
        table_cell(&list, "%.1f", (double)info.memory_free / gibibyte);
        table_cell(&list, "%s", info.description);
    }
    const int printed = table_print(&list, stdout, 0);
    table_free(&list);
    if (printed != 0) return command_error(EXIT_CODE_FAILED, "devices", "out of memory");
    if (missing) printf("\nno GPU: %s\n", missing);
    return EXIT_CODE_OK;
}

static int print_json(void) {
    const int count = caviar_device_count();
    json_t *list = json_array();
    int complete = 1;
    for (int i = 0; i < count; i++) {
        caviar_device_info info;
        const caviar_status status = caviar_device_describe(&info, i);
        if (status != CAVIAR_OK) {
            json_decref(list);
            return command_fail("devices", status);
        }
        if (json_array_append_new(list, json_of_device(&info)) != 0) complete = 0;
    }
    json_t *document = json_pack("{s:o}", "devices", list);
    if (complete && json_print(document, stdout)) return EXIT_CODE_OK;
    if (!complete) json_decref(document);
    return command_error(EXIT_CODE_FAILED, "devices", "out of memory");
}

int command_devices(int argc, char **argv) {
    int json = 0;
    const command_option table[] = {
        OPTIONS_HEADING("Options"),
        OPTIONS_FLAG("json", &json, "print one JSON document"),
    };
    const int count = sizeof table / sizeof table[0];
    switch (options_parse("devices", table, count, argc, argv)) {
    case OPTIONS_BAD:
    case OPTIONS_NO_MEMORY: return EXIT_CODE_USAGE;
    case OPTIONS_HELP:
        printf("Lists the devices that networks can be trained on, by the names that --device\n"
               "takes, with their memory.\n"
               "\n"
               "Usage: caviar devices [--json]\n");
        options_print_help(table, count);
        printf("\nExit codes\n  0  success    1  failure    2  bad usage\n");
        return EXIT_CODE_OK;
    default: break;
    }
    if (json) return print_json();
    if (caviar_device_count() > 1) return print_list(NULL);
    caviar_device *gpu = NULL; /* asked for only to learn why there is none */
    const caviar_status status = caviar_device_open(&gpu, "cuda", 0);
    caviar_device_close(gpu);
    return print_list(status == CAVIAR_OK ? NULL : caviar_last_error());
}
