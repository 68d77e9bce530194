/* SPDX-License-Identifier: MIT
 *
 * Futures: how they are made, run, completed, asked and freed. What follows on them is continuation.c's;
 * the life of one is its latch's (sched/core/latch.h). Several parties hold references: users, the
 * submit queue that a task waits in, and the future that it follows on. */
#include "sched/futures/future.h"

#include "sched/core/deadlock.h"
#include "sched/core/process.h"
#include "sched/futures/executor.h"
#include "sched/futures/context.h"

#include <filch/cancel.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- References -------------------------------------------------------------------------- */

struct filch_future *fi_future_alloc(uint32_t flags)
{
    struct filch_future *future = fi_block_cache_alloc(FI_BLOCK_FUTURE);

    if (!future)
        return NULL;
    future->task.run = fi_future_take;
    fi_latch_init(&future->latch);
    atomic_init(&future->latch.references, 1);
    atomic_init(&future->fn, 0);
    future->value = NULL;
    future->executor = NULL;
    future->pool = NULL;
    future->text = NULL;
    future->token = NULL;
    future->name = NULL;
    future->generation = fi_process_generation();
    atomic_init(&future->flags, flags);
    return future;
}

static uint32_t flags_of(const struct filch_future *future)
{
    /* Relaxed: set before others know the future, or by its runner before the latch ends; else
     * with LOCKED. */
    return atomic_load_explicit(&future->flags, memory_order_relaxed);
}

static void add_flag(struct filch_future *future, uint32_t flag)
{
    /* A read-modify-write: filch_future_stop() may set its own at any time. Relaxed: the end of the
     * latch publishes it. */
    atomic_fetch_or_explicit(&future->flags, flag, memory_order_relaxed);
}

struct filch_future *filch_future_retain(struct filch_future *future)
{
    FI_ASSERT_ALIVE(future);
    /* F1, relaxed: the caller has a reference already, by which it knows the future. */
    atomic_fetch_add_explicit(&future->latch.references, 1, memory_order_relaxed);
    return future;
}

/* The last reference is gone. Returns the parent if the future held it. */
static struct filch_future *future_free(struct filch_future *future)
{
    uint32_t flags = flags_of(future);
    struct filch_future *parent = flags & FI_INHERITS ? future->parent : NULL;

    if (!fi_latch_ended(&future->latch))
        fi_continuations_abandon(future);
    if (!(flags & (FI_INHERITS | FI_CONTINUES)))
        free(future->text);
    filch_token_release(future->token);
    free(future->name);
    fi_block_cache_free(FI_BLOCK_FUTURE, future);
    return parent;
}

void filch_future_release(struct filch_future *future)
{
    while (future) {
        FI_ASSERT_ALIVE(future);
        /* F2, acq_rel, pairs with itself: all that others did with the future comes before the
         * free. */
        if (atomic_fetch_sub_explicit(&future->latch.references, 1, memory_order_acq_rel) != 1)
            return;
        future = future_free(future);
    }
}

/* ---- Completing -------------------------------------------------------------------------- */

/* The result of what it follows on is of no more use. */
static void drop_parent(struct filch_future *future)
{
    struct filch_future *parent = future->parent;

    if (!(flags_of(future) & FI_INHERITS))
        return;
    future->text = NULL;
    /* Relaxed: the runner's, as in flags_of(). */
    atomic_fetch_and_explicit(&future->flags, ~(uint32_t)FI_INHERITS, memory_order_relaxed);
    filch_future_release(parent);
}

static void set_failure(struct filch_future *future, int code, const char *text)
{
    /* Without memory the code's own text is left. It may be the parent's. */
    char *copy = text ? strndup(text, FI_TEXT_SIZE - 1) : NULL;

    drop_parent(future);
    future->value = (void *)(intptr_t)code;
    future->text = copy;
    add_flag(future, FI_FAILED);
}

