/* SPDX-License-Identifier: MIT
 *
 * Waiting for a future. A worker that waits runs what it waits for, if nobody has begun to; and who
 * would wait for itself, by whatever detour, is told so (FILCH_EDEADLK). */
#ifndef FI_AWAIT_H
#define FI_AWAIT_H

#include "sched/core/deadlock.h"
#include "sched/futures/future.h"

/* The thread that is about to wait for a future that has not ended. Why it would never end
 * meanwhile: FILCH_EFORKED or FILCH_EDEADLK; or 0. What waits to be run on this very thread is run
 * first. */
int fi_future_check_wait(struct filch_future *future);

/* The thread that does not wait for the future, as fi_future_check_wait() has returned `error`. Keeps a
 * text of it for filch_deadlock_describe(). Returns `error`. */
int fi_future_refuse_wait(struct filch_future *future, int error);

/* The thread that waits. Runs the future, or what it continues, if that is one of its own pool's and
 * has not started. Returns true if it has run something. */
bool fi_future_run_awaited(struct filch_future *future);

/* Any thread. As filch_future_result(), but waits for its end, however it ends: returns 0 then, or why
 * it has not ended. */
int fi_future_await(struct filch_future *future, double timeout);

/* As a fi_stuck_fn: can the future not end before the thread that probes goes on? */
bool fi_future_stuck(struct filch_future *future, struct fi_probe *probe);

#endif
