/* SPDX-License-Identifier: MIT
 *
 * Completions under a model checker: sched/futures/completions.c and sched/core/latch.c as shipped,
 * with the event of fake/. A record goes away once it has come or was withdrawn, and all
 * completions do when the consumer leaves: a plain write, which is a data race with whoever still
 * touches them.
 *
 * Scenarios: 5
 *              1  one comes while the consumer goes to sleep
 *              2  two come, by two threads; the consumer sleeps once or twice (*)
 *              3  one comes while the consumer's time is up, which then waits on
 *              4  one is withdrawn while it comes
 *              5  one had ended, one comes; the consumer leaves after the first
 *
 * (*) Their futures' latches take no part, or there would be too much to explore: whoever completes
 * calls complete_one() itself, so what it wrote is seen through the completions alone; and the
 * consumer does not list itself to sleep, but looks again and again. */
#include <stdint.h>
#define FI_NEVER INT64_MAX

#include "atomics/event.h"
static int64_t fi_now(void);

#include "sched/core/latch.c"
#undef LISTED
#undef LOCKED
#include "sched/futures/completions.c"

#include <assert.h>
#include <pthread.h>

static struct filch_future futures[2];
static struct fi_completions completions;
static struct fi_completion records[2];
static struct fi_event event;
static int results[2]; /* plain: written by who completes, read by the consumer */

/* The time is up at once, for any deadline but FI_NEVER, unless hurried: then
 * after the wait. */
static int hurried;

static int64_t fi_now(void)
{
    return hurried ? -1 : 1;
}

/* Sleeps that have ended. A write, without which the checker would take the
 * loop around a sleep for one that only spins. */
static _Atomic(int) naps;

/* As sleep_until_over() in sched/core/worker.c, with one round: nobody else
 * notifies the event. */
void fi_latch_wait(struct fi_latch *latch, int64_t deadline)
{
    struct fi_waiter waiter;
    uint32_t ticket = fi_event_prepare(&event);

    waiter.notify = NULL;
    waiter.event = &event;
#if SCENARIO == 2
    while (deadline == FI_NEVER && !fi_latch_ended(latch))
        continue;
    atomic_fetch_add_explicit(&naps, 1, memory_order_relaxed);
    return;
#endif
    if (deadline != FI_NEVER) {
        hurried = 0; /* it passes while the consumer is listed */
        if (fi_latch_enlist(latch, &waiter))
            fi_latch_delist(latch, &waiter);
        atomic_fetch_add_explicit(&naps, 1, memory_order_relaxed);
        return;
    }
    if (!fi_latch_enlist(latch, &waiter))
        return;
    if (!fi_latch_ended(latch))
        fi_event_wait(&event, ticket);
    fi_latch_delist(latch, &waiter);
    assert(fi_latch_ended(latch));
    atomic_fetch_add_explicit(&naps, 1, memory_order_relaxed);
}

static void go_away(struct fi_completion *record)
{
    record->waiter.next = NULL;
    record->waiter.notify = NULL;
    record->completions = NULL;
    record->next = NULL;
    record->future = NULL;
}

/* The consumer. Takes one. */
static int take(int64_t deadline)
{
    struct fi_completion *record = fi_completions_take(&completions, deadline);

    if (!record)
        return 0;
    assert(results[record == &records[1]] == 1);
    go_away(record);
    return 1;
}

static void leave(void)
{
    atomic_init(&completions.newest, NULL);
    fi_latch_init(&completions.latch);
}

static void *completes(void *argument)
{
    long i = (long)argument;
    results[i] = 1;
    assert(fi_latch_end(&futures[i].latch, FI_RUNNING, FI_FINISHED, NULL));
    return NULL;
}

/* (*) */
static void *comes(void *argument)
{
    long i = (long)argument;
    results[i] = 1;
    complete_one(&records[i].waiter);
    return NULL;
}

static void expect(int i)
{
    fi_completions_expect(&completions, &records[i], &futures[i]);
}

int main(void)
{
    void *(*party)(void *) = completes;
    pthread_t threads[2];
    int count = 1;

    for (int i = 0; i < 2; i++) {
        fi_latch_init(&futures[i].latch);
        assert(fi_latch_claim(&futures[i].latch));
    }
    fi_event_init(&event);
    fi_completions_init(&completions);
#if SCENARIO == 2
    for (int i = 0; i < 2; i++) {
        assert(fi_latch_end(&futures[i].latch, FI_RUNNING, FI_FINISHED, NULL));
        records[i].completions = &completions;
        records[i].future = &futures[i];
    }
    party = comes;
    count = 2;
#else
    expect(0);
#endif
#if SCENARIO == 5
    results[1] = 1;
    assert(fi_latch_end(&futures[1].latch, FI_RUNNING, FI_FINISHED, NULL));
    expect(1);
#endif
    for (long i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, party, (void *)i);
#if SCENARIO == 1
    assert(take(FI_NEVER));
#elif SCENARIO == 2
    assert(take(FI_NEVER));
    assert(take(FI_NEVER));
#elif SCENARIO == 3
    hurried = 1;
    if (!take(0))
        assert(take(FI_NEVER));
#elif SCENARIO == 4
    fi_completions_withdraw(&records[0]);
    go_away(&records[0]);
#elif SCENARIO == 5
    assert(take(FI_NEVER));
    for (int i = 0; i < 2; i++)
        if (records[i].future)
            fi_completions_withdraw(&records[i]);
#endif
    if (party == completes)
        leave(); /* (*) otherwise nothing tells the consumer that all are done with
                it */
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
