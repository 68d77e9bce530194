/* SPDX-License-Identifier: MIT
 *
 * Futures: how they are made, held and freed, how they end, and what they answer. Several parties
 * hold references: users, the submit queue that a task waits in, and its continuations. */
#include "sched/futures/future.h"

#include "sched/core/search.h"

#include "sched/core/process.h"
#include "sched/futures/continuation.h"
#include "sched/futures/context.h"
#include "sched/futures/token.h"

#include <stdlib.h>
#include <string.h>

/* ---- References -------------------------------------------------------------------------- */

struct filch_future *fi_future_alloc(uint32_t flags)
{
    struct filch_future *future = fi_block_cache_alloc(FI_BLOCK_FUTURE);

    if (!future)
        return NULL;
    fi_latch_init(&future->latch);
    atomic_init(&future->latch.references, 1);
    atomic_init(&future->fn, 0);
    future->value = NULL;
    future->executor = NULL;
    future->pool = NULL;
    future->failure = NULL;
    future->token = NULL;
    future->extra = NULL;
    future->generation = fi_process_generation();
    atomic_init(&future->flags, flags);
    return future;
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
    uint32_t flags = fi_future_flags(future);
    struct filch_future *parent = flags & FI_INHERITS ? future->parent : NULL;

    /* Nobody else knows it any more: the list needs no LOCKED. */
    if (!fi_latch_ended(&future->latch))
        fi_continuations_abandon(future->latch.callbacks);
    if (!(flags & (FI_INHERITS | FI_CONTINUES)))
        fi_failure_release(future->failure);
    filch_token_release(future->token);
    free(future->extra);
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

/* One more reference, unless the last one is gone. */
static bool try_retain(struct filch_future *future)
{
    /* Relaxed: the CAS fails if it is not the newest. */
    uint32_t references = atomic_load_explicit(&future->latch.references, memory_order_relaxed);

    while (references > 0)
        /* F1, relaxed: LOCKED of the continuation has brought the future. */
        if (atomic_compare_exchange_weak_explicit(&future->latch.references, &references,
                                                  references + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

struct filch_future *fi_future_parent(struct filch_future *future)
{
    struct filch_future *parent = NULL;

    if (!fi_latch_lock(&future->latch))
        return NULL;
    if (fi_future_flags(future) & FI_CONTINUES && try_retain(future->parent))
        parent = future->parent;
    fi_latch_unlock(&future->latch);
    return parent;
}

/* ---- Completing -------------------------------------------------------------------------- */

void fi_future_drop_parent(struct filch_future *future)
{
    struct filch_future *parent = future->parent;

    if (!(fi_future_flags(future) & FI_INHERITS))
        return;
    future->failure = NULL;
    /* Relaxed: the runner's, as in fi_future_flags(). */
    atomic_fetch_and_explicit(&future->flags, ~(uint32_t)FI_INHERITS, memory_order_relaxed);
    filch_future_release(parent);
}

static void add_flag(struct filch_future *future, uint32_t flag)
{
    /* A read-modify-write: filch_future_stop() may set its own at any time. Relaxed: the end of the
     * latch publishes it. */
    atomic_fetch_or_explicit(&future->flags, flag, memory_order_relaxed);
}

void fi_future_set_failure(struct filch_future *future, int code, struct fi_failure *failure)
{
    fi_future_drop_parent(future);
    future->value = (void *)(intptr_t)code;
    future->failure = failure;
    add_flag(future, FI_FAILED);
}

void fi_future_end(struct filch_future *future, struct fi_worker *worker)
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

void fi_future_fail(struct filch_future *future, int code, struct fi_failure *failure)
{
    fi_future_set_failure(future, code, failure);
    fi_future_end(future, NULL);
}

static FILCH_COLD void drop_slowly(struct filch_future *future)
{
    struct fi_context context;

    /* Of its own: what fails there is not the task that the thread runs. */
    fi_context_enter(&context, NULL, NULL, NULL);
    future->extra->drop(future->value);
    fi_context_leave(&context);
}

void fi_future_drop_argument(struct filch_future *future)
{
    if (future->extra && future->extra->drop)
        drop_slowly(future);
}

bool fi_future_revoke(struct filch_future *future)
{
    struct fi_callback *callbacks;

    if (!fi_latch_end(&future->latch, FI_PENDING, FI_CANCELLED, &callbacks))
        return false;
    /* `value` is the argument still, and nobody writes it any more. */
    fi_future_drop_argument(future);
    fi_continuations_dispatch(future, callbacks);
    return true;
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
    if (fi_future_flags(future) & FI_MANUAL && fi_latch_claim(&future->latch))
        return 1;
    return fi_latch_notify_cancel(&future->latch) ? 0 : FILCH_ESTATE;
}

/* Returns 0, and then failure is the future's. */
static int complete(struct filch_future *future, void *result, int code,
                    struct fi_failure *failure)
{
    struct fi_callback *callbacks;

    FI_ASSERT_ALIVE(future);
    if (!(fi_future_flags(future) & FI_MANUAL) || !fi_latch_lock(&future->latch))
        return FILCH_ESTATE;
    if (code)
        fi_future_set_failure(future, code, failure);
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
    return filch_future_set_error_detail(future, code, text, NULL, NULL);
}

int filch_future_set_error_detail(struct filch_future *future, int code, const char *text,
                                  void *detail, void (*destroy)(void *detail))
{
    struct fi_detail given = {detail, destroy};

    if (!code)
        return FILCH_EINVAL;
    /* Without memory the code is left alone; the detail goes when it is sure that it is not the
     * caller's any more. */
    struct fi_failure *failure = fi_failure_create(text, (struct fi_detail){detail, NULL});
    if (failure)
        failure->detail.destroy = destroy;
    int error = complete(future, NULL, code, failure);
    if (!failure && !error) {
        fi_detail_destroy(given);
    } else if (failure && error) {
        failure->detail.destroy = NULL;
        fi_failure_release(failure);
    }
    return error;
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

void *filch_future_error_detail(const struct filch_future *future)
{
    if (filch_future_state(future) != FILCH_FINISHED ||
        !(fi_future_flags(future) & FI_FAILED) || !future->failure)
        return NULL;
    return future->failure->detail.object;
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
