/* SPDX-License-Identifier: MIT
 *
 * round-trip: how long one task takes from outside and back, with the pool just used: the
 * workers may still be looking for work. */
#include "trips.h"

enum { FULL_TRIPS = 10000, QUICK_TRIPS = 200 };

static const char *setup(const struct bench_job *job, void **state)
{
    return trips_setup(job, job->quick ? QUICK_TRIPS : FULL_TRIPS, 0, state);
}

static const struct bench_program programs[] = {
    {"round-trip", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup, trips_run, trips_teardown,
     NULL},
};

const struct bench bench_round_trip = {
    .name = "round-trip",
    .title = "submit one task and wait for its result, back to back; ns a task",
    .tails = true,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
