/* SPDX-License-Identifier: MIT
 *
 * Waiting, for clients about what is waited for: sched/core/wait.c as shipped, for threads that are
 * no workers. With sched/core/self.c, too, where one thread waits: what is that thread's is in plain
 * memory then, as the checker does not let others see what is thread-local. Where several wait
 * (SEVERAL_WAIT) there is a row of what others see of them.
 *
 * A thread's clock stands still while it is awake, but for its pauses, and a sleep with a deadline is
 * over at once: it has passed then. */
#include "atomics/event.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FI_NEVER   INT64_MAX
#define FI_PAUSE_H /* sched/core/pause.h; see below */

/* What is not used is not compiled: it calls what is not there. And what is on a stack must be there
 * before the thread's first read: the checker's cache may give the memory of what comes later away
 * twice. So all goes into the threads' main functions. */
#pragma clang attribute push(__attribute__((internal_linkage)), apply_to = function)
#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#pragma clang diagnostic ignored "-Wundefined-internal"

static _Thread_local int64_t clock_of_thread;

int64_t fi_now(void)
{
    return clock_of_thread;
}

/* A write that the checker sees, which otherwise takes the loop around it for one that only spins: it
 * lets the thread look until it is over, and never sleep. With STAYS_AWAKE that is what is wanted. */
static _Atomic(int) pauses_of_thread[8];

static void fi_pause(uint32_t *pauses, int64_t since)
{
    (void)pauses;
#ifndef STAYS_AWAKE
    atomic_fetch_add_explicit(&pauses_of_thread[pthread_self()], 1, memory_order_relaxed);
#endif
    clock_of_thread = since + 1000000;
}

static _Thread_local bool
    disturbed; /* its next sleep ends before it has begun, for no reason */

static void fi_event_wait_until(struct fi_event *event, uint32_t ticket, int64_t deadline)
{
    if (disturbed)
        disturbed = false;
    else if (deadline == FI_NEVER)
        fi_event_wait(event, ticket);
    else
        clock_of_thread = deadline;
}

#include "sched/core/wait.h"

#ifdef SEVERAL_WAIT
static struct filch_thread threads_that_wait[8];

struct filch_thread *fi_thread_self(void)
{
    return &threads_that_wait[pthread_self()];
}

void *fi_thread_id(void)
{
    return fi_thread_self();
}

struct fi_event *fi_event_self(void)
{
    return &fi_thread_self()->own;
}

struct fi_worker *fi_worker_self(void)
{
    return NULL;
}

struct fi_running *fi_running_self(void)
{
    return NULL;
}

uint32_t fi_locks_self(void)
{
    return 0;
}

void fi_locks_add_self(int change)
{
    (void)change;
}

bool fi_self_take_woke(void)
{
    return false;
}
#else
#define _Thread_local
#include "sched/core/self.c"
#undef _Thread_local
#endif

#define fi_event_wait(event, ticket, deadline) fi_event_wait_until(event, ticket, deadline)
#define is_over                                core_is_over /* another folder has its own */
#include "sched/core/wait.c"
#undef fi_event_wait
#undef is_over

#pragma clang attribute pop
#pragma clang attribute pop
