/* SPDX-License-Identifier: MIT
 *
 * Executors: how they are made and how they end. Three back ends: a pool of its own, whose end is
 * the executor's; a pool that others use, where a count latch says when the executor's own tasks have
 * ended; none, where the submit runs the task. submit.c has what they do in between. */
#include "sched/futures/executor.h"

#include "sched/futures/context.h"

#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void close_executor(struct filch_executor *executor);
static void wait_for_end(struct filch_executor *executor);

/* exit() has begun. */
static void finish(struct fi_process_member *member)
{
    struct filch_executor *executor =
        (struct filch_executor *)(void *)((char *)member -
                                          offsetof(struct filch_executor, member));

    close_executor(executor);
    wait_for_end(executor);
}

static void join_process(struct filch_executor *executor)
{
    executor->member.finish = finish;
    executor->member.pool = executor->pool;
    fi_process_enter(&executor->member);
}

/* ---- Making ------------------------------------------------------------------------------ */

static int check_options(const struct filch_executor_options *options)
{
    if (options->when_full > FILCH_FULL_CALLER_RUNS || options->max_queued > UINT32_MAX)
        return FILCH_EINVAL;
    return 0;
}

static struct filch_executor *executor_alloc(const struct filch_executor_options *options)
{
    struct filch_executor *executor =
        aligned_alloc(alignof(struct filch_executor), sizeof *executor);

    if (!executor)
        return NULL;
    memset(executor, 0, sizeof *executor);
    atomic_init(&executor->refusal, 0);
    atomic_init(&executor->cancels, false);
    fi_count_latch_init(&executor->unfinished);
    atomic_init(&executor->references, 1);
    atomic_init(&executor->weak_references, 1);
    executor->generation = fi_process_generation();
    executor->bounded = options->max_queued > 0;
    executor->when_full = options->when_full;
    if (executor->bounded)
        filch_semaphore_init(&executor->room, (uint32_t)options->max_queued);
    return executor;
}

void fi_executor_retain_weak(struct filch_executor *executor)
{
    /* Relaxed: the caller knows the executor, which is there. */
    atomic_fetch_add_explicit(&executor->weak_references, 1, memory_order_relaxed);
}

void fi_executor_release_weak(struct filch_executor *executor)
{
    /* F2, as for futures. */
    if (executor &&
        atomic_fetch_sub_explicit(&executor->weak_references, 1, memory_order_acq_rel) == 1)
        free(executor);
}

/* It is of no more use, but to futures that may still ask whether it is. */
static void executor_free(void *argument)
{
    struct filch_executor *executor = argument;

    if (executor->bounded)
        filch_semaphore_fini(&executor->room);
    fi_executor_release_weak(executor);
}

/* An initializer has failed: nothing is run any more. */
static void executor_break(void *argument)
{
    struct filch_executor *executor = argument;
    int open = 0;

    /* E4: see close_executor(). */
    if (atomic_compare_exchange_strong_explicit(&executor->refusal, &open, FILCH_EBROKEN,
                                                memory_order_seq_cst, memory_order_seq_cst))
        fi_submit_queue_close(&executor->pool->submit_queues, executor->submit_queue);
    fi_executor_refuse_queued(executor, FILCH_EBROKEN);
}

int filch_executor_create(int max_workers, const struct filch_executor_options *options,
                          struct filch_executor **out)
{
    struct filch_executor_options given = {0};
    bool by_default = max_workers == FILCH_WORKERS_DEFAULT;

    if (options)
        given = *options;
    if (max_workers <= 0 && !by_default)
        return FILCH_EMAXWORKERS;
    int error = check_options(&given);
    if (error)
        return error;
    struct filch_executor *executor = executor_alloc(&given);
    if (!executor)
        return FILCH_ENOMEM;
    struct fi_pool_plan plan = {
        .options = {.workers = by_default ? 0 : max_workers,
                    .stack_size = given.stack_size,
                    .thread_name_prefix = given.thread_name_prefix},
        .on_demand = true,
        .initializer = given.initializer,
        .initializer_arg = given.initializer_arg,
        .broken = executor_break,
        .gone = executor_free,
        .executor = executor,
    };
    error = fi_pool_create(&plan, &executor->pool);
    if (error) {
        executor_free(executor);
        return error;
    }
    executor->owns_pool = true;
    executor->submit_queue = fi_submit_queue_acquire(&executor->pool->submit_queues);
    if (!executor->submit_queue) {
        fi_pool_close(executor->pool);
        fi_pool_join(executor->pool);
        executor_free(executor);
        return FILCH_ENOMEM;
    }
    join_process(executor);
    *out = executor;
    return 0;
}

int filch_executor_create_on(struct filch_pool *pool,
                             const struct filch_executor_options *options,
                             struct filch_executor **out)
{
    struct filch_executor_options given = {0};

    if (options)
        given = *options;
    if (given.thread_name_prefix || given.initializer || given.initializer_arg ||
        given.stack_size || check_options(&given))
        return FILCH_EINVAL;
    if (filch_pool_check(pool))
        return FILCH_EFORKED;
    struct filch_executor *executor = executor_alloc(&given);
    if (!executor)
        return FILCH_ENOMEM;
    executor->pool = pool;
    executor->submit_queue = fi_submit_queue_acquire(&pool->submit_queues);
    if (!executor->submit_queue) {
        executor_free(executor);
        return FILCH_ENOMEM;
    }
    join_process(executor);
    *out = executor;
    return 0;
}

