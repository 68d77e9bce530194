/* SPDX-License-Identifier: MIT
 *
 * Results for people: a table a benchmark on stdout. For programs: all results in one JSON
 * file. */
#ifndef BENCH_MICRO_REPORT_H
#define BENCH_MICRO_REPORT_H

#include "harness.h"

/* All results of one benchmark. */
struct report_part {
    const struct bench *bench;
    const struct bench_series *series;
    size_t count;
};

/* Prints the table of one benchmark. */
void report_table(const struct report_part *part, const struct harness_plan *plan);

/* Before the runs: can the file be written? Returns an exit code, after a message if it is not
 * 0. */
int report_json_check(const char *path);

/* Writes the file: in full under another name, then renamed, so that no reader finds half of
 * it. What is there but is no ordinary file is written to directly. Returns an exit code,
 * likewise. */
int report_json(const char *path, const struct report_part *parts, size_t count,
                const struct harness_plan *plan);

#endif
