/* SPDX-License-Identifier: MIT
 *
 * Futures: the result of a task, now or later. States and rules are those of Python's
 * concurrent.futures:
 *
 *     PENDING ---> RUNNING ---> FINISHED (with a result, or with an error)
 *        \-------------------> CANCELLED ---> CANCELLED_AND_NOTIFIED
 *
 * A cancelled future is done at once; that it was notified says that its executor has seen it,
 * too. A future is a counted handle: whoever gets one has a reference, which
 * filch_future_release() gives back; what is to complete it holds its own. A future outlives
 * its executor and its pool. Any thread may use one, and a task of any executor may wait for it. */
#ifndef FILCH_FUTURE_H
#define FILCH_FUTURE_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/pool.h>

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct filch_executor;
struct filch_future;

/* A task: as for a thread. It fails by `return filch_fail(code, ...)` (error.h). */
typedef void *filch_fn(void *arg);

/* The task of a continuation (filch_future_then()): `value` is the result of the future before it.
 * A task like any other. */
typedef void *filch_then_fn(void *value, void *arg);

/* What is called when a future is done. */
typedef void filch_done_fn(struct filch_future *future, void *arg);

/* A timeout, in seconds, that never passes. */
#define FILCH_FOREVER ((double)INFINITY)

enum filch_future_state {
    FILCH_PENDING,
    FILCH_RUNNING,
    FILCH_CANCELLED,
    FILCH_CANCELLED_AND_NOTIFIED,
    FILCH_FINISHED,
};

FILCH_BEGIN_DECLS

/* ---- Submitting: straight to a pool; executor.h has more ----------------------------------- */

/* Any thread. Does not block. Has a worker run fn(arg), in the order of submission as far as
 * workers are free. arg must live until the task has ended; filch never looks into it.
 * *future: the caller's reference; future NULL: fire and forget. O(1).
 * Errors: FILCH_EINVAL (fn NULL), FILCH_ENOMEM, FILCH_ESHUTDOWN (the pool is being destroyed and
 * the caller is not one of its tasks), FILCH_EFORKED. */
FILCH_API int filch_pool_submit(struct filch_pool *pool, filch_fn *fn, void *arg,
                                struct filch_future **future);

/* ---- Asking ------------------------------------------------------------------------------- */

/* Any thread. Blocks until the task has ended, for at most `timeout` seconds (0 or negative:
 * does not wait; FILCH_FOREVER). In a task of the same pool, and without a limit of time, it runs
 * this one if it has not started, and nothing else on top of the caller; else the thread sleeps, and a
 * spare (pool.h) takes its place: tasks that wait for each other without a cycle all end. *result:
 * what the task returned; result may be NULL. Errors: the code that the task gave to
 * filch_fail() (its text: filch_future_error()), FILCH_ETIMEDOUT, FILCH_ECANCELED, FILCH_EINVAL
 * (timeout NaN), FILCH_EDEADLK (waiting would never end: the task, or one that it follows on, runs
 * further down on the caller's own stack; or, without a limit of time, it
 * waits for a task on another thread, which waits for another one, or for a mutex, and so on, back to
 * the caller: one in such a cycle is told; filch_deadlock_describe() says who they are), FILCH_EFORKED (it was pending when this process
 * was forked, and stayed behind), FILCH_EINTR (filch_interrupt()). */
FILCH_API int filch_future_result(struct filch_future *future, double timeout, void **result);

/* Any thread. Blocks like filch_future_result(). The text of the failure: what the task gave to
 * filch_fail(), or filch_strerror() of the code; NULL for a task that succeeded. Valid as long as
 * the caller's reference. *code, if not NULL: 0 or the code.
 * Errors, in *code: those of filch_future_result(). */
FILCH_API const char *filch_future_error(struct filch_future *future, double timeout,
                                         int *code);

/* Any thread, does not block, O(1). The object that stands for the error (filch_fail_detail()), valid
 * as long as the caller's reference: it belongs to the future, and to all that failed as it did
 * (filch_future_then()). NULL: there is none, or the future has not finished with an error. */
FILCH_API void *filch_future_error_detail(const struct filch_future *future);

/* Any thread, does not block, O(1). Has it finished or been cancelled? */
FILCH_API bool filch_future_done(const struct filch_future *future);

/* Any thread, does not block, O(1). Is it running at this moment? */
FILCH_API bool filch_future_running(const struct filch_future *future);

/* Any thread, does not block, O(1). Was it cancelled before it started? */
FILCH_API bool filch_future_cancelled(const struct filch_future *future);

/* Any thread, does not block, O(1). */
FILCH_API enum filch_future_state filch_future_state(const struct filch_future *future);

