#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const op_cases *const all_cases[CAVIAR_OP_COUNT] = {
#define CASES_ENTRY(name) [CAVIAR_OP_##name] = &cases_##name,
    CAVIAR_FOR_EACH_OP(CASES_ENTRY)
#undef CASES_ENTRY
};

const char *const op_names[CAVIAR_OP_COUNT] = {
#define NAME_ENTRY(name) [CAVIAR_OP_##name] = #name,
    CAVIAR_FOR_EACH_OP(NAME_ENTRY)
#undef NAME_ENTRY
};

caviar_device *open_test_device(const char *name) {
    const char *chosen = getenv("CAVIAR_TEST_DEVICE");
    caviar_device *device = NULL;
    if (chosen) name = chosen;
    const caviar_status status = caviar_device_open(&device, name, 2);
    if (status == CAVIAR_NO_DEVICE && strncmp(name, "cuda", 4) == 0) {
        printf("skipped: %s\n", caviar_last_error());
        fflush(stdout);
#ifdef cr_skip_test
        cr_skip_test("%s", caviar_last_error());
#endif
    }
    cr_assert(status == CAVIAR_OK, "%s: %s", name, caviar_last_error());
    return device;
}

void run_call(caviar_device *device, const caviar_call *call) {
    switch (call->op) {
#define RUN_CASE(name)                                                                                                 \
    case CAVIAR_OP_##name: SUCCEEDS(caviar_op_##name(device, &call->args.name, NULL)); break;
        CAVIAR_FOR_EACH_OP(RUN_CASE)
#undef RUN_CASE
    case CAVIAR_OP_COUNT: break;
    }
    SUCCEEDS(device->table->wait(device));
}

static int is_beyond_grids(const shape *size) {
    return size->models >= 65535 || size->width >= 65535;
}

static int is_left_out(const shape *size) {
    const char *most = getenv("CAVIAR_TEST_ELEMENTS");
    const int64_t width = size->in > size->width ? size->in : size->width;
    return most && (double)size->models * (double)size->batch * (double)(width ? width : 1) > atof(most);
}

size_t count_cases(caviar_op op, int beyond_grids) {
    size_t count = 0;
    for (size_t i = 0; i < all_cases[op]->count; i++)
        count += is_beyond_grids(&all_cases[op]->shapes[i]) == beyond_grids;
    return count;
}

size_t check_op(caviar_device *device, caviar_op op, int beyond_grids) {
    const op_cases *cases = all_cases[op];
    size_t count = 0;
    for (size_t i = 0; i < cases->count; i++) {
        if (is_beyond_grids(&cases->shapes[i]) != beyond_grids || is_left_out(&cases->shapes[i])) continue;
        count++;
        scene s;
        caviar_call call = { .op = op };
        scene_begin(&s, device, &cases->shapes[i], 0);
        s.op = op_names[op];
        cases->build(&s, &call);
        scene_send(&s);
        run_call(device, &call);
        scene_fetch(&s);
        cases->check(&s, &call);
        scene_end(&s);
    }
    return count;
}
