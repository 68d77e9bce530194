/* SPDX-License-Identifier: MIT
 *
 * Waiting. A task that waits may be what another task waits for, so nothing runs on its stack but
 * what it waits for itself (`help`); when there is nothing of that the thread sleeps, and a spare
 * takes its place. Only where no more threads are to be had it runs others, as the last resort. */
#ifndef FI_WAIT_H
#define FI_WAIT_H

#include "sched/core/count_latch.h"
#include "sched/core/deadlock.h"
#include "sched/core/latch.h"
#include "sched/core/worker.h"

/* What a thread waits for. */
struct fi_wait {
    bool (*over)(struct fi_wait *wait);   /* has it come, or is the time up? */
    bool (*enlist)(struct fi_wait *wait); /* have `event` notified; false: look again first */
    void (*delist)(struct fi_wait *wait); /* after true from enlist; or NULL */
    /* A worker. Runs a piece of what is waited for; false: there is nothing to be run. NULL: there
     * never is. With a deadline it is the last resort: nothing that runs is interrupted. */
    bool (*help)(struct fi_wait *wait);
    /* The same, but dear: after it has slept for a while, and ever more seldom. Or NULL. */
    bool (*rescue)(struct fi_wait *wait);
    fi_stuck_fn *stuck;      /* of the wait, if it can be known whether it ends; or NULL */
    int64_t deadline;        /* of fi_now(), or FI_NEVER */
    bool firm;               /* no filch_interrupt() ends it */
    bool at_once;            /* there is no hope that it comes in a moment */
    struct filch_slot *head; /* of a join: the first free slot; else NULL */
    void *object;

    /* Set by fi_wait_for(). */
    struct fi_event *event;
    struct fi_waiter waiter; /* for enlist */
    struct fi_sleeper sleeper;
};

/* Any thread. Blocks until wait->over(). Returns 0, or, if that came first, FILCH_EINTR (unless it is
 * firm) or FILCH_EDEADLK (likewise; if it has `stuck`, no deadline, and can never come). */
int fi_wait_for(struct fi_wait *wait);

/* Any thread, after a look at something that has not ended, for which it does not wait. A task that
 * does so again and again lets a spare have its place for a moment, as that may be what is needed. */
void fi_wait_not_at_all(void);

/* The point of fi_now() that is `seconds` from now: now for 0 and below. */
int64_t fi_deadline(double seconds);

/* Has that point passed? */
static inline bool fi_is_late(int64_t deadline)
{
    return deadline != FI_NEVER && fi_now() >= deadline;
}

/* ---- For latches ------------------------------------------------------------------------------ */

/* A wait until the latch has ended or the deadline has passed; to be completed as one likes. */
struct fi_wait fi_latch_waiting(struct fi_latch *latch, int64_t deadline);

/* Any thread. Blocks until then, whatever comes. */
void fi_latch_wait(struct fi_latch *latch, int64_t deadline);

/* A wait until the count is 0, or was: it may have risen since. */
struct fi_count_wait {
    struct fi_wait wait; /* first: its address is the whole's */
    bool zero;           /* it was */
};

struct fi_count_wait fi_count_latch_waiting(struct fi_count_latch *count_latch,
                                            int64_t deadline);

/* Any thread. Blocks until then, whatever comes. Returns true for zero. */
bool fi_count_latch_wait(struct fi_count_latch *count_latch, int64_t deadline);

#endif
