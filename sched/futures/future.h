/* SPDX-License-Identifier: MIT
 *
 * A future as an object: what it is made of, who holds it, its states and how it ends. How its
 * task runs is in run.h, how it is waited for in await.h. The public side is filch/future.h; the
 * life of one is its latch's (sched/core/latch.h). */
#ifndef FI_FUTURE_H
#define FI_FUTURE_H

#include "sched/core/block_cache.h"
#include "sched/core/latch.h"
#include "sched/core/submit_queue.h"
#include "sched/futures/failure.h"

#include <filch/executor.h>
#include <filch/future.h>

#include <assert.h>

struct filch_token;

/* Bits of filch_future.flags. */
enum {
    FI_MANUAL = 1, /* completed by hand */
    FI_THEN = 2,   /* fn is a filch_then_fn */
    /* `parent` has not ended, and its list of callbacks has a reference to this future, which has
     * none to it; changed with LOCKED. */
    FI_CONTINUES = 4,
    FI_INHERITS = 8, /* `parent` has ended, and this future has a reference to it */
    FI_STOPPED = 16, /* filch_future_stop() */
    FI_FAILED = 32,  /* finished with an error: `value` is the code */
    FI_QUEUED = 64,  /* max_queued counts it: run.c */
    FI_HALF = 128,   /* one of two has let go of its executor: run.c */
    FI_END = 256,    /* has no task: it ends when `executor` has, whose threads `pool` has */
};

/* What few tasks are given beside a function and its argument. */
struct fi_task_extra {
    void (*drop)(void *arg); /* as in filch_task_options, or NULL */
    const char *name;        /* `words`, or NULL */
    char words[];
};

/* 104 bytes: with malloc's header and its cell in a queue 120 bytes a pending future. */
struct filch_future {
    union {
        struct fi_task task;             /* in a submit queue */
        struct fi_callback continuation; /* before that: of another future */
    };
    struct fi_latch latch; /* and the references */
    _Atomic(uintptr_t) fn; /* filch_fn or filch_then_fn; once it runs, the thread's id */
    void *value;           /* the argument, then the runner's; when it has ended the result */
    /* Or NULL. Alive until the future has ended, but for a continuation, which knows no more than
     * that its memory is there. */
    struct filch_executor *executor;
    struct filch_pool *pool; /* whose workers may run it now, or NULL; only to be compared */
    union {
        struct fi_failure *failure;  /* or NULL; the runner's until it has ended */
        struct filch_future *parent; /* of a continuation: the future that it waits for */
    };
    struct filch_token *token;   /* or NULL, with a reference */
    struct fi_task_extra *extra; /* or NULL */
    unsigned generation;         /* of sched/core/process.h */
    _Atomic(uint32_t) flags;
};
_Static_assert(sizeof(struct filch_future) == FI_BLOCK_FUTURE_SIZE, "as block_cache.h says");

/* A debug build finds out who uses a future without a reference, until its memory is used again.
 * Relaxed: whoever has a reference sees it counted. */
#ifdef FILCH_DEBUG
#define FI_ASSERT_ALIVE(future)                                                           \
    assert(atomic_load_explicit(&(future)->latch.references, memory_order_relaxed) > 0 && \
           "a future is used after its last reference was released")
#else
#define FI_ASSERT_ALIVE(future) ((void)(future))
#endif

static inline uint32_t fi_future_flags(const struct filch_future *future)
{
    /* Relaxed: they are set before others know the future, or by its runner before the latch ends,
     * which the caller knows of by L1 or L3; else with LOCKED. */
    return atomic_load_explicit(&future->flags, memory_order_relaxed);
}

/* Any thread. PENDING, with one reference, and as yet without a task; NULL when memory lacks. */
struct filch_future *fi_future_alloc(uint32_t flags);

/* Any thread. What a continuation waits for, with a reference; NULL if it waits for nothing more,
 * or that goes at this moment. */
struct filch_future *fi_future_parent(struct filch_future *future);

/* ---- Ending it --------------------------------------------------------------------------- */

/* The runner. Gives back the future that this one has waited for, if it still holds it. */
void fi_future_drop_parent(struct filch_future *future);

/* The runner. Notes down why it fails. failure: or NULL; the future's from now on. */
void fi_future_set_failure(struct filch_future *future, int code, struct fi_failure *failure);

/* The runner. RUNNING -> FINISHED; calls the callbacks. worker: the caller, if it has taken the
 * future out of a submit queue, or NULL. */
void fi_future_end(struct filch_future *future, struct fi_worker *worker);

/* Who has claimed it (RUNNING). Ends it with an error, as fi_future_set_failure(). */
void fi_future_fail(struct filch_future *future, int code, struct fi_failure *failure);

/* Any thread. Cancels it if it is pending: drops its argument, calls the callbacks. */
bool fi_future_revoke(struct filch_future *future);

/* Who has claimed it, and does not run it after all; before it fails. Drops its argument. */
void fi_future_drop_argument(struct filch_future *future);

/* Any thread. The name of its task, or NULL. */
static inline const char *fi_future_name(const struct filch_future *future)
{
    return future->extra ? future->extra->name : NULL;
}

/* Who knows that it has ended. The text of its failure, or NULL: its code's own. */
static inline const char *fi_future_text(const struct filch_future *future)
{
    return fi_future_flags(future) & FI_FAILED && future->failure ? future->failure->text
                                                                  : NULL;
}

#endif
