/* SPDX-License-Identifier: MIT
 *
 * What the suites of futures share: pools, and tasks that semaphores hold running, so that others
 * stay pending behind them. */
#ifndef FILCH_TESTS_FUTURE_H
#define FILCH_TESTS_FUTURE_H

#include "sched/core/pool.h"
#include "sched/core/self.h"
#include "sched/core/wait.h"

#include <filch/cancel.h>
#include <filch/future.h>
#include <filch/stats.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <float.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifndef ADDRESS_SANITIZER
#define ADDRESS_SANITIZER 0
#endif

/* What an untouched out-parameter points to. */
FILCH_UNUSED static char untouched;
#define UNTOUCHED ((void *)&untouched)

FILCH_UNUSED static sem_t entered, leave; /* by and for tasks that run hold() */

FILCH_UNUSED static void setup(void)
{
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
}

FILCH_UNUSED static void await_signal(sem_t *semaphore)
{
    while (sem_wait(semaphore))
        continue;
}

FILCH_UNUSED static struct filch_pool *pool_of(int workers)
{
    struct filch_pool *pool = NULL;
    cr_assert_eq(filch_pool_create(&(struct filch_pool_options){.workers = workers}, &pool), 0);
    return pool;
}

FILCH_UNUSED static struct filch_future *submit(struct filch_pool *pool, filch_fn *fn,
                                                void *argument)
{
    struct filch_future *future = NULL;
    cr_assert_eq(filch_pool_submit(pool, fn, argument, &future), 0);
    cr_assert(future);
    return future;
}

/* ---- Tasks ------------------------------------------------------------------------------- */

FILCH_UNUSED static void *same(void *argument)
{
    return argument;
}

FILCH_UNUSED static _Atomic(int) ran;

FILCH_UNUSED static void *count(void *argument)
{
    atomic_fetch_add(&ran, 1);
    return argument;
}

/* Keeps its worker busy until the test says so. */
FILCH_UNUSED static void *hold(void *argument)
{
    sem_post(&entered);
    await_signal(&leave);
    return argument;
}

FILCH_UNUSED static void *open_hold(void *argument)
{
    sem_post(&leave);
    return argument;
}

/* The future of a task that runs and does not end before sem_post(&leave). */
FILCH_UNUSED static struct filch_future *occupy(struct filch_pool *pool)
{
    struct filch_future *future = submit(pool, hold, &untouched);
    await_signal(&entered);
    return future;
}

/* Waits for a future, in a task or in a thread of its own. */
struct question {
    struct filch_future *future;
    double timeout;
    uint64_t parks; /* of the asking worker's pool, before */
    int error;
    void *result;
};

FILCH_UNUSED static void *ask(void *argument)
{
    struct question *question = argument;
    question->result = UNTOUCHED;
    question->error =
        filch_future_result(question->future, question->timeout, &question->result);
    return argument;
}

/* The same, but says so first. */
FILCH_UNUSED static void *say_and_ask(void *argument)
{
    struct question *question = argument;
    struct filch_stats stats = {0};
    if (filch_pool_current())
        filch_stats_read(filch_pool_current(), &stats);
    question->parks = stats.parks;
    sem_post(&entered);
    return ask(argument);
}

/* Until the only worker of a pool has gone to sleep in the task that asks. */
FILCH_UNUSED static void await_sleep(const struct filch_pool *pool,
                                     const struct question *question)
{
    struct filch_stats stats;
    await_signal(&entered);
    do {
        sched_yield();
        filch_stats_read(pool, &stats);
    } while (stats.parks == question->parks);
}

struct complaint {
    int code;
    const char *text;
};

FILCH_UNUSED static void *complain(void *argument)
{
    struct complaint *complaint = argument;
    return filch_fail(complaint->code, "%s", complaint->text);
}

#define ASSERT_STATE(future, is_running, is_done, is_cancelled)     \
    do {                                                            \
        cr_assert_eq(filch_future_running(future), is_running);     \
        cr_assert_eq(filch_future_done(future), is_done);           \
        cr_assert_eq(filch_future_cancelled(future), is_cancelled); \
    } while (0)

/* Long timeouts: if one were taken for a moment in the past, the wait would fail. */
FILCH_UNUSED static const double long_timeouts[] = {3600, 1e10, 1e300, FILCH_FOREVER};

/* Until so many of the pool's workers, or more, count as asleep. */
FILCH_UNUSED static void await_sleepers(struct filch_pool *pool, uint32_t count)
{
    while (fi_idle_sleeping(atomic_load(&pool->idle.state)) < count)
        sched_yield();
}

FILCH_UNUSED static struct filch_token *token_below(struct filch_token *parent)
{
    struct filch_token *token = NULL;
    cr_assert_eq(filch_token_create(parent, &token), 0);
    return token;
}

#endif
