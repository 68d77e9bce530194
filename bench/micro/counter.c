/* SPDX-License-Identifier: MIT
 *
 * counter: what an increment costs each of the threads that share a counter, for each kind of
 * counter; in nanoseconds an increment of one thread. The threads begin together; each measures
 * its own loop. Kinds that must count exactly are checked. */
#include "bench.h"

#include "bench/cli/count_up.h"

#include <stdlib.h>

enum { FULL_INCREMENTS = 10000000, QUICK_INCREMENTS = 10000 };

struct counting {
    struct filch_pool *pool;
    enum filch_counter_kind kind;
    uint64_t increments;
};

static const char *setup(const struct bench_job *job, void **state)
{
    struct counting *counting = calloc(1, sizeof *counting);
    if (!counting)
        return filch_strerror(FILCH_ENOMEM);
    counting->kind = (enum filch_counter_kind)job->program->kind;
    counting->increments = job->quick ? QUICK_INCREMENTS : FULL_INCREMENTS;
    *state = counting;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &counting->pool);
    return code ? filch_strerror(code) : NULL;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct counting *counting = state;
    struct count_up result;
    int error = count_up(counting->pool, counting->kind, counting->increments, &result);
    if (error)
        return filch_strerror(error);
    sample->value = result.increment_ns;
    uint64_t wanted = (uint64_t)filch_pool_size(counting->pool) * counting->increments;
    if (counting->kind != FILCH_COUNTER_UNSAFE && result.value != wanted)
        return "the counter lost updates";
    return NULL;
}

static void teardown(void *state)
{
    struct counting *counting = state;
    filch_pool_destroy(counting->pool);
    free(counting);
}

#define PROGRAM(name, kind)                                                             \
    {                                                                                   \
        name, BENCH_SYSTEM_FILCH, "ns", BENCH_THREADS, kind, setup, run, teardown, NULL \
    }

static const struct bench_program programs[] = {
    PROGRAM("counter-unsafe", FILCH_COUNTER_UNSAFE),
    PROGRAM("counter-locked", FILCH_COUNTER_LOCKED),
    PROGRAM("counter-atomic", FILCH_COUNTER_ATOMIC),
    PROGRAM("counter-sharded", FILCH_COUNTER_SHARDED),
};

const struct bench bench_counter = {
    .name = "counter",
    .title = "10,000,000 increments of one counter by each thread; ns an increment a thread",
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
