/* SPDX-License-Identifier: MIT
 *
 * Eight threads submit at once, to one pool, tasks that submit more: every task runs exactly
 * once and every result arrives. Imitates a server whose request threads share a pool; some
 * cancel, some wait with a short timeout, some let go of the future at once. */
#include "stress.h"

#include <filch/future.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define THREADS 8
#define BATCH   64

static struct filch_pool *pool;
static _Atomic(uint64_t) submitted, ran, cancelled;

static void *leaf(void *argument)
{
    atomic_fetch_add(&ran, 1);
    return argument;
}

static void *parent(void *argument)
{
    struct filch_future *child;
    void *result;

    atomic_fetch_add(&ran, 1);
    atomic_fetch_add(&submitted, 1);
    CHECK(!filch_pool_submit(pool, leaf, argument, &child));
    CHECK(!filch_future_result(child, FILCH_FOREVER, &result) && result == argument);
    filch_future_release(child);
    return argument;
}

static void *failing(void *argument)
{
    atomic_fetch_add(&ran, 1);
    return filch_fail(42, "task %p fails", argument);
}

static void finish(struct filch_future *future, int i, void *argument)
{
    void *result = NULL;
    int error;

    if (i % 7 == 1 && filch_future_cancel(future)) {
        CHECK(filch_future_cancelled(future) && filch_future_done(future));
        CHECK(filch_future_result(future, FILCH_FOREVER, &result) == FILCH_ECANCELED);
        atomic_fetch_add(&cancelled, 1);
        return;
    }
    do
        error = filch_future_result(future, i % 2 ? 1e-6 : FILCH_FOREVER, &result);
    while (error == FILCH_ETIMEDOUT);
    if (i % 5 == 0)
        CHECK(error == 42 && filch_future_error(future, 0, NULL));
    else
        CHECK(!error && result == argument);
}

static void *producer(void *argument)
{
    while (stress_goes_on()) {
        struct filch_future *futures[BATCH];
        for (int i = 0; i < BATCH; i++) {
            filch_fn *fn = i % 5 == 0 ? failing : i % 3 ? leaf : parent;
            CHECK(!filch_pool_submit(pool, fn, argument, &futures[i]));
            CHECK(!filch_pool_submit(pool, leaf, argument, NULL));
        }
        atomic_fetch_add(&submitted, 2 * BATCH);
        for (int i = 0; i < BATCH; i++) {
            if (i % 11)
                finish(futures[i], i, argument);
            filch_future_release(futures[i]);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 3}, &pool));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, producer, (void *)(intptr_t)(i + 1)));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(!filch_pool_destroy(pool));
    CHECK(atomic_load(&ran) + atomic_load(&cancelled) == atomic_load(&submitted));
    printf("submit: %d threads, %llu tasks, %llu cancelled, every other one run once\n",
           THREADS, (unsigned long long)atomic_load(&submitted),
           (unsigned long long)atomic_load(&cancelled));
    return 0;
}
