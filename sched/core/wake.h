/* SPDX-License-Identifier: MIT
 *
 * Who makes work visible, or ends a search, claims a sleeper for it: the protocol is idle.h's, here
 * it meets a pool's workers, which may have to be started first. */
#ifndef FI_WAKE_H
#define FI_WAKE_H

#include "sched/core/worker.h"

/* Any thread. Wakes a sleeper if there is one and nobody is searching. */
void fi_pool_wake(struct filch_pool *pool);

/* Any thread. Is there anything that a worker could take? seq_cst, for the last look. */
bool fi_pool_has_work(const struct filch_pool *pool);

/* Any thread. Leaves a request with every deque that may hold something. */
void fi_pool_ask(struct filch_pool *pool);

/* Any thread. Ends a search: if it was the last, passes it on to a sleeper, or to the owners of the
 * deques. */
void fi_pool_found(struct filch_pool *pool);

/* Worker. Ends its search if it counts as searching, whether it found work or need not go on. */
void fi_worker_end_search(struct fi_worker *worker);

/* With the pool's lock. Starts a worker that has just been claimed, and so counts as searching.
 * Returns 0, or why it cannot start: it counts as asleep again then, and the caller has to
 * fi_pool_look_again() without the lock. */
int fi_pool_start_worker(struct filch_pool *pool, struct fi_worker *worker);

/* Whoever has put a worker back to sleep. Returns true if there is work, which somebody should see
 * to. */
bool fi_pool_look_again(struct filch_pool *pool);

/* Any thread. Hands so many tasks (struct fi_task) to the workers. Returns 0, FILCH_ENOMEM,
 * FILCH_ESHUTDOWN (the submit queue is closed), or FILCH_ETHREAD (no worker can be started); *pushed:
 * how many, from the first on, were handed over nevertheless. */
int fi_pool_inject_many(struct filch_pool *pool, struct fi_submit_queue *submit_queue,
                        enum fi_priority priority, void *const *tasks, uint32_t count,
                        uint32_t *pushed);

/* Likewise, one task: an error, and nothing is done. */
static inline int fi_pool_inject(struct filch_pool *pool, struct fi_submit_queue *submit_queue,
                                 enum fi_priority priority, struct fi_task *task)
{
    void *tasks[1] = {task};
    uint32_t pushed;
    return fi_pool_inject_many(pool, submit_queue, priority, tasks, 1, &pushed);
}

/* Any thread. Takes a task of this submit queue out of the batches, or returns NULL. */
struct fi_task *fi_pool_take_back(struct filch_pool *pool,
                                  const struct fi_submit_queue *submit_queue);

#endif
