/* SPDX-License-Identifier: MIT
 *
 * What those back ends have in common whose tasks wait in a submit queue of a pool, be it their own
 * or one that others use, too. */
#ifndef FI_BACKEND_POOL_H
#define FI_BACKEND_POOL_H

#include "sched/futures/backend.h"

/* Who makes the executor. Opens a submit queue of the pool for it. Returns 0 or FILCH_ENOMEM. */
int fi_pooled_open(struct filch_executor *executor, struct filch_pool *pool);

/* As `withdraw` and `threads` of the table. */
struct fi_task *fi_pooled_withdraw(struct filch_executor *executor);
int fi_pooled_threads(const struct filch_executor *executor);

/* Any thread. Nothing can be pushed to the submit queue from now on. */
void fi_pooled_close(struct filch_executor *executor);

/* Who is about to wait for the executor's end: a worker that can run nothing else meanwhile still
 * runs what it waits for. */
void fi_pooled_run_queued(struct filch_executor *executor);

#endif
