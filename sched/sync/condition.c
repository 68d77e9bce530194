/* SPDX-License-Identifier: MIT
 *
 * The condition. Who waits is in the queue before it unlocks the mutex, and stays there until it is
 * notified or gives up: a notification finds it there whatever its thread does meanwhile. Once it
 * is chosen it does not touch the condition again. */
#include "sched/sync/queue.h"

#include "sched/core/self.h"
#include "sched/core/wait.h"
#include "sched/sync/mutex.h"

#include <assert.h>
#include <math.h>

void filch_condition_init(struct filch_condition *condition)
{
    atomic_init(&condition->word, 0);
    fi_sync_queue_init(&condition->queue);
}

void filch_condition_fini(struct filch_condition *condition)
{
    assert(!condition->queue.first && "somebody waits for the condition");
    (void)condition;
}

static void unlock(struct filch_condition *condition)
{
    fi_word_unlock(&condition->word, fi_sync_queue_flag(&condition->queue));
}

/* The waiter, whose time is up. Returns false if it was notified all the same. */
static bool give_up(struct filch_condition *condition, struct filch_sync_waiter_ *waiter)
{
    (void)fi_word_lock(&condition->word);
    bool listed = waiter->listed;
    if (listed)
        fi_sync_queue_remove(&condition->queue, waiter);
    unlock(condition);
    if (!listed)
        fi_sync_waiter_settle(waiter);
    return listed;
}

int filch_condition_wait(struct filch_condition *condition, struct filch_mutex *mutex,
                         double timeout)
{
    struct filch_sync_waiter_ waiter;
    int error = 0;

    if (isnan(timeout))
        return FILCH_EINVAL;
    /* Relaxed: a thread recognises only what it wrote itself. */
    if (atomic_load_explicit(&mutex->owner, memory_order_relaxed) != fi_thread_id())
        return FILCH_EPERM;
    (void)fi_word_lock(&condition->word);
    fi_sync_queue_join(&condition->queue, &waiter, false);
    unlock(condition);
    (void)filch_mutex_unlock(mutex);
    if (!fi_sync_waiter_wait(&waiter, fi_deadline(timeout), false) &&
        give_up(condition, &waiter))
        error = FILCH_ETIMEDOUT;
    fi_mutex_lock_again(mutex);
    return error;
}

static void notify(struct filch_condition *condition,
                   struct filch_sync_waiter_ *choose(struct filch_sync_queue_ *queue))
{
    /* Relaxed: who is owed this notification was in the queue before it unlocked the mutex, and the
     * caller has locked it since. */
    if (!(atomic_load_explicit(&condition->word, memory_order_relaxed) & FI_WORD_LISTED))
        return;
    (void)fi_word_lock(&condition->word);
    struct filch_sync_waiter_ *chosen = choose(&condition->queue);
    unlock(condition);
    fi_sync_queue_tell(chosen);
}

void filch_condition_notify_one(struct filch_condition *condition)
{
    notify(condition, fi_sync_queue_choose_one);
}

void filch_condition_notify_all(struct filch_condition *condition)
{
    notify(condition, fi_sync_queue_choose_all);
}
