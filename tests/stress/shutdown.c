/* SPDX-License-Identifier: MIT
 *
 * Pools that are destroyed with work outstanding: all of it runs, nothing hangs, and the
 * futures stay valid. Imitates `with` blocks that end right after the last submit: tasks are
 * queued, running, submitting others, or forking; workers are starting, searching or asleep. */
#include "stress.h"

#include <filch/future.h>
#include <filch/task.h>

#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

static _Atomic(long) ran;

FILCH_TASK(long, sum, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(sum, n / 2);
    long rest = FILCH_CALL(sum, n - n / 2);
    return FILCH_JOIN(sum) + rest;
}

/* Submits `depth` generations more, then forks. */
static void *generation(void *argument)
{
    long depth = (long)(intptr_t)argument;

    atomic_fetch_add(&ran, 1);
    if (depth > 0)
        for (int i = 0; i < 2; i++)
            CHECK(!filch_pool_submit(filch_pool_current(), generation,
                                     (void *)(intptr_t)(depth - 1), NULL));
    return (void *)(intptr_t)FILCH_RUN(filch_pool_current(), sum, 300L);
}

int main(int argc, char **argv)
{
    long rounds = 0;

    stress_begin(argc, argv);
    do {
        struct filch_pool *pool;
        struct filch_future *last;
        void *result;
        int workers = 1 + (int)(rounds % 5), seeds = (int)(rounds % 17);

        atomic_store(&ran, 0);
        CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = workers}, &pool));
        for (int i = 0; i < seeds; i++)
            CHECK(!filch_pool_submit(pool, generation, (void *)(intptr_t)3, NULL));
        if (rounds % 3 == 0)
            usleep((useconds_t)(rounds % 128));
        CHECK(!filch_pool_submit(pool, generation, NULL, &last));
        CHECK(!filch_pool_destroy(pool));
        CHECK(atomic_load(&ran) == 15L * seeds + 1);
        CHECK(!filch_future_result(last, 0, &result) && (intptr_t)result == 300);
        filch_future_release(last);
    } while (++rounds < 20 || stress_goes_on());
    printf("shutdown: %ld pools destroyed with work outstanding, all of it run\n", rounds);
    return 0;
}