/* RUNNING -> FINISHED. worker: as for fi_future_run(). */
static void end(struct filch_future *future, struct fi_worker *worker)
{
    struct fi_callback *callbacks;

    if (worker)
        fi_worker_ending(worker);
    (void)fi_latch_end(&future->latch, FI_RUNNING, FI_FINISHED, &callbacks);
    if (!callbacks)
        return;
    if (worker)
        fi_worker_busy(worker);
    fi_continuations_dispatch(future, callbacks);
}

void fi_future_fail(struct filch_future *future, int code, const char *text)
{
    set_failure(future, code, text);
    end(future, NULL);
}

bool fi_future_revoke(struct filch_future *future)
{
    struct fi_callback *callbacks;

    if (!fi_latch_end(&future->latch, FI_PENDING, FI_CANCELLED, &callbacks))
        return false;
    fi_continuations_dispatch(future, callbacks);
    return true;
}

/* ---- Running ----------------------------------------------------------------------------- */

/* What a future that was claimed has to do, as a function of what it follows on, or of its own
 * argument. */
static void *call(struct filch_future *future, uintptr_t fn)
{
    if (!(flags_of(future) & FI_THEN))
        return ((filch_fn *)fn)(future->value);
    void *value = future->parent->value;
    drop_parent(future);
    return ((filch_then_fn *)fn)(value, future->value);
}

void fi_future_run(struct filch_future *future, struct fi_worker *worker)
{
    struct fi_context context;
    /* Relaxed, all three: it came as the rest of the task did (L2), and only this very thread draws
     * a conclusion from finding itself there. */
    uintptr_t fn = atomic_load_explicit(&future->fn, memory_order_relaxed);

    atomic_store_explicit(&future->fn, (uintptr_t)fi_thread_id(), memory_order_relaxed);
    bool looping = fi_trampoline_pause();
    fi_context_enter(&context, future, future->token, future->executor);
    void *value = call(future, fn);
    fi_trampoline_resume(looping);
    if (fi_failed(value)) {
        const char *text;
        int code = fi_context_failure(&context, &text);
        set_failure(future, code, text);
    } else {
        future->value = value;
    }
    atomic_store_explicit(&future->fn, 0, memory_order_relaxed);
    end(future, worker);
    fi_context_leave(&context); /* the executor has to wait for the callbacks, too */
}

/* A waiter runs it, and its submit queue lets go of it: the second one speaks for both. */
static void end_half(struct filch_future *future, struct filch_executor *executor)
{
    /* F3, acq_rel, pairs with itself: all that the first did with the executor. */
    if (executor &&
        atomic_fetch_or_explicit(&future->flags, FI_HALF, memory_order_acq_rel) & FI_HALF)
        fi_executor_ended(executor);
}

/* Ends a future that is not to be run. Returns false if a waiter runs it. */
static bool refuse(struct filch_future *future, int refusal)
{
    if (refusal != FILCH_ECANCELED && fi_latch_claim(&future->latch)) {
        fi_future_fail(future, refusal, NULL);
        return true;
    }
    (void)fi_future_revoke(future);
    (void)fi_latch_notify_cancel(&future->latch);
    return filch_future_cancelled(future);
}

/* Who has taken it out of its submit queue, or runs it as it waits for it: it has started, so max_queued
 * does not count it any more. */
static void leave_queue(struct filch_future *future)
{
    /* Relaxed: decides who says so. The flag was set before the task was submitted. */
    if (flags_of(future) & FI_QUEUED &&
        atomic_fetch_and_explicit(&future->flags, ~(uint32_t)FI_QUEUED, memory_order_relaxed) &
            FI_QUEUED)
        fi_executor_taken(future->executor);
}

void fi_future_take(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                    int refusal)
{
    struct filch_future *future = (struct filch_future *)(void *)task;
    struct filch_executor *executor = future->executor;
    bool mine = true;

    (void)head; /* a plain function runs no fork of this level's */
    if (worker)
        fi_worker_settle_but(worker, NULL);
    leave_queue(future);
    if (!refusal)
        refusal = fi_executor_refusal(executor);
    if (!refusal && future->token && filch_token_cancelled(future->token))
        refusal = FILCH_ECANCELED;
    if (refusal)
        mine = refuse(future, refusal);
    else if (fi_latch_claim(&future->latch))
        fi_future_run(future, worker);
    else
        mine = refuse(future, FILCH_ECANCELED);
    if (!mine)
        end_half(future, executor);
    else if (executor)
        fi_executor_ended(executor);
    filch_future_release(future);
}

