/* SPDX-License-Identifier: MIT
 *
 * Executors: what Python's concurrent.futures calls by that name. An executor takes tasks and
 * answers with futures (future.h). This one type has several back ends: threads of its own, a
 * pool that it shares with others, or no thread at all ("inline", for debugging); code written
 * against one runs on all.
 *
 *     filch_executor_create(4, NULL, &executor);
 *     filch_executor_submit(executor, fn, arg, &future);
 *     ...
 *     filch_executor_destroy(executor);        // waits: the end of Python's `with`
 */
#ifndef FILCH_EXECUTOR_H
#define FILCH_EXECUTOR_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/future.h>
#include <filch/pool.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct filch_executor;
struct filch_token;

/* max_workers: as many as filch_sizing_read() finds. */
#define FILCH_WORKERS_DEFAULT INT_MIN

/* What a submit does when max_queued tasks wait already. */
enum filch_when_full {
    FILCH_FULL_BLOCK,       /* waits until one has been taken */
    FILCH_FULL_REJECT,      /* is refused: FILCH_EFULL */
    FILCH_FULL_CALLER_RUNS, /* runs the task itself, before it returns */
};

/* All fields 0 means the defaults. */
struct filch_executor_options {
    const char *thread_name_prefix; /* of the threads' names, as `ps -T` shows them: "PREFIX_0",
                                       cut to 15 bytes in all; NULL: "filch" */
    int (*initializer)(
        void *arg); /* called on every worker before its first task; a value other
                                       than 0 means that it failed, which breaks the executor */
    void *initializer_arg;
    size_t stack_size; /* bytes of a worker's stack, as in filch_pool_options */
    int spares; /* as in filch_pool_options; but 0 means none if max_workers is 1: its tasks then never
                   overlap, except that a task runs what it waits for */
    size_t
        max_queued; /* tasks that have neither started nor been cancelled, at most; 0: no limit */
    enum filch_when_full when_full;
    void (*exit_hook)(void *arg); /* called on every worker's thread whose initializer, if there is
                                     one, succeeded, after its last task: also on that of a spare
                                     that ends before the executor does. Submits nothing */
    void *exit_hook_arg; /* until all threads have ended, as initializer_arg */
};

/* What an executor does. */
enum filch_executor_state {
    FILCH_EXECUTOR_RUNNING,   /* takes tasks */
    FILCH_EXECUTOR_BROKEN,    /* takes none, as an initializer failed; likewise once it is shut down */
    FILCH_EXECUTOR_SHUT_DOWN, /* takes none, and has some to run, or threads that have not left */
    FILCH_EXECUTOR_ENDED,     /* shut down, and all of it has ended */
};

/* Tasks of a higher level start first. So that none is forgotten, every 8th task that a worker
 * takes comes from below HIGH if there is one, and every 64th from LOW. */
enum filch_priority {
    FILCH_PRIORITY_LOW = -1,
    FILCH_PRIORITY_NORMAL = 0,
    FILCH_PRIORITY_HIGH = 1,
};

/* All fields 0 means the defaults. */
struct filch_task_options {
    enum filch_priority priority;
    const char *name;          /* for filch_future_describe(); copied */
    struct filch_token *token; /* cancel.h; kept until the task has ended */
    void (*drop)(void *arg);   /* called exactly once, with the task's argument, if the task was
                                  submitted and will not be run: it is cancelled, or refused as its
                                  executor breaks or is shut down; fire and forget included. Not if
                                  the submit returns an error: the argument is the caller's then, as
                                  it is the task's once that is called. On the thread that cancels
                                  it, or of the worker that comes to it; before its callbacks, but
                                  whoever waits may go on before it. It should not wait */
};

FILCH_BEGIN_DECLS

/* ---- Making ------------------------------------------------------------------------------- */

/* Any thread. Does not block; starts no thread: a worker starts when a task comes and no worker is
 * free. max_workers: 1 to FILCH_WORKERS_MAX, or FILCH_WORKERS_DEFAULT. options: NULL for the
 * defaults. *executor belongs to the caller until filch_executor_destroy() or _detach().
 * Errors: FILCH_EMAXWORKERS (max_workers is 0 or negative), FILCH_EINVAL (it is too large, or an
 * option is out of range), FILCH_EWORKERS, FILCH_ENOMEM. */
