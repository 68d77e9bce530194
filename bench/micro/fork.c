/* SPDX-License-Identifier: MIT
 *
 * fork: the cost of fork and join, where it shows most. fib(39) by its definition, with a fork
 * at every call: 102,334,154 forks, between which hardly anything is done. In seconds a run,
 * against the same recursion without forks. */
#include "bench.h"
#include "fork_serial.h"

#include "bench/cli/clock.h"

#include <filch/pool.h>
#include <filch/task.h>

#include <stdlib.h>

enum { FULL_N = 39, QUICK_N = 20 };

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

struct fork {
    struct filch_pool *pool; /* NULL: serial */
    long n, expected;
};

static long fib_by_adding(long n)
{
    long a = 0, b = 1;
    for (long i = 0; i < n; i++) {
        long next = a + b;
        a = b;
        b = next;
    }
    return a;
}

static const char *setup_serial(const struct bench_job *job, void **state)
{
    struct fork *fork = calloc(1, sizeof *fork);
    if (!fork)
        return filch_strerror(FILCH_ENOMEM);
    fork->n = job->quick ? QUICK_N : FULL_N;
    fork->expected = fib_by_adding(fork->n);
    *state = fork;
    return NULL;
}

static const char *setup_filch(const struct bench_job *job, void **state)
{
    const char *error = setup_serial(job, state);
    if (error)
        return error;
    struct fork *fork = *state;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &fork->pool);
    return code ? filch_strerror(code) : NULL;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct fork *fork = state;
    uint64_t start = clock_now();
    long result = fork->pool ? FILCH_RUN(fork->pool, fib, fork->n) : fork_serial_fib(fork->n);
    sample->value = clock_seconds(start, clock_now());
    return result == fork->expected ? NULL : "a wrong Fibonacci number came out";
}

static void teardown(void *state)
{
    struct fork *fork = state;
    filch_pool_destroy(fork->pool);
    free(fork);
}

static const struct bench_program programs[] = {
    {"fork", BENCH_SYSTEM_SERIAL, "s", BENCH_ONE, 0, setup_serial, run, teardown},
    {"fork", "filch", "s", BENCH_LISTED, 0, setup_filch, run, teardown},
};

const struct bench bench_fork = {
    .name = "fork",
    .title = "fib(39) with a fork at every call; seconds a run",
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
