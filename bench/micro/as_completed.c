/* SPDX-License-Identifier: MIT
 *
 * as-completed: the same as submit-future, but the results are read as filch_as_completed hands the
 * futures out; in nanoseconds a future, from the first submission to the last result. */
#include "futures.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/error.h>
#include <filch/wait.h>

static const struct workload work = {.name = "as-completed",
                                     .size = 1000000,
                                     .quick_size = 4000};

static int read_as_completed(const struct futures *futures, uint64_t *sum)
{
    struct filch_as_completed *iterator;
    int error =
        filch_as_completed_create(futures->futures, futures->count, FILCH_FOREVER, &iterator);
    if (error)
        return error;
    struct filch_future *future;
    while (!error && !(error = filch_as_completed_next(iterator, &future)))
        error = futures_read(future, sum);
    filch_as_completed_destroy(iterator);
    for (size_t i = 0; i < futures->count; i++)
        filch_future_release(futures->futures[i]);
    return error == FILCH_EEND ? 0 : error;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct futures *futures = state;
    uint64_t start = clock_now();
    int error = futures_submit(futures);
    if (!error)
        error = read_as_completed(futures, &sample->result);
    sample->value = (double)(clock_now() - start) / (double)futures->count;
    return error ? filch_strerror(error) : NULL;
}

static const struct bench_program programs[] = {
    {"as-completed", BENCH_SYSTEM_SERIAL, "ns", BENCH_ONE, 0, futures_setup_serial,
     futures_run_serial, futures_teardown, NULL},
    {"as-completed", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, futures_setup, run,
     futures_teardown, NULL},
};

const struct bench bench_as_completed = {
    .name = "as-completed",
    .title = "1,000,000 tasks with a future each, read in the order in which they complete; "
             "ns a future",
    .peers = true,
    .workload = &work,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
