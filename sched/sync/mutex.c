/* SPDX-License-Identifier: MIT
 *
 * The mutex: a semaphore of one permit that knows its owner. Uncontended, to lock and to unlock are
 * a CAS each.
 *
 * The owner writes `owner` after it has locked and before it unlocks. So who reads its own name
 * there has the mutex, and who has it not reads something else, however old. */
#include "sched/sync/mutex.h"

#include "sched/core/self.h"
#include "sched/sync/semaphore.h"
#include "sched/core/wait.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

void filch_mutex_init(struct filch_mutex *mutex)
{
    filch_semaphore_init(&mutex->semaphore, 1);
    atomic_init(&mutex->owner, NULL);
}

void filch_mutex_fini(struct filch_mutex *mutex)
{
    assert(!atomic_load_explicit(&mutex->owner, memory_order_relaxed) && "the mutex is locked");
    filch_semaphore_fini(&mutex->semaphore);
}

static bool is_mine(const struct filch_mutex *mutex)
{
    /* Relaxed: a thread recognises only what it wrote itself. */
    return atomic_load_explicit(&mutex->owner, memory_order_relaxed) == fi_thread_id();
}

/* The caller has locked it, or is about to unlock it. */
static void own(struct filch_mutex *mutex, bool locked)
{
    /* Relaxed: see is_mine(). */
    atomic_store_explicit(&mutex->owner, locked ? fi_thread_id() : NULL, memory_order_relaxed);
    fi_locks_add_self(locked ? 1 : -1);
}

int filch_mutex_try_lock(struct filch_mutex *mutex)
{
    if (filch_semaphore_try_acquire(&mutex->semaphore))
        return FILCH_EAGAIN;
    own(mutex, true);
    return 0;
}

int filch_mutex_lock(struct filch_mutex *mutex, double timeout)
{
    if (isnan(timeout))
        return FILCH_EINVAL;
    if (!filch_mutex_try_lock(mutex))
        return 0;
    if (is_mine(mutex)) {
        fi_deadlock_note_refusal(NULL, NULL, NULL);
        return FILCH_EDEADLK;
    }
    int error = fi_semaphore_acquire(&mutex->semaphore, timeout, &mutex->owner, false);
    if (!error)
        own(mutex, true);
    return error;
}

void fi_mutex_lock_again(struct filch_mutex *mutex)
{
    (void)fi_semaphore_acquire(&mutex->semaphore, FILCH_FOREVER, NULL, true);
    own(mutex, true);
}

int filch_mutex_unlock(struct filch_mutex *mutex)
{
    if (!is_mine(mutex))
        return FILCH_EPERM;
    own(mutex, false);
    /* The mutex may be gone after it. */
    return filch_semaphore_release(&mutex->semaphore, 1);
}
