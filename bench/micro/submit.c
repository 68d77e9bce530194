/* SPDX-License-Identifier: MIT
 *
 * submit: what it takes to hand a task over from outside. One thread that is not a worker
 * submits 1,000,000 tasks, fire and forget, and waits until all have run; in nanoseconds a
 * task, from the first submission to the last end. The serial baseline calls the same function
 * by pointer.
 *
 * A task counts itself, or nobody would know the end: with a plain store to a line of its
 * worker's own, since one common counter would cost the workers more than the tasks. */
#include "bench.h"

#include "bench/cli/clock.h"

#include <filch/future.h>
#include <filch/pool.h>

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FULL_TASKS = 1000000, QUICK_TASKS = 10000 };

/* How often the submitter looks for the end: 0.03 % of a full run. */
#define LOOK_NS UINT64_C(20000)

/* Written by one worker, read by the submitter. */
struct tally {
    alignas(FILCH_CACHE_LINE) _Atomic(uint64_t) count;
};

struct submit {
    struct filch_pool *pool; /* NULL: serial */
    int workers;
    uint64_t tasks, total; /* a run; since the beginning */
    struct tally *tallies; /* one a worker */
};

static void *count_one(void *arg)
{
    struct tally *tally = (struct tally *)arg + filch_pool_worker();
    uint64_t count = atomic_load_explicit(&tally->count, memory_order_relaxed);
    atomic_store_explicit(&tally->count, count + 1, memory_order_relaxed);
    return NULL;
}

/* The same for the one thread of the baseline, which is no worker. */
static void *count_serially(void *arg)
{
    struct tally *tally = arg;
    uint64_t count = atomic_load_explicit(&tally->count, memory_order_relaxed);
    atomic_store_explicit(&tally->count, count + 1, memory_order_relaxed);
    return NULL;
}

static const char *setup_serial(const struct bench_job *job, void **state)
{
    struct submit *submit = calloc(1, sizeof *submit);
    struct tally *tallies =
        aligned_alloc(alignof(struct tally), (size_t)job->workers * sizeof *tallies);
    if (!submit || !tallies)
        return filch_strerror(FILCH_ENOMEM);
    submit->workers = job->workers;
    submit->tasks = job->quick ? QUICK_TASKS : FULL_TASKS;
    submit->tallies = tallies;
    for (int i = 0; i < job->workers; i++)
        atomic_init(&tallies[i].count, 0);
    *state = submit;
    return NULL;
}

static const char *setup_filch(const struct bench_job *job, void **state)
{
    const char *error = setup_serial(job, state);
    if (error)
        return error;
    struct submit *submit = *state;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &submit->pool);
    return code ? filch_strerror(code) : NULL;
}

static uint64_t counted(const struct submit *submit)
{
    uint64_t sum = 0;
    for (int i = 0; i < submit->workers; i++)
        sum += atomic_load_explicit(&submit->tallies[i].count, memory_order_relaxed);
    return sum;
}

static const char *run_serial(void *state, struct bench_sample *sample)
{
    struct submit *submit = state;
    filch_fn *volatile function = count_serially; /* as unknown to the caller as a task */
    uint64_t start = clock_now();
    for (uint64_t i = 0; i < submit->tasks; i++)
        function(submit->tallies);
    sample->value = (double)(clock_now() - start) / (double)submit->tasks;
    submit->total += submit->tasks;
    return counted(submit) == submit->total ? NULL : "a call was not counted";
}

static const char *run_filch(void *state, struct bench_sample *sample)
{
    struct submit *submit = state;
    submit->total += submit->tasks;
    uint64_t start = clock_now();
    for (uint64_t i = 0; i < submit->tasks; i++) {
        int error = filch_pool_submit(submit->pool, count_one, submit->tallies, NULL);
        if (error)
            return filch_strerror(error);
    }
    while (counted(submit) < submit->total)
        clock_sleep(LOOK_NS);
    sample->value = (double)(clock_now() - start) / (double)submit->tasks;
    return counted(submit) == submit->total ? NULL : "a task ran twice";
}

static void teardown(void *state)
{
    struct submit *submit = state;
    filch_pool_destroy(submit->pool);
    free(submit->tallies);
    free(submit);
}

static const struct bench_program programs[] = {
    {"submit", BENCH_SYSTEM_SERIAL, "ns", BENCH_ONE, 0, setup_serial, run_serial, teardown,
     NULL},
    {"submit", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup_filch, run_filch, teardown,
     NULL},
};

const struct bench bench_submit = {
    .name = "submit",
    .title = "1,000,000 empty tasks from one outside thread, until all have run; ns a task",
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
