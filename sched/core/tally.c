/* SPDX-License-Identifier: MIT
 *
 * The tally: see tally.h. Labels T1, T2, ... are those of sched/README.md. */
#include "sched/core/tally.h"

#include "sched/core/worker.h"

#include <sched.h>
#include <stddef.h>

#define LISTED ((uint64_t)1)
#define LOCKED ((uint64_t)2)
#define ONE    ((uint64_t)4)

void fi_tally_init(struct fi_tally *tally)
{
    atomic_init(&tally->word, 0);
    tally->waiters = NULL;
}

void fi_tally_add(struct fi_tally *tally, uint64_t count)
{
    /* Relaxed: the tasks travel through a queue, and their end comes through T2. */
    atomic_fetch_add_explicit(&tally->word, count * ONE, memory_order_relaxed);
}

bool fi_tally_is_zero(const struct fi_tally *tally)
{
    /* T1, acquire, pairs with T2: all that the tasks did. LOCKED says nothing here: another waiter
     * may hold it, who wakes nobody. */
    return atomic_load_explicit(&tally->word, memory_order_acquire) < ONE;
}

static uint64_t wait_unlocked(struct fi_tally *tally)
{
    uint64_t word;
    /* Relaxed: the CAS that follows acquires (T2, T3). */
    while ((word = atomic_load_explicit(&tally->word, memory_order_relaxed)) & LOCKED)
        sched_yield();
    return word;
}

void fi_tally_sub(struct fi_tally *tally, uint64_t count)
{
    uint64_t word, next;

    do {
        word = wait_unlocked(tally);
        next = word - count * ONE;
        if (next == LISTED)
            next |= LOCKED;
        /* T2, release, pairs with T1: all that the task did. Acquire, with T4: the list. */
    } while (!atomic_compare_exchange_weak_explicit(&tally->word, &word, next,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (!(next & LOCKED))
        return; /* the tally may be gone */
    for (struct fi_waiter *waiter = tally->waiters; waiter; waiter = waiter->next)
        fi_event_notify(waiter->event);
    /* T4, release, pairs with T3: the waiters may go, and the tally with them. */
    atomic_fetch_and_explicit(&tally->word, ~LOCKED, memory_order_release);
}

static void lock(struct fi_tally *tally)
{
    uint64_t word;

    /* T3, acquire, pairs with T4: the list is as its last holder left it. */
    do
        word = wait_unlocked(tally);
    while (!atomic_compare_exchange_weak_explicit(&tally->word, &word, word | LOCKED,
                                                  memory_order_acquire, memory_order_relaxed));
}

static void unlock(struct fi_tally *tally)
{
    /* The count may change meanwhile: change the flags alone. Relaxed: T4 follows. */
    if (tally->waiters)
        atomic_fetch_or_explicit(&tally->word, LISTED, memory_order_relaxed);
    else
        atomic_fetch_and_explicit(&tally->word, ~LISTED, memory_order_relaxed);
    /* T4, too; also pairs with T2: the list. */
    atomic_fetch_and_explicit(&tally->word, ~LOCKED, memory_order_release);
}

/* ---- Waiting ----------------------------------------------------------------------------- */

/* Who waits. It has waited enough when the tally was 0 once: it may have risen since. */
struct waiting {
    struct fi_wait wait; /* first: its address is the whole's */
    bool zero;
};

static bool over(struct fi_wait *wait)
{
    struct waiting *waiting = (struct waiting *)(void *)wait;

    waiting->zero = waiting->zero || fi_tally_is_zero(wait->object);
    return waiting->zero || fi_is_late(wait->deadline);
}

/* The list is not the last to look: who waits looks once more before it sleeps. */
static bool enlist(struct fi_wait *wait)
{
    struct fi_tally *tally = wait->object;

    wait->waiter.event = wait->event;
    lock(tally);
    wait->waiter.next = tally->waiters;
    wait->waiter.link = &tally->waiters;
    if (wait->waiter.next)
        wait->waiter.next->link = &wait->waiter.next;
    tally->waiters = &wait->waiter;
    unlock(tally);
    return true;
}

static void delist(struct fi_wait *wait)
{
    struct fi_tally *tally = wait->object;

    lock(tally);
    *wait->waiter.link = wait->waiter.next;
    if (wait->waiter.next)
        wait->waiter.next->link = wait->waiter.link;
    unlock(tally);
}

bool fi_tally_wait(struct fi_tally *tally, int64_t deadline)
{
    struct waiting waiting = {
        .wait.over = over,
        .wait.enlist = enlist,
        .wait.delist = delist,
        .wait.deadline = deadline,
        .wait.object = tally,
        .zero = fi_tally_is_zero(tally),
    };

    if (!waiting.zero && deadline > fi_now())
        fi_wait_for(&waiting.wait);
    return waiting.zero;
}