FILCH_API int filch_executor_create(int max_workers,
                                    const struct filch_executor_options *options,
                                    struct filch_executor **executor);

/* Any thread. Does not block. An executor on a pool that others use, too. The pool must outlive
 * it. Of the options only max_queued and when_full may be set, as the others are the pool's.
 * Errors: FILCH_EINVAL, FILCH_ENOMEM, FILCH_EFORKED. */
FILCH_API int filch_executor_create_on(struct filch_pool *pool,
                                       const struct filch_executor_options *options,
                                       struct filch_executor **executor);

/* Any thread. Does not block. An executor that runs each task in the submit itself. No option has
 * a meaning for it. Errors: FILCH_ENOMEM. */
FILCH_API int filch_executor_create_inline(struct filch_executor **executor);

/* ---- Submitting ---------------------------------------------------------------------------- */

/* Any thread. Does not block, but for max_queued. As filch_pool_submit(): fn(arg) is run by a
 * worker. *future: the caller's reference; future NULL: fire and forget.
 * Errors, with nothing done: FILCH_EINVAL (fn NULL), FILCH_ENOMEM, FILCH_ETHREAD (not a single
 * thread can be started), FILCH_ESHUTDOWN, FILCH_EBROKEN, FILCH_EFULL, FILCH_EFORKED;
 * FILCH_EINTR (filch_interrupt(), while it waited for room). */
FILCH_API int filch_executor_submit(struct filch_executor *executor, filch_fn *fn, void *arg,
                                    struct filch_future **future);

/* The same, with options. options: NULL for the defaults.
 * Errors: also FILCH_EINVAL (an option out of range). */
FILCH_API int filch_executor_submit_with(struct filch_executor *executor,
                                         const struct filch_task_options *options, filch_fn *fn,
                                         void *arg, struct filch_future **future);

/* ---- Ending ------------------------------------------------------------------------------- */

/* Any thread. Takes no more tasks from now on. cancel_futures: cancels those that have not started.
 * Their callbacks are called here, or by a worker that has taken some of them together and comes to
 * them only now. wait: blocks until all others have ended. May be called again, with other
 * arguments as well; a task may call it, but not to wait for its own executor.
 * Errors: FILCH_EDEADLK (wait, from a task of this executor: nothing is done), FILCH_EFORKED. */
FILCH_API int filch_executor_shutdown(struct filch_executor *executor, bool wait,
                                      bool cancel_futures);

/* Any thread but the executor's own tasks. Blocks: filch_executor_shutdown() with wait, then
 * gives back all that the executor holds. Futures stay valid. executor: NULL is fine.
 * Errors: FILCH_EDEADLK (nothing is done). */
FILCH_API int filch_executor_destroy(struct filch_executor *executor);

/* Any thread. Does not block. Lets go of the executor: it takes no more tasks, runs those it has,
 * and then goes away by itself. A process that ends normally (exit(), or a return from main())
 * waits for that first, and so does dlclose() where it unloads filch; any other executor or pool
 * has to be destroyed by then. executor: NULL is fine. */
FILCH_API void filch_executor_detach(struct filch_executor *executor);

/* ---- Asking ------------------------------------------------------------------------------- */

/* Any thread, does not block. The pool that runs the tasks, for FILCH_RUN and statistics; it is
 * the executor's. NULL: inline. */
FILCH_API struct filch_pool *filch_executor_pool(const struct filch_executor *executor);

/* Any thread, does not block. How many threads have been started so far, spares not counted. */
FILCH_API int filch_executor_threads(const struct filch_executor *executor);

/* Any thread, does not block. What the executor does at this moment. */
FILCH_API enum filch_executor_state
filch_executor_state(const struct filch_executor *executor);

/* Any thread, does not block. *future, the caller's reference: it finishes with NULL once the executor
 * was shut down, destroyed or detached and all its tasks have ended; also what runs on threads of its
 * own, exit hooks included. It has to be got before the executor is given away, and may be waited
 * for at any time, like any other: it is RUNNING until then, so that it cannot be cancelled. May be
 * got several times. A task of that executor that waits for it is told FILCH_EDEADLK. Its callbacks
 * are called by whoever ends last, or shuts down; they must not detach the executor.
 * Errors: FILCH_ENOMEM, FILCH_EFORKED. */
FILCH_API int filch_executor_end_future(struct filch_executor *executor,
                                        struct filch_future **future);

FILCH_END_DECLS

#endif
