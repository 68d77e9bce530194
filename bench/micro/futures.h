/* SPDX-License-Identifier: MIT
 *
 * Many tasks with a future each, submitted one by one by a thread that is no worker. The
 * benchmarks submit-future and as-completed differ only in how they are read. */
#ifndef BENCH_MICRO_FUTURES_H
#define BENCH_MICRO_FUTURES_H

#include "bench.h"

struct filch_executor;
struct filch_future;

struct futures {
    struct filch_executor *executor; /* NULL: serial */
    size_t count;
    struct filch_future **futures; /* serial: NULL */
    void **results;                /* serial: what the calls returned */
};

/* For bench_programs. Serial: the same function called by pointer, its results kept and then
 * read. */
const char *futures_setup_serial(const struct bench_job *job, void **state);
const char *futures_setup(const struct bench_job *job, void **state);
const char *futures_run_serial(void *state, struct bench_sample *sample);
void futures_teardown(void *state);

/* Submits all tasks: number i, from 0, returns i. Returns 0 or an error of filch's. */
int futures_submit(struct futures *futures);

/* Waits for a future, adds its result to *sum and releases it. Returns 0 or an error of
 * filch's. */
int futures_read(struct filch_future *future, uint64_t *sum);

#endif