int filch_executor_create_inline(struct filch_executor **out)
{
    static const struct filch_executor_options none;
    struct filch_executor *executor = executor_alloc(&none);

    if (!executor)
        return FILCH_ENOMEM;
    *out = executor;
    return 0;
}

/* ---- Ending ------------------------------------------------------------------------------ */

/* Does one of its tasks run on this thread, or may it run on this worker? */
static bool is_inside(const struct filch_executor *executor)
{
    if (executor->owns_pool && filch_pool_current() == executor->pool)
        return true;
    for (const struct fi_context *context = fi_context_current(); context;
         context = context->outer)
        if (context->scope->executor == executor)
            return true;
    return false;
}

static bool is_orphaned_by_fork(const struct filch_executor *executor)
{
    return executor->generation != fi_process_generation();
}

static void close_executor(struct filch_executor *executor)
{
    int open = 0;

    /* E4, seq_cst, also when it fails, with E1, E2 and E3: see fi_executor_submit_continuation(). If it fails
     * another has written a refusal before, which counts just as well. */
    (void)atomic_compare_exchange_strong_explicit(&executor->refusal, &open, FILCH_ESHUTDOWN,
                                                  memory_order_seq_cst, memory_order_seq_cst);
    if (executor->submit_queue)
        fi_submit_queue_close(&executor->pool->submit_queues, executor->submit_queue);
    if (executor->owns_pool)
        fi_pool_close(executor->pool);
}

/* Nobody comes any more. */
static void await_submitters(const struct filch_executor *executor)
{
    /* E3, seq_cst, after E4: see fi_executor_submit_continuation(). Acquire, pairs with E5: what they did with
     * the executor. */
    while (atomic_load_explicit(&executor->weak_references, memory_order_seq_cst) >=
           FI_EXECUTOR_SUBMITTER)
        sched_yield();
}

/* A worker that can run nothing else while it waits still runs what it waits for. */
static void run_queued(struct filch_executor *executor)
{
    struct fi_worker *worker = fi_worker_self();
    struct fi_task *task;

    if (!worker || worker->pool != executor->pool)
        return;
    while ((task = fi_executor_pop(executor)))
        task->run(task, worker, NULL, 0);
}

static void wait_for_end(struct filch_executor *executor)
{
    await_submitters(executor); /* what they begin is waited for, too */
    run_queued(executor);
    if (executor->owns_pool)
        fi_latch_wait(&executor->pool->left_by_all, FI_NEVER);
    (void)fi_count_latch_wait(&executor->unfinished, FI_NEVER);
}

int filch_executor_shutdown(struct filch_executor *executor, bool wait, bool cancel_futures)
{
    if (is_orphaned_by_fork(executor))
        return FILCH_EFORKED;
    if (wait && is_inside(executor))
        return FILCH_EDEADLK;
    close_executor(executor);
    if (cancel_futures && executor->submit_queue) {
        /* Relaxed: for those who take tasks several at once; the others are found in the queues. */
        atomic_store_explicit(&executor->cancels, true, memory_order_relaxed);
        fi_executor_refuse_queued(executor, FILCH_ECANCELED);
    }
    if (wait)
        wait_for_end(executor);
    return 0;
}

void fi_executor_release(struct filch_executor *executor)
{
    /* F2, as for futures. */
    if (atomic_fetch_sub_explicit(&executor->references, 1, memory_order_acq_rel) != 1)
        return;
    bool held = executor->held;
    if (executor->owns_pool)
        fi_pool_join(executor->pool);
    else if (executor->submit_queue)
        fi_submit_queue_release(&executor->pool->submit_queues, executor->submit_queue);
    executor_free(executor);
    if (held)
        fi_process_release(false);
}

int filch_executor_destroy(struct filch_executor *executor)
{
    if (!executor)
        return 0;
    if (is_orphaned_by_fork(executor)) {
        if (executor->owns_pool)
            (void)filch_pool_destroy(executor->pool);
        fi_executor_release_weak(
            executor); /* and those who stayed in the parent may wait for room */
        return 0;
    }
    int error = filch_executor_shutdown(executor, true, false);
    if (error)
        return error;
    await_submitters(executor);
    (void)fi_process_leave(&executor->member, true);
    fi_executor_release(executor);
    return 0;
}

void filch_executor_detach(struct filch_executor *executor)
{
    if (!executor)
        return;
    if (is_orphaned_by_fork(executor)) {
        (void)filch_executor_destroy(executor);
        return;
    }
    close_executor(executor);
    await_submitters(executor);
    if (!fi_process_leave(&executor->member, false))
        return; /* the process ends, and waits for its tasks */
    if (executor->owns_pool) {
        fi_pool_detach(executor->pool); /* which frees the executor, too */
        return;
    }
    executor->held = !fi_process_hold();
    fi_executor_release(executor);
}

/* ---- Asking ------------------------------------------------------------------------------ */

struct filch_pool *filch_executor_pool(const struct filch_executor *executor)
{
    return executor->pool;
}

int filch_executor_threads(const struct filch_executor *executor)
{
    if (!executor->pool)
        return 0;
    /* Relaxed: a snapshot. */
    return executor->pool->size -
           atomic_load_explicit(&executor->pool->unstarted, memory_order_relaxed);
}
