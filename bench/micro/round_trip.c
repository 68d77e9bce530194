/* SPDX-License-Identifier: MIT
 *
 * round-trip: how long one task takes from outside and back, with the workers just used: they may
 * still be looking for work. */
#include "trips.h"

#include "bench/workloads/workload.h"

static const struct workload work = {.name = "round-trip", .size = 10000, .quick_size = 200};

static const char *setup(const struct bench_job *job, void **state)
{
    return trips_setup(job, 0, state);
}

static const struct bench_program programs[] = {
    {"round-trip", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup, trips_run, trips_teardown,
     NULL},
};

const struct bench bench_round_trip = {
    .name = "round-trip",
    .title = "submit one task and wait for its result, back to back; ns a task",
    .tails = true,
    .peers = true,
    .workload = &work,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
