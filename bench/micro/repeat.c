/* SPDX-License-Identifier: MIT
 *
 * repeat: fib(20), over and over. Each of them ends before a worker that slept could help much, so
 * this is what sleepers cost a program of tiny forks: a pool of several workers should not be
 * slower than one of a single worker. */
#include "bench.h"

#include "bench/cli/clock.h"

#include <filch/filch.h>

#include <stdlib.h>

enum { N = 20, FIB_N = 6765, FULL_TIMES = 2000, QUICK_TIMES = 10 };

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

FILCH_TASK(long, repeat, int, times)
{
    long sum = 0;
    for (int i = 0; i < times; i++)
        sum += FILCH_CALL(fib, N);
    return sum;
}

struct repeating {
    struct filch_pool *pool;
    int times;
};

static const char *setup(const struct bench_job *job, void **state)
{
    struct repeating *repeating = calloc(1, sizeof *repeating);
    if (!repeating)
        return filch_strerror(FILCH_ENOMEM);
    repeating->times = job->quick ? QUICK_TIMES : FULL_TIMES;
    *state = repeating;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &repeating->pool);
    return code ? filch_strerror(code) : NULL;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct repeating *repeating = state;
    uint64_t start = clock_now();
    long sum = FILCH_RUN(repeating->pool, repeat, repeating->times);
    sample->value = (double)(clock_now() - start) / repeating->times;
    return sum == (long)FIB_N * repeating->times ? NULL : "a wrong Fibonacci number came out";
}

static void teardown(void *state)
{
    struct repeating *repeating = state;
    filch_pool_destroy(repeating->pool);
    free(repeating);
}

static const struct bench_program programs[] = {
    {"repeat", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup, run, teardown, NULL},
};

const struct bench bench_repeat = {
    .name = "repeat",
    .title = "fib(20) with a fork at every call, 2,000 times in one task; ns a time",
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
