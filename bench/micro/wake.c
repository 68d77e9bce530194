/* SPDX-License-Identifier: MIT
 *
 * wake: how long one task takes from outside and back when the pool sleeps: the caller rests
 * for 1 ms before each, longer than a worker stays awake for nothing. */
#include "trips.h"

enum { FULL_TRIPS = 400, QUICK_TRIPS = 20 };

#define REST_NS UINT64_C(1000000)

static const char *setup(const struct bench_job *job, void **state)
{
    return trips_setup(job, job->quick ? QUICK_TRIPS : FULL_TRIPS, REST_NS, state);
}

static const struct bench_program programs[] = {
    {"wake", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup, trips_run, trips_teardown, NULL},
};

const struct bench bench_wake = {
    .name = "wake",
    .title = "submit one task after 1 ms of rest and wait for its result; ns a task",
    .tails = true,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
