/* SPDX-License-Identifier: MIT
 *
 * Counting later: a worker that runs many plain tasks of one group tells its count latch of several
 * at once, but before it does anything else than such tasks, so that nobody is kept waiting. */
#ifndef FI_SETTLE_H
#define FI_SETTLE_H

#include "sched/core/count_latch.h"
#include "sched/core/worker.h"

/* Worker. It has run one more plain task that `count_latch` counts. */
void fi_worker_count_later(struct fi_worker *worker, struct fi_count_latch *count_latch);

/* Worker, about to do something else. Tells the latch of the tasks that were run last. */
void fi_worker_settle(struct fi_worker *worker);

/* Worker, about to run something that `count_latch` counts (NULL: none). Tells another one now. */
void fi_worker_settle_but(struct fi_worker *worker, const struct fi_count_latch *count_latch);

#endif
