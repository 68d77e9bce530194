/* SPDX-License-Identifier: MIT
 *
 * Waiting for several futures, of any executors: filch_wait() for a point in their life,
 * filch_as_completed for one after another. Both are those of Python's concurrent.futures. O(1) a
 * completion, however many futures there are. */
#ifndef FILCH_WAIT_H
#define FILCH_WAIT_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/future.h>

#include <stdbool.h>
#include <stddef.h>

enum filch_when {
    FILCH_ALL_COMPLETED,
    FILCH_FIRST_COMPLETED,
    FILCH_FIRST_ERROR, /* or, where none fails, ALL_COMPLETED; being cancelled is no error */
};

struct filch_as_completed;

FILCH_BEGIN_DECLS

/* Any thread. Blocks until as many of the futures are done as `when` says, for at most `timeout`
 * seconds (0 or negative: does not wait; FILCH_FOREVER). Without futures it returns at once. A
 * task that waits runs those that have not started, and nothing else. done, if not NULL: room for `count`; done[i] says
 * whether futures[i] was done when the wait ended: these are Python's two sets, done and
 * not_done; a future that is given twice counts in both places. *done_count, if not NULL: how many
 * were. That the time is up is no error. O(count).
 * Errors, with nothing written: FILCH_EINVAL (a future is NULL, futures NULL with count not 0,
 * timeout NaN, `when` is none of the three), FILCH_ENOMEM; and, unless the timeout is 0,
 * FILCH_EDEADLK (a future that it cannot do without runs further down on the caller's own stack)
 * and FILCH_EFORKED and FILCH_EINTR, as filch_future_result(). */
FILCH_API int filch_wait(struct filch_future *const *futures, size_t count,
                         enum filch_when when, double timeout, bool *done, size_t *done_count);

/* Any thread. Does not block. An iterator over the futures in the order in which they complete,
 * those first that are done already; each comes once, even if it was given twice. It keeps its
 * own references to the futures. timeout: seconds from now for all of them, as in filch_wait().
 * *iterator belongs to the caller, for one thread at a time. O(count).
 * Errors: FILCH_EINVAL (a future is NULL, futures NULL with count not 0, timeout NaN),
 * FILCH_ENOMEM. */
FILCH_API int filch_as_completed_create(struct filch_future *const *futures, size_t count,
                                        double timeout, struct filch_as_completed **iterator);

/* The iterator's thread. Blocks until one more future is done. *future: that one, with a reference
 * of the caller's. A task that waits runs those that have not started, and nothing else. O(1), but for the last time.
 * Errors: FILCH_EEND (all have come, or there were none), FILCH_ETIMEDOUT
 * (filch_as_completed_error() has more to say; futures that are done by then are given all the
 * same, before it), FILCH_EDEADLK and FILCH_EFORKED (none of those left can end while the caller
 * waits), FILCH_EINTR (filch_interrupt(): nothing is lost, it may be asked on). */
FILCH_API int filch_as_completed_next(struct filch_as_completed *iterator,
                                      struct filch_future **future);

/* The iterator's thread. Does not block. The text of FILCH_ETIMEDOUT, "2 (of 4) futures
 * unfinished", as of the last filch_as_completed_next(); valid until the next call. */
FILCH_API const char *filch_as_completed_error(struct filch_as_completed *iterator);

/* The iterator's thread. Does not block. The futures go on. iterator: NULL is fine. O(count). */
FILCH_API void filch_as_completed_destroy(struct filch_as_completed *iterator);

FILCH_END_DECLS

#endif
