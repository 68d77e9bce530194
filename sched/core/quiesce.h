/* SPDX-License-Identifier: MIT
 *
 * The phases of a pool, and how its workers find out that all has been run. */
#ifndef FI_QUIESCE_H
#define FI_QUIESCE_H

#include "sched/core/worker.h"

/* Any thread. Runs what there is, then ends: does not wait for that. Again is fine. */
void fi_pool_close(struct filch_pool *pool);

/* With the lock: no thread is started from then on. */
void fi_pool_end(struct filch_pool *pool);

/* With the lock, when one more thread is quiescent, or there is one less. Ends the pool if it closes
 * and that was the last. */
void fi_pool_check_end(struct filch_pool *pool);

/* Worker without a task, about to sleep. If the pool closes it is quiescent from now on, and ends
 * the pool if all are. Returns true if it is: it must call fi_pool_resume() before it looks for
 * work. */
bool fi_pool_quiesce(struct filch_pool *pool);
void fi_pool_resume(struct filch_pool *pool);

#endif
