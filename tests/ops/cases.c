#include "cases.h"

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

void check_op(caviar_device *device, caviar_op op) {
    const op_cases *cases = all_cases[op];
    for (size_t i = 0; i < cases->count; i++) {
        scene s;
        caviar_call call = { .op = op };
        scene_begin(&s, device, &cases->shapes[i], 0);
        cases->build(&s, &call);
        scene_send(&s);
        run_call(device, &call);
        scene_fetch(&s);
        cases->check(&s, &call);
        scene_end(&s);
    }
}
