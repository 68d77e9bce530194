/* SPDX-License-Identifier: MIT
 *
 * See trips.h. Each trip is timed by itself, two readings of the clock, about 0.05 us,
 * included. */
#include "trips.h"

#include "quantile.h"

#include "bench/cli/clock.h"

#include <filch/executor.h>

#include <stdlib.h>

const char *trips_init(struct trips *trips, const struct bench_job *job, uint64_t rest_ns)
{
    trips->rest_ns = rest_ns;
    trips->count = bench_size(job);
    trips->ns = calloc(trips->count, sizeof *trips->ns);
    return trips->ns ? NULL : filch_strerror(FILCH_ENOMEM);
}

void trips_fini(struct trips *trips)
{
    free(trips->ns);
}

const char *trips_run(void *state, struct bench_sample *sample)
{
    struct trips *trips = state;
    for (size_t i = 0; i < trips->count; i++) {
        struct trip trip = {.there = i};
        if (trips->rest_ns)
            clock_sleep(trips->rest_ns);
        const char *error = trips->travel(trips, &trip);
        if (error)
            return error;
        if (trip.back != trip.there)
            return "a task returned the result of another";
        trips->ns[i] = trip.ns;
        sample->result += trip.back;
    }
    sample->value = quantile_median(trips->ns, trips->count);
    sample->p99 = quantile_sorted(trips->ns, trips->count, 99);
    return NULL;
}

/* ---- To an executor ------------------------------------------------------------------------ */

struct executor_trips {
    struct trips trips;
    struct filch_executor *executor;
};

static void *echo(void *arg)
{
    return arg;
}

static const char *travel(struct trips *trips, struct trip *trip)
{
    struct filch_executor *executor = ((struct executor_trips *)trips)->executor;
    struct filch_future *future;
    void *back = NULL;
    uint64_t start = clock_now();
    int error = filch_executor_submit(executor, echo, (void *)(uintptr_t)trip->there, &future);
    if (error)
        return filch_strerror(error);
    error = filch_future_result(future, FILCH_FOREVER, &back);
    filch_future_release(future);
    trip->ns = (double)(clock_now() - start);
    trip->back = (uintptr_t)back;
    return error ? filch_strerror(error) : NULL;
}

const char *trips_setup(const struct bench_job *job, uint64_t rest_ns, void **state)
{
    struct executor_trips *trips = calloc(1, sizeof *trips);
    if (!trips)
        return filch_strerror(FILCH_ENOMEM);
    trips->trips.travel = travel;
    *state = trips;
    const char *text = trips_init(&trips->trips, job, rest_ns);
    if (text)
        return text;
    int error = filch_executor_create(job->workers, NULL, &trips->executor);
    return error ? filch_strerror(error) : NULL;
}

void trips_teardown(void *state)
{
    struct executor_trips *trips = state;
    filch_executor_destroy(trips->executor);
    trips_fini(&trips->trips);
    free(trips);
}
