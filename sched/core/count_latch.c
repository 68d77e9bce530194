/* SPDX-License-Identifier: MIT
 *
 * The count latch: see count_latch.h. Labels T1, T2, ... are those of sched/README.md. */
#include "sched/core/count_latch.h"

#include <sched.h>
#include <stddef.h>

#define LISTED ((uint64_t)1)
#define LOCKED ((uint64_t)2)
#define ONE    ((uint64_t)4)

void fi_count_latch_init(struct fi_count_latch *count_latch)
{
    atomic_init(&count_latch->word, 0);
    count_latch->waiters = NULL;
}

void fi_count_latch_add(struct fi_count_latch *count_latch, uint64_t count)
{
    /* Relaxed: the tasks travel through a queue, and their end comes through T2. */
    atomic_fetch_add_explicit(&count_latch->word, count * ONE, memory_order_relaxed);
}

bool fi_count_latch_is_zero(const struct fi_count_latch *count_latch)
{
    /* T1, acquire, pairs with T2: all that the tasks did. LOCKED says nothing here: another waiter
     * may hold it, who wakes nobody. */
    return atomic_load_explicit(&count_latch->word, memory_order_acquire) < ONE;
}

static uint64_t wait_unlocked(struct fi_count_latch *count_latch)
{
    uint64_t word;
    /* Relaxed: the CAS that follows acquires (T2, T3). */
    while ((word = atomic_load_explicit(&count_latch->word, memory_order_relaxed)) & LOCKED)
        sched_yield();
    return word;
}

void fi_count_latch_sub(struct fi_count_latch *count_latch, uint64_t count)
{
    uint64_t word, next;

    do {
        word = wait_unlocked(count_latch);
        next = word - count * ONE;
        if (next == LISTED)
            next |= LOCKED;
        /* T2, release, pairs with T1: all that the task did. Acquire, with T4: the list. */
    } while (!atomic_compare_exchange_weak_explicit(&count_latch->word, &word, next,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (!(next & LOCKED))
        return; /* the count latch may be gone */
    for (struct fi_waiter *waiter = count_latch->waiters; waiter; waiter = waiter->next)
        fi_event_notify(waiter->event);
    /* T4, release, pairs with T3: the waiters may go, and the count latch with them. */
    atomic_fetch_and_explicit(&count_latch->word, ~LOCKED, memory_order_release);
}

static void lock(struct fi_count_latch *count_latch)
{
    uint64_t word;

    /* T3, acquire, pairs with T4: the list is as its last holder left it. */
    do
        word = wait_unlocked(count_latch);
    while (!atomic_compare_exchange_weak_explicit(&count_latch->word, &word, word | LOCKED,
                                                  memory_order_acquire, memory_order_relaxed));
}

static void unlock(struct fi_count_latch *count_latch)
{
    /* The count may change meanwhile: change the flags alone. Relaxed: T4 follows. */
    if (count_latch->waiters)
        atomic_fetch_or_explicit(&count_latch->word, LISTED, memory_order_relaxed);
    else
        atomic_fetch_and_explicit(&count_latch->word, ~LISTED, memory_order_relaxed);
    /* T4, too; also pairs with T2: the list. */
    atomic_fetch_and_explicit(&count_latch->word, ~LOCKED, memory_order_release);
}

/* ---- Waiting ----------------------------------------------------------------------------- */

void fi_count_latch_enlist(struct fi_count_latch *count_latch, struct fi_waiter *waiter)
{
    lock(count_latch);
    waiter->next = count_latch->waiters;
    waiter->link = &count_latch->waiters;
    if (waiter->next)
        waiter->next->link = &waiter->next;
    count_latch->waiters = waiter;
    unlock(count_latch);
}

void fi_count_latch_delist(struct fi_count_latch *count_latch, struct fi_waiter *waiter)
{
    lock(count_latch);
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    unlock(count_latch);
}
