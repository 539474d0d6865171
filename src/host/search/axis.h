/* One axis of a search space: between values and positions on the parameter's own scale. */
#ifndef CAVIAR_HOST_AXIS_H
#define CAVIAR_HOST_AXIS_H

#include "space.h"

#include <caviar/ops.h>

/* The axis of a range: its bounds and the interval of positions whose values they are. */
caviar_axis caviar_axis_of_range(const caviar_space_parameter *range);

/* What its values are multiples of: 1 for whole numbers, the quantum; 0: it is continuous. */
double caviar_axis_unit(const caviar_axis *axis);

/* The position at which a value stands. */
double caviar_axis_position(const caviar_axis *axis, double value);

/* The least and the largest value that the axis' interval of positions gives, of one that has a unit. */
void caviar_axis_ends(double *least, double *largest, const caviar_axis *axis);

#endif
