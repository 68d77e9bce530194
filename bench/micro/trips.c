/* SPDX-License-Identifier: MIT
 *
 * See trips.h. Each trip is timed by itself, two readings of the clock, about 0.05 us,
 * included. */
#include "trips.h"

#include "quantile.h"

#include "bench/cli/clock.h"

#include <filch/future.h>
#include <filch/pool.h>

#include <stdlib.h>

struct trips {
    struct filch_pool *pool;
    uint64_t rest_ns;
    size_t count;
    double ns[];
};

const char *trips_setup(const struct bench_job *job, size_t count, uint64_t rest_ns,
                        void **state)
{
    struct trips *trips = calloc(1, sizeof *trips + count * sizeof trips->ns[0]);
    if (!trips)
        return filch_strerror(FILCH_ENOMEM);
    trips->count = count;
    trips->rest_ns = rest_ns;
    *state = trips;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &trips->pool);
    return code ? filch_strerror(code) : NULL;
}

static void *echo(void *arg)
{
    return arg;
}

static int travel(struct filch_pool *pool, void *there, void **back)
{
    struct filch_future *future;
    int error = filch_pool_submit(pool, echo, there, &future);
    if (error)
        return error;
    error = filch_future_result(future, FILCH_FOREVER, back);
    filch_future_release(future);
    return error;
}

const char *trips_run(void *state, struct bench_sample *sample)
{
    struct trips *trips = state;
    for (size_t i = 0; i < trips->count; i++) {
        void *back = NULL;
        if (trips->rest_ns)
            clock_sleep(trips->rest_ns);
        uint64_t start = clock_now();
        int error = travel(trips->pool, &trips->ns[i], &back);
        trips->ns[i] = (double)(clock_now() - start);
        if (error)
            return filch_strerror(error);
        if (back != &trips->ns[i])
            return "a task returned the result of another";
    }
    sample->value = quantile_median(trips->ns, trips->count);
    sample->p99 = quantile_sorted(trips->ns, trips->count, 99);
    return NULL;
}

void trips_teardown(void *state)
{
    struct trips *trips = state;
    filch_pool_destroy(trips->pool);
    free(trips);
}
