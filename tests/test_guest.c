/* The library as a guest: in a process that rounds its own way, forks, has no threads to give, or blocks signals. */
#include "folder.h"
#include "host/cpu/team.h"

#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --------------------------------------------------------------------------------------------------------------- team
 */

typedef struct tally {
    _Atomic int times[3000];
    _Atomic int total;
} tally;

static void count(void *context, int64_t first, int64_t last) {
    tally *t = context;
    for (int64_t u = first; u < last; u++) {
        t->times[u]++;
        t->total++;
    }
}

static void check_each_once(caviar_team *team, int threads, int64_t units, int64_t grain) {
    static tally t;
    memset(&t, 0, sizeof t);
    caviar_team_run(team, threads, units, grain, count, &t);
    cr_assert(t.total == units, "%d of %d units, %d threads, ranges of %d", t.total, (int)units, threads, (int)grain);
    for (int64_t u = 0; u < units; u++) cr_assert(t.times[u] == 1);
}

Test(guest, each_unit_is_done_once) {
    for (int threads = 1; threads <= 5; threads++) {
        caviar_team *team = caviar_team_create(threads);
        for (int64_t units = 1; units < 40; units++)
            for (int64_t grain = 1; grain < 8; grain++) check_each_once(team, threads, units, grain);
        for (int i = 0; i < 300; i++) check_each_once(team, 1 + i % threads, 1 + (i * 37) % 3000, 1 + i % 11);
        caviar_team_destroy(team);
    }
}

/* ----------------------------------------------------------------------------------------------------------- training
 */

static uint64_t hash(uint64_t h, const void *data, size_t size) {
    for (const unsigned char *c = data; size > 0; c++, size--) h = (h ^ *c) * UINT64_C(1099511628211);
    return h;
}

static uint64_t hash_file(uint64_t h, const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    for (int c; (c = fgetc(file)) != EOF;) h = hash(h, &(char){ (char)c }, 1);
    fclose(file);
    return h;
}

/* Everything from a file of text to models, metrics and predictions, by numbers that do not come out even. */
static uint64_t everything(int threads) {
    enum { MODELS = 9 };
    caviar_device *device;
    caviar_dataset *dataset;
    caviar_population *population;
    caviar_model *model;
    caviar_metrics metrics[MODELS];
    caviar_hyperparameters h[MODELS];
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    char name[32];
    snprintf(name, sizeof name, "model-%d", (int)getpid());
    FILE *file = fopen(in_folder(name), "w");
    fprintf(file, "a,b,label\n");
    for (int i = 0; i < 200; i++)
        fprintf(file, "%d.%03d,1.%06de-%d,%d\n", i % 7, i * 37 % 1000, i * 7919 % 1000000, i % 5, i % 3);
    fclose(file);
    SUCCEEDS(caviar_device_open(&device, "cpu", threads));
    SUCCEEDS(caviar_dataset_load_csv(&dataset, in_folder(name), NULL));
    SUCCEEDS(caviar_dataset_split(dataset, 0.2, 0.1, 1));
    options.models = MODELS;
    options.batch_size = 32;
    for (int k = 0; k < MODELS; k++) {
        h[k] = (caviar_hyperparameters)CAVIAR_HYPERPARAMETERS_INIT;
        h[k].learning_rate = 0x1p-12 * (k + 1); /* exact in every mode */
        h[k].optimizer = (caviar_optimizer)(k % 5);
        h[k].schedule = (caviar_schedule)(k % 4);
        h[k].decay_rate = 0.7;
        h[k].dropout = 0.1;
        h[k].stream = (uint32_t)k;
    }
    SUCCEEDS(caviar_population_create(&population, device, dataset, &options));
    SUCCEEDS(caviar_population_start(population, 0, MODELS, h));
    SUCCEEDS(caviar_population_train(population, 40));
    SUCCEEDS(caviar_population_evaluate(metrics, population, CAVIAR_VALIDATION));
    uint64_t result = hash(UINT64_C(1469598103934665603), metrics, sizeof metrics);
    SUCCEEDS(caviar_population_training_metrics(metrics, population));
    result = hash(result, metrics, sizeof metrics);
    SUCCEEDS(caviar_population_read_model(&model, population, 3));
    SUCCEEDS(caviar_model_save(model, in_folder(name)));
    result = hash_file(result, in_folder(name));
    caviar_model_destroy(model);
    caviar_population_destroy(population);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
    return result;
}

