/* SPDX-License-Identifier: MIT
 *
 * Round trips from outside a pool: one task submitted, its result waited for, and again. The
 * benchmarks round-trip and wake differ only in the rest before each trip. */
#ifndef BENCH_MICRO_TRIPS_H
#define BENCH_MICRO_TRIPS_H

#include "bench.h"

#include <stdint.h>

/* For a bench_program's setup: `trips` trips a run, each after rest_ns of rest. */
const char *trips_setup(const struct bench_job *job, size_t trips, uint64_t rest_ns,
                        void **state);

/* A bench_program's run and teardown. The value is the median of a run's trips, in ns. */
const char *trips_run(void *state, struct bench_sample *sample);
void trips_teardown(void *state);

#endif
