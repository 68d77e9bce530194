/* SPDX-License-Identifier: MIT
 *
 * Workers and their threads: memory, stack, name, start, end. */
#ifndef FI_THREAD_H
#define FI_THREAD_H

#include "sched/core/worker.h"

/* Without a thread, and hidden. Returns NULL when memory lacks. */
struct fi_worker *fi_thread_alloc(struct filch_pool *pool, int number);
void fi_thread_free(struct fi_worker *worker);

/* With the pool's lock. Gives the worker, which counts as searching, a thread, whose function is
 * pool->main. Returns 0, FILCH_ENOMEM or FILCH_ETHREAD. */
int fi_thread_start(struct fi_worker *worker);

/* The thread of a spare, with the pool's lock, as the last it does with the pool. The spare may be
 * given another one. */
void fi_thread_end(struct fi_worker *worker);

/* Any thread but the worker's own, when no thread of the pool is started any more. */
void fi_thread_join(struct fi_worker *worker);

#endif
