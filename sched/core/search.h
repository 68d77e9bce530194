/* SPDX-License-Identifier: MIT
 *
 * A worker's life at its top level, where it runs whatever is ready: where it looks for work, for how
 * long, and when it sleeps. */
#ifndef FI_SEARCH_H
#define FI_SEARCH_H

#include "sched/core/worker.h"

/* The worker's thread, which counts as searching. Runs tasks until the pool has ended, or, of a
 * spare, it is not needed any more: false, and the thread must end without another look at the
 * pool. */
bool fi_worker_live(struct fi_worker *worker);

/* Worker. Runs one task of anybody's, if one is ready. head: the first free slot of the current
 * level, or NULL when a plain function calls. */
bool fi_worker_run_one(struct fi_worker *worker, struct filch_slot *head);

/* Worker, at the end of the task that it has taken out of a submit queue, before others hear of it.
 * It is as good as searching: who hears of it and submits the next task need not have another worker
 * started. */
void fi_worker_ending(struct fi_worker *worker);

/* Worker, after fi_worker_ending() when it will be busy for longer. */
void fi_worker_busy(struct fi_worker *worker);

#endif
