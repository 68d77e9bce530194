/* SPDX-License-Identifier: MIT
 *
 * What follows on a future: callbacks, and further futures (filch_future_then()). Callbacks are
 * called at once, as in CPython, one inside the other if a callback completes another future. A
 * future that follows goes to its executor; one that has none, or that is to end as its parent did,
 * waits in a list of this thread's. A loop works it off, not recursion, so that a chain may be of
 * any length, and so does whoever waits on this thread.
 *
 * A future that follows is in its parent's list, which has a reference to it; it points back
 * without one (FI_CONTINUES), or neither would ever be freed if the parent never ended. That pointer
 * is good as long as LOCKED of the follower is held, since the parent takes it before it goes. */
#include "sched/futures/executor.h"
#include "sched/futures/context.h"
#include "sched/futures/future.h"

#include <stdlib.h>

/* ---- Callbacks --------------------------------------------------------------------------- */

struct callback {
    struct fi_callback base; /* first: its address is the callback's */
    filch_done_fn *fn;
    void *arg;
};

/* In a context of its own: what fails here is not the task that the thread runs. */
static void call(filch_done_fn *fn, struct filch_future *future, void *arg)
{
    struct fi_context context;

    fi_context_enter(&context, NULL, NULL, NULL);
    fn(future, arg);
    fi_context_leave(&context);
}

static void call_user(struct fi_callback *base, void *owner)
{
    struct callback *callback = (struct callback *)(void *)base;
    filch_done_fn *fn = callback->fn;
    void *arg = callback->arg;

    free(callback);
    call(fn, owner, arg);
}

int filch_future_add_done_callback(struct filch_future *future, filch_done_fn *fn, void *arg)
{
    FI_ASSERT_ALIVE(future);
    if (!fn)
        return FILCH_EINVAL;
    if (fi_latch_ended(&future->latch)) {
        call(fn, future, arg);
        return 0;
    }
    struct callback *callback = malloc(sizeof *callback);
    if (!callback)
        return FILCH_ENOMEM;
    *callback = (struct callback){.base.call = call_user, .fn = fn, .arg = arg};
    if (!fi_latch_add(&future->latch, &callback->base))
        call_user(&callback->base, future);
    return 0;
}

/* ---- A loop instead of recursion --------------------------------------------------------- */

/* Futures that are to be settled on this thread, one after another. */
static _Thread_local struct {
    struct fi_callback *first, *last;
    bool looping;
} ready;

static struct filch_future *future_of(struct fi_callback *follower)
{
    return (struct filch_future *)(void *)follower;
}

bool fi_trampoline_pause(void)
{
    bool looping = ready.looping;
    ready.looping = false;
    return looping;
}

void fi_trampoline_resume(bool looping)
{
    ready.looping = looping;
}

static void append_ready(struct filch_future *future)
{
    future->follower.next = NULL;
    if (ready.first)
        ready.last->next = &future->follower;
    else
        ready.first = &future->follower;
    ready.last = &future->follower;
}

static uint32_t flags_of(const struct filch_future *future)
{
    /* Relaxed: this thread wrote them, or holds LOCKED, or knows that the future has ended (L1, L3,
     * L4). */
    return atomic_load_explicit(&future->flags, memory_order_relaxed);
}

static void run_here(struct filch_future *future)
{
    struct filch_executor *executor = future->executor;
    int error = executor ? fi_executor_submit_continuation(executor, NULL) : 0;

    if (!fi_latch_claim(&future->latch))
        ; /* cancelled */
    else if (error)
        fi_future_fail(future, error, NULL);
    else
        fi_future_run(future, NULL);
    if (executor && !error)
        fi_executor_end_here(executor);
}

static void fail_as_parent(struct filch_future *future)
{
    int code;
    const char *text = filch_future_error(future->parent, 0, &code);

    if (fi_latch_claim(&future->latch))
        fi_future_fail(future, code, text);
}

/* The list's reference goes along. */
static void settle(struct filch_future *future)
{
    bool inherits = flags_of(future) & FI_INHERITS;

    if (inherits && !(flags_of(future->parent) & FI_FAILED)) {
        run_here(future);
    } else {
        fi_executor_release_weak(future->executor);
        if (inherits)
            fail_as_parent(future);
        else
            (void)fi_future_revoke(future);
    }
    filch_future_release(future);
}

static void run_ready(void)
{
    if (ready.looping)
        return;
    ready.looping = true;
    while (ready.first) {
        struct filch_future *future = future_of(ready.first);
        ready.first = ready.first->next;
        settle(future);
    }
    ready.looping = false;
}

void fi_trampoline_run(void)
{
    if (!ready.first)
        return;
    bool looping = fi_trampoline_pause();
    run_ready();
    fi_trampoline_resume(looping);
}

/* ---- Followers --------------------------------------------------------------------------- */

/* Has a worker run it, now that its parent has a result. The list's reference goes along. */
static void start(struct filch_future *future)
{
    future->task.run = fi_future_take;
    int error = fi_executor_submit_continuation(future->executor, &future->task);
    if (!error)
        return;
    if (fi_latch_claim(&future->latch))
        fi_future_fail(future, error, NULL);
    filch_future_release(future);
}

