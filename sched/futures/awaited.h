/* SPDX-License-Identifier: MIT
 *
 * What a thread that waits for several futures asks about each of them before it sleeps: the same
 * as filch_future_result() does for one. */
#ifndef FI_AWAITED_H
#define FI_AWAITED_H

#include "sched/core/process.h"
#include "sched/futures/future.h"

#include <float.h>

/* The waiting thread. Why waiting for the future, which has not ended, would never end:
 * FILCH_EFORKED or FILCH_EDEADLK; or 0. What waits to be run on this very thread is run first. */
static inline int fi_awaited_check(struct filch_future *future)
{
    if (future->generation != fi_process_generation())
        return FILCH_EFORKED;
    /* Relaxed: only the thread that runs it finds itself there, and wrote that itself. */
    if (atomic_load_explicit(&future->fn, memory_order_relaxed) == (uintptr_t)fi_thread_id() ||
        fi_follows_own(future))
        return FILCH_EDEADLK;
    fi_follow_catch_up();
    return 0;
}

/* The waiting thread. Runs the future if it is one of its own pool's and has not started: a worker
 * whose stack is deep, or which holds a lock, runs nothing else, and must not starve what it
 * waits for. */
static inline void fi_awaited_run(struct filch_future *future)
{
    if (fi_worker_self() && fi_latch_state(&future->latch) == FI_PENDING)
        (void)filch_future_result(future, DBL_MIN, NULL); /* does so whatever the timeout */
}

/* Has the deadline passed? */
static inline bool fi_awaited_late(int64_t deadline)
{
    return deadline != FI_NEVER && fi_now() >= deadline;
}

#endif
