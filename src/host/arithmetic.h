/*
 * The program's rounding mode, traps and treatment of denormal numbers are its own business, and results are not to
 * depend on them. A public function that computes begins with
 *     CAVIAR_OWN_ARITHMETIC;
 * which sets the usual ones for the calling thread until the function returns.
 */
#ifndef CAVIAR_HOST_ARITHMETIC_H
#define CAVIAR_HOST_ARITHMETIC_H

#include <fenv.h>

static inline fenv_t caviar_arithmetic_enter(void) {
    fenv_t before;
    fegetenv(&before);
    fesetenv(FE_DFL_ENV);
    return before;
}

static inline void caviar_arithmetic_leave(const fenv_t *before) {
    fesetenv(before);
}

#define CAVIAR_OWN_ARITHMETIC                                                                                          \
    const fenv_t caviar_arithmetic __attribute__((cleanup(caviar_arithmetic_leave), unused)) = caviar_arithmetic_enter()

#endif
