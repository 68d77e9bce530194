/* SPDX-License-Identifier: MIT
 *
 * What becomes of a future that has a task: it is run, by the worker that takes it out of its
 * submit queue, by one that waits for it, or where it was submitted; or it is refused or cancelled.
 * Whoever changes PENDING to RUNNING, the claim, decides which. */
#ifndef FI_RUN_H
#define FI_RUN_H

#include "sched/futures/future.h"

/* What future->task.run is to be: the worker takes it out of its submit queue. */
void fi_future_take(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                    int refusal);

/* Who has claimed it. Runs the task, ends the future, calls the callbacks. worker: the caller, if
 * it has taken the future out of a submit queue; NULL: it runs inside another task, or
 * elsewhere. */
void fi_future_run(struct filch_future *future, struct fi_worker *worker);

/* Who has submitted it, and is to run it. Runs it, unless it should not run at all; gives back a
 * reference. */
void fi_future_run_here(struct filch_future *future);

/* Who waits for it, on a worker of its pool. Runs it before its submit queue comes to it. Returns
 * false if it has started, or ended. */
bool fi_future_run_early(struct filch_future *future);

#endif
