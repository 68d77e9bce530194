/* SPDX-License-Identifier: MIT
 *
 * The process: see process.h. Nothing here is fast or needs to be. */
#include "sched/core/process.h"

#include "sched/core/slab.h"
#include "sched/core/worker.h"

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
static struct fi_process_member *members;
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

void fi_process_leave(struct fi_process_member *member)
{
    pthread_mutex_lock(&lock);
    if (member->link)
        unlink_member(member);
    pthread_mutex_unlock(&lock);
}

void fi_process_drop(const void *pool)
{
    pthread_mutex_lock(&lock);
    for (struct fi_process_member *member = members, *next; member; member = next) {
        next = member->next;
        if (member->pool == pool)
            unlink_member(member);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- fork() ------------------------------------------------------------------------------ */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    fi_slab_lock();
}

static void in_parent(void)
{
    fi_slab_unlock();
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
    fi_worker_forget();
    holds = 0;
    has_leaver = false;
    while (members) /* the parent's: their threads are not here */
        unlink_member(members);
    pthread_cond_init(&all_released, NULL);
    fi_slab_unlock();
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
        pthread_mutex_unlock(&lock);
        member->finish(member);
        pthread_mutex_lock(&lock);
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

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool failed;

static void init(void)
{
    failed = pthread_atfork(before_fork, in_parent, in_child) || atexit(at_exit);
}

int fi_process_init(void)
{
    return pthread_once(&once, init) || failed ? FILCH_ENOMEM : 0;
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
