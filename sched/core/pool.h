/* SPDX-License-Identifier: MIT
 *
 * Pools, for the rest of sched/: made from a plan, and ended without waiting. The public side is
 * filch/pool.h. */
#ifndef FI_POOL_H
#define FI_POOL_H

#include "sched/core/quiesce.h"
#include "sched/core/wake.h"
#include "sched/core/worker.h"

/* As filch_pool_create(). */
int fi_pool_create(const struct fi_pool_plan *plan, struct filch_pool **pool);

/* Any thread but its workers, after fi_pool_close(), once. Blocks until it has ended, frees it. */
void fi_pool_join(struct filch_pool *pool);

/* Any thread, after fi_pool_close(), once. The pool frees itself when it has ended, and before the
 * process does. */
void fi_pool_detach(struct filch_pool *pool);

#endif
