/* SPDX-License-Identifier: MIT
 *
 * The latch under a model checker: sched/core/latch.c as shipped, with the event of fake/. A waiter's
 * record, its event and, for a root, the latch itself lie on the waiter's stack: "goes away" below
 * is a plain write to them, which is a data race with whoever still touches them.
 *
 * Scenarios: 7
 *              1  one waits for a task that ends; result, record and latch go away (a root)
 *              2  one waits and gives up: its record goes away, the task ends meanwhile
 *              3  a claim against a cancel: one of them wins
 *              4  two wait for one task
 *              5  a claim while one enlists: the waiter is not lost
 *              6  one waits for a task that is cancelled, or else claimed and ended
 *              7  one looks whether the task has ended, and does not wait */
#include "sched/core/latch.c"

#include <assert.h>
#include <pthread.h>

static struct fi_latch latch;
static int result; /* plain: written by the task, read by who waited */

/* ---- Parties ----------------------------------------------------------------------------- */

static void go_away(struct fi_waiter *waiter, struct fi_event *event)
{
    waiter->next = NULL;
    waiter->link = NULL;
    waiter->event = NULL;
    fi_event_init(event);
}

/* As latch_wait_outside() in sched/core/worker.c; nobody else notifies the event. */
static void wait(struct fi_waiter *waiter, struct fi_event *event)
{
    waiter->event = event;
    if (!fi_latch_enlist(&latch, waiter))
        return;
    uint32_t ticket = fi_event_prepare(event);
    if (!fi_latch_ended(&latch)) {
        fi_event_wait(event, ticket);
        assert(fi_latch_ended(&latch));
    }
    fi_latch_delist(&latch, waiter);
    go_away(waiter, event);
}

static struct fi_waiter waiters[2];
static struct fi_event events[2];

static void *waits(void *event)
{
    int i = event == &events[1];
    wait(&waiters[i], event);
    assert(fi_latch_ended(&latch));
    if (fi_latch_state(&latch) == FI_FINISHED)
        assert(result == 1);
    return NULL;
}

static void *runs(void *argument)
{
    (void)argument;
    result = 1;
    assert(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    return NULL;
}

static void *gives_up(void *event)
{
    waiters[0].event = event;
    if (fi_latch_enlist(&latch, &waiters[0])) {
        fi_latch_delist(&latch, &waiters[0]);
        go_away(&waiters[0], event);
    }
    return NULL;
}

/* volatile: the compiler may otherwise read the result before it has looked. */
static void *looks(void *argument)
{
    (void)argument;
    if (fi_latch_ended(&latch))
        assert(*(volatile int *)&result == 1);
    return NULL;
}

static int claimed, cancelled;

static void *claims(void *argument)
{
    (void)argument;
    claimed = fi_latch_claim(&latch);
    if (claimed)
        runs(NULL);
    return NULL;
}

static void *cancels(void *argument)
{
    (void)argument;
    cancelled = fi_latch_end(&latch, FI_PENDING, FI_CANCELLED, NULL);
    return NULL;
}

static void run(int count, void *(*parties[])(void *))
{
    pthread_t threads[3];
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, parties[i], &events[i % 2]);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* A root's caller: once it has waited the latch is gone. */
static void *waits_for_root(void *event)
{
    wait(&waiters[0], event);
    assert(result == 1);
    fi_latch_init(&latch);
    return NULL;
}

int main(void)
{
    fi_latch_init(&latch);
    fi_event_init(&events[0]);
    fi_event_init(&events[1]);
#if SCENARIO == 1
    assert(fi_latch_claim(&latch));
    run(2, (void *(*[])(void *)){waits_for_root, runs});
#elif SCENARIO == 2
    assert(fi_latch_claim(&latch));
    run(2, (void *(*[])(void *)){gives_up, runs});
    assert(fi_latch_state(&latch) == FI_FINISHED);
#elif SCENARIO == 3
    run(2, (void *(*[])(void *)){claims, cancels});
    assert(claimed + cancelled == 1);
    assert(fi_latch_state(&latch) == (claimed ? FI_FINISHED : FI_CANCELLED));
#elif SCENARIO == 4
    assert(fi_latch_claim(&latch));
    run(3, (void *(*[])(void *)){waits, waits, runs});
#elif SCENARIO == 5
    run(2, (void *(*[])(void *)){waits, claims});
    assert(claimed);
#elif SCENARIO == 6
    run(3, (void *(*[])(void *)){waits, claims, cancels});
    assert(claimed + cancelled == 1);
#elif SCENARIO == 7
    assert(fi_latch_claim(&latch));
    run(2, (void *(*[])(void *)){looks, runs});
#endif
    return 0;
}
