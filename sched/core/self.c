/* SPDX-License-Identifier: MIT
 *
 * The thread-locals: see self.h. */
#include "sched/core/self.h"

#include <filch/interrupt.h>

static _Thread_local struct {
    struct fi_worker *worker;
    struct fi_running *running;
    uint32_t locks;
    bool woke;
    uint64_t deadlock;
    struct filch_thread thread; /* all of it is 0 at first, which is right for an event, too */
} self;

struct fi_worker *fi_worker_self(void)
{
    return self.worker;
}

static struct fi_event *event_of(struct filch_thread *thread)
{
    /* Relaxed: it changes only when a worker's thread begins, which is before anybody knows it, and
     * when it ends. */
    struct fi_event *event = atomic_load_explicit(&thread->event, memory_order_relaxed);
    return event ? event : &thread->own;
}

struct fi_event *fi_event_self(void)
{
    return event_of(&self.thread);
}

void fi_worker_set_self(struct fi_worker *worker, struct fi_event *event)
{
    self.worker = worker;
    atomic_store_explicit(&self.thread.event, event, memory_order_relaxed);
}

void *fi_thread_id(void)
{
    return &self;
}

struct filch_thread *fi_thread_self(void)
{
    return &self.thread;
}

struct fi_running *fi_running_self(void)
{
    return self.running;
}

void fi_running_set_self(struct fi_running *running)
{
    self.running = running;
}

uint32_t fi_locks_self(void)
{
    return self.locks;
}

void fi_locks_add_self(int change)
{
    self.locks += (uint32_t)change;
}

uint64_t fi_deadlock_self(void)
{
    return self.deadlock;
}

void fi_deadlock_set_self(uint64_t number)
{
    self.deadlock = number;
}

void fi_self_woke(void)
{
    self.woke = true;
}

bool fi_self_take_woke(void)
{
    bool woke = self.woke;
    self.woke = false;
    return woke;
}

void fi_worker_forget(void)
{
    self.worker = NULL;
}

/* ---- Interrupts -------------------------------------------------------------------------- */

struct filch_thread *filch_thread_current(void)
{
    return &self.thread;
}

void fi_interrupt_self(void)
{
    /* Relaxed: for this thread itself. */
    atomic_store_explicit(&self.thread.interrupted, true, memory_order_relaxed);
}

void filch_interrupt(struct filch_thread *thread)
{
    /* J1, release, before the notification, pairs with J2 in wait.c: what the caller did before. */
    atomic_store_explicit(&thread->interrupted, true, memory_order_release);
    fi_event_notify(event_of(thread));
}
