/* SPDX-License-Identifier: MIT
 *
 * What the suites of locks share: pools with and without spares, crowds of tasks and threads, and a
 * look at who sleeps in a queue. */
#ifndef FILCH_TESTS_SYNC_H
#define FILCH_TESTS_SYNC_H

#include "sched/core/self.h"
#include "sched/sync/queue.h"

#include <filch/future.h>
#include <filch/stats.h>
#include <filch/sync.h>
#include <filch/task.h>

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define MANY 100 /* tasks, on two workers */

#define ASSERT_OK(call) cr_assert_eq(call, 0)

/* Timeouts that pass, or do not wait. */
FILCH_UNUSED static const double short_timeouts[] = {0, -1, -INFINITY, 1e-9, 1e-3};
#define SHORT_TIMEOUTS 5

/* Long ones: if one were taken for a moment in the past, the wait would fail. */
FILCH_UNUSED static const double long_timeouts[] = {3600, 1e10, 1e300, FILCH_FOREVER};
#define LONG_TIMEOUTS 4

/* spares: 0 for the default, -1 for none. */
FILCH_UNUSED static struct filch_pool *pool_of(int workers, int spares)
{
    struct filch_pool *pool = NULL;
    ASSERT_OK(
        filch_pool_create(&(struct filch_pool_options){.workers = workers, .spares = spares},
                          &pool));
    return pool;
}

FILCH_UNUSED static struct filch_future *submit(struct filch_pool *pool, filch_fn *fn,
                                                void *argument)
{
    struct filch_future *future = NULL;
    ASSERT_OK(filch_pool_submit(pool, fn, argument, &future));
    return future;
}

FILCH_UNUSED static void finish(struct filch_future *future)
{
    ASSERT_OK(filch_future_result(future, FILCH_FOREVER, NULL));
    filch_future_release(future);
}

FILCH_UNUSED static pthread_t start(filch_fn *fn, void *argument)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, fn, argument), 0);
    return thread;
}

FILCH_UNUSED static void join(pthread_t thread)
{
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

/* The same function in tasks and in threads, at most MANY in all. */
struct crowd {
    struct filch_future *futures[MANY];
    pthread_t threads[MANY];
    int tasks, thread_count;
};

FILCH_UNUSED static void crowd_start(struct crowd *crowd, struct filch_pool *pool, int tasks,
                                     int threads, filch_fn *fn, void *argument)
{
    crowd->tasks = tasks;
    crowd->thread_count = threads;
    for (int i = 0; i < tasks; i++)
        crowd->futures[i] = submit(pool, fn, argument);
    for (int i = 0; i < threads; i++)
        crowd->threads[i] = start(fn, argument);
}

FILCH_UNUSED static void crowd_finish(struct crowd *crowd)
{
    for (int i = 0; i < crowd->tasks; i++)
        finish(crowd->futures[i]);
    for (int i = 0; i < crowd->thread_count; i++)
        join(crowd->threads[i]);
}

/* How many wait in a queue; sleeping: of those, whose threads sleep or are about to. */
FILCH_UNUSED static int waiting(_Atomic(uint64_t) *word, struct filch_sync_queue_ *queue,
                                bool sleeping)
{
    int count = 0;
    uint64_t value = fi_word_lock(word);
    for (struct filch_sync_waiter_ *turn = queue->first; turn; turn = turn->next)
        count += !sleeping || atomic_load(&turn->state) == 1;
    fi_word_unlock(word, value);
    return count;
}

FILCH_UNUSED static void await(_Atomic(uint64_t) *word, struct filch_sync_queue_ *queue,
                               int count, bool sleeping)
{
    while (waiting(word, queue, sleeping) != count)
        sched_yield();
}

/* Of a semaphore or a condition. */
#define AWAIT_WAITING(object, count) await(&(object)->word, &(object)->queue, count, false)
#define AWAIT_ASLEEP(object, count)  await(&(object)->word, &(object)->queue, count, true)

FILCH_UNUSED static void await_value(_Atomic(int) *counter, int value)
{
    while (atomic_load(counter) != value)
        sched_yield();
}

/* The shapes of a pool that a test is run on. */
FILCH_UNUSED static const struct {
    int workers, spares;
} shapes[] = {{1, 0}, {2, 0}, {5, 0}, {1, -1}, {2, -1}, {5, -1}, {2, 1}};
#define SHAPES 7

#endif