/* Any thread, does not block. Writes a line about the future into `buffer`, at most size - 1
 * bytes and a zero, for people to read:
 *     <Future at 0x55d0c8a3 state=pending>
 *     <Future 'parse' at 0x55d0c8a3 state=finished returned 0x1>
 *     <Future at 0x55d0c8a3 state=finished raised FILCH_EINVAL: line 3: no number>
 * Returns the length of the whole line, as snprintf() does. buffer: NULL is fine with size 0. */
FILCH_API size_t filch_future_describe(const struct filch_future *future, char *buffer,
                                       size_t size);

/* ---- Stopping ----------------------------------------------------------------------------- */

/* Any thread, does not block but for callbacks, which it calls. Cancels a task that has not
 * started. Returns true if the task is now cancelled (also if it was before), false if it runs
 * or has finished. */
FILCH_API bool filch_future_cancel(struct filch_future *future);

/* Any thread, does not block but for callbacks, which it calls. Cancels a task that has not
 * started, and asks one that runs to stop: from now on its filch_cancelled() (cancel.h) is true.
 * Returns as filch_future_cancel(). */
FILCH_API bool filch_future_stop(struct filch_future *future);

/* ---- Callbacks and continuations ----------------------------------------------------------- */

/* Any thread. Has fn(future, arg) called once the future is done, on the thread that completes or
 * cancels it; if it is done already, here and now. Callbacks are called in the order in which
 * they were added; each may use this future (it is done: to cancel it has no effect), add more
 * callbacks, submit, to this executor too, and fail in whatever way: nobody hears of it, and the
 * others are called all the same. A callback should be short: it keeps a worker. O(1).
 * Errors: FILCH_EINVAL (fn NULL), FILCH_ENOMEM. */
FILCH_API int filch_future_add_done_callback(struct filch_future *future, filch_done_fn *fn,
                                             void *arg);

/* Any thread. Does not block. *next, the caller's reference: a future for fn(value, arg), which
 * is run once `future` has finished with `value`: by a worker of `executor`, or, if that is NULL,
 * on the thread that completes `future`, one after another however long the chain. If `future`
 * fails then fn is not called, and *next fails with the same code, text and detail; if it is cancelled
 * then so is *next. Cancelling *next leaves `future` alone. next: NULL is fine. O(1).
 * Errors: FILCH_EINVAL (fn NULL), FILCH_ENOMEM, and those of filch_executor_submit(), which also
 * *next gets if they come about only later. */
FILCH_API int filch_future_then(struct filch_future *future, struct filch_executor *executor,
                                filch_then_fn *fn, void *arg, struct filch_future **next);

/* ---- Completing by hand: for those who build executors, or tests ----------------------------- */

/* Any thread, does not block. *future, the caller's reference: pending, and belongs to no
 * executor. Errors: FILCH_ENOMEM. */
FILCH_API int filch_future_create(struct filch_future **future);

/* The executor, before it runs the task. Does not block. Returns 1: the future is RUNNING now, so
 * run the task; 0: it was cancelled, and is CANCELLED_AND_NOTIFIED now, so leave it.
 * Errors: FILCH_ESTATE (it runs, has finished, or was notified before). */
FILCH_API int filch_future_set_running_or_notify_cancel(struct filch_future *future);

/* Whoever completes it. Does not block but for callbacks, which it calls. FINISHED with a result.
 * Errors: FILCH_ESTATE (it is done already). */
FILCH_API int filch_future_set_result(struct filch_future *future, void *result);

/* Likewise, FINISHED with an error. code: not 0; text: copied, cut after 255 bytes, or NULL.
 * Errors: FILCH_ESTATE, FILCH_EINVAL (code 0). Without memory for the text the code stands
 * alone. */
FILCH_API int filch_future_set_error(struct filch_future *future, int code, const char *text);

/* Likewise, with an object as for filch_fail_detail(), which is the future's if it returns 0: also
 * without memory for it, when it is destroyed at once. After an error it is the caller's. */
FILCH_API int filch_future_set_error_detail(struct filch_future *future, int code,
                                            const char *text, void *detail,
                                            void (*destroy)(void *detail));

/* ---- References ---------------------------------------------------------------------------- */

/* Any thread, does not block. One more reference for the caller to give away. Returns future. */
FILCH_API struct filch_future *filch_future_retain(struct filch_future *future);

/* Any thread, does not block. Gives back one reference; the last one frees the future, and
 * destroys the detail of its error. A task
 * that has not ended runs on all the same. future: NULL is fine. A debug build of filch catches
 * the use of a future after its last reference was given back, as long as its memory has not
 * been used again. */
FILCH_API void filch_future_release(struct filch_future *future);

FILCH_END_DECLS

#endif
