/* SPDX-License-Identifier: MIT
 *
 * Cycles: tasks on several threads, each of which waits for the next. A thread that is about to
 * sleep in a task enters what for. If that runs on a thread which sleeps as well, it looks what
 * that one sleeps for, and so on; if this leads back to itself none of them would ever wake up. So
 * the last one to fall asleep sees it. It costs a mutex where a thread sleeps, else nothing. */
#ifndef FI_DEADLOCK_H
#define FI_DEADLOCK_H

#include <stdbool.h>

struct fi_sleeper {
    const void *thread; /* fi_thread_id() */
    void *object;       /* what it sleeps for */
    struct fi_sleeper *next, **link;
};

/* The thread on which an object runs at this moment, as fi_thread_id() has it, or NULL. */
typedef const void *fi_runner_fn(void *object);

/* The thread, in a task, about to sleep until `object` has ended, for ever if need be. It runs
 * nothing until fi_deadlock_leave(). Returns false, and is not entered, if that would close a cycle.
 * O(threads in a row, each of which waits for the next). */
bool fi_deadlock_enter(struct fi_sleeper *sleeper, void *object, fi_runner_fn *runner);

/* The thread, after true. */
void fi_deadlock_leave(struct fi_sleeper *sleeper);

/* Around a fork(); in the child nobody else sleeps. */
void fi_deadlock_lock(void);
void fi_deadlock_unlock(void);
void fi_deadlock_forget(void);

#endif
