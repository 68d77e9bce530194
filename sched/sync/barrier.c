/* SPDX-License-Identifier: MIT
 *
 * The barrier. Each party but the last one of a round puts its waiter into the queue, and from then
 * on looks at that waiter alone: the last one has begun the next round, and let go of the barrier,
 * before it tells any. */
#include "sched/sync/queue.h"

#include "sched/core/self.h"
#include "sched/core/wait.h"

#include <assert.h>

int filch_barrier_init(struct filch_barrier *barrier, uint32_t parties)
{
    if (parties == 0)
        return FILCH_EINVAL;
    atomic_init(&barrier->word, 0);
    fi_sync_queue_init(&barrier->queue);
    barrier->parties = parties;
    barrier->arrived = 0;
    return 0;
}

void filch_barrier_fini(struct filch_barrier *barrier)
{
    assert(barrier->arrived == 0 && "somebody waits at the barrier");
    (void)barrier;
}

int filch_barrier_wait(struct filch_barrier *barrier)
{
    struct filch_sync_waiter_ waiter;

    (void)fi_word_lock(&barrier->word);
    if (++barrier->arrived < barrier->parties) {
        fi_sync_queue_join(&barrier->queue, &waiter, false);
        fi_word_unlock(&barrier->word, 0);
        (void)fi_sync_waiter_wait(&waiter, FI_NEVER, true);
        return 0;
    }
    barrier->arrived = 0;
    struct filch_sync_waiter_ *others = fi_sync_queue_choose_all(&barrier->queue);
    fi_word_unlock(&barrier->word, 0);
    fi_sync_queue_tell(others);
    return 1;
}
