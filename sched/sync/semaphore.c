/* SPDX-License-Identifier: MIT
 *
 * The semaphore: the upper half of its word counts the permits, and one CAS takes one, or gives
 * some to nobody in particular. A permit is for whoever comes first: who is woken takes it if it is
 * still there, and otherwise waits again, at the head of the queue. Handing it over would be fairer
 * and slower: under contention every permit would then cost a change of threads. */
#include "sched/sync/semaphore.h"

#include "sched/core/self.h"
#include "sched/core/wait.h"

#include <assert.h>
#include <math.h>

#define PERMIT ((uint64_t)1 << 32)

static uint64_t permits_of(uint64_t word)
{
    return word / PERMIT;
}

void filch_semaphore_init(struct filch_semaphore *semaphore, uint32_t value)
{
    atomic_init(&semaphore->word, value * PERMIT);
    fi_sync_queue_init(&semaphore->queue);
}

void filch_semaphore_fini(struct filch_semaphore *semaphore)
{
    assert(!semaphore->queue.first && "somebody waits for the semaphore");
    (void)semaphore;
}

/* Who set LOCKED. word: how many permits there are from now on. */
static void unlock(struct filch_semaphore *semaphore, uint64_t word)
{
    uint64_t permits = permits_of(word);
    struct filch_sync_waiter_ *chosen = fi_sync_queue_choose(&semaphore->queue, permits);

    fi_word_unlock(&semaphore->word, permits * PERMIT + fi_sync_queue_flag(&semaphore->queue));
    fi_sync_queue_tell(chosen);
}

int filch_semaphore_try_acquire(struct filch_semaphore *semaphore)
{
    for (;;) {
        uint64_t word = fi_word_read(&semaphore->word);
        if (!permits_of(word))
            return FILCH_EAGAIN;
        /* S3, acquire, pairs with S4 and S2: what came before the permit was given. */
        if (atomic_compare_exchange_weak_explicit(&semaphore->word, &word, word - PERMIT,
                                                  memory_order_acquire, memory_order_relaxed))
            return 0;
    }
}

/* Takes a permit or, with none there, has `waiter` take its place, unless it is too late for that.
 * again: it had one before. Returns true if it took one. */
static bool take_or_join(struct filch_semaphore *semaphore, struct filch_sync_waiter_ *waiter,
                         bool again, bool late)
{
    uint64_t word = fi_word_lock(&semaphore->word);
    bool taken = permits_of(word) > 0;

    if (again)
        fi_sync_queue_leave(&semaphore->queue, waiter);
    if (!taken && !late)
        fi_sync_queue_join(&semaphore->queue, waiter, again);
    unlock(semaphore, taken ? word - PERMIT : word);
    return taken;
}

static int wait_for_turn(struct filch_sync_waiter_ *waiter, int64_t deadline,
                         const _Atomic(void *) *owner, bool firm)
{
    if (firm)
        return fi_sync_waiter_wait(waiter, deadline, false) ? 0 : FILCH_ETIMEDOUT;
    return fi_sync_waiter_try(waiter, deadline, owner);
}

static FILCH_COLD int acquire_slowly(struct filch_semaphore *semaphore, double timeout,
                                     const _Atomic(void *) *owner, bool firm)
{
    struct filch_sync_waiter_ waiter;
    int64_t deadline = fi_deadline(timeout);
    bool taken, again = false;
    int error = timeout > 0 ? 0 : FILCH_ETIMEDOUT;

    if (!error)
        fi_sync_queue_spin(&semaphore->queue, &semaphore->word, ~(PERMIT - 1));
    while (!(taken = take_or_join(semaphore, &waiter, again, error)) && !error) {
        error = wait_for_turn(&waiter, deadline, owner, firm);
        again = true;
    }
    if (again)
        fi_sync_waiter_settle(&waiter);
    if (taken && error == FILCH_EINTR)
        fi_interrupt_self();
    return taken ? 0 : error;
}

int fi_semaphore_acquire(struct filch_semaphore *semaphore, double timeout,
                         const _Atomic(void *) *owner, bool firm)
{
    if (isnan(timeout))
        return FILCH_EINVAL;
    if (!filch_semaphore_try_acquire(semaphore))
        return 0;
    return acquire_slowly(semaphore, timeout, owner, firm);
}

int filch_semaphore_acquire(struct filch_semaphore *semaphore, double timeout)
{
    return fi_semaphore_acquire(semaphore, timeout, NULL, false);
}

static FILCH_COLD int release_slowly(struct filch_semaphore *semaphore, uint32_t count)
{
    uint64_t word = fi_word_lock(&semaphore->word);
    bool fits = count <= UINT32_MAX - permits_of(word);

    unlock(semaphore, fits ? word + count * PERMIT : word);
    return fits ? 0 : FILCH_EINVAL;
}

int filch_semaphore_release(struct filch_semaphore *semaphore, uint32_t count)
{
    for (;;) {
        uint64_t word = fi_word_read(&semaphore->word);
        if (count > UINT32_MAX - permits_of(word))
            return FILCH_EINVAL;
        if (word & FI_WORD_LISTED)
            return release_slowly(semaphore, count);
        /* S4, release, pairs with S3 and S1. */
        if (atomic_compare_exchange_weak_explicit(&semaphore->word, &word,
                                                  word + count * PERMIT, memory_order_release,
                                                  memory_order_relaxed))
            return 0;
    }
}