/* The follower lets go of the parent that it points to, or holds it from now on, unless that was
 * cancelled or never ends (`parent` is NULL). Returns false if it has ended itself. */
static bool cut(struct filch_future *future, struct filch_future *parent)
{
    bool inherits = parent && !filch_future_cancelled(parent);

    if (!fi_latch_lock(&future->latch))
        return false;
    if (inherits) {
        filch_future_retain(parent);
        /* Relaxed: F4 follows. */
        atomic_fetch_or_explicit(&future->flags, FI_INHERITS, memory_order_relaxed);
    } else {
        future->parent = NULL;
    }
    if (!inherits || flags_of(parent) & FI_FAILED)
        future->pool = NULL; /* nobody is to run it */
    /* F4, release, pairs with F5 in future.c: the parent and its result, the pool, FI_INHERITS. */
    atomic_fetch_and_explicit(&future->flags, ~(uint32_t)FI_CONTINUES, memory_order_release);
    fi_latch_unlock(&future->latch);
    return true;
}

/* The parent has ended, or is about to go without an end (NULL). */
static void follow(struct filch_future *future, struct filch_future *parent)
{
    if (!cut(future, parent)) {
        fi_executor_release_weak(future->executor);
        filch_future_release(future);
    } else if (future->pool) {
        start(future);
    } else {
        append_ready(future);
    }
}

static void call_follower(struct fi_callback *follower, void *parent)
{
    follow(future_of(follower), parent);
}

void fi_continuations_dispatch(struct filch_future *future, struct fi_callback *callbacks)
{
    struct fi_callback *users = NULL, **last = &users;

    /* Followers first: a user's callback may wait for one. */
    while (callbacks) {
        struct fi_callback *next = callbacks->next;
        if (callbacks->call == call_follower) {
            call_follower(callbacks, future);
        } else {
            *last = callbacks;
            last = &callbacks->next;
        }
        callbacks = next;
    }
    *last = NULL;
    while (users) {
        struct fi_callback *next = users->next;
        users->call(users, future);
        users = next;
    }
    run_ready();
}

void fi_continuations_abandon(struct filch_future *future)
{
    struct fi_callback *next;

    /* Nobody else knows it. */
    for (struct fi_callback *callback = future->latch.callbacks; callback; callback = next) {
        next = callback->next;
        if (callback->call == call_follower)
            follow(future_of(callback), NULL);
        else
            free(callback);
    }
    run_ready();
}

int filch_future_then(struct filch_future *future, struct filch_executor *executor,
                      filch_then_fn *fn, void *arg, struct filch_future **next)
{
    int error = fn ? 0 : FILCH_EINVAL;

    FI_ASSERT_ALIVE(future);
    if (!error && executor)
        error = fi_executor_check(executor);
    if (error)
        return error;
    struct filch_future *new = fi_future_alloc(FI_THEN | FI_CONTINUES);
    if (!new)
        return FILCH_ENOMEM;
    atomic_init(&new->latch.references, next ? 2 : 1);
    atomic_init(&new->fn, (uintptr_t)fn);
    new->value = arg;
    new->executor = executor;
    new->pool = executor ? executor->pool : NULL;
    new->parent = future;
    new->follower.call = call_follower;
    if (executor)
        fi_executor_retain_weak(executor);
    if (next)
        *next = new;
    if (!fi_latch_add(&future->latch, &new->follower)) {
        follow(new, future);
        run_ready();
    }
    return 0;
}

/* ---- Waiting for oneself ----------------------------------------------------------------- */

/* One more reference, unless the last one is gone. */
static bool try_retain(struct filch_future *future)
{
    /* Relaxed: the CAS fails if it is not the newest. */
    uint32_t references = atomic_load_explicit(&future->latch.references, memory_order_relaxed);

    while (references > 0)
        /* F1, relaxed: LOCKED of the follower has brought the future. */
        if (atomic_compare_exchange_weak_explicit(&future->latch.references, &references,
                                                  references + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

/* What it follows on, with a reference, or NULL. */
static struct filch_future *parent_of(struct filch_future *future)
{
    struct filch_future *parent = NULL;

    if (!fi_latch_lock(&future->latch))
        return NULL;
    if (flags_of(future) & FI_CONTINUES && try_retain(future->parent))
        parent = future->parent;
    fi_latch_unlock(&future->latch);
    return parent;
}

bool fi_continues_own(struct filch_future *future)
{
    bool own = false;

    /* Without a task on this thread there is none to follow on. Relaxed, in flags_of(): FI_THEN
     * does not change. */
    if (!fi_context_current() || !(flags_of(future) & FI_THEN))
        return false;
    struct filch_future *parent = parent_of(future);
    while (parent && !own) {
        /* Relaxed: a thread recognises only what it wrote itself. */
        own = atomic_load_explicit(&parent->fn, memory_order_relaxed) ==
              (uintptr_t)fi_thread_id();
        struct filch_future *next = own ? NULL : parent_of(parent);
        filch_future_release(parent);
        parent = next;
    }
    return own;
}
