/* SPDX-License-Identifier: MIT
 *
 * The latch under a model checker: sched/core/latch.c as shipped, with the event of fake/. A
 * waiter's record, its event and, for a root, the latch itself lie on the waiter's stack: "goes
 * away" below is a plain write to them, which is a data race with whoever still touches them.
 *
 * Scenarios: 16
 *              1  one waits for a task that ends; result, record and latch go away (a root)
 *              2  one waits and gives up: its record goes away, the task ends meanwhile
 *              3  a claim against a cancel: one of them wins
 *              4  two wait for one task
 *              5  a claim while one enlists: the waiter is not lost
 *              6  one waits for a task that is cancelled, or else claimed and ended
 *              7  one looks whether the task has ended, and does not wait
 *              8  one adds a callback while the task ends: it is called once, and goes away
 *              9  two add callbacks at once: all are handed out, oldest first
 *             10  one waits and gives up: a callback that was added before is not forgotten
 *             11  one waits, a callback is handed out: each learns of the end in its way
 *             12  one completes by hand while one claims and one looks
 *             13  two complete by hand: one of them does
 *             14  one completes by hand while one waits
 *             15  a cancel while two would be the one to be notified of it, and a waiter is told
 *             16  who sees that a cancel was noticed sees what came before it */
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

/* ---- Callbacks --------------------------------------------------------------------------- */

struct note {
    struct fi_callback base; /* first: its address is the callback's */
    int content;             /* plain: by who adds it */
    int calls;
};
static struct note notes[3];

/* As what fi_latch_end() hands out is called; the note goes away. */
static void call_note(struct fi_callback *callback, void *owner)
{
    struct note *note = (struct note *)(void *)callback;

    (void)owner;
    assert(note->content == 1);
    assert(result == 1);
    note->content = 0;
    note->base.next = NULL;
    note->calls++;
}

static void add(struct note *note)
{
    note->content = 1;
    note->base.call = call_note;
    if (!fi_latch_add(&latch, &note->base))
        call_note(&note->base, &latch);
}

static void call_all(struct fi_callback *callbacks)
{
    while (callbacks) {
        struct fi_callback *next = callbacks->next;
        call_note(callbacks, &latch);
        callbacks = next;
    }
}

static void *adds(void *event)
{
    add(&notes[event == &events[1]]);
    return NULL;
}

static void *runs_and_calls(void *argument)
{
    struct fi_callback *callbacks;

    (void)argument;
    result = 1;
    assert(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, &callbacks));
    call_all(callbacks);
    return NULL;
}

/* ---- By hand ----------------------------------------------------------------------------- */

static _Atomic(int) completed;

/* As complete() in sched/futures/future.c. */
static void *completes(void *argument)
{
    struct fi_callback *callbacks;

    (void)argument;
    if (!fi_latch_lock(&latch))
        return NULL;
    result++;
    fi_latch_end_locked(&latch, FI_FINISHED, &callbacks);
    call_all(callbacks);
    atomic_fetch_add(&completed, 1);
    return NULL;
}

static void *only_claims(void *argument)
{
    (void)argument;
    claimed = fi_latch_claim(&latch);
    return NULL;
}

/* ---- Cancelling -------------------------------------------------------------------------- */

static _Atomic(int) notified;

static void *notices(void *argument)
{
    (void)argument;
    if (fi_latch_notify_cancel(&latch))
        atomic_fetch_add(&notified, 1);
    return NULL;
}

static void *gives_reason_and_cancels(void *argument)
{
    result = 1;
    return cancels(argument);
}

static void *looks_for_notice(void *argument)
{
    (void)argument;
    if (fi_latch_state(&latch) == FI_NOTIFIED)
        assert(*(volatile int *)&result == 1);
    return NULL;
}

/* ---- Scenarios --------------------------------------------------------------------------- */

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
#elif SCENARIO == 8
    assert(fi_latch_claim(&latch));
    run(2, (void *(*[])(void *)){adds, runs_and_calls});
    assert(notes[0].calls == 1);
#elif SCENARIO == 9
    struct fi_callback *callbacks;
    add(&notes[2]);
    run(2, (void *(*[])(void *)){adds, adds});
    assert(fi_latch_end(&latch, FI_PENDING, FI_FINISHED, &callbacks));
    assert(callbacks == &notes[2].base && callbacks->next && callbacks->next->next);
    result = 1;
    call_all(callbacks);
    assert(notes[0].calls == 1 && notes[1].calls == 1);
#elif SCENARIO == 10
    assert(fi_latch_claim(&latch));
    add(&notes[0]);
    run(2, (void *(*[])(void *)){gives_up, runs_and_calls});
    assert(notes[0].calls == 1);
#elif SCENARIO == 11
    assert(fi_latch_claim(&latch));
    add(&notes[0]);
    run(2, (void *(*[])(void *)){waits, runs_and_calls});
    assert(notes[0].calls == 1);
#elif SCENARIO == 12
    run(3, (void *(*[])(void *)){completes, only_claims, looks});
    assert(completed == 1 && fi_latch_state(&latch) == FI_FINISHED);
#elif SCENARIO == 13
    run(2, (void *(*[])(void *)){completes, completes});
    assert(completed == 1 && result == 1);
#elif SCENARIO == 14
    run(2, (void *(*[])(void *)){waits, completes});
#elif SCENARIO == 15
    waiters[0].event = &events[0];
    assert(fi_latch_enlist(&latch, &waiters[0]));
    run(3, (void *(*[])(void *)){cancels, notices, notices});
    notices(NULL);
    assert(notified == 1 && fi_latch_state(&latch) == FI_NOTIFIED);
    assert(events[0].count == 1);
#elif SCENARIO == 16
    run(3, (void *(*[])(void *)){gives_reason_and_cancels, notices, looks_for_notice});
#endif
    return 0;
}
