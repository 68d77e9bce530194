/* SPDX-License-Identifier: MIT
 *
 * Futures: submitted tasks and their results. The life of one is its latch's
 * (sched/core/latch.h). Two parties hold references: the queue, until the task has ended or
 * turned out to be cancelled or claimed, and the user. */
#include <filch/future.h>

#include "sched/core/worker.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 256

struct filch_future {
    struct fi_task task; /* first: the task's address is the future's */
    struct fi_latch latch;
    _Atomic(uint32_t) references;

    /* The runner's until the latch says FINISHED. */
    int code;    /* 0 or what the task gave to filch_fail() */
    char *text;  /* of the failure, or NULL */
    void *value; /* the argument, then the result */

    filch_fn *fn;
    struct filch_pool *pool;
    _Atomic(struct fi_worker *) runner;
};

/* ---- Failure ----------------------------------------------------------------------------- */

/* What the last filch_fail() of one task said. */
struct failure {
    int code;
    char text[TEXT_SIZE];
};

/* That of the task that runs on this thread; tasks nest when one of them waits. */
static _Thread_local struct failure *current;

/* Its address means failure. */
static char failed;

void *filch_fail(int code, const char *fmt, ...)
{
    va_list arguments;

    if (!current) /* not in a submitted task: nobody would ask */
        return &failed;
    current->code = code ? code : FILCH_EINVAL;
    va_start(arguments, fmt);
    if (vsnprintf(current->text, sizeof current->text, fmt, arguments) < 0)
        current->text[0] = '\0';
    va_end(arguments);
    return &failed;
}

/* ---- References -------------------------------------------------------------------------- */

struct filch_future *filch_future_retain(struct filch_future *future)
{
    /* F1, relaxed: the caller has a reference already, by which it knows the future. */
    atomic_fetch_add_explicit(&future->references, 1, memory_order_relaxed);
    return future;
}

void filch_future_release(struct filch_future *future)
{
    if (!future)
        return;
    /* F2, acq_rel, pairs with itself: all that others did with the future comes before the
     * free. */
    if (atomic_fetch_sub_explicit(&future->references, 1, memory_order_acq_rel) != 1)
        return;
    free(future->text);
    free(future);
}

/* ---- Running ----------------------------------------------------------------------------- */

/* Runs a future that the caller has claimed. */
static void run_claimed(struct filch_future *future, struct fi_worker *worker)
{
    struct failure failure, *outer = current;

    failure.code = 0;
    /* Relaxed: only this very worker draws a conclusion from finding itself there. */
    atomic_store_explicit(&future->runner, worker, memory_order_relaxed);
    current = &failure;
    void *value = future->fn(future->value);
    current = outer;
    if (value == &failed) {
        value = NULL;
        /* A failure that is not this task's own has no code. */
        future->code = failure.code ? failure.code : FILCH_EINVAL;
        if (failure.code)
            future->text = strdup(failure.text); /* NULL: the code's own text is left */
    }
    future->value = value;
    atomic_store_explicit(&future->runner, NULL, memory_order_relaxed);
    (void)fi_latch_end(&future->latch, FI_RUNNING, FI_FINISHED);
}

/* Out of the queue: the future may have been cancelled, or claimed by one who waits for it. */
static void run_future(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head)
{
    struct filch_future *future = (struct filch_future *)(void *)task;

    (void)head; /* a plain function runs no fork of this level's */
    if (fi_latch_claim(&future->latch))
        run_claimed(future, worker);
    filch_future_release(future);
}

int filch_pool_submit(struct filch_pool *pool, filch_fn *fn, void *arg,
                      struct filch_future **future)
{
    if (!fn)
        return FILCH_EINVAL;
    /* Relaxed: whoever destroys a pool while others still submit has to order the two itself. */
    if (atomic_load_explicit(&pool->phase, memory_order_relaxed) != FI_OPEN &&
        filch_pool_current() != pool)
        return FILCH_ESHUTDOWN;
    struct filch_future *new = malloc(sizeof *new);
    if (!new)
        return FILCH_ENOMEM;
    new->task.run = run_future;
    fi_latch_init(&new->latch);
    atomic_init(&new->references, future ? 2 : 1);
    new->code = 0;
    new->fn = fn;
    new->value = arg;
    new->text = NULL;
    new->pool = pool;
    atomic_init(&new->runner, NULL);
    /* Once it is in the queue it may run, and be freed if nobody holds it. */
    if (fi_pool_inject(pool, &new->task)) {
        free(new);
        return FILCH_ENOMEM;
    }
    if (future)
        *future = new;
    return 0;
}

/* ---- Asking ------------------------------------------------------------------------------ */

bool filch_future_cancel(struct filch_future *future)
{
    return fi_latch_end(&future->latch, FI_PENDING, FI_CANCELLED) ||
           filch_future_cancelled(future);
}

bool filch_future_done(const struct filch_future *future)
{
    return fi_latch_ended(&future->latch);
}

bool filch_future_running(const struct filch_future *future)
{
    return fi_latch_state(&future->latch) == FI_RUNNING;
}

bool filch_future_cancelled(const struct filch_future *future)
{
    return fi_latch_state(&future->latch) == FI_CANCELLED;
}

/* The point of the clock that is `timeout` seconds from now. */
static int64_t deadline_of(double timeout)
{
    double ns = timeout * 1e9;
    int64_t now = fi_now();

    if (ns <= 0)
        return now;
    return ns < (double)(FI_NEVER - now) ? now + (int64_t)ns : FI_NEVER;
}

/* Waits until the future has ended. Returns 0, or why that is not so. */
static int await(struct filch_future *future, double timeout)
{
    struct fi_worker *worker = fi_worker_self();

    if (isnan(timeout))
        return FILCH_EINVAL;
    if (fi_latch_ended(&future->latch))
        return 0;
    if (!(timeout > 0))
        return FILCH_ETIMEDOUT;
    if (worker && atomic_load_explicit(&future->runner, memory_order_relaxed) == worker)
        return FILCH_EDEADLK;
    if (worker && worker->pool == future->pool && fi_latch_claim(&future->latch))
        run_claimed(future, worker);
    else
        fi_latch_wait(&future->latch, deadline_of(timeout));
    return fi_latch_ended(&future->latch) ? 0 : FILCH_ETIMEDOUT;
}

/* What has become of a future that has ended. */
static int outcome(const struct filch_future *future)
{
    return filch_future_cancelled(future) ? FILCH_ECANCELED : future->code;
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
        text = future->text;
    }
    if (code)
        *code = error;
    if (!error)
        return NULL;
    return text ? text : filch_strerror(error);
}
