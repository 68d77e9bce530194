/* SPDX-License-Identifier: MIT
 *
 * Futures: the result of a task that was submitted to a pool, now or later. The states are those
 * of Python's concurrent.futures:
 *
 *     PENDING ---> RUNNING ---> FINISHED (with a result, or with an error)
 *        \-------------------> CANCELLED
 *
 * A future is a counted handle: filch_pool_submit() gives the caller one reference, which
 * filch_future_release() gives back; the pool holds its own until the task has ended. A future
 * outlives its pool. */
#ifndef FILCH_FUTURE_H
#define FILCH_FUTURE_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/pool.h>

#include <math.h>
#include <stdbool.h>

struct filch_future;

/* A task: as for a thread. It fails by `return filch_fail(code, ...)` (error.h). */
typedef void *filch_fn(void *arg);

/* A timeout, in seconds, that never passes. */
#define FILCH_FOREVER ((double)INFINITY)

FILCH_BEGIN_DECLS

/* Any thread. Does not block. Has a worker run fn(arg), in the order of submission as far as
 * workers are free. arg must live until the task has ended; filch never looks into it.
 * *future: the caller's reference; future NULL: fire and forget. O(1).
 * Errors: FILCH_EINVAL (fn NULL), FILCH_ENOMEM, FILCH_ESHUTDOWN (the pool is being destroyed and
 * the caller is not one of its tasks). */
FILCH_API int filch_pool_submit(struct filch_pool *pool, filch_fn *fn, void *arg,
                                struct filch_future **future);

/* Any thread. Blocks until the task has ended, for at most `timeout` seconds (0 or negative:
 * does not wait; FILCH_FOREVER). A worker that waits runs this task if it has not started, or
 * else other ones: a task that waits for another of the same pool cannot starve it. *result:
 * what the task returned; result may be NULL. Errors: the code that the task gave to
 * filch_fail() (its text: filch_future_error()), FILCH_ETIMEDOUT, FILCH_ECANCELED, FILCH_EINVAL
 * (timeout NaN), FILCH_EDEADLK (the task runs further down on the caller's own stack, so
 * waiting would never end). */
FILCH_API int filch_future_result(struct filch_future *future, double timeout, void **result);

/* Any thread. Blocks like filch_future_result(). The text of the failure: what the task gave to
 * filch_fail(), or filch_strerror() of the code; NULL for a task that succeeded. Valid as long as
 * the caller's reference. *code, if not NULL: 0 or the code.
 * Errors, in *code: those of filch_future_result(). */
FILCH_API const char *filch_future_error(struct filch_future *future, double timeout,
                                         int *code);

/* Any thread, does not block, O(1). Cancels a task that has not started. Returns true if the
 * task is now cancelled (also if it was before), false if it runs or has finished. */
FILCH_API bool filch_future_cancel(struct filch_future *future);

/* Any thread, does not block, O(1). Has it finished or been cancelled? */
FILCH_API bool filch_future_done(const struct filch_future *future);

/* Any thread, does not block, O(1). Is it running at this moment? */
FILCH_API bool filch_future_running(const struct filch_future *future);

/* Any thread, does not block, O(1). Was it cancelled before it started? */
FILCH_API bool filch_future_cancelled(const struct filch_future *future);

/* Any thread, does not block. One more reference for the caller to give away. Returns future. */
FILCH_API struct filch_future *filch_future_retain(struct filch_future *future);

/* Any thread, does not block. Gives back one reference; the last one frees the future. A task
 * that has not ended runs on all the same. future: NULL is fine. */
FILCH_API void filch_future_release(struct filch_future *future);

FILCH_END_DECLS

#endif
