/* SPDX-License-Identifier: MIT
 *
 * Runs the series of one benchmark against each other. Each series has a process of its own, so
 * that its peak memory, CPU time, threads and heap are its own; all of them are set up first,
 * then run in turn, round by round, so that a machine that slows down for a while slows all of
 * them down. README.md has the details. */
#ifndef BENCH_MICRO_HARNESS_H
#define BENCH_MICRO_HARNESS_H

#include "bench.h"

#define HARNESS_RUNS_MIN 10
#define HARNESS_RUNS_MAX 1000

/* What is known of a series after its runs. */
struct bench_result {
    int runs;
    double median, min, max;
    double p99;    /* median of the runs' p99 */
    double cpu;    /* seconds of CPU time a run, all threads together: median */
    long peak_rss; /* KiB */
};

struct bench_series {
    const struct bench_program *program;
    int workers;
    struct bench_result result;
};

struct harness_plan {
    int runs; /* counted ones, after a warm-up */
    bool quick;
};

/* Forks: the caller must be single-threaded. Fills in the results. Returns an exit code, after
 * a message if it is not 0; no process is left behind. */
int harness_run(const struct bench *bench, struct bench_series *series, size_t count,
                const struct harness_plan *plan);

#endif
