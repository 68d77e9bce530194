/* SPDX-License-Identifier: MIT
 *
 * submit-future: tasks from outside with a future each. One thread that is no worker submits
 * 1,000,000 of them, then reads every result, in the order of submission, and releases the future;
 * in nanoseconds a task. */
#include "futures.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/error.h>

static const struct workload work = {.name = "submit-future",
                                     .size = 1000000,
                                     .quick_size = 4000};

static const char *run(void *state, struct bench_sample *sample)
{
    struct futures *futures = state;
    uint64_t start = clock_now();
    int error = futures_submit(futures);
    for (size_t i = 0; !error && i < futures->count; i++)
        error = futures_read(futures->futures[i], &sample->result);
    sample->value = (double)(clock_now() - start) / (double)futures->count;
    return error ? filch_strerror(error) : NULL;
}

static const struct bench_program programs[] = {
    {"submit-future", BENCH_SYSTEM_SERIAL, "ns", BENCH_ONE, 0, futures_setup_serial,
     futures_run_serial, futures_teardown, NULL},
    {"submit-future", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, futures_setup, run,
     futures_teardown, NULL},
};

const struct bench bench_submit_future = {
    .name = "submit-future",
    .title = "1,000,000 tasks with a future each from outside, all results read; ns a task",
    .peers = true,
    .workload = &work,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
