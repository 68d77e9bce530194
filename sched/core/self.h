/* SPDX-License-Identifier: MIT
 *
 * The calling thread: whose worker it is, what it runs, and what it sleeps on. All thread-locals of
 * the scheduler's core are here. */
#ifndef FI_SELF_H
#define FI_SELF_H

#include "atomics/event.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fi_worker;

/* A submitted task on a thread's stack, for those who only pass it on: what futures know about it
 * (sched/futures/context.h) begins with this. */
struct fi_running {
    struct fi_running *outer; /* further down on the same stack, or NULL */
    /* Writes a name for it, as snprintf() does. */
    void (*describe)(const struct fi_running *running, char *text, size_t size);
};

/* A thread, to others. It is there as long as the thread. */
struct filch_thread {
    _Atomic(struct fi_event *) event; /* it sleeps on it when it waits; NULL: on `own` */
    struct fi_event own;
    _Atomic(bool) interrupted; /* anybody sets it, the thread clears it */
};

/* The calling thread's worker, or NULL. */
struct fi_worker *fi_worker_self(void);

/* The thread, when its work as a worker begins or ends (NULL). event: the worker's. */
void fi_worker_set_self(struct fi_worker *worker, struct fi_event *event);

/* An address that stands for the calling thread. */
void *fi_thread_id(void);

/* The calling thread, for others. */
struct filch_thread *fi_thread_self(void);

/* The thread, to which a wait has said FILCH_EINTR, but which has got what it waited for: it tells the
 * next wait. */
void fi_interrupt_self(void);

/* The thread. What it sleeps on. */
struct fi_event *fi_event_self(void);

/* The thread. The innermost task on its stack, or NULL. */
struct fi_running *fi_running_self(void);
void fi_running_set_self(struct fi_running *running);

/* The thread. How many mutexes it holds; it has got one (1), or given one back (-1). */
uint32_t fi_locks_self(void);
void fi_locks_add_self(int change);

/* The thread. The number of the text that says why it was last refused a wait (deadlock.h); 0: none. */
uint64_t fi_deadlock_self(void);
void fi_deadlock_set_self(uint64_t number);

/* The thread. It has woken a worker, which may be waiting for this very processor. */
void fi_self_woke(void);

/* The thread, about to wait. Has it woken a worker since it waited last? */
bool fi_self_take_woke(void);

/* In the child of a fork(): the only thread is nobody's worker. */
void fi_worker_forget(void);

#endif
