/* SPDX-License-Identifier: MIT
 *
 * submit: what it takes to hand tasks over from outside. Threads that are no workers submit
 * 1,000,000 empty tasks into a group, without a future each, and one of them waits for the group;
 * in nanoseconds a task, from the first submission until all have run.
 *   submit               one by one, by one thread. The serial baseline calls the same function by
 *                        pointer
 *   submit-batch         BATCH at a time, by one thread
 *   submit-2, submit-4   one by one, by two and four threads at once; making the others is part of
 *                        the time
 *
 * A task counts itself, as a check: with a plain store to a line of its worker's own, since one
 * common counter would cost the workers more than the tasks. */
#include "bench.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/executor.h>
#include <filch/group.h>
#include <filch/pool.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BATCH = 1000, PRODUCERS_MAX = 4 };

static const struct workload work = {.name = "submit", .size = 1000000, .quick_size = 4000};

/* Written by one worker, read by the submitter. */
struct tally {
    alignas(FILCH_CACHE_LINE) _Atomic(uint64_t) count;
};

struct submit {
    struct filch_executor *executor; /* NULL: serial, as is the group */
    struct filch_group *group;
    int workers, producers;
    uint64_t tasks, total; /* a run; since the beginning */
    struct tally *tallies; /* one a worker */
    void *batch[BATCH];    /* arguments of as many tasks */
};

static void count_up(struct tally *tally)
{
    uint64_t count = atomic_load_explicit(&tally->count, memory_order_relaxed);
    atomic_store_explicit(&tally->count, count + 1, memory_order_relaxed);
}

static void *count_one(void *tallies)
{
    count_up((struct tally *)tallies + filch_pool_worker());
    return NULL;
}

/* The same for the one thread of the baseline, which is no worker. */
static void *count_serially(void *tally)
{
    count_up(tally);
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
    submit->producers = job->program->kind;
    submit->tasks = bench_size(job);
    submit->tallies = tallies;
    for (int i = 0; i < job->workers; i++)
        atomic_init(&tallies[i].count, 0);
    for (int i = 0; i < BATCH; i++)
        submit->batch[i] = tallies;
    *state = submit;
    return NULL;
}

static const char *setup_filch(const struct bench_job *job, void **state)
{
    const char *text = setup_serial(job, state);
    if (text)
        return text;
    struct submit *submit = *state;
    int error = filch_executor_create(job->workers, NULL, &submit->executor);
    if (!error)
        error = filch_group_create(submit->executor, NULL, &submit->group);
    return error ? filch_strerror(error) : NULL;
}

/* The tallies only grow. */
static const char *check(struct submit *submit, struct bench_sample *sample)
{
    uint64_t sum = 0;
    for (int i = 0; i < submit->workers; i++)
        sum += atomic_load_explicit(&submit->tallies[i].count, memory_order_relaxed);
    sample->result = sum - submit->total;
    submit->total = sum;
    return sample->result == submit->tasks ? NULL : "a task did not run, or ran twice";
}

static const char *run_serial(void *state, struct bench_sample *sample)
{
    struct submit *submit = state;
    filch_fn *volatile function = count_serially; /* as unknown to the caller as a task */
    uint64_t start = clock_now();
    for (uint64_t i = 0; i < submit->tasks; i++)
        function(submit->tallies);
    sample->value = (double)(clock_now() - start) / (double)submit->tasks;
    return check(submit, sample);
}

/* Returns an error of filch's, as do the next two. */
static int submit_batches(struct submit *submit)
{
    int error = 0;
    for (uint64_t i = 0; !error && i < submit->tasks; i += BATCH)
        error = filch_group_submit_many(submit->group, count_one, submit->batch, BATCH, NULL);
    return error;
}

static int submit_share(struct submit *submit)
{
    uint64_t share = submit->tasks / (uint64_t)submit->producers;
    int error = 0;
    for (uint64_t i = 0; !error && i < share; i++)
        error = filch_group_submit(submit->group, count_one, submit->tallies);
    return error;
}

static void *produce(void *submit)
{
    return (void *)(intptr_t)submit_share(submit);
}

static int submit_together(struct submit *submit)
{
    pthread_t others[PRODUCERS_MAX - 1];
    for (int i = 0; i < submit->producers - 1; i++)
        if (pthread_create(&others[i], NULL, produce, submit) != 0)
            return FILCH_ETHREAD;
    int error = submit_share(submit);
    for (int i = 0; i < submit->producers - 1; i++) {
        void *its_error;
        pthread_join(others[i], &its_error);
        if (its_error)
            error = (int)(intptr_t)its_error;
    }
    return error;
}

static const char *run_filch(struct submit *submit, int (*submit_all)(struct submit *),
                             struct bench_sample *sample)
{
    uint64_t start = clock_now();
    int error = submit_all(submit);
    if (!error)
        error = filch_group_wait(submit->group, FILCH_FOREVER);
    sample->value = (double)(clock_now() - start) / (double)submit->tasks;
    return error ? filch_strerror(error) : check(submit, sample);
}

static const char *run_batches(void *state, struct bench_sample *sample)
{
    return run_filch(state, submit_batches, sample);
}

static const char *run_singles(void *state, struct bench_sample *sample)
{
    return run_filch(state, submit_together, sample);
}

static void teardown(void *state)
{
    struct submit *submit = state;
    filch_group_destroy(submit->group);
    filch_executor_destroy(submit->executor);
    free(submit->tallies);
    free(submit);
}

/* A program's kind: how many threads submit. */
#define PROGRAM(name, producers, run)                                                        \
    {                                                                                        \
        name, BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, producers, setup_filch, run, teardown, \
            NULL                                                                             \
    }

static const struct bench_program programs[] = {
    {"submit", BENCH_SYSTEM_SERIAL, "ns", BENCH_ONE, 1, setup_serial, run_serial, teardown,
     NULL},
    PROGRAM("submit", 1, run_singles),
    PROGRAM("submit-batch", 1, run_batches),
    PROGRAM("submit-2", 2, run_singles),
    PROGRAM("submit-4", 4, run_singles),
};

const struct bench bench_submit = {
    .name = "submit",
    .title = "1,000,000 empty tasks from outside, until all have run; ns a task "
             "(1,000 by that: million a second)",
    .peers = true,
    .workload = &work,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
