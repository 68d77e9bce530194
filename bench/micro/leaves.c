/* SPDX-License-Identifier: MIT
 *
 * leaves: do a few long tasks find their workers? Two to eight leaves of 10 ms of CPU time each,
 * forked in a row on a pool that has slept for 100 ms, or right after a phase of fine forks, which
 * keeps most of its forks private. n leaves on P workers cannot take less than n / P of them,
 * rounded up. */
#include "bench.h"

#include "bench/cli/clock.h"

#include <filch/filch.h>

#include <stdlib.h>

#define FULL_LEAF_NS  UINT64_C(10000000)
#define QUICK_LEAF_NS UINT64_C(200000)
#define REST_NS       UINT64_C(100000000)

enum { FINE_N = 25 };

/* A program's kind: the number of leaves, and whether fine forks come first. */
enum { FINE = 16 };

struct leaves {
    struct filch_pool *pool; /* NULL: serial */
    uint64_t leaf_ns, rest_ns;
    int count;
    bool fine;
};

/* CPU time, so that two leaves on one processor take twice as long. */
static void spin(uint64_t ns)
{
    uint64_t end = clock_read(CLOCK_THREAD_CPUTIME_ID) + ns;
    while (clock_read(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

FILCH_VOID_TASK(leaf, uint64_t, ns)
{
    spin(ns);
}

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

/* Returns when the leaves began. */
FILCH_TASK(uint64_t, row, const struct leaves *, leaves)
{
    if (leaves->fine)
        (void)FILCH_CALL(fib, FINE_N);
    uint64_t start = clock_now();
    for (int i = 1; i < leaves->count; i++)
        FILCH_FORK(leaf, leaves->leaf_ns);
    FILCH_CALL(leaf, leaves->leaf_ns);
    for (int i = 1; i < leaves->count; i++)
        FILCH_JOIN(leaf);
    return start;
}

static const char *setup_serial(const struct bench_job *job, void **state)
{
    struct leaves *leaves = calloc(1, sizeof *leaves);
    if (!leaves)
        return filch_strerror(FILCH_ENOMEM);
    leaves->leaf_ns = job->quick ? QUICK_LEAF_NS : FULL_LEAF_NS;
    leaves->rest_ns = job->quick ? QUICK_LEAF_NS : REST_NS;
    leaves->count = job->program->kind % FINE;
    leaves->fine = job->program->kind >= FINE;
    *state = leaves;
    return NULL;
}

static const char *setup_filch(const struct bench_job *job, void **state)
{
    const char *error = setup_serial(job, state);
    if (error)
        return error;
    struct leaves *leaves = *state;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &leaves->pool);
    return code ? filch_strerror(code) : NULL;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct leaves *leaves = state;
    clock_sleep(leaves->rest_ns);
    uint64_t start = clock_now();
    if (leaves->pool) {
        uint64_t began = FILCH_RUN(leaves->pool, row, leaves);
        if (leaves->fine)
            start = began;
    } else {
        for (int i = 0; i < leaves->count; i++)
            spin(leaves->leaf_ns);
    }
    sample->value = clock_seconds(start, clock_now());
    return NULL;
}

static void teardown(void *state)
{
    struct leaves *leaves = state;
    filch_pool_destroy(leaves->pool);
    free(leaves);
}

#define PROGRAMS(name, kind)                                                                \
    {name, BENCH_SYSTEM_SERIAL, "s", BENCH_ONE, kind, setup_serial, run, teardown, NULL},   \
    {                                                                                       \
        name, BENCH_SYSTEM_FILCH, "s", BENCH_LISTED, kind, setup_filch, run, teardown, NULL \
    }

static const struct bench_program programs[] = {
    PROGRAMS("leaves-2", 2),
    PROGRAMS("leaves-5", 5),
    PROGRAMS("leaves-8", 8),
    PROGRAMS("leaves-8-fine", FINE + 8),
};

const struct bench bench_leaves = {
    .name = "leaves",
    .title = "2, 5 and 8 forks of 10 ms each after a rest, or after fine forks; seconds a run",
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