/* ---- By hand ----------------------------------------------------------------------------- */

int filch_future_create(struct filch_future **future)
{
    struct filch_future *new = fi_future_alloc(FI_MANUAL);

    if (!new)
        return FILCH_ENOMEM;
    *future = new;
    return 0;
}

int filch_future_set_running_or_notify_cancel(struct filch_future *future)
{
    FI_ASSERT_ALIVE(future);
    if (flags_of(future) & FI_MANUAL && fi_latch_claim(&future->latch))
        return 1;
    return fi_latch_notify_cancel(&future->latch) ? 0 : FILCH_ESTATE;
}

static int complete(struct filch_future *future, void *result, int code, const char *text)
{
    struct fi_callback *callbacks;

    FI_ASSERT_ALIVE(future);
    if (!(flags_of(future) & FI_MANUAL) || !fi_latch_lock(&future->latch))
        return FILCH_ESTATE;
    if (code)
        set_failure(future, code, text);
    else
        future->value = result;
    fi_latch_end_locked(&future->latch, FI_FINISHED, &callbacks);
    fi_continuations_dispatch(future, callbacks);
    return 0;
}

int filch_future_set_result(struct filch_future *future, void *result)
{
    return complete(future, result, 0, NULL);
}

int filch_future_set_error(struct filch_future *future, int code, const char *text)
{
    return code ? complete(future, NULL, code, text) : FILCH_EINVAL;
}

/* ---- Stopping ---------------------------------------------------------------------------- */

bool filch_future_cancel(struct filch_future *future)
{
    FI_ASSERT_ALIVE(future);
    return fi_future_revoke(future) || filch_future_cancelled(future);
}

bool filch_future_stop(struct filch_future *future)
{
    bool cancelled = filch_future_cancel(future);

    /* C1, release, pairs with C2 in filch_cancelled(), as in filch_token_cancel(). */
    if (!cancelled)
        atomic_fetch_or_explicit(&future->flags, FI_STOPPED, memory_order_release);
    return cancelled;
}

/* ---- Asking ------------------------------------------------------------------------------ */

enum filch_future_state filch_future_state(const struct filch_future *future)
{
    static const enum filch_future_state states[] = {
        [FI_PENDING] = FILCH_PENDING,     [FI_RUNNING] = FILCH_RUNNING,
        [FI_CANCELLED] = FILCH_CANCELLED, [FI_NOTIFIED] = FILCH_CANCELLED_AND_NOTIFIED,
        [FI_FINISHED] = FILCH_FINISHED,
    };

    FI_ASSERT_ALIVE(future);
    return states[fi_latch_state(&future->latch)];
}

bool filch_future_done(const struct filch_future *future)
{
    return filch_future_state(future) >= FILCH_CANCELLED;
}

bool filch_future_running(const struct filch_future *future)
{
    return filch_future_state(future) == FILCH_RUNNING;
}

bool filch_future_cancelled(const struct filch_future *future)
{
    enum filch_future_state state = filch_future_state(future);
    return state == FILCH_CANCELLED || state == FILCH_CANCELLED_AND_NOTIFIED;
}

int fi_future_check_wait(struct filch_future *future)
{
    if (future->generation != fi_process_generation())
        return FILCH_EFORKED;
    /* Relaxed: only the thread that runs it finds itself there, and wrote that itself. */
    if (atomic_load_explicit(&future->fn, memory_order_relaxed) == (uintptr_t)fi_thread_id() ||
        fi_continues_own(future) || fi_context_is_lent(future))
        return FILCH_EDEADLK;
    fi_trampoline_run();
    return 0;
}

