/* SPDX-License-Identifier: MIT
 *
 * What all back ends share: see backend.h. */
#include "sched/futures/backend.h"

#include "sched/futures/context.h"
#include "sched/futures/end.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* ---- Memory ------------------------------------------------------------------------------ */

struct filch_executor *fi_executor_alloc(const struct fi_backend *backend,
                                         const struct filch_executor_options *options)
{
    struct filch_executor *executor =
        aligned_alloc(alignof(struct filch_executor), sizeof *executor);

    if (!executor)
        return NULL;
    memset(executor, 0, sizeof *executor);
    executor->backend = backend;
    executor->counted = backend->counted;
    executor->caller_runs = backend->caller_runs;
    executor->bounded = options->max_queued > 0;
    executor->admits_all = !backend->caller_runs && !executor->bounded;
    executor->when_full = options->when_full;
    executor->generation = fi_process_generation();
    atomic_init(&executor->refusal, 0);
    atomic_init(&executor->cancels, false);
    fi_count_latch_init(&executor->unfinished);
    if (!executor->counted)
        fi_count_latch_add(&executor->unfinished, 1); /* until fi_executor_left() */
    atomic_init(&executor->references, 1);
    atomic_init(&executor->weak_references, 1);
    if (executor->bounded)
        filch_semaphore_init(&executor->room, (uint32_t)options->max_queued);
    return executor;
}

void fi_executor_free(struct filch_executor *executor)
{
    if (executor->bounded)
        filch_semaphore_fini(&executor->room);
    fi_executor_release_weak(executor);
}

static void release_many(struct filch_executor *executor, uint32_t count)
{
    /* F2, as for futures. */
    if (atomic_fetch_sub_explicit(&executor->references, count, memory_order_acq_rel) != count)
        return;
    bool held = executor->held;
    if (executor->backend->fini)
        executor->backend->fini(executor);
    fi_executor_free(executor);
    if (held)
        fi_process_release(false);
}

void fi_executor_release(struct filch_executor *executor)
{
    release_many(executor, 1);
}

/* ---- Refusing ---------------------------------------------------------------------------- */

bool fi_executor_refuse(struct filch_executor *executor, int refusal)
{
    int open = 0;

    /* E4, seq_cst, also when it fails, with E1, E2 and E3: see submitter_enter().
     * If it fails another has written a refusal before, which counts just as well. */
    return atomic_compare_exchange_strong_explicit(&executor->refusal, &open, refusal,
                                                   memory_order_seq_cst, memory_order_seq_cst);
}

void fi_executor_refuse_queued(struct filch_executor *executor, int refusal)
{
    struct fi_context context;
    struct fi_task *task;

    if (!executor->backend->withdraw)
        return;
    /* The executor has to wait for their callbacks. */
    fi_context_enter(&context, NULL, NULL, executor);
    while ((task = executor->backend->withdraw(executor)))
        task->run(task, NULL, NULL, refusal);
    fi_context_leave(&context);
}

/* ---- Admission --------------------------------------------------------------------------- */

/* In a task of an executor whose tasks do not overlap nobody else makes room: it waits for the oldest
 * to start, and so runs them. Returns true once it has taken its place. */
static bool make_room(struct filch_executor *executor)
{
    struct fi_task *task;

    if (!executor->serial || !fi_context_in_executor(executor))
        return false;
    while ((task = executor->backend->withdraw(executor))) {
        task->run(task, NULL, NULL, 0);
        if (!filch_semaphore_try_acquire(&executor->room))
            return true;
    }
    return false;
}

int fi_executor_admit_slowly(struct filch_executor *executor)
{
    int error;

    if (executor->caller_runs)
        return FI_CALLER_RUNS;
    if (!filch_semaphore_try_acquire(&executor->room))
        return FI_ADMITTED;
    switch (executor->when_full) {
    case FILCH_FULL_REJECT:
        return FILCH_EFULL;
    case FILCH_FULL_CALLER_RUNS:
        return FI_CALLER_RUNS;
    case FILCH_FULL_BLOCK:
        break;
    }
    if (make_room(executor))
        return FI_ADMITTED;
    error = filch_semaphore_acquire(&executor->room, FILCH_FOREVER);
    if (!error && (error = fi_executor_check(executor)))
        fi_executor_taken(executor);
    return error;
}

