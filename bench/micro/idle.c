/* SPDX-License-Identifier: MIT
 *
 * idle: what a pool costs while it has nothing to do. The CPU time that the whole process takes
 * during 2 s in which its only other thread sleeps, right after a task, as a share of one core.
 * What workers do before they go to sleep counts. */
#include "bench.h"

#include "bench/cli/clock.h"

#include <filch/future.h>
#include <filch/pool.h>

#include <stdlib.h>

#define FULL_NS  UINT64_C(2000000000)
#define QUICK_NS UINT64_C(100000000)

struct idle {
    struct filch_pool *pool;
    uint64_t ns;
};

static const char *setup(const struct bench_job *job, void **state)
{
    struct idle *idle = calloc(1, sizeof *idle);
    if (!idle)
        return filch_strerror(FILCH_ENOMEM);
    idle->ns = job->quick ? QUICK_NS : FULL_NS;
    *state = idle;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &idle->pool);
    return code ? filch_strerror(code) : NULL;
}

static void *nothing(void *arg)
{
    return arg;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct idle *idle = state;
    struct filch_future *future;
    int error = filch_pool_submit(idle->pool, nothing, NULL, &future);
    if (error)
        return filch_strerror(error);
    error = filch_future_result(future, FILCH_FOREVER, NULL);
    filch_future_release(future);
    if (error)
        return filch_strerror(error);

    uint64_t start = clock_now(), cpu = clock_cpu();
    clock_sleep(idle->ns);
    cpu = clock_cpu() - cpu;
    sample->value = (double)cpu / (double)(clock_now() - start);
    return NULL;
}

static void teardown(void *state)
{
    struct idle *idle = state;
    filch_pool_destroy(idle->pool);
    free(idle);
}

static const struct bench_program programs[] = {
    {"idle", BENCH_SYSTEM_FILCH, "share", BENCH_LISTED, 0, setup, run, teardown, NULL},
};

const struct bench bench_idle = {
    .name = "idle",
    .title = "2 s of nothing to do after a task; CPU time as a share of one core",
    .together = true,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
