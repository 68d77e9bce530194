/* SPDX-License-Identifier: MIT
 *
 * The latch: each change of state and each refusal in one thread, then claims, ends, and waiters
 * that come and go on several threads at once. */
#include "sched/core/latch.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#define ROUNDS  300
#define THREADS 4

static struct fi_latch latch;

static void setup(void)
{
    fi_latch_init(&latch);
}

TestSuite(latch, .init = setup);

/* ---- One thread: states ------------------------------------------------------------------ */

static void cancel(void)
{
    cr_assert(fi_latch_end(&latch, FI_PENDING, FI_CANCELLED, NULL));
}

static void finish(void)
{
    cr_assert(fi_latch_claim(&latch));
    cr_assert(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
}

Test(latch, a_new_one_is_pending)
{
    cr_assert_eq(fi_latch_state(&latch), FI_PENDING);
    cr_assert_not(fi_latch_ended(&latch));
}

Test(latch, a_claimed_one_runs_and_cannot_be_claimed_again)
{
    cr_assert(fi_latch_claim(&latch));
    cr_assert_eq(fi_latch_state(&latch), FI_RUNNING);
    cr_assert_not(fi_latch_ended(&latch));
    cr_assert_not(fi_latch_claim(&latch));
    cr_assert_eq(fi_latch_state(&latch), FI_RUNNING);
}

Test(latch, one_that_runs_can_be_finished)
{
    finish();
    cr_assert_eq(fi_latch_state(&latch), FI_FINISHED);
    cr_assert(fi_latch_ended(&latch));
}

Test(latch, a_pending_one_can_be_cancelled)
{
    cancel();
    cr_assert_eq(fi_latch_state(&latch), FI_CANCELLED);
    cr_assert(fi_latch_ended(&latch));
}

Test(latch, a_pending_one_cannot_finish)
{
    cr_assert_not(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    cr_assert_eq(fi_latch_state(&latch), FI_PENDING);
}

Test(latch, one_that_runs_cannot_be_cancelled)
{
    cr_assert(fi_latch_claim(&latch));
    cr_assert_not(fi_latch_end(&latch, FI_PENDING, FI_CANCELLED, NULL));
    cr_assert_eq(fi_latch_state(&latch), FI_RUNNING);
}

Test(latch, a_cancelled_one_stays_cancelled)
{
    cancel();
    cr_assert_not(fi_latch_claim(&latch));
    cr_assert_not(fi_latch_end(&latch, FI_PENDING, FI_CANCELLED, NULL));
    cr_assert_not(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    cr_assert_eq(fi_latch_state(&latch), FI_CANCELLED);
}

Test(latch, a_finished_one_stays_finished)
{
    finish();
    cr_assert_not(fi_latch_claim(&latch));
    cr_assert_not(fi_latch_end(&latch, FI_PENDING, FI_CANCELLED, NULL));
    cr_assert_not(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    cr_assert_eq(fi_latch_state(&latch), FI_FINISHED);
}

/* ---- One thread: waiters ----------------------------------------------------------------- */

static struct fi_event events[THREADS];
static struct fi_waiter waiters[THREADS];
static uint32_t tickets[THREADS];

static bool enlist(int i)
{
    fi_event_init(&events[i]);
    tickets[i] = fi_event_prepare(&events[i]);
    waiters[i] = (struct fi_waiter){.event = &events[i]};
    return fi_latch_enlist(&latch, &waiters[i]);
}

/* Would a wait with the ticket that was drawn before enlisting end? */
static bool notified(int i)
{
    return fi_event_prepare(&events[i]) != tickets[i];
}

Test(latch, the_end_notifies_all_who_are_enlisted)
{
    for (int i = 0; i < THREADS; i++)
        cr_assert(enlist(i));
    cr_assert(fi_latch_claim(&latch));
    for (int i = 0; i < THREADS; i++)
        cr_assert_not(notified(i), "%d: it runs, no more", i);
    cr_assert(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    for (int i = 0; i < THREADS; i++)
        cr_assert(notified(i), "%d", i);
    cr_assert_eq(fi_latch_state(&latch), FI_FINISHED);
}

Test(latch, cancelling_notifies_all_who_are_enlisted)
{
    cr_assert(enlist(0));
    cr_assert(enlist(1));
    cancel();
    cr_assert(notified(0));
    cr_assert(notified(1));
    cr_assert_eq(fi_latch_state(&latch), FI_CANCELLED);
}

Test(latch, an_end_that_is_refused_notifies_nobody)
{
    cr_assert(enlist(0));
    cr_assert_not(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    cr_assert_not(notified(0));
    cr_assert(fi_latch_claim(&latch));
    cr_assert_not(fi_latch_end(&latch, FI_PENDING, FI_CANCELLED, NULL));
    cr_assert_not(notified(0));
    cr_assert(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    cr_assert(notified(0), "it was still enlisted");
}

Test(latch, who_enlists_while_it_runs_is_notified_too)
{
    cr_assert(enlist(0));
    cr_assert(fi_latch_claim(&latch));
    cr_assert(enlist(1));
    cr_assert_eq(fi_latch_state(&latch), FI_RUNNING);
    cr_assert(fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL));
    cr_assert(notified(0));
    cr_assert(notified(1));
}

Test(latch, waiters_do_not_hinder_a_claim_nor_its_refusal)
{
    cr_assert(enlist(0));
    cr_assert_eq(fi_latch_state(&latch), FI_PENDING);
    cr_assert(fi_latch_claim(&latch));
    cr_assert_not(fi_latch_claim(&latch));
    fi_latch_delist(&latch, &waiters[0]);
    cr_assert_eq(fi_latch_state(&latch), FI_RUNNING);
    cr_assert_not(fi_latch_claim(&latch));
}

Test(latch, nobody_can_enlist_after_the_end)
{
    finish();
    cr_assert_not(enlist(0));
    fi_latch_init(&latch);
    cancel();
    cr_assert_not(enlist(0));
    cr_assert_not(notified(0));
}

Test(latch, who_has_delisted_is_not_notified_but_the_others_are)
{
    for (int gone = 0; gone < THREADS; gone++) {
        fi_latch_init(&latch);
        for (int i = 0; i < THREADS; i++)
            cr_assert(enlist(i));
        fi_latch_delist(&latch, &waiters[gone]);
        memset(&waiters[gone], 0xff,
               sizeof *waiters); /* its place may be used for other things */
        finish();
        for (int i = 0; i < THREADS; i++)
            cr_assert_eq(notified(i), i != gone, "%d of all but %d", i, gone);
    }
}

Test(latch, all_may_delist_in_any_order)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (size_t order = 0; order < sizeof orders / sizeof *orders; order++) {
        fi_latch_init(&latch);
        for (int i = 0; i < 3; i++)
            cr_assert(enlist(i));
        for (int i = 0; i < 3; i++) {
            fi_latch_delist(&latch, &waiters[orders[order][i]]);
            memset(&waiters[orders[order][i]], 0xff, sizeof *waiters);
        }
        finish();
        for (int i = 0; i < 3; i++)
            cr_assert_not(notified(i));
    }
}

Test(latch, who_has_delisted_may_enlist_again)
{
    cr_assert(enlist(0));
    fi_latch_delist(&latch, &waiters[0]);
    cr_assert(enlist(0));
    cancel();
    cr_assert(notified(0));
}

Test(latch, delisting_after_the_end_changes_nothing)
{
    cr_assert(enlist(0));
    cr_assert(enlist(1));
    finish();
    fi_latch_delist(&latch, &waiters[1]);
    fi_latch_delist(&latch, &waiters[0]);
    cr_assert_eq(fi_latch_state(&latch), FI_FINISHED);
}

/* ---- Several threads --------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static _Atomic(int) claims, cancels, refusals, faults;
static int payload; /* written before the end, read after */

/* Runs body() on THREADS threads and, if not NULL, main_body() on this one, ROUNDS times, each time
 * with a new latch; then check(). */
static void *(*round_body)(void *number);

static void *rounds(void *number)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&barrier); /* the latch is new */
        round_body(number);
        pthread_barrier_wait(&barrier); /* the round is over */
    }
    return NULL;
}

static void race(void *(*body)(void *number), void (*main_body)(void), void (*check)(void))
{
    static int numbers[THREADS] = {0, 1, 2, 3};
    pthread_t threads[THREADS];

    round_body = body;
    cr_assert_eq(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, rounds, &numbers[i]), 0);
    for (int i = 0; i < ROUNDS; i++) {
        claims = cancels = refusals = faults = 0;
        payload = -1;
        fi_latch_init(&latch);
        pthread_barrier_wait(&barrier);
        if (main_body)
            main_body();
        pthread_barrier_wait(&barrier);
        check();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

static void *claim_it(void *number)
{
    atomic_fetch_add(fi_latch_claim(&latch) ? &claims : &refusals, 1);
    return number;
}

static void check_claim(void)
{
    cr_assert_eq(claims, 1);
    cr_assert_eq(refusals, THREADS - 1);
    cr_assert_eq(fi_latch_state(&latch), FI_RUNNING);
}

Test(latch, a_race_of_claims_has_one_winner)
{
    race(claim_it, NULL, check_claim);
}

static void *claim_or_cancel(void *number)
{
    if (*(int *)number % 2)
        atomic_fetch_add(fi_latch_claim(&latch) ? &claims : &refusals, 1);
    else
        atomic_fetch_add(fi_latch_end(&latch, FI_PENDING, FI_CANCELLED, NULL) ? &cancels
                                                                              : &refusals,
                         1);
    return number;
}

static void check_claim_or_cancel(void)
{
    cr_assert_eq(claims + cancels, 1);
    cr_assert_eq(refusals, THREADS - 1);
    cr_assert_eq(fi_latch_state(&latch), claims ? FI_RUNNING : FI_CANCELLED);
}

Test(latch, of_claim_and_cancel_exactly_one_wins)
{
    race(claim_or_cancel, NULL, check_claim_or_cancel);
}

/* As fi_latch_wait() does it outside a pool. */
static sem_t enlisted;

static void await_signal(sem_t *semaphore)
{
    while (sem_wait(semaphore))
        continue;
}

static void *wait_for_it(void *number)
{
    struct fi_event event;
    struct fi_waiter waiter = {.notify = NULL};

    fi_event_init(&event);
    waiter.event = &event;
    if (fi_latch_enlist(&latch, &waiter)) {
        sem_post(&enlisted);
        for (;;) {
            uint32_t ticket = fi_event_prepare(&event);
            if (fi_latch_ended(&latch))
                break;
            fi_event_wait(&event, ticket, FI_NEVER);
        }
        fi_latch_delist(&latch, &waiter);
    }
    if (payload != 42)
        atomic_fetch_add(&faults, 1);
    memset(&waiter, 0xff, sizeof waiter);
    memset(&event, 0xff, sizeof event);
    return number;
}

static void run_it(void)
{
    (void)fi_latch_claim(&latch);
    payload = 42;
    (void)fi_latch_end(&latch, FI_RUNNING, FI_FINISHED, NULL);
}

static void run_it_once_all_wait(void)
{
    for (int i = 0; i < THREADS; i++)
        await_signal(&enlisted);
    run_it();
}

static void check_finished(void)
{
    cr_assert_eq(fi_latch_state(&latch), FI_FINISHED);
    cr_assert_eq(faults, 0);
}

Test(latch, all_who_wait_wake_and_see_the_result)
{
    sem_init(&enlisted, 0, 0);
    race(wait_for_it, run_it_once_all_wait, check_finished);
}

Test(latch, who_enlists_while_it_ends_does_not_sleep_for_ever)
{
    sem_init(&enlisted, 0, 0);
    race(wait_for_it, run_it, check_finished);
}

static bool enlist_anew(struct fi_waiter *waiter, struct fi_event *event)
{
    *waiter = (struct fi_waiter){.event = event};
    return fi_latch_enlist(&latch, waiter);
}

/* Enlists and delists some times, in the middle of which the latch may end, and then waits. What it
 * leaves behind must stay as it is. */
static void *come_and_go(void *number)
{
    struct fi_event event;
    struct fi_waiter waiter, gone;

    fi_event_init(&event);
    memset(&gone, 0xff, sizeof gone);
    for (int i = 0; i < 50 && enlist_anew(&waiter, &event); i++) {
        if (i == *(int *)number)
            sem_post(&enlisted);
        fi_latch_delist(&latch, &waiter);
        memset(&waiter, 0xff, sizeof waiter);
        for (int look = 0; look < 10; look++)
            if (memcmp(&waiter, &gone, sizeof waiter) != 0)
                atomic_fetch_add(&faults, 1);
    }
    return wait_for_it(number);
}

/* The end comes about when the first of them has begun. */
static void run_it_once_one_came(void)
{
    await_signal(&enlisted);
    run_it();
}

static void check_and_forget_signals(void)
{
    while (!sem_trywait(&enlisted))
        continue;
    check_finished();
}

Test(latch, waiters_may_come_and_go_until_the_end)
{
    sem_init(&enlisted, 0, 0);
    race(come_and_go, run_it_once_one_came, check_and_forget_signals);
}
