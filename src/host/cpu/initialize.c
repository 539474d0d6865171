/* initialize and sample. Formulas: caviar/ops.h. */
#include "cpu.h"
#include "kernels/randomness.h"

#include <math.h>
#include <string.h>

static void initialize_row(const caviar_initialize_args *a, int64_t k, int64_t i, int64_t columns, float bound,
                           float *row) {
    const uint64_t subsequence = caviar_subsequence(CAVIAR_PURPOSE_WEIGHTS, a->layer, a->stream[k]);
    for (int64_t j = 0; j < columns; j += 4) {
        const caviar_words words = caviar_philox(a->seed, subsequence, (uint64_t)i * 1024 + (uint64_t)j / 4);
        for (int64_t lane = 0; lane < 4 && j + lane < columns; lane++)
            row[j + lane] = bound * caviar_uniform_symmetric(words.word[lane]);
    }
}

void caviar_cpu_initialize(const caviar_initialize_args *a, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k++) {
        if (a->selected && !a->selected[k]) continue;
        const int64_t rows = a->row_widths ? a->row_widths[k] : a->rows;
        const int64_t columns = a->column_widths ? a->column_widths[k] : a->columns;
        const float gain = a->activation && a->activation[k] == CAVIAR_RELU ? 2 : 1;
        const float bound = sqrtf(3 * gain / (float)rows);
        float *tensor = a->tensor.data + k * a->tensor.model_stride;
        memset(tensor, 0, (size_t)(a->rows * a->columns) * sizeof *tensor);
        for (int64_t i = 0; i < rows; i++) {
            float *row = tensor + i * a->columns;
            if (a->kind == CAVIAR_INITIALIZE_UNIFORM_FAN_IN)
                initialize_row(a, k, i, columns, bound, row);
            else
                for (int64_t j = 0; j < columns; j++) row[j] = a->value;
        }
    }
}

void caviar_cpu_sample(const caviar_sample_args *a, int64_t first, int64_t last) {
    for (int64_t t = first; t < last; t++)
        for (int64_t i = 0; i < a->axis_count; i++) {
            const double position = caviar_axis_sample(&a->axes[i], a->seed, (uint32_t)(a->first_trial + t), 0, i);
            a->positions[t * a->axis_count + i] = position;
            a->values[t * a->axis_count + i] = caviar_axis_value(&a->axes[i], position);
        }
}
