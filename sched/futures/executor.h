/* SPDX-License-Identifier: MIT
 *
 * What an executor is made of, and what a task has to do with it. The public side is
 * filch/executor.h. */
#ifndef FI_EXECUTOR_H
#define FI_EXECUTOR_H

#include "sched/core/process.h"
#include "sched/core/worker.h"

#include <filch/executor.h>
#include <filch/sync.h>

#include <stdalign.h>

#define FI_EXECUTOR_SUBMITTER ((uint64_t)1 << 32)

struct filch_executor {
    /* Constant, or nearly so: every task reads it, on a line that none of them writes. */
    alignas(FILCH_CACHE_LINE) struct filch_pool *pool; /* NULL: inline */
    struct fi_submit_queue *submit_queue;              /* where its tasks wait; NULL: inline */
    bool owns_pool;
    bool bounded;
    enum filch_when_full when_full;
    unsigned generation;   /* of sched/core/process.h */
    _Atomic(int) refusal;  /* what a submit returns; 0: it takes tasks */
    _Atomic(bool) cancels; /* a shutdown has cancelled what had not started */

    alignas(FILCH_CACHE_LINE) struct filch_semaphore room; /* for max_queued, if bounded */
    struct fi_process_member member;

    /* For shutdown and for the end, where that of the pool does not do. */
    struct fi_count_latch
        unfinished;               /* tasks; with a pool of its own those that a submit runs */
    _Atomic(uint64_t) references; /* its owner's, and each task's; not with a pool of its own */

    /* For futures that are to follow on others, and may find that the executor is gone: its memory
     * is not. */
    _Atomic(uint64_t)
        weak_references; /* low half: its own, and each such future's; high half: how many
                                   of them are being submitted at this moment */
    bool held;           /* detached: the process waits for it */
};

/* Any thread. Takes a task that has not started, or returns NULL. */
struct fi_task *fi_executor_pop(struct filch_executor *executor);

/* Any thread. Does the executor take tasks? Returns 0, or why not. */
int fi_executor_check(const struct filch_executor *executor);

/* Who has taken a task out of its submit queue, maybe with others that have waited since. Why it is not
 * to be run after all, or 0. A submit that comes beside the end of an executor that breaks may come
 * after it. */
static inline int fi_executor_refusal(const struct filch_executor *executor)
{
    /* Relaxed, both. Of an executor that breaks: whoever submitted the task, or is about to be
     * initialized, has seen it, or it came later. Of a shutdown: what begins beside it may come
     * before it. */
    int refusal = executor ? atomic_load_explicit(&executor->refusal, memory_order_relaxed) : 0;

    if (refusal == 0 || refusal == FILCH_EBROKEN)
        return refusal;
    return atomic_load_explicit(&executor->cancels, memory_order_relaxed) ? FILCH_ECANCELED : 0;
}

/* Any thread. Has workers run so many tasks (struct fi_task) that are set up. Returns 0, or an
 * error; *pushed: how many, from the first on, will be run nevertheless. */
int fi_executor_inject_many(struct filch_executor *executor, enum fi_priority priority,
                            void *const *tasks, uint32_t count, uint32_t *pushed);

/* Likewise, one task: an error, and nothing is done. */
static inline int fi_executor_inject(struct filch_executor *executor, enum fi_priority priority,
                                     struct fi_task *task)
{
    void *tasks[1] = {task};
    uint32_t pushed;
    return fi_executor_inject_many(executor, priority, tasks, 1, &pushed);
}

/* Any thread. What max_queued asks for before a task is submitted. Returns 0: there is room, until
 * fi_executor_taken(); 1: the caller is to run it; or an error. */
int fi_executor_enter(struct filch_executor *executor);

/* Who has taken such a task out of its submit queue, or has not submitted it after all. */
void fi_executor_taken(struct filch_executor *executor);

/* Who is about to run a task itself, and has run it. */
void fi_executor_begin_here(struct filch_executor *executor);
void fi_executor_end_here(struct filch_executor *executor);

/* Who has ended a task that was injected, as the last it does with the executor. */
void fi_executor_ended(struct filch_executor *executor);

/* Any thread that the executor outlives. A future is to follow on another, and will run here. */
void fi_executor_retain_weak(struct filch_executor *executor);

/* Any thread, once a future. It will not. The executor may be gone, in all but its memory. NULL is
 * fine. */
void fi_executor_release_weak(struct filch_executor *executor);

/* Likewise, instead of fi_executor_release_weak(). Has a worker run the task; NULL, inline: the caller is
 * to run it until fi_executor_end_here(). Returns 0, or why it is refused. */
int fi_executor_submit_continuation(struct filch_executor *executor, struct fi_task *task);

/* Any thread. Ends all that wait in its submit queue with `refusal`. */
void fi_executor_refuse_queued(struct filch_executor *executor, int refusal);

/* Who gives back a reference: the last one frees the executor. */
void fi_executor_release(struct filch_executor *executor);

#endif
