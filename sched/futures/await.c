/* SPDX-License-Identifier: MIT
 *
 * Waiting for a future: see await.h. */
#include "sched/futures/await.h"

#include "sched/core/process.h"
#include "sched/core/self.h"
#include "sched/core/settle.h"
#include "sched/core/wait.h"
#include "sched/core/wake.h"
#include "sched/futures/backend.h"
#include "sched/futures/context.h"
#include "sched/futures/continuation.h"
#include "sched/futures/describe.h"
#include "sched/futures/end.h"
#include "sched/futures/run.h"

#include <math.h>

/* ---- Waiting for oneself ----------------------------------------------------------------- */

/* Relaxed: a thread recognises only what it wrote itself. */
static bool runs_here(const struct filch_future *future)
{
    return atomic_load_explicit(&future->fn, memory_order_relaxed) == (uintptr_t)fi_thread_id();
}

/* Does the future wait for one that runs on this very thread? */
static bool continues_own(struct filch_future *future)
{
    bool own = false;

    /* Without a task on this thread there is none to wait for. */
    if (!fi_context_current() || !(fi_future_flags(future) & FI_THEN))
        return false;
    struct filch_future *parent = fi_future_parent(future);
    while (parent && !own) {
        own = runs_here(parent);
        struct filch_future *next = own ? NULL : fi_future_parent(parent);
        filch_future_release(parent);
        parent = next;
    }
    return own;
}

/* Is it the end of an executor which cannot end meanwhile? Its threads' and its tasks' alike. */
static bool is_end_of_own(const struct filch_future *future)
{
    if (!(fi_future_flags(future) & FI_END))
        return false;
    return (future->pool && filch_pool_current() == future->pool) ||
           fi_context_in_executor(future->executor);
}

int fi_future_check_wait(struct filch_future *future)
{
    if (future->generation != fi_process_generation())
        return FILCH_EFORKED;
    if (runs_here(future) || continues_own(future) || fi_context_is_lent(future) ||
        is_end_of_own(future))
        return FILCH_EDEADLK;
    fi_trampoline_drain();
    return 0;
}

/* ---- In words ---------------------------------------------------------------------------- */

/* The task of the future, if it is on this thread's stack, or NULL. */
static const struct fi_running *find_task(const struct filch_future *future)
{
    const struct fi_context *context = fi_context_current();

    while (context && context->own.future != future)
        context = fi_context_outer(context);
    return context ? &context->running : NULL;
}

/* What the future follows on, be it by many steps, that runs on this thread, or NULL. */
static const struct fi_running *find_first(struct filch_future *future)
{
    const struct fi_running *task = NULL;

    for (struct filch_future *parent = fi_future_parent(future), *next; parent; parent = next) {
        task = find_task(parent);
        next = task ? NULL : fi_future_parent(parent);
        filch_future_release(parent);
    }
    return task;
}

static void name_future(const void *object, char *text, size_t size)
{
    fi_future_name_task(object, text, size);
}

int fi_future_refuse_wait(struct filch_future *future, int error)
{
    if (error != FILCH_EDEADLK)
        return error;
    if (fi_future_flags(future) & FI_END)
        return fi_executor_refuse_wait(future->executor);
    if (runs_here(future))
        fi_deadlock_note_refusal(find_task(future), NULL, NULL);
    else if (fi_context_is_lent(future))
        fi_deadlock_note_refusal(NULL, name_future, future);
    else
        fi_deadlock_note_refusal(find_first(future), name_future, future);
    return error;
}

/* ---- Running what is awaited ------------------------------------------------------------- */

/* How far up a chain of continuations a worker looks for the one that has not begun. */
#define CHAIN 64

/* F5, acquire, pairs with F4: what it has waited for, and the pool. */
static bool continues(const struct filch_future *future)
{
    return atomic_load_explicit(&future->flags, memory_order_acquire) & FI_CONTINUES;
}

/* The first of the chain of continuations that ends with the future, with a reference; or NULL. Looks
 * at so many. */
static struct filch_future *first_of_chain(struct filch_future *future, size_t most)
{
    filch_future_retain(future);
    for (size_t i = 0; future && continues(future); i++) {
        struct filch_future *parent = i < most ? fi_future_parent(future) : NULL;
        filch_future_release(future);
        future = parent;
    }
    return future;
}

static bool run_if_own(const struct fi_worker *worker, struct filch_future *future)
{
    return worker->pool == future->pool && fi_future_run_early(future);
}

