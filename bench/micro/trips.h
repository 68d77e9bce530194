/* SPDX-License-Identifier: MIT
 *
 * Round trips from outside: a task is submitted, its result waited for, and again. The benchmarks
 * round-trip and wake differ only in the rest before each trip; wake's baseline and starve have
 * trips of their own kind. A run's value is the median of its trips, in nanoseconds. */
#ifndef BENCH_MICRO_TRIPS_H
#define BENCH_MICRO_TRIPS_H

#include "bench.h"

#include <stdint.h>

struct trip {
    uint64_t there; /* what is handed over */
    uint64_t back;  /* what came back, to be checked; as is ns, set by the traveller */
    double ns;
};

struct trips {
    /* Makes one trip. Returns NULL, or the text of an error. */
    const char *(*travel)(struct trips *trips, struct trip *trip);
    uint64_t rest_ns; /* before each */
    size_t count;
    double *ns;
};

/* For those who travel in their own way, with a struct trips as the first member of their state. */
const char *trips_init(struct trips *trips, const struct bench_job *job, uint64_t rest_ns);
void trips_fini(struct trips *trips);

/* A bench_program's run, whatever the way. */
const char *trips_run(void *state, struct bench_sample *sample);

/* For a bench_program's setup, and its teardown: trips to an executor and back. */
const char *trips_setup(const struct bench_job *job, uint64_t rest_ns, void **state);
void trips_teardown(void *state);

#endif
