/* SPDX-License-Identifier: MIT
 *
 * What is behind an executor: the parts that all back ends share, and a table of what they differ
 * in. Each back end is a small file with its table (backend_NAME.c), which nobody else includes: no
 * caller asks which one it is. What tasks have to do with an executor is here; how one is made and
 * ended is in executor.h. The public side is filch/executor.h. */
#ifndef FI_BACKEND_H
#define FI_BACKEND_H

#include "sched/futures/backend_table.h"

/* Any thread. With all but what the back end has to set up; NULL when memory lacks. options: have
 * been checked. */
struct filch_executor *fi_executor_alloc(const struct fi_backend *backend,
                                         const struct filch_executor_options *options);

/* Who made it, and knows that nobody uses it any more. Continuations may still ask whether it
 * is. */
void fi_executor_free(struct filch_executor *executor);

/* Who gives back a reference. The last one frees the executor. */
void fi_executor_release(struct filch_executor *executor);

/* ---- Does it take tasks? ------------------------------------------------------------------- */

/* Any thread. Does the executor take tasks? Returns 0, or why not. */
static inline int fi_executor_check(const struct filch_executor *executor)
{
    if (executor->generation != fi_process_generation())
        return FILCH_EFORKED;
    /* E2, seq_cst: see submitter_enter() in backend.c. Otherwise a submit beside a shutdown may
     * come before it; a closed submit queue has the last word. */
    return atomic_load_explicit(&executor->refusal, memory_order_seq_cst);
}

/* Any thread. It takes none from now on: `refusal` is why, unless there is a reason already.
 * Returns true if there was none. */
bool fi_executor_refuse(struct filch_executor *executor, int refusal);

/* Any thread. Ends all that have not started with `refusal`. */
void fi_executor_refuse_queued(struct filch_executor *executor, int refusal);

/* Any thread. Which thread has to be free before a task can start, as `server` of the table; or
 * NULL. */
static inline const void *fi_executor_server(const struct filch_executor *executor)
{
    return executor->backend->server ? executor->backend->server(executor) : NULL;
}

/* Who has taken a task out of its submit queue, maybe with others that have waited since. Why it is
 * not to be run after all, or 0. A submit that comes beside the end of an executor that breaks may
 * come after it. executor: or NULL. */
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

/* ---- Admission ---------------------------------------------------------------------------- */

/* What fi_executor_admit() answers beside errors. */
enum {
    FI_ADMITTED,
    FI_CALLER_RUNS,
};

int fi_executor_admit_slowly(struct filch_executor *executor);

/* Any thread, before a task is submitted; may block, for max_queued. FI_ADMITTED: it is to be
 * injected, and there is room for it until fi_executor_taken(). FI_CALLER_RUNS: the caller is to
 * run it. Or an error. */
static inline int fi_executor_admit(struct filch_executor *executor)
{
    return executor->admits_all ? FI_ADMITTED : fi_executor_admit_slowly(executor);
}

/* Who has taken a task that was admitted out of its submit queue, or has not submitted it after
 * all. */
static inline void fi_executor_taken(struct filch_executor *executor)
{
    if (executor->bounded)
        (void)filch_semaphore_release(&executor->room, 1);
}

/* ---- Submitting, and what was submitted --------------------------------------------------- */

/* Any thread. Has so many tasks (struct fi_task) run that are set up. Returns 0, or an error;
 * *pushed: how many, from the first on, will be run nevertheless. */
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

/* Tasks that were counted have ended. */
void fi_executor_uncount(struct filch_executor *executor, uint32_t count);

/* Who has ended a task that was injected, as the last it does with the executor. */
static inline void fi_executor_ended(struct filch_executor *executor)
{
    if (executor->counted)
        fi_executor_uncount(executor, 1);
}

/* Who is about to run a task itself, and has run it. */
void fi_executor_begin_here(struct filch_executor *executor);
void fi_executor_end_here(struct filch_executor *executor);

/* ---- Continuations: futures that will run here once another has ended -------------------- */

/* Any thread that the executor outlives. There is one more. */
void fi_executor_retain_weak(struct filch_executor *executor);

/* Any thread, once a continuation. It will not run. The executor may be gone, in all but its
 * memory. NULL is fine. */
void fi_executor_release_weak(struct filch_executor *executor);

/* Any thread, while there is one. Does the thread that ends the other future run it? NULL: yes. */
static inline bool fi_executor_caller_runs(const struct filch_executor *executor)
{
    return !executor || executor->caller_runs;
}

/* As fi_executor_release_weak(), but it will run. Injects the task. Returns 0, or why it is
 * refused. */
int fi_executor_submit_continuation(struct filch_executor *executor, struct fi_task *task);

/* Likewise, but the caller is to run it, until fi_executor_end_here(). */
int fi_executor_begin_continuation(struct filch_executor *executor);

/* Who has it refuse tasks, or knows that. Blocks, for a moment: those continuations that were not
 * refused have been injected, or are counted, and none comes any more. */
void fi_executor_await_submitters(const struct filch_executor *executor);

#endif
