/* SPDX-License-Identifier: MIT
 *
 * Semaphores, for the mutex, which is one. */
#ifndef FI_SEMAPHORE_H
#define FI_SEMAPHORE_H

#include "sched/sync/queue.h"

/* As filch_semaphore_acquire(). owner: as for fi_sync_waiter_try(). firm: no other error than
 * FILCH_ETIMEDOUT. */
int fi_semaphore_acquire(struct filch_semaphore *semaphore, double timeout,
                         const FILCH_ATOMIC(void *) *owner, bool firm);

#endif
