/* SPDX-License-Identifier: MIT
 *
 * Cycles of threads that wait for each other for ever. A thread that others may depend on, since it
 * runs a task or holds a mutex, says what it sleeps for; if that cannot come before the thread itself
 * goes on, it is told so instead of falling asleep. It costs a mutex where a thread sleeps, else
 * nothing.
 *
 * What a thread sleeps for is known to whoever makes it wait, by a function that asks, for a lock, the
 * thread that owns it; for a task, the thread that runs it; for all of several, each of them, and so
 * on. What nobody can know (a semaphore, a condition) has no such function, and is believed to
 * come. */
#ifndef FI_DEADLOCK_H
#define FI_DEADLOCK_H

#include "sched/core/self.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fi_probe;

/* Can `object` not come before the thread that probes goes on? No, if it has come already, though the
 * thread that sleeps for it has not yet seen that. With the table's lock: takes no lock
 * but latches', and wakes nobody. */
typedef bool fi_stuck_fn(void *object, struct fi_probe *probe);

/* What a thread may be asked to do while it sleeps: to run something that waits for this thread to be
 * free, and that it waits for itself, if by many steps. */
struct fi_service {
    void (*hold)(void *object);  /* with the table's lock: it is to stay until served */
    void (*serve)(void *object); /* the thread that was asked, without it */
};

struct fi_sleeper {
    /* Set by the thread. */
    fi_stuck_fn *stuck;
    void *object;           /* what it sleeps for */
    struct fi_event *event; /* what it sleeps on */
    bool firm;              /* it has nobody to tell, and cannot be told */

    const void *thread;               /* fi_thread_id() */
    const struct fi_running *running; /* the innermost of its tasks, or NULL */
    struct fi_sleeper *next, **link;
    uint64_t seen; /* by which probe; even: it is being asked; odd: it is not stuck */

    /* Why its event was notified by another thread of a cycle, or before it sleeps by itself. */
    uint64_t told;                    /* what it sleeps for cannot come: the number of the text */
    const struct fi_service *service; /* it is to do that, or NULL */
    void *served;
};

/* The thread, about to sleep for ever, if need be, until `object` has come. It runs nothing until
 * fi_deadlock_leave(). If that closes a cycle, somebody in it is asked for a service that opens it
 * again, or told; it may be this thread. O(threads that it depends on, and what they wait for). */
void fi_deadlock_enter(struct fi_sleeper *sleeper);

/* The thread, after that. `told` and `service` do not change any more. */
void fi_deadlock_leave(struct fi_sleeper *sleeper);

/* The thread, which was told. The text is that of its last FILCH_EDEADLK. */
void fi_deadlock_note_told(const struct fi_sleeper *sleeper);

/* The thread, which is refused a wait without having slept: what it waits for cannot come before one
 * of the tasks on its stack, `task`, goes on. NULL: the innermost one. Makes a text for it:
 * between: writes a name for what stands between the two, or NULL. */
void fi_deadlock_note_refusal(const struct fi_running *task,
                              void (*between)(const void *object, char *text, size_t size),
                              const void *object);

/* ---- For stuck functions ------------------------------------------------------------------- */

/* Is this thread the one that probes, or does it sleep for something that is stuck? NULL: no. */
bool fi_probe_thread(struct fi_probe *probe, const void *thread);

/* `object` waits until this thread is free: is that thread stuck? Then it may be asked to serve it. */
bool fi_probe_behind(struct fi_probe *probe, const void *thread,
                     const struct fi_service *service, void *object);

/* Is any thread stuck that has a task on its stack, or is the one that probes and has, for which
 * `match` returns true? */
bool fi_probe_tasks(struct fi_probe *probe,
                    bool (*match)(const struct fi_running *running, const void *object),
                    const void *object);

/* ---- Around a fork() ------------------------------------------------------------------------ */

void fi_deadlock_lock(void);
void fi_deadlock_unlock(void);

/* In the child: nobody else sleeps. */
void fi_deadlock_forget(void);

#endif
