/*
 * Loads the shared library, trains on four threads and unloads it, 20 times: guest_unload LIBRARY. What is left behind
 * - a thread, a destructor, a handler - would run code that is not there any more.
 */
#include <caviar/caviar.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

/* The function of the library that is loaded now, by its name and with its type. */
#define IN(library, name) ((__typeof__(&name))dlsym(library, #name))

enum { EXAMPLES = 200, MODELS = 8 };

static int train(void *library) {
    caviar_device *device;
    caviar_dataset *dataset;
    caviar_population *population;
    float x[EXAMPLES][2];
    int32_t labels[EXAMPLES];
    caviar_hyperparameters h[MODELS];
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    for (int i = 0; i < EXAMPLES; i++) {
        x[i][0] = (float)(i % 7);
        x[i][1] = (float)(i % 5) + 0.5f;
        labels[i] = i % 2;
    }
    for (int k = 0; k < MODELS; k++) h[k] = (caviar_hyperparameters)CAVIAR_HYPERPARAMETERS_INIT;
    options.models = MODELS;
    options.batch_size = 32;
    NEED(IN(library, caviar_device_open)(&device, "nonsense", 1) != CAVIAR_OK); /* the message is the thread's */
    NEED(IN(library, caviar_device_open)(&device, "cpu", 4) == CAVIAR_OK);
    NEED(IN(library, caviar_dataset_create)(&dataset, x, CAVIAR_FLOAT32, labels, EXAMPLES, 2, 2) == CAVIAR_OK);
    NEED(IN(library, caviar_dataset_split)(dataset, 0.2, 0, 1) == CAVIAR_OK);
    NEED(IN(library, caviar_population_create)(&population, device, dataset, &options) == CAVIAR_OK);
    NEED(IN(library, caviar_population_start)(population, 0, MODELS, h) == CAVIAR_OK);
    NEED(IN(library, caviar_population_train)(population, 20) == CAVIAR_OK);
    IN(library, caviar_population_destroy)(population);
    IN(library, caviar_dataset_destroy)(dataset);
    IN(library, caviar_device_close)(device);
    return 0;
}

static int is_mapped(const char *name) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096];
    int found = 0;
    while (maps && fgets(line, sizeof line, maps)) found |= strstr(line, name) != NULL;
    if (maps) fclose(maps);
    return found;
}

int main(int count, char **arguments) {
    NEED(count == 2);
    for (int i = 0; i < 20; i++) {
        void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        NEED(library != NULL);
        NEED(is_mapped("libcaviar"));
        if (train(library) != 0) return 1;
        NEED(dlclose(library) == 0);
        NEED(!is_mapped("libcaviar"));
        usleep(1000); /* for a thread that was left behind to run */
    }
    return 0;
}
