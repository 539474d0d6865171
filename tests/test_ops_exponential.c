/* The CPU device's own exp, tanh and sigmoid against libm's in double, all over their range. */
#include "host/cpu/exponential.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

/* How far apart in units of the last place of the expected number, as a float. */
static double units(float got, double expected) {
    int exponent;
    frexp(expected, &exponent);
    return fabs((double)got - expected) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every 997th float of either sign: a prime step meets all patterns of the low bits. */
Test(ops_exponential, errors) {
    double worst[3] = { 0, 0, 0 };
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 997)
        for (int negative = 0; negative < 2; negative++) {
            const float x = from_bits(bits | (uint32_t)negative << 31);
            if (x >= -87 && x <= 88) worst[0] = fmax(worst[0], units(caviar_exp_bounded(x), exp((double)x)));
            worst[1] = fmax(worst[1], units(caviar_tanh(x), tanh((double)x)));
            const float y = caviar_sigmoid(x);
            if (x >= -87)
                worst[2] = fmax(worst[2], units(y, 1 / (1 + exp(-(double)x))));
            else
                cr_assert(y >= 0 && y < 2e-38f, "sigmoid(%g) is %g", (double)x, (double)y);
        }
    cr_assert(worst[0] <= 1 && worst[1] <= 2 && worst[2] <= 2.5, "exp %g, tanh %g, sigmoid %g units", worst[0],
              worst[1], worst[2]);
}

Test(ops_exponential, limits) {
    cr_assert(caviar_tanh(INFINITY) == 1 && caviar_tanh(-INFINITY) == -1 && caviar_tanh(0) == 0);
    cr_assert(caviar_tanh(FLT_MAX) == 1 && caviar_tanh(1e-40f) == 1e-40f);
    cr_assert(caviar_sigmoid(INFINITY) == 1 && caviar_sigmoid(0) == 0.5f && caviar_sigmoid(-INFINITY) < 2e-38f);
    cr_assert(caviar_exp_bounded(0) == 1 && caviar_exp_bounded(-0.0f) == 1);
    cr_assert(isnan(caviar_tanh(NAN)) && isnan(caviar_sigmoid(NAN)) && isnan(caviar_exp_bounded(-NAN)));
}
