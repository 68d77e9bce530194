/* SPDX-License-Identifier: MIT
 *
 * Completions under a model checker: sched/futures/completions.c, sched/core/wait.c and latch.c as
 * shipped, with the event of fake/. A record goes away once it has come or was withdrawn, and all
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
#if SCENARIO == 2
#define STAYS_AWAKE
#endif
#include "outside.h"

#include "sched/core/latch.c"
#undef LISTED
#undef LOCKED
#include "sched/futures/completions.c"

#include <assert.h>

#define SOON 1000000000 /* passes when the consumer would sleep */

static struct filch_future futures[2];
static struct fi_completions completions;
static struct fi_completion records[2];
static int results[2]; /* plain: written by who completes, read by the consumer */

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
    struct fi_completion *record;

    if (fi_completions_take(&completions, deadline, &record))
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
    if (!take(SOON))
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
        leave(); /* (*) otherwise nothing tells the consumer that all are done with it */
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
