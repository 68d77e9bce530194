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
    bool once; /* the warm-up took longer than the plan's patience: it is the only run */
    double median, min, max;
    double p99;     /* median of the runs' p99 */
    double cpu;     /* seconds of CPU time a run, all threads together: median */
    double steals;  /* median; negative: unknown */
    long peak_rss;  /* KiB */
    char note[160]; /* why there are no figures; else empty */
};

struct bench_series {
    const struct bench_program *program;
    int workers;
    struct bench_result result;
};

struct harness_plan {
    int runs;        /* counted ones, after a warm-up */
    double patience; /* seconds: a series whose warm-up takes longer is not run again */
    bool quick;
};

/* Forks: the caller must be single-threaded. Fills in the results. Returns an exit code, after
 * a message if it is not 0; no process is left behind. What goes wrong with a peer, a wrong result
 * included, is a note in its row instead, and so is a lack of memory. */
int harness_run(const struct bench *bench, struct bench_series *series, size_t count,
                const struct harness_plan *plan);

#endif
