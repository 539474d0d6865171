/* Figures for the scorecard of tools/check: what a test achieved of the promises that tests/promises lists. */
#ifndef CAVIAR_TESTS_SCORECARD_H
#define CAVIAR_TESTS_SCORECARD_H

#include <stdio.h>
#include <stdlib.h>

/*
 * Notes the figure, where CAVIAR_SCORECARD names a file for it. To be called when everything that the figure stands
 * for has been checked: a test that fails leaves none. Of several figures of one promise the worst counts.
 */
static inline void scorecard(const char *promise, double achieved) {
    const char *path = getenv("CAVIAR_SCORECARD");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%s %.17g\n", promise, achieved);
    fclose(file);
}

#endif
