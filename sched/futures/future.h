/* SPDX-License-Identifier: MIT
 *
 * What a future is made of, for the files of this folder. The public side is filch/future.h; the
 * life of one is its latch's (sched/core/latch.h). */
#ifndef FI_FUTURE_H
#define FI_FUTURE_H

#include "sched/core/block_cache.h"
#include "sched/core/worker.h"

#include <filch/executor.h>
#include <filch/future.h>

#include <assert.h>

struct filch_token;

/* Bits of filch_future.flags. */
enum {
    FI_MANUAL = 1, /* completed by hand */
    FI_THEN = 2,   /* fn is a filch_then_fn */
    FI_CONTINUES =
        4, /* `parent` has not ended, and its list of callbacks has a reference to this
                        future, which has none to it; changed with LOCKED */
    FI_INHERITS = 8, /* `parent` has ended, and this future has a reference to it */
    FI_STOPPED = 16, /* filch_future_stop() */
    FI_FAILED = 32,  /* finished with an error: `value` is the code, `text` its text or NULL */
    FI_QUEUED = 64,  /* max_queued counts it */
    FI_HALF =
        128, /* a waiter runs it, and has ended it, or it is out of its submit queue: one of two */
};

/* 104 bytes: with malloc's header and its cell in a queue 120 bytes a pending future. */
struct filch_future {
    union {
        struct fi_task task;         /* in a submit queue */
        struct fi_callback follower; /* before that: follows on another future */
    };
    struct fi_latch latch; /* and the references */
    _Atomic(uintptr_t) fn; /* filch_fn or filch_then_fn; once it runs, the thread's id */
    void *value;           /* the argument, then the runner's; when it has ended the result */
    struct filch_executor
        *executor;           /* or NULL; alive until the future has ended, but for followers */
    struct filch_pool *pool; /* that may run it now, or NULL; only to be compared */
    union {
        char *text;                  /* of the failure: the runner's until it has ended */
        struct filch_future *parent; /* that it follows on, with a reference */
    };
    struct filch_token *token; /* or NULL, with a reference */
    char *name;                /* or NULL */
    unsigned generation;       /* of sched/core/process.h */
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

/* Any thread. PENDING, with one reference; NULL when memory lacks. */
struct filch_future *fi_future_alloc(uint32_t flags);

/* Who has claimed it (RUNNING). Runs the task, ends the future, calls the callbacks. worker: the
 * caller, if it has taken the future out of a submit queue; NULL: it runs inside another task, or
 * elsewhere. */
void fi_future_run(struct filch_future *future, struct fi_worker *worker);

/* Who has claimed it. Ends it with an error; text: copied, or NULL. */
void fi_future_fail(struct filch_future *future, int code, const char *text);

/* Any thread. Cancels it if it is pending; calls the callbacks. */
bool fi_future_revoke(struct filch_future *future);

/* The thread that is about to wait for a future that has not ended. Why it would never end
 * meanwhile: FILCH_EFORKED or FILCH_EDEADLK; or 0. What waits to be run on this very thread is run
 * first. */
int fi_future_check_wait(struct filch_future *future);

/* The thread that waits. Runs the future if it is one of its own pool's and has not started: a
 * worker whose stack is deep, or which holds a lock, runs nothing else, and must not starve what it
 * waits for. Returns true if it has run it. */
bool fi_future_run_awaited(struct filch_future *future);

/* fi_task's run, of a future. */
void fi_future_take(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                    int refusal);

/* ---- continuation.c ---------------------------------------------------------------------------- */

/* Who has ended a future, with a reference to it. Calls what fi_latch_end() handed out. */
void fi_continuations_dispatch(struct filch_future *future, struct fi_callback *callbacks);

/* Around a task's function. What follows on the futures that it completes is run at once, as it may
 * wait for that. */
bool fi_trampoline_pause(void);
void fi_trampoline_resume(bool looping);

/* A thread that is about to wait for a future. Works off what follows on this very thread. */
void fi_trampoline_run(void);

/* Who gives back the last reference. What follows on a future that will never end is cancelled. */
void fi_continuations_abandon(struct filch_future *future);

/* Any thread. Does the future follow on one that runs on this very thread? */
bool fi_continues_own(struct filch_future *future);

#endif
