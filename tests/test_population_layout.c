/* Where a population has what in memory. */
#include "blobs.h"
#include "host/population/population.h"

#include <stdlib.h>
#include <string.h>

#define NEED(call) cr_assert_eq((call), CAVIAR_OK, "%s: %s", #call, caviar_last_error())

/* Where each model has its part of a matrix, [models, batch, width]. */
typedef struct place {
    const float *first;
    int64_t stride, floats;
} place;

typedef struct places {
    place list[256];
    int count;
} places;

static void add_place(places *all, const caviar_matrix *m, int64_t batch, int64_t width) {
    if (m->data && m->model_stride)
        all->list[all->count++] = (place){ m->data, m->model_stride, (batch - 1) * m->example_stride + width };
}

static void add_places(places *all, const caviar_call *call) {
    if (call->op == CAVIAR_OP_linear_forward) {
        const caviar_linear_forward_args *a = &call->args.linear_forward;
        add_place(all, &a->x, a->batch, a->in);
        add_place(all, &a->y, a->batch, a->out);
    } else if (call->op == CAVIAR_OP_batch_norm_forward) {
        const caviar_batch_norm_forward_args *a = &call->args.batch_norm_forward;
        add_place(all, &a->y, a->batch, a->width);
    } else if (call->op == CAVIAR_OP_batch_norm_backward) {
        const caviar_batch_norm_backward_args *a = &call->args.batch_norm_backward;
        add_place(all, &a->dz, a->batch, a->width);
    } else if (call->op == CAVIAR_OP_linear_backward) {
        const caviar_linear_backward_args *a = &call->args.linear_backward;
        add_place(all, &a->dy, a->batch, a->out);
        add_place(all, &a->dx, a->batch, a->in);
    }
}

/* A model may be at any call of a step while another one is at any other: no two have a place in common. */
Test(population_layout, models_have_no_memory_in_common) {
    const int32_t widths[] = { 60, 19, 40, 19 };
    caviar_population_options options = CAVIAR_POPULATION_OPTIONS_INIT;
    options.models = 3;
    options.hidden_layers = 4;
    options.batch_size = 16;
    memcpy(options.hidden_width, widths, sizeof widths);
    caviar_device *device = NULL;
    caviar_dataset *dataset = make_blobs(60, 5, 3, 0.7, 7);
    caviar_population *population = NULL;
    NEED(caviar_device_open(&device, "cpu", 1));
    NEED(caviar_dataset_split(dataset, 0, 0, 0));
    NEED(caviar_population_create(&population, device, dataset, &options));
    caviar_call_list *list = malloc(sizeof *list);
    places *all = calloc(1, sizeof *all);
    cr_assert(list && all);
    caviar_build_training(list, population, 16);
    for (size_t i = 0; i < list->count; i++) add_places(all, &list->calls[i]);
    cr_assert(all->count > 20);
    for (int i = 0; i < all->count; i++)
        for (int j = 0; j < all->count; j++)
            for (int k = 0; k < 3; k++)
                for (int other = 0; other < 3; other++) {
                    const float *a = all->list[i].first + k * all->list[i].stride;
                    const float *b = all->list[j].first + other * all->list[j].stride;
                    cr_assert(k == other || a + all->list[i].floats <= b || b + all->list[j].floats <= a,
                              "places %d of model %d and %d of model %d", i, k, j, other);
                }
    free(list);
    free(all);
    caviar_population_destroy(population);
    caviar_dataset_destroy(dataset);
    caviar_device_close(device);
}
