/* SPDX-License-Identifier: MIT
 *
 * The process: see process.h. Nothing here is fast or needs to be. */
#include "sched/core/process.h"

#include "sched/core/deadlock.h"
#include "sched/core/block_cache.h"
#include "sched/core/self.h"

#include <filch/error.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic(unsigned) generation;

/* What was detached and has not ended. A thread that leaves is joined by the next one that does,
 * and the last one by the process's end. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_released = PTHREAD_COND_INITIALIZER;
static int holds;
static struct fi_process_member *members, *finishing;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static bool has_leaver;
static pthread_t leaver;

/* ---- Members ----------------------------------------------------------------------------- */

/* With the lock. */
static void unlink_member(struct fi_process_member *member)
{
    *member->link = member->next;
    if (member->next)
        member->next->link = member->link;
    member->link = NULL;
}

void fi_process_enter(struct fi_process_member *member)
{
    pthread_mutex_lock(&lock);
    member->next = members;
    member->link = &members;
    if (member->next)
        member->next->link = &member->next;
    members = member;
    pthread_mutex_unlock(&lock);
}

bool fi_process_leave(struct fi_process_member *member, bool wait)
{
    pthread_mutex_lock(&lock);
    if (member->link)
        unlink_member(member);
    while (wait && finishing == member)
        pthread_cond_wait(&finished, &lock);
    bool left = finishing != member;
    pthread_mutex_unlock(&lock);
    return left;
}

void fi_process_drop(const void *pool)
{
    pthread_mutex_lock(&lock);
    for (struct fi_process_member *member = members, *next; member; member = next) {
        next = member->next;
        if (member->pool == pool)
            unlink_member(member);
    }
    while (finishing && finishing->pool == pool)
        pthread_cond_wait(&finished, &lock);
    pthread_mutex_unlock(&lock);
}

/* ---- fork() ------------------------------------------------------------------------------ */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    fi_block_cache_lock();
    fi_deadlock_lock();
}

static void in_parent(void)
{
    fi_deadlock_unlock();
    fi_block_cache_unlock();
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    /* Relaxed: this is the only thread. */
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
    fi_worker_forget();
    holds = 0;
    has_leaver = false;
    while (members) /* the parent's: their threads are not here */
        unlink_member(members);
    finishing = NULL;
    pthread_cond_init(&all_released, NULL);
    pthread_cond_init(&finished, NULL);
    fi_deadlock_forget();
    fi_deadlock_unlock();
    fi_block_cache_unlock();
    pthread_mutex_unlock(&lock);
}

/* ---- exit() ------------------------------------------------------------------------------ */

static void at_exit(void)
{
    /* A task that calls exit() would wait for itself. */
    if (fi_worker_self())
        return;
    pthread_mutex_lock(&lock);
    while (members) {
        struct fi_process_member *member = members;
        unlink_member(member);
        finishing = member;
        pthread_mutex_unlock(&lock);
        member->finish(member);
        pthread_mutex_lock(&lock);
        finishing = NULL;
        pthread_cond_broadcast(&finished);
    }
    while (holds > 0)
        pthread_cond_wait(&all_released, &lock);
    bool join = has_leaver;
    pthread_t last = leaver;
    has_leaver = false;
    pthread_mutex_unlock(&lock);
    if (join)
        pthread_join(last, NULL);
}

/* ---- Once -------------------------------------------------------------------------------- */

int fi_process_init(void)
{
    static bool sees_forks, sees_exit; /* guarded by the lock */

    /* Where memory lacks it is tried again with the next pool. */
    pthread_mutex_lock(&lock);
    if (!sees_forks)
        sees_forks = !pthread_atfork(before_fork, in_parent, in_child);
    if (sees_forks && !sees_exit)
        sees_exit = !atexit(at_exit);
    bool ready = sees_exit;
    pthread_mutex_unlock(&lock);
    return ready ? 0 : FILCH_ENOMEM;
}

unsigned fi_process_generation(void)
{
    /* Relaxed: it changes only in a process that has but one thread. */
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

int fi_process_hold(void)
{
    int error = fi_process_init();

    if (error)
        return error;
    pthread_mutex_lock(&lock);
    holds++;
    pthread_mutex_unlock(&lock);
    return 0;
}

void fi_process_release(bool leaves)
{
    pthread_mutex_lock(&lock);
    bool join = leaves && has_leaver;
    pthread_t before = leaver;
    if (leaves) {
        leaver = pthread_self();
        has_leaver = true;
    }
    if (--holds == 0)
        pthread_cond_broadcast(&all_released);
    pthread_mutex_unlock(&lock);
    if (join)
        pthread_join(before, NULL);
}