/* ---- Submitting, and what was submitted -------------------------------------------------- */

static void count_in(struct filch_executor *executor, uint32_t count)
{
    fi_count_latch_add(&executor->unfinished, count);
    /* F1, as for futures. */
    atomic_fetch_add_explicit(&executor->references, count, memory_order_relaxed);
}

void fi_executor_uncount(struct filch_executor *executor, uint32_t count)
{
    fi_executor_count_out(executor, count);
    release_many(executor, count);
}

int fi_executor_inject_many(struct filch_executor *executor, enum fi_priority priority,
                            void *const *tasks, uint32_t count, uint32_t *pushed)
{
    struct fi_submit_queue *submit_queue = executor->submit_queue;
    int error;

    if (executor->counted)
        count_in(executor, count);
    /* The usual way is not through the table: that would cost a few percent of a submit. */
    if (submit_queue)
        error =
            fi_pool_inject_many(executor->pool, submit_queue, priority, tasks, count, pushed);
    else
        error = executor->backend->inject(executor, priority, tasks, count, pushed);
    if (!error)
        return 0;
    if (executor->counted && *pushed < count)
        fi_executor_uncount(executor, count - *pushed);
    /* Why the submit queue is closed. Relaxed: it was written before Q18, which Q1 has seen. */
    int refusal = atomic_load_explicit(&executor->refusal, memory_order_relaxed);
    return error == FILCH_ESHUTDOWN && refusal ? refusal : error;
}

void fi_executor_begin_here(struct filch_executor *executor)
{
    if (executor->counted) {
        count_in(executor, 1);
    } else {
        fi_executor_retain_weak(executor);
        fi_count_latch_add(&executor->unfinished, 1);
    }
}

void fi_executor_end_here(struct filch_executor *executor)
{
    if (executor->counted) {
        fi_executor_uncount(executor, 1);
    } else {
        fi_executor_count_out(executor, 1);
        fi_executor_release_weak(executor);
    }
}

/* ---- Continuations ----------------------------------------------------------------------- */

#define SUBMITTER ((uint64_t)1 << 32)

void fi_executor_retain_weak(struct filch_executor *executor)
{
    /* Relaxed: the caller knows the executor, which is there. */
    atomic_fetch_add_explicit(&executor->weak_references, 1, memory_order_relaxed);
}

void fi_executor_release_weak(struct filch_executor *executor)
{
    /* F2, as for futures. */
    if (!executor ||
        atomic_fetch_sub_explicit(&executor->weak_references, 1, memory_order_acq_rel) != 1)
        return;
    /* Relaxed: F2 has brought it. */
    filch_future_release(atomic_load_explicit(&executor->end, memory_order_relaxed));
    free(executor);
}

/* Returns 0, or why it is refused. */
static int submitter_enter(struct filch_executor *executor)
{
    /* E1, E2, seq_cst: whoever ends the executor first has it refuse (E4), and then looks for
     * submitters (E3): either it sees this one, and waits, or this one is refused. */
    atomic_fetch_add_explicit(&executor->weak_references, SUBMITTER, memory_order_seq_cst);
    return fi_executor_check(executor);
}

static void submitter_leave(struct filch_executor *executor)
{
    /* E5, release, pairs with E3: what this one did with the executor, and its pool. */
    atomic_fetch_sub_explicit(&executor->weak_references, SUBMITTER, memory_order_release);
    fi_executor_release_weak(executor);
}

int fi_executor_submit_continuation(struct filch_executor *executor, struct fi_task *task)
{
    int error = submitter_enter(executor);

    if (!error)
        error = fi_executor_inject(executor, FI_NORMAL, task);
    submitter_leave(executor);
    return error;
}

int fi_executor_begin_continuation(struct filch_executor *executor)
{
    int error = submitter_enter(executor);

    if (!error)
        fi_executor_begin_here(executor);
    submitter_leave(executor);
    return error;
}

void fi_executor_await_submitters(const struct filch_executor *executor)
{
    /* E3, seq_cst, after E4: see submitter_enter(). Acquire, pairs with E5: what they did with the
     * executor. */
    while (atomic_load_explicit(&executor->weak_references, memory_order_seq_cst) >= SUBMITTER)
        sched_yield();
}
