/* SPDX-License-Identifier: MIT
 *
 * starve: does work from inside keep out work from outside? As many tasks as there are workers
 * submit themselves again for ever; meanwhile a task is submitted from outside, 200 times, each
 * after 1 ms of rest. In nanoseconds, until that task starts. */
#include "trips.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/executor.h>
#include <filch/group.h>

#include <stdatomic.h>
#include <stdlib.h>

#define REST_NS    UINT64_C(1000000)
#define PATIENCE_S 10

static const struct workload work = {.name = "starve", .size = 200, .quick_size = 20};

struct starve {
    struct trips trips;
    struct filch_executor *executor;
    struct filch_group *group; /* of the tasks that go on for ever */
    int workers;
    _Atomic(bool) over; /* the end of for ever */
};

/* For ever. */
static void *again(void *of)
{
    struct starve *starve = of;
    /* Relaxed: nothing else is read because of it. */
    if (atomic_load_explicit(&starve->over, memory_order_relaxed))
        return NULL;
    int error = filch_group_submit(starve->group, again, starve);
    return error ? filch_fail(error, "%s", filch_strerror(error)) : NULL;
}

/* The task from outside. */
struct guest {
    struct trip *trip;
    uint64_t start;
};

static void *arrive(void *of)
{
    struct guest *guest = of;
    guest->trip->ns = (double)(clock_now() - guest->start);
    guest->trip->back = guest->trip->there;
    return NULL;
}

static const char *travel(struct trips *trips, struct trip *trip)
{
    struct starve *starve = (struct starve *)trips;
    struct filch_future *future;
    struct guest guest = {trip, clock_now()};
    int error = filch_executor_submit(starve->executor, arrive, &guest, &future);
    if (error)
        return filch_strerror(error);
    error = filch_future_result(future, PATIENCE_S, NULL);
    filch_future_release(future);
    return error ? filch_strerror(error) : NULL;
}

static const char *setup(const struct bench_job *job, void **state)
{
    struct starve *starve = calloc(1, sizeof *starve);
    if (!starve)
        return filch_strerror(FILCH_ENOMEM);
    starve->trips.travel = travel;
    starve->workers = job->workers;
    *state = starve;
    const char *text = trips_init(&starve->trips, job, REST_NS);
    if (text)
        return text;
    int error = filch_executor_create(job->workers, NULL, &starve->executor);
    if (!error)
        error = filch_group_create(starve->executor, NULL, &starve->group);
    return error ? filch_strerror(error) : NULL;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct starve *starve = state;
    int error = 0;
    atomic_store_explicit(&starve->over, false, memory_order_relaxed);
    for (int i = 0; !error && i < starve->workers; i++)
        error = filch_group_submit(starve->group, again, starve);
    if (error)
        return filch_strerror(error);
    const char *text = trips_run(state, sample);
    if (text)
        return text;
    atomic_store_explicit(&starve->over, true, memory_order_relaxed);
    error = filch_group_wait(starve->group, FILCH_FOREVER);
    return error ? filch_strerror(error) : NULL;
}

static void teardown(void *state)
{
    struct starve *starve = state;
    filch_group_destroy(starve->group);
    filch_executor_destroy(starve->executor);
    trips_fini(&starve->trips);
    free(starve);
}

static const struct bench_program programs[] = {
    {"starve", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup, run, teardown, NULL},
};

const struct bench bench_starve = {
    .name = "starve",
    .title = "a task from outside while every worker's tasks submit themselves for ever; "
             "ns until it starts",
    .tails = true,
    .workload = &work,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
