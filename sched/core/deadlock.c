/* SPDX-License-Identifier: MIT
 *
 * Sleepers, in a hash table by their threads: see deadlock.h.
 *
 * No cycle is seen where there is none. While the lock is held nobody comes or leaves, and who is
 * entered runs nothing: what a sleeper has on its stack, and is running, goes on only after its
 * wait. So each step of the way is a task that cannot end before the one that its thread waits
 * for. None is missed: its last step is either a sleeper that comes, which looks, or a task that
 * begins on a thread, which is awake then and will look when it sleeps. */
#include "sched/core/deadlock.h"

#include "sched/core/hash.h"
#include "sched/core/worker.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define BITS 8 /* of the table's size */

static struct {
    pthread_mutex_t lock;
    struct fi_sleeper *rows[1 << BITS];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct fi_sleeper **row_of(const void *thread)
{
    return &table.rows[fi_hash(thread, BITS)];
}

static const struct fi_sleeper *find(const void *thread)
{
    const struct fi_sleeper *sleeper = *row_of(thread);

    while (sleeper && sleeper->thread != thread)
        sleeper = sleeper->next;
    return sleeper;
}

/* Does `object` run on this thread, or wait for one that does, and so on? There is no cycle among
 * those that are entered, so it ends. */
static bool leads_to(const void *thread, void *object, fi_runner_fn *runner)
{
    for (;;) {
        const void *on = runner(object);
        if (!on || on == thread)
            return on;
        const struct fi_sleeper *sleeper = find(on);
        if (!sleeper)
            return false;
        object = sleeper->object;
    }
}

bool fi_deadlock_enter(struct fi_sleeper *sleeper, void *object, fi_runner_fn *runner)
{
    const void *thread = fi_thread_id();

    fi_deadlock_lock();
    bool closes = leads_to(thread, object, runner);
    if (!closes) {
        sleeper->thread = thread;
        sleeper->object = object;
        sleeper->link = row_of(thread);
        sleeper->next = *sleeper->link;
        if (sleeper->next)
            sleeper->next->link = &sleeper->next;
        *sleeper->link = sleeper;
    }
    fi_deadlock_unlock();
    return !closes;
}

void fi_deadlock_leave(struct fi_sleeper *sleeper)
{
    fi_deadlock_lock();
    *sleeper->link = sleeper->next;
    if (sleeper->next)
        sleeper->next->link = sleeper->link;
    fi_deadlock_unlock();
}

void fi_deadlock_lock(void)
{
    pthread_mutex_lock(&table.lock);
}

void fi_deadlock_unlock(void)
{
    pthread_mutex_unlock(&table.lock);
}

void fi_deadlock_forget(void)
{
    memset(table.rows, 0, sizeof table.rows);
}
