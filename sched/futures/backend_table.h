/* SPDX-License-Identifier: MIT
 *
 * What an executor is made of: the table of what its back end does in its own way, and the parts that
 * all share. What is done with them is in backend.h. */
#ifndef FI_BACKEND_TABLE_H
#define FI_BACKEND_TABLE_H

#include "sched/core/process.h"
#include "sched/core/count_latch.h"
#include "sched/core/pool.h"

#include <filch/executor.h>
#include <filch/sync.h>

#include <stdalign.h>

/* ---- What back ends differ in ------------------------------------------------------------- */

/* Any thread may call any of them. A function that a back end does not need is NULL. */
struct fi_backend {
    /* Tasks are counted one by one, and each keeps the executor. Otherwise it is `wait` and
     * `detach` that see to all of them. */
    bool counted;
    /* A task runs on the thread that submits it, or that ends the future which it continues; inject
     * and withdraw are never called. */
    bool caller_runs;

    /* Has so many tasks (struct fi_task) run. NULL where they wait in a pool's submit queue.
     * Returns 0, or an error; *pushed: how many, from the first on, will be run nevertheless. */
    int (*inject)(struct filch_executor *executor, enum fi_priority priority,
                  void *const *tasks, uint32_t count, uint32_t *pushed);
    /* Takes back a task that has not started, or returns NULL. */
    struct fi_task *(*withdraw)(struct filch_executor *executor);

    /* The executor refuses tasks by now: closes what they would come to. Does not block; may be
     * called again. */
    void (*close)(struct filch_executor *executor);
    /* After close. Blocks until all tasks have ended that are not counted; a worker may run some of
     * them itself. */
    void (*wait)(struct filch_executor *executor);
    /* After close, in place of wait: frees the executor when all tasks have ended. NULL where that
     * comes with its last reference. */
    void (*detach)(struct filch_executor *executor);
    /* The last reference is gone, and so are all tasks. Gives back threads, queues and the like. */
    void (*fini)(struct filch_executor *executor);
    /* The same in the child of a fork(), where its threads are not. */
    void (*forget)(struct filch_executor *executor);

    /* Is the calling thread one of its own, on which any task of it may run? */
    bool (*is_inside)(const struct filch_executor *executor);
    /* The thread that a task which has not started waits for, as that one alone can run it and is busy
     * with another task; or NULL. As fi_thread_id() has it. NULL: there is no such thread. */
    const void *(*server)(const struct filch_executor *executor);
    /* How many threads of its have started. NULL: none. */
    int (*threads)(const struct filch_executor *executor);
};

/* ---- What they share ---------------------------------------------------------------------- */

struct filch_executor {
    /* Constant, or nearly so: every task reads it, on a line that none of them writes. */
    alignas(FILCH_CACHE_LINE) const struct fi_backend *backend;
    struct filch_pool *pool;    /* that the user may know of, or NULL */
    struct filch_pool *helpers; /* whose workers may run a task that they wait for, or NULL */
    struct fi_submit_queue *submit_queue; /* of `pool`, where tasks wait, or NULL: see inject */
    bool counted, caller_runs;            /* as its back end has them */
    bool admits_all;                      /* a task may be injected at any time */
    bool serial; /* no two of its tasks overlap: a task that waits has to find what it waits for */
    bool bounded;                         /* by max_queued */
    enum filch_when_full when_full;
    unsigned generation;   /* of sched/core/process.h */
    _Atomic(int) refusal;  /* what a submit returns; 0: it takes tasks */
    _Atomic(bool) cancels; /* a shutdown has cancelled what had not started */
    _Atomic(bool) closed;  /* nothing new comes to be counted in `unfinished` */

    alignas(FILCH_CACHE_LINE) struct filch_semaphore room; /* for max_queued, if bounded */
    struct fi_process_member member;

    /* Tasks that have not ended; if they are not counted, those that a submit runs, and one for all
     * the others: end.h. */
    struct fi_count_latch unfinished;
    _Atomic(bool) has_ended;
    _Atomic(struct filch_future *) end; /* or NULL; stays as long as this memory */
    _Atomic(uint64_t) references; /* its owner's, and each task's if they are counted */

    /* For continuations, which may find that the executor is gone: its memory is not. Low half: its
     * own, and one each; high half: how many of them are being submitted at this moment. */
    _Atomic(uint64_t) weak_references;
    bool held; /* detached: the process waits for it */
};

#endif
