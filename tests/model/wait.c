/* SPDX-License-Identifier: MIT
 *
 * filch_wait() under a model checker: sched/futures/wait.c, sched/core/wait.c and latch.c as shipped,
 * with the event of fake/. What lies on the waiter's stack goes away when it has waited: a plain write,
 * which is a data race with whoever still touches it.
 *
 * Scenarios: 5
 *              1  for two, that two threads end
 *              2  for the first of two, that two threads end
 *              3  for one that ends while the time is up
 *              4  for the first error of two, one of which fails
 *              5  for two places of the same future */
#include "outside.h"

#include "sched/core/latch.c"
#undef LISTED
#undef LOCKED
#include "sched/futures/wait.c"

#include <assert.h>

static struct filch_future futures[2];
static int results[2]; /* plain: written by who completes, read by who waited */

/* ---- What the rest of the library would do ----------------------------------------------- */

int fi_future_check_wait(struct filch_future *future)
{
    (void)future;
    return 0;
}

bool fi_future_run_awaited(struct filch_future *future)
{
    (void)future;
    return false;
}

bool fi_future_stuck(struct filch_future *future, struct fi_probe *probe)
{
    (void)future;
    (void)probe;
    return false;
}

bool filch_future_done(const struct filch_future *future)
{
    return fi_latch_ended(&future->latch);
}

/* ---- Parties ----------------------------------------------------------------------------- */

static void *completes(void *argument)
{
    long i = (long)argument;
    results[i] = 1;
    if (SCENARIO == 4 && i == 1)
        atomic_fetch_or_explicit(&futures[i].flags, FI_FAILED, memory_order_relaxed);
    assert(fi_latch_end(&futures[i].latch, FI_RUNNING, FI_FINISHED, NULL));
    return NULL;
}

/* Returns how many are done; what those wrote is visible. */
static size_t waits(size_t count, enum filch_when when, double timeout)
{
    struct filch_future *given[] = {&futures[0], &futures[SCENARIO == 5 ? 0 : 1]};
    bool done[2];
    size_t done_count;

    assert(!filch_wait(given, count, when, timeout, done, &done_count));
    for (size_t i = 0; i < count; i++)
        if (done[i])
            assert(results[given[i] - futures] == 1);
    return done_count;
}

int main(void)
{
    pthread_t threads[2];
    int count = SCENARIO == 3 || SCENARIO == 5 ? 1 : 2;

    for (int i = 0; i < 2; i++) {
        fi_latch_init(&futures[i].latch);
        assert(fi_latch_claim(&futures[i].latch));
    }
    for (long i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, completes, (void *)i);
#if SCENARIO == 1 || SCENARIO == 5
    assert(waits(2, FILCH_ALL_COMPLETED, FILCH_FOREVER) == 2);
#elif SCENARIO == 2
    assert(waits(2, FILCH_FIRST_COMPLETED, FILCH_FOREVER) > 0);
#elif SCENARIO == 3
    (void)waits(1, FILCH_ALL_COMPLETED, 1);
#elif SCENARIO == 4
    (void)waits(2, FILCH_FIRST_ERROR, FILCH_FOREVER);
    assert(fi_latch_ended(&futures[1].latch));
#endif
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
