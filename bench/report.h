/* What is printed of a run: one document, as markdown, CSV or JSON. */
#ifndef CAVIAR_BENCH_REPORT_H
#define CAVIAR_BENCH_REPORT_H

#include "limits.h"
#include "row.h"

#include <jansson.h>
#include <stdio.h>

/* The document of a run: schema, header, warnings, limits and rows. */
typedef struct bench_run {
    json_t *header, *warnings; /* of header.c */
    int trial;                 /* too few windows and too small ceilings to mean anything */
    const bench_limits *limits;
    const bench_limits_samples *limits_samples;
    const bench_row *rows;
    int count;
} bench_run;

/* "ok", "wrong", "skipped" or "failed". */
const char *bench_row_verdict(const bench_row *row);

/* NULL: out of memory. bench/README.md describes the members. */
json_t *bench_run_to_json(const bench_run *run);

typedef enum bench_format { BENCH_MARKDOWN, BENCH_CSV, BENCH_JSON } bench_format;

/* Returns 0, or -1 when it could not be written. */
int bench_run_print(const bench_run *run, bench_format format, FILE *file);

#endif