bool fi_future_run_awaited(struct filch_future *future)
{
    struct filch_executor *executor = future->executor;
    struct fi_worker *worker = fi_worker_self();

    /* F5, acquire, pairs with F4: what it follows on, and the pool. */
    if (!worker || atomic_load_explicit(&future->flags, memory_order_acquire) & FI_CONTINUES ||
        worker->pool != future->pool)
        return false;
    if (future->token && filch_token_cancelled(future->token))
        (void)fi_future_revoke(future);
    if (!fi_latch_claim(&future->latch))
        return false;
    leave_queue(future);
    fi_future_run(future, NULL);
    end_half(future, executor);
    return true;
}

/* Who waits for a future in a task. It waits in vain if this would close a cycle. */
struct waiting {
    struct fi_wait wait; /* first: its address is the whole's */
    struct fi_sleeper sleeper;
    bool in_vain;
};

static bool over(struct fi_wait *wait)
{
    const struct filch_future *future = wait->object;

    return fi_latch_ended(&future->latch) || ((struct waiting *)(void *)wait)->in_vain;
}

/* A fi_runner_fn. */
static const void *runner_of(void *object)
{
    struct filch_future *future = object;

    if (fi_latch_state(&future->latch) != FI_RUNNING)
        return NULL;
    /* Relaxed: a thread that has been found in the table wrote it before (core/deadlock.c). */
    return (const void *)atomic_load_explicit(&future->fn, memory_order_relaxed);
}

static bool enlist(struct fi_wait *wait)
{
    struct waiting *waiting = (struct waiting *)(void *)wait;
    struct filch_future *future = wait->object;

    wait->waiter = (struct fi_waiter){.event = wait->event};
    if (!fi_latch_enlist(&future->latch, &wait->waiter))
        return false;
    waiting->in_vain = !fi_deadlock_enter(&waiting->sleeper, future, runner_of);
    if (waiting->in_vain)
        fi_latch_delist(&future->latch, &wait->waiter);
    return !waiting->in_vain;
}

static void delist(struct fi_wait *wait)
{
    struct filch_future *future = wait->object;

    fi_deadlock_leave(&((struct waiting *)(void *)wait)->sleeper);
    fi_latch_delist(&future->latch, &wait->waiter);
}

/* For ever, if need be. Returns 0, or FILCH_EDEADLK. */
static int await_in_task(struct filch_future *future)
{
    struct waiting waiting = {
        .wait.over = over,
        .wait.enlist = enlist,
        .wait.delist = delist,
        .wait.deadline = FI_NEVER,
        .wait.object = future,
    };

    fi_wait_for(&waiting.wait);
    return waiting.in_vain ? FILCH_EDEADLK : 0;
}

/* Waits until the future has ended. Returns 0, or why that is not so. */
static int await(struct filch_future *future, double timeout)
{
    FI_ASSERT_ALIVE(future);
    if (isnan(timeout))
        return FILCH_EINVAL;
    if (fi_latch_ended(&future->latch))
        return 0;
    if (!(timeout > 0) && future->generation == fi_process_generation())
        return FILCH_ETIMEDOUT;
    int error = fi_future_check_wait(future);
    if (error)
        return error;
    if (fi_future_run_awaited(future))
        return 0;
    int64_t deadline = fi_deadline(timeout);
    if (deadline == FI_NEVER && fi_context_current())
        return await_in_task(future);
    fi_latch_wait(&future->latch, deadline);
    return fi_latch_ended(&future->latch) ? 0 : FILCH_ETIMEDOUT;
}

/* What has become of a future that has ended. */
static int outcome(const struct filch_future *future)
{
    if (filch_future_cancelled(future))
        return FILCH_ECANCELED;
    return flags_of(future) & FI_FAILED ? (int)(intptr_t)future->value : 0;
}

int filch_future_result(struct filch_future *future, double timeout, void **result)
{
    int error = await(future, timeout);

    if (!error)
        error = outcome(future);
    if (!error && result)
        *result = future->value;
    return error;
}

const char *filch_future_error(struct filch_future *future, double timeout, int *code)
{
    const char *text = NULL;
    int error = await(future, timeout);

    if (!error) {
        error = outcome(future);
        if (flags_of(future) & FI_FAILED)
            text = future->text;
    }
    if (code)
        *code = error;
    if (!error)
        return NULL;
    return text ? text : filch_strerror(error);
}
