/* SPDX-License-Identifier: MIT
 *
 * chain: 1,000,000 times filch_future_then(), each on the future of the one before; then the first
 * is completed by hand, and the last waited for. In nanoseconds a link, from the first call to the
 * last result.
 *   chain         links without an executor: they run on the thread that completes the first.
 *                 Serial: the same function, called by pointer
 *   chain-tasks   each link is a task of an executor */
#include "bench.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/executor.h>

#include <stdlib.h>

static const struct workload work = {.name = "chain", .size = 1000000, .quick_size = 4000};

struct chain {
    struct filch_executor *executor; /* or NULL */
    uint64_t links;
};

static const char *setup(const struct bench_job *job, void **state)
{
    struct chain *chain = calloc(1, sizeof *chain);
    if (!chain)
        return filch_strerror(FILCH_ENOMEM);
    chain->links = bench_size(job);
    *state = chain;
    return NULL;
}

static const char *setup_tasks(const struct bench_job *job, void **state)
{
    const char *text = setup(job, state);
    if (text)
        return text;
    struct chain *chain = *state;
    int error = filch_executor_create(job->workers, NULL, &chain->executor);
    return error ? filch_strerror(error) : NULL;
}

static void *add_one(void *value, void *arg)
{
    (void)arg;
    return (void *)((uintptr_t)value + 1);
}

static const char *run_serial(void *state, struct bench_sample *sample)
{
    struct chain *chain = state;
    filch_then_fn *volatile function = add_one; /* as unknown to the caller as a task */
    void *value = NULL;
    uint64_t start = clock_now();
    for (uint64_t i = 0; i < chain->links; i++)
        value = function(value, NULL);
    sample->value = (double)(clock_now() - start) / (double)chain->links;
    sample->result = (uintptr_t)value;
    return NULL;
}

/* *result: the last link's. Returns 0 or an error of filch's. */
static int follow(const struct chain *chain, void **result)
{
    struct filch_future *first, *last;
    int error = filch_future_create(&first);
    if (error)
        return error;
    last = filch_future_retain(first);
    for (uint64_t i = 0; i < chain->links; i++) {
        struct filch_future *before = last;
        error = filch_future_then(before, chain->executor, add_one, NULL, &last);
        if (error)
            return error;
        filch_future_release(before);
    }
    error = filch_future_set_result(first, NULL);
    if (!error)
        error = filch_future_result(last, FILCH_FOREVER, result);
    filch_future_release(first);
    filch_future_release(last);
    return error;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct chain *chain = state;
    void *result = NULL;
    uint64_t start = clock_now();
    int error = follow(chain, &result);
    sample->value = (double)(clock_now() - start) / (double)chain->links;
    sample->result = (uintptr_t)result;
    return error ? filch_strerror(error) : NULL;
}

static void teardown(void *state)
{
    struct chain *chain = state;
    filch_executor_destroy(chain->executor);
    free(chain);
}

static const struct bench_program programs[] = {
    {"chain", BENCH_SYSTEM_SERIAL, "ns", BENCH_ONE, 0, setup, run_serial, teardown, NULL},
    {"chain", BENCH_SYSTEM_FILCH, "ns", BENCH_ONE, 0, setup, run, teardown, NULL},
    {"chain-tasks", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup_tasks, run, teardown,
     NULL},
};

const struct bench bench_chain = {
    .name = "chain",
    .title =
        "1,000,000 futures that follow on each other, from the first to the last; ns a link",
    .peers = true,
    .workload = &work,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