TestSuite(guest_training, .init = make_folder, .fini = remove_folder);

Test(guest_training, rounding_traps_and_denormals_are_its_own) {
    const uint64_t expected = everything(1);
    static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    for (int i = 0; i < 3; i++) {
        fesetround(modes[i]);
        const uint64_t one = everything(1), two = everything(2);
        cr_expect(fegetround() == modes[i], "the program's rounding has changed");
        fesetround(FE_TONEAREST);
        cr_expect(one == expected && two == expected, "rounding mode %d", i);
    }
#if defined(__x86_64__)
    const unsigned mode = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(mode | 0x8040); /* denormal numbers are 0 */
    cr_expect(everything(2) == expected);
    cr_expect((__builtin_ia32_stmxcsr() & 0x8040) == 0x8040);
    __builtin_ia32_ldmxcsr(mode);
    feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
    cr_expect(everything(2) == expected);
    cr_expect(fegetexcept() == (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW));
    fedisableexcept(FE_ALL_EXCEPT);
#endif
}

static int in_child(int (*body)(void *context), void *context) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(60); /* a child that hangs is ended by it */
        _exit(body(context));
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

typedef struct forked {
    caviar_team *team;
    uint64_t expected;
} forked;

/* The team has threads in the parent and none here: it makes new ones, and those that are gone are not waited for. */
static int use_after_fork(void *context) {
    forked *f = context;
    for (int i = 0; i < 20; i++) check_each_once(f->team, 3, 100 + i, 1);
    if (everything(3) != f->expected) return 9;
    caviar_team_destroy(f->team);
    return 0;
}

static int close_after_fork(void *context) {
    caviar_team_destroy(((forked *)context)->team);
    return 0;
}

Test(guest_training, a_forked_child_uses_what_it_inherits) {
    forked f = { caviar_team_create(3), everything(3) };
    check_each_once(f.team, 3, 1000, 1);
    cr_expect(in_child(use_after_fork, &f) == 0);
    cr_expect(in_child(close_after_fork, &f) == 0);
    check_each_once(f.team, 3, 1000, 1);
    caviar_team_destroy(f.team);
}

static int without_threads(void *context) {
    const struct rlimit none = { 1, 1 };
    chmod(folder, 0777);
    if (setrlimit(RLIMIT_NPROC, &none) != 0) return 2;
    if (getuid() == 0 && setuid(65534) != 0) return 3; /* the limit does not bind root */
    return everything(4) == *(uint64_t *)context ? 0 : 9;
}

Test(guest_training, where_no_thread_can_be_created_there_are_fewer) {
    uint64_t expected = everything(1);
    cr_expect(in_child(without_threads, &expected) == 0);
}

static atomic_int interrupted;

static void on_signal(int number) {
    (void)number;
    interrupted++;
}

static void *block_and_train(void *context) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    *(uint64_t *)context = everything(3);
    return NULL;
}

/* A signal to the process goes to a thread that takes it, which none of the device's does. */
Test(guest_training, signals_are_the_program_s) {
    uint64_t result = 0;
    pthread_t thread;
    signal(SIGUSR1, on_signal);
    cr_assert(pthread_create(&thread, NULL, block_and_train, &result) == 0);
    for (int i = 0; i < 50; i++) {
        kill(getpid(), SIGUSR1);
        usleep(1000);
    }
    pthread_join(thread, NULL);
    cr_expect(interrupted > 0 && result == everything(1));
}