bool fi_future_run_awaited(struct filch_future *future)
{
    const struct fi_worker *worker = fi_worker_self();

    if (!worker)
        return false;
    if (!continues(future))
        return run_if_own(worker, future);
    struct filch_future *first = first_of_chain(future, CHAIN);
    bool ran = first && run_if_own(worker, first);
    filch_future_release(first);
    return ran;
}

/* ---- Cycles ------------------------------------------------------------------------------ */

static void hold_future(void *object)
{
    filch_future_retain(object);
}

static void serve_future(void *object)
{
    (void)fi_future_run_early(object);
    filch_future_release(object);
}

static const struct fi_service run_early = {hold_future, serve_future};

static bool is_of_executor(const struct fi_running *running, const void *executor)
{
    const struct fi_context *context = (const struct fi_context *)(const void *)running;
    return context->scope->executor == executor;
}

/* Of one that does not wait for another. */
static bool is_stuck(struct filch_future *future, struct fi_probe *probe)
{
    switch (fi_latch_state(&future->latch)) {
    case FI_PENDING:
        return future->executor &&
               fi_probe_behind(probe, fi_executor_server(future->executor), &run_early, future);
    case FI_RUNNING:
        if (fi_future_flags(future) & FI_END)
            return fi_probe_tasks(probe, is_of_executor, future->executor);
        /* Relaxed: a thread that has been found in the table wrote it before (core/deadlock.c). */
        return fi_probe_thread(probe, (const void *)atomic_load_explicit(&future->fn,
                                                                         memory_order_relaxed));
    default:
        return false;
    }
}

bool fi_future_stuck(struct filch_future *future, struct fi_probe *probe)
{
    struct filch_future *first = first_of_chain(future, SIZE_MAX);
    bool stuck = first && is_stuck(first, probe);

    filch_future_release(first);
    return stuck;
}

/* ---- Waiting ----------------------------------------------------------------------------- */

struct awaiting {
    struct fi_wait wait; /* first: its address is the whole's */
    struct filch_future *future;
};

static bool await_help(struct fi_wait *wait)
{
    return fi_future_run_awaited(((struct awaiting *)(void *)wait)->future);
}

static bool await_stuck(void *object, struct fi_probe *probe)
{
    return fi_future_stuck(((struct awaiting *)object)->future, probe);
}

/* ---- The result -------------------------------------------------------------------------- */

/* Most that is awaited in a task has not started: then there is nothing to wait for. */
static bool run_at_once(struct filch_future *future, double timeout)
{
    struct fi_worker *worker = timeout == FILCH_FOREVER ? fi_worker_self() : NULL;

    if (!worker || fi_worker_is_deep(worker) || continues(future))
        return false;
    fi_worker_end_search(worker);
    fi_worker_settle(worker);
    return run_if_own(worker, future);
}

int fi_future_await(struct filch_future *future, double timeout)
{
    FI_ASSERT_ALIVE(future);
    if (isnan(timeout))
        return FILCH_EINVAL;
    if (fi_latch_ended(&future->latch))
        return 0;
    if (!(timeout > 0) && future->generation == fi_process_generation()) {
        fi_wait_not_at_all();
        return FILCH_ETIMEDOUT;
    }
    int error = fi_future_check_wait(future);
    if (error)
        return fi_future_refuse_wait(future, error);
    if (run_at_once(future, timeout))
        return 0;
    struct awaiting awaiting = {fi_latch_waiting(&future->latch, fi_deadline(timeout)), future};
    awaiting.wait.help = await_help;
    awaiting.wait.stuck = await_stuck;
    error = fi_wait_for(&awaiting.wait);
    if (error)
        return error;
    return fi_latch_ended(&future->latch) ? 0 : FILCH_ETIMEDOUT;
}

/* What has become of a future that has ended. */
static int outcome(const struct filch_future *future)
{
    if (filch_future_cancelled(future))
        return FILCH_ECANCELED;
    return fi_future_flags(future) & FI_FAILED ? (int)(intptr_t)future->value : 0;
}

int filch_future_result(struct filch_future *future, double timeout, void **result)
{
    int error = fi_future_await(future, timeout);

    if (!error)
        error = outcome(future);
    if (!error && result)
        *result = future->value;
    return error;
}

const char *filch_future_error(struct filch_future *future, double timeout, int *code)
{
    const char *text = NULL;
    int error = fi_future_await(future, timeout);

    if (!error) {
        error = outcome(future);
        text = fi_future_text(future);
    }
    if (code)
        *code = error;
    if (!error)
        return NULL;
    return text ? text : filch_strerror(error);
}
