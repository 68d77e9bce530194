/* SPDX-License-Identifier: MIT
 *
 * The latch: see latch.h. Labels L1, L2, ... are those of sched/README.md. */
#include "latch.h"

#include <sched.h>
#include <stddef.h>

#define STATE_MASK 7u
#define LOCKED     8u
#define LISTED     16u

static enum fi_state state_of(uint32_t word)
{
    return (enum fi_state)(word & STATE_MASK);
}

static bool ended(uint32_t word)
{
    return state_of(word) >= FI_CANCELLED;
}

void fi_latch_init(struct fi_latch *latch)
{
    atomic_init(&latch->word, FI_PENDING);
    latch->waiters = NULL;
    latch->callbacks = NULL;
}

enum fi_state fi_latch_state(const struct fi_latch *latch)
{
    /* L1, acquire, pairs with L4: the result is visible. */
    return state_of(atomic_load_explicit(&latch->word, memory_order_acquire));
}

bool fi_latch_ended(const struct fi_latch *latch)
{
    return fi_latch_state(latch) >= FI_CANCELLED;
}

bool fi_latch_claim(struct fi_latch *latch)
{
    for (;;) {
        /* Relaxed: who is too late learns nothing but that. */
        uint32_t word = atomic_load_explicit(&latch->word, memory_order_relaxed);
        if (state_of(word) != FI_PENDING)
            return false;
        /* L2, relaxed: the task's data came with the queue that it was found in, or were written
         * by this very thread; the change itself is decided by the word's own order. Leaves
         * LOCKED as it is: the list does not change. */
        if (atomic_compare_exchange_weak_explicit(&latch->word, &word, word | FI_RUNNING,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    }
}

/* Waits while another holds the list; it only links, unlinks or notifies. */
static uint32_t wait_unlocked(struct fi_latch *latch)
{
    uint32_t word;
    /* L3, acquire, pairs with L4 and L5, for who finds that the latch has ended: the result; the
     * waiters are told. Who goes on acquires the lists by L4 or L7. */
    while ((word = atomic_load_explicit(&latch->word, memory_order_acquire)) & LOCKED)
        sched_yield();
    return word;
}

/* Who tells, and the waiter's own record, do not go before LOCKED does. */
static void tell(struct fi_waiter *waiter)
{
    if (waiter->notify)
        waiter->notify(waiter);
    else
        fi_event_notify(waiter->event);
}

bool fi_latch_notify_cancel(struct fi_latch *latch)
{
    uint32_t word = wait_unlocked(latch);

    /* Relaxed: says nothing that CANCELLED has not said, and passes that on, as it is a
     * read-modify-write. */
    return word == FI_CANCELLED &&
           atomic_compare_exchange_strong_explicit(&latch->word, &word, FI_NOTIFIED,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* Oldest first. */
static struct fi_callback *reversed(struct fi_callback *newest)
{
    struct fi_callback *first = NULL;

    while (newest) {
        struct fi_callback *older = newest->next;
        newest->next = first;
        first = newest;
        newest = older;
    }
    return first;
}

/* LOCKED is the caller's, and the word says `to` already. */
static void let_go(struct fi_latch *latch, enum fi_state to, struct fi_callback **callbacks)
{
    if (callbacks)
        *callbacks = reversed(latch->callbacks);
    /* A waiter that wakes here waits for L5 in fi_latch_delist(): its event is still there. */
    for (struct fi_waiter *waiter = latch->waiters; waiter; waiter = waiter->next)
        tell(waiter);
    /* L5, release, pairs with L3: the waiters may go, and the latch with them. */
    atomic_store_explicit(&latch->word, (uint32_t)to, memory_order_release);
}

bool fi_latch_end(struct fi_latch *latch, enum fi_state from, enum fi_state to,
                  struct fi_callback **callbacks)
{
    uint32_t word;

    if (callbacks)
        *callbacks = NULL;
    for (;;) {
        word = wait_unlocked(latch);
        if (state_of(word) != from)
            return false;
        /* L4, release, pairs with L1: result before state. Acquire, with L6: the lists. Without
         * waiters this is the last access; with some it takes the lists along. */
        uint32_t next = word & LISTED ? (uint32_t)to | LOCKED : (uint32_t)to;
        if (atomic_compare_exchange_weak_explicit(&latch->word, &word, next,
                                                  memory_order_acq_rel, memory_order_relaxed))
            break;
    }
    if (word & LISTED)
        let_go(latch, to, callbacks);
    return true;
}

void fi_latch_end_locked(struct fi_latch *latch, enum fi_state to,
                         struct fi_callback **callbacks)
{
    /* L4, too. An exchange, as the state may go from PENDING to RUNNING meanwhile. */
    (void)atomic_exchange_explicit(&latch->word, (uint32_t)to | LOCKED, memory_order_acq_rel);
    let_go(latch, to, callbacks);
}

bool fi_latch_lock(struct fi_latch *latch)
{
    for (;;) {
        uint32_t word = wait_unlocked(latch);
        if (ended(word))
            return false;
        /* L7, acquire, pairs with L6: the lists, and what else LOCKED guards. */
        if (atomic_compare_exchange_weak_explicit(&latch->word, &word, word | LOCKED,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    }
}

void fi_latch_unlock(struct fi_latch *latch)
{
    /* The state may go from PENDING to RUNNING meanwhile (L2): change the flags alone. Relaxed: L6
     * follows. */
    if (latch->waiters || latch->callbacks)
        atomic_fetch_or_explicit(&latch->word, LISTED, memory_order_relaxed);
    else
        atomic_fetch_and_explicit(&latch->word, ~LISTED, memory_order_relaxed);
    /* L6, release, pairs with L4 and L7: the lists, and what else LOCKED guards. */
    atomic_fetch_and_explicit(&latch->word, ~LOCKED, memory_order_release);
}

bool fi_latch_enlist(struct fi_latch *latch, struct fi_waiter *waiter)
{
    if (!fi_latch_lock(latch))
        return false;
    waiter->next = latch->waiters;
    waiter->link = &latch->waiters;
    if (waiter->next)
        waiter->next->link = &waiter->next;
    latch->waiters = waiter;
    fi_latch_unlock(latch);
    return true;
}

void fi_latch_delist(struct fi_latch *latch, struct fi_waiter *waiter)
{
    if (!fi_latch_lock(latch))
        return;
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    fi_latch_unlock(latch);
}

bool fi_latch_add(struct fi_latch *latch, struct fi_callback *callback)
{
    if (!fi_latch_lock(latch))
        return false;
    callback->next = latch->callbacks;
    latch->callbacks = callback;
    fi_latch_unlock(latch);
    return true;
}
